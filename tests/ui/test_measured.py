"""What a page measures once is kept for every visitor."""

from streamlit.testing.v1 import AppTest


def measuring_page():
    import itertools

    import streamlit as st

    from gradviz import ui

    @st.cache_resource
    def counter():
        return itertools.count(1)

    @ui.measured
    def count_of(depth: int) -> tuple[int, int]:
        return depth, next(counter())

    st.text(repr([count_of(3), count_of(4), count_of(3)]))


def test_each_setting_is_measured_once_also_for_the_next_visitor():
    first, second = (AppTest.from_function(measuring_page).run() for _ in range(2))
    assert not first.exception
    assert first.text[0].value == second.text[0].value == "[(3, 1), (4, 2), (3, 1)]"
