"""What convolution, pooling and folding share: images, with and without a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from ...graph import Node
from ...ops.broadcast import reshape
from ...ops.window_checks import check_image
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.handle import wrap
from .arguments import node_of

__all__ = [
    "IntOrInts",
    "Windows",
    "check_padding",
    "read_images",
    "read_windows",
    "show_images",
]

IntOrInts: TypeAlias = int | Sequence[int]
"""One int for every spatial dimension, or one int each."""


def read_images(name: str, input: Tensor, dims: int) -> Node:
    """Return the node of a batch of images; one image becomes a batch of one.

    Shape: input (N, C, *sizes) or (C, *sizes) with `dims` sizes; (N, C, *sizes).

    Raises:
        RuntimeError: it has other dimensions, or no pixels.
    """
    x = node_of(name, "input", input)
    if x.ndim == dims + 1:
        x = reshape(x, (1, *x.shape))
    check_image(name, x, dims)
    return x


def show_images(y: Node, input: Tensor, dims: int) -> Tensor:
    """Return a result as a tensor, without the batch that `input` does not have."""
    return wrap(reshape(y, y.shape[1:]) if input.ndim == dims + 1 else y)


def check_padding(name: str, option: str, padding: tuple[int, ...]) -> None:
    """Check that no padding is negative.

    Raises:
        RuntimeError: one is.
    """
    if min(padding) < 0:
        raise RuntimeError(
            f"{name}: negative {option} is not supported, got {padding}; crop the "
            "result by slicing it"
        )


class Windows(NamedTuple):
    """The windows of a pool: one int per spatial dimension of each option."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """The padding in pairs (low, high)."""
        return tuple(zip(self.padding, self.padding))


def read_windows(
    name: str,
    dims: int,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
) -> Windows:
    """Spread the options of a pool; without a stride the windows do not overlap."""
    kernel = ntuple(kernel_size, dims, f"{name}: kernel_size")
    if stride is None or stride == ():
        stride = kernel
    return Windows(
        kernel,
        ntuple(stride, dims, f"{name}: stride"),
        ntuple(padding, dims, f"{name}: padding"),
        ntuple(dilation, dims, f"{name}: dilation"),
    )
