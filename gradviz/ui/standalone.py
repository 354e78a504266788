"""A figure as one HTML file that works by itself: no server, no network.

It holds the pictures with their data, Vega, and the page's own script and style sheets, which find
in it what they find in the app: so sliders, Play and handles work as they do there.
"""

from __future__ import annotations

import base64
import functools
import gzip
import html
import importlib.util
import json
import math
import re
import subprocess
import sys
from typing import Any

import pandas as pd
import pyarrow as pa

from gradviz.charts.parts.spec import Spec
from gradviz.language import current, t
from gradviz.ui import browser
from gradviz.ui.stage import Stage

_MOST_SECONDS = 60  # for the making of Vega's bundle
# Fonts that one may have; those of Latin letters first, or the other ones' wide dots are taken.
_FONT = (
    "'Source Sans 3', 'Source Sans Pro', 'Segoe UI', Roboto, 'Helvetica Neue', Arial, "
    "'Liberation Sans', 'DejaVu Sans', 'PingFang SC', 'Noto Sans CJK SC', 'Microsoft YaHei', "
    "sans-serif"
)
# What Streamlit's theme sets and the pictures rely on; the rest stands in charts/parts/theme.py.
_CONFIG: dict[str, Any] = {
    "font": _FONT,
    "autosize": {"type": "fit", "contains": "padding"},
    "fieldTitle": "verbal",
    "axis": {"labelFlush": True, "labelOverlap": True, "labelBound": False, "labelLimit": 100},
    "axisDiscrete": {"grid": False},
    "axisXPoint": {"grid": False},
    "axisXBand": {"grid": False},
    "view": {"stroke": "transparent", "continuousHeight": 350},
    "concat": {"columns": 1},
    "mark": {"tooltip": {"content": "encoding"}},
    "bar": {"binSpacing": 4, "discreteBandSize": {"band": 0.85}},
}


def is_possible() -> bool:
    """Whether Vega's bundle can be made here."""
    return importlib.util.find_spec("vl_convert") is not None


def frames_of(spec: Spec) -> dict[str, pd.DataFrame]:
    """The named data of a picture, whether as frames, as Arrow's bytes or as rows."""
    return {name: _frame(data) for name, data in spec.get("datasets", {}).items()}


def packed_page(title: str, figure: Stage, link: str) -> str:
    """`page`, compressed and as ASCII: in the app it travels through the page's own socket."""
    packed = gzip.compress(page(title, figure, link).encode(), compresslevel=6)
    return base64.b64encode(packed).decode()


def page(title: str, figure: Stage, link: str) -> str:
    """The figure as an HTML file. The browser puts in where the sliders stand, see page/save.js."""
    charts = "".join(
        f'<div data-testid="stVegaLiteChart" data-picture="{place}"></div>'
        for place in range(len(figure.pictures))
    )
    specs = [with_values(spec) for spec in figure.pictures.values()]
    live = html.escape(t("Open it in gradviz", "在 gradviz 中打开"))
    return _PAGE.format(
        language=current(),
        font=_FONT,
        title=html.escape(title),
        style=browser.style(),
        figure=html.escape(figure.name),
        charts=charts,
        link=html.escape(link),
        live=live,
        vega=_in_script(_vega()),
        specs=_in_script(json.dumps(specs, ensure_ascii=False)),
        script=_in_script(browser.script()),
        words=_in_script(json.dumps(browser.words(), ensure_ascii=False)),
    )


def with_values(spec: Spec) -> Spec:
    """`spec` with its data as JSON, and with what Streamlit would add to it."""
    data = {name: _rows(frame) for name, frame in frames_of(spec).items()}
    config = {**_CONFIG, **spec.get("config", {})}
    for part in ("axis", "view"):
        config[part] = _CONFIG[part] | spec.get("config", {}).get(part, {})
    padding = {"bottom": 20} | spec.get("padding", {})
    return {**spec, "datasets": data, "config": config, "padding": padding}


def _frame(data: Any) -> pd.DataFrame:  # noqa: ANN401 — bytes, rows or a frame
    if isinstance(data, bytes):
        return pa.ipc.open_stream(data).read_pandas()
    return data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON takes them: what is no number there is null, as in the app."""
    records = json.loads(frame.to_json(orient="records", double_precision=15))
    return [
        {
            key: None if isinstance(v, float) and not math.isfinite(v) else v
            for key, v in row.items()
        }
        for row in records
    ]


def _in_script(text: str) -> str:
    """`text` so that it neither ends the script that it stands in nor begins another."""
    return re.sub(r"<(?=/script|!--)", r"<\\", text, flags=re.IGNORECASE)


@functools.cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, of the version in which the app draws.

    It comes out of vl-convert, whose JavaScript engine takes 100 MB of memory: so another process
    makes it, once, when the first reader asks for a page.
    """
    code = (
        "import vl_convert, sys; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"
    )
    command = [sys.executable, "-c", code]
    made = subprocess.run(command, capture_output=True, check=True, timeout=_MOST_SECONDS)
    return made.stdout.decode()


_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · gradviz</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 1rem; color: light-dark(#1b222d, #e4e8ef);
  background: light-dark(#ffffff, #10141b);
  font: 16px/1.5 {font}; }}
main {{ max-width: 60rem; margin: auto; }}
[data-testid="stVegaLiteChart"] {{ width: 100%; margin-bottom: 1rem; }}
.vega-bind label {{ display: flex; align-items: center; gap: 0.5rem; }}
.vega-bind {{ display: flex; align-items: center; gap: 0.5rem; }}
.vega-bindings input[type="range"] {{ appearance: none; background: transparent; }}
.vega-bindings input[type="range"]::-webkit-slider-thumb {{ appearance: none; border-radius: 50%; }}
.vega-bindings input[type="range"]::-webkit-slider-runnable-track {{ border-radius: 2px; }}
#vg-tooltip-element {{ position: fixed; visibility: hidden; padding: 0.25rem 0.75rem;
  color: light-dark(#1b222d, #e4e8ef); background: light-dark(#ffffff, #1a202a);
  border: 1px solid light-dark(#dde2ea, #2b3341); border-radius: 0.5rem; font-size: 14px; }}
#vg-tooltip-element.visible {{ visibility: visible; }}
</style>
<style>{style}</style>
</head>
<body>
<main data-testid="stMain">
<section class="st-key-figure_{figure}">
<h5>{title}</h5>
{charts}
<p><a href="{link}">{live}</a></p>
</section>
</main>
<script>{vega}</script>
<script>
const specs = {specs};
const stands = /*stands*/[]/*stands*/; // by picture, the names of its inputs and where they stand
const options = {{ mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false,
  tooltip: {{ disableDefaultStyle: true }} }};
async function draw(spec, place) {{
  const box = document.querySelector(`[data-picture="${{place}}"]`);
  const width = Math.max(280, box.clientWidth);
  const sized = {{ ...spec, width: spec.width ?? width }};
  for (const part of sized.vconcat ?? []) part.width ??= width;
  await vegaEmbed(box, sized, options);
  for (const [name, value] of Object.entries(stands[place] ?? {{}}))
    for (const input of box.querySelectorAll(`.vega-bind input[name="${{CSS.escape(name)}}"]`)) {{
      if (input.value === value) continue;
      input.value = value;
      input.dispatchEvent(new Event("input", {{ bubbles: true }}));
    }}
}}
Promise.all(specs.map(draw)).then(() => {{
{script}
window.gradviz.speak({words});
}});
</script>
</body>
</html>
"""
