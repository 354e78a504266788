"""Pictures that are built once for each look and language."""

import threading
from concurrent.futures import ThreadPoolExecutor

import altair as alt
import pandas as pd

from gradviz import language
from gradviz.charts.parts.spec import built_once, opened
from gradviz.language import t


def counted():
    built = []

    @built_once
    def picture(size: int) -> alt.Chart:
        built.append(size)
        points = alt.Chart(alt.NamedData("points")).mark_point(size=size)
        return points.encode(x=alt.X("x:Q", title=t("Depth", "深度")))

    return picture, built


def test_a_picture_is_built_once_for_each_look_and_language():
    picture, built = counted()
    assert picture(1) is picture(1)
    assert picture(2).spec["mark"]["size"] == 2
    language.use("zh")
    assert picture(1).spec["encoding"]["x"]["title"] == "深度"
    assert built == [1, 2, 1]


def test_a_class_that_comes_at_once_has_a_picture_built_once():
    picture, built = counted()
    wait = threading.Barrier(8)

    def visit(_):
        wait.wait()
        return picture(3)

    with ThreadPoolExecutor(8) as visitors:
        seen = list(visitors.map(visit, range(8)))
    assert built == [3] and all(template is seen[0] for template in seen)


def test_data_are_put_in_without_changing_the_template():
    picture, _ = counted()
    first, second = (picture(1).with_data(points=pd.DataFrame({"x": [x]})) for x in (1.0, 2.0))
    assert first["datasets"]["points"]["x"].tolist() == [1.0]
    assert second["datasets"]["points"]["x"].tolist() == [2.0]
    assert first["encoding"] is second["encoding"]
    assert "points" not in picture(1).spec.get("datasets", {})
    assert first["config"]["background"] == "transparent"


def test_a_slider_opens_at_a_number_as_people_write_it():
    slider = {"input": "range", "min": -5.0, "max": 5.0, "step": 0.1}
    spec = {"params": [{"name": "first", "value": 0, "bind": slider}]}
    for asked, shown in ((1.2, 1.2), (0.83, 0.8), (7.0, 5.0)):
        (param,) = opened(spec, {"first": asked})["params"]
        assert param["value"] == shown
