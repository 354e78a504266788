"""The lab: what stands on the bench is in the link, and every arm can be changed by hand."""

import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from presets import ends
from streamlit.testing.v1 import AppTest

from gradviz import bench, exercise, language, runs, store
from gradviz.bench import Bench
from gradviz.engine.microscope import plane, restored, seen_by, specimens
from gradviz.engine.train import race
from gradviz.exercise import Exercise
from gradviz.recipe import RANGES, Recipe, replace
from gradviz.ui import catalog
from gradviz.ui.arms import arm_names
from gradviz.ui.microscope import microscope_job
from gradviz.ui.recipe_fields import FIELDS, bounds, in_words, is_optional, options


def opened(**link):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", **link}.items():
        app.query_params[key] = value
    return app.switch_page("pages/lab.py").run()


def arms(app):
    """The recipes that stand on the bench."""
    return [app.session_state[name][0] for name in bench.NAMES if app.session_state[name]]


def address(app):
    found = app.query_params.items()
    return {key: own if isinstance(own, str) else own[-1] for key, own in found}


def test_it_opens_with_a_recorded_race_and_room_for_an_arm():
    app = opened()
    assert len(arms(app)) == 3 and not app.warning and not app.error
    assert any("Recorded on" in caption.value for caption in app.caption)
    assert set(address(app)) <= {"lang"}


def test_a_change_of_one_field_is_in_the_address():
    app = opened()
    app.number_input("edit_a_depth").set_value(4).run()
    assert arms(app)[0] == Recipe(depth=4)
    assert address(app)["a"] == "depth-4" and address(app)["v"] == f"{store.ENGINE}.{bench.LATEST}"


def test_a_link_brings_the_bench_back():
    own = Bench((Recipe(activation="tanh", depth=4, steps=20), Recipe(depth=2, steps=20)), 2)
    link = bench.written(own) | {"c": "none", "d": "none"}
    app = opened(**link)
    assert tuple(arms(app)) == own.arms and app.slider("seeds").value == 2
    assert not app.warning and not app.error


def test_shared_fields_change_in_all_arms():
    app = opened()
    app.selectbox("edit_a_dataset").set_value("moons").run()
    assert {arm.dataset for arm in arms(app)} == {"moons"}
    app.number_input("edit_a_width").set_value(8).run()
    assert [arm.width for arm in arms(app)] == [8, 32, 32]


def test_an_arm_is_removed_and_duplicated():
    app = opened()
    first, second, *_ = arms(app)
    app.button("edit_remove").click().run()
    assert arms(app)[0] == second and len(arms(app)) == 2
    app.button("edit_duplicate").click().run()
    app.button("edit_duplicate").click().run()
    assert arms(app)[3] == arms(app)[2] and app.session_state["edit"] == "d"
    assert app.button("edit_duplicate").disabled
    app.selectbox("edit_d_norm").set_value("layer").run()
    assert arms(app)[3] == replace(arms(app)[2], norm="layer") and arms(app)[0] == second
    assert first != second


def test_the_last_arm_cannot_be_removed():
    app = opened(a="depth-3~steps-20", b="none", c="none", d="none")
    assert len(arms(app)) == 1 and app.button("edit_remove").disabled


@pytest.mark.parametrize("place", range(8))
def test_every_beginning_fits_the_bench(place):
    app = opened()
    menu = app.selectbox("edit_beginning")
    menu.set_value(menu.options[place]).run()
    assert 2 <= len(arms(app)) <= 4 and not app.warning and not app.exception


def test_what_is_wrong_in_a_link_is_named_field_by_field():
    app = opened(a="depth-0~width-8~colour-red", b="norm-`x`", seeds="99", v="7.7")
    said = " ".join(warning.value for warning in app.warning)
    for part in ("depth=0", "colour-red", "norm=ˋxˋ", "seeds=99", "v=7.7", "1–200"):
        assert part in said, part
    assert arms(app)[0] == Recipe(width=8) and not app.exception


def test_what_is_too_large_is_refused_with_the_estimate_and_the_limit():
    app = opened(a="depth-200~width-1024~steps-100000", b="none", c="none", d="none")
    assert any("at most" in warning.value for warning in app.warning) and not app.exception


def test_what_the_engine_refuses_is_said():
    app = opened(a="pretrain-rbm~activation-relu~steps-10~depth-2", b="none", c="none", d="none")
    app.button("race_train").click().run()
    assert not app.exception


def test_the_diagnosis_offers_the_change_that_would_help():
    app = opened()
    said = texts(app)
    assert "**A · plain** · vanishing gradient" in said and "healthy" in said
    app.button("cure_a_0_0").click().run()
    assert len(arms(app)) == 4 and bench.differing((arms(app)[0], arms(app)[3]))
    assert app.session_state["edit"] == "d" and not app.warning


def test_an_exercise_does_not_offer_its_solution():
    app = opened(**exercise_link())
    app.button("race_train").click().run()
    finished(app)
    assert "vanishing gradient" in texts(app)
    assert not [button for button in app.button if str(button.key).startswith("cure_")]


@pytest.mark.claim
@ends("lab", "surfaces", "Two spirals")
def test_without_shortcuts_the_last_layer_sees_the_same_everywhere(preset):
    own = {key: recipes[0] for key, recipes in preset.values.items() if key in "abcd" and recipes}
    ended = {frame.arm: frame.accuracy for frame in race(own, seeds=3)}
    assert (ended["a"] < 0.6).all() and (ended["b"] > 0.9).all()
    last = {each.arm: each for each in specimens(own)}
    spans = {}
    for arm, recipe in own.items():
        network = restored(recipe, last[arm].parameters, last[arm].running)
        unit = preset.values["seen_layer"], preset.values["unit"]
        spans[arm] = np.ptp(seen_by(network, *unit, *plane(recipe)))
    assert spans["a"] < 0.01 and spans["b"] > 0.3


def test_the_microscope_follows_a_race_by_itself():
    own = {"a": Recipe(depth=3, width=8, steps=20), "b": Recipe(depth=2, width=8, steps=20)}
    link = bench.written(Bench(tuple(own.values()), 1)) | {"c": "none", "d": "none", "layer": "3"}
    app = opened(**link)
    assert runs.known(microscope_job(own)) is None
    app.button("race_train").click().run()
    for _ in range(100):
        run = runs.known(microscope_job(own))
        if run is not None and run.state == "finished":
            break
        time.sleep(0.1)
        app.run()
    app.run()
    assert {frame.arm for frame in run.frames} == {"a", "b"}
    assert "B: no layer 3." in texts(app) and not app.exception and not app.error


def test_what_was_trained_is_shown_again_after_a_reload():
    own = Recipe(depth=2, width=8, steps=21)
    link = bench.written(Bench((own,), 1)) | {"b": "none", "c": "none", "d": "none"}
    assert "have not been trained yet" in texts(opened(**link))
    runs.start({"a": own}, 1).wait(60)
    again = opened(**link)
    assert "Test accuracy" in texts(again) and "have not been trained yet" not in texts(again)


def test_data_of_many_inputs_are_said_to_have_no_plane():
    assert "64 dimensions" in texts(opened())
    assert "64 dimensions" not in texts(opened(a="dataset-moons~steps-20", b="none", c="none"))


def test_a_link_of_another_version_of_the_numbers_says_so():
    own = bench.written(Bench((Recipe(),)))
    said = f"This link is from version {store.ENGINE - 1} of the engine"
    assert said not in texts(opened(**own))
    assert said in texts(opened(**own | {"v": f"{store.ENGINE - 1}.1"}))


def test_an_exercise_offers_no_second_arm_and_says_what_to_do():
    fresh = replace(SICK, steps=19)  # no other test trains it
    app = opened(**exercise_link(start=fresh))
    assert "Change the network" in texts(app)
    assert "Two spirals" not in texts(app)
    for key in ("edit_duplicate", "edit_remove", "edit", "surfaces_presets_0"):
        with pytest.raises(KeyError):
            app.button(key)


def test_the_program_of_the_chosen_arm_is_shown():
    app = opened()
    app.selectbox("home_arm").set_value("b").run()
    assert any("nn.BatchNorm1d" in code.value for code in app.code)


def test_arms_are_called_as_people_speak():
    first = Recipe()
    plain = {"B": "A", "B · ReLU": "A · sigmoid", "B · 20 layers": "A · 10 layers"}
    plain |= {"B · 1 layer": "A · 10 layers", "B · LayerNorm, Adam": "A · SGD"}
    plain["B · gain 3"] = "A · usual gain"
    others = {
        "B · BatchNorm": {"norm": "batch"},
        "B · shortcuts": {"residual": True},
        "B · ReLU": {"activation": "relu"},
        "B · 20 layers": {"depth": 20},
        "B · 1 layer": {"depth": 1},
        "B · gain 3": {"gain": 3.0},
        "B · LayerNorm, Adam": {"norm": "layer", "optimizer": "adam"},
        "B": {},
    }
    language.use("en")
    for name, changes in others.items():
        assert arm_names((first, replace(first, **changes))) == {
            "a": plain.get(name, "A · plain"),
            "b": name,
        }


@pytest.mark.parametrize("spoken", ["en", "zh"])
@pytest.mark.parametrize("field", FIELDS)
def test_every_value_has_words_of_its_own(field, spoken):
    language.use(spoken)
    values = options(field) or (True, False)
    if field in RANGES:
        values = (*bounds(field), *([None] if is_optional(field) else []))
    words = [in_words(field, value) for value in values]
    assert len(set(words)) == len(words) and not any("_" in each or "{" in each for each in words)


SICK = Recipe(depth=8, steps=20, width=16, batch_size=32)


def exercise_link(**changes):
    return exercise.written(Exercise(**{"start": SICK, "goal": "kept", "low": 0.1, **changes}))


def texts(app):
    parts = (app.success, app.info, app.markdown, app.caption)
    return " ".join(element.value for own in parts for element in own)


def test_an_exercise_is_set_solved_and_its_receipt_verified_in_another_language():
    teacher = opened(a="depth-8~width-16~batch_size-32~steps-20", b="none", c="none", d="none")
    teacher.selectbox("exercise_goal").set_value("kept").run()
    teacher.number_input("exercise_low").set_value(0.1).run()
    (link,) = [code.value for code in teacher.code if "goal=kept" in code.value]
    language.use("zh")  # in which the test names the options
    student = opened(**{**link_of(link), "lang": "zh"})
    assert arms(student) == [SICK] and "练习" in texts(student)
    student.selectbox("edit_a_activation").set_value("relu").run()
    student.button("race_train").click().run()
    finished(student)
    assert "练习完成" in texts(student)
    (receipt,) = [code.value for code in student.code if "receipt=1" in code.value]
    language.use("en")
    anybody = opened(**link_of(receipt))
    finished(anybody)
    assert "The exercise is met" in texts(anybody)
    assert arms(anybody) == [replace(SICK, activation="relu")]


def test_a_receipt_that_claims_too_much_is_seen():
    app = opened(**exercise_link(), a="depth-8~width-16~batch_size-32~steps-20", receipt="1")
    finished(app)
    assert "Not yet" in texts(app) and "The exercise is met" not in texts(app)


def test_locked_fields_cannot_be_changed_and_hidden_ones_are_not_there():
    app = opened(**exercise_link(fixed=("depth",), hidden=("norm", "residual")))
    assert app.number_input("edit_a_depth").disabled
    assert not app.number_input("edit_a_width").disabled
    with pytest.raises(KeyError):
        app.selectbox("edit_a_norm")


def test_the_teacher_s_text_is_plain():
    app = opened(**exercise_link(question="`$x$ :red[y]`<b>"))
    assert "`ˋ$x$ :red[y]ˋ<b>`" in texts(app)


def link_of(text):
    """The parameters of a link."""
    return {key: own[-1] for key, own in parse_qs(urlsplit(text).query).items()}


def finished(app):
    """Wait until the run of the page is there."""
    for _ in range(100):
        if app.success or app.info:
            return
        time.sleep(0.1)
        app.run()
    raise AssertionError("the run has not finished")
