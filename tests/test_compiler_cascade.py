"""Convolutions that follow each other are done band by band where that pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, compute, compute_between_guards, kernels

from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops.broadcast import reshape
from flambeau.ops.conv import conv


class Net:
    """Convolutions with random weights.

    Args:
        kind: the dtype.
    """

    def __init__(self, kind: str = "float32") -> None:
        self.random, self.kind = np.random.default_rng(0), kind

    def leaf(self, *shape: int) -> Node:
        """Return a random leaf."""
        return constant(self.random.standard_normal(shape).astype(self.kind))

    def conv(self, x: Node, outputs: int, taps: int = 1, **options: Any) -> Node:
        """Return a convolution that keeps the size, with a bias."""
        stride, groups = options.get("stride", 1), options.get("groups", 1)
        gap = options.get("dilation", 1)
        pad = (taps - 1) * gap // 2
        w = self.leaf(outputs, x.shape[1] // groups, taps, taps)
        y = conv(
            x,
            ew.mul(w, ew.const_like((w.size // outputs) ** -0.5, w)),
            stride=(stride, stride),
            padding=((pad, pad), (pad, pad)),
            dilation=(gap, gap),
            groups=groups,
        )
        return ew.add(y, reshape(self.leaf(outputs), (outputs, 1, 1)))

    def block(self, x: Node, wide: int, outputs: int, **options: Any) -> Node:
        """Return what MobileNetV2 calls an inverted residual, without the sum."""
        y = ew.relu(self.conv(x, wide))
        y = ew.relu(self.conv(y, wide, options.pop("taps", 3), groups=wide, **options))
        return self.conv(y, outputs)


def cascades(*nodes: Node) -> list[int]:
    """How many convolutions each cascade does."""
    return [each.count("convolution_") for each in kernels(*nodes) if "cascade" in each]


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2}, {"taps": 5}, {"dilation": 2}, {"stride": 3}], ids=str
)
def test_an_expansion_its_depthwise_convolution_and_what_follows_are_one(
    options: dict[str, int],
) -> None:
    net = Net()
    x = net.leaf(2, 12, 96, 44)
    y = net.block(x, 70, 20, **options)
    assert cascades(y) == [3]
    check(y, threads=2)


def test_the_residual_sum_is_done_with_it() -> None:
    net = Net()
    x = ew.relu(net.leaf(2, 20, 56, 40))
    y = ew.add(net.block(x, 64, 20), x)
    assert cascades(y) == [3]
    check(y, threads=2)


def test_an_image_of_three_channels_is_read_as_it_lies() -> None:
    net = Net()
    y = ew.relu(net.conv(net.leaf(1, 3, 112, 160), 32, 3, stride=2))
    y = net.conv(ew.relu(net.conv(y, 32, 3, groups=32)), 16)
    assert cascades(y) == [3]
    check(y)


def test_float64() -> None:
    net = Net("float64")
    y = net.block(net.leaf(1, 8, 44, 40), 40, 10)
    assert cascades(y) == [3]
    check(y)


def test_bits_do_not_depend_on_threads() -> None:
    net = Net()
    y = net.block(net.leaf(1, 16, 56, 56), 64, 16)
    [first] = compute(y)
    for count in (2, 3, 4):
        np.testing.assert_array_equal(compute(y, threads=count)[0], first)


@pytest.mark.parametrize("at_end", [False, True])
def test_nothing_outside_of_buffers_is_touched(at_end: bool) -> None:
    net = Net()
    y = net.block(net.leaf(1, 5, 43, 41), 70, 9, stride=2)
    compute_between_guards(y, at_end=at_end)


def test_what_others_read_is_stored() -> None:
    net = Net()
    wide = ew.relu(net.conv(net.leaf(1, 16, 56, 56), 64))
    deep = net.conv(ew.relu(net.conv(wide, 64, 3, groups=64)), 16)
    assert cascades(deep, wide) == [2]
    check(deep, wide)
    both = net.conv(wide, 32)
    assert cascades(deep, both) == [2]


def test_small_images_stay_in_the_cache_without() -> None:
    net = Net()
    assert cascades(net.block(net.leaf(8, 64, 14, 14), 384, 64)) == []


def test_windows_on_windows_are_cut_apart() -> None:
    """What a second window needs would be computed twice over and over."""
    net = Net()
    x = ew.relu(net.conv(net.leaf(1, 64, 56, 56), 64, 3, groups=64))
    y = ew.relu(net.conv(x, 64, 3, groups=64))
    y = net.conv(ew.relu(net.conv(y, 64, 3, groups=64)), 16)
    assert cascades(y) == [2, 2]
    check(y)
