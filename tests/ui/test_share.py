"""The share menu: links that others can open, what they hide and hold, files and tables."""

import html
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import altair as alt
import pandas as pd
import pytest
import streamlit as st
from pictures import run
from streamlit.testing.v1 import AppTest

from gradviz import language as gradviz_language
from gradviz.charts.parts.spec import held, written
from gradviz.charts.parts.tables import one_table, tables_of, tooltips_of
from gradviz.ui import address, catalog, share, standalone
from gradviz.ui.made_once import as_sent
from gradviz.ui.stage import Stage


def opened(page, **query):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **query}.items():
        app.query_params[key] = value
    return app.switch_page(f"pages/{page}.py").run()


def with_menu(page, figure, **query):
    """The page with the share menu of `figure` open, and the menu's form."""
    app = opened(page, **query)
    gradviz_language.use(query.get("lang", "en"))  # Streamlit's bench asks for the labels anew
    app.session_state[f"share_{figure}"] = True
    app.run()
    assert not app.exception and not app.error
    return app, next(iter(forms(app)), None)


def forms(app):
    bodies = [each.proto.body.strip() for each in app.get("html")]
    return [body for body in bodies if body.startswith('<form class="gradviz-share"')]


def field(form, name):
    found = re.search(rf'<textarea [^>]*class="gradviz-{name}">(.*?)</textarea>', form, re.DOTALL)
    return html.unescape(found[1])


def boxes(form):
    return dict(re.findall(r'value="(\w+)" class="gradviz-hide"( checked)?>', form))


def inputs(app):
    """The inputs of the pictures, by name."""
    found = {}
    for chart in app.get("vega_lite_chart"):
        for param in json.loads(chart.proto.spec).get("params", []):
            found[param["name"]] = param.get("bind")
    return found


@pytest.mark.parametrize(
    ("seen", "given"),
    [
        ("http://localhost:8501/depth", "http://localhost:8501/depth"),
        ("https://school.example/base/path/depth", "https://school.example/base/path/depth"),
        ("https://gradviz.streamlit.app/~/+/depth", "https://gradviz.streamlit.app/depth"),
        ("https://gradviz.streamlit.app/~/+", "https://gradviz.streamlit.app/"),
        ("https://school.example/base/path", "https://school.example/base/path/"),
        (None, ""),
    ],
)
def test_the_address_is_the_browsers_own_without_the_frame_of_the_cloud(monkeypatch, seen, given):
    monkeypatch.setattr(type(st.context), "url", property(lambda self: seen))
    assert address.of_page() == given


def test_the_menu_is_made_only_when_it_is_opened():
    assert not forms(opened("depth"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_link_says_every_value_and_the_form_what_the_embed_is_made_of(language):
    _, form = with_menu("depth", "training", lang=language, depth="14", junk="9" * 5000)
    said = {key: value[-1] for key, value in parse_qs(urlsplit(field(form, "link")).query).items()}
    assert said["figure"] == "training" and said["depth"] == "14" and said["lang"] == language
    assert said["activation"] == "sigmoid" and said["seed"] == "0", "defaults too"
    assert "junk" not in said, "what no page means is not handed on"
    told = dict(re.findall(r'data-(\w+)="(.*?)"', form))
    assert told["place"] == "depth/training" and told["language"] == language
    assert told["script"].endswith("/app/static/embed.js") and told["edition"] == ""
    assert told["script"] == f"{told['app']}app/static/embed.js"


def test_where_the_static_edition_is_known_its_script_is_used(monkeypatch):
    monkeypatch.setenv("GRADVIZ_EDITION_URL", "https://school.example/gradviz")
    _, form = with_menu("depth", "training")
    told = dict(re.findall(r'data-(\w+)="(.*?)"', form))
    assert told["edition"] == "https://school.example/gradviz/"
    assert told["script"] == "https://school.example/gradviz/embed.js"
    monkeypatch.setenv("GRADVIZ_EDITION_URL", "school")
    with pytest.raises(ValueError, match="GRADVIZ_EDITION_URL='school' is no address"):
        address.of_edition()


@pytest.mark.parametrize(
    ("seen", "app", "script"),
    [
        ("http://localhost:8501/depth", "http://localhost:8501/", "http://localhost:8501/"),
        ("https://a.example/base", "https://a.example/base/", "https://a.example/base/"),
        ("https://a.example/base/depth/", "https://a.example/base/", "https://a.example/base/"),
        ("https://a.app/~/+/depth", "https://a.app/", "https://a.app/~/+/"),
    ],
)
def test_home_and_the_script_are_found_from_any_page(monkeypatch, seen, app, script):
    monkeypatch.setattr(type(st.context), "url", property(lambda self: seen))
    assert address.of_app() == app
    assert address.of_embed_script() == f"{script}app/static/embed.js"


def test_the_menu_of_a_figure_offers_its_controls_presets_sliders_and_the_seed_to_be_hidden():
    _, form = with_menu("depth", "training", hide="depth")
    assert boxes(form).keys() >= {"depth", "activation", "training_step", "seed", "share"}
    assert boxes(form)["depth"] and not boxes(form)["seed"]
    assert "Step" in form, "a slider inside the picture is called as beside it"


def test_what_is_hidden_is_not_drawn_and_stays():
    app = opened("depth", figure="training", hide="depth,seed,share", depth="14")
    assert not app.warning and "depth" not in {slider.key for slider in app.slider}
    assert "training_seed_button" not in {button.key for button in app.button}
    assert app.session_state["depth"] == 14
    app = opened("depth", figure="training", hide="training_step", training_step="150")
    assert inputs(app)["replay_step"] == {"input": "hidden", "name": ""}
    _, form = with_menu("depth", "training", hide="share")
    assert form is None


def test_the_switch_of_languages_can_be_hidden():
    shown, hidden = opened("depth"), opened("depth", hide="language")
    assert "language_switch" in {group.key for group in shown.button_group}
    assert "language_switch" not in {group.key for group in hidden.button_group}


def test_hidden_controls_under_more_are_gone_too():
    def page():
        from gradviz import ui
        from gradviz.ui import controls

        controls.start_page("test")
        own = [
            ui.number(f"n{place}", f"N{place}", low=1, high=9, default=3, step=1, help="help")
            for place in range(5)
        ]
        every = ui.Preset("all", dict.fromkeys(own, 5), "All at five.")
        other = ui.Preset("last", {own[4]: 5}, "The last at five.")
        ui.show_figure(ui.Figure("figure", ("F", "图"), lambda: None, own, [every, other]))

    app = AppTest.from_function(page)
    app.query_params["hide"] = "n3,n0"
    app.query_params["n3"] = "7"
    app.run()
    assert {slider.key for slider in app.slider} == {"n1", "n2", "n4"}
    presets = [button.label for button in app.button if "presets" in button.key]
    assert presets == ["1 · last"], "a preset that would move what is held cannot be pressed"
    app.button(key="figure_presets_0").click().run()
    assert (app.session_state["n3"], app.session_state["n4"]) == (7, 5)


def test_an_unknown_name_is_told_with_the_known_ones():
    app = opened("depth", hide="depth,nosuch,<b>")
    (warning,) = app.warning
    assert "`nosuch,<b>`" in warning.value and "training_presets" in warning.value


def profile():
    rows = pd.DataFrame({"layer": [1, 2], "place": [0.9, 1.9], "middle": [0.5, 0.25]})
    look = {"x": alt.X("place:Q", title="Layer"), "y": alt.Y("middle:Q", title=None)}
    told = [alt.Tooltip("layer:Q", title="layer"), alt.Tooltip("middle:Q", title="signal")]
    frame = pd.DataFrame({"at": [1.0], "w": [2.0]})
    rule = alt.Chart(frame).mark_rule().encode(x=alt.X("at:Q", title=None))
    slide = alt.param(
        "shown", value=1, bind=alt.binding_range(min=0, max=3, step=1, name="Shown: ")
    )
    return alt.layer(alt.Chart(rows).mark_point().encode(**look, tooltip=told), rule).add_params(
        slide
    )


def test_a_table_has_the_columns_that_mean_something_as_the_picture_calls_them():
    spec = as_sent(written(profile()))
    assert tooltips_of(spec) == [["layer", "signal"]]
    tables = tables_of(spec, standalone.frames_of(spec))
    table = one_table(tables)
    assert list(table) == ["layer", "signal"] and table["signal"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(("language", "network"), [("en", "network"), ("zh", "网络")])
def test_the_csv_file_holds_all_steps_in_columns_of_the_readers_language(language, network):
    gradviz_language.use(language)
    pictures = {key: as_sent(run("delta")) for key in ("one", "two")}
    file = share.csv_of(Stage("figure", pictures=pictures))
    assert file.startswith(b"\xef\xbb\xbf"), "a spreadsheet takes it for UTF-8"
    table = pd.read_csv(io.BytesIO(file), encoding="utf-8-sig")
    assert network in table and table[table.columns[0]].str.startswith("two: ").any()
    step = {"en": "step", "zh": "步"}[language]
    assert table[step].nunique() > 1 and not {"place", "until", "arm"} & set(table)


def test_a_held_slider_keeps_its_signal_and_nothing_moves_it():
    spec = held(written(profile()), {"shown"})
    assert spec["params"][0]["bind"] == {"input": "hidden", "name": ""}
    point = alt.selection_point(
        name="at", fields=["w"], value=2.0, bind=alt.binding_range(min=0, max=3, name="w")
    )
    chart = alt.Chart(pd.DataFrame({"w": [1.0]})).mark_point().encode(x="w:Q").add_params(point)
    (param,) = held(written(chart), {"at_w"})["params"]
    assert param["bind"] == {"input": "hidden", "name": ""}
    assert param["select"]["on"] == "pointerdown[false]"
    assert held(written(chart), {"other"}) == written(chart)


def test_a_page_that_works_by_itself_asks_nothing_of_the_network():
    figure = Stage("figure", pictures={"chart": as_sent(written(profile()))})
    page = standalone.page("A <title>", figure, "https://example.org/?a=1&b=2")
    assert "<title>A &lt;title&gt; · gradviz</title>" in page
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"(?:src|href|url|import)\s*[=(]", markup.replace('<a href="', ""))
    specs = json.loads(re.search(r"^const specs = (.*);$", page, re.MULTILINE)[1])
    (data,) = [rows for rows in specs[0]["datasets"].values() if len(rows) == 2]
    assert data[0] == {"layer": 1, "place": 0.9, "middle": 0.5}
    assert page.count("</script>") == page.count("<script>") == 2


def test_what_is_no_number_in_json_is_null_there():
    spec = {"datasets": {"d": pd.DataFrame({"a": [1.0, float("nan"), float("inf")]})}}
    assert [row["a"] for row in standalone.with_values(spec)["datasets"]["d"]] == [1.0, None, None]
