"""The lab: what stands on the bench is in the link, and every arm can be changed by hand."""

import pytest
from streamlit.testing.v1 import AppTest

from gradviz import bench, store
from gradviz.bench import Bench
from gradviz.recipe import Recipe, replace
from gradviz.ui import catalog


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


def test_it_opens_with_four_arms_and_a_recorded_race():
    app = opened()
    assert len(arms(app)) == 4 and not app.warning and not app.error
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
    assert [arm.width for arm in arms(app)] == [8, 32, 32, 32]


def test_an_arm_is_removed_and_duplicated():
    app = opened()
    first, second, *_ = arms(app)
    app.button("edit_remove").click().run()
    assert arms(app)[0] == second and len(arms(app)) == 3
    app.button("edit_duplicate").click().run()
    assert arms(app)[3] == second and app.session_state["edit"] == "d"
    assert app.button("edit_duplicate").disabled
    app.selectbox("edit_d_norm").set_value("layer").run()
    assert arms(app)[3] == replace(second, norm="layer") and arms(app)[0] == second
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


def test_the_program_of_the_chosen_arm_is_shown():
    app = opened()
    app.selectbox("home_arm").set_value("c").run()
    assert any("nn.BatchNorm1d" in code.value for code in app.code)
