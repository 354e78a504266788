"""The questions that the figures ask, with their replies, as the page brings them."""

import html
import re

from streamlit.testing.v1 import AppTest

from gradviz.ui import catalog

_REPLY = re.compile(r'<p data-for="(\w+)" data-verdict="(\w+)" hidden>(.*?)</p>')


def question(lesson, figure, **query):
    """The form of the question of `figure` as it opens, or None where nothing is asked."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=60)
    for key, value in {"lang": "en", "figure": figure, **query}.items():
        app.query_params[key] = str(value)
    app.switch_page(f"pages/{lesson}.py").run()
    assert not app.exception and not app.error and not app.warning
    bodies = [element.proto.body for element in app.get("html")]
    return next((body for body in bodies if '<form class="gradviz-question"' in body), None)


def replies(form):
    """By option, the verdict and the words of the reply; "skipped" is that to "Just show me"."""
    found = _REPLY.findall(form)
    return {option: (verdict, html.unescape(words)) for option, verdict, words in found}
