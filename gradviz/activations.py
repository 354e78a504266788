"""The activation functions of the app, each with its derivative beside it.

Everything that has to know an activation by name (recipes, networks, theory, charts) looks it up
here, so a new activation is one new entry in `ACTIVATIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# A unit is saturated where its slope is under this share of the activation's largest slope.
SATURATED_BELOW = 0.05

Array = np.ndarray
Numbers = np.ndarray | float
TorchFunction = Callable[["torch.Tensor"], "torch.Tensor"]
Filler = Callable[..., object]


@dataclass(frozen=True)
class Activation:
    """A function, its derivative and what else a network needs to know about it.

    `function` and `derivative` map an array elementwise to an array of the same shape, and a number
    to one.
    `torch_function` is PyTorch's own version of `function`, for autograd; the engine, which has
    autograd only in its tests, writes both into tensors that it has already: `fill(z, out)` does so
    with φ(z), and `fill_back(back, z, a, out)` with φ′(z) · back, where a is φ(z).
    `gain` is the standard gain of `torch.nn.init.calculate_gain` where PyTorch defines one, and
    otherwise 1/√E[φ(z)²] for z ~ N(0, 1), the condition of He et al. 2015, section 2.2.
    `largest_slope` is the supremum of |φ′|.
    """

    name: str
    formula: str
    function: Callable[[Numbers], Array]
    derivative: Callable[[Numbers], Array]
    torch_function: TorchFunction
    fill: Filler
    fill_back: Filler
    gain: float
    largest_slope: float


def _torch(name: str, **options: float) -> TorchFunction:
    """PyTorch's function `name`, imported at the first call: home must open without torch."""

    def apply(z: torch.Tensor) -> torch.Tensor:
        import torch.nn.functional as F

        return getattr(F, name)(z, **options)

    return apply


def _kernel(name: str, *options: float) -> Filler:
    """PyTorch's kernel for the activation `name`."""

    def fill(z: torch.Tensor, out: torch.Tensor) -> None:
        import torch

        getattr(torch.ops.aten, name).out(z, *options, out=out)

    return fill


def _back(name: str, given: Callable[[torch.Tensor, torch.Tensor], tuple]) -> Filler:
    """PyTorch's kernel for φ′(z) times what comes back, the one that autograd calls too.

    `given` makes of z and φ(z) what it takes.
    """

    def fill_back(back: torch.Tensor, z: torch.Tensor, a: torch.Tensor, out: torch.Tensor) -> None:
        import torch

        kernel = getattr(torch.ops.aten, f"{name}_backward").grad_input
        kernel(back, *given(z, a), grad_input=out)

    return fill_back


def _fill_tanh(z: torch.Tensor, out: torch.Tensor) -> None:
    # NumPy's is ten times faster than PyTorch's, and tanh was a third of a step.
    np.tanh(z.numpy(), out=out.numpy())


def _sigmoid(z: Numbers) -> Array:
    # Through tanh, because exp(-z) overflows for large negative z.
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(z)))


def _sigmoid_slope(z: Numbers) -> Array:
    # σ(z)σ(−z), because 1 − σ(z) rounds to 0 long before σ(−z) does.
    return _sigmoid(z) * _sigmoid(-np.asarray(z))


def _tanh_slope(z: Numbers) -> Array:
    return 1 - np.tanh(z) ** 2


_erf = np.vectorize(math.erf, otypes=[float])


def _normal_cdf(z: Numbers) -> Array:
    return 0.5 * (1 + _erf(np.asarray(z) / math.sqrt(2)))


def _normal_density(z: Numbers) -> Array:
    return np.exp(-0.5 * np.square(z)) / math.sqrt(2 * math.pi)


def _gelu_slope(z: Numbers) -> Array:
    return _normal_cdf(z) + z * _normal_density(z)


def _silu_slope(z: Numbers) -> Array:
    return _sigmoid(z) + np.asarray(z) * _sigmoid_slope(z)


# Where the slopes of GELU and SiLU are largest: their second derivatives, (2 − z²) times the normal
# density and (2 − z tanh(z/2)) σ′(z), are zero there.
_GELU_STEEPEST, _SILU_STEEPEST = math.sqrt(2), 2.3993572805154675


def leaky_relu(negative_slope: float = 0.01) -> Activation:
    """Leaky ReLU (Maas et al. 2013): z where z > 0, `negative_slope`·z elsewhere."""
    return Activation(
        "leaky_relu",
        r"\max(z, a z)",
        lambda z: np.where(np.asarray(z) > 0, z, negative_slope * np.asarray(z)),
        lambda z: np.where(np.asarray(z) > 0, 1.0, negative_slope),
        _torch("leaky_relu", negative_slope=negative_slope),
        _kernel("leaky_relu", negative_slope),
        _back("leaky_relu", lambda z, a: (z, negative_slope, False)),
        gain=math.sqrt(2 / (1 + negative_slope**2)),
        largest_slope=max(1.0, abs(negative_slope)),
    )


def elu(alpha: float = 1.0) -> Activation:
    """ELU (Clevert et al. 2016): z where z > 0, `alpha`·(e^z − 1) elsewhere."""
    # expm1 is taken of min(z, 0), because np.where evaluates both branches.
    return Activation(
        "elu",
        r"z \;\text{or}\; \alpha(e^{z}-1)",
        lambda z: np.where(np.asarray(z) > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z: np.where(np.asarray(z) > 0, 1.0, alpha * np.exp(np.minimum(z, 0))),
        _torch("elu", alpha=alpha),
        _kernel("elu", alpha),
        _back("elu", lambda z, a: (alpha, 1, 1, False, z)),
        gain=1 / math.sqrt(0.5 + alpha**2 * _ELU_NEGATIVE_SECOND_MOMENT),
        largest_slope=max(1.0, alpha),
    )


# E[(e^z − 1)²; z < 0] for z ~ N(0, 1) is e²Φ(−2) − 2√e·Φ(−1) + 1/2, by completing the square.
_ELU_NEGATIVE_SECOND_MOMENT = float(
    math.exp(2) * _normal_cdf(-2.0) - 2 * math.sqrt(math.e) * _normal_cdf(-1.0) + 0.5
)

# Constants of Klambauer et al. 2017, equation 14.
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _selu(z: Numbers) -> Array:
    return _SELU_SCALE * np.where(np.asarray(z) > 0, z, _SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def _selu_slope(z: Numbers) -> Array:
    return _SELU_SCALE * np.where(np.asarray(z) > 0, 1.0, _SELU_ALPHA * np.exp(np.minimum(z, 0)))


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            "sigmoid",
            r"\frac{1}{1+e^{-z}}",
            _sigmoid,
            _sigmoid_slope,
            _torch("sigmoid"),
            _kernel("sigmoid"),
            _back("sigmoid", lambda z, a: (a,)),
            gain=1.0,
            largest_slope=0.25,
        ),
        Activation(
            "tanh",
            r"\frac{e^{z}-e^{-z}}{e^{z}+e^{-z}}",
            np.tanh,
            _tanh_slope,
            _torch("tanh"),
            _fill_tanh,
            _back("tanh", lambda z, a: (a,)),
            gain=5 / 3,
            largest_slope=1.0,
        ),
        Activation(
            "relu",
            r"\max(0, z)",
            lambda z: np.maximum(z, 0),
            lambda z: np.where(np.asarray(z) > 0, 1.0, 0.0),
            _torch("relu"),
            _kernel("relu"),
            _back("threshold", lambda z, a: (a, 0)),
            gain=math.sqrt(2),
            largest_slope=1.0,
        ),
        leaky_relu(),
        elu(),
        Activation(
            "selu",
            r"\lambda z \;\text{or}\; \lambda\alpha(e^{z}-1)",
            _selu,
            _selu_slope,
            _torch("selu"),
            _kernel("elu", _SELU_ALPHA, _SELU_SCALE),
            _back("elu", lambda z, a: (_SELU_ALPHA, _SELU_SCALE, 1, False, z)),
            gain=0.75,
            largest_slope=_SELU_SCALE * _SELU_ALPHA,
        ),
        Activation(
            "gelu",
            r"z\,\Phi(z)",
            lambda z: z * _normal_cdf(z),
            _gelu_slope,
            _torch("gelu"),
            _kernel("gelu"),
            _back("gelu", lambda z, a: (z,)),
            gain=1.5335,
            largest_slope=float(_gelu_slope(_GELU_STEEPEST)),
        ),
        Activation(
            "silu",
            r"z\,\sigma(z)",
            lambda z: z * _sigmoid(z),
            _silu_slope,
            _torch("silu"),
            _kernel("silu"),
            _back("silu", lambda z, a: (z,)),
            gain=1.6765,
            largest_slope=float(_silu_slope(_SILU_STEEPEST)),
        ),
        Activation(
            "linear",
            r"z",
            lambda z: np.array(z, dtype=float),
            lambda z: np.ones_like(z, dtype=float),
            lambda z: z,
            lambda z, out: out.copy_(z),
            lambda back, z, a, out: out.copy_(back),
            gain=1.0,
            largest_slope=1.0,
        ),
    )
}

# Activations whose slope is exactly zero, or nearly so, on the whole negative side.
RELU_FAMILY = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu")


def activation(name: str, negative_slope: float = 0.01, alpha: float = 1.0) -> Activation:
    """The activation called `name`; the two parameters shape LeakyReLU and ELU, and only those.

    Raises `ValueError` for a name that is not in `ACTIVATIONS`.
    """
    if name == "leaky_relu":
        return leaky_relu(negative_slope)
    if name == "elu":
        return elu(alpha)
    if name not in ACTIVATIONS:
        raise ValueError(f"activation={name!r} is not one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def living_range(
    phi: Activation, share: float = SATURATED_BELOW, reach: float = 12.0
) -> tuple[float, float]:
    """The range of z in [−reach, reach] where |φ′| is at least `share` of the largest slope.

    The lowest and the highest such z on a grid of step 0.01; in between a slope may pass through 0.
    """
    z = np.linspace(-reach, reach, round(200 * reach) + 1)
    alive = z[np.abs(phi.derivative(z)) >= share * phi.largest_slope]
    return float(alive.min()), float(alive.max())
