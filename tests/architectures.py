"""Small networks of many kinds, as their users write them, each with a batch to train on."""

import torch
import torch.nn.functional as F
from torch import nn

from gradviz.engine.initialization import generator

BATCH = 6


def images(seed, channels=1, size=8):
    return torch.randn(BATCH, channels, size, size, generator=generator(seed, "images"))


def labels(seed, classes=3, length=()):
    return torch.randint(classes, (BATCH, *length), generator=generator(seed, "labels"))


def tokens(seed, words=11, length=7):
    return torch.randint(words, (BATCH, length), generator=generator(seed, "tokens"))


class Cnn(nn.Module):
    """Convolutions with BatchNorm and an activation in place; modules registered out of order."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 8, 3, stride=2), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        return self.head(h.mean(dim=(2, 3)))


class ResNetBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = self.stem(x)
        branch = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(h)), inplace=True)))
        return self.head(F.relu(h + branch).mean(dim=(2, 3)))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.recurrent = kind(5, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.recurrent(self.embedding(x))[0][:, -1])


class Transformer(nn.Module):
    """One block before its norm, with a position vector for each place."""

    def __init__(self, words=11, width=8, heads=2, length=7, blocks=1):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.zeros(length, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.1, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.head = nn.Linear(width, words)

    def forward(self, x):
        return self.head(self.blocks(self.words(x) + self.places)).transpose(1, 2)


class TiedEmbeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.hidden = nn.Linear(6, 6)
        self.decoder = nn.Linear(6, 11)
        self.decoder.weight = self.embedding.weight

    def forward(self, x):
        return self.decoder(torch.tanh(self.hidden(self.embedding(x)))).transpose(1, 2)


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 3)
    )


def autoencoder():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 4, 2, stride=2),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 2, stride=2),
    )


# Name: how it is made, its inputs and targets by seed, its loss.
ARCHITECTURES = {
    "mlp": (mlp, images, labels, F.cross_entropy),
    "cnn": (Cnn, images, labels, F.cross_entropy),
    "resnet": (ResNetBlock, images, labels, F.cross_entropy),
    "lstm": (lambda: Recurrent(nn.LSTM), tokens, labels, F.cross_entropy),
    "gru": (lambda: Recurrent(nn.GRU), tokens, labels, F.cross_entropy),
    "transformer": (Transformer, tokens, tokens, F.cross_entropy),
    "autoencoder": (autoencoder, images, images, F.mse_loss),
    "tied": (TiedEmbeddings, tokens, tokens, F.cross_entropy),
}


def made(name):
    """The network, always the same, its batches by seed, and its loss."""
    make, inputs, targets, loss = ARCHITECTURES[name]
    torch.manual_seed(0)
    return make(), lambda seed: (inputs(seed), targets(seed)), loss
