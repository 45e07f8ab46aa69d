"""Windows taken out of images as columns, and columns added back into images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ops import window
from ...ops.broadcast import reshape
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.handle import wrap
from .arguments import node_of
from .images import IntOrInts, check_padding, read_images, show_images

__all__ = ["fold", "unfold"]


def unfold(
    input: Tensor,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """Take every window of an image out as a column.

    Unlike torch, which knows images only, this takes sequences and volumes too: there
    are as many spatial dimensions as an argument has ints, so `kernel_size=(3,)` is
    for sequences. If all arguments are single ints there are two, as in torch, and
    three for an input of five dimensions.

    Args:
        input: the images.
        kernel_size: the sizes of a window.
        dilation: the step between the elements of a window.
        padding: zeros on both sides of each dimension.
        stride: the step between windows.

    Shape: input (N, C, *sizes) or (C, *sizes); result (N, C prod(kernel_size), L) or
    (C prod(kernel_size), L), where L is the number of windows.

    Raises:
        RuntimeError: dimensions or options that do not fit each other; a window larger
            than the padded image.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.unfold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.unfold(torch.tensor([[[1., 2., 3.]]]), kernel_size=(2,))
        tensor([[[1., 2.],
                 [2., 3.]]])
    """
    default = 3 if node_of("unfold", "input", input).ndim == 5 else 2
    dims = _count_dims(kernel_size, dilation, padding, stride, default=default)
    x = read_images("unfold", input, dims)
    options = _read_options("unfold", dims, kernel_size, dilation, padding, stride)
    return show_images(window.unfold(x, **options), input, dims)


def fold(
    input: Tensor,
    output_size: IntOrInts,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """Add columns, as `unfold` takes them out, back into an image.

    Where windows overlap their values are added up, so that `fold` is the gradient of
    `unfold`. There are as many spatial dimensions as an argument has ints; if all are
    single ints there are two, as in torch.

    Args:
        input: the columns.
        output_size: the spatial sizes of the image.
        kernel_size: the sizes of a window.
        dilation: the step between the elements of a window.
        padding: how many zeros `unfold` read on both sides of each dimension.
        stride: the step between windows.

    Shape: input (N, C prod(kernel_size), L) or (C prod(kernel_size), L); result
    (N, C, *output_size) or (C, *output_size).

    Raises:
        RuntimeError: the columns are not those of such an image.
        TypeError: an argument that is no tensor, or not made of ints.

    Source: torch's page "torch.nn.functional.fold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.fold(torch.tensor([[[1., 2.], [2., 3.]]]), (3,), kernel_size=2)
        tensor([[[1., 4., 3.]]])
    """
    cols = node_of("fold", "input", input)
    given = (output_size, kernel_size, dilation, padding, stride)
    dims = _count_dims(*given, default=2)
    options = _read_options("fold", dims, kernel_size, dilation, padding, stride)
    size = ntuple(output_size, dims, "fold: output_size")
    batched = cols.ndim != 2
    if not batched:
        cols = reshape(cols, (1, *cols.shape))
    image = window.fold(cols, input_size=size, **options)
    return wrap(image if batched else reshape(image, image.shape[1:]))


def _count_dims(*options: IntOrInts, default: int) -> int:
    """Return how many spatial dimensions the options are for."""
    lengths = [len(each) for each in options if isinstance(each, Sequence)]
    return max(lengths, default=default)


def _read_options(
    name: str,
    dims: int,
    kernel_size: IntOrInts,
    dilation: IntOrInts,
    padding: IntOrInts,
    stride: IntOrInts,
) -> dict[str, Any]:
    amounts = ntuple(padding, dims, f"{name}: padding")
    check_padding(name, "padding", amounts)
    return {
        "kernel": ntuple(kernel_size, dims, f"{name}: kernel_size"),
        "dilation": ntuple(dilation, dims, f"{name}: dilation"),
        "padding": tuple(zip(amounts, amounts)),
        "stride": ntuple(stride, dims, f"{name}: stride"),
    }
