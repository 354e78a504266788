"""What ails a network, in words: rules over what was measured, and nothing else.

    diagnose(of_snapshots(snapshots, recipe))     # an arm of a race
    record.diagnosis()                            # any network that was watched

The rules stand in `RULES`, the thresholds above them. Each rule looks at the same `Facts` and says
what it found, or nothing; the first that finds something names the illness, because it explains
what those below it see too: a network that has diverged has no healthy updates. What would help is
data, one change of a recipe, so that it can be offered as a button.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gradviz.language import t
from gradviz.quantities import Event
from gradviz.recipe import Recipe, replace
from gradviz.snapshots import Snapshot
from gradviz.theory.predictions import predicted_profile

# The signal at the first hidden layer over that at the last, on its way back. Where it is a
# hundredth the first layer learns a hundred times as slowly, and a run of usual length does not
# train it: Glorot & Bengio 2010, figures 7 and 8, compare factors of 10 that still do train.
VANISHED = 1e-2
EXPLODED = 1e2
# A network that has begun so, and whose signal is within these by the end, has recovered by itself.
STILL_VANISHED = 1e-1
STILL_EXPLODED = 1e1
# A loss that has come down to less than this share of where it began is a network that learns.
LEARNED = 0.5
# Of ∂L/∂h at the last time step but one, what is left at the first: it decays by a factor per step
# (Bengio, Simard & Frasconi 1994, section 4; Pascanu, Mikolov & Bengio 2013, section 2.2, where the
# factor is at most the largest singular value of the recurrent weights times the largest slope). A
# hundredth: over so many steps the network cannot learn what depends on its first inputs. The very
# last step is left out, because the loss reads it directly.
VANISHED_IN_TIME = 1e-2
# Of a layer's units without any slope on a batch, and of those of all hidden layers. At He's
# initialization ten ReLU layers of 32 units have up to 0.3 in one layer, and 0.1 in all; Lu et al.
# 2020, "Dying ReLU and initialization", tell how many are born dead.
DEAD_LAYER = 0.8
DEAD_UNITS = 0.35
# Of the values in all hidden layers with a slope below 5% of the largest: sigmoid and tanh only,
# because ReLU's whole negative side is so. Healthy tanh networks end with up to half.
SATURATED = 0.6
# The median of ‖ΔW‖ / ‖W‖ over hidden layers and steps. Near 1e-3 all is well (Karpathy, makemore
# part 3, and the notes of CS231n, "Neural networks 3", on the ratio of weights to updates).
UPDATES_LARGE = 1.5e-2
UPDATES_SMALL = 2e-5
UPDATES_RIGHT = 1e-3
UPDATES_BEARABLE = 1e-2

ILLNESSES = (
    "diverged",
    "vanishing",
    "vanishing_time",
    "dying",
    "exploding",
    "updates_large",
    "saturated",
    "updates_small",
    "healthy",
    "unknown",
)
EXPLAINS = {
    "vanishing": ("dying", "updates_small", "updates_large"),
    "dying": ("updates_small",),
    "updates_large": ("saturated",),
    "saturated": ("updates_small",),
}
TWO_SIDED = ("sigmoid", "tanh")

Layer = int | str  # a number in the engine's networks, PyTorch's name in others


@dataclass(frozen=True, eq=False)
class Measurements:
    """What the rules read, whoever has measured it.

    `table` is tidy: step, layer, quantity, value, and a row for each seed if there are several; the
    quantities are those of `quantities.QUANTITIES`, and "output", all of them optional. `layers`
    are all layers from the input on, the last one the output layer. `activations` has the name of
    each layer's activation where it is known, `chi` the factor of δ² per layer that theory gives,
    `loss` the loss with the steps as index. `kinds` says of what kind each layer is, where they
    are of several; `matrices` which have a weight matrix, None for all. `overflow` is where inf or
    NaN began, if that was seen.
    """

    table: pd.DataFrame
    layers: tuple[Layer, ...]
    activations: Mapping[Any, str] = field(default_factory=dict)
    chi: Mapping[Any, float] = field(default_factory=dict)
    loss: pd.Series | None = None
    kinds: Mapping[Any, str] = field(default_factory=dict)
    matrices: frozenset[Any] | None = None
    overflow: tuple[Layer, int] | None = None
    recipe: Recipe | None = None  # only what would help depends on it
    times: pd.DataFrame | None = None
    recurrent: Mapping[Any, str] = field(default_factory=dict)


def of_snapshots(
    snapshots: Sequence[Snapshot], recipe: Recipe, expected: np.ndarray | None = None
) -> Measurements:
    """The measurements of one arm of a race, of all its seeds.

    `expected` is theory's δ of layers 1 to depth at the start, up to a factor; it is computed
    (`predictions.predicted_profile`) unless given.
    """
    from gradviz.engine.history import curves_frame, history_frame

    table = history_frame(snapshots)
    # The output layer has no activation, and its shares of closed units are no measurement.
    units = table["quantity"].isin(["saturation", "dead"])
    table = table[~(units & (table["layer"] == recipe.depth + 1))]
    curves = curves_frame(snapshots, ["loss"]).fillna(np.inf)
    chi = _factors(predicted_profile(recipe) if expected is None else expected)
    return _measurements(recipe, table, curves, _overflows(snapshots), chi)


def by_seed(
    snapshots: Sequence[Snapshot], recipe: Recipe, expected: np.ndarray | None = None
) -> dict[int, Measurements]:
    """As `of_snapshots`, but of each seed by itself."""
    from gradviz.engine.history import curves_frame

    every = of_snapshots(snapshots, recipe, expected)
    curves = dict(list(curves_frame(snapshots, ["loss"]).fillna(np.inf).groupby("seed")))
    overflows = _overflows(snapshots)
    return {
        int(str(seed)): _measurements(
            recipe,
            table,
            curves[seed],
            [event for event in overflows if event.seed == seed],
            every.chi,
        )
        for seed, table in every.table.groupby("seed", sort=False)
    }


def _overflows(snapshots: Sequence[Snapshot]) -> list[Event]:
    return [event for s in snapshots for event in s.events if event.kind == "overflow"]


def _measurements(
    recipe: Recipe,
    table: pd.DataFrame,
    curves: pd.DataFrame,
    overflows: Sequence[Event],
    chi: Mapping[Any, float],
) -> Measurements:
    layers = tuple(range(1, recipe.depth + 2))
    return Measurements(
        table,
        layers,
        dict.fromkeys(layers[:-1], recipe.activation),
        chi,
        curves.groupby("step")["value"].median(),
        overflow=(overflows[0].layer, overflows[0].step) if overflows else None,
        recipe=recipe,
    )


def _factors(delta: np.ndarray) -> dict[Layer, float]:
    """By layer what δ² is multiplied by on its way back, where that is a number."""
    with np.errstate(all="ignore"):
        factors = (delta[:-1] / delta[1:]) ** 2
    return {layer: float(x) for layer, x in enumerate(factors, start=1) if math.isfinite(x)}


@dataclass(frozen=True)
class Change:
    """One change of a recipe: `fields` are set, and the learning rate is multiplied by `rate`."""

    name: str
    fields: tuple[tuple[str, object], ...] = ()
    rate: float = 1.0

    def applied(self, recipe: Recipe) -> Recipe:
        """`recipe` with this change. Raises `ValueError` where the recipe cannot take it."""
        changed: dict = dict(self.fields)
        if self.rate != 1.0:
            changed["lr"] = float(f"{recipe.lr * self.rate:.3g}")
        return replace(recipe, **changed)

    def words(self) -> str:
        """What to do, in the current language."""
        if self.name == "rate":
            if self.rate < 1:
                return t("divide the learning rate by {n:g}", "把学习率除以 {n:g}", n=1 / self.rate)
            return t("multiply the learning rate by {n:g}", "把学习率乘以 {n:g}", n=self.rate)
        return t(*_CHANGES[self.name])


_CHANGES = {
    "init": (
        "draw the weights at the activation's own scale (He's initialization)",
        "按激活函数的标准尺度初始化权重（He 初始化）",
    ),
    "batchnorm": ("put BatchNorm before the activations", "在激活函数之前加入 BatchNorm"),
    "residual": ("make the layers residual blocks", "把各层改成残差块"),
    "residual_scale": (
        "multiply each residual branch by 1/√depth",
        "把每个残差支路乘以 1/√深度",
    ),
    "penalty": ("take the penalty on the weights away", "去掉对权重的惩罚项"),
    "forget": (
        "start with the forget gate open: add 1 or more to its bias (Jozefowicz et al. 2015)",
        "让遗忘门一开始就打开：把它的偏置加上 1 或更多（Jozefowicz 等 2015）",
    ),
    "gates": (
        "take an LSTM or a GRU in its place (Hochreiter & Schmidhuber 1997)",
        "换成 LSTM 或 GRU（Hochreiter 与 Schmidhuber 1997）",
    ),
    "shorter": (
        "let the signal skip time steps: attention, or shorter sequences",
        "让误差信号跳过时间步：用注意力，或缩短序列",
    ),
}
_INIT = Change("init", (("init", "kaiming_normal"), ("gain", None)))
_RESIDUAL = Change("residual", (("residual", True),))
_BATCHNORM = Change("batchnorm", (("norm", "batch"),))


@dataclass(frozen=True)
class Finding:
    """One illness, or health: where and when it was seen, and the numbers that say so.

    `illness` is one of `ILLNESSES`, `numbers` are by name, `chi` is the factor of δ² per layer that
    theory gives (its geometric mean), None where it is not known; `change` is the one change most
    likely to help.
    """

    illness: str
    layer: Layer | None = None
    step: int | None = None
    numbers: tuple[tuple[str, float], ...] = ()
    chi: float | None = None
    change: Change | None = None

    def title(self) -> str:
        """The name of the illness, in the current language."""
        return t(*_TITLES[self.illness])

    def sentence(self) -> str:
        """What was found and the numbers behind it, in the current language."""
        numbers = {
            name: f"{value:.0%}" if name in _SHARES else _number(value)
            for name, value in self.numbers
        }
        key = self.illness
        if key == "healthy" and "ratio" not in numbers:
            key = "healthy_updates" if numbers else "healthy_so_far"
        words = t(*_SENTENCES[key], layer=_layer(self.layer), step=self.step, **numbers)
        if self.chi is None or self.illness not in ("vanishing", "exploding", "diverged"):
            return words
        chi = _number(self.chi)
        return words + t(
            " Theory: δ² changes by χ = {chi} per layer at the start.",
            "理论给出：初始时 δ² 每层乘以 χ = {chi}。",
            chi=chi,
        )

    def advice(self) -> str:
        """What would most likely help, in the current language; empty where nothing is wrong."""
        if self.change is None:
            return ""
        words = self.change.words()
        return t("Most likely to help: {words}.", "最可能有效的改动：{words}。", words=words)

    def __str__(self) -> str:
        found, advice = self.sentence(), self.advice()
        return t("{found} {advice}", "{found}{advice}", found=found, advice=advice).strip()


_TITLES = {
    "diverged": ("diverged", "发散"),
    "vanishing": ("vanishing gradient", "梯度消失"),
    "vanishing_time": ("gradient vanishes through time", "梯度随时间步消失"),
    "dying": ("dying units", "神经元死亡"),
    "exploding": ("exploding gradient", "梯度爆炸"),
    "updates_large": ("updates too large", "更新过大"),
    "saturated": ("saturated units", "神经元饱和"),
    "updates_small": ("updates too small", "更新过小"),
    "healthy": ("healthy", "健康"),
    "unknown": ("nothing measured", "没有测量值"),
}
_SENTENCES = {
    "diverged": (
        "The network has diverged: inf or NaN was first seen at step {step}, in {layer}.",
        "网络已发散：第 {step} 步在{layer}首次出现 inf 或 NaN。",
    ),
    "vanishing": (
        "The gradient vanishes: {ratio} of the signal δ at the last hidden layer arrives at the "
        "first; going back, {layer} is the first with less than a hundredth (step {step}).",
        "梯度消失：末隐藏层的误差信号 δ 传到首层时只剩 {ratio}；"
        "往回数，{layer}是第一个不足百分之一的层（第 {step} 步）。",
    ),
    "vanishing_time": (
        "The gradient vanishes through time: in {layer}, ∂L/∂h shrinks by the factor {factor} with "
        "each time step back, and at the first one {ratio} is left (training step {step}).",
        "梯度随时间步消失：在{layer}中，∂L/∂h 每往回一个时间步就乘以 {factor}，"
        "传到第一个时间步只剩 {ratio}（训练第 {step} 步）。",
    ),
    "dying": (
        "Units die: in {layer}, {dead} of the units pass no gradient at step {step}; in all hidden "
        "layers it is {dead_units}.",
        "神经元死亡：第 {step} 步，{layer}有 {dead} 的神经元不再传回梯度；"
        "所有隐藏层合计为 {dead_units}。",
    ),
    "exploding": (
        "The gradient explodes: the signal δ at the first hidden layer is {ratio} times that at "
        "the last; going back, {layer} is the first with more than a hundred times (step {step}).",
        "梯度爆炸：首隐藏层的误差信号 δ 是末隐藏层的 {ratio} 倍；"
        "往回数，{layer}是第一个超过一百倍的层（第 {step} 步）。",
    ),
    "updates_large": (
        "The updates are too large: the median step moves a layer's weights by {update} of their "
        "size, and those of {layer} most of all; near 0.001 all is well.",
        "更新过大：一步使一层权重移动其大小的 {update} 倍（中位数），{layer}最甚；"
        "0.001 左右才健康。",
    ),
    "saturated": (
        "The units are saturated: at step {step}, {saturation} of the values in the hidden layers "
        "have almost no slope, most of all in {layer}.",
        "神经元饱和：第 {step} 步，隐藏层中 {saturation} 的值几乎没有斜率，{layer}最甚。",
    ),
    "updates_small": (
        "The updates are too small: the median step moves a layer's weights by {update} of their "
        "size, and those of {layer} least of all; near 0.001 all is well.",
        "更新过小：一步只使一层权重移动其大小的 {update} 倍（中位数），{layer}最少；"
        "0.001 左右才健康。",
    ),
    "healthy": (
        "Healthy: the first hidden layer gets {ratio} times the signal δ of the last, and the "
        "median step moves a layer's weights by {update} of their size.",
        "健康：首隐藏层得到的误差信号 δ 是末隐藏层的 {ratio} 倍，"
        "一步使一层权重移动其大小的 {update} 倍（中位数）。",
    ),
    "healthy_updates": (
        "Healthy: the median step moves a layer's weights by {update} of their size.",
        "健康：一步使一层权重移动其大小的 {update} 倍（中位数）。",
    ),
    "healthy_so_far": (
        "Nothing that was measured is ill.",
        "在测量到的范围内没有发现问题。",
    ),
    "unknown": (
        "Nothing was measured, so there is no diagnosis.",
        "没有任何测量值，无法诊断。",
    ),
}


def _layer(layer: Layer | None) -> str:
    if isinstance(layer, int):
        return t("layer {layer}", "第 {layer} 层", layer=layer)
    return t('layer "{layer}"', "层“{layer}”", layer=layer)


_SHARES = ("dead", "dead_units", "saturation")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _number(value: float) -> str:
    """Two digits, as people write them: 0.0012, 1.5·10⁻⁸, 44."""
    if value == 0 or not math.isfinite(value) or 1e-3 <= abs(value) < 1e3:
        return f"{value:.0f}" if 100 <= abs(value) < math.inf else f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}·10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


class Facts:
    """The numbers that the rules ask for, at each step the median of the seeds."""

    def __init__(self, measured: Measurements) -> None:
        self.measured = measured
        self._by_quantity = {
            str(quantity): rows for quantity, rows in measured.table.groupby("quantity")
        }

    def of(self, quantity: str) -> pd.DataFrame:
        """The `quantity` by step (index) and layer (columns, from the input on); NaN became inf."""
        rows = self._by_quantity.get(quantity)
        if rows is None:
            return pd.DataFrame()
        # Where NaN counts as infinite, half of the seeds decide whether the layer is lost.
        rows = rows.assign(value=rows["value"].fillna(np.inf))
        table = rows.groupby(["step", "layer"])["value"].median().unstack()
        return table[[layer for layer in self.measured.layers if layer in table.columns]]

    @cached_property
    def delta(self) -> pd.DataFrame:
        """δ of the hidden layers."""
        return self.of("delta").reindex(columns=list(self.hidden))

    @cached_property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers between which signals are compared: the largest group of layers alike.

        Those of one kind with the same activation: δ is that of a pre-activation there, and δ of an
        embedding, of the keys of an attention and of a perceptron are of sizes of their own in a
        healthy network, too. Without any activation it is layers of one kind, but not the output
        layer. None if fewer than two are alike.
        """
        groups: dict[tuple[str, str], list[Layer]] = {}
        for layer in self.of("delta").columns:
            activation = self.measured.activations.get(layer, "")
            if activation or layer != self.measured.layers[-1]:
                kind = self.measured.kinds.get(layer, "")
                groups.setdefault((activation, kind), []).append(layer)
        groups = {key: group for key, group in groups.items() if len(group) > 1}
        known = {key: group for key, group in groups.items() if key[0]} or groups
        return tuple(max(known.values(), key=len)) if known else ()

    @cached_property
    def ratios(self) -> pd.Series:
        """δ of the first hidden layer over that of the last, by step, where it can be told.

        Not where nothing is left to learn, or dead units have stopped the signal on its way.
        """
        delta = self.delta
        if delta.empty:
            return pd.Series(dtype=float)
        first, last = delta.iloc[:, 0], delta.iloc[:, -1]
        told = np.isfinite(first) & np.isfinite(last) & (last > 0)
        return (first / last.where(last > 0))[told]

    @cached_property
    def lost(self) -> tuple[Layer, int] | None:
        """Where the first inf or NaN was seen: layer and step; None if all is finite.

        It counts only if it lasts: clipping by value survives an infinite gradient.
        """
        found: list[tuple[int, Layer]] = []
        for quantity in ("output", "delta", "weight_gradient", "weight_norm"):
            infinite = np.isinf(self.of(quantity).to_numpy(dtype=float))
            if infinite.size and infinite[-1].any():
                row = int(infinite.any(axis=1).argmax())
                places = infinite[row].nonzero()[0]
                # What goes forward is lost from some layer on, what comes back up to some layer.
                place = places[0] if quantity == "output" else places[-1]
                table = self.of(quantity)
                found.append((int(table.index[row]), table.columns[place]))
        if not found:
            return None
        step, layer = min(found, key=lambda pair: pair[0])
        return self.measured.overflow or (layer, step)

    @cached_property
    def updates(self) -> pd.DataFrame:
        """The update ratio of the weight matrices, but for the output layer's."""
        updates = self.of("update_ratio")
        matrices = self.measured.matrices
        own = [x for x in updates.columns if matrices is None or x in matrices]
        return updates[own[:-1] or own]

    @cached_property
    def update(self) -> float:
        """The middle of the update ratios, over steps and layers; NaN if there are none."""
        values = self.updates.to_numpy(dtype=float)
        values = values[~np.isnan(values)]
        return float(np.median(values)) if values.size else math.nan

    @cached_property
    def learned(self) -> bool | None:
        """Whether the loss has come down; None if it was not measured."""
        loss = self.measured.loss
        if loss is None or len(loss) < 2:
            return None
        return bool(loss.iloc[-1] < LEARNED * loss.iloc[0])

    @cached_property
    def chi(self) -> float | None:
        """The geometric mean of theory's χ over the layers that it knows."""
        factors = np.array(list(self.measured.chi.values()), dtype=float)
        factors = factors[np.isfinite(factors) & (factors > 0)]
        return float(np.exp(np.log(factors).mean())) if factors.size else None

    @property
    def activation(self) -> str:
        """The activation of most layers, "" if none is known."""
        names = list(self.measured.activations.values())
        return max(set(names), key=names.count) if names else ""


def diagnose(measured: Measurements) -> list[Finding]:
    """What the rules find in what was measured, what explains most first; or health.

    What one finding explains is not told as another: a vanishing gradient makes small updates, and
    a higher learning rate would not help.
    """
    facts, findings = Facts(measured), []
    for rule in RULES:
        found = rule(facts)
        known = {name for earlier in findings for name in EXPLAINS.get(earlier.illness, ())}
        if found is not None and found.illness not in known:
            findings.append(found)
    if findings:
        return findings
    if measured.table.empty:
        return [Finding("unknown")]
    ratio = float(facts.ratios.iloc[-1]) if len(facts.ratios) else math.nan
    numbers = (("ratio", ratio), ("update", facts.update))
    told = all(math.isfinite(value) for _, value in numbers)
    known = tuple(
        pair for pair in numbers if math.isfinite(pair[1]) and (told or pair[0] != "ratio")
    )
    return [Finding("healthy", numbers=known)]


def diverged(facts: Facts) -> Finding | None:
    """Something is inf or NaN."""
    if facts.lost is None:
        return None
    layer, step = facts.lost
    return Finding("diverged", layer, step, chi=facts.chi, change=_against_growth(facts))


def vanishing(facts: Facts) -> Finding | None:
    """The first layer gets less than a hundredth of the last one's signal, from the start on."""
    ratios = facts.ratios
    if ratios.empty or not (ratios.iloc[0] <= VANISHED and ratios.iloc[-1] <= STILL_VANISHED):
        return None
    return _vanished(facts, 0)


def vanishing_time(facts: Facts) -> Finding | None:
    """The first time step of a recurrent layer gets less than a hundredth of ∂L/∂h at the last.

    From the start on, or by the end of training; of several layers the worst.
    """
    found: list[tuple[float, float, Layer, int]] = []
    for layer, steps in _by_time(facts.measured).items():
        (first, (start, factor)), (last, (end, late)) = steps[0], steps[-1]
        if start <= VANISHED_IN_TIME and end <= STILL_VANISHED:
            found.append((start, factor, layer, first))
        elif end <= VANISHED_IN_TIME:
            found.append((end, late, layer, last))
    if not found or facts.lost:
        return None
    ratio, factor, layer, step = min(found, key=lambda each: each[0])
    help_of = {"LSTM": "forget", "RNN": "gates"}
    change = Change(help_of.get(facts.measured.recurrent.get(layer, ""), "shorter"))
    numbers = (("ratio", ratio), ("factor", factor))
    return Finding("vanishing_time", layer, step, numbers, change=change)


def _by_time(measured: Measurements) -> dict[Layer, list[tuple[int, tuple[float, float]]]]:
    """By recurrent layer, at each training step where it can be told: see `_decay`."""
    found: dict[Layer, list[tuple[int, tuple[float, float]]]] = {}
    times = measured.times
    if times is None or times.empty:
        return found
    for (layer, step), rows in times.sort_values(["step", "time"]).groupby(["layer", "step"]):
        values = rows["value"].to_numpy(dtype=float)
        # A layer that reads backwards hands its signal on in the other direction.
        decay = _decay(values[::-1] if str(layer).endswith("_reverse") else values)
        if decay is not None:
            found.setdefault(str(layer), []).append((int(str(step)), decay))
    return found


def _decay(values: np.ndarray) -> tuple[float, float] | None:
    """Of ‖∂L/∂h_t‖ by time the first over the last but one, and the factor per time step.

    The last is the last that the loss depends on. None for fewer than four steps, or inf or NaN.
    """
    read = np.flatnonzero(values)
    if not np.isfinite(values).all() or not read.size or read[-1] < _FEWEST_TIMES - 1:
        return None
    last = int(read[-1]) - 1
    if values[last] == 0:
        return None
    ratio = float(values[0] / values[last])
    return ratio, ratio ** (1 / last)


_FEWEST_TIMES = 4  # time steps: the last, and at least three before it


def collapsed(facts: Facts) -> Finding | None:
    """The signal has come to vanish in training."""
    if facts.ratios.empty or facts.ratios.iloc[-1] > VANISHED:
        return None
    if facts.lost or vanishing(facts) or dying(facts):
        return None
    return _vanished(facts, -1)


def _vanished(facts: Facts, row: int) -> Finding:
    step, ratio = int(facts.ratios.index[row]), float(facts.ratios.iloc[row])
    layer = _first_beyond(facts, step, lambda share: share <= VANISHED)
    recipe, change = facts.measured.recipe, _INIT
    if recipe is not None and row != 0 and (recipe.l1 or recipe.l2):
        change = Change("penalty", (("l1", 0.0), ("l2", 0.0)))
    elif facts.activation == "sigmoid":
        # No scale saves it: χ ≤ σ_w²/16, and where that is 1 the units are saturated.
        change = _RESIDUAL if recipe is not None and recipe.norm == "batch" else _BATCHNORM
    elif recipe is not None and _has_standard_start(recipe):
        change = _RESIDUAL
    return Finding("vanishing", layer, step, (("ratio", ratio),), facts.chi, change)


def exploding(facts: Facts) -> Finding | None:
    """The first layer gets a hundred times the last one's signal, and has not recovered."""
    ratios = facts.ratios
    if ratios.empty or facts.learned:
        return None
    row = -1 if ratios.iloc[-1] >= EXPLODED and not facts.lost else 0
    over = facts.learned is None and ratios.iloc[-1] < STILL_EXPLODED
    if ratios.iloc[row] < EXPLODED or over:
        return None
    step = int(ratios.index[row])
    layer = _first_beyond(facts, step, lambda share: share >= EXPLODED)
    numbers = (("ratio", float(ratios.iloc[row])),)
    return Finding("exploding", layer, step, numbers, facts.chi, _against_growth(facts))


def dying(facts: Facts) -> Finding | None:
    """Most units of a layer, or half of all, pass no gradient for any example."""
    dead = facts.of("dead")
    if dead.empty or facts.lost:
        return None
    last = dead.iloc[-1]
    share = float(last.mean())
    if not (last.max() >= DEAD_LAYER or share >= DEAD_UNITS):
        return None
    numbers = (("dead", float(last.max())), ("dead_units", share))
    change = _against_growth(facts)
    return Finding("dying", _at(last, last.max()), int(dead.index[-1]), numbers, change=change)


def updates_large(facts: Facts) -> Finding | None:
    """A step moves the weights by too large a share of their size; the first alone says little."""
    if facts.lost or len(facts.updates) < 2 or not facts.update >= UPDATES_LARGE:
        return None
    middles = facts.updates.median()
    worst = _at(middles, middles.max())
    numbers = (("update", facts.update),)
    return Finding("updates_large", worst, None, numbers, change=_slower(facts))


def saturated(facts: Facts) -> Finding | None:
    """Most values of sigmoid or tanh layers lie where there is no slope."""
    table = facts.of("saturation")
    own = [x for x in table.columns if facts.measured.activations.get(x) in TWO_SIDED]
    if not own or table[own].iloc[-1].mean() < SATURATED:
        return None
    last, start = table[own].iloc[-1], table[own].iloc[0]
    change = _INIT if start.mean() >= SATURATED / 2 else _slower(facts)
    numbers = (("saturation", float(last.mean())),)
    return Finding("saturated", _at(last, last.max()), int(table.index[-1]), numbers, change=change)


def updates_small(facts: Facts) -> Finding | None:
    """A step hardly moves the weights."""
    if len(facts.updates) < 2 or not facts.update <= UPDATES_SMALL:
        return None
    middles = facts.updates.median()
    worst = _at(middles, middles.min())
    power = round(math.log10(UPDATES_RIGHT / facts.update)) if facts.update > 0 else 1
    numbers = (("update", facts.update),)
    return Finding("updates_small", worst, None, numbers, change=Change("rate", rate=10.0**power))


RULES: tuple[Callable[[Facts], Finding | None], ...] = (
    diverged,
    vanishing,
    vanishing_time,
    dying,
    collapsed,
    exploding,
    updates_large,
    saturated,
    updates_small,
)


def _at(row: pd.Series, value: float) -> Layer:
    """The first layer of which `row` has this value."""
    return next(layer for layer, own in zip(row.index, row, strict=True) if own == value)


def _against_growth(facts: Facts) -> Change:
    """What helps a network that has blown up, by what its start was like."""
    recipe, ratios = facts.measured.recipe, facts.ratios
    grew = len(ratios) and ratios.iloc[0] >= STILL_EXPLODED
    if not grew:
        return _slower(facts)
    if recipe is not None and recipe.residual:
        return Change("residual_scale", (("residual_scale", None),))
    if recipe is not None and (recipe.norm != "none" or _has_standard_start(recipe)):
        return _RESIDUAL
    return _INIT


def _slower(facts: Facts) -> Change:
    """A smaller learning rate: by the power of ten that the first step was too large, at least one.

    The first, because after a step that has wrecked a network the others say little.
    """
    first = facts.updates.iloc[0].median() if len(facts.updates) else math.nan
    power = math.log10(first / UPDATES_BEARABLE) if 0 < first < math.inf else 1
    return Change("rate", rate=10.0 ** -max(1, round(power)))


def _has_standard_start(recipe: Recipe) -> bool:
    return recipe.gain is None and recipe.init.startswith(("kaiming", "orthogonal"))


def _first_beyond(facts: Facts, step: int, beyond: Callable[[float], bool]) -> Layer:
    """Going back from the last hidden layer, the first whose share of its signal is `beyond`."""
    row = facts.delta.loc[step]
    return next(layer for layer in row.index[::-1] if beyond(row[layer] / row.iloc[-1]))
