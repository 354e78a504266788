"""What is measured: the quantities of a run by name, and the zeros and overflows worth naming.

A new measurement is one new entry in `QUANTITIES` and its formula in `measure.measure_layers`: all
else that is known of a quantity, and all that a picture of it needs, stands in its entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.language import t


@dataclass(frozen=True)
class Axis:
    """How a quantity is drawn: on a log axis, or on a linear one from 0 to 1 for a share.

    `holds` are values that a log axis has from the start, so that it need not be drawn anew as a
    run goes through them.
    """

    log: bool = True
    holds: tuple[float, ...] = ()


LOG = Axis()
SHARE = Axis(log=False)


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured, and what is known of it.

    `name` is that in data frames. `titles` (English, Chinese) stand at an axis of its own,
    `short_names` on a button and at a small axis; without them the title does. `guide` is a value
    worth comparing with, drawn as a rule.
    """

    name: str
    titles: tuple[str, str]
    short_names: tuple[str, str] | None = None
    axis: Axis = LOG
    guide: float | None = None

    def title(self) -> str:
        """The title in the current language."""
        return t(*self.titles)

    def short_name(self) -> str:
        """What it is called where there is little room, in the current language."""
        return t(*(self.short_names or self.titles))


def _table(*quantities: Quantity) -> dict[str, Quantity]:
    return {quantity.name: quantity for quantity in quantities}


# Per layer and seed: the keys of `Snapshot.layers`. L is the mean loss over the batch, without the
# L1 and L2 penalty, so that the gradients of z and of W are parts of one chain rule.
QUANTITIES = _table(
    Quantity("delta", ("Signal ‖∂L/∂z‖", "误差信号 ‖∂L/∂z‖"), ("signal δ", "误差信号 δ")),
    Quantity(
        "weight_gradient",
        ("Weight gradient ‖∂L/∂W‖", "权重梯度 ‖∂L/∂W‖"),
        ("weight gradient", "权重梯度"),
    ),
    Quantity(
        "update_ratio",
        ("Update ratio ‖ΔW‖ / ‖W‖", "更新比 ‖ΔW‖ / ‖W‖"),
        ("update ratio", "更新比"),
        guide=1e-3,  # near which training is healthy (Karpathy, makemore part 3)
    ),
    Quantity("drift", ("Drift from the start", "偏离初始值的程度"), ("drift", "漂移")),
    Quantity("weight_norm", ("Weight norm ‖W‖", "权重范数 ‖W‖"), ("weight norm", "权重范数")),
    Quantity(
        "saturation", ("Share saturated", "饱和比例"), ("saturated units", "饱和神经元"), SHARE
    ),
    Quantity(
        "dead", ("Share of dead units", "死亡神经元比例"), ("dead units", "死亡神经元"), SHARE
    ),
)

# Per seed: the fields of a `Snapshot`. The gradient norm is that of loss and penalty together,
# which is what the optimizer and clipping see.
CURVES = _table(
    # A loss falls through decades.
    Quantity("loss", ("Loss", "损失"), axis=Axis(holds=(0.01, 10.0))),
    Quantity("accuracy", ("Test accuracy", "测试准确率"), axis=SHARE),
    # Where all arms learn, what tells them apart are the few examples that are still wrong.
    Quantity("test_error", ("Test error", "测试错误率"), axis=Axis(holds=(0.02, 1.0))),
    Quantity("gradient_norm", ("Gradient norm", "梯度范数")),
    Quantity(
        "clipped",
        ("Share of steps clipped", "被剪切的步数比例"),
        ("Steps clipped", "被剪切的步"),
        SHARE,
    ),
    Quantity("penalty", ("Penalty", "惩罚项")),
    Quantity(
        "dead_units",
        ("Dead units of all hidden layers", "所有隐藏层的死亡神经元"),
        ("Dead units", "死亡神经元"),
        SHARE,
    ),
)

# Per layer of a network of one's own: what `gradviz.watch` measures. Its layers have no z that is
# known to it but what they put out, so δ is taken there.
WATCHED = _table(
    Quantity("delta", ("Signal ‖∂L/∂output‖", "误差信号 ‖∂L/∂输出‖"), ("signal δ", "误差信号 δ")),
    QUANTITIES["weight_gradient"],  # as accumulated, before clipping
    Quantity(
        "clipped_gradient",
        ("Weight gradient after clipping", "剪切后的权重梯度"),
        ("after clipping", "剪切后"),
    ),
    QUANTITIES["update_ratio"],
    QUANTITIES["weight_norm"],
    Quantity("bias_gradient", ("Bias gradient ‖∂L/∂b‖", "偏置梯度 ‖∂L/∂b‖")),
    Quantity("output", ("Size of the output (r.m.s.)", "输出的大小（均方根）")),
    QUANTITIES["saturation"],
    QUANTITIES["dead"],
)


@dataclass(frozen=True)
class Distribution:
    """Values of which a histogram is kept: `bins` equal bins from `low` to `high`.

    What lies outside is counted in the first or the last bin.
    """

    name: str
    low: float
    high: float
    bins: int


# Per layer, of one seed: the keys of `Snapshot.histograms`.
DISTRIBUTIONS = {
    distribution.name: distribution
    for distribution in (
        Distribution("weight", -2.0, 2.0, 40),  # all entries of W
        # Of the layer's first unit over the batch: units have means of their own, so pooled with
        # others the spread of one could not be seen.
        Distribution("linear", -6.0, 6.0, 48),  # W h + b, before normalization
        Distribution("z", -6.0, 6.0, 48),  # what enters the activation
    )
}

# Per hidden layer, over its units and the examples: the keys of `Specimen.counts`.
INSIDE = {
    distribution.name: distribution
    for distribution in (
        Distribution("z", -6.0, 6.0, 48),  # what enters the activation
        # φ′(z) as a share of the activation's largest slope: the saturated fill the bins about 0.
        Distribution("slope", -0.2, 1.0, 24),
        Distribution("activation", -2.0, 4.0, 40),  # φ(z)
        Distribution("gradient", -40.0, 10.0, 100),  # log10 |∂L/∂z|, which is 0 at a |∂L/∂z| of 1
    )
}


@dataclass(frozen=True)
class Event:
    """A zero or an overflow, at the first step where it was seen and the layer where it begins.

    `kind` is "underflow" (a gradient is exactly 0), "dead" (it is 0 because the units pass no
    gradient), "rounded" (the gradient is not 0, but W + ΔW rounds to W) or "overflow" (inf or
    NaN); `quantity` is what was found to be so: "delta", "weight_gradient", "update_ratio",
    "pre_activation", "weight" or "loss".
    """

    kind: str
    quantity: str
    layer: int
    step: int
    seed: int

    def sentence(self) -> str:
        """The event in words, in the current language."""
        values = {"layer": self.layer, "step": self.step}
        if self.kind == "underflow":
            return t(
                "layer {layer} underflowed to 0 at step {step}",
                "第 {layer} 层在第 {step} 步下溢为 0",
                **values,
            )
        if self.kind == "dead":
            return t(
                "layer {layer} was dead at step {step}: none of its units passes a gradient",
                "第 {layer} 层在第 {step} 步已死亡：没有一个神经元能传回梯度",
                **values,
            )
        if self.kind == "rounded":
            return t(
                "layer {layer} stood still at step {step}: its update was rounded to 0",
                "第 {layer} 层在第 {step} 步没有移动：更新量被舍入为 0",
                **values,
            )
        return t(
            "layer {layer} overflowed at step {step}", "第 {layer} 层在第 {step} 步上溢", **values
        )
