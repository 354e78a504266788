"""Loss surfaces over two parameters, and the paths that gradient descent takes on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradviz.activations import ACTIVATIONS, Activation
from gradviz.recipe import CHOICES

Array = np.ndarray
Parameter = float | Array

# Pascanu et al. 2013, Figure 6: the recurrent unit's number of steps and where it should end.
CLIFF_STEPS, CLIFF_START, CLIFF_TARGET = 50, 0.5, 0.7
# torch.nn.utils.clip_grad_norm_ adds it to the norm.
_CLIP_EPS = 1e-6


@dataclass(frozen=True)
class Landscape:
    """A loss over two parameters with its gradient, and the part of the plane worth seeing.

    `evaluate(a, b)` returns the loss, ∂loss/∂a and ∂loss/∂b, each of the shape that the arrays
    `a` and `b` broadcast to. `low` and `high` are the corners (a, b) of the picture.
    """

    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]
    evaluate: Callable[[Parameter, Parameter], tuple[Array, Array, Array]]

    def grid(self, points: int = 101) -> tuple[Array, Array, Array, Array]:
        """a [points], b [points], and loss and gradient norm over them, [b, a]."""
        a, b = (np.linspace(*ends, points) for ends in zip(self.low, self.high, strict=True))
        loss, by_a, by_b = self.evaluate(a[None, :], b[:, None])
        return a, b, loss, np.hypot(by_a, by_b)


@dataclass(frozen=True)
class Descent:
    """A walk of gradient descent.

    `points` [steps + 1, 2], `losses` [steps + 1] and `gradients` [steps + 1, 2] (before clipping)
    are those before the first step, after it, and so on. `clipped` [steps] says at which steps
    clipping changed the gradient. `lost_at` is the first index whose point, loss or gradient is
    not finite; what comes after is kept as it is.
    """

    points: Array
    losses: Array
    gradients: Array
    clipped: Array

    @property
    def lost_at(self) -> int | None:
        """The index of the first point that is no longer finite; None if all are."""
        table = np.column_stack([self.points, self.losses, self.gradients])
        lost = np.flatnonzero(~np.isfinite(table).all(axis=1))
        return int(lost[0]) if lost.size else None


def clip_gradient(gradient: Array, clip: str = "none", clip_at: float = 1.0) -> Array:
    """The gradient, [..., 2], forced under a threshold as PyTorch does it.

    "norm" shortens it to the length `clip_at` and keeps its direction (Pascanu et al. 2013,
    algorithm 1); "value" cuts each component to ±`clip_at` and may turn it. Raises `ValueError`
    for another `clip` and for a threshold that is not positive.
    """
    if clip not in CHOICES["clip"]:
        raise ValueError(f"clip={clip!r} is not one of {', '.join(CHOICES['clip'])}")
    if not clip_at > 0:
        raise ValueError(f"clip_at={clip_at!r} is not a number above 0")
    gradient = np.asarray(gradient, dtype=float)
    if clip == "value":
        return np.clip(gradient, -clip_at, clip_at)
    if clip == "norm":
        norm = np.linalg.norm(gradient, axis=-1, keepdims=True)
        return gradient * np.minimum(1.0, clip_at / (norm + _CLIP_EPS))
    return gradient


def descend(
    landscape: Landscape,
    start: tuple[float, float],
    lr: float,
    steps: int,
    momentum: float = 0.0,
    clip: str = "none",
    clip_at: float = 1.0,
) -> Descent:
    """Walk `steps` steps of gradient descent from `start`: w ← w − lr·v, v ← momentum·v + ∇loss.

    Momentum is that of torch.optim.SGD.
    """
    points, table, clipped = [np.array(start, dtype=float)], [], []
    velocity = np.zeros(2)
    # Leaving the finite range is a result here, not an accident.
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            table.append(landscape.evaluate(*points[-1]))
            gradient = np.array(table[-1][1:])
            used = clip_gradient(gradient, clip, clip_at)
            clipped.append(not np.array_equal(used, gradient, equal_nan=True))
            velocity = momentum * velocity + used
            points.append(points[-1] - lr * velocity)
        table.append(landscape.evaluate(*points[-1]))
    table = np.array(table, dtype=float)
    return Descent(np.array(points), table[:, 0], table[:, 1:], np.array(clipped, dtype=bool))


def descend_clipped(
    landscape: Landscape,
    start: tuple[float, float],
    lr: float,
    steps: int,
    clip: str,
    thresholds: Sequence[float],
) -> list[Descent]:
    """What `descend` gives with `clip_at` each of `thresholds`: all walks step by step together."""
    points, tables, clipped = [np.tile(np.array(start, dtype=float), (len(thresholds), 1))], [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps + 1):
            tables.append(np.stack(landscape.evaluate(*points[-1].T), axis=-1))
            if step == steps:
                break
            gradients = tables[-1][:, 1:]
            pairs = zip(gradients, thresholds, strict=True)
            used = np.array([clip_gradient(row, clip, limit) for row, limit in pairs])
            same = (used == gradients) | (np.isnan(used) & np.isnan(gradients))
            clipped.append(~same.all(axis=1))
            points.append(points[-1] - lr * used)
    walks = (np.stack(part, axis=1) for part in (points, tables, clipped))
    return [Descent(p, t[:, 0], t[:, 1:], c) for p, t, c in zip(*walks, strict=True)]


def cliff() -> Landscape:
    """The error surface of a recurrent unit over (w, b): a plain with a wall.

    x_t = w σ(x_{t−1}) + b, x_0 = 0.5, E = (σ(x_50) − 0.7)² (Pascanu et al. 2013, section 2.3 and
    Figure 6, and its supplement). The gradient is carried forward along with x.
    """
    return Landscape(("w", "b"), (4.0, -3.2), (7.0, -1.5), _cliff)


def _cliff(w: Parameter, b: Parameter) -> tuple[Array, Array, Array]:
    sigmoid = ACTIVATIONS["sigmoid"]
    w, b = np.broadcast_arrays(np.asarray(w, dtype=float), np.asarray(b, dtype=float))
    x, by_w, by_b = np.full(w.shape, CLIFF_START), np.zeros(w.shape), np.zeros(w.shape)
    for _ in range(CLIFF_STEPS):
        value, factor = sigmoid.function(x), w * sigmoid.derivative(x)
        x, by_w, by_b = w * value + b, value + factor * by_w, 1 + factor * by_b
    error = sigmoid.function(x) - CLIFF_TARGET
    slope = 2 * error * sigmoid.derivative(x)
    return error**2, slope * by_w, slope * by_b


def samples(
    phi: Activation = ACTIVATIONS["tanh"],
    weights: tuple[float, float] = (1.5, 1.2),
    points: int = 21,
    noise: float = 0.05,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Inputs and targets [points] for `fit`: the network with these weights, plus noise."""
    x = np.linspace(-2, 2, points)
    clean = phi.function(weights[1] * phi.function(weights[0] * x))
    return x, clean + noise * np.random.default_rng(seed).standard_normal(points)


def fit(
    x: Array, g: Array, phi: Activation = ACTIVATIONS["tanh"], extent: float = 6.0
) -> Landscape:
    """The loss mean (g(x) − F(x))² of a two-layer network F(x) = φ(w₂ φ(w₁ x)) over (w₁, w₂).

    `x` and `g` [points]. With tanh: two minima that are mirror images, a saddle at the origin
    between them, and in the corners of the wrong sign plateaus on which both units are saturated.
    The picture is the square of ±`extent`.
    """
    x, g = np.asarray(x, dtype=float), np.asarray(g, dtype=float)

    def evaluate(w1: Parameter, w2: Parameter) -> tuple[Array, Array, Array]:
        w1, w2 = np.asarray(w1, dtype=float)[..., None], np.asarray(w2, dtype=float)[..., None]
        z1 = w1 * x
        f1 = phi.function(z1)
        z2 = w2 * f1
        error = phi.function(z2) - g
        back = 2 * error * phi.derivative(z2)
        by_w1 = np.mean(back * w2 * phi.derivative(z1) * x, axis=-1)
        return np.mean(error**2, axis=-1), by_w1, np.mean(back * f1, axis=-1)

    return Landscape(("w₁", "w₂"), (-extent, -extent), (extent, extent), evaluate)


def unit_loss(
    w: Parameter, phi: Activation = ACTIVATIONS["sigmoid"], target: float = 0.0
) -> tuple[Array, Array]:
    """The loss (φ(w·1) − target)² of one unit with input 1, and ∂loss/∂w, of the shape of `w`.

    The gradient has the factor φ′, so it dies where the unit is saturated, however wrong it is.
    """
    w = np.asarray(w, dtype=float)
    error = phi.function(w) - target
    return error**2, 2 * error * phi.derivative(w)


def unit_walks(starts: Array, lr: float, steps: int) -> Array:
    """The weights of `unit_loss` before and after each step of gradient descent.

    One walk for each of `starts`, [walks]; returns [steps + 1, walks].
    """
    weights = [np.asarray(starts, dtype=float)]
    for _ in range(steps):
        weights.append(weights[-1] - lr * unit_loss(weights[-1])[1])
    return np.array(weights)
