"""The networks, written once for torch and flambeau.

Every function takes `nn`, which is `torch.nn` or `flambeau.nn`, and returns a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from .parts import Module, Namespace, classifier, combinators, normed

__all__ = [
    "conv1d_net",
    "conv3d_net",
    "mobilenet_v2",
    "resnet18",
    "resnet18_cifar",
    "resnet50",
    "simple_cnn",
    "unet",
]

Block: TypeAlias = Callable[[Namespace, int, int, int], Module]


def simple_cnn(nn: Namespace) -> Module:
    """One convolution and one linear layer for images of 32x32."""
    convolution = (nn.Conv2d(3, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU())
    return nn.Sequential(*convolution, nn.Flatten(), nn.Linear(32 * 16 * 16, 10))


def _shortcut(nn: Namespace, inputs: int, outputs: int, stride: int) -> Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(*normed(nn, inputs, outputs, 1, stride))


def _basic(nn: Namespace, inputs: int, width: int, stride: int) -> Module:
    body = nn.Sequential(
        *normed(nn, inputs, width, 3, stride, 1),
        nn.ReLU(inplace=True),
        *normed(nn, width, width, 3, 1, 1),
    )
    add, _ = combinators(nn)
    return add(body, _shortcut(nn, inputs, width, stride), nn.ReLU(inplace=True))


def _bottleneck(nn: Namespace, inputs: int, width: int, stride: int) -> Module:
    body = nn.Sequential(
        *normed(nn, inputs, width, 1),
        nn.ReLU(inplace=True),
        *normed(nn, width, width, 3, stride, 1),
        nn.ReLU(inplace=True),
        *normed(nn, width, 4 * width, 1),
    )
    add, _ = combinators(nn)
    return add(body, _shortcut(nn, inputs, 4 * width, stride), nn.ReLU(inplace=True))


def _stages(
    nn: Namespace, block: Block, widening: int, counts: tuple[int, ...]
) -> Iterator[Module]:
    """The four stages of a residual network; each but the first halves the image."""
    channels = 64
    for stage, count in enumerate(counts):
        for at in range(count):
            stride = 2 if stage > 0 and at == 0 else 1
            yield block(nn, channels, 64 << stage, stride)
            channels = widening * (64 << stage)


def resnet18_cifar(nn: Namespace) -> Module:
    """ResNet-18 for images of 32x32: a 3x3 convolution first, and no pooling."""
    return nn.Sequential(
        *normed(nn, 3, 64, 3, 1, 1),
        nn.ReLU(inplace=True),
        *_stages(nn, _basic, 1, (2, 2, 2, 2)),
        *classifier(nn, 512, 10),
    )


def _stem(nn: Namespace) -> Iterator[Module]:
    yield from normed(nn, 3, 64, 7, 2, 3)
    yield from (nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))


def resnet18(nn: Namespace) -> Module:
    """ResNet-18 for images of 224x224."""
    stages = _stages(nn, _basic, 1, (2, 2, 2, 2))
    return nn.Sequential(*_stem(nn), *stages, *classifier(nn, 512, 1000))


def resnet50(nn: Namespace) -> Module:
    """ResNet-50."""
    stages = _stages(nn, _bottleneck, 4, (3, 4, 6, 3))
    return nn.Sequential(*_stem(nn), *stages, *classifier(nn, 2048, 1000))


# MobileNetV2's table 2: expansion, output channels, blocks, stride of the first one
_INVERTED = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _inverted(
    nn: Namespace, inputs: int, outputs: int, stride: int, expansion: int
) -> Module:
    """MobileNetV2's block: widen, convolve each channel, narrow."""
    wide, layers = expansion * inputs, []
    if expansion != 1:
        layers += [*normed(nn, inputs, wide, 1), nn.ReLU6(inplace=True)]
    layers += [*normed(nn, wide, wide, 3, stride, 1, groups=wide)]
    layers += [nn.ReLU6(inplace=True), *normed(nn, wide, outputs, 1)]
    body = nn.Sequential(*layers)
    if stride != 1 or inputs != outputs:
        return body
    add, _ = combinators(nn)
    return add(body, nn.Identity(), nn.Identity())


def mobilenet_v2(nn: Namespace) -> Module:
    """MobileNetV2, without its dropout."""
    layers, channels = [*normed(nn, 3, 32, 3, 2, 1), nn.ReLU6(inplace=True)], 32
    for expansion, outputs, count, stride in _INVERTED:
        for at in range(count):
            step = stride if at == 0 else 1
            layers.append(_inverted(nn, channels, outputs, step, expansion))
            channels = outputs
    layers += [*normed(nn, channels, 1280, 1), nn.ReLU6(inplace=True)]
    return nn.Sequential(*layers, *classifier(nn, 1280, 1000))


def _twice(nn: Namespace, inputs: int, outputs: int) -> Iterator[Module]:
    """Two 3x3 convolutions with their norm and activation."""
    for channels in (inputs, outputs):
        yield from normed(nn, channels, outputs, 3, 1, 1)
        yield nn.ReLU(inplace=True)


def _around(nn: Namespace, width: int, inner: Iterator[Module]) -> Iterator[Module]:
    """One level of a U-Net: what a smaller image tells stands beside the large one."""
    _, beside = combinators(nn)
    up = nn.ConvTranspose2d(2 * width, width, 2, 2)
    yield beside(nn.Sequential(nn.MaxPool2d(2), *inner, up))
    yield from _twice(nn, 2 * width, width)


def unet(nn: Namespace) -> Module:
    """A U-Net of 32, 64 and 128 channels that tells two classes apart."""

    def middle() -> Iterator[Module]:
        yield from _twice(nn, 32, 64)
        yield from _around(nn, 64, _twice(nn, 64, 128))

    return nn.Sequential(
        *_twice(nn, 3, 32), *_around(nn, 32, middle()), nn.Conv2d(32, 2, 1)
    )


def conv3d_net(nn: Namespace) -> Module:
    """Three convolutions of volumes of 32x32x32."""
    layers, channels = [], 1
    for width in (16, 32, 64):
        layers += [nn.Conv3d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4**3, 10))


def conv1d_net(nn: Namespace) -> Module:
    """Four strided convolutions of a second of sound."""
    layers, channels = [], 1
    for width in (32, 64, 128, 128):
        layers += [nn.Conv1d(channels, width, 9, 4, 4), nn.ReLU()]
        channels = width
    pooled = (nn.AdaptiveAvgPool1d(1), nn.Flatten())
    return nn.Sequential(*layers, *pooled, nn.Linear(channels, 10))
