"""The arms of the lab: controls that hold a recipe each, and the editor that changes them.

Each arm is one parameter of the URL, spelled as `gradviz.bench` says. The editor shows one arm at a
time, its fields in groups; those in which the arms differ are marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import streamlit as st

from gradviz import bench, store
from gradviz.bench import LATEST, NAMES, STANDARDS, Bench, differing
from gradviz.language import t
from gradviz.recipe import Recipe, replace
from gradviz.ui import address, controls
from gradviz.ui.controls import Choice, Control
from gradviz.ui.recipe_fields import (
    FIELDS,
    GROUPS,
    Field,
    bounds,
    in_words,
    is_off,
    is_optional,
    is_whole,
    matters,
    options,
)

_TOLD = 2  # differences that the name of an arm tells


@dataclass(frozen=True, eq=False, kw_only=True)
class Arm(Control[tuple[Recipe, ...]]):
    """One arm: a tuple of its recipe, or an empty one where the bench has no such arm."""

    always_written: ClassVar[bool] = True

    def text(self, value: tuple[Recipe, ...]) -> str:
        """See `Control.text`."""
        return bench.spelled(value[0]) if value else bench.NO_ARM

    def read(self, raw: str) -> tuple[Recipe, ...]:
        """See `Control.read`; a field that is wrong is named, and stands as in the standard."""
        version = st.query_params.get("v")
        link = {self.key: raw} | ({} if version is None else {"v": version})
        recipe, complaints = bench.read_arm(link, self.key)
        address.complain_of(complaints)
        return () if recipe is None else (recipe,)

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`."""
        return isinstance(value, tuple) and all(isinstance(part, Recipe) for part in value)

    def _widget(self) -> None:
        """It has none of its own: the editor draws it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Version(Control[str]):
    """The version of the engine's numbers and of the standards of a link; see `gradviz.bench`."""

    always_written: ClassVar[bool] = True

    def read(self, raw: str) -> str | None:
        """See `Control.read`."""
        return None if bench.version_of(raw)[1] else raw

    def accepts(self, value: object) -> bool:
        """See `Control.accepts`: what was read of an old link is from now on the present one."""
        return value == self.default

    def allowed(self) -> str:
        """See `Control.allowed`."""
        return ", ".join(f"{store.ENGINE}.{known}" for known in STANDARDS)

    def _widget(self) -> None:
        """It has none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Editor(Choice):
    """Which arm is edited, and below it the fields of that arm."""

    arms: tuple[Arm, ...]
    version: Version
    beginnings: Mapping[str, Bench]
    locked: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    def draw(self) -> None:
        """Draw the editor; the link can hide it as any control."""
        self.keep_up()
        if not controls.hidden(self.key):
            self._draw()

    def keep_up(self) -> None:
        """Draw the page again if an arm has come or gone: a figure that is touched reruns alone."""
        if self.options != _present(self.arms):
            st.rerun()

    def _draw(self) -> None:
        # In an exercise there is one network, which is to be changed.
        if self.beginnings:
            self._beginnings()
        if self.beginnings or len(self.options) > 1:
            super()._widget()
            with st.container(horizontal=True, gap="xsmall"):
                if self.beginnings:
                    self._duplicate()
                self._remove()
        recipe = self.edited
        differ = differing(self.bench)
        for titles, fields in GROUPS.items():
            shown = [own for own in fields if self._is_seen(own.name, recipe)]
            if not shown:
                continue
            marked = any(own.name in differ for own in shown)
            title = t(*titles) + (" ≠" if marked else "")
            # Opened, it lies over the page, which stays as high as it is.
            with st.popover(title, width="stretch"):
                for own in sorted(shown, key=lambda field: field.rare):
                    self._field(own, recipe, own.name in differ)

    def _is_seen(self, field: str, recipe: Recipe) -> bool:
        return matters(field, recipe) and field not in self.unseen

    @property
    def bench(self) -> tuple[Recipe, ...]:
        """The recipes of all arms that there are."""
        return tuple(recipe for arm in self.arms for recipe in arm.value)

    @property
    def has_room(self) -> bool:
        """Whether another arm fits on the bench."""
        return len(self.bench) < len(self.arms)

    @property
    def edited(self) -> Recipe:
        """The recipe of the arm that is edited."""
        return self._arm().value[0]

    def _arm(self) -> Arm:
        chosen = next(arm for arm in self.arms if arm.key == self.value)
        return chosen if chosen.value else self.arms[0]

    def _beginnings(self) -> None:
        """A menu of benches to start from."""
        st.selectbox(
            t("Start from", "从这里开始"),
            list(self.beginnings),
            index=None,
            placeholder=t("a known comparison…", "选一组现成的对比……"),
            key=f"{self.key}_beginning",
            help=t(
                "The sick and the cured network of each lesson, and settings of the papers.",
                "各课中病态与治好的网络，以及论文中的设置。",
            ),
            on_change=self._begin,
        )

    def _begin(self) -> None:
        name = st.session_state[f"{self.key}_beginning"]
        if name is not None:
            self._set(self.beginnings[name].arms)
            st.session_state[f"{self.key}_beginning"] = None

    def setting(self, recipes: Sequence[Recipe]) -> dict[Control, object]:
        """What a preset sets so that these `recipes` stand on the bench, the first to be edited."""
        return {**self._arms_as(recipes), self: NAMES[0], self.version: self.version.default}

    def _arms_as(self, recipes: Sequence[Recipe]) -> dict[Control, object]:
        return {arm: tuple(recipes[place : place + 1]) for place, arm in enumerate(self.arms)}

    def _set(self, recipes: Sequence[Recipe], edited: str | None = None) -> None:
        """Set all arms as one act, which Back undoes, and with it which one is `edited`."""
        values = self._arms_as(recipes)
        names = [arm.key for arm in self.arms][: len(recipes)]
        if edited is not None:
            values[self] = edited
        elif self.value not in names:
            values[self] = names[-1]
        controls.set_all(values | {self.version: self.version.default})

    def _duplicate(self) -> None:
        st.button(
            t("Duplicate", "复制一组"),
            key=f"{self.key}_duplicate",
            icon=":material/content_copy:",
            disabled=not self.has_room,
            help=t(
                "Another arm like this one, in which to change one thing.",
                "复制出相同的一组，再改动其中一处。",
            ),
            on_click=self.add,
            args=(self.edited,),
        )

    def add(self, recipe: Recipe) -> None:
        """Put another arm on the bench, and edit it; call it in a callback only."""
        self._set([*self.bench, recipe], edited=self.arms[len(self.bench)].key)

    def _remove(self) -> None:
        st.button(
            t("Remove", "删除"),
            key=f"{self.key}_remove",
            icon=":material/delete:",
            disabled=len(self.bench) == 1,
            help=t("Take this arm off the bench.", "从实验台上去掉这一组。"),
            on_click=self._drop,
            args=(self.arms.index(self._arm()),),
        )

    def _drop(self, place: int) -> None:
        recipes = list(self.bench)
        del recipes[place]
        self._set(recipes)

    def _field(self, field: Field, recipe: Recipe, differs: bool) -> None:
        key = f"{self.key}_{self._arm().key}_{field.name}"
        value: Any = getattr(recipe, field.name)
        # The recipe is what counts: it may have come from a link, a preset or another arm.
        st.session_state[key] = value
        label = f"**{field.label()}** ≠" if differs else field.label()
        shared: dict[str, Any] = {
            "key": key,
            "help": field.help(),
            "on_change": self._change,
            "args": (field, key),
            "disabled": field.name in self.locked,
        }
        choices = options(field.name)
        if choices:
            st.selectbox(label, choices, **shared)
        elif isinstance(value, bool):
            st.toggle(label, **shared)
        else:
            self._number(field, label, shared)

    def _number(self, field: Field, label: str, shared: dict[str, Any]) -> None:
        low, high = bounds(field.name)
        whole = is_whole(field.name)
        step, form = (int(field.step), "%d") if whole else (float(field.step), None)
        empty = {"placeholder": t("automatic", "自动")} if is_optional(field.name) else {}
        st.number_input(label, low, high, step=step, format=form, **empty, **shared)

    def _change(self, field: Field, key: str) -> None:
        value = st.session_state[key]
        if value is None and not is_optional(field.name):
            return  # the field was emptied: it goes back to what it was
        changed = [
            replace(recipe, **{field.name: value}) if field.shared or arm is self._arm() else recipe
            for arm, recipe in zip(self.arms, self.bench, strict=False)
        ]
        self._set(changed)


def declare_bench(
    opens: Bench,
    beginnings: Mapping[str, Bench],
    locked: tuple[str, ...] = (),
    unseen: tuple[str, ...] = (),
) -> Editor:
    """Declare the arms of a bench, their version and their editor; they open as `opens`.

    `locked` fields cannot be changed, `unseen` ones are not shown.
    """
    default = [(recipe,) for recipe in opens.arms]
    default += [()] * (len(NAMES) - len(default))
    version = Version(key="v", label="v", default=f"{store.ENGINE}.{LATEST}", help="")
    arms = tuple(
        Arm(key=name, label=name, default=default[place], help="")
        for place, name in enumerate(NAMES)
    )
    return Editor(
        key="edit",
        label=t("Arm", "组别"),
        default=NAMES[0],
        help=t("Which network the settings below are of.", "下面的设置属于哪一个网络。"),
        options=_present(arms),
        names=str.upper,
        arms=arms,
        version=version,
        beginnings=beginnings,
        locked=locked,
        unseen=unseen,
    )


def _present(arms: Sequence[Arm]) -> tuple[str, ...]:
    return tuple(arm.key for arm in arms if arm.value) or NAMES[:1]


def arm_names(recipes: Sequence[Recipe]) -> dict[str, str]:
    """What the arms are called: a letter, and in what they differ from the first.

    The first is called by what it has in those fields, or plain if that is nothing.
    """
    names = {}
    every = differing(tuple(recipes))
    for name, recipe in zip(NAMES, recipes, strict=False):
        first = not names
        if first:
            differ = [field for field in every if not is_off(getattr(recipe, field))]
        else:
            differ = differing((recipes[0], recipe))
        told = [
            in_words(field, getattr(recipe, field))
            for field in differ
            if field in FIELDS and matters(field, recipe)
        ]
        if first and every and not told:
            told = [t("plain", "普通网络")]
        more = "…" if len(told) > _TOLD else ""
        words = t(", ", "，").join(told[:_TOLD]) + more
        names[name] = f"{name.upper()} · {words}" if words else name.upper()
    return names
