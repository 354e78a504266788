"""The folder of a static edition: pages, data, scripts and style sheets.

    index.html           leads to the reader's language
    embed.js             shows a figure on somebody else's page
    gradviz-figure.mjs   the same as one module, for anywidget
    assets/              what all pages share
    <lang>/<page>.html   home ("index") and the lessons
    <lang>/figure/<lesson>/<figure>.html    a figure alone, for embedding
    <lang>/data/<lesson>.<figure>.js        its pictures in all its states

A page opened from a file may neither fetch data nor load modules: so data come in scripts, packed,
each when its figure comes near.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import html
import json
import logging
import multiprocessing
import shutil
import string
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from gradviz import language
from gradviz.export import borrowed
from gradviz.export.elements import Writer
from gradviz.export.harvest import Page, State, harvest
from gradviz.export.pictures import Pictures
from gradviz.language import LANGUAGES, t
from gradviz.ui import catalog

ASSETS = Path(__file__).parent / "assets"
_COPIED = ("edition.css", "edition.js")


@dataclass(frozen=True)
class Edition:
    """Where to write what: `languages` side by side, with links to `server` if there is one."""

    folder: Path
    languages: Sequence[str]
    server: str | None = None

    def write(self, text: str | bytes, *path: str) -> None:
        """Write a file of the edition."""
        file = self.folder.joinpath(*path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def live(self, page: str, settings: dict[str, str]) -> Callable[[str], str] | None:
        """Where the app shows a figure of `page` alone in these `settings`, for "" all of it."""
        if self.server is None:
            return None
        lesson = "" if page == "home" else page
        base = f"{self.server.rstrip('/')}/{lesson}"

        def address(figure: str) -> str:
            alone = {"figure": figure} if figure else {}
            return f"{base}?{urlencode({'lang': language.current(), **alone, **settings})}"

        return address


def write_edition(folder: Path, languages: Sequence[str], server: str | None = None) -> None:
    """Write the static edition in `languages`; a `server` is the address of the app, if it runs."""
    edition = Edition(folder, languages, server)
    for name in _COPIED:
        edition.write((ASSETS / name).read_bytes(), "assets", name)
    script = (catalog.ROOT / "static" / "embed.js").read_text(encoding="utf-8")
    edition.write(script, "embed.js")
    edition.write(_module(script), "gradviz-figure.mjs")
    edition.write(borrowed.vega(), "assets", "vega.js")
    edition.write(borrowed.katex(), "assets", "katex.js")
    edition.write(borrowed.faces(), "assets", "fonts.css")
    for name, font in borrowed.fonts().items():
        edition.write(font, "assets", name)
    shutil.copy(catalog.ROOT / "assets" / "icon.svg", folder / "assets" / "icon.svg")
    edition.write(_entrance(languages), "index.html")
    # Each language in a process of its own: a page has to be opened some twenty times.
    with ProcessPoolExecutor(
        len(languages), mp_context=multiprocessing.get_context("spawn")
    ) as processes:
        list(processes.map(_write_language, [edition] * len(languages), languages))


def _write_language(edition: Edition, code: str) -> None:
    # Streamlit says of every page that it was not opened by a server: here that is meant.
    logging.disable(logging.WARNING)
    language.use(code)
    for name in ["home", *(entry.name for entry in catalog.LESSONS if entry.built)]:
        _write_page(edition, harvest(name, code))


def _write_page(edition: Edition, page: Page) -> None:
    """A page, its figures alone, and their data."""
    if page.name == "home":
        edition.write(page.style, "assets", "app.css")
        edition.write(page.script, page.language, "app.js")
    cards = {name: _write_figure(edition, page, name) for name in page.figures}

    def card(name: str) -> str:
        return f'<div data-testid="stLayoutWrapper">{cards[name]("")}</div>'

    first = page.states[0]
    address = _address(page.name)
    others = {
        f"{code} {LANGUAGES[code]}": None if code == page.language else f"../{code}/{address}"
        for code in edition.languages
    }
    writer = Writer(
        page,
        first,
        Pictures(),
        link=_address,
        live=edition.live(page.name, {}),
        languages=others if len(others) > 1 else {},
        place=card,
    )
    body = _filled(
        "page.html",
        navigation=writer.write(first.sidebar),
        main=writer.write(first.main),
        note=_note(edition) if page.name == "lab" else "",
        menu=html.escape(t("All lessons", "全部课程")),
        close=html.escape(t("Close", "关闭")),
    )
    edition.write(_document(page, page.title, body, "../"), page.language, address)


def _write_figure(edition: Edition, page: Page, name: str) -> Callable[[str], str]:
    """The data of a figure, and the figure alone; what writes its card, given the way to them."""
    pictures = Pictures()
    written = [_card(edition, page, state, name, pictures) for state in page.states]
    renderings = list(dict.fromkeys(written))
    of = [renderings.index(each) for each in written]
    data = {
        "of": of,
        "renderings": renderings,
        "specs": pictures.specs,
        "tables": pictures.tables,
        "takes": _takes(page, name),
        "settings": [state.settings for state in page.states],
        "sliders": page.states[0].openings,
        "own": page.states[0].sliders.get(name, {}),
        "absent": t(
            "What you pressed is not among the recorded states: the app computes it.",
            "您点按的状态没有录制，需由应用计算。",
        ),
        "unrecorded": t(
            "This figure was asked for in a state that is not among the recorded ones: it stands "
            "as it opens. The app computes the other.",
            "此图被要求以未录制的状态打开：这里显示的是它最初的状态，所要的状态需由应用计算。",
        ),
        "live": live(name) if (live := edition.live(page.name, {})) else None,
        "open": t("Open it there", "在应用中打开"),
    }
    key = f"{page.name}/{name}"
    packed = base64.b64encode(gzip.compress(_json(data).encode(), mtime=0)).decode()
    source = f"data/{page.name}.{name}.js"
    edition.write(f"gradvizEdition.receive({_json(key)},{_json(packed)});", page.language, source)

    def card(way: str) -> str:
        return (
            f'<div class="stVerticalBlock bordered st-key-figure_{name}" data-figure="{key}"'
            f' data-source="{way}{source}" data-testid="stVerticalBlock">{written[0]}</div>'
        )

    alone = f'<main data-testid="stMain" class="alone">{card("../../")}</main>'
    title = t(*page.figures[name]) or page.title
    document = _document(page, title, alone, "../../../")
    edition.write(document, page.language, "figure", page.name, f"{name}.html")
    return card


def _card(edition: Edition, page: Page, state: State, name: str, pictures: Pictures) -> str:
    """What the card of a figure holds in a state."""
    node = state.figure(name)
    live = edition.live(page.name, state.settings)
    writer = Writer(page, state, pictures, _address, live, figure=name)
    return writer.card(node) if node else ""


def _takes(page: Page, name: str) -> list[str]:
    """The figures that show another picture when this one is set: they have controls in common."""
    return [
        other
        for other in page.figures
        if other != name and any(_differs(page, place, other) for place in page.reached(name))
    ]


def _differs(page: Page, place: int, name: str) -> bool:
    first, then = (page.states[at].figure(name) for at in (0, place))
    return _charts(first) != _charts(then)


def _charts(node: object) -> list[bytes]:
    if node is None:
        return []
    if getattr(node, "type", "") == "vega_lite_chart":
        return [node.proto.SerializeToString(deterministic=True)]  # pyright: ignore
    children = getattr(node, "children", {})
    return [chart for child in children.values() for chart in _charts(child)]


def _note(edition: Edition) -> str:
    """What a reader of the lab must know, most of which is a server's work."""
    note = t(
        "You read the static edition: the bench stands as the lab opens, with the runs that were "
        "recorded. To set up and train networks of your own, open the lab in the app.",
        "这是静态版：实验台上是实验室打开时的设置，训练过程为录制。要自己搭配并训练网络，请在应用中打开实验室。",
    )
    live = edition.live("lab", {})
    words = t("Open the lab", "打开实验室")
    link = f' <a href="{html.escape(live(""))}">{words}</a>' if live else ""
    return f'<p class="gradviz-note">{html.escape(note)}{link}</p>'


def _document(page: Page, title: str, body: str, root: str) -> str:
    return _filled(
        "document.html",
        lang={"zh": "zh-CN"}.get(page.language, page.language),
        title=html.escape(title),
        root=root,
        own=f"{root}{page.language}/",
        body=body,
    )


def _module(script: str) -> str:
    """`embed.js` as a module that does what anywidget asks of one: it puts a figure into `el`."""
    own = script.replace("document.currentScript.src", "import.meta.url")
    return own + (ASSETS / "widget.js").read_text(encoding="utf-8")


def _entrance(languages: Sequence[str]) -> str:
    links = "".join(
        f'<li><a href="{code}/index.html" hreflang="{code}">{LANGUAGES[code]}</a></li>'
        for code in languages
    )
    return _filled("entrance.html", languages=_json(list(languages)), links=links)


def _address(page: str) -> str:
    return "index.html" if page in ("", "home") else f"{page}.html"


def _filled(template: str, **values: str) -> str:
    text = (ASSETS / template).read_text(encoding="utf-8")
    return string.Template(text).substitute(values)


def _json(thing: object) -> str:
    return json.dumps(thing, ensure_ascii=False, separators=(",", ":"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the edition that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m gradviz.export",
        description="Write home, every lesson and every figure as pages that need no server.",
    )
    parser.add_argument("folder", type=Path, help="where to; it is made if need be")
    parser.add_argument("--lang", choices=[*LANGUAGES, "all"], default="all", help="all by default")
    parser.add_argument("--server", help="address of the running app, for “Train it live”")
    asked = parser.parse_args(arguments)
    begun = time.monotonic()
    languages = list(LANGUAGES) if asked.lang == "all" else [asked.lang]
    write_edition(asked.folder, languages, asked.server)
    for code in languages:
        print(f"{code}: {_size(asked.folder / code) + _size(asked.folder / 'assets'):.1f} MB")
    print(f"{asked.folder / 'index.html'}, in {time.monotonic() - begun:.0f} s")


def _size(folder: Path) -> float:
    """The megabytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
