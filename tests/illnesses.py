"""Recipes whose illness, or health, is known: those of the lessons, and what cures them there."""

import math

from gradviz.recipe import Recipe, replace

SIGMOID = Recipe(steps=100)
WRECKED = Recipe(activation="relu", gain=3.0, depth=6, lr=0.03, steps=150)
MOONS = Recipe(
    dataset="moons",
    activation="relu",
    depth=6,
    width=64,
    init="normal",
    std=1.0,
    lr=0.01,
    batch_size=64,
    steps=200,
)
LARGE = Recipe(activation="tanh", gain=4.0, depth=10, lr=0.02, steps=150)
BLOWN = Recipe(activation="relu", gain=3.0, lr=0.01, steps=12)
HE = Recipe(activation="relu", depth=20, lr=0.005, steps=150)
FAMILY = Recipe(lr=0.02, steps=120)
SPIRALS = Recipe(
    dataset="spirals",
    depth=80,
    width=64,
    batch_size=64,
    lr=0.01,
    activation="relu",
    norm="batch",
    steps=40,
)
PRETRAINED = Recipe(width=64, lr=0.1, depth=8, pretrain_epochs=5, steps=150)
RESIDUAL = Recipe(depth=20, steps=100)
UNSCALED = Recipe(depth=40, activation="relu", steps=40, residual=True)
RATE = Recipe(activation="relu", depth=4, steps=100)
TANH = Recipe(activation="tanh", init="xavier_normal", depth=4, steps=100)

# Name: the recipe, and what ails it. The lesson is the first word.
CASES = {
    "depth: ten sigmoid layers": (SIGMOID, "vanishing"),
    "depth: Xavier": (replace(SIGMOID, init="xavier_normal"), "vanishing"),
    "depth: PyTorch's default": (replace(SIGMOID, init="pytorch"), "vanishing"),
    "depth: small weights": (replace(SIGMOID, init="normal", std=0.01), "vanishing"),
    "depth: small weights, tanh": (
        replace(SIGMOID, init="normal", std=0.01, activation="tanh"),
        "vanishing",
    ),
    "depth: one layer": (Recipe(depth=1, init="xavier_normal", steps=150), "healthy"),
    "depth: forty layers": (replace(SIGMOID, depth=40, steps=40), "vanishing"),
    "activations: tanh": (
        replace(SIGMOID, activation="tanh", init="xavier_normal", lr=0.02),
        "healthy",
    ),
    "exploding: weight scale 3": (BLOWN, "diverged"),
    "exploding: weight scale 3, deep": (replace(BLOWN, depth=20), "diverged"),
    "exploding: weight scale 3, before a step": (replace(BLOWN, depth=20, steps=0), "exploding"),
    "exploding: critical scale": (replace(BLOWN, gain=math.sqrt(2), steps=100), "healthy"),
    "exploding: large tanh, deep": (replace(LARGE, depth=20), "exploding"),
    "clipping: none, moons": (MOONS, "diverged"),
    "clipping: by norm": (replace(WRECKED, clip="norm", clip_at=3.0), "healthy"),
    "clipping: by value": (replace(WRECKED, clip="value", clip_at=0.03), "healthy"),
    "clipping: of what vanishes": (replace(SIGMOID, clip="norm"), "vanishing"),
    "regularization: l2 too strong": (replace(LARGE, l2=0.3), "vanishing"),
    "regularization: l1 too strong": (replace(LARGE, l1=0.3), "vanishing"),
    "regularization: l2": (replace(LARGE, l2=0.02, steps=200), "healthy"),
    "relu_family: relu": (replace(FAMILY, activation="relu"), "healthy"),
    "relu_family: leaky_relu": (replace(FAMILY, activation="leaky_relu"), "healthy"),
    "relu_family: elu": (replace(FAMILY, activation="elu"), "healthy"),
    "relu_family: selu": (replace(FAMILY, activation="selu"), "healthy"),
    "relu_family: gelu": (replace(FAMILY, activation="gelu"), "healthy"),
    "relu_family: He": (HE, "healthy"),
    "relu_family: gain 1": (replace(HE, gain=1.0), "vanishing"),
    "relu_family: PyTorch's default": (replace(HE, init="pytorch"), "vanishing"),
    "relu_family: rate too high": (
        replace(RATE, lr=0.3, optimizer="adam"),
        "dying",
    ),
    "relu_family: rate far too high": (replace(RATE, lr=1.0, optimizer="adam"), "dying"),
    "relu_family: leaky, rate far too high": (
        replace(FAMILY, activation="leaky_relu", lr=1.0),
        "diverged",
    ),
    "batchnorm: sigmoid": (replace(SIGMOID, norm="batch"), "healthy"),
    "batchnorm: relu": (replace(SIGMOID, norm="batch", activation="relu"), "healthy"),
    "batchnorm: layernorm, sigmoid": (replace(SIGMOID, norm="layer"), "vanishing"),
    "batchnorm: layernorm, tanh": (
        replace(SIGMOID, norm="layer", activation="tanh"),
        "healthy",
    ),
    "batchnorm: too deep": (SPIRALS, "exploding"),
    "batchnorm: shallow": (replace(SPIRALS, depth=10), "healthy"),
    "residual: plain": (RESIDUAL, "vanishing"),
    "residual: sigmoid": (replace(RESIDUAL, residual=True), "healthy"),
    "residual: relu": (replace(RESIDUAL, residual=True, activation="relu"), "healthy"),
    "residual: unscaled": (replace(UNSCALED, residual_scale=1.0), "diverged"),
    "residual: unscaled, before a step": (
        replace(UNSCALED, residual_scale=1.0, steps=0),
        "exploding",
    ),
    "residual: scaled": (UNSCALED, "healthy"),
    "residual: degradation": (
        Recipe(depth=56, activation="relu", norm="batch", steps=40),
        "exploding",
    ),
    "pretraining: none": (PRETRAINED, "vanishing"),
    "pretraining: autoencoder": (replace(PRETRAINED, pretrain="autoencoder"), "healthy"),
    "saturated tanh": (replace(TANH, gain=10.0, lr=0.01), "saturated"),
    "saturated sigmoid": (
        Recipe(depth=3, gain=40.0, lr=0.01, steps=100),
        "saturated",
    ),
    "updates a millionth": (replace(RATE, lr=1e-6), "updates_small"),
    "updates a millionth, adam": (replace(RATE, lr=1e-6, optimizer="adam"), "updates_small"),
    "updates too large": (replace(TANH, lr=0.1, optimizer="adam"), "updates_large"),
    "updates far too large": (replace(TANH, lr=0.3, optimizer="adam"), "updates_large"),
    "updates right": (replace(RATE, lr=0.02), "healthy"),
    "updates right, adam": (replace(RATE, lr=0.002, optimizer="adam"), "healthy"),
}
