"""What mean-field theory says of the layers of a network of one's own, at its start.

Of dense and convolutional layers that follow each other with a known activation, or none, between
them. What theory is told of them is measured: the size of what comes out of the first, and the
variance of each one's weights and biases. That they are random and independent is
taken for granted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gradviz.activations import ACTIVATIONS, Activation
from gradviz.theory.mean_field import chi, variance_map
from gradviz.watching.outputs import Flow
from gradviz.watching.parts import Part, Parts

KNOWN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def expected(
    parts: Parts,
    flows: Mapping[str, Flow],
    numbers: Mapping[tuple[str, str], float],
    weights: Mapping[nn.Parameter, Tensor],
) -> pd.DataFrame:
    """A row for each layer of which theory knows something: layer, chi, delta.

    χ = σ_w² E[φ′(z)²] (Schoenholz et al. 2017, section 3), with σ_w² = fan_in·Var(W) of the layer
    that follows. ‖δ‖² of a layer is χ times that of the next whatever their widths, because the sum
    over its units brings a factor fan_in; for convolutions, with the share of the window that does
    not lie on padding, the sum over places brings the same. `numbers` are those measured at the
    step, by layer and quantity; `weights` the parameters before it.
    """
    by_name = {part.name: part for part in parts.rows if _is_known(part)}
    follower = {
        flow.fed_by: name
        for name, flow in flows.items()
        if flow.fed_by is not None
        and {name, flow.fed_by} <= set(by_name)
        and flow.fed_by != name
        and not flows[flow.fed_by].branched
    }
    rows = []
    for first in by_name:
        if first in follower and first not in follower.values():
            rows += _chain(first, follower, by_name, flows, numbers, weights)
    return pd.DataFrame(rows, columns=["layer", "chi", "delta"])


def _is_known(part: Part) -> bool:
    return isinstance(part.owner, KNOWN) and part.weight is not None and part.name.count("#") == 0


def _chain(
    first: str,
    follower: Mapping[str, str],
    by_name: Mapping[str, Part],
    flows: Mapping[str, Flow],
    numbers: Mapping[tuple[str, str], float],
    weights: Mapping[nn.Parameter, Tensor],
) -> list[tuple[str, float, float]]:
    """The rows of `first` and of all layers that follow each other from there."""
    variance = numbers.get((first, "output"), math.nan) ** 2
    names, factors = [first], []
    while (name := follower.get(names[-1])) is not None:
        phi = _activation_after(flows[names[-1]])
        sigma_w, sigma_b = _scales(by_name[name], flows[name], numbers, weights)
        factors.append(float(chi(phi, sigma_w, variance)))
        variance = float(variance_map(phi, sigma_w, sigma_b, variance))
        names.append(name)
    delta = numbers.get((names[-1], "delta"), math.nan)
    rows = [(names[-1], math.nan, delta)]
    for name, factor in zip(names[-2::-1], factors[::-1], strict=True):
        delta *= math.sqrt(factor)
        rows.append((name, factor, delta))
    return rows[::-1]


def _activation_after(flow: Flow) -> Activation:
    return flow.activation or ACTIVATIONS["linear"]


def _scales(
    part: Part,
    flow: Flow,
    numbers: Mapping[tuple[str, str], float],
    weights: Mapping[nn.Parameter, Tensor],
) -> tuple[float, float]:
    """(σ_w, σ_b): σ_w² = fan_in·Var(W), which is ‖W‖²/fan_out, and σ_b² the mean square of b."""
    assert part.weight is not None  # `_is_known` says so
    norm = numbers[part.name, "weight_norm"]
    sigma_w = norm / math.sqrt(part.weight.shape[0]) * math.sqrt(_share_inside(part.owner, flow))
    bias = None if part.bias is None else weights[part.bias]
    return sigma_w, 0.0 if bias is None else float(bias.double().square().mean().sqrt())


def _share_inside(layer: nn.Module, flow: Flow) -> float:
    """The mean share of a convolution's window that lies on the input and not on its padding."""
    if not isinstance(layer, _ConvNd) or layer.padding_mode != "zeros":
        return 1.0
    share = 1.0
    for axis, size in enumerate(flow.places):
        kernel, stride = layer.kernel_size[axis], layer.stride[axis]
        reach = layer.dilation[axis] * (kernel - 1)
        # They stand in pairs, the last dimension first.
        before, after = layer._reversed_padding_repeated_twice[-2 - 2 * axis :][:2]
        starts = range(-before, size + after - reach, stride)
        inside = [
            0 <= start + tap * layer.dilation[axis] < size
            for start in starts
            for tap in range(kernel)
        ]
        share *= sum(inside) / max(len(inside), 1)
    return share
