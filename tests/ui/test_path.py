"""From page to page in one session: what one page leaves behind breaks no figure of the next."""

import pytest
from streamlit.testing.v1 import AppTest

from gradviz.ui import catalog

BUILT = [entry for entry in catalog.LESSONS if entry.built]


@pytest.mark.parametrize("here", BUILT, ids=lambda entry: entry.name)
def test_every_figure_is_drawn_on_the_way_to_and_from_every_later_lesson(here):
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = "en"
    app.run()
    charts = {}
    for other in BUILT[BUILT.index(here) + 1 :] or [BUILT[0]]:
        for entry in (here, other, here):
            app.switch_page(entry.page).run()
            assert not app.exception and not app.error and not app.warning, entry.name
            count = len(app.get("vega_lite_chart"))
            assert charts.setdefault(entry.name, count) == count > 0, entry.name
