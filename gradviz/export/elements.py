"""What the app shows as HTML, under the names that its style sheets and scripts reach for.

Streamlit names its elements by `data-testid` and containers by `st-key-…`; here they have the same
names, so that the app's own scripts and sheets work on a page without Streamlit. What only a server
can do is left out: a control that trains or computes is written as what it stands at.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradviz.export import markup
from gradviz.export.harvest import Node, Page, State
from gradviz.export.pictures import Pictures, height_of
from gradviz.language import t

_KEEPS_ROOM = "sentence_"  # the style sheet keeps room for such a container, whatever it holds
_SETTINGS = frozenset(
    ("button_group", "number_input", "multiselect", "select_slider", "selectbox", "slider",
     "text_input", "toggle")
)  # fmt: skip
_OF_STREAMLIT = ("page_script", "page_first_chart")  # what only it needs
_FORMS = frozenset(("text_input", "text_area", "number_input", "multiselect"))


@dataclass
class Writer:
    """Writes elements of `page` in one `state`.

    `link` says where the page of a lesson, or "" for home, is found, `live` where the app shows a
    figure in the present state, None if there is no app; `languages` are the other editions of
    this page, by what they are called, None for the one that is open. Pictures go to `pictures`.
    """

    page: Page
    state: State
    pictures: Pictures
    link: Callable[[str], str]
    live: Callable[[str], str] | None = None
    languages: dict[str, str | None] = field(default_factory=dict)
    figure: str = ""  # that is being written
    place: Callable[[str], str] | None = None  # of a figure's card, where not written in line

    def write(self, node: Node) -> str:
        """The HTML of an element, or of a container with all that it holds."""
        if (node.key or "").startswith("figure_") and self.place is not None:
            return self.place(node.key.removeprefix("figure_"))
        if node.type in _SETTINGS:
            return self._setting(node)
        write = getattr(self, f"_{node.type}", None)
        if write is None:
            raise NotImplementedError(f"the edition has no word for an element {node.type}")
        return write(node)

    def card(self, node: Node) -> str:
        """What the card of a figure holds; of a form, which only a server can answer, a word."""
        kinds = set(_kinds(node))
        if "vega_lite_chart" in kinds or not kinds & _FORMS:
            return self.inside(node)
        title = next(iter(node.children.values()))
        words = t("This needs the app: it is the work of a server.", "这里需要应用：由服务器完成。")
        return f'{self.write(title)}<p class="gradviz-setting">{words}</p>'

    def inside(self, node: Node) -> str:
        """What a container holds."""
        return "".join(map(self.write, node.children.values()))

    # --- Containers.

    def _main(self, node: Node) -> str:
        return self.inside(node)

    def _sidebar(self, node: Node) -> str:
        return self.inside(node)

    def _flex_container(self, node: Node) -> str:
        key = node.key or ""
        if key in _OF_STREAMLIT:
            return ""
        held = self.inside(node)
        if not held and not key.startswith(_KEEPS_ROOM):
            return ""
        flex = node.proto.flex_container
        row = flex.direction == flex.Direction.HORIZONTAL
        kind = "stHorizontalBlock" if row else "stVerticalBlock"
        border = " bordered" if flex.border else ""
        gap = _gap(flex.gap_config)
        return _wrapped(
            f'<div class="{kind}{border}{_keyed(key)}" data-testid="{kind}"{gap}>{held}</div>'
        )

    def _column(self, node: Node) -> str:
        width = f"calc({100 * node.proto.weight:.4g}% - 2rem)"  # as Streamlit has it
        return (
            f'<div class="stColumn" data-testid="stColumn" style="flex: 1 1 {width}">'
            f'<div class="stVerticalBlock" data-testid="stVerticalBlock">{self.inside(node)}</div>'
            "</div>"
        )

    def _expander(self, node: Node) -> str:
        held = self.inside(node)
        return _closed("stExpander", markup.inline(node.proto.label), held) if held else ""

    def _popover(self, node: Node) -> str:
        if (node.key or "").startswith("share_"):
            return self._open_live(node.key.removeprefix("share_"))
        held = self.inside(node)
        return _closed("stPopover", markup.inline(node.proto.popover.label), held) if held else ""

    # --- Words.

    def _markdown(self, node: Node) -> str:
        return _element("stMarkdown", f"{_CONTAINER}{markup.block(node.proto.body)}</div>")

    def _caption(self, node: Node) -> str:
        body = markup.block(node.proto.body)
        inner = f'<div class="stCaptionContainer" data-testid="stCaptionContainer">{body}</div>'
        return _element("stMarkdown", f"{_CONTAINER}{inner}</div>") if body else ""

    def _title(self, node: Node) -> str:
        return _heading("h1", node)

    def _subheader(self, node: Node) -> str:
        return _heading("h3", node)

    def _code(self, node: Node) -> str:
        return _element("stMarkdown", markup.code(node.proto.code_text))

    def _html(self, node: Node) -> str:
        body: str = node.proto.body
        return "" if body.startswith(("<style", "<script")) else _element("stHtml", body)

    def _warning(self, node: Node) -> str:
        return _element("stAlert", f"{_CONTAINER}{markup.block(node.proto.body)}</div>")

    _info = _error = _warning

    def _progress(self, node: Node) -> str:
        text = markup.inline(node.proto.text)
        return _element("stProgress", f'<p class="gradviz-setting">{text}</p>')

    def _dataframe(self, node: Node) -> str:
        table = node.value.head(20).to_html(index=False, border=0, float_format="%.3g")
        return _element("stDataFrame", f'<div class="table" tabindex="0">{table}</div>')

    # --- What can be touched.

    def _vega_lite_chart(self, node: Node) -> str:
        place = self.pictures.add(node.proto)
        room = f"min-height: {height_of(self.pictures.specs[place]['spec'])}px"
        return _element("stVegaLiteChart", f'<div data-picture="{place}" style="{room}"></div>')

    def _button(self, node: Node) -> str:
        key = node.key or ""
        goes = self.page.target(key, self.state)
        if goes is not None:
            return _button(key, markup.inline(node.proto.label), goes, node.proto.type)
        if key.endswith("_train") and self.live is not None:
            return self._train_live(node.proto.label)
        return ""

    def _download_button(self, _node: Node) -> str:
        return ""

    def _page_link(self, node: Node) -> str:
        icon = markup.icon(node.proto.icon)
        label = markup.inline(node.proto.label)
        if icon.startswith('<span class="icon" aria-hidden="true">→'):
            icon, label = "", f"{label} {icon}"
        inner = f"<span>{_CONTAINER}<p>{icon}{label}</p></div></span>"
        link = html.escape(self.link(node.proto.page))
        return _element("stPageLink", f'<a href="{link}">{inner}</a>')

    def _setting(self, node: Node) -> str:
        if node.key == "language_switch":
            return self._language_switch()
        if not self.figure:
            return ""
        pressable = self._choices(node)
        return pressable or _stands_at(node)

    def _choices(self, node: Node) -> str:
        """A small choice whose options can be pressed, if they were harvested."""
        few = self.page.options.get(node.key or "", [])
        now = self.state.settings.get(node.key or "")
        goes = {text: self.page.find(self.state, {node.key: text}) for text, _ in few}
        if sum(place is not None for place in goes.values()) < 2:
            return ""
        words = {"false": t("off", "关"), "true": t("on", "开")}
        options = "".join(
            _option(markup.inline(name or words[text]), goes[text], text == now)
            for text, name in few
        )
        label = markup.inline(node.proto.label)
        return _element(
            "stButtonGroup",
            f'<div data-testid="stWidgetLabel"><p>{label}</p></div>'
            f'<div role="radiogroup" aria-label="{_plain(label)}">{options}</div>',
            node.key or "",
        )

    def _language_switch(self) -> str:
        if not self.languages:
            return ""
        links = "".join(
            f'<a href="{html.escape(address)}" hreflang="{html.escape(code)}">{name}</a>'
            if address
            else f'<span aria-current="true">{name}</span>'
            for (code, name), address in (
                (tuple(called.split(" ", 1)), address) for called, address in self.languages.items()
            )
        )
        return f'<nav class="gradviz-languages" aria-label="Language / 语言">{links}</nav>'

    def _train_live(self, label: str) -> str:
        address = html.escape(self.live(self.figure)) if self.live else ""
        return _element(
            "stButton",
            f'<a class="gradviz-live" data-testid="stBaseButton-primary" href="{address}"'
            f' target="_blank" rel="noopener">{markup.inline(label)} ↗</a>',
        )

    def _open_live(self, figure: str) -> str:
        if self.live is None:
            return ""
        words = html.escape(t("Open it live", "打开现场版"))
        address = html.escape(self.live(figure))
        return (
            f'<a class="gradviz-open" href="{address}" target="_blank" rel="noopener">{words} ↗</a>'
        )


_CONTAINER = '<div data-testid="stMarkdownContainer">'


def _kinds(node: Node) -> Iterator[str]:
    """The types of all that a container holds."""
    for child in node.children.values():
        yield child.type
        yield from _kinds(child) if hasattr(child, "children") else ()


def _gap(config: Any) -> str:  # noqa: ANN401 — Streamlit's message
    sizes = {"XXSMALL": 0.25, "XSMALL": 0.5, "SMALL": 1, "MEDIUM": 2, "LARGE": 4, "NONE": 0}
    name = type(config).DESCRIPTOR.fields_by_name["gap_size"].enum_type
    size = sizes.get(name.values_by_number[config.gap_size].name, 1)
    return f' style="gap: {size}rem"' if size != 1 else ""


def _keyed(key: str) -> str:
    """The class by which Streamlit names what has a key."""
    return f" st-key-{re.sub(r'[^a-zA-Z0-9_-]', '-', key)}" if key else ""


def _wrapped(block: str) -> str:
    return f'<div data-testid="stLayoutWrapper">{block}</div>'


def _element(kind: str, inner: str, key: str = "") -> str:
    return (
        f'<div class="stElementContainer{_keyed(key)}" data-testid="stElementContainer">'
        f'<div class="{kind}" data-testid="{kind}">{inner}</div></div>'
    )


def _heading(tag: str, node: Node) -> str:
    words = markup.inline(node.proto.body)
    return _element("stHeading", f"{_CONTAINER}<{tag}>{words}</{tag}></div>")


def _closed(kind: str, label: str, held: str) -> str:
    return _element(
        kind,
        f"<details><summary><span>{_CONTAINER}<p>{label}</p></div></span></summary>"
        f'<div class="stVerticalBlock" data-testid="stVerticalBlock">{held}</div></details>',
    )


def _button(key: str, label: str, goes: int, kind: str) -> str:
    pressed = ' aria-pressed="true"' if kind == "primary" else ""
    return _element(
        "stButton",
        f'<button type="button" data-testid="stBaseButton-{kind}" data-goes="{goes}"{pressed}>'
        f"{_CONTAINER}<p>{label}</p></div></button>",
        key,
    )


def _option(label: str, goes: int | None, now: bool) -> str:
    leads = f'data-goes="{goes}"' if goes is not None or now else "disabled"
    return (
        f'<button type="button" role="radio" aria-checked="{str(now).lower()}" {leads}>'
        f"<p>{label}</p></button>"
    )


def _stands_at(node: Node) -> str:
    """A control that only the server can move, as what it stands at."""
    label, value = markup.inline(node.proto.label), _value(node)
    return f'<p class="gradviz-setting{_keyed(node.key or "")}">{label} <b>{value}</b></p>'


def _value(node: Node) -> str:
    proto = node.proto
    match node.type:
        case "button_group":
            chosen: Sequence[str] = proto.raw_values
            return ", ".join(map(markup.inline, chosen))
        case "selectbox":
            return markup.inline(proto.raw_value or proto.options[proto.default])
        case "select_slider":
            return ", ".join(map(markup.inline, proto.raw_value))
        case "slider":
            return html.escape(proto.format % (proto.value or proto.default)[0])
        case "toggle":
            on = proto.value if proto.set_value else proto.default
            return t("on", "开") if on else t("off", "关")
        case _:
            value = node.value
            return html.escape(", ".join(value) if isinstance(value, list) else str(value))


def _plain(written: str) -> str:
    """Written HTML as a text, for an attribute."""
    return re.sub(r"<[^>]+>", "", written)
