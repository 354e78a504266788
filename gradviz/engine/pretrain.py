"""Greedy layer-wise pre-training: each hidden layer first learns to reconstruct what is below it.

Layer 1 learns from the data, layer 2 from what layer 1 makes of them, and so on, without labels;
the output layer keeps its random start (Hinton et al. 2006; Bengio et al. 2007). Two kinds, both
with tied weights, W on the way up and Wᵀ on the way down:

- "rbm": a restricted Boltzmann machine trained by one step of contrastive divergence.
- "autoencoder": gradient descent on the reconstruction error.

The first layer learns from the data rescaled to [0, 1] by the smallest and largest training value
of each feature, as visible units that are probabilities need it. The map is then folded into W_1
and b_1, so that the network does to standardized data exactly what was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gradviz.data import Dataset
from gradviz.engine.initialization import generator
from gradviz.engine.network import Network
from gradviz.engine.threads import on_one_thread
from gradviz.recipe import Recipe
from gradviz.snapshots import PretrainSnapshot

EXAMPLES = 10  # test examples whose reconstructions a snapshot shows

# Of Hinton's practical guide to training RBMs (2010), sections 7, 9 and 13.2: linear visible units
# need a rate that is one or two orders of magnitude smaller.
BINARY_LEARNING_RATE, LINEAR_LEARNING_RATE = 0.1, 0.001
MOMENTUM = 0.9


@dataclass(frozen=True)
class Coder:
    """A hidden layer with a way back: `weight` [seeds, fan_in, width], biases [seeds, 1, units].

    `binary` says that the inputs lie in [0, 1]: the way back then ends in a sigmoid.
    """

    weight: Tensor
    hidden_bias: Tensor
    visible_bias: Tensor
    phi: Callable[[Tensor], Tensor]
    binary: bool

    def encode(self, visible: Tensor) -> Tensor:
        """φ(v W + b): [seeds, batch, fan_in] to [seeds, batch, width]."""
        return self.phi(torch.baddbmm(self.hidden_bias, visible, self.weight))

    def decode(self, hidden: Tensor) -> Tensor:
        """The way back, through Wᵀ: [seeds, batch, width] to [seeds, batch, fan_in]."""
        visible = self.decode_linear(hidden)
        return torch.sigmoid(visible) if self.binary else visible

    def decode_linear(self, hidden: Tensor) -> Tensor:
        """The way back up to its last sigmoid."""
        return torch.baddbmm(self.visible_bias, hidden, self.weight.mT)

    @property
    def parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """What is learned."""
        return self.weight, self.hidden_bias, self.visible_bias


Gradients = tuple[Tensor, ...]
Step = Callable[[Coder, Tensor, list[torch.Generator]], Gradients]


def pretrain(network: Network, recipe: Recipe, data: Dataset) -> None:
    """Pre-train the hidden layers of `network` in place; raises as `pretrain_steps` does."""
    for _ in pretrain_steps(network, recipe, data):
        pass


def pretraining(network: Network, data: Dataset) -> Iterator[PretrainSnapshot]:
    """`pretrain_steps` if the recipe of `network` asks for them; otherwise nothing."""
    if network.recipe.pretrain == "none":
        return iter(())
    return pretrain_steps(network, network.recipe, data)


def pretrain_steps(network: Network, recipe: Recipe, data: Dataset) -> Iterator[PretrainSnapshot]:
    """Pre-train the hidden layers of `network` in place, with a snapshot after every epoch.

    One more, of step and epoch 0, shows layer 1 at its random start.
    Each seed's layers start from that seed's initial weights and have random numbers of their own.
    The numbers are the same however many threads PyTorch is set to use.
    Raises `ValueError` for a recipe that cannot be pre-trained.
    """
    _check(recipe)
    return on_one_thread(_pretrain_layers(network, recipe, data))


def _check(recipe: Recipe) -> None:
    if recipe.pretrain not in _STEPS:
        raise ValueError(f"pretrain={recipe.pretrain!r} is not one of {', '.join(_STEPS)}")
    if recipe.norm != "none" or recipe.residual:
        raise ValueError(
            f"pretrain={recipe.pretrain!r} needs a plain stack, not norm={recipe.norm!r}, "
            f"residual={recipe.residual!r}: it takes norm='none', residual=False"
        )
    if recipe.pretrain == "rbm" and recipe.activation != "sigmoid":
        raise ValueError(
            f"activation={recipe.activation!r} is not one of sigmoid, as pretrain='rbm' needs: "
            "the units of a Boltzmann machine are probabilities"
        )


def _pretrain_layers(network: Network, recipe: Recipe, data: Dataset) -> Iterator[PretrainSnapshot]:
    low, extent = _feature_range(data)
    inputs = ((torch.tensor(data.x_train) - low) / extent).expand(len(network.seeds), -1, -1)
    examples = (torch.tensor(data.x_test[:EXAMPLES]) - low) / extent
    coders: list[Coder] = []
    for layer in range(1, recipe.depth + 1):
        coders.append(_coder(network, layer))
        for epoch, error in enumerate(_learn(coders[-1], inputs, network, layer)):
            step = (layer - 1) * recipe.pretrain_epochs + epoch
            if epoch == 0 < step:
                continue  # the step at which the layer below has just learned what it will
            yield PretrainSnapshot(
                arm=recipe.pretrain,
                step=step,
                steps=recipe.depth * recipe.pretrain_epochs,
                layer=layer,
                epoch=epoch,
                seeds=network.seeds,
                error=error,
                originals=examples.numpy(),
                reconstructions=_reconstruct(coders, examples),
                filters=coders[0].weight[0].T.numpy().copy(),
            )
        _write(network, layer, coders[-1], low, extent)
        inputs = coders[-1].encode(inputs)


def _feature_range(data: Dataset) -> tuple[Tensor, Tensor]:
    """Each feature's smallest training value and its range, [features]; range 1 if constant."""
    low, high = torch.tensor(data.x_train).aminmax(dim=0)
    return low, torch.where(high > low, high - low, 1.0)


def _coder(network: Network, layer: int) -> Coder:
    weight = network.parameters["W", layer].clone()
    return Coder(
        weight,
        network.parameters["b", layer].clone(),
        torch.zeros(len(weight), 1, weight.shape[1]),
        network.activation.torch_function,
        binary=layer == 1 or network.activation.name == "sigmoid",
    )


def _learn(coder: Coder, inputs: Tensor, network: Network, layer: int) -> Iterator[np.ndarray]:
    """Train one coder in place; at its start and after each epoch, its error [seeds]."""
    recipe = network.recipe
    gradients_of = _STEPS[recipe.pretrain]
    rate = BINARY_LEARNING_RATE if coder.binary else LINEAR_LEARNING_RATE
    randoms = [generator(seed, "pretrain", layer) for seed in network.seeds]
    velocities = [torch.zeros_like(parameter) for parameter in coder.parameters]
    yield _error(coder, inputs)
    for _ in range(recipe.pretrain_epochs):
        for batch in _batches(inputs, recipe.batch_size, randoms):
            gradients = gradients_of(coder, batch, randoms)
            steps = zip(coder.parameters, velocities, gradients, strict=True)
            for parameter, velocity, gradient in steps:
                velocity.mul_(MOMENTUM).add_(gradient)
                parameter.sub_(velocity, alpha=rate)
        yield _error(coder, inputs)


def _error(coder: Coder, inputs: Tensor) -> np.ndarray:
    """The mean squared error of the `inputs` that come back, [seeds]."""
    wrong = coder.decode(coder.encode(inputs)) - inputs
    return wrong.square().mean(dim=(1, 2)).double().numpy()


def _batches(inputs: Tensor, batch_size: int, randoms: list[torch.Generator]) -> Iterator[Tensor]:
    """One epoch of `inputs` [seeds, examples, units] in an order of each seed's own."""
    count = inputs.shape[1]
    orders = torch.stack([torch.randperm(count, generator=random) for random in randoms])
    shuffled = inputs.gather(1, orders[..., None].expand_as(inputs))
    yield from shuffled.split(batch_size, dim=1)


def _contrastive_divergence(
    coder: Coder, visible: Tensor, randoms: list[torch.Generator]
) -> Gradients:
    """Minus the CD-1 direction ⟨v h⟩_data − ⟨v h⟩_reconstruction (Hinton 2010, section 3).

    Hidden states are sampled on the way up from the data; everything else is probabilities.
    """
    hidden = coder.encode(visible)
    uniform = torch.stack([torch.rand(hidden.shape[1:], generator=random) for random in randoms])
    reconstruction = coder.decode((uniform < hidden).float())
    again = coder.encode(reconstruction)
    weight = torch.baddbmm(reconstruction.mT @ again, visible.mT, hidden, alpha=-1)
    gradients = (weight, (again - hidden).sum(1, True), (reconstruction - visible).sum(1, True))
    return tuple(gradient / visible.shape[1] for gradient in gradients)


def _reconstruction_gradient(
    coder: Coder, visible: Tensor, randoms: list[torch.Generator]
) -> Gradients:
    """The gradient of cross-entropy (inputs in [0, 1]) or of half the squared error.

    Summed over units, averaged over the batch (Bengio et al. 2007, section 2.3).
    """
    parameters = [parameter.requires_grad_() for parameter in coder.parameters]
    try:
        output = coder.decode_linear(coder.encode(visible))
        if coder.binary:
            each = F.binary_cross_entropy_with_logits(output, visible, reduction="sum")
        else:
            each = 0.5 * (output - visible).square().sum()
        return torch.autograd.grad(each / visible.shape[1], parameters)
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)


_STEPS: dict[str, Step] = {
    "rbm": _contrastive_divergence,
    "autoencoder": _reconstruction_gradient,
}


def _reconstruct(coders: list[Coder], examples: Tensor) -> np.ndarray:
    """Examples [examples, features] sent up through all `coders` and down; the first seed's."""
    h = examples.expand(len(coders[0].weight), -1, -1)
    for coder in coders:
        h = coder.encode(h)
    for coder in reversed(coders):
        h = coder.decode(h)
    return h[0].numpy()


def _write(network: Network, layer: int, coder: Coder, low: Tensor, extent: Tensor) -> None:
    """Hand what was learned to the network; layer 1 undoes the rescaling of its inputs."""
    weight, bias = coder.weight, coder.hidden_bias
    if layer == 1:
        weight = weight / extent[:, None]
        bias = bias - low[None] @ weight
    network.parameters["W", layer].copy_(weight)
    network.parameters["b", layer].copy_(bias)
