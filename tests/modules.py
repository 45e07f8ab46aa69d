"""A few small modules that tests build trees of."""

import flambeau as torch
from flambeau import nn


class Scale(nn.Module):
    """One parameter, one buffer of each kind."""

    def __init__(self, size=2):
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.ones(size))
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)

    def forward(self, x):
        return x * self.weight + self.mean

    def extra_repr(self):
        return f"{self.size}"


class Net(nn.Module):
    """Nested, with a shared submodule and a shared parameter."""

    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.blocks = nn.ModuleList([Scale(), Scale(3)])
        self.again = self.first
        self.add_module("absent", None)
        self.weight = self.first.weight

    def forward(self, x):
        return self.blocks[0](self.first(x)) * self.weight


class Pair(nn.Module):
    """Two inputs, two outputs, a keyword."""

    def forward(self, a, b, factor=1):
        return a * factor, b + a
