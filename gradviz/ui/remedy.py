"""The spine that all lessons on remedies share, so that a reader learns to read it once.

An article of such a lesson has the lines `#### idea`, `#### race`, `#### why`, `#### limit` and
`#### pytorch` where its parts begin, in this order and in every language; here they get their
translated headings. Each part but the last has figures, among them one called `race` and one
called `limit`: runs that the reader can start.
"""

from __future__ import annotations

import re

from gradviz.language import t
from gradviz.ui.lesson import Lesson

PARTS = {
    "idea": ("The idea", "想法"),
    "race": ("The race", "比一比"),
    "why": ("Why it works", "为什么有效"),
    "limit": ("Where it ends", "局限"),
    "pytorch": ("In PyTorch", "在 PyTorch 中"),
}
_HEADING = re.compile(r"^#### (.+?) *$", re.MULTILINE)


def remedy(name: str) -> Lesson:
    """The lesson on the remedy `name`, with the headings of the spine."""
    return Lesson(name, with_headings)


def with_headings(text: str) -> str:
    """An article with the translated headings of its parts.

    Raises `ValueError` if its parts are not those of the spine, in order.
    """
    found = _HEADING.findall(text)
    if found != list(PARTS):
        raise ValueError(f"parts={found} are not {list(PARTS)}")
    return _HEADING.sub(lambda heading: f"#### {t(*PARTS[heading[1]])}", text)
