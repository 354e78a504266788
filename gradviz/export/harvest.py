"""What the app shows: its pages, opened without a browser, in each state that leads somewhere.

A state is what the controls of a page stand at. Of a page there are: the one in which it opens,
those of its presets, those of the words in its article, and each option of its small choices: all
that is recorded (see `gradviz.record`), so that nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamlit.testing.v1 import AppTest

from gradviz.ui import catalog
from gradviz.ui.controls import Choice, Control, Opening, Switch
from gradviz.ui.lesson import Figure, Lesson, article, shown_lessons
from gradviz.ui.picture import SLIDERS
from gradviz.ui.words import words_of

Node = Any  # an element or a container of `streamlit.testing.v1`
Settings = dict[str, str]  # by the controls' keys, as in a link

_PATIENCE = 300  # seconds that a page may take
_FEW = 3  # options of a choice that are all recorded, as in `gradviz.record`


@dataclass(frozen=True)
class State:
    """A page in one state: `settings` are all its controls; `main` and `sidebar` are what is shown.

    `openings` are the sliders inside pictures, which the browser moves, by the controls' keys;
    `sliders` are those of each figure, by which they can be called alike.
    """

    settings: Settings
    openings: dict[str, str]
    main: Node
    sidebar: Node
    sliders: Mapping[str, dict[str, str]] = field(default_factory=dict)

    def server_settings(self) -> frozenset[tuple[str, str]]:
        """What only the server can set."""
        own = self.settings.items()
        return frozenset((key, text) for key, text in own if key not in self.openings)

    def figure(self, name: str) -> Node | None:
        """The card of the figure called `name`."""
        return next(_keyed(self.main, f"figure_{name}"), None)


@dataclass
class Page:
    """A page of the app in one language: its states, the first that in which it opens.

    `targets` says by the key of a button which state it leads to when it is pressed in the first
    one, and `settings_of` what it sets; `options` are the few options of a control, by its key,
    and `controls_of` the keys of the controls of a figure.
    """

    name: str
    language: str
    title: str
    script: str
    style: str
    states: list[State]
    figures: dict[str, tuple[str, str]]  # titles by name, in the order of the page
    settings_of: dict[str, Settings] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)
    options: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    controls_of: dict[str, list[str]] = field(default_factory=dict)

    def reached(self, figure: str) -> set[int]:
        """The states that a press in the first one leads to, of what belongs to a figure."""
        own = (f"{figure}_presets_", f"word_{figure}?")
        buttons = {to for button, to in self.targets.items() if button.startswith(own)}
        changes = [
            {key: text}
            for key in self.controls_of.get(figure, [])
            for text, _ in self.options.get(key, [])
        ]
        options = {self.find(self.states[0], change) for change in changes}
        return buttons | {place for place in options if place is not None}

    def target(self, button: str, now: State) -> int | None:
        """The state that a press of `button` leads to in the state `now`; None if to none.

        What the button does not set stays as it is, if that was harvested.
        """
        if button not in self.settings_of:
            return None
        return self.find(now, self.settings_of[button], self.targets.get(button))

    def find(self, now: State, change: Settings, otherwise: int | None = None) -> int | None:
        """The state `now` after a `change`; `otherwise` if it was not harvested."""
        own = {k: v for k, v in change.items() if k not in now.openings}
        wanted = frozenset({**dict(now.server_settings()), **own}.items())
        if wanted == now.server_settings() and otherwise is not None:
            return otherwise
        if otherwise is not None and self.states[otherwise].server_settings() == wanted:
            return otherwise
        found = (place for place, s in enumerate(self.states) if s.server_settings() == wanted)
        return next(found, otherwise)


def harvest(name: str, language: str) -> Page:
    """The page `name`, home or a lesson, with all its states."""
    opened, lesson = _opened(name, {"lang": language})
    page = Page(
        name,
        language,
        title=opened.title[0].value,
        script=_inside(opened, "script"),
        style=_inside(opened, "style"),
        states=[_state(opened, lesson)],
        figures=_figures(opened, lesson),
    )
    if lesson is None:
        return page
    page.options = dict(_small_choices(lesson))
    page.controls_of = {
        name: [control.key for control in _controls(figure)]
        for name, figure in lesson.figures.items()
    }
    page.settings_of = dict(_buttons(lesson, language))
    changes = [*page.settings_of.items()]
    changes += [("", {key: text}) for key, few in page.options.items() for text, _ in few]
    first = page.states[0].settings
    known: dict[frozenset[tuple[str, str]], int] = {frozenset(): 0}
    for button, change in changes:
        key = frozenset(each for each in change.items() if each not in first.items())
        if key not in known:
            app, now = _opened(name, {"lang": language, **change})
            known[key] = len(page.states)
            page.states.append(_state(app, now))
        if button:
            page.targets[button] = known[key]
    return page


def _opened(name: str, query: Mapping[str, str]) -> tuple[AppTest, Lesson | None]:
    """The page in one state. Raises `RuntimeError` if it complains."""
    app = AppTest.from_file(str(catalog.ROOT / "app.py"), default_timeout=_PATIENCE)
    for key, value in query.items():
        app.query_params[key] = value
    with shown_lessons() as shown:
        (app if name == "home" else app.switch_page(catalog.find(name).page)).run()
    if app.exception or app.error or app.warning:
        raise RuntimeError(f"the page of {name} with {dict(query)} complains")
    return app, shown[-1] if shown else None


def _state(app: AppTest, lesson: Lesson | None) -> State:
    declared: Mapping[str, Control] = app.session_state["controls_declared"]
    settings = {key: control.text(app.session_state[key]) for key, control in declared.items()}
    openings = {key: c.slider for key, c in declared.items() if isinstance(c, Opening)}
    kept = app.session_state
    known = kept[SLIDERS] if SLIDERS in kept else {}  # noqa: SIM401 — it has no get
    sliders = {name: {key: slider for slider, key in own.items()} for name, own in known.items()}
    return State(settings, openings, app.main, app.sidebar, sliders)


def _inside(app: AppTest, tag: str) -> str:
    """What stands in the first element of HTML that is a script or a style sheet."""
    for element in app.get("html"):
        body: str = element.proto.body
        if body.startswith(f"<{tag}>"):
            return body.removeprefix(f"<{tag}>").removesuffix(f"</{tag}>")
    raise LookupError(f"the page has no {tag}")


def _figures(app: AppTest, lesson: Lesson | None) -> dict[str, tuple[str, str]]:
    shown = [key.removeprefix("figure_") for key in _keys(app.main) if key.startswith("figure_")]
    titles = {name: figure.title for name, figure in lesson.figures.items()} if lesson else {}
    return {name: titles.get(name, ("", "")) for name in shown}


def _small_choices(lesson: Lesson) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for figure in lesson.figures.values():
        for control in _controls(figure):
            if isinstance(control, Switch):
                yield control.key, [("false", ""), ("true", "")]
            elif isinstance(control, Choice) and len(control.options) <= _FEW:
                yield control.key, [(option, control.names(option)) for option in control.options]


def _controls(figure: Figure) -> list[Control]:
    return list(figure.controls() if callable(figure.controls) else figure.controls)


def _buttons(lesson: Lesson, language: str) -> Iterator[tuple[str, Settings]]:
    """What the buttons of presets and of words set, by their keys."""
    for figure in lesson.figures.values():
        for place, preset in enumerate(figure.presets):
            values = {control.key: control.text(value) for control, value in preset.values.items()}
            yield f"{figure.name}_presets_{place}", values
    for word in words_of(lesson.edit(article(lesson.entry.name, language))):
        yield word.button, dict(word.settings)


def _keyed(node: Node, key: str) -> Iterator[Node]:
    if getattr(node, "key", None) == key:
        yield node
    for child in getattr(node, "children", {}).values():
        yield from _keyed(child, key)


def _keys(node: Node) -> Iterator[str]:
    if getattr(node, "key", None):
        yield node.key
    for child in getattr(node, "children", {}).values():
        yield from _keys(child)
