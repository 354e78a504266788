"""What the edition takes from the libraries that draw the app, so that it looks the same offline.

Fonts, and KaTeX for the formulas, stand in the folder of the installed Streamlit; Vega, Vega-Lite
and vega-embed come in one script from vl-convert. A page opened from a file may load no modules, so
each of them becomes a script that sets one global name.
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit
import vl_convert

_FOLDER = Path(str(streamlit.__file__)).parent / "static" / "static"
_FACE = re.compile(r"@font-face\{[^}]*\}")
_FONT = re.compile(r"url\((?:\.\./media/)([^)]+\.woff2)\)")
_KATEX_RULE = re.compile(r"(?<=[}\n])(\.katex[^{}]*\{[^}]*\})")
_IMPORTS = re.compile(r"^(?:import[^;]*;)+")
# KaTeX's own table of what it offers: in Streamlit's script all before it is KaTeX.
_OFFERED = re.compile(
    r"[,;]?(?:var )?\b(\w+)=\{version:`[\d.]+`,render:.+?__domTree:\{[^}]*\}\}", re.S
)
_FAMILIES = ("Source Sans", "Source Serif", "Source Code Pro", "KaTeX_")
_UNUSED = ("SourceSerifVariable-Italic", "SourceCodeVF-Italic")

# For vl-convert's script: the names that edition.js looks for.
_GLOBAL = "Object.assign(window, { vega, vegaLite, vegaEmbed });"


def katex() -> str:
    """KaTeX as a script that sets `katex`. Raises `LookupError` if Streamlit's has another form.

    It is the one that typesets Streamlit's Markdown, since the style sheet is made for that.
    """
    script = _only("js", "rehype-katex.*.js").read_text(encoding="utf-8")
    imports, offered = _IMPORTS.search(script), _OFFERED.search(script)
    if imports is None or offered is None:
        raise LookupError("KaTeX is not found in Streamlit's script of that name")
    own = script[imports.end() : offered.end()]
    return f"window.katex = (() => {{{own};\nreturn {offered[1]};}})();"


def vega() -> str:
    """Vega, Vega-Lite and vega-embed as a script that sets `vega`, `vegaLite` and `vegaEmbed`."""
    return f"(() => {{{vl_convert.javascript_bundle(_GLOBAL)}}})();"


def faces() -> str:
    """The rules of the fonts and of KaTeX, for a style sheet that stands beside the fonts."""
    sheet = _only("css", "index.*.css").read_text(encoding="utf-8")
    rules = [rule for rule in _FACE.findall(sheet) if any(name in rule for name in _FAMILIES)]
    rules = [rule for rule in rules if not any(name in rule for name in _UNUSED)]
    rules = [rule.replace("font-display:block", "font-display:swap") for rule in rules]
    return _FONT.sub(r"url(\1)", "\n".join([*rules, *_KATEX_RULE.findall(sheet)]))


def fonts() -> dict[str, bytes]:
    """The files of the fonts that `faces` names, by name."""
    names = re.findall(r"url\(([^)]+\.woff2)\)", faces())
    return {name: (_FOLDER / "media" / name).read_bytes() for name in names}


def _only(folder: str, pattern: str) -> Path:
    found = sorted((_FOLDER / folder).glob(pattern))
    if len(found) != 1:
        raise LookupError(f"Streamlit has {len(found)} files {folder}/{pattern}, not one")
    return found[0]
