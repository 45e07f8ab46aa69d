"""Networks for sequences: an LSTM of two layers, and a small vision transformer.

Written once for torch and flambeau as those of `nets.py`, without dropout.
"""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import import_module
from typing import Any

from .case import Case
from .infer import measure_row
from .parts import Module, Namespace
from .results import Figure, Row
from .settings import Settings
from .tasks import Task
from .train import measure_step

__all__ = ["cases", "lstm", "vit_small"]

_FLOOR = 1.0
# the sequences of the LSTM, and its units
_BATCH, _STEPS, _INPUTS, _HIDDEN = 32, 100, 128, 256
# ViT-S/16: Dosovitskiy et al., arXiv:2010.11929, in the size of arXiv:2012.12877
_IMAGES, _SIDE, _PATCH, _WIDTH, _DEPTH, _HEADS = 4, 224, 16, 384, 12, 6
_CLASSES = 1000


def cases() -> list[Case]:
    """Return a training step and an inference for each network."""
    sequences = (_BATCH, _STEPS, _INPUTS)
    images = (_IMAGES, 3, _SIDE, _SIDE)
    tasks = (
        Task("lstm", lstm, sequences, 10, flops=_lstm_flops()),
        Task("vit_small", vit_small, images, _CLASSES, flops=_vit_flops()),
    )
    found = []
    for task in tasks:
        for how in (_train, _infer):
            name = f"sequences.{task.name}{how.__name__}"
            found.append(Case(name, partial(how, name, task)))
    return found


def _train(name: str, task: Task, settings: Settings) -> list[Row | Figure]:
    return [measure_step(name, task, settings, _FLOOR)]


def _infer(name: str, task: Task, settings: Settings) -> list[Row | Figure]:
    return [measure_row(name, task, settings, {}, _FLOOR)]


def _lstm_flops() -> int:
    """The operations of a forward pass, which torch does not count inside an LSTM."""
    columns = 4 * _HIDDEN * (_INPUTS + _HIDDEN + 2 * _HIDDEN)
    return 2 * _BATCH * (_STEPS * columns + _HIDDEN * 10)


def _vit_flops() -> int:
    """The operations of a forward pass, which torch does not count inside attention."""
    patches = (_SIDE // _PATCH) ** 2
    tokens = patches + 1
    layer = 12 * tokens * _WIDTH**2 + 2 * tokens**2 * _WIDTH
    first = patches * 3 * _PATCH**2 * _WIDTH
    return 2 * _IMAGES * (first + _DEPTH * layer + _WIDTH * _CLASSES)


@lru_cache
def _blocks(nn: Namespace) -> dict[str, Any]:
    """What these networks are made of."""
    library = import_module(nn.__name__.partition(".")[0])

    class Last(nn.Module):
        """What an LSTM says after the last step."""

        def __init__(self, *sizes: int) -> None:
            super().__init__()
            self.lstm = nn.LSTM(*sizes, batch_first=True)

        def forward(self, x: Any) -> Any:
            output, _ = self.lstm(x)
            return output[:, -1]

    class Tokens(nn.Module):
        """The patches of an image after a token for its class, with their places."""

        def __init__(self, count: int, width: int, patch: int) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, width, patch, patch)
            self.token = nn.Parameter(library.zeros(1, 1, width))
            self.places = nn.Parameter(library.zeros(1, count + 1, width))

        def forward(self, x: Any) -> Any:
            x = self.patches(x).flatten(2).transpose(1, 2)
            token = self.token.expand(x.shape[0], -1, -1)
            return library.cat([token, x], 1) + self.places

    class Attention(nn.Module):
        """Self-attention."""

        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    class Residual(nn.Module):
        """The input, and what a body makes of it after layer norm, added."""

        def __init__(self, width: int, body: Module) -> None:
            super().__init__()
            self.norm, self.body = nn.LayerNorm(width, 1e-6), body

        def forward(self, x: Any) -> Any:
            return x + self.body(self.norm(x))

    class First(nn.Module):
        """The first token."""

        def forward(self, x: Any) -> Any:
            return x[:, 0]

    kinds = (Last, Tokens, Attention, Residual, First)
    return {each.__name__: each for each in kinds}


def lstm(nn: Namespace) -> Module:
    """An LSTM of two layers, and a class from its last step."""
    last = _blocks(nn)["Last"](_INPUTS, _HIDDEN, 2)
    return nn.Sequential(last, nn.Linear(_HIDDEN, 10))


def vit_small(nn: Namespace) -> Module:
    """ViT-S/16: 12 layers of 384 features and 6 heads on patches of 16x16."""
    made = _blocks(nn)
    layers = [made["Tokens"]((_SIDE // _PATCH) ** 2, _WIDTH, _PATCH)]
    for _ in range(_DEPTH):
        wide = 4 * _WIDTH
        perceptron = (nn.Linear(_WIDTH, wide), nn.GELU(), nn.Linear(wide, _WIDTH))
        for body in (made["Attention"](_WIDTH, _HEADS), nn.Sequential(*perceptron)):
            layers.append(made["Residual"](_WIDTH, body))
    norm = nn.LayerNorm(_WIDTH, 1e-6)
    return nn.Sequential(*layers, norm, made["First"](), nn.Linear(_WIDTH, _CLASSES))
