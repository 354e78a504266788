"""The share menu of a figure: links to its present state, the picture and its data as files.

Where the reader has moved the sliders inside the picture, only the browser knows, and only there is
the picture drawn: the page's scripts complete the links (`page/share.js`), make SVG, PNG and CSV of
what is seen (`page/save.js`) and show it as a table (`page/table.js`). The server gives what it
alone has: the data of the whole run, and a page that works by itself (see `standalone`).
"""

from __future__ import annotations

import functools
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from gradviz.charts.parts.tables import one_table, tables_of, titles_of, tooltips_of, usual_names
from gradviz.language import LANGUAGES, current, t
from gradviz.ui import address, controls, standalone
from gradviz.ui.ask import symbols
from gradviz.ui.controls import Control
from gradviz.ui.picture import sliders_of
from gradviz.ui.stage import Stage

# What a link can hide beside the controls and presets of figures.
HIDEABLE = ("seed", "language", "share")
_PAGES = "pages_saved"  # in the session state: how many pages were asked for


def presets_name(figure: str) -> str:
    """What the presets of a figure are called in a link that hides them."""
    return f"{figure}_presets"


def share_menu(title: str, figure: Stage, shown: Sequence[Control], presets: bool) -> None:
    """Draw the menu of `figure`; what stands in it is made only when it is opened.

    `shown` are its controls; `presets` says whether it has presets.
    """
    if controls.hidden("share"):
        return
    menu = st.popover(
        "",
        icon=":material/share:",
        type="tertiary",
        width="content",
        help=t("Share, save, or read as a table", "分享、保存或查看数据表"),
        key=f"share_{figure.name}",
        on_change="rerun",
    )
    if not menu.open:
        return
    with menu:
        st.html(_form(title, figure, _hideable(figure, shown, presets)))
        _files(title, figure)


def figure_link(figure: str) -> str:
    """The address of this page showing `figure` alone, in its present state.

    Every control stands in it, so that the link means the same when a default has changed.
    """
    state = {key: value for key, value in address.kept().items() if key != "embed"}
    state |= controls.state() | {"lang": current(), "figure": figure}
    return f"{address.of_page()}?{urlencode(state)}"


def _hideable(figure: Stage, shown: Iterable[Control], presets: bool) -> dict[str, str]:
    """What a teacher can hide of a figure: names in a link, and what they are on the page."""
    names = {control.key: control.label for control in shown}
    if presets:
        names[presets_name(figure.name)] = t("The numbered states", "编号的预设状态")
    openings = sliders_of(figure.name)
    for spec in figure.pictures.values():
        for slider, label in _labels(spec):
            if slider in openings:
                names[openings[slider]] = label
    if figure.can_change_seed:
        names["seed"] = t("New seed: the seed stays fixed", "“换个种子”：种子固定不变")
    return names | {"share": t("This menu", "此菜单")}


def _labels(spec: dict) -> Iterable[tuple[str, str]]:
    """The sliders inside a picture, each with what stands beside it."""
    for param in spec.get("params", []):
        bind = param.get("bind")
        if not isinstance(bind, dict):
            continue
        select = param.get("select")
        fields = select.get("fields", []) if isinstance(select, dict) else []
        if "input" in bind:
            slider = f"{param['name']}_{fields[0]}" if fields else param["name"]
            yield slider, _label(bind, slider)
        else:
            for field, own in bind.items():
                yield f"{param['name']}_{field}", _label(own, field)


def _label(bind: dict, otherwise: str) -> str:
    return str(bind.get("name") or otherwise).strip(" :：") or otherwise


def _form(title: str, figure: Stage, hideable: dict[str, str]) -> str:
    """The part of the menu that works in the browser alone; `page/share.js` makes it work."""
    link = figure_link(figure.name)
    columns, fields, told = usual_names(), {}, []
    for spec in figure.pictures.values():
        for field, titles in titles_of(spec).items():
            fields[field] = titles[0]
            columns |= {title: title for title in titles}
        told += ["\n".join(titles) for titles in tooltips_of(spec)]
    data = {
        "figure": figure.name,
        "place": f"{controls.page()}/{figure.name}",
        "app": address.of_app(),
        "script": address.of_embed_script(),
        "edition": address.of_edition() or "",
        "language": current(),
        "sliders": json.dumps(sliders_of(figure.name)),
        "columns": json.dumps(columns),
        "fields": json.dumps(usual_names() | fields),
        "told": json.dumps(sorted(set(told))),
        "words": json.dumps(_words(title)),
    }
    attributes = " ".join(f'data-{name}="{html.escape(text)}"' for name, text in data.items())
    copy = f'<button type="button" class="gradviz-copy">{_said("Copy", "复制")}</button>'
    languages = {"": t("as the reader's browser", "与读者的浏览器一致"), **LANGUAGES}
    themes = {
        "": t("as the reader's", "与读者的一致"),
        "light": t("light", "浅色"),
        "dark": t("dark", "深色"),
    }
    pictures = _buttons({"svg": "SVG", "png": "PNG"}) if figure.pictures else ""
    table = f'<button type="button" class="gradviz-table">{_said("Table", "表格")}</button>'
    csv = _buttons({"csv": _said("CSV, as shown", "CSV（当前画面）")})
    saved = (
        f'<p class="gradviz-head">{_said("The picture, as it is now", "当前画面的图片")}</p>'
        f'<div class="gradviz-row">{pictures}</div>'
        f'<p class="gradviz-head">{_said("Its data", "其中的数据")}</p>'
        f'<div class="gradviz-row">{table}{csv}</div>'
    )
    return f"""
<form class="gradviz-share" {attributes}>
<div class="gradviz-field">
<label>{_said("Link to this figure, in this state", "此图当前状态的链接")}
<textarea readonly rows="2" class="gradviz-link">{html.escape(link)}</textarea></label>{copy}</div>
{saved if figure.pictures else ""}
<div class="gradviz-field">
<label>{_said("Embed it in a course page", "嵌入课程网页")}
<textarea readonly rows="3" class="gradviz-embed"></textarea></label>
{copy}</div>
<div class="gradviz-row">
<label>{_said("Language", "语言")} {_select("language", languages, current())}</label>
<label>{_said("Theme of the embed", "嵌入时的主题")} {_select("theme", themes, "")}</label>
</div>
{_plain_frame(copy)}
{_teacher(hideable)}
</form>
"""


def _plain_frame(copy: str) -> str:
    """The embed for pages that take no scripts; the browser measures how high it has to be."""
    title = t(
        "Where scripts are not allowed (Moodle, Canvas)", "不允许脚本的网站（Moodle、Canvas）"
    )
    explained = t(
        "An iframe high enough wherever it has a width of 400 pixels or more.",
        "一个 iframe，高度足够，宽度不小于 400 像素时不会出现内部滚动条。",
    )
    return (
        f'<details class="gradviz-plain"><summary>{html.escape(title)}</summary>'
        f'<div class="gradviz-field"><label>{html.escape(explained)}'
        '<textarea readonly rows="2" class="gradviz-iframe"></textarea></label>'
        f"{copy}</div></details>"
    )


def _teacher(hideable: dict[str, str]) -> str:
    """Check boxes for what the links hide."""
    boxes = "".join(
        f'<label><input type="checkbox" value="{html.escape(name)}" class="gradviz-hide"'
        f"{' checked' if controls.hidden(name) else ''}> <span>{_as_html(label)}</span></label>"
        for name, label in hideable.items()
    )
    explained = t(
        "What is ticked is hidden in the link and in the embed, and stays as it is now.",
        "勾选的项目在链接和嵌入页中不再显示，并保持当前的取值。",
    )
    return (
        f"<details><summary>{_said('For teachers: hide controls', '教师：隐藏控件')}</summary>"
        f'<p>{html.escape(explained)}</p><div class="gradviz-boxes">{boxes}</div></details>'
    )


def _as_html(label: str) -> str:
    """A label of a control; its formulas are single symbols, which need no typesetter."""
    return symbols(re.sub(r"\$([^$]*)\$", lambda formula: _LETTER.sub(_letter, formula[1]), label))


def _letter(name: re.Match[str]) -> str:
    return unicodedata.lookup(f"GREEK SMALL LETTER {name[1].upper()}")


_LETTER = re.compile(r"\\(alpha|beta|gamma|delta|eta|lambda|sigma)\b")


def _select(name: str, options: dict[str, str], chosen: str) -> str:
    inside = "".join(
        f'<option value="{html.escape(value)}"{" selected" if value == chosen else ""}>'
        f"{html.escape(label)}</option>"
        for value, label in options.items()
    )
    return f'<select class="gradviz-{name}">{inside}</select>'


def _buttons(kinds: dict[str, str]) -> str:
    return "".join(
        f'<button type="button" class="gradviz-save" data-kind="{kind}">{label}</button>'
        for kind, label in kinds.items()
    )


def _words(title: str) -> dict[str, str]:
    """What the scripts say."""
    return {
        "title": title,
        "copied": t("Copied", "已复制"),
        "measuring": t("Measuring its height…", "正在测量高度……"),
        "close": t("Close", "关闭"),
        "csv": t("Download as CSV", "下载 CSV"),
        "most": t(
            "The first {shown} of {all} rows; the CSV file has all of them.",
            "共 {all} 行，这里显示前 {shown} 行；CSV 文件中有全部数据。",
            shown="{shown}",
            all="{all}",
        ),
        "none": t(
            "This picture marks no single numbers: it has no table.",
            "此图没有标出单个数值，因此没有数据表。",
        ),
        "covered": t(
            "First answer the figure's question: its data would give the answer away.",
            "请先回答此图的问题：数据会直接透露答案。",
        ),
        "part": t("part", "部分"),
        "symbol": t("Marks", "数据点"),
        "line": t("Lines", "曲线"),
        "trail": t("Lines", "曲线"),
        "area": t("Areas", "带状区域"),
        "rect": t("Fields", "色块"),
        "text": t("Words", "文字"),
        "arc": t("Fields", "色块"),
        "shape": t("Fields", "色块"),
    }


def _said(en: str, zh: str) -> str:
    return html.escape(t(en, zh))


def _files(title: str, figure: Stage) -> None:
    """What only the server can give: a page that works by itself, and the data of the whole run."""
    if not figure.pictures:
        return
    st.html(f'<p class="gradviz-head">{_said("To take away", "带走")}</p>')
    with st.container(horizontal=True, gap="xsmall", key=f"files_{figure.name}"):
        # What the browser computes from a formula is no data of the server's.
        if _tables(figure):
            st.download_button(
                t("CSV, everything", "CSV（全部数据）"),
                functools.partial(csv_of, figure),
                f"gradviz-{figure.name}.csv",
                "text/csv",
                key=f"csv_{figure.name}",
                on_click="ignore",
                help=t(
                    "All that was computed for the picture, of a run all its steps.",
                    "绘制此图所计算的全部数据；若是一次训练，则含所有训练步。",
                ),
            )
        if standalone.is_possible() and st.button(
            t("Interactive page", "交互网页"),
            key=f"page_{figure.name}",
            help=t(
                "One HTML file that works without this app and without a network.",
                "一个 HTML 文件，无需本应用，断网也能使用。",
            ),
        ):
            _send_page(title, figure)


def _send_page(title: str, figure: Stage) -> None:
    """Hand the page to the script, which sets it to what the reader sees and saves it."""
    asked = st.session_state[_PAGES] = st.session_state.get(_PAGES, 0) + 1
    with st.spinner(t("Making the page…", "正在生成网页……")):
        packed = standalone.packed_page(title, figure, figure_link(figure.name))
    st.html(
        f'<i class="gradviz-page" hidden data-asked="{asked}"'
        f' data-figure="{html.escape(figure.name)}" data-page="{packed}"></i>'
    )


def csv_of(figure: Stage) -> bytes:
    """All data of the figure's pictures; a byte order mark tells spreadsheets that it is UTF-8."""
    return one_table(_tables(figure)).to_csv(index=False).encode("utf-8-sig")


def _tables(figure: Stage) -> dict[str, pd.DataFrame]:
    tables = {}
    for key, spec in figure.pictures.items():
        for name, table in tables_of(spec, standalone.frames_of(spec)).items():
            tables[f"{key}: {name}" if len(figure.pictures) > 1 else name] = table
    return tables
