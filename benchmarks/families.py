"""The networks people use most besides residual ones, at a batch of 4.

DenseNet-121, EfficientNet-B0, ConvNeXt-Tiny, ShuffleNetV2 and Inception v3, written
once for torch and flambeau as those of `nets.py`: without dropout and without branches
left out at random, so that both libraries compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, NamedTuple

from .case import Case
from .infer import measure_row
from .parts import Module, Namespace, classifier, combinators, normed
from .results import Figure, Row
from .settings import Settings
from .tasks import Task
from .train import measure_step

__all__ = [
    "cases",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "inception_v3",
    "shufflenet_v2",
]

_BATCH = 4
_FLOOR = 1.0


def cases() -> list[Case]:
    """Return a training step and an inference for each network."""
    found = []
    for net in (
        densenet121,
        efficientnet_b0,
        convnext_tiny,
        shufflenet_v2,
        inception_v3,
    ):
        size = 299 if net is inception_v3 else 224
        task = Task(net.__name__, net, (_BATCH, 3, size, size), 1000)
        for how in (_train, _infer):
            name = f"families.{task.name}{how.__name__}"
            found.append(Case(name, partial(how, name, task)))
    return found


def _train(name: str, task: Task, settings: Settings) -> list[Row | Figure]:
    return [measure_step(name, task, settings, _FLOOR)]


def _infer(name: str, task: Task, settings: Settings) -> list[Row | Figure]:
    return [measure_row(name, task, settings, {}, _FLOOR)]


@lru_cache
def _blocks(nn: Namespace) -> dict[str, Any]:
    """The ways in which these networks leave a plain sequence."""
    library = import_module(nn.__name__.partition(".")[0])

    class Joined(nn.Module):
        """What several branches make of the input, side by side as channels."""

        def __init__(self, *branches: Module) -> None:
            super().__init__()
            self.branches = nn.ModuleList(branches)

        def forward(self, x: Any) -> Any:
            return library.cat([branch(x) for branch in self.branches], 1)

    class Scaled(nn.Module):
        """The input times what a body makes of it."""

        def __init__(self, body: Module) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Any) -> Any:
            return x * self.body(x)

    class Halves(nn.Module):
        """One half of the channels as it is, the other through a body, then mixed."""

        def __init__(self, body: Module) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Any) -> Any:
            kept, changed = x.chunk(2, 1)
            return library.cat([kept, self.body(changed)], 1)

    class Permuted(nn.Module):
        """A body with the dimensions in another order."""

        def __init__(self, *order: int) -> None:
            super().__init__()
            self.order = order

        def forward(self, x: Any) -> Any:
            return x.permute(self.order)

    class Residual(nn.Module):
        """The input and a body's result, each channel scaled, added."""

        def __init__(self, body: Module, channels: int) -> None:
            super().__init__()
            self.body = body
            self.scale = nn.Parameter(library.full((channels, 1, 1), _LAYER_SCALE))

        def forward(self, x: Any) -> Any:
            return x + self.scale * self.body(x)

    kinds = (Joined, Scaled, Halves, Permuted, Residual)
    return {each.__name__: each for each in kinds}


# DenseNet: Huang et al., arXiv:1608.06993, table 1

_GROWTH = 32


def _dense_layer(nn: Namespace, channels: int) -> Module:
    _, beside = combinators(nn)
    return beside(
        nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            *normed(nn, channels, 4 * _GROWTH, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4 * _GROWTH, _GROWTH, 3, padding=1, bias=False),
        )
    )


def densenet121(nn: Namespace) -> Module:
    """DenseNet-121: each layer reads what all layers before it in its block made."""
    layers = [*normed(nn, 3, 64, 7, 2, 3), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    channels = 64
    for at, count in enumerate((6, 12, 24, 16)):
        if at:
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False)]
            layers += [nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(count):
            layers.append(_dense_layer(nn, channels))
            channels += _GROWTH
    layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *classifier(nn, channels, 1000))


# EfficientNet: Tan and Le, arXiv:1905.11946, table 1


class _Stage(NamedTuple):
    """Blocks of one kind: expansion, kernel, stride of the first, channels, number."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    blocks: int


_B0 = (
    _Stage(1, 3, 1, 16, 1),
    _Stage(6, 3, 2, 24, 2),
    _Stage(6, 5, 2, 40, 2),
    _Stage(6, 3, 2, 80, 3),
    _Stage(6, 5, 1, 112, 3),
    _Stage(6, 5, 2, 192, 4),
    _Stage(6, 3, 1, 320, 1),
)


def _squeeze(nn: Namespace, channels: int, inner: int) -> Module:
    """Scale each channel by what all channels' means say."""
    body = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(channels, inner, 1),
        nn.SiLU(inplace=True),
        nn.Conv2d(inner, channels, 1),
        nn.Sigmoid(),
    )
    return _blocks(nn)["Scaled"](body)


def _mobile(nn: Namespace, inputs: int, stage: _Stage, stride: int) -> Module:
    wide, layers = stage.expansion * inputs, []
    if stage.expansion != 1:
        layers += [*normed(nn, inputs, wide, 1), nn.SiLU(inplace=True)]
    pad = stage.kernel // 2
    layers += normed(nn, wide, wide, stage.kernel, stride, pad, groups=wide)
    layers += [nn.SiLU(inplace=True), _squeeze(nn, wide, max(1, inputs // 4))]
    layers += normed(nn, wide, stage.channels, 1)
    body = nn.Sequential(*layers)
    if stride != 1 or inputs != stage.channels:
        return body
    add, _ = combinators(nn)
    return add(body, nn.Identity(), nn.Identity())


def efficientnet_b0(nn: Namespace) -> Module:
    """EfficientNet-B0."""
    layers, channels = [*normed(nn, 3, 32, 3, 2, 1), nn.SiLU(inplace=True)], 32
    for stage in _B0:
        for at in range(stage.blocks):
            layers.append(_mobile(nn, channels, stage, 1 if at else stage.stride))
            channels = stage.channels
    layers += [*normed(nn, channels, 1280, 1), nn.SiLU(inplace=True)]
    return nn.Sequential(*layers, *classifier(nn, 1280, 1000))


# ConvNeXt: Liu et al., arXiv:2201.03545

_LAYER_SCALE = 0.1  # not the paper's 1e-6, with which no block would be seen


def _channel_norm(nn: Namespace, channels: int) -> Iterator[Module]:
    """Normalise over channels, which are moved behind and back."""
    permuted = _blocks(nn)["Permuted"]
    yield from (permuted(0, 2, 3, 1), nn.LayerNorm(channels, eps=1e-6))
    yield permuted(0, 3, 1, 2)


def _next_block(nn: Namespace, channels: int) -> Module:
    permuted = _blocks(nn)["Permuted"]
    body = nn.Sequential(
        nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
        permuted(0, 2, 3, 1),
        nn.LayerNorm(channels, eps=1e-6),
        nn.Linear(channels, 4 * channels),
        nn.GELU(),
        nn.Linear(4 * channels, channels),
        permuted(0, 3, 1, 2),
    )
    return _blocks(nn)["Residual"](body, channels)


def convnext_tiny(nn: Namespace) -> Module:
    """ConvNeXt-Tiny."""
    layers = [nn.Conv2d(3, 96, 4, 4), *_channel_norm(nn, 96)]
    for at, (channels, count) in enumerate(((96, 3), (192, 3), (384, 9), (768, 3))):
        if at:
            layers += _channel_norm(nn, channels // 2)
            layers.append(nn.Conv2d(channels // 2, channels, 2, 2))
        layers += [_next_block(nn, channels) for _ in range(count)]
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(768, eps=1e-6))
    return nn.Sequential(*layers, *pooled, nn.Linear(768, 1000))


# ShuffleNetV2: Ma et al., arXiv:1807.11164, table 5, width 1


def _shuffle_branch(
    nn: Namespace, inputs: int, outputs: int, stride: int
) -> Iterator[Module]:
    yield from (*normed(nn, inputs, outputs, 1), nn.ReLU(inplace=True))
    yield from normed(nn, outputs, outputs, 3, stride, 1, groups=outputs)
    yield from (*normed(nn, outputs, outputs, 1), nn.ReLU(inplace=True))


def _shuffle_block(nn: Namespace, inputs: int, outputs: int, stride: int) -> Module:
    half = outputs // 2
    if stride == 1:
        branch = nn.Sequential(*_shuffle_branch(nn, half, half, 1))
        return nn.Sequential(_blocks(nn)["Halves"](branch), nn.ChannelShuffle(2))
    near = nn.Sequential(
        *normed(nn, inputs, inputs, 3, 2, 1, groups=inputs),
        *normed(nn, inputs, half, 1),
        nn.ReLU(inplace=True),
    )
    far = nn.Sequential(*_shuffle_branch(nn, inputs, half, 2))
    return nn.Sequential(_blocks(nn)["Joined"](near, far), nn.ChannelShuffle(2))


def shufflenet_v2(nn: Namespace) -> Module:
    """ShuffleNetV2 of width 1."""
    layers = [*normed(nn, 3, 24, 3, 2, 1), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    channels = 24
    for outputs, count in ((116, 4), (232, 8), (464, 4)):
        for at in range(count):
            layers.append(_shuffle_block(nn, channels, outputs, 1 if at else 2))
            channels = outputs
    layers += [*normed(nn, channels, 1024, 1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *classifier(nn, 1024, 1000))


# Inception v3: Szegedy et al., arXiv:1512.00567, without its auxiliary classifier

Step = tuple[int, Any, Any, Any]
"""A convolution: channels, kernel, stride, padding."""


def _chain(nn: Namespace, inputs: int, *steps: Step) -> Module:
    layers: list[Module] = []
    for outputs, *options in steps:
        layers += [*normed(nn, inputs, outputs, *options), nn.ReLU(inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers)


def _one(channels: int) -> Step:
    return channels, 1, 1, 0


def _row(channels: int, size: int) -> Step:
    return channels, (1, size), 1, (0, size // 2)


def _column(channels: int, size: int) -> Step:
    return channels, (size, 1), 1, (size // 2, 0)


def _pooled(nn: Namespace, inputs: int, outputs: int) -> Module:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), *_chain(nn, inputs, _one(outputs)))


def _joined(nn: Namespace, inputs: int, *chains: Sequence[Step]) -> list[Module]:
    return [_chain(nn, inputs, *each) for each in chains]


def _block_a(nn: Namespace, inputs: int, pooled: int) -> Module:
    chains = (
        (_one(64),),
        (_one(48), (64, 5, 1, 2)),
        (_one(64), (96, 3, 1, 1), (96, 3, 1, 1)),
    )
    branches = _joined(nn, inputs, *chains)
    return _blocks(nn)["Joined"](*branches, _pooled(nn, inputs, pooled))


def _block_b(nn: Namespace, inputs: int, wide: int) -> Module:
    chains = (
        (_one(192),),
        (_one(wide), _row(wide, 7), _column(192, 7)),
        (_one(wide), _column(wide, 7), _row(wide, 7), _column(wide, 7), _row(192, 7)),
    )
    branches = _joined(nn, inputs, *chains)
    return _blocks(nn)["Joined"](*branches, _pooled(nn, inputs, 192))


def _block_c(nn: Namespace, inputs: int) -> Module:
    joined = _blocks(nn)["Joined"]

    def both() -> Module:
        return joined(_chain(nn, 384, _row(384, 3)), _chain(nn, 384, _column(384, 3)))

    plain = _chain(nn, inputs, _one(320))
    wide = nn.Sequential(_chain(nn, inputs, _one(384)), both())
    deep = nn.Sequential(_chain(nn, inputs, _one(448), (384, 3, 1, 1)), both())
    return joined(plain, wide, deep, _pooled(nn, inputs, 192))


def _smaller(nn: Namespace, inputs: int, *chains: Sequence[Step]) -> Module:
    branches = _joined(nn, inputs, *chains)
    return _blocks(nn)["Joined"](*branches, nn.MaxPool2d(3, 2))


def inception_v3(nn: Namespace) -> Module:
    """Inception v3 for images of 299x299."""
    first = ((32, 3, 2, 0), (32, 3, 1, 0), (64, 3, 1, 1))
    layers = [*_chain(nn, 3, *first), nn.MaxPool2d(3, 2)]
    layers += [_chain(nn, 64, _one(80), (192, 3, 1, 0)), nn.MaxPool2d(3, 2)]
    for inputs, pooled in ((192, 32), (256, 64), (288, 64)):
        layers.append(_block_a(nn, inputs, pooled))
    halved = ((384, 3, 2, 0),), (_one(64), (96, 3, 1, 1), (96, 3, 2, 0))
    layers.append(_smaller(nn, 288, *halved))
    layers += [_block_b(nn, 768, wide) for wide in (128, 160, 160, 192)]
    square = (_one(192), (320, 3, 2, 0))
    long = (_one(192), _row(192, 7), _column(192, 7), (192, 3, 2, 0))
    layers.append(_smaller(nn, 768, square, long))
    layers += [_block_c(nn, inputs) for inputs in (1280, 2048)]
    return nn.Sequential(*layers, *classifier(nn, 2048, 1000))
