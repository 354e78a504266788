"""Products of factors: what the chain rule multiplies, for one neuron per layer and for matrices.

The signal that travels back through a layer is multiplied by weight × slope: by a number if
there is one neuron per layer, by a matrix if there are many, and then it is singular values that
multiply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradviz.activations import Activation

KINDS = ("gaussian", "orthogonal")


def factors(
    weights: np.ndarray | float, pre_activations: np.ndarray | float, phi: Activation
) -> np.ndarray:
    """∂f_l/∂f_{l−1} = w·φ′(z), of the shape that `weights` and `pre_activations` broadcast to."""
    return np.asarray(weights) * phi.derivative(np.asarray(pre_activations, dtype=float))


def products(factors: np.ndarray | float, depth: int | None = None) -> np.ndarray:
    """The products of the first 1, 2, … factors; of one factor with itself if `depth` is given."""
    return np.cumprod(factors if depth is None else np.full(depth, factors, dtype=float))


def nielsen_window(w: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a sigmoid neuron does not shrink the gradient: |w σ′(wa + b)| ≥ 1.

    Returns the lowest and the highest z = wa + b, and the width 2z/|w| of that interval in the
    input a; all three are nan for |w| < 4, where there is no such input. It is never wider than
    0.45, near |w| = 6.9 (Nielsen, Neural Networks and Deep Learning, chapter 5).
    """
    size = np.abs(np.asarray(w, dtype=float))
    size = np.where(size >= 4, size, np.nan)
    # σ(1 − σ) = 1/|w| is a quadratic equation in σ, and z is the logit of its larger solution.
    high = 2 * np.arctanh(np.sqrt(1 - 4 / size))
    return -high, high, 2 * high / size


@dataclass(frozen=True)
class Factor:
    """One ∂`of`/∂`by` of the chain rule, e.g. ∂f_4/∂f_3.

    `value` is `other` × `slope`: between layers `other` is the weight, in the last factor
    ∂f_l/∂w_l it is the layer's input, and ∂L/∂f_n has neither. `product` is the product of
    this factor and all before it.
    """

    of: str
    by: str
    value: float
    product: float
    other: float | None = None
    slope: float | None = None


@dataclass(frozen=True)
class ScalarNetwork:
    """A network with one neuron per layer: f_i = φ(f_{i−1} w_i + b_i), f_0 = x.

    The loss L is (f_n − target)². The source document's network has four layers.
    """

    weights: tuple[float, ...]
    biases: tuple[float, ...]
    x: float
    target: float
    phi: Activation

    def __post_init__(self) -> None:
        if not self.weights or len(self.weights) != len(self.biases):
            raise ValueError(
                f"biases={self.biases!r} do not match weights={self.weights!r}: one for each, ≥ 1"
            )

    @property
    def depth(self) -> int:
        """The number of layers n."""
        return len(self.weights)

    @property
    def values(self) -> np.ndarray:
        """f_0 to f_n, [depth + 1]; f_0 is x."""
        values = [float(self.x)]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            values.append(float(self.phi.function(values[-1] * weight + bias)))
        return np.array(values)

    @property
    def pre_activations(self) -> np.ndarray:
        """z_1 to z_n, [depth]."""
        return self.values[:-1] * np.array(self.weights) + np.array(self.biases)

    @property
    def slopes(self) -> np.ndarray:
        """φ′(z_1) to φ′(z_n), [depth]."""
        return self.phi.derivative(self.pre_activations)

    @property
    def factors(self) -> np.ndarray:
        """∂f_i/∂f_{i−1} = w_i φ′(z_i) for i = 1 to n, [depth]."""
        return factors(np.array(self.weights), self.pre_activations, self.phi)

    @property
    def loss(self) -> float:
        """(f_n − target)²."""
        return float((self.values[-1] - self.target) ** 2)

    def backward_walk(self, layer: int = 2) -> list[Factor]:
        """The factors of ∂L/∂w_layer in the order in which backpropagation meets them.

        For layer 2 of four: ∂L/∂f_4, ∂f_4/∂f_3, ∂f_3/∂f_2, ∂f_2/∂w_2; the last one's
        `product` is the gradient. Raises `ValueError` for a layer that is not in 1 to depth.
        """
        if layer not in range(1, self.depth + 1):
            raise ValueError(f"layer={layer!r} is not a whole number from 1 to {self.depth}")
        values, slopes, n = self.values, self.slopes, self.depth
        error = 2 * float(values[-1] - self.target)
        walk = [Factor("L", f"f_{n}", error, error)]
        for i in range(n, layer - 1, -1):
            last = i == layer
            other = float(values[i - 1] if last else self.weights[i - 1])
            slope = float(slopes[i - 1])
            by = f"w_{i}" if last else f"f_{i - 1}"
            value = other * slope
            walk.append(Factor(f"f_{i}", by, value, walk[-1].product * value, other, slope))
        return walk

    def gradient(self, layer: int = 2) -> float:
        """∂L/∂w_layer."""
        return self.backward_walk(layer)[-1].product


def autograd_gradient(network: ScalarNetwork, layer: int = 2) -> float:
    """∂L/∂w_layer as PyTorch's autograd computes it in float64: what the walk must equal."""
    import torch

    weights = torch.tensor(network.weights, dtype=torch.float64, requires_grad=True)
    f = torch.tensor(network.x, dtype=torch.float64)
    for weight, bias in zip(weights, network.biases, strict=True):
        f = network.phi.torch_function(f * weight + bias)
    loss = (f - network.target) ** 2
    (gradient,) = torch.autograd.grad(loss, weights)
    return float(gradient[layer - 1])


def composite(
    x: np.ndarray, weights: np.ndarray, biases: np.ndarray, phi: Activation
) -> tuple[np.ndarray, np.ndarray]:
    """F(x) = f_n(…f_2(f_1(x))…) and F′(x) after 0, 1, …, n layers, on a grid of x.

    `x` [points], `weights` and `biases` [n], one neuron per layer. Returns two arrays
    [n + 1, points]: the values and the slopes, starting with F(x) = x.
    """
    values = [np.asarray(x, dtype=float)]
    slopes = [np.ones_like(values[0])]
    for weight, bias in zip(weights, biases, strict=True):
        z = weight * values[-1] + bias
        slopes.append(slopes[-1] * factors(weight, z, phi))
        values.append(phi.function(z))
    return np.array(values), np.array(slopes)


def refined(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, largest: float = 0.05, rounds: int = 40
) -> np.ndarray:
    """`x` [points], sorted, with more points where f jumps: a step is then drawn as one.

    An interval over which f changes by more than the share `largest` of its whole range is halved,
    again and again, at most so many `rounds`.
    """
    for _ in range(rounds):
        values = f(x)
        wide = np.flatnonzero(np.abs(np.diff(values)) > largest * np.ptp(values))
        if not wide.size:
            break
        x = np.insert(x, wide + 1, (x[wide] + x[wide + 1]) / 2)
    return x


def matrix_products(
    kind: str = "gaussian",
    width: int = 100,
    depth: int = 50,
    draws: int = 5,
    gain: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Singular values of W_l … W_1 for l = 1 to `depth`, [draws, depth, width], largest first.

    "gaussian": entries N(0, gain²/width). "orthogonal": gain × uniformly random rotations, for
    which all are gain^l (Saxe et al. 2014). They are accurate down to the smallest although they
    may span 50 decades, where a plain product loses everything below 1e-16 of the largest: with
    W_l Q_{l−1} = Q_l R_l the product is Q_l (R_l … R_1), and that triangular product has its
    decades sorted by row, which LAPACK's singular values respect to full relative precision.

    Raises `ValueError` for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not one of {', '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    frame = triangle = np.broadcast_to(np.eye(width), (draws, width, width))
    singular_values = np.empty((draws, depth, width))
    for layer in range(depth):
        weight = rng.standard_normal((draws, width, width)) / np.sqrt(width)
        if kind == "orthogonal":
            weight = _rotation(weight)
        frame, factor = np.linalg.qr(gain * weight @ frame)
        triangle = factor @ triangle
        singular_values[:, layer] = np.linalg.svd(triangle, compute_uv=False)
    return singular_values


def plane_products(kind: str, depth: int, seed: int = 0) -> np.ndarray:
    """The products W_l … W_1 of 2 × 2 matrices for l = 0 to `depth`, [depth + 1, 2, 2].

    Each product is divided by the root mean square of its two singular values, so that the mean
    square of what a ring of unit vectors becomes stays 1; wide layers keep theirs by themselves.
    The matrices are those of `matrix_products`. Of Gaussian ones the smaller singular value is
    halved against the larger by each matrix, in the mean of the logarithms: the two Lyapunov
    exponents differ by (ψ(1) − ψ(1/2)) / 2 = ln 2 (Newman 1986). Raises `ValueError` for an unknown
    kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not one of {', '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    products = [np.eye(2)]
    for _ in range(depth):
        weight = rng.standard_normal((2, 2))
        product = (_rotation(weight) if kind == "orthogonal" else weight) @ products[-1]
        products.append(product / np.sqrt(np.sum(product**2) / 2))
    return np.array(products)


def mean_field_products(gain: float, depth: int, mean_square_slope: float = 1.0) -> np.ndarray:
    """The root mean square of the singular values in theory: (σ_w √E[φ′²])^l, [depth]."""
    return products(gain * mean_square_slope**0.5, depth)


def _rotation(gaussian: np.ndarray) -> np.ndarray:
    q, r = np.linalg.qr(gaussian)
    # Without these signs the draw would not be uniform: LAPACK prefers one sign of the diagonal.
    return q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]
