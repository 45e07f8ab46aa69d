"""Pools, their positions, and windows taken out and added back; any number of dims.

Inputs are (N, C, *sizes); kernel, stride and dilation are tuples with an entry per
spatial dimension, padding has pairs (low, high). Each op's gradient is its adjoint:
`sum_pool` and `sum_pool_grad`, `pick` and `unpool`, `windows` and `fold_windows`.
"""

from __future__ import annotations

from math import prod
from typing import Any

from .. import dtypes as dt
from ..graph import Node
from . import numpy_pool, numpy_windows
from .broadcast import reshape
from .numpy_windows import Ints, Pads
from .op import Op
from .window_checks import check_image, window_sizes

__all__ = [
    "fold",
    "fold_windows",
    "max_pool",
    "max_pool_index",
    "pick",
    "sum_pool",
    "sum_pool_grad",
    "unfold",
    "unpool",
    "windows",
]

Shape = tuple[tuple[int, ...], dt.dtype]


# Maxima


def _pool_infer(x: Node, *, output_size: Ints, **options: Any) -> Shape:
    return (*x.shape[:2], *output_size), x.dtype


def _max_pool_infer(x: Node, **options: Any) -> Shape:
    if x.dtype is dt.bool_:
        raise NotImplementedError(
            "max_pool: bool has no maximum in torch; convert the input with .to(uint8)"
        )
    return _pool_infer(x, **options)


def _index_infer(x: Node, **options: Any) -> Shape:
    return _max_pool_infer(x, **options)[0], dt.int64


def _max_pool_gradient(g: Node, y: Node, x: Node, **options: Any) -> Node:
    return unpool(g, max_pool_index(x, **options), input_size=x.shape[2:])


max_pool: Op = Op(
    "max_pool",
    _max_pool_infer,
    numpy_pool.max_pool,
    (_max_pool_gradient,),
    "MaxPool2DWithIndices",
)
max_pool_index: Op = Op("max_pool_index", _index_infer, numpy_pool.max_pool_index)


# Reading and adding at positions


def _pick_infer(x: Node, index: Node) -> Shape:
    return index.shape, x.dtype


def _unpool_infer(g: Node, index: Node, *, input_size: Ints) -> Shape:
    return (*g.shape[:2], *input_size), g.dtype


pick: Op = Op(
    "pick",
    _pick_infer,
    numpy_pool.pick,
    (lambda g, y, x, index: unpool(g, index, input_size=x.shape[2:]), None),
)
unpool: Op = Op(
    "unpool",
    _unpool_infer,
    numpy_pool.unpool,
    (lambda h, y, g, index, input_size: pick(h, index), None),
)


# Sums


def _sum_pool_grad_infer(g: Node, *, input_size: Ints, **options: Any) -> Shape:
    return (*g.shape[:2], *input_size), g.dtype


sum_pool: Op = Op(
    "sum_pool",
    _pool_infer,
    numpy_pool.sum_pool,
    (lambda g, y, x, output_size, **p: sum_pool_grad(g, input_size=x.shape[2:], **p),),
    "AvgPool2D",
)
sum_pool_grad: Op = Op(
    "sum_pool_grad",
    _sum_pool_grad_infer,
    numpy_pool.sum_pool_grad,
    (lambda h, y, g, input_size, **p: sum_pool(h, output_size=g.shape[2:], **p),),
)


# Windows taken out and added back


def _windows_infer(
    x: Node, *, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints
) -> Shape:
    check_image("unfold", x, len(kernel))
    sizes = window_sizes("unfold", x.shape[2:], kernel, stride, padding, dilation)
    return (*x.shape[:2], *kernel, *sizes), x.dtype


def _fold_infer(
    cols: Node,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    input_size: Ints,
) -> Shape:
    return (*cols.shape[:2], *input_size), cols.dtype


windows: Op = Op(
    "windows",
    _windows_infer,
    numpy_windows.windows,
    (lambda g, y, x, **p: fold_windows(g, input_size=x.shape[2:], **p),),
    "Im2Col",
)
fold_windows: Op = Op(
    "fold_windows",
    _fold_infer,
    numpy_windows.fold_windows,
    (lambda h, y, cols, input_size, **p: windows(h, **p),),
    "Col2Im",
)


def unfold(x: Node, **options: Any) -> Node:
    """Return the windows as columns: (N, C * prod(kernel), prod(windows)).

    Args:
        options: kernel, stride, padding and dilation of `windows`.
    """
    cols = windows(x, **options)
    n, c, dims = *x.shape[:2], x.ndim - 2
    taps, count = cols.shape[2 : 2 + dims], cols.shape[2 + dims :]
    return reshape(cols, (n, c * prod(taps), prod(count)))


def fold(
    cols: Node,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    input_size: Ints,
) -> Node:
    """Add columns as `unfold` returns them back into an image.

    Shape: cols (N, C * prod(kernel), prod(windows)); result (N, C, *input_size).

    Raises:
        RuntimeError: the columns are not those of such an image.
    """
    counts = window_sizes("fold", input_size, kernel, stride, padding, dilation)
    if cols.ndim != 3:
        raise RuntimeError(
            "fold: Expected 2D (unbatched) or 3D (batched) input (N, C * "
            f"prod(kernel_size), blocks), but got input of size: {list(cols.shape)}"
        )
    if cols.shape[1] % prod(kernel):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product "
            f"of kernel_size, but got input of size {list(cols.shape)} and "
            f"kernel_size={kernel}"
        )
    if cols.shape[2] != prod(counts):
        raise RuntimeError(
            f"fold: output_size={input_size} with kernel_size={kernel}, "
            f"stride={stride}, padding={padding} and dilation={dilation} has {counts} "
            f"= {prod(counts)} blocks, but the input of size {list(cols.shape)} has "
            f"{cols.shape[2]}"
        )
    shape = (cols.shape[0], cols.shape[1] // prod(kernel), *kernel, *counts)
    return fold_windows(
        reshape(cols, shape),
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        input_size=input_size,
    )
