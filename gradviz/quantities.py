"""What is measured: the quantities of a run by name, and the zeros and overflows worth naming.

A new measurement is one new entry in `QUANTITIES` and its formula in `measure.measure_layers`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradviz.language import t


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured: its name in data frames, its scale and its title."""

    name: str
    log: bool
    english: str
    chinese: str

    def title(self) -> str:
        """The title in the current language."""
        return t(self.english, self.chinese)


def _table(*quantities: Quantity) -> dict[str, Quantity]:
    return {quantity.name: quantity for quantity in quantities}


# Per layer and seed: the keys of `Snapshot.layers`. L is the mean loss over the batch, without the
# L1 and L2 penalty, so that the gradients of z and of W are parts of one chain rule.
QUANTITIES = _table(
    Quantity("delta", True, "Signal ‖∂L/∂z‖", "误差信号 ‖∂L/∂z‖"),
    Quantity("weight_gradient", True, "Weight gradient ‖∂L/∂W‖", "权重梯度 ‖∂L/∂W‖"),
    Quantity("update_ratio", True, "Update ratio ‖ΔW‖ / ‖W‖", "更新比 ‖ΔW‖ / ‖W‖"),
    Quantity("drift", True, "Drift from the start", "偏离初始值的程度"),
    Quantity("weight_norm", True, "Weight norm ‖W‖", "权重范数 ‖W‖"),
    Quantity("saturation", False, "Share saturated", "饱和比例"),
    Quantity("dead", False, "Share of dead units", "死亡单元比例"),
)

# Per seed: the fields of a `Snapshot`. The gradient norm is that of loss and penalty together,
# which is what the optimizer and clipping see.
CURVES = _table(
    Quantity("loss", True, "Loss", "损失"),
    Quantity("accuracy", False, "Test accuracy", "测试准确率"),
    Quantity("gradient_norm", True, "Gradient norm", "梯度范数"),
    Quantity("clipped", False, "Share of steps clipped", "被剪切的步数比例"),
    Quantity("penalty", True, "Penalty", "惩罚项"),
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
                "第 {layer} 层在第 {step} 步已死亡：没有一个单元能传回梯度",
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
