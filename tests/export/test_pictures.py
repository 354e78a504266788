"""Pictures as the edition keeps them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes

from gradviz.export.pictures import Pictures, height_of, table_of


def arrow(**columns):
    return convert_pandas_df_to_arrow_bytes(pd.DataFrame(columns))


def chart(spec, **tables):
    sets = [
        SimpleNamespace(name=name, data=SimpleNamespace(data=data)) for name, data in tables.items()
    ]
    return SimpleNamespace(spec=spec, datasets=sets)


def test_a_table_keeps_what_a_picture_can_show():
    table = table_of(
        arrow(step=[0, 5], value=[1 / 3, np.inf], none=[np.nan, -np.inf], arm=["a", "b"])
    )
    assert table == {
        "step": [0, 5],
        "value": [0.33333333, "Infinity"],
        "none": [None, "-Infinity"],
        "arm": ["a", "b"],
    }


def test_numbers_far_from_one_keep_their_digits():
    assert table_of(arrow(x=[1.23456789e-40, 6.02214076e23, 2.0])) == {
        "x": [1.2345679e-40, 6.0221408e23, 2]
    }


def test_what_pictures_share_is_kept_once():
    pictures, table = Pictures(), arrow(x=[1.0, 2.5])
    first = pictures.add(chart('{"mark": "line"}', frame=table))
    other = pictures.add(chart('{"mark": "point"}', frame=table))
    assert pictures.add(chart('{"mark": "line"}', frame=table)) == first != other
    assert len(pictures.specs) == 2 and len(pictures.tables) == 1
    assert pictures.specs[other] == {"spec": {"mark": "point"}, "tables": {"frame": 0}}


def test_a_picture_is_given_room_by_its_plots_and_sliders():
    slider = {"name": "a", "bind": {"input": "range"}}
    hidden = {"name": "b", "bind": {"input": "hidden"}}
    both = {"vconcat": [{"height": 160}, {"height": 90}], "params": [slider, hidden]}
    assert 250 < height_of({"vconcat": both["vconcat"]}) < height_of(both) < 450
