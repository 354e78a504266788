"""Mean-field theory: what a wide random network does to activations and gradients with depth.

In a wide network at initialization the pre-activations of a layer are Gaussian with a variance q,
and two numbers tell everything: how q maps from layer to layer, and χ, by which the squared
error signal δ² is multiplied per layer on the way back.

Sources: Poole et al. 2016 (variance map), Schoenholz et al. 2017 (χ, critical line), He et al.
2015 (ReLU), Yang et al. 2019 (BatchNorm). σ_w² is fan_in·Var(W), σ_b² is Var(b).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from gradviz.activations import Activation
from gradviz.recipe import Recipe, activation_of
from gradviz.theory.scales import bias_std, gain_of, residual_scale, weight_std

# A variance, or variances; what is computed from it is of the same kind.
Variance = TypeVar("Variance", float, np.ndarray)

# Gauss–Legendre on each half-line instead of Gauss–Hermite on the whole: Hermite's polynomials
# cannot follow the kink that the ReLU family has at 0 (off by 1e-2 at 100 nodes), while on either
# side of it every activation is smooth. Beyond |z| = 12 the density is below 1e-31; z = 12 t³
# crowds the nodes around 0, where the slope of a saturated sigmoid is one narrow peak.
_T, _T_WEIGHTS = np.polynomial.legendre.leggauss(200)
_T, _T_WEIGHTS = (_T + 1) / 2, _T_WEIGHTS / 2
_HALF = 12 * _T**3
_HALF_WEIGHTS = 36 * _T**2 * _T_WEIGHTS * np.exp(-0.5 * _HALF**2) / math.sqrt(2 * math.pi)
_NODES = np.concatenate([-_HALF, _HALF])
_WEIGHTS = np.concatenate([_HALF_WEIGHTS, _HALF_WEIGHTS])

# Squares of larger pre-activations would overflow; past here only the growth rate matters.
_LARGEST_VARIANCE = 1e200
# Below it counts as 0, and a slope at variance 0 is what it is here.
_SMALLEST_VARIANCE = 1e-200
# The relative error to be expected of a computed variance, with a margin.
_ROUNDING = 1e-12


def gaussian_mean(f: Callable[[np.ndarray], np.ndarray], variance: Variance = 1.0) -> Variance:
    """E[f(√variance · z)] for z ~ N(0, 1); f is elementwise and may have a kink at 0.

    Returns a float, or an array of the shape of `variance`.
    """
    bounded = np.minimum(np.asarray(variance, dtype=float), _LARGEST_VARIANCE)
    mean = f(np.sqrt(bounded)[..., None] * _NODES) @ _WEIGHTS
    return cast("Variance", float(mean) if mean.ndim == 0 else mean)


def mean_square(phi: Activation, variance: Variance = 1.0) -> Variance:
    """E[φ(z)²] for z ~ N(0, variance)."""
    return gaussian_mean(lambda z: phi.function(z) ** 2, variance)


def mean_square_slope(phi: Activation, variance: Variance = 1.0) -> Variance:
    """E[φ′(z)²] for z ~ N(0, variance).

    At variance 0 it is the limit from above: where φ has a kink at 0, the mean of the squares of
    its two slopes there (1/2 for ReLU), and not the square of the one that φ′(0) returns.
    """
    positive = np.maximum(np.asarray(variance, dtype=float), _SMALLEST_VARIANCE)
    return cast("Variance", gaussian_mean(lambda z: phi.derivative(z) ** 2, positive))


def variance_map(phi: Activation, sigma_w: float, sigma_b: float, variance: Variance) -> Variance:
    """The next layer's variance, σ_w² E[φ(z)²] + σ_b² (Poole et al. 2016, section 2)."""
    return sigma_w**2 * mean_square(phi, variance) + sigma_b**2


def variances(
    phi: Activation, sigma_w: float, sigma_b: float, first: float, depth: int
) -> np.ndarray:
    """The variances of layers 1 to `depth`, [depth], when layer 1 has the variance `first`."""
    trajectory = [first]
    while len(trajectory) < depth:
        trajectory.append(variance_map(phi, sigma_w, sigma_b, trajectory[-1]))
    return np.array(trajectory[:depth], dtype=float)


def fixed_point(phi: Activation, sigma_w: float, sigma_b: float, start: float = 1.0) -> float:
    """The variance that depth leads to from `start`: 0 if it dies, inf if it grows forever.

    The map grows with q, so the trajectory moves one way until it meets its first fixed point;
    that is bracketed by doubling or halving and then bisected, because at criticality plain
    iteration converges only like 1/depth. Where the map is q + σ_b², as for ReLU at σ_w = √2, the
    variance grows forever, though ever more slowly in proportion; that is told from a distant
    fixed point if σ_w² differs from the critical one by more than 1e-12 of it.
    """

    def drift(q: float) -> float:
        return variance_map(phi, sigma_w, sigma_b, q) - q

    def direction(q: float) -> float:
        moved = drift(q)
        return 0.0 if abs(moved) <= _ROUNDING * q else np.sign(moved)

    way = direction(start)
    if way == 0:
        if sigma_b == 0:
            return start
        # What a bias adds may be lost in rounding, and then it only looks like standing still.
        way = 1.0
    near, far = start, start
    while direction(far) in (way, 0):
        near, far = far, far * 2.0**way
        if far < _SMALLEST_VARIANCE:
            return 0.0
        if far > _LARGEST_VARIANCE:
            return math.inf
    return _bisect(lambda q: way * drift(q), near, far)


def chi(phi: Activation, sigma_w: float, variance: Variance) -> Variance:
    """χ = σ_w² E[φ′(z)²], the factor of δ² per layer (Schoenholz et al. 2017, section 3).

    Below 1 the gradient vanishes with depth, above 1 it explodes; δ itself changes by √χ. At
    variance 0 it is the limit from above, as in `mean_square_slope`.
    """
    return sigma_w**2 * mean_square_slope(phi, variance)


def critical_sigma_w(phi: Activation, sigma_b: float) -> float:
    """The σ_w at which χ = 1 at the fixed point, for a given σ_b.

    χ = 1 says σ_w² = 1/E[φ′²]; then q is a fixed point if σ_b² = q − σ_w² E[φ²], which is
    solved for q. For ReLU and LeakyReLU, whose χ does not depend on q, it is √(1/E[φ′²]).

    Warns with `UnstableCriticalPoint` if a network does not stay at that fixed point. So it is for
    GELU and SiLU, with σ_b = 0 and with small biases: χ is 1 at the variance 0, where σ_w = 2, but
    a network of that scale that starts from any other variance leaves it further with each layer,
    and its gradient explodes (δ_1/δ_L ≈ 10⁶ at 40 layers).
    """
    q = _critical_variance(phi, sigma_b)
    sigma_w = 1 / math.sqrt(mean_square_slope(phi, q))
    if not is_stable(phi, sigma_w, sigma_b, q):
        warnings.warn(
            f"{phi.name} with sigma_w={sigma_w:.4g} is critical at the variance {round(q, 9):.2g} "
            "only, and one that starts higher grows from layer to layer",
            UnstableCriticalPoint,
            stacklevel=2,
        )
    return sigma_w


class UnstableCriticalPoint(UserWarning):
    """χ is 1 at a variance at which no network stays."""


def is_stable(phi: Activation, sigma_w: float, sigma_b: float, fixed: float) -> bool:
    """Whether a variance a little above the fixed point `fixed` keeps to it, or at least its χ.

    ReLU's χ is the same at every variance, so for it nothing is lost where the variance moves.
    The step upwards is 1%, and from 0 to 1e-4.
    """
    above = max(1.01 * fixed, 1e-4)
    moves_on = variance_map(phi, sigma_w, sigma_b, above) > above * (1 + _ROUNDING)
    change = chi(phi, sigma_w, above) / chi(phi, sigma_w, fixed) - 1
    return not (moves_on and abs(change) > 1e-9)


def _critical_variance(phi: Activation, sigma_b: float) -> float:
    """The fixed point q at which χ = 1, from 1e-12 to 1e6."""

    def missing(q: float) -> float:
        return sigma_b**2 - q + mean_square(phi, q) / mean_square_slope(phi, q)

    # Where nothing is missing at the smallest q the fixed point is 0; and where something is
    # missing at the largest, the variance has no fixed point, but χ = 1 still has a solution.
    smallest, largest = 1e-12, 1e6
    if missing(smallest) <= 1e-12:
        return smallest
    if missing(largest) >= -1e-12 * largest:
        return largest
    return _bisect(missing, smallest, largest)


def weight_scale(
    recipe: Recipe, fan_in: int, fan_out: int, gain: float | None = None
) -> tuple[float, float]:
    """(σ_w, σ_b) of a layer that an activation follows: σ_w² = fan_in·Var(W), σ_b² = Var(b).

    `gain` stands in for the recipe's (1 for a layer with a linear end). With PyTorch's own default,
    U(±1/√fan_in), σ_w is 1/√3.
    """
    std = weight_std(recipe, fan_in, fan_out, gain_of(recipe) if gain is None else gain)
    return math.sqrt(fan_in) * std, bias_std(recipe, fan_in)


def predicted_variances(recipe: Recipe, inputs: np.ndarray) -> np.ndarray:
    """The variance of z at layers 1 to depth at initialization, [depth]: 1 under a norm.

    `inputs` is [examples, features]: theory starts from their mean square.
    """
    linear = _linear_variances(recipe, inputs)
    return linear if recipe.norm == "none" else np.ones_like(linear)


def predicted_delta(recipe: Recipe, inputs: np.ndarray) -> np.ndarray:
    """δ at hidden layers 1 to depth at initialization, relative to the last one's, [depth].

    Layer by layer with each layer's own variance, not only at the fixed point:
    δ²_l = δ²_{l+1} · σ_w² E[φ′(z_l)²] (Schoenholz et al. 2017, section 4; He et al. 2015,
    section 2.2, backward case). A norm divides by the variance that it removes (Yang et al. 2019).
    In a residual network the signal g_l at a block's output grows by 1 + the branch's factor,
    and δ²_l = s² σ_v² E[φ′(z_l)²] g²_l (Yang & Schoenholz 2017). `recipe.pretrain` is ignored.

    With `norm="batch"` this holds for large batches of examples in general position: within 6%
    over ten layers for 512 Gaussian inputs of 256 features. On digits, whose covariance has few
    directions, δ_1 comes out 1.3 to 1.5 times as large as this says for sigmoid, tanh, ELU, SELU
    and linear; `batch_kernel.predicted_batchnorm_delta` takes the batch as it is.
    """
    slopes = mean_square_slope(activation_of(recipe), predicted_variances(recipe, inputs))
    sigma_w, _ = weight_scale(recipe, recipe.width, recipe.width)
    with np.errstate(divide="ignore", over="ignore"):
        back = np.full(recipe.depth, sigma_w**2)
        if recipe.norm != "none":
            back /= _linear_variances(recipe, inputs)
        if recipe.residual:
            growth = 1 + (branch_scale(recipe)[0] ** 2) * slopes * back
            factors = growth[1:] * slopes[:-1] / slopes[1:]
        else:
            factors = back[1:] * slopes[:-1]
        # Sums of logarithms, because the products of 200 factors leave the range of floats.
        log_squares = np.append(np.cumsum(np.log(factors[::-1]))[::-1], 0.0)
        return np.exp(0.5 * log_squares)


def residual_growth(scale: float, depth: int) -> float:
    """The factor (1 + s²)^depth by which `depth` residual blocks multiply the variance.

    For branches that keep the variance, as s·V ReLU(W h) with He's W and V of gain 1 does
    (Hanin & Rolnick 2018; Yang & Schoenholz 2017). At s = 1/√depth it stays below e.
    """
    return (1 + scale**2) ** depth


def batchnorm_factor(phi: Activation) -> float:
    """The factor of δ² per layer that BatchNorm leads to, E[φ′²]/Var[φ].

    BatchNorm sets z ~ N(0, 1) and divides by the spread of the layer's input, σ_w² Var[φ(z)], so
    the weights' scale cancels. π/(π − 1) for ReLU, 1 for linear (Yang et al. 2019). For large
    batches of examples in general position; see `predicted_delta`.
    """
    return mean_square_slope(phi) / _spread(phi, 1.0)


def _linear_variances(recipe: Recipe, inputs: np.ndarray) -> np.ndarray:
    """The mean square of W h + b at layers 1 to depth, [depth]; of its spread under BatchNorm.

    BatchNorm subtracts the mean over the batch, so there only the spread over examples counts.
    """
    phi, centered = activation_of(recipe), recipe.norm == "batch"
    inputs = np.asarray(inputs, dtype=float)
    power = float(inputs.var(axis=0).mean() if centered else np.mean(inputs**2))
    linear, fan_in = [], inputs.shape[1]
    for _ in range(recipe.depth):
        sigma_w, sigma_b = weight_scale(recipe, fan_in, recipe.width)
        linear.append(sigma_w**2 * power + (0.0 if centered else sigma_b**2))
        variance = linear[-1] if recipe.norm == "none" else 1.0
        branch = _spread(phi, variance) if centered else mean_square(phi, variance)
        if recipe.residual:
            sigma_v, sigma_c = branch_scale(recipe)
            if fan_in != recipe.width:
                power *= weight_scale(recipe, fan_in, recipe.width, gain=1.0)[0] ** 2
            power += sigma_v**2 * branch + (0.0 if centered else sigma_c**2)
        else:
            power = branch
        power, fan_in = min(power, _LARGEST_VARIANCE), recipe.width
    return np.array(linear)


def branch_scale(recipe: Recipe) -> tuple[float, float]:
    """(s·σ_v, s·σ_c): the scale of a residual branch's second matrix and of its bias.

    s is the recipe's, or 1/√depth; σ_v² is fan_in·Var(V) and σ_c² is Var(c).
    """
    scale = residual_scale(recipe)
    sigma_v, sigma_c = weight_scale(recipe, recipe.width, recipe.width, gain=1.0)
    return scale * sigma_v, scale * (sigma_c if recipe.init == "pytorch" else 0.0)


def _spread(phi: Activation, variance: float) -> float:
    """Var[φ(z)] for z ~ N(0, variance)."""
    return mean_square(phi, variance) - gaussian_mean(phi.function, variance) ** 2


def _bisect(f: Callable[[float], float], positive: float, other: float) -> float:
    """The root of f between `positive`, where f > 0, and `other`; both are above 0."""
    for _ in range(100):
        middle = math.sqrt(positive * other)
        positive, other = (middle, other) if f(middle) > 0 else (positive, middle)
    return math.sqrt(positive * other)
