"""The minimum of a quadratic loss with an L1 or L2 penalty, exactly."""

from __future__ import annotations

import itertools

import numpy as np

Array = np.ndarray


def penalized_minimum(curvature: Array, center: Array, strength: float, penalty: str) -> Array:
    """The weights w that minimize ½(w − c)ᵀA(w − c) + λ·P(w).

    `curvature` A [n, n], symmetric and positive definite, `center` c [n], `strength` λ ≥ 0. P is
    Σw² for the `penalty` "l2", whose minimum solves (A + 2λI)w = Ac, and Σ|w| for "l1". There the
    minimum is the one point at which the slope of the loss is −λ·sign(w) for each weight that is
    not 0, and no larger than λ for each that is (Hastie, Tibshirani & Wainwright 2015, *Statistical
    Learning with Sparsity*, section 5.2.2): all combinations of signs are tried, so n must be
    small. Weights are 0 exactly. Raises `ValueError` for another penalty, a negative strength, or a
    curvature that is not positive definite.
    """
    curvature, center = np.asarray(curvature, dtype=float), np.asarray(center, dtype=float)
    if penalty not in ("l1", "l2"):
        raise ValueError(f"penalty={penalty!r} is not one of l1, l2")
    if not strength >= 0:
        raise ValueError(f"strength={strength!r} is not a number of at least 0")
    if not (np.linalg.eigvalsh(curvature) > 0).all():
        raise ValueError("curvature is not positive definite")
    pull = curvature @ center
    if penalty == "l2":
        return np.linalg.solve(curvature + 2 * strength * np.eye(len(center)), pull)
    # With the fewest weights that are not 0 first: on a border the simpler answer is the exact one.
    signs = sorted(
        itertools.product((-1, 0, 1), repeat=len(center)), key=lambda s: sum(map(abs, s))
    )
    return next(
        found
        for sign in signs
        if (found := _with_signs(curvature, pull, strength, np.array(sign))) is not None
    )


def _with_signs(curvature: Array, pull: Array, strength: float, sign: Array) -> Array | None:
    """The minimum of the L1 problem if its weights have these signs, else None."""
    weights, there = np.zeros(len(pull)), sign != 0
    among = curvature[np.ix_(there, there)]
    weights[there] = np.linalg.solve(among, pull[there] - strength * sign[there])
    slope = curvature @ weights - pull
    room = 1e-9 * max(1.0, strength)
    fits = (np.sign(weights) == sign).all() and (np.abs(slope[~there]) <= strength + room).all()
    return weights if fits else None
