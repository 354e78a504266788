"""Mean-field theory of BatchNorm on a given batch, whatever the batch looks like.

The formula of `mean_field` takes every unit's spread over the batch for the same number. It is
that where the batch has many directions of about the same size. Real data have few: the
covariance of the digits has (Σλ)²/Σλ² ≈ 19 directions, that of the spirals 1.9. Then the spread s
of a unit depends on its own weights, and since BatchNorm's backward pass divides by it, what
counts is E[1/s²], which is larger than 1/E[s²]: by about 2 in 19, were all directions equal.
That alone is 5% of δ per layer.

So here the whole covariance over the batch goes from layer to layer, [examples, examples], as in
Yang et al. 2019 ("A Mean Field Theory of Batch Normalization", section 3), and with it that of
the error on the way back. Their integrals are taken by sampling: the units of a wide layer are
independent Gaussian draws with that covariance.
"""

from __future__ import annotations

import numpy as np

from gradviz.recipe import Recipe, activation_of
from gradviz.theory.mean_field import branch_scale, weight_scale

Array = np.ndarray

# The covariance of a larger batch is like that of its first examples, and costs more.
MAX_EXAMPLES = 128


def predicted_batchnorm_delta(
    recipe: Recipe, inputs: Array, units: int = 1024, seed: int = 0
) -> Array:
    """δ at hidden layers 1 to depth at initialization, relative to the last one's, [depth].

    For a recipe with `norm="batch"`, residual or not. The batch is the first `batch_size` of the
    `inputs` [examples, features], at most 128 of them. `units` is the number of samples in each
    layer, drawn by `seed`: with 1024 of them δ_1 of ten layers on digits is known to 2%. Where the
    inputs have two directions E[1/s²] itself diverges, if slowly, and δ_1 varies by a third with
    the draw, as it does among networks; a linear network, which never gets more, by a factor.

    The error at the last hidden layer is taken for independent over the examples. That of a loss
    is alike for examples of one class, and on digits δ_1 is then smaller by up to a fifth.

    All are 0 where no unit of the last layer has a slope.

    Raises `ValueError` for a recipe without BatchNorm.
    """
    if recipe.norm != "batch":
        raise ValueError(f"norm={recipe.norm!r} is not batch: see mean_field.predicted_delta")
    rng = np.random.default_rng(seed)
    batch = np.asarray(inputs, dtype=float)[: min(recipe.batch_size, MAX_EXAMPLES)]
    phi = activation_of(recipe)
    layers = _forward(recipe, batch, units, rng)
    sigma_w, _ = weight_scale(recipe, recipe.width, recipe.width)
    branch = branch_scale(recipe)[0] if recipe.residual else 1.0
    error, sizes = np.eye(len(batch)), np.empty(recipe.depth)
    log_scale = 0.0  # of what was divided out of `error`, which may leave the range of floats
    for layer in range(recipe.depth - 1, -1, -1):
        z, spread = layers[layer]
        signal = branch * _gaussian(error, units, rng) * phi.derivative(z)
        with np.errstate(divide="ignore"):
            sizes[layer] = np.log(np.mean(signal**2)) + log_scale
        # BatchNorm's backward pass: the error without its mean and without its part along z.
        signal = signal - signal.mean(axis=0) - z * np.mean(z * signal, axis=0)
        back = _covariance(np.divide(sigma_w * signal, spread, where=spread > 0, out=0 * signal))
        error = error + back if recipe.residual else back
        size = np.trace(error) / len(error)
        if size > 0:
            error, log_scale = error / size, log_scale + np.log(size)
    last = sizes[-1] if np.isfinite(sizes[-1]) else 0.0
    with np.errstate(over="ignore"):
        return np.exp(0.5 * (sizes - last))


def _forward(
    recipe: Recipe, batch: Array, units: int, rng: np.random.Generator
) -> list[tuple[Array, Array]]:
    """For layers 1 to depth z [examples, units], and the spread that BatchNorm divided by."""
    phi = activation_of(recipe)
    covariance, fan_in, layers = batch @ batch.T / batch.shape[1], batch.shape[1], []
    for _ in range(recipe.depth):
        sigma_w, _ = weight_scale(recipe, fan_in, recipe.width)
        linear = sigma_w * _gaussian(covariance, units, rng)
        linear = linear - linear.mean(axis=0)
        spread = linear.std(axis=0)
        z = np.divide(linear, spread, where=spread > 0, out=0 * linear)
        layers.append((z, spread))
        branch = _covariance(phi.function(z))
        if recipe.residual:
            if fan_in != recipe.width:
                covariance = covariance * weight_scale(recipe, fan_in, recipe.width, 1.0)[0] ** 2
            branch = covariance + branch_scale(recipe)[0] ** 2 * branch
        covariance, fan_in = branch, recipe.width
    return layers


def _gaussian(covariance: Array, units: int, rng: np.random.Generator) -> Array:
    """Independent columns N(0, covariance), [examples, units]."""
    values, vectors = np.linalg.eigh(covariance)
    # The symmetric root, because the signs of the vectors depend on the linear algebra library.
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root @ rng.standard_normal((len(covariance), units))


def _covariance(samples: Array) -> Array:
    """Their mean products, [examples, examples]."""
    return samples @ samples.T / samples.shape[1]
