"""Frames of which only what a picture shows is kept: fewer images, in the shades of a screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from gradviz.data import load
from gradviz.engine.network import build
from gradviz.engine.pretrain import pretrain_steps
from gradviz.recipe import Recipe
from gradviz.snapshots import PretrainSnapshot

_SHADES = 128  # between 0 and 1


def pretraining_images(
    recipe: Recipe, seeds: int, examples: int, filters: int
) -> Iterator[PretrainSnapshot]:
    """The frames of pre-training the network of `recipe`, with so many examples and filters."""
    network, data = build(recipe, seeds), load(recipe.dataset, recipe.seed)
    for snapshot in pretrain_steps(network, recipe, data):
        yield with_images_drawn(snapshot, examples, filters)


def with_images_drawn(snapshot: PretrainSnapshot, examples: int, filters: int) -> PretrainSnapshot:
    """`snapshot` with the images that are drawn only, rounded to what a pixel can show."""
    return dataclasses.replace(
        snapshot,
        originals=_shaded(snapshot.originals[:examples]),
        reconstructions=_shaded(snapshot.reconstructions[:examples]),
        filters=_shaded(snapshot.filters[:filters]),
    )


def _shaded(images: np.ndarray) -> np.ndarray:
    return np.round(images * _SHADES).astype(np.float32) / _SHADES
