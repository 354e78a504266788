"""All values inside a network while it trains, and what it makes of a plane of inputs.

`specimens(arms)` trains the first seed of every arm to the numbers of `train.train`, and looks at
every value in its hidden layers on the way. Where the data are points in the plane it keeps the
parameters at a few steps: `restored` makes a network of them, `surface` is what that network says
of each place, and `seen_by` what one of its units says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from gradviz.activations import SATURATED_BELOW
from gradviz.data import Dataset, load
from gradviz.engine.measure import slopes
from gradviz.engine.network import Network, build
from gradviz.engine.pretrain import pretraining
from gradviz.engine.start import probe
from gradviz.engine.threads import on_one_thread, one_thread
from gradviz.engine.train import Runner
from gradviz.quantities import INSIDE, Distribution
from gradviz.recipe import Recipe
from gradviz.snapshots import Moment, Specimen

LOOKS = 20  # steps at which a run is looked at, apart from its start
SURFACES = 8  # of them, those whose parameters are kept, apart from the start
_MOST_NUMBERS = 2_000_000  # parameters of one arm that are kept, all steps together
_MARGIN = 0.15  # of the plane around the data, as a share of their extent


def specimens(arms: Mapping[str, Recipe]) -> Iterator[Specimen | Moment]:
    """Train the network of `recipe.seed` of each arm, yielding what is inside it on the way.

    About 20 times and at the start, on the first `batch_size` examples of the training data: as
    large a batch as training sees, so that δ, which is that of the mean loss, has the same size. A
    step's specimen is the network before that step, as a snapshot's measurements are. A run that
    has overflowed ends with the step at which it did. Pre-training reports its progress as
    `Moment`s without a table.
    """
    return on_one_thread(_specimens(arms))


def _specimens(arms: Mapping[str, Recipe]) -> Iterator[Specimen | Moment]:
    for arm, recipe in arms.items():
        network, data = build(recipe, 1), load(recipe.dataset, recipe.seed)
        for epoch in pretraining(network, data):
            yield Moment("pretraining", arm, epoch.step, epoch.steps)
        yield from _while_training(arm, network, data)


def _while_training(arm: str, network: Network, data: Dataset) -> Iterator[Specimen]:
    recipe = network.recipe
    looks = looked_at(recipe.steps)
    flat = data.features == 2
    kept = kept_steps(recipe.steps, network.vector.numel()) if flat else frozenset()
    yield specimen(arm, network, 0, 0 in kept)
    # Nothing that a snapshot measures is wanted here, but that a run has overflowed.
    runner = Runner(arm, network, data, every=max(1, recipe.steps))
    last = None
    for updates, snapshot in enumerate(runner.snapshots(), start=1):
        last = snapshot or last
        if updates in looks and updates < recipe.steps:
            yield specimen(arm, network, updates, updates in kept)
    if last is not None and last.step > 0:
        # Now the network is back where the last snapshot has measured it.
        yield specimen(arm, network, last.step, flat)


def looked_at(steps: int) -> list[int]:
    """The steps of a run of `steps` that are looked at: its start, its end, and evenly between."""
    return sorted({*range(0, steps, max(1, round(steps / LOOKS))), steps})


def kept_steps(steps: int, size: int) -> frozenset[int]:
    """Of a run's looks before the last, those whose parameters are kept: more of them early.

    The last look's always are. `size` is the number of parameters: of a network too large for
    several, no others are.
    """
    looks = looked_at(steps)[:-1] or [0]
    number = min(SURFACES, _MOST_NUMBERS // max(1, size) - 1)
    shares = (np.arange(max(0, number)) / max(1, number)) ** 1.5
    return frozenset(looks[round(share * (len(looks) - 1))] for share in shares)


def specimen(arm: str, network: Network, step: int, keep: bool = False) -> Specimen:
    """All values inside the first seed of `network` as it is now; with its parameters if `keep`."""
    recipe = network.recipe
    found = probe(network, recipe.batch_size)
    activation = network.activation
    z = torch.stack([layer[0] for layer in found.passed.z[:-1]]).detach()
    slope = slopes(activation, z) / activation.largest_slope
    signals = torch.stack([layer[0] for layer in found.gradients.signals[:-1]]).detach()
    values = {
        "z": z,
        "slope": slope,
        "activation": activation.torch_function(z),
        "gradient": signals,
    }
    counted = {name: _counted(rows.flatten(1), INSIDE[name]) for name, rows in values.items()}
    known = z.isfinite().flatten(1).all(dim=1)[:, None]
    saturated = (slope.abs() < SATURATED_BELOW).float().mean(dim=1)
    kept = keep and len(network.vector) > 0
    return Specimen(
        arm=arm,
        step=step,
        steps=recipe.steps,
        total=z[0].numel(),
        counts={name: counts for name, (counts, _, _) in counted.items()},
        zeros={name: zeros for name, (_, zeros, _) in counted.items()},
        lost={name: lost for name, (_, _, lost) in counted.items()},
        saturated=torch.where(known, saturated, torch.nan).numpy(),
        dead=((slope == 0).all(dim=1) & known).numpy(),
        parameters=network.vector[0].detach().numpy().copy() if kept else _NOTHING,
        running=_running(network) if kept and network.running else _NOTHING,
    )


_NOTHING = np.zeros(0, np.float32)


def _counted(rows: Tensor, distribution: Distribution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of `rows` [layers, values]: those in each bin, those exactly 0, and those not finite.

    What lies outside is counted in the first or the last bin. A `gradient` is counted by the
    decimal logarithm of its size, taken in float64.
    """
    finite, zero = rows.isfinite(), rows == 0
    told = finite & ~zero
    numbers = rows.double()
    if distribution.name == "gradient":
        numbers = numbers.abs().log10()
    bins = distribution.bins
    width = (distribution.high - distribution.low) / bins
    place = ((numbers - distribution.low) / width).clamp(0, bins - 1)
    row = torch.arange(len(rows))[:, None].expand_as(rows)
    flat = (row * bins + torch.where(told, place, 0).long())[told]
    counts = torch.bincount(flat, minlength=len(rows) * bins).view(len(rows), bins)
    return counts.int().numpy(), zero.sum(1).int().numpy(), (~finite).sum(1).int().numpy()


def _running(network: Network) -> np.ndarray:
    """Mean and variance of BatchNorm of the first seed, [depth, 2, width]."""
    width = network.recipe.width
    layers = [torch.stack([part[:width] for part in pair]) for pair in network.running.values()]
    return torch.stack(layers).numpy().copy()


@one_thread()
def restored(recipe: Recipe, parameters: np.ndarray, running: np.ndarray) -> Network:
    """The network of `recipe` with the `parameters` and `running` of a specimen, of one seed."""
    network = build(recipe, 1)
    with torch.no_grad():
        network.vector.copy_(torch.from_numpy(np.array(parameters, np.float32))[None])
    for layer, (mean, variance) in enumerate(np.array(running, np.float32), start=1):
        network.running[layer] = torch.from_numpy(mean), torch.from_numpy(variance)
    return network


def plane(recipe: Recipe, places: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """The middles (x, y) of `places` columns and rows of a square around the data of `recipe`.

    They rise. Raises `ValueError` for data that are not points in the plane.
    """
    x = load(recipe.dataset, recipe.seed).x_train
    if x.shape[1] != 2:
        raise ValueError(f"dataset={recipe.dataset!r} has {x.shape[1]} inputs, not 2")
    low, high = x.min(), x.max()
    margin = _MARGIN * (high - low) / 2
    edges = np.linspace(low - margin, high + margin, places + 1, dtype=np.float32)
    middles = (edges[:-1] + edges[1:]) / 2
    return middles, middles


@one_thread()
def surface(network: Network, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the first seed of `network` makes of each place: the probability of class 1, [y, x].

    In evaluation mode, as accuracy is measured: softmax of the logits.
    """
    logits = network.forward(_places(x, y)).logits[0].detach().double()
    return logits.softmax(dim=1)[:, 1].view(len(y), len(x)).numpy()


@one_thread()
def seen_by(network: Network, layer: int, unit: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """φ(z) of `unit` of hidden `layer`, both from 1 on, at each place: [y, x].

    Of the first seed and in evaluation mode. Raises `ValueError` for one that the network has not.
    """
    recipe = network.recipe
    if not (1 <= layer <= recipe.depth and 1 <= unit <= recipe.width):
        raise ValueError(
            f"unit {unit} of layer {layer} is not among {recipe.width} units of {recipe.depth}"
        )
    z = network.forward(_places(x, y)).z[layer - 1][0, :, unit - 1].detach()
    return network.activation.torch_function(z).view(len(y), len(x)).double().numpy()


def _places(x: np.ndarray, y: np.ndarray) -> Tensor:
    across, upward = np.meshgrid(np.asarray(x, np.float32), np.asarray(y, np.float32))
    return torch.from_numpy(np.column_stack([across.ravel(), upward.ravel()]))
