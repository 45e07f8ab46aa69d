"""Convolutions and pools that follow each other are done band by band if that pays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, compute, compute_between_guards, kernels

from flambeau.compiler.selection import pool_tap
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import window
from flambeau.ops.broadcast import reshape
from flambeau.ops.conv import conv
from flambeau.ops.numpy_windows import output_sizes


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


def slides(
    x: Node, kernel: int, stride: int, pad: int = 0, gap: int = 1
) -> dict[str, Any]:
    """The parameters of a pool with the same windows along all dimensions."""
    sizes = x.shape[2:]
    alike = [(each,) * len(sizes) for each in (kernel, stride, gap)]
    pads = ((pad, pad),) * len(sizes)
    count = output_sizes(sizes, alike[0], alike[1], pads, alike[2])
    return {
        "kernel": alike[0],
        "stride": alike[1],
        "padding": pads,
        "dilation": alike[2],
        "output_size": count,
    }


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


# Pools


@pytest.mark.parametrize("windows", [(2, 2), (3, 2, 1), (3, 3), (2, 3, 0, 2)], ids=str)
def test_a_convolution_and_the_pool_of_its_result_are_one(
    windows: tuple[int, ...],
) -> None:
    net = Net()
    y = net.conv(net.leaf(2, 3, 48, 26), 40, 3)
    best = ew.relu(window.max_pool(y, **slides(y, *windows)))
    assert cascades(best) == [1]
    assert "relu" not in "".join(kernels(best))
    check(best, threads=2)
    compute_between_guards(best, at_end=True)


def test_means_are_pools_too() -> None:
    net = Net("float64")
    y = ew.relu(net.conv(net.leaf(1, 6, 24, 20), 33, 3))
    params = slides(y, 2, 2)
    del params["dilation"]
    total = window.sum_pool(y, **params)
    mean = ew.mul(total, ew.const_like(0.25, total))
    assert cascades(mean) == [1]
    check(mean)


@pytest.mark.parametrize("code", [window.max_pool_index, pool_tap])
def test_a_pool_in_a_cascade_may_tell_where_its_maxima_are(code: Any) -> None:
    net = Net()
    y = net.conv(net.leaf(3, 8, 32, 28), 24, 3)
    params = slides(y, 3, 2, 1)
    best, where = window.max_pool(y, **params), code(y, **params)
    assert cascades(best, where) == [1]
    check(best, where, threads=2)


def test_a_pool_after_convolutions_that_are_done_together() -> None:
    net = Net()
    wide = ew.relu(net.conv(net.leaf(1, 12, 96, 44), 70))
    y = ew.relu(net.conv(wide, 70, 3, groups=70))
    best = window.max_pool(y, **slides(y, 2, 2))
    assert cascades(best) == [2]
    check(best)


def test_pools_over_volumes() -> None:
    net = Net()
    w = net.leaf(20, 4, 3, 3, 3)
    y = conv(
        net.leaf(1, 4, 16, 9, 10),
        ew.mul(w, ew.const_like(0.1, w)),
        stride=(1, 1, 1),
        padding=((1, 1),) * 3,
        dilation=(1, 1, 1),
        groups=1,
    )
    best = window.max_pool(y, **slides(y, 2, 2))
    assert cascades(best) == [1]
    check(best)


def test_a_pool_of_what_others_read_too_is_by_itself() -> None:
    net = Net()
    y = net.conv(net.leaf(1, 3, 32, 32), 16, 3)
    best = window.max_pool(y, **slides(y, 2, 2))
    assert cascades(best, y) == []
    check(best, y)


def test_a_whole_image_is_no_band() -> None:
    """What has few rows of windows is not cut for threads; it stays as it is."""
    net = Net()
    y = net.conv(net.leaf(1, 16, 28, 28), 16, 3)
    best = window.max_pool(y, **slides(y, 14, 14))
    assert cascades(best) == []
    check(best)
