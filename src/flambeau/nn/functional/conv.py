"""Convolution and transposed convolution, each written once for any number of dims."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Node
from ...ops import elementwise as ew
from ...ops.broadcast import reshape
from ...ops.conv import conv, conv_input_grad
from ...ops.window_checks import check_channels, check_options
from ...shape import ntuple, same_padding
from ...tensor import Tensor
from ...tensor.autocasting import lowers_precision
from .arguments import node_of
from .images import IntOrInts, check_padding, read_images, show_images

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_padding",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
]

Ints = tuple[int, ...]


@lowers_precision
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate sequences with filters; `conv2d` describes the arguments.

    Shape: input (N, C, L) or (C, L), weight (K, C / groups, kL); result (N, K, Lout)
    or (K, Lout).

    Source: torch's page "torch.nn.functional.conv1d".
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


@lowers_precision
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Tensor:
    r"""Correlate images with filters.

    .. math:: y[n, k, o] = b[k] + \sum_{c, t} w[k, c, t] \, x[n, c, o s + t d - p]

    with c over the channels of k's group and t over the taps of the kernel.

    Args:
        input: the images.
        weight: the filters.
        bias: what is added to each output channel.
        stride: the step between windows.
        padding: zeros on both sides of each dimension; `"valid"` is none, `"same"`
            gives ceil(size / stride) windows, with the odd zero at the end. (In torch
            `"same"` needs stride 1.)
        dilation: the step between the taps of a kernel.
        groups: channels are cut into as many groups that do not see each other.

    Shape: input (N, C, H, W) or (C, H, W), weight (K, C / groups, kH, kW), bias (K,);
    result (N, K, Hout, Wout) or (K, Hout, Wout), where
    Hout = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1.

    Raises:
        RuntimeError: shapes, dtypes or options that do not fit each other; a kernel
            larger than the padded image.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.conv2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2))
        tensor([[[[4., 4.],
                  [4., 4.]]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


@lowers_precision
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate volumes or videos with filters; `conv2d` describes the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (K, C / groups, kD, kH, kW);
    result (N, K, Dout, Hout, Wout) or (K, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.conv3d".
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def _conv(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: str | IntOrInts,
    dilation: IntOrInts,
    groups: int,
) -> Tensor:
    name = f"conv{dims}d"
    x, w = read_images(name, input, dims), _read_filters(name, weight, dims)
    steps = ntuple(stride, dims, f"{name}: stride")
    spread = ntuple(dilation, dims, f"{name}: dilation")
    check_options(name, w.shape[2:], steps, spread)
    pads = conv_padding(name, padding, x.shape[2:], w.shape[2:], steps, spread)
    if w.shape[0] < groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be at least {groups} "
            f"at dimension 0, but got weight of size {list(w.shape)} instead"
        )
    check_channels(name, input.shape, w.shape, groups, w.shape[1] * groups)
    y = conv(x, w, stride=steps, padding=pads, dilation=spread, groups=groups)
    return show_images(_with_bias(name, y, w, bias), input, dims)


def _read_filters(name: str, weight: Tensor, dims: int) -> Node:
    w = node_of(name, "weight", weight)
    if w.ndim != dims + 2:
        raise RuntimeError(
            f"{name}: weight must have {dims + 2} dimensions, channels and channels "
            f"per group before the {dims} of the kernel, got {list(w.shape)}"
        )
    return w


def conv_padding(
    name: str,
    padding: str | IntOrInts,
    sizes: Ints,
    kernel: Ints,
    stride: Ints,
    dilation: Ints,
) -> tuple[tuple[int, int], ...]:
    """Return the (low, high) padding of each dimension that `padding` stands for.

    Args:
        name: the op, for messages.
        padding: "same", "valid", or ints.
        sizes: the image's spatial sizes, which "same" depends on.
        kernel: the kernel's sizes.
        stride: the step between windows.
        dilation: the step between taps.

    Raises:
        RuntimeError: another word, or a negative number.

    Example:
        >>> conv_padding("conv1d", "same", (6,), (3,), (2,), (1,))
        ((0, 1),)
    """
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise RuntimeError(
                f"{name}: Invalid padding string: {padding!r}, should be 'same' or "
                "'valid'"
            )
        if padding == "same":
            check_options(name, kernel, stride, dilation)
            return tuple(map(same_padding, sizes, kernel, stride, dilation))
        padding = 0
    amounts = ntuple(padding, len(sizes), f"{name}: padding")
    check_padding(name, "padding", amounts)
    return tuple(zip(amounts, amounts))


def _with_bias(name: str, y: Node, w: Node, bias: Tensor | None) -> Node:
    if bias is None:
        return y
    b = node_of(name, "bias", bias)
    if b.shape != y.shape[1:2]:
        raise RuntimeError(
            f"{name}: Given weight of size {list(w.shape)}, expected bias to be "
            f"1-dimensional with {y.shape[1]} elements, but got bias of size "
            f"{list(b.shape)} instead"
        )
    if b.dtype is not y.dtype:
        raise RuntimeError(
            f"{name}: Input type ({y.dtype.name}) and bias type ({b.dtype.name}) "
            "should be the same; convert one with .to()"
        )
    return ew.add(y, reshape(b, (b.size, *(1,) * (y.ndim - 2))))


# Transposed


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Convolve sequences whose steps come first.

    Args:
        input: the sequences.
        weight: the filters, with the taps first.
        bias: what is added to each output channel.
        pad: how many zeros are added at both ends.

    Shape: input (L, N, C), weight (kL, C, K), bias (K,); result (Lout, N, K), where
    Lout = L + 2 pad - kL + 1.

    Raises:
        RuntimeError: shapes or dtypes that do not fit each other.

    Source: torch's page "torch.nn.functional.conv_tbc".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, w = torch.ones(4, 1, 2), torch.ones(3, 2, 1)
        >>> F.conv_tbc(x, w, torch.zeros(1)).flatten()
        tensor([6., 6.])
    """
    sequences = _turned("input", input, (1, 2, 0))
    filters = _turned("weight", weight, (2, 1, 0))
    return conv1d(sequences, filters, bias, padding=pad).permute(2, 0, 1)


def _turned(argument: str, value: Tensor, order: tuple[int, ...]) -> Tensor:
    if value.ndim != 3:
        raise RuntimeError(
            f"conv_tbc: {argument} must have 3 dimensions, got shape "
            f"{tuple(value.shape)}"
        )
    return value.permute(order)


@lowers_precision
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Spread sequences by filters; `conv_transpose2d` describes the arguments.

    Shape: input (N, C, L) or (C, L), weight (C, K / groups, kL); result (N, K, Lout)
    or (K, Lout).

    Source: torch's page "torch.nn.functional.conv_transpose1d".
    """
    return _conv_transpose(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@lowers_precision
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    r"""Spread images by filters: the gradient of `conv2d` in its input.

    .. math:: y[n, k, o s + t d - p] \mathrel{+}= \sum_c w[c, k, t] \, x[n, c, o]

    Args:
        input: the images.
        weight: the filters, with the input's channels first.
        bias: what is added to each output channel.
        stride: the step between the places where pixels are spread.
        padding: how much of the result is cut off on both sides.
        output_padding: how much the result is larger at the end; less than the stride
            or the dilation.
        groups: channels are cut into as many groups that do not see each other.
        dilation: the step between the taps of a kernel.

    Shape: input (N, C, H, W) or (C, H, W), weight (C, K / groups, kH, kW), bias (K,);
    result (N, K, Hout, Wout) or (K, Hout, Wout), where
    Hout = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1.

    Raises:
        RuntimeError: shapes, dtypes or options that do not fit each other.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.conv_transpose2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, w = torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
        >>> F.conv_transpose2d(x, w)
        tensor([[[[1., 2., 1.],
                  [2., 4., 2.],
                  [1., 2., 1.]]]])
    """
    return _conv_transpose(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@lowers_precision
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: int = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Spread volumes by filters; `conv_transpose2d` describes the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (C, K / groups, kD, kH, kW);
    result (N, K, Dout, Hout, Wout) or (K, Dout, Hout, Wout).

    Source: torch's page "torch.nn.functional.conv_transpose3d".
    """
    return _conv_transpose(
        3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _conv_transpose(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    output_padding: IntOrInts,
    groups: int,
    dilation: IntOrInts,
) -> Tensor:
    name = f"conv_transpose{dims}d"
    x, w = read_images(name, input, dims), _read_filters(name, weight, dims)
    check_channels(name, input.shape, w.shape, groups, w.shape[0])
    steps = ntuple(stride, dims, f"{name}: stride")
    cut = ntuple(padding, dims, f"{name}: padding")
    extra = ntuple(output_padding, dims, f"{name}: output_padding")
    spread = ntuple(dilation, dims, f"{name}: dilation")
    check_padding(name, "padding", cut)
    _check_output_padding(name, extra, steps, spread)
    sizes = transposed_sizes(x.shape[2:], w.shape[2:], steps, cut, spread)
    y = conv_input_grad(
        x,
        w,
        stride=steps,
        padding=tuple(zip(cut, cut)),
        dilation=spread,
        groups=groups,
        input_size=tuple(map(sum, zip(sizes, extra))),
    )
    return show_images(_with_bias(name, y, w, bias), input, dims)


def transposed_sizes(
    sizes: Sequence[int], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Ints:
    """Return the spatial sizes of a transposed convolution, the smallest possible."""
    return tuple(
        (size - 1) * s - 2 * p + d * (k - 1) + 1
        for size, k, s, p, d in zip(sizes, kernel, stride, padding, dilation)
    )


def _check_output_padding(name: str, extra: Ints, stride: Ints, dilation: Ints) -> None:
    check_padding(name, "output_padding", extra)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, "
            f"but got output_padding={extra}, stride={stride} and dilation={dilation}"
        )
