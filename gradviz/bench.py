"""A bench: up to four arms and their seeds, as the lab races them, and how a link spells it.

A link such as `?a=activation-tanh~depth-20&b=activation-tanh~depth-20~norm-batch&seeds=3&v=2.1`
holds every value: what an arm leaves out is that of `STANDARDS`, whose version the link names, so
that a link stays what it was when the defaults of `Recipe` change. The first number of `v` is the
version of the engine's numbers with which the link was made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradviz import store
from gradviz.recipe import CHOICES, NAMED, RANGES, Recipe
from gradviz.spelled import decimal_number, whole_number

NAMES = ("a", "b", "c", "d")  # of the arms, in a link
SEEDS, MOST_SEEDS = 3, 10
NO_ARM = "none"  # in a link: the bench has no such arm
LONGEST_LINK = 2000  # characters of one arm; all fields together need half of it

# The recipe from which a link of each version differs. Never change an entry: add one.
STANDARDS: dict[int, Mapping[str, Any]] = {
    1: {
        "dataset": "digits",
        "depth": 10,
        "width": 32,
        "activation": "sigmoid",
        "negative_slope": 0.01,
        "alpha": 1.0,
        "init": "kaiming_normal",
        "gain": None,
        "std": 1.0,
        "bias_std": 0.0,
        "norm": "none",
        "residual": False,
        "residual_scale": None,
        "optimizer": "sgd",
        "lr": 0.05,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "l1": 0.0,
        "l2": 0.0,
        "clip": "none",
        "clip_at": 1.0,
        "pretrain": "none",
        "pretrain_epochs": 30,
        "batch_size": 128,
        "steps": 300,
        "seed": 0,
    },
}
LATEST = max(STANDARDS)

_FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
_AUTOMATIC = "auto"  # None in a link: the activation's own gain, 1/√depth


@dataclass(frozen=True)
class Bench:
    """The `arms`, one to four, and the number of `seeds` of each. Raises `ValueError`."""

    arms: tuple[Recipe, ...]
    seeds: int = SEEDS

    def __post_init__(self) -> None:
        if not 1 <= len(self.arms) <= len(NAMES):
            raise ValueError(f"{len(self.arms)} arms are not 1 to {len(NAMES)}")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ValueError(f"seeds={self.seeds} is not a whole number from 1 to {MOST_SEEDS}")

    def named(self) -> dict[str, Recipe]:
        """The arms by their names."""
        return dict(zip(NAMES, self.arms, strict=False))


@dataclass(frozen=True)
class Complaint:
    """Of a link what is not possible: `name=raw`, and what would be allowed."""

    name: str
    raw: str
    allowed: str


def differing(arms: tuple[Recipe, ...]) -> list[str]:
    """The fields in which the arms are not all alike, in the order of `Recipe`."""
    return [name for name in _FIELDS if len({getattr(arm, name) for arm in arms}) > 1]


def layer_steps(bench: Bench) -> float:
    """What a bench costs, in units of one layer of 32 units, one seed, 128 examples, one step.

    A matrix product of width n on a batch of B costs about B·n², and never less than the call.
    """
    return sum(_cost(arm) for arm in bench.arms) * bench.seeds


def _cost(arm: Recipe) -> float:
    size = (arm.batch_size / 128) * (arm.width / 32) ** 2
    layers = (arm.depth + 1) * (2 if arm.residual else 1)
    steps = arm.steps + (arm.pretrain_epochs * 10 if arm.pretrain != "none" else 0)
    return layers * steps * max(0.2, size)


def written(bench: Bench) -> dict[str, str]:
    """`bench` as the parameters of a link; `read_arm` gives each arm back."""
    arms = {name: spelled(arm) for name, arm in bench.named().items()}
    return arms | {"seeds": str(bench.seeds), "v": f"{store.ENGINE}.{LATEST}"}


def read_arm(link: Mapping[str, str], name: str) -> tuple[Recipe | None, list[Complaint]]:
    """The arm called `name` in a link, None if it has none, and what in it is not possible.

    What it leaves out, and what is wrong, has the value of the standards that the link names. Only
    the arms after the first can be missing.
    """
    raw = link.get(name, NO_ARM)
    if raw == NO_ARM and (name in NAMES[1:] or name not in link):
        return None, []
    version, _ = version_of(link.get("v"))
    return _arm_from(name, raw, STANDARDS[version])


def engine_of(link: Mapping[str, str]) -> int | None:
    """The version of the engine's numbers with which a link was made, None if it says none."""
    return whole_number(link.get("v", "").partition(".")[0])


def spelled(arm: Recipe) -> str:
    """An arm as a link says it."""
    standard = STANDARDS[LATEST]
    changes = [
        f"{name}-{_value_text(getattr(arm, name))}"
        for name in _FIELDS
        if name not in standard or getattr(arm, name) != standard[name]
    ]
    return "~".join(changes) or "standard"


def _value_text(value: object) -> str:
    match value:
        case None:
            return _AUTOMATIC
        case bool():
            return "true" if value else "false"
        case float():
            # Every digit, so that the link says this very number.
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case _:
            return str(value)


def version_of(raw: str | None) -> tuple[int, list[Complaint]]:
    """The version of `STANDARDS` that the parameter `v` of a link names; the latest without one."""
    if raw is None:
        return LATEST, []
    version = whole_number(raw.partition(".")[2])
    if version in STANDARDS and engine_of({"v": raw}) is not None:
        return version, []
    allowed = ", ".join(f"{store.ENGINE}.{known}" for known in STANDARDS)
    return LATEST, [Complaint("v", raw, allowed)]


def _arm_from(name: str, raw: str, standard: Mapping[str, Any]) -> tuple[Recipe, list[Complaint]]:
    """The arm called `name` from its text, field by field, and what in it is not possible."""
    values, complaints = dict(standard), []
    if len(raw) > LONGEST_LINK:
        return Recipe(**values), [Complaint(name, raw, f"≤ {LONGEST_LINK}")]
    for part in raw.split("~") if raw != "standard" else ():
        field, _, text = part.partition("-")
        if field not in _FIELDS:
            complaints.append(Complaint(name, part, ", ".join(_FIELDS)))
            continue
        found = _value(field, text)
        if found is _WRONG or not _fits(field, found):
            complaints.append(Complaint(f"{name}: {field}", text, allowed(field)))
        else:
            values[field] = found
    return Recipe(**values), complaints


_WRONG = object()


def _value(field: str, text: str) -> Any:  # noqa: ANN401 — of the field's own type
    """What `text` says for a field, or `_WRONG`."""
    default = _FIELDS[field].default
    if field in CHOICES or text in NAMED.get(field, ()):
        return text
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text, _WRONG)
    if default is None and text == _AUTOMATIC:
        return None
    found = whole_number(text) if isinstance(default, int) else decimal_number(text)
    return _WRONG if found is None else found


def _fits(field: str, value: Any) -> bool:  # noqa: ANN401
    try:
        Recipe(**{field: value})
    except ValueError:
        return False
    return True


def allowed(field: str) -> str:
    """The allowed values of a field of the recipe, as a short text without words."""
    if field in CHOICES:
        return ", ".join(CHOICES[field])
    if field not in RANGES:
        return "true, false"
    low, high = RANGES[field]
    either = (_AUTOMATIC,) if _FIELDS[field].default is None else ()
    return ", ".join([f"{low:g}–{high:g}", *either, *NAMED.get(field, ())])
