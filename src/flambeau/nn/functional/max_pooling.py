"""Maxima of sliding windows, and putting them back; any number of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from math import prod
from typing import Any

from ... import dtypes as dt
from ...graph import Node
from ...ops import window
from ...ops.broadcast import reshape
from ...ops.index import scatter
from ...ops.movement import zeros
from ...ops.window_checks import pool_sizes
from ...shape import ntuple
from ...tensor import Tensor
from .images import IntOrInts, Windows, read_images, read_windows, show_images

__all__ = [
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "with_indices",
]

Ints = tuple[int, ...]


def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of every window of a sequence; `max_pool2d` has the arguments.

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.functional.max_pool1d".
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool(1, input, *options)


def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of every window of an image.

    Args:
        input: the images.
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        padding: what is added on both sides of each dimension, below every value.
        dilation: the step between the elements of a window.
        ceil_mode: also take windows that hang over the end.
        return_indices: also return where the maxima are, as `max_unpool2d` takes it.

    Returns:
        The maxima, or the maxima and their positions in the flattened image.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where
    Hout = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1, or rounded up.

    Raises:
        RuntimeError: dimensions or options that do not fit each other; a window larger
            than the padded image.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.max_pool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x = torch.tensor([[[1., 5.], [3., 2.]]])
        >>> F.max_pool2d(x, 2, return_indices=True)
        (tensor([[[5.]]]), tensor([[[1]]]))
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool(2, input, *options)


def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of every window of a volume; `max_pool2d` has the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.max_pool3d".
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool(3, input, *options)


def _max_pool(
    dims: int,
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{dims}d"
    x = read_images(name, input, dims)
    windows = read_windows(name, dims, kernel_size, stride, padding, dilation)
    options = {
        "kernel": windows.kernel,
        "stride": windows.stride,
        "padding": windows.pads,
        "dilation": windows.dilation,
        "output_size": pool_sizes(name, x, *windows, ceil_mode),
    }
    best = show_images(window.max_pool(x, **options), input, dims)
    if not return_indices:
        return best
    return best, show_images(window.max_pool_index(x, **options), input, dims)


def with_indices(pool: Callable[..., Any]) -> Callable[..., Any]:
    """Return the pool that always tells where its maxima are, too.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.max_pool1d_with_indices(torch.tensor([[1., 5., 3., 2.]]), 2)
        (tensor([[5., 3.]]), tensor([[1, 2]]))
    """
    known = signature(pool)

    @wraps(pool)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = known.bind(*args, **kwargs)
        given.arguments["return_indices"] = True
        return pool(*given.args, **given.kwargs)

    call.__name__ = call.__qualname__ = f"{pool.__name__}_with_indices"
    call.__doc__ = f"Do `{pool.__name__}` and return the positions of the maxima, too."
    return call


max_pool1d_with_indices = with_indices(max_pool1d)
max_pool2d_with_indices = with_indices(max_pool2d)
max_pool3d_with_indices = with_indices(max_pool3d)


# Putting maxima back


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the maxima of a sequence back; `max_unpool2d` describes the arguments.

    Shape: input and indices (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.functional.max_unpool1d".
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool(1, input, indices, *options)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the maxima of `max_pool2d` back where they were, zeros elsewhere.

    Args:
        input: the maxima.
        indices: their positions, as `max_pool2d` returns them.
        kernel_size: the sizes of the pool's windows.
        stride: the step between its windows; by default the kernel's sizes.
        padding: its padding.
        output_size: the shape, or the spatial sizes, of the result, if the pool's
            input was larger than its windows tell.

    Shape: input and indices (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where Hout = (H - 1) stride - 2 padding + kH without output_size.

    Raises:
        RuntimeError: shapes that differ; an index outside the result.
        ValueError: an `output_size` that no input of such a pool has.

    Source: torch's page "torch.nn.functional.max_unpool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.max_unpool2d(torch.tensor([[[5.]]]), torch.tensor([[[1]]]), 2)
        tensor([[[0., 5.],
                 [0., 0.]]])
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool(2, input, indices, *options)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the maxima of a volume back; `max_unpool2d` describes the arguments.

    Shape: input and indices (N, C, D, H, W) or (C, D, H, W); result
    (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.max_unpool3d".
    """
    options = (kernel_size, stride, padding, output_size)
    return _max_unpool(3, input, indices, *options)


def _max_unpool(
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    output_size: Sequence[int] | None,
) -> Tensor:
    name = f"max_unpool{dims}d"
    x, index = read_images(name, input, dims), read_images(name, indices, dims)
    _check_indices(name, x, index)
    windows = read_windows(name, dims, kernel_size, stride, padding)
    sizes = _unpooled_sizes(name, x.shape[2:], windows, output_size)
    _check_range(name, index, sizes)
    flat = (*x.shape[:2], prod(x.shape[2:]))
    # written, not added: windows that overlap may have the same maximum
    y = scatter(
        zeros((*flat[:2], prod(sizes)), x.dtype),
        reshape(index, flat),
        reshape(x, flat),
        axis=2,
    )
    return show_images(reshape(y, (*flat[:2], *sizes)), input, dims)


def _check_indices(name: str, x: Node, index: Node) -> None:
    if index.dtype is not dt.int64:
        raise RuntimeError(
            f"{name}: elements in indices should be type int64 but got: "
            f"{index.dtype.name}"
        )
    if index.shape != x.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be same as that of the input tensor "
            f"({list(x.shape)}) but got indices tensor with shape: {list(index.shape)}"
        )


def _check_range(name: str, index: Node, sizes: Ints) -> None:
    """Check positions that are known; `scatter` checks the others when evaluated."""
    found = index.value
    if found is not None and found.size:
        low, high = int(found.min()), int(found.max())
        if low < 0 or high >= prod(sizes):
            raise RuntimeError(
                f"{name}: Found an invalid max index: {low if low < 0 else high} "
                f"(output volumes are of size {sizes})"
            )


def _unpooled_sizes(
    name: str, sizes: Ints, windows: Windows, output_size: Sequence[int] | None
) -> Ints:
    each = zip(sizes, windows.kernel, windows.stride, windows.padding)
    default = tuple((size - 1) * s + k - 2 * p for size, k, s, p in each)
    if output_size is None:
        return default
    dims = len(sizes)
    if len(output_size) not in (dims, dims + 1, dims + 2):
        raise ValueError(
            f"{name}: output_size should be a sequence containing {dims} or {dims + 2} "
            f"elements, but it has a length of '{len(output_size)}'"
        )
    wanted = ntuple(output_size[-dims:], dims, f"{name}: output_size")
    for at, (size, usual, s) in enumerate(zip(wanted, default, windows.stride)):
        if not usual - s < size < usual + s:
            raise ValueError(
                f"{name}: invalid output_size {wanted} (dim {at} must be between "
                f"{usual - s} and {usual + s})"
            )
    return wanted
