"""The data of a picture as tables, whose columns are called as the picture calls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gradviz.charts.parts.spec import Spec
from gradviz.language import t

# What to call columns that no axis and no tooltip of a picture names; all others are layout.
_USUAL: dict[str, tuple[str, str]] = {
    "arm": ("network", "网络"),
    "step": ("step", "步"),
    "layer": ("layer", "层"),
    "state": ("state", "状态"),
    "middle": ("mean of seeds", "各种子的均值"),
    "low": ("lowest", "最小"),
    "high": ("highest", "最大"),
    "value": ("value", "数值"),
    "y": ("value", "数值"),
    "long": ("long axis", "长轴"),
    "short": ("short axis", "短轴"),
    "product": ("product", "乘积"),
    "theory": ("theory", "理论值"),
    "name": ("name", "名称"),
    "kind": ("kind", "类别"),
    "w": ("w", "w"),
    "z": ("z", "z"),
    "x": ("x", "x"),
    "a": ("a", "a"),
    "b": ("b", "b"),
    "n": ("n", "n"),
    "k": ("k", "k"),
    "epoch": ("epoch", "轮次"),
    "depth": ("layers", "层数"),
    "degrees": ("degrees", "角度"),
    "quantity": ("quantity", "量"),
}
_PLAIN = ("arm", "step", "layer")  # always called so


def usual_names() -> dict[str, str]:
    """What fields are called that the picture itself does not name, in the current language."""
    return {field: t(*names) for field, names in _USUAL.items()}


def titles_of(spec: Spec) -> dict[str, list[str]]:
    """The titles that the axes and tooltips of a picture give to its fields, by field."""
    titles: dict[str, list[str]] = {}
    for _, field, title in _named_fields(spec):
        titles.setdefault(field, []).append(title)
    return titles


def tooltips_of(spec: Spec) -> list[list[str]]:
    """The titles that each tooltip of a picture tells, where the picture says what to tell."""
    found = []
    for part in _parts(spec, None):
        tooltip = part[0].get("encoding", {}).get("tooltip")
        if isinstance(tooltip, list):
            found.append([_title(each) or str(each.get("field")) for each in tooltip])
    return found


def tables_of(spec: Spec, frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The named data `frames` of a picture, with the columns that mean something, by its titles.

    What has less than two such columns, or no rows, is layout, or is computed in the browser.
    """
    titles: dict[str | None, dict[str, str]] = {}
    for data, field, title in _named_fields(spec):
        titles.setdefault(data, {}).setdefault(field, title)
    found = {}
    for name, frame in frames.items():
        usual = usual_names()
        # A mark for an event may call its step after the event.
        named = usual | titles.get(name, {}) | {key: usual[key] for key in _PLAIN}
        # Marks stand beside their layer where they would hide each other.
        beside = "place" if "layer" in frame else None
        columns = [each for each in map(str, frame) if each in named and each != beside]
        table = frame[columns]
        if len(table) and len(columns) > 1:
            found[name] = table.set_axis(_distinct([named[column] for column in columns]), axis=1)
    return found


def one_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All `tables` below each other; if there are several, the first column says which it is."""
    if len(tables) == 1:
        return next(iter(tables.values()))
    part = t("part", "部分")
    parts = [table.assign(**{part: name}) for name, table in tables.items()]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({part: []})
    return whole[[part, *(column for column in whole if column != part)]]


def _parts(part: Any, data: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:  # noqa: ANN401
    """All views of a spec, each with the name of its data."""
    if isinstance(part, list):
        for each in part:
            yield from _parts(each, data)
    if not isinstance(part, dict):
        return
    own = part.get("data")
    data = own.get("name", data) if isinstance(own, dict) else data
    yield part, data
    for name in ("layer", "vconcat", "hconcat", "concat", "spec"):
        yield from _parts(part.get(name), data)


def _named_fields(spec: Spec) -> Iterator[tuple[str | None, str, str]]:
    """(data, field, title) of all encodings of a spec; tooltips first, which say more."""
    for part, data in _parts(spec, None):
        encoding = part.get("encoding", {})
        for channel in sorted(encoding, key=lambda name: name != "tooltip"):
            known = encoding[channel]
            for each in known if isinstance(known, list) else [known]:
                title = _title(each)
                if title:
                    yield data, each["field"], title


def _title(channel: Any) -> str | None:  # noqa: ANN401
    if not isinstance(channel, dict) or not isinstance(channel.get("field"), str):
        return None
    axis = channel.get("axis")
    title = channel.get("title") or (axis.get("title") if isinstance(axis, dict) else None)
    return title if isinstance(title, str) else None


def _distinct(names: list[str]) -> list[str]:
    """`names`, the later of two that are alike with a number."""
    return [
        name if name not in names[:place] else f"{name} ({names[: place + 1].count(name)})"
        for place, name in enumerate(names)
    ]
