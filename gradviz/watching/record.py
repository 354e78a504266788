"""What a watch has measured: a table, a picture, a diagnosis, and what it could not measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gradviz.diagnosis import Finding, Measurements, diagnose
from gradviz.language import t
from gradviz.quantities import WATCHED
from gradviz.watching.missing import REASONS
from gradviz.watching.nearest import LAB, Nearest

if TYPE_CHECKING:
    import altair as alt

COLUMNS = ("step", "layer", "quantity", "value")
SHOWN = ("delta", "weight_gradient", "update_ratio")  # in the picture
MOST = 200  # recorded steps; when there are so many, every other one is forgotten


@dataclass(frozen=True, eq=False)
class _Moment:
    """One step: `values` in the order of `keys`, pairs of layer and quantity; δ by time step."""

    step: int
    keys: tuple[tuple[str, str], ...]
    values: np.ndarray
    times: dict[str, np.ndarray]


class Record:
    """The measurements of a run, at every `stride`-th step of the optimizer from the first on.

    `layers` are the names of its rows in the order of the forward pass, `kinds` the types of their
    modules, `matrices` those with a weight matrix, `activations` what follows where it was seen.
    At most `most` steps are kept: when there are more, every other one is forgotten and the stride
    is doubled.
    """

    def __init__(self, every: int, most: int = MOST) -> None:
        self.stride = every
        self.layers: tuple[str, ...] = ()
        self.activations: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.matrices: frozenset[str] = frozenset()
        self._most = most
        self._moments: list[_Moment] = []
        self._missing: dict[str, dict[str, str]] = {}  # name, reason: what its sentence needs
        self._theory: pd.DataFrame | None = None
        self._nearest: Nearest | None = None

    @property
    def steps(self) -> list[int]:
        """The recorded steps of the optimizer, the first of which is 0."""
        return [moment.step for moment in self._moments]

    def add(
        self,
        step: int,
        values: Mapping[tuple[str, str], float],
        times: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Keep the `values` of (layer, quantity) at `step`, and δ by time step of `times`."""
        keys = tuple(values)
        if self._moments and self._moments[-1].keys == keys:
            keys = self._moments[-1].keys  # the same object, which takes no room
        numbers = np.fromiter(values.values(), float, len(keys))
        self._moments.append(_Moment(step, keys, numbers, dict(times or {})))
        if len(self._moments) >= self._most:
            self.stride *= 2
            self._moments = [m for m in self._moments if m.step % self.stride == 0]

    def miss(self, name: str, reason: str, other: str = "") -> None:
        """Name what is not measured; `reason` is one of `missing.REASONS`."""
        self._missing.setdefault(name, {})[reason] = other

    def expect(self, theory: pd.DataFrame) -> None:
        """Keep what theory says of the first step."""
        self._theory = theory

    def compare(self, found: Nearest) -> None:
        """Keep the lab's recipe that is nearest to the network."""
        self._nearest = found

    @property
    def not_measured(self) -> dict[str, str]:
        """By PyTorch's name, what of it was not measured and why, in the current language."""
        return {
            name: t("; ", "；").join(
                t(*REASONS[reason], other=other) for reason, other in reasons.items()
            )
            for name, reasons in self._missing.items()
        }

    def table(self) -> pd.DataFrame:
        """All measurements as a tidy table: step, layer, quantity, value.

        The quantities are those of `quantities.WATCHED`, the layers those of `layers`, in that
        order within each step. Zeros, inf and NaN are there as they were measured.
        """
        pairs = [pair for moment in self._moments for pair in moment.keys]
        counts = [len(moment.keys) for moment in self._moments]
        table = pd.DataFrame(
            {
                "step": np.repeat(np.array(self.steps, dtype=int), counts),
                "layer": pd.Series([layer for layer, _ in pairs], dtype=str),
                "quantity": pd.Series([quantity for _, quantity in pairs], dtype=str),
                "value": np.concatenate([*(m.values for m in self._moments), np.empty(0)]),
            }
        )
        place = {name: number for number, name in enumerate(self.layers)}
        order = table["layer"].map(place).astype(float)
        order = table.assign(order=order, kind=table["quantity"].map(list(WATCHED).index))
        sorted_ = order.sort_values(["step", "order", "kind"], kind="stable", ignore_index=True)
        return sorted_[list(COLUMNS)]

    def by_time(self) -> pd.DataFrame:
        """‖∂L/∂h_t‖ of recurrent layers: step, layer, time (from 0), value.

        Empty unless `by_time=True` was asked for.
        """
        parts = [
            pd.DataFrame({"step": moment.step, "layer": name, "time": range(len(by)), "value": by})
            for moment in self._moments
            for name, by in moment.times.items()
        ]
        empty = pd.DataFrame({"step": [], "layer": [], "time": [], "value": []})
        return pd.concat(parts, ignore_index=True) if parts else empty

    def scalars(self, step: int | None = None) -> dict[str, float]:
        """The measurements of one recorded step, the last by default: "layer/quantity" → number.

        As `wandb.log` takes them, and `SummaryWriter.add_scalar` one by one. Raises `ValueError`
        for a step that is not recorded; it is empty while there is none.
        """
        if not self._moments and step is None:
            return {}
        found = [m for m in self._moments if step is None or m.step == step]
        if not found:
            raise ValueError(f"step={step!r} is not recorded; see record.steps")
        pairs = zip(found[-1].keys, found[-1].values, strict=True)
        return {f"{layer}/{quantity}": float(value) for (layer, quantity), value in pairs}

    def expected(self) -> pd.DataFrame:
        """What mean-field theory says of the first recorded step: layer, chi, delta.

        Of the layers that it knows: dense or convolutional ones whose activation, if any, leads
        straight to the next such layer. `chi` is the factor of δ² from the next layer to this one,
        from fan-in and measured variance of the next layer's weights and the slope of the
        activation; `delta` starts from the one measured at the end of each chain of such layers.
        """
        empty = pd.DataFrame({"layer": [], "chi": [], "delta": []})
        return empty if self._theory is None else self._theory.copy()

    def plot(self, quantities: Sequence[str] = SHOWN) -> alt.HConcatChart:
        """One picture: layers from the input down, each of `quantities` on an axis of its own.

        A mark is the last recorded step, an open one the first, and between them is all in between.
        Theory of δ at the first step is a line, where it is known. Raises `ValueError` for a
        quantity that is not in `quantities.WATCHED`.
        """
        from gradviz.charts.watched import watched

        for quantity in quantities:
            if quantity not in WATCHED:
                raise ValueError(f"quantity={quantity!r} is not one of {', '.join(WATCHED)}")
        return watched(self.table(), self.layers, quantities, self.expected())

    def plot_by_time(self) -> alt.LayerChart:
        """A picture of `by_time`: the first recorded step dashed, the last one solid.

        Raises `ValueError` if there is nothing in it.
        """
        from gradviz.charts.watched_times import watched_times

        table = self.by_time()
        if table.empty:
            raise ValueError("by_time=False has measured no time steps: see record.not_measured")
        return watched_times(table)

    def diagnosis(self) -> list[Finding]:
        """What the measurements say of the network, the most important first; see `diagnosis`."""
        return diagnose(self.measurements())

    def nearest(self) -> Nearest:
        """The recipe of the app's lab that is nearest to this network, and what it leaves out.

        Its `link(address of the lab)` opens it there, its `sentences()` name what could not be
        taken along: data first of all. Raises `ValueError` while nothing is recorded.
        """
        if self._nearest is None:
            raise ValueError("no step is recorded yet, so there is no network to compare with")
        return self._nearest.of_steps(self.steps[-1])

    def lab_link(self, lab: str = LAB) -> str:
        """The link that opens `nearest()` in the app, whose lab has the address `lab`."""
        return self.nearest().link(lab)

    def measurements(self) -> Measurements:
        """The record as the table that the rules of the diagnosis read."""
        chi = self.expected().set_index("layer")["chi"].dropna()
        times = self.by_time()
        return Measurements(
            self.table(),
            self.layers,
            self.activations,
            chi.to_dict(),
            kinds=self.kinds,
            matrices=self.matrices,
            times=times,
            recurrent={str(layer): self._recurrent_kind(str(layer)) for layer in times["layer"]},
        )

    def _recurrent_kind(self, layer: str) -> str:
        """What kind of module a row of `by_time` belongs to: "LSTM", "GRU" or "RNN"; "" if none."""
        module = layer.rpartition(".")[0]
        kinds = (kind for row, kind in self.kinds.items() if row.rpartition(".")[0] == module)
        return next((kind for kind in kinds if kind in ("LSTM", "GRU", "RNN")), "")

    def __repr__(self) -> str:
        last = f", steps {self.steps[0]} to {self.steps[-1]}" if self.steps else ""
        return f"Record({len(self.layers)} layers, {len(self.steps)} steps recorded{last})"
