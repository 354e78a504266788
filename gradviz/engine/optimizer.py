"""One step of gradient descent on the stacked parameters, and what may be done to the gradient.

The formulas are those of `torch.optim.SGD`, `Adam` and `AdamW` with their default settings, on one
row [size] of parameters for each seed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gradviz.recipe import Recipe

BETAS = (0.9, 0.999)
ADAM_EPS = 1e-8
CLIP_EPS = 1e-6  # of nn.utils.clip_grad_norm_


class SGD:
    """Gradient descent with heavy-ball momentum; weight decay is added to the gradient."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.velocity: Tensor | None = None

    def step(self, parameters: Tensor, gradient: Tensor) -> None:
        """Update `parameters` [seeds, size] in place."""
        if self.recipe.weight_decay:
            gradient = gradient + self.recipe.weight_decay * parameters
        if self.velocity is None:
            self.velocity = gradient.clone()
        else:
            self.velocity.mul_(self.recipe.momentum).add_(gradient)
        parameters.sub_(self.velocity, alpha=self.recipe.lr)


class Adam:
    """Adam (Kingma & Ba 2015); as "adamw" with decoupled decay (Loshchilov & Hutter 2019)."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.steps = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def step(self, parameters: Tensor, gradient: Tensor) -> None:
        """Update `parameters` [seeds, size] in place."""
        recipe, (beta_1, beta_2) = self.recipe, BETAS
        if recipe.optimizer == "adamw":
            parameters.mul_(1 - recipe.lr * recipe.weight_decay)
        elif recipe.weight_decay:
            gradient = gradient + recipe.weight_decay * parameters
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self.steps += 1
        self.mean.lerp_(gradient, 1 - beta_1)
        self.square.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
        scale = (self.square / (1 - beta_2**self.steps)).sqrt_().add_(ADAM_EPS)
        parameters.addcdiv_(self.mean, scale, value=-recipe.lr / (1 - beta_1**self.steps))


def make_optimizer(recipe: Recipe) -> SGD | Adam:
    """The optimizer that the recipe names."""
    return SGD(recipe) if recipe.optimizer == "sgd" else Adam(recipe)


def clip(recipe: Recipe, gradient: Tensor, norm: Tensor) -> tuple[Tensor, Tensor]:
    """The clipped gradient [seeds, size], and whether each seed's was clipped [seeds].

    `norm` [seeds] is the gradient's. By norm, each seed's whole gradient is scaled down and keeps
    its direction (Pascanu et al. 2013, algorithm 1); by value, each entry is cut off.
    """
    if recipe.clip == "norm":
        factor = (recipe.clip_at / (norm + CLIP_EPS)).clamp(max=1.0).to(gradient.dtype)
        return gradient * factor[:, None], factor < 1
    if recipe.clip == "value":
        largest = gradient.abs().amax(dim=1)
        return gradient.clamp(-recipe.clip_at, recipe.clip_at), largest > recipe.clip_at
    return gradient, torch.zeros(len(gradient), dtype=torch.bool)
