"""The same memory as elements of another dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..ops.bits import bits_view
from ..ops.movement import detach
from .handle import layout_of, layout_through, show_steps

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["view_as_dtype"]


def view_as_dtype(input: Tensor, dtype: dt.dtype) -> Tensor:
    """Return the same memory as elements of another dtype, without a gradient.

    Args:
        input: any shape; its last dimension grows or shrinks with the elements' size.
        dtype: what the memory is read as.

    Raises:
        RuntimeError: the last dimension is none, or not the innermost one in memory;
            sizes, strides or the offset are not whole numbers of wider elements.
    """
    _check(input, dtype)
    params = {"to": dtype, "own": input.dtype}
    layout = layout_through(input, bits_view, params)
    return show_steps(input, ((detach, {}), (bits_view, params)), layout)


def _check(x: Tensor, to: dt.dtype) -> None:
    width = x.dtype.itemsize
    if to.itemsize == width:
        return
    names = f"view {dt.scalar_name(x.dtype)} as {dt.scalar_name(to)}"
    why = f"to {names} (different element sizes)"
    if not x.ndim:
        raise RuntimeError(f"self.dim() cannot be 0 {why}")
    strides, offset = layout_of(x)
    ratio = max(1, to.itemsize // width)

    def divisible(name: str, number: int) -> None:
        if number % ratio:
            raise RuntimeError(
                f"{name} must be divisible by {ratio} {why}, but got {number}"
            )

    divisible("self.size(-1)", x.shape[-1])
    if strides[-1] != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {why}, but got {strides[-1]}")
    divisible("self.storage_offset()", offset)
    for at, step in enumerate(strides[:-1]):
        divisible(f"self.stride({at})", step)
