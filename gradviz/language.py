"""The languages of the app, and `t`, which says a short text in the current one.

The articles live in `pages/<language>/`. Labels stand where they are used, English and Chinese
side by side: `t("Depth", "深度")`. A further language is a folder `pages/<code>/` whose
`strings.json` maps the English text to its translation; what it lacks is shown in English.
"""

from __future__ import annotations

import functools
import json
from contextvars import ContextVar

from gradviz.places import ROOT

LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT = "en"

_PAGES = ROOT / "pages"
# One value per thread: each visitor's script runs in a thread of its own.
_current: ContextVar[str] = ContextVar("language", default=DEFAULT)


def current() -> str:
    """The code of the current language, a key of `LANGUAGES`."""
    return _current.get()


def use(code: str) -> None:
    """Make `code` the language of this thread. Raises `ValueError` for an unknown one."""
    if code not in LANGUAGES:
        raise ValueError(f"lang={code!r} is not one of {', '.join(LANGUAGES)}")
    _current.set(code)


def t(en: str, zh: str, **values: object) -> str:
    """The text in the current language, with `{name}` filled in from `values`."""
    code = current()
    text = {"en": en, "zh": zh}.get(code) or _strings(code).get(en, en)
    return text.format(**values) if values else text


@functools.cache
def _strings(code: str) -> dict[str, str]:
    path = _PAGES / code / "strings.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
