"""Words that drive pictures: a link in the prose that sets the figure beside it.

In an article `[ten layers](#scalar?layers=10)` names a figure and controls of the page, with their
values as they stand in a URL. The browser sets what are sliders inside the picture by itself, as
the reader's own hand would: at once, without the server. For all else each figure draws, unseen,
one button for each of its words that sets the controls as a preset does, so that the link, Back and
the lit preset follow; the page's script (`page/words.js`) presses it. Without the script nothing
happens at all: such a link leads to no other page.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import streamlit as st

from gradviz.ui import controls
from gradviz.ui.controls import Control, Opening

_LINK = re.compile(r"\]\(#(\w+)\?([^)\s]+)\)")


@dataclass(frozen=True)
class Word:
    """A word that sets controls of the page: `settings` are their keys and values, as in a URL."""

    figure: str
    settings: tuple[tuple[str, str], ...]

    @property
    def target(self) -> str:
        """What its link leads to, without "#"."""
        return f"{self.figure}?{'&'.join(f'{key}={value}' for key, value in self.settings)}"

    @property
    def button(self) -> str:
        """The key of its button; the script knows the button by the class made from it."""
        return f"word_{self.target}"

    def values(self, known: Mapping[str, Control]) -> dict[Control, object]:
        """The controls that it sets, of those that are `known` on the page, with their values.

        Raises `ValueError` if the page has no such control, or the control no such value.
        """
        found: dict[Control, object] = {}
        for key, raw in self.settings:
            if key not in known:
                raise ValueError(f"#{self.target}: {key} is none of {', '.join(known)}")
            value = known[key].read(raw)
            if value is None or known[key].text(value) != raw:
                raise ValueError(f"#{self.target}: {key}={raw} is none of {known[key].allowed()}")
            found[known[key]] = value
        return found


def words_of(article: str) -> list[Word]:
    """The words of an article that drive pictures, in order."""
    return [
        Word(figure, tuple(parse_qsl(settings, keep_blank_values=True)))
        for figure, settings in _LINK.findall(article)
    ]


def draw_buttons(figure: str, words: Sequence[Word]) -> None:
    """Draw, unseen, what presses the `words` of `figure`; its controls are all declared by now."""
    words = list(dict.fromkeys(word for word in words if word.figure == figure))
    if not words:
        return
    with st.container(key=f"driven_{figure}"):
        set_now: dict[str, str] = {}
        sliders: dict[str, str] = {}
        for word in words:
            try:
                values = word.values(controls.declared())
            except ValueError:
                continue  # tests try all words; this one is out of reach in the present state
            if not controls.can_set(values):
                continue  # the link holds what it would move
            for control in values:
                if isinstance(control, Opening):
                    sliders[control.key] = control.slider
                else:
                    set_now[control.key] = control.text(control.value)
            st.button("·", key=word.button, on_click=controls.set_all, args=(values,))
        # What the script needs to know whether it can set all of a word by itself.
        known = {"sliders": sliders, "state": set_now}
        st.html(f'<i class="gradviz-driven" data-known="{html.escape(json.dumps(known))}"></i>')
