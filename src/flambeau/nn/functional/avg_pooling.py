"""Averages and norms of sliding windows, written once for any number of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import inf, prod

import numpy as np

from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops import window
from ...ops.window_checks import pool_sizes
from ...tensor import Tensor
from ...tensor.operands import as_float
from ...tensor.reduction import in_float32
from .images import IntOrInts, Windows, read_images, read_windows, show_images

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "divided",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
]

Ints = tuple[int, ...]


def avg_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of every window of a sequence; `avg_pool2d` has the arguments.

    (In torch there is no `divisor_override` in one dimension.)

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.functional.avg_pool1d".
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool(1, input, *options, divisor_override)


def avg_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of every window of an image.

    Args:
        input: the images.
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        padding: zeros on both sides of each dimension.
        ceil_mode: also take windows that hang over the end; what lies beyond the
            padding is never counted.
        count_include_pad: count the padding as elements of a window.
        divisor_override: divide by this number instead of how many elements there are.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where Hout = floor((H + 2 padding - kH) / stride) + 1, or rounded
    up.

    Raises:
        RuntimeError: dimensions or options that do not fit each other; a window larger
            than the padded image; a divisor of 0.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.avg_pool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.avg_pool2d(torch.tensor([[[1., 5.], [3., 3.]]]), 2)
        tensor([[[3.]]])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool(2, input, *options, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of every window of a volume; `avg_pool2d` has the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.avg_pool3d".
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool(3, input, *options, divisor_override)


def _avg_pool(
    dims: int,
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    name = f"avg_pool{dims}d"
    x = read_images(name, input, dims)
    windows = read_windows(name, dims, kernel_size, stride, padding)
    y = _means(name, x, windows, ceil_mode, count_include_pad, divisor_override)
    return show_images(y, input, dims)


def _means(
    name: str,
    x: Node,
    windows: Windows,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Node:
    out = pool_sizes(name, x, *windows, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero, got divisor_override=0")
    counts = _counts(x.shape[2:], out, windows, count_include_pad)

    def mean(x: Node) -> Node:
        total = window.sum_pool(
            x,
            kernel=windows.kernel,
            stride=windows.stride,
            padding=windows.pads,
            output_size=out,
        )
        if divisor_override is not None:
            return ew.div(total, ew.const_like(divisor_override, total))
        return divided(total, counts)

    return in_float32(x, mean)


def divided(total: Node, counts: Sequence[np.ndarray]) -> Node:
    """Divide the sums of windows by how many elements each has, per dimension."""
    if all(len(set(each.tolist())) == 1 for each in counts):
        same = prod(int(each[0]) for each in counts)
        return ew.div(total, ew.const_like(same, total))
    every = reduce(np.multiply.outer, counts)
    return ew.div(total, constant(every.astype(total.dtype.numpy), total.dtype))


def _counts(
    sizes: Ints, out: Ints, windows: Windows, count_include_pad: bool
) -> list[np.ndarray]:
    """Return how many elements each window has along each dimension."""
    found = []
    for size, count, k, s, p in zip(sizes, out, *windows[:3]):
        start = np.arange(count) * s - p
        stop = np.minimum(start + k, size + p)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, size)
        found.append(stop - start)
    return found


# Norms


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the p-norm of every window of a sequence; `lp_pool2d` has the arguments.

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.functional.lp_pool1d".
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    r"""Return the p-norm of every window of an image.

    .. math:: y = \left( \sum_i x_i^p \right)^{1/p}

    As in torch, x is taken as it is, so that odd powers keep its sign; a window that
    hangs over the end is scaled to the full number of elements; the gradient is 0 where
    the sum is 0.

    Args:
        input: the images.
        norm_type: the exponent p; infinity takes the largest absolute value.
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        ceil_mode: also take windows that hang over the end.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), as `avg_pool2d`.

    Raises:
        RuntimeError: as `avg_pool2d`.

    Source: torch's page "torch.nn.functional.lp_pool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.lp_pool2d(torch.tensor([[[3., 0.], [0., 4.]]]), 2, kernel_size=2)
        tensor([[[5.]]])
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the p-norm of every window of a volume; `lp_pool2d` has the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.lp_pool3d".
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp_pool(
    dims: int,
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    ceil_mode: bool,
) -> Tensor:
    name = f"lp_pool{dims}d"
    x = read_images(name, input, dims)
    windows = read_windows(name, dims, kernel_size, stride)
    if abs(norm_type) == inf:
        y = _extreme_sizes(name, x, windows, ceil_mode, smallest=norm_type < 0)
    else:
        y = _power_sums(name, x, windows, ceil_mode, norm_type)
    return show_images(y, input, dims)


def _extreme_sizes(
    name: str, x: Node, windows: Windows, ceil_mode: bool, smallest: bool
) -> Node:
    size = ew.neg(ew.absolute(x)) if smallest else ew.absolute(x)
    y = window.max_pool(
        size,
        kernel=windows.kernel,
        stride=windows.stride,
        padding=windows.pads,
        dilation=windows.dilation,
        output_size=pool_sizes(name, x, *windows, ceil_mode),
    )
    return ew.neg(y) if smallest else y


def _power_sums(
    name: str, x: Node, windows: Windows, ceil_mode: bool, norm_type: float
) -> Node:
    def norm(x: Node) -> Node:
        powers = ew.power(x, ew.const_like(norm_type, x))
        mean = _means(name, powers, windows, ceil_mode, count_include_pad=True)
        # its own sign times its size, so that relu stops the gradient where it is 0
        mean = ew.mul(ew.sign(mean), ew.relu(ew.absolute(mean)))
        total = ew.mul(mean, ew.const_like(prod(windows.kernel), mean))
        return ew.power(total, ew.const_like(1 / norm_type, total))

    return in_float32(as_float(x), norm)
