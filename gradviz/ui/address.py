"""What a link says: where it leads, one way to complain of a value in it, and to write it.

What comes from a URL is anybody's text: it is read strictly, and shown as plain text only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import streamlit as st

from gradviz.bench import Complaint
from gradviz.language import t
from gradviz.ui import catalog

LONGEST = 40  # characters of a foreign text that are repeated
MOST_COMPLAINTS = 3  # of one parameter; a text of a thousand errors is one error
LONGEST_VALUE = 2000  # characters of a value that a link hands on
_CLOUD_FRAME = "/~/+"  # where Streamlit Community Cloud runs the app, inside a frame of its own


def of_page() -> str:
    """The address of the present page as others can open it, without parameters.

    It is what the visitor's browser says of itself (`st.context.url`), not what the server makes of
    the request: only the browser knows the scheme before a proxy that ends TLS, the host before one
    that rewrites it, and the path under which a proxy has mounted the app. Where the app stands in
    a frame of a course page, it is still the app's own address. On Community Cloud the browser's
    own is inside the frame `/~/+/`, which others cannot open: the page around it has the same path
    without it, and hands all parameters on. Home ends with a slash, as below a base path the server
    would otherwise send the reader on, by whatever scheme it believes in.
    """
    address = (st.context.url or "").replace(_CLOUD_FRAME, "", 1).removesuffix("/")
    is_lesson = address.rpartition("/")[2] in {entry.name for entry in catalog.LESSONS}
    return address if is_lesson or not address else f"{address}/"


def of_app() -> str:
    """The address of home as others can open it, with a slash at its end."""
    return _of_home(of_page())


def of_embed_script() -> str:
    """Where embed.js is: in the static edition, if we know of one, or else in the app itself.

    Streamlit serves the app's files where it runs: on Community Cloud inside the frame, too.
    """
    edition = of_edition()
    home = edition or f"{_of_home((st.context.url or '').removesuffix('/'))}app/static/"
    return f"{home}embed.js"


def of_edition() -> str | None:
    """Where the operator has put the static edition, with a slash at its end.

    It is the environment's GRADVIZ_EDITION_URL. Raises `ValueError` if that is no address.
    """
    address = os.environ.get("GRADVIZ_EDITION_URL", "").strip()
    if not address:
        return None
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"GRADVIZ_EDITION_URL={address!r} is no address: https://… is wanted")
    return f"{address.rstrip('/')}/"


def _of_home(address: str) -> str:
    base, _, last = address.removesuffix("/").rpartition("/")
    is_lesson = last in {entry.name for entry in catalog.LESSONS}
    return f"{base if is_lesson else address.removesuffix('/')}/"


def kept() -> dict[str, str]:
    """The parameters of the present URL that a link hands on: not what no page can mean."""
    state = st.query_params.to_dict()
    return {key: value for key, value in state.items() if len(value) <= LONGEST_VALUE}


def plain(text: str, longest: int = LONGEST) -> str:
    """`text` as Markdown that shows it and does nothing else, cut to `longest` characters.

    A code span takes everything literally but the backtick that would close it.
    """
    shown = text[:longest] + ("…" if len(text) > longest else "")
    visible = "".join(character if character.isprintable() else "�" for character in shown)
    return f"`{visible.replace('`', 'ˋ')}`"


def complain(key: str, raw: str, allowed: str) -> None:
    """Tell the visitor that the link's `key=raw` is not possible, and what would be."""
    st.warning(
        t(
            "The link asks for {what}, which is not possible here. Allowed: {allowed}.",
            "链接中的 {what} 在这里无效。允许的取值：{allowed}。",
            what=plain(f"{key}={raw}", len(key) + 1 + LONGEST),
            allowed=allowed,
        ),
        icon=":material/link_off:",
    )


def complain_of(complaints: Sequence[Complaint]) -> None:
    """Tell the visitor of the first few `complaints`, and how many more there are."""
    for complaint in complaints[:MOST_COMPLAINTS]:
        complain(complaint.name, complaint.raw, complaint.allowed)
    more = len(complaints) - MOST_COMPLAINTS
    if more > 0:
        st.warning(t("… and {n} more.", "……另有 {n} 处。", n=more), icon=":material/link_off:")


def complain_of_hidden(names: Sequence[str], known: Sequence[str]) -> None:
    """Tell the visitor that the link hides `names`, of which the page has none but the `known`."""
    if names:
        st.warning(
            t(
                "The link hides {what}, which this page does not have. It has: {known}.",
                "链接要隐藏 {what}，而此页没有这一项。可隐藏：{known}。",
                what=plain(",".join(names)),
                known=", ".join(known),
            ),
            icon=":material/link_off:",
        )


def write(values: Mapping[str, str | None]) -> None:
    """Set parameters of the URL, or remove those that are None, as one step of the history."""
    state = st.query_params.to_dict()
    for key, text in values.items():
        if text is None:
            state.pop(key, None)
        else:
            state[key] = text
    if state != st.query_params.to_dict():
        st.query_params.from_dict(state)
