"""The frame of the app: controls and their URL, predictions, language, live runs."""

import html
import re

import pytest
from streamlit.testing.v1 import AppTest


def controls_page():
    import streamlit as st

    from gradviz import ui
    from gradviz.ui import controls
    from gradviz.ui.speech import language_switch, use_visitors_language

    use_visitors_language()
    language_switch()
    controls.start_page("test")
    quantity = ui.choice(
        "quantity",
        "Quantity",
        ["delta", "update"],
        default="delta",
        help="help",
        names=str.upper,
    )
    depth = ui.number("depth", "Depth", low=1, high=40, default=10, step=1, help="help")
    lr = ui.steps("lr", "Rate", [0.001, 0.01, 0.1], default=0.01, help="help")
    norm = ui.switch("norm", "Norm", default=False, help="help")
    declared = [quantity, depth, lr, norm]
    deep = {depth: 30, quantity: "update", lr: 0.1, norm: True}
    preset = ui.Preset("deep", deep, "Deeper.")
    figure = ui.Figure("figure", ("Figure", "图"), lambda: None, declared, [preset])
    ui.show_figure(figure)
    st.text(repr(tuple(control.value for control in declared)))


def run(page, **query):
    app = AppTest.from_function(page)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def state(app):
    return app.text[0].value


def test_controls_start_at_their_defaults_and_leave_the_url_clean():
    app = run(controls_page)
    assert state(app) == "('delta', 10, 0.01, False)"
    assert "quantity" not in app.query_params


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_url_sets_choices_by_their_english_names_in_both_languages(language):
    app = run(controls_page, quantity="update", lr="0.1", lang=language)
    assert state(app).startswith("('update', 10, 0.1")


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("quantity", "foo", "delta, update"),
        ("lr", "3", "0.001, 0.01, 0.1"),
        ("depth", "99", "1"),
        ("depth", "deep", "40"),
        ("norm", "maybe", "true, false"),
    ],
)
def test_a_bad_value_in_the_url_is_named_with_the_allowed_ones(key, value, allowed):
    app = run(controls_page, lang="en", **{key: value})
    assert state(app) == "('delta', 10, 0.01, False)"
    assert f"{key}={value}" in app.warning[0].value
    assert allowed in app.warning[0].value


def test_a_preset_sets_every_kind_of_control_and_the_url():
    app = run(controls_page)
    assert "Deeper." not in [caption.value for caption in app.caption]
    app.button(key="figure_presets_0").click().run()
    assert state(app) == "('update', 30, 0.1, True)"
    assert app.query_params["quantity"] == "update"
    assert "Deeper." in [caption.value for caption in app.caption]


def test_a_hidden_control_keeps_the_value_of_the_url():
    app = run(controls_page, hide="quantity,norm", quantity="update", norm="true")
    assert state(app) == "('update', 10, 0.01, True)"
    assert not app.toggle


def test_changing_the_language_changes_no_control():
    app = run(controls_page, quantity="update", lang="en")
    app.slider(key="depth").set_value(22).run()
    app.button_group(key="language_switch").set_value("zh").run()
    assert state(app) == "('update', 22, 0.01, False)"
    assert app.query_params["lang"] == "zh"


def question_page():
    from gradviz import ui

    def reply(slope):
        return None if slope is None else slope == 0.25, f"{slope}, and it is a <quarter>."

    sizes = {"names": "{:g}×".format, "guess": lambda slope: -slope}
    ui.ask("slope", "How large?", [0.25, 1.0], reply, **sizes)
    ui.ask("deep", "And deeper?", [1.0, 2.0], reply, start=2.0, **sizes)


def test_a_question_comes_with_its_replies_covered():
    app = run(question_page, lang="en")
    buttons, slider = [html.unescape(element.proto.body) for element in app.get("html")]
    assert 'data-key="slope" data-of-the-start="false"' in buttons
    assert 'value="0" data-guess="-0.25"><span><bdi>0.25×</bdi></span>' in buttons
    replies = re.findall(r'<p data-for="(\w+)" data-verdict="(\w+)" hidden>(.+?)</p>', buttons)
    assert [reply[:2] for reply in replies] == [
        ("0", "right"),
        ("1", "wrong"),
        ("skipped", "open"),
    ]
    assert "Right. " in replies[0][2] and "Not quite. " in replies[1][2]
    assert 'data-key="deep"' in slider and 'type="range" min="0" max="1" step="1" value="1"' in (
        slider
    )
    assert '["-1.0", "-2.0"]' in slider and "<output>2×</output>" in slider


def test_what_a_question_says_is_never_markup():
    app = run(question_page, lang="en")
    assert "<quarter>" not in app.get("html")[0].proto.body
    assert "&lt;quarter&gt;" in app.get("html")[0].proto.body


def live_page():
    import streamlit as st

    from gradviz import ui
    from gradviz.recipe import Recipe

    arms = {"deep": Recipe(depth=3, width=4, steps=8, batch_size=16)}
    ui.live_run("race", arms, 1, lambda frames: st.text(f"{len(frames)} frames"))


def test_a_live_run_is_started_and_watched_to_its_end():
    app = AppTest.from_function(live_page, default_timeout=60).run()
    assert state(app) == "0 frames"
    assert "race_stop" not in {button.key for button in app.button}
    app.button(key="race_train").click().run()
    run_of_the_page = app.session_state["race_watched"][1]
    assert run_of_the_page.wait(60)
    app.run()
    assert run_of_the_page.state == "finished"
    assert state(app) == f"{len(run_of_the_page.frames)} frames"
    assert app.button(key="race_train")


def following_page():
    import streamlit as st

    from gradviz import ui
    from gradviz.recipe import Recipe

    steps = ui.number("steps", "Steps", low=1, high=20, default=8, step=1, help="help")
    steps.draw()
    arms = {"deep": Recipe(depth=3, width=4, steps=steps.value, batch_size=16)}
    ui.live_run("follow", arms, 1, lambda frames: st.text(f"{len(frames)}"), follow=True)


def test_a_run_that_follows_its_controls_waits_for_the_first_press():
    app = AppTest.from_function(following_page, default_timeout=60).run()
    app.slider(key="steps").set_value(5).run()
    assert state(app) == "0", "nothing is trained unasked"
    app.button(key="follow_train").click().run()
    assert app.session_state["follow_watched"][1].wait(60)
    app.slider(key="steps").set_value(12).run()
    followed = app.session_state["follow_watched"][1]
    assert followed.wait(60) and followed.frames[-1].step == 12


def test_another_seed_is_another_run_and_is_kept_in_the_url():
    app = AppTest.from_function(live_page, default_timeout=60).run()
    app.button(key="race_seed_button").click().run()
    run_of_the_page = app.session_state["race_watched"][1]
    assert run_of_the_page.key[0][0][1].seed == 1
    assert app.query_params["seed"] == "1"
    assert run_of_the_page.wait(60)


def test_a_link_to_a_figure_holds_every_value_defaults_too():
    from gradviz.ui import catalog

    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = "zh"
    app.query_params["depth"] = "14"
    app.switch_page("pages/depth.py").run()
    declared = app.session_state["controls_declared"]
    texts = {key: control.text(app.session_state[key]) for key, control in declared.items()}
    assert texts.keys() >= {"activation", "init", "depth", "quantity", "seed"}
    assert texts["depth"] == "14" and texts["activation"] == "sigmoid"


def test_a_panel_that_is_shown_alone_can_start_its_run():
    from gradviz.ui import catalog

    for figure in (None, "drift"):
        app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
        app.query_params["lang"] = "en"
        if figure:
            app.query_params["figure"] = figure
        app.switch_page("pages/depth.py").run()
        assert ("drift_train" in {button.key for button in app.button}) == (figure == "drift")


def opening_page():
    import streamlit as st

    from gradviz import ui
    from gradviz.ui import controls

    controls.start_page("test")
    steps = ui.number("steps", "Steps", low=1, high=20, default=8, step=1, help="help")
    steps.draw()
    opens = ui.opening("opens", "slider", low=0, high=20, default=steps.value)
    st.text(str(opens.value))
    st.button("preset", on_click=ui.set_all, args=({opens: 3},))


def test_a_slider_inside_a_picture_opens_where_the_page_says_in_the_present_state():
    app = run(opening_page)
    assert state(app) == "8"
    app.slider(key="steps").set_value(12).run()
    assert state(app) == "12"
    app.button[0].click().run()
    app.slider(key="steps").set_value(5).run()
    assert state(app) == "3", "a preset has set it"
    assert state(run(opening_page, opens="4")) == "4"


def test_what_a_run_comes_to_is_said_in_words():
    from dataclasses import replace

    import numpy as np

    from gradviz import ui
    from gradviz.engine.train import race
    from gradviz.recipe import Recipe

    deep = list(race({"deep": Recipe(depth=3, width=4, steps=2, batch_size=16)}, 2))
    lost = [replace(frame, arm="lost", accuracy=np.array([np.nan] * 2)) for frame in deep]
    frames = ui.Frames(deep + lost, key="words", complete=True)
    accuracy = f"{deep[-1].accuracy.mean():.0%}"
    names = {"lost": "lost one", "deep": "deep one"}
    assert ui.ends_in_words(frames, names) == f"lost one overflow; deep one {accuracy}"
    delta = deep[0].layers["delta"].astype(float)
    kept = np.exp(np.log(delta[:, 0] / delta[:, 2]).mean())
    assert ui.kept_signals(frames)["deep"] == pytest.approx(kept)
    assert ui.kept_in_words(frames, {"deep": "deep one"}).startswith("deep one 0.")
