"""Convolution in any number of dimensions, closed under differentiation.

``y = conv(x, w)`` is linear in x and in w. `conv_input_grad` and `conv_weight_grad` are
its adjoints, and the gradient of each of the three is made of the other two, so every
derivative of any order is one of them. `conv_input_grad` is the transposed convolution.

x is (N, C, *sizes), w (K, C / groups, *kernel), y (N, K, *windows); stride and dilation
are tuples with an entry per spatial dimension, padding has pairs (low, high), which may
be negative to crop.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import bool_, dtype
from ..graph import Node
from . import numpy_conv
from .numpy_windows import Ints, Pads
from .op import Op
from .window_checks import check_channels, check_image, check_options, window_sizes

__all__ = ["conv", "conv_input_grad", "conv_weight_grad"]


def _conv_infer(
    x: Node, w: Node, *, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> tuple[Ints, dtype]:
    name, kernel = f"conv{w.ndim - 2}d", w.shape[2:]
    check_image(name, x, len(kernel))
    _check_weight(name, x, w, groups, w.shape[1] * groups)
    out = window_sizes(name, x.shape[2:], kernel, stride, padding, dilation)
    return (x.shape[0], w.shape[0], *out), x.dtype


def _input_grad_infer(
    g: Node,
    w: Node,
    *,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
    input_size: Ints,
) -> tuple[Ints, dtype]:
    name = f"conv_transpose{w.ndim - 2}d"
    check_image(name, g, w.ndim - 2)
    _check_weight(name, g, w, groups, w.shape[0])
    check_options(name, w.shape[2:], stride, dilation)
    if min(input_size) < 1:
        raise RuntimeError(
            f"{name}: Output size is too small: an input of size {g.shape[2:]} with "
            f"kernel_size {w.shape[2:]}, stride {stride} and padding {padding} gives "
            f"{input_size}; use less padding"
        )
    return (g.shape[0], groups * w.shape[1], *input_size), g.dtype


def _weight_grad_infer(
    x: Node, g: Node, *, groups: int, kernel_size: Ints, **options: Any
) -> tuple[Ints, dtype]:
    return (g.shape[1], x.shape[1] // groups, *kernel_size), x.dtype


def _check_weight(name: str, x: Node, w: Node, groups: int, channels: int) -> None:
    if x.dtype is not w.dtype:
        raise RuntimeError(
            f"{name}: input is {x.dtype.name} and weight {w.dtype.name}, but they must "
            "have the same dtype; convert one with .to()"
        )
    if x.dtype is bool_:
        raise NotImplementedError(
            f"{name}: not implemented for bool, as in torch; convert the input and the "
            "weight with .to()"
        )
    if groups < 1 or w.shape[0] % groups:
        raise RuntimeError(
            f"{name}: groups must be positive and divide dimension 0 of the weight, "
            f"got groups={groups} and weight of size {list(w.shape)}"
        )
    check_channels(name, x.shape, w.shape, groups, channels)


def _conv_like(
    g: Node,
    x: Node,
    w: Node,
    *,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    **rest: Any,
) -> Node:
    """Convolve with exactly the windows of g: the high padding follows from them."""
    exact = []
    each = zip(x.shape[2:], w.shape[2:], g.shape[2:], stride, padding, dilation)
    for size, k, windows, s, (lo, _), d in each:
        reach = (windows - 1) * s + d * (k - 1) + 1
        exact.append((lo, reach - lo - size))
    options = {"stride": stride, "padding": tuple(exact), "dilation": dilation}
    return conv(x, w, **options, **rest)


# In the rules below h is what arrives at an adjoint, and p are the shared options.

conv: Op = Op(
    "conv",
    _conv_infer,
    numpy_conv.conv,
    (
        lambda g, y, x, w, **p: conv_input_grad(g, w, input_size=x.shape[2:], **p),
        lambda g, y, x, w, **p: conv_weight_grad(x, g, kernel_size=w.shape[2:], **p),
    ),
    "Convolution",
)
conv_input_grad: Op = Op(
    "conv_input_grad",
    _input_grad_infer,
    numpy_conv.conv_input_grad,
    (
        lambda h, y, g, w, input_size, **p: _conv_like(g, h, w, **p),
        lambda h, y, g, w, input_size, **p: conv_weight_grad(
            h, g, kernel_size=w.shape[2:], **p
        ),
    ),
    "Convolution",
)
conv_weight_grad: Op = Op(
    "conv_weight_grad",
    _weight_grad_infer,
    numpy_conv.conv_weight_grad,
    (
        lambda h, y, x, g, kernel_size, **p: conv_input_grad(
            g, h, input_size=x.shape[2:], **p
        ),
        lambda h, y, x, g, kernel_size, **p: _conv_like(g, x, h, **p),
    ),
    "Convolution",
)
