"""Padding: constant, reflected, replicated or circular, in any number of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...graph import Node
from ...ops.broadcast import expand
from ...ops.movement import cat, flip, pad_constant, slice_axis
from ...tensor import Tensor, wrap
from ...tensor.arguments import ints_of
from ...tensor.operands import check_fits

__all__ = ["pad"]

Pairs = tuple[tuple[int, int], ...]


def pad(
    input: Tensor,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Tensor:
    """Add elements before and after dimensions, or crop them.

    Args:
        input: any shape.
        pad: (before, after) of the last dimension, then of the one before it, and so
            on; negative numbers crop.
        mode: "constant"; "reflect" about the outermost element; "replicate" the
            outermost element; "circular", from the other end.
        value: what "constant" fills with, 0 if not given.

    Shape:
        Each padded dimension grows by before + after. The modes other than "constant"
        pad all spatial dimensions, which one or two dimensions may precede.

    Raises:
        NotImplementedError: a mode there is not, or other dimensions than spatial ones
            padded with something else than a constant.
        RuntimeError: an odd number of paddings, more than there are dimensions, or
            more than the dimension has elements to fill with; a value that the dtype
            does not reach.

    Source: torch's page "torch.nn.functional.pad".

    Example:
        >>> import flambeau as torch
        >>> import flambeau.nn.functional as F
        >>> F.pad(torch.tensor([[1, 2, 3]]), (2, 1), mode="reflect")
        tensor([[3, 2, 1, 2, 3, 2]])
    """
    pairs = _pairs(input, ints_of((pad,)))
    _check_crop(input, pairs, mode)
    if mode == "constant":
        check_fits(float(value or 0), input.dtype)
        return wrap(pad_constant(input.node, pairs, 0 if value is None else value))
    if mode not in _FILLS:
        known = '", "'.join(("constant", *_FILLS))
        raise NotImplementedError(
            f'pad: Unrecognised padding mode {mode!r}; there are "{known}"'
        )
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    spatial = len(pad) // 2
    if input.ndim - spatial not in (1, 2):
        raise NotImplementedError(
            f"pad: Padding size {len(pad)} is not supported for {input.ndim}D input "
            f"tensor in mode {mode!r}: {spatial} spatial dimension(s) follow one (C) "
            "or two (N, C) others; unsqueeze the input, or pad every spatial dimension"
        )
    x = input.node
    for axis, (low, high) in enumerate(pairs):
        x = _padded(x, axis, low, high, mode)
    return wrap(x)


def _pairs(input: Tensor, pad: tuple[int, ...]) -> Pairs:
    """Return (before, after) for each dimension in order."""
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {pad}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input "
            f"dimension but got padding length {len(pad)} and input of dimension "
            f"{input.ndim}"
        )
    given = tuple(zip(pad[::2], pad[1::2]))[::-1]
    pairs = ((0, 0),) * (input.ndim - len(given)) + given
    return pairs


def _check_crop(input: Tensor, pairs: Pairs, mode: str) -> None:
    """Constants are added to, and circles closed over, what cropping leaves."""
    cropped_first = mode in ("constant", "circular")
    for axis, (low, high) in enumerate(pairs):
        change = min(low, 0) + min(high, 0) if cropped_first else low + high
        if input.shape[axis] + change < 0:
            raise RuntimeError(
                f"pad: padding {(low, high)} in mode {mode!r} crops more than "
                f"dimension {axis} of input {list(input.shape)} has"
            )


def _padded(x: Node, axis: int, low: int, high: int, mode: str) -> Node:
    """Pad one axis; only a circle is cropped first, so that it closes."""
    if not low and not high:
        return x
    if mode == "circular":
        x, low, high = _cropped(x, axis, low, high), max(low, 0), max(high, 0)
    before, behind = max(low, 0), max(high, 0)
    if before or behind:
        _check_room(x, axis, before, behind, mode)
    fill, pieces = _FILLS[mode], [x]
    if before:
        pieces.insert(0, fill(x, axis, before, False))
    if behind:
        pieces.append(fill(x, axis, behind, True))
    return _cropped(cat(*pieces, axis=axis), axis, low, high)


def _cropped(x: Node, axis: int, low: int, high: int) -> Node:
    start, stop = max(0, -low), x.shape[axis] - max(0, -high)
    return slice_axis(x, axis, start, stop - start)


def _check_room(x: Node, axis: int, before: int, behind: int, mode: str) -> None:
    size = x.shape[axis]
    most = {"reflect": size - 1, "circular": size}.get(mode)
    if size and (most is None or max(before, behind) <= most):
        return
    reason = {
        "reflect": "Padding size should be less than the corresponding input dimension",
        "circular": "Padding value causes wrapping around more than once",
    }.get(mode, "There is no element to replicate")
    raise RuntimeError(
        f"pad: {reason}, but got: padding {(before, behind)} at dimension {axis} of "
        f"input {list(x.shape)} in mode {mode!r}"
    )


def _reflected(x: Node, axis: int, count: int, at_end: bool) -> Node:
    start = x.shape[axis] - 1 - count if at_end else 1
    return flip(slice_axis(x, axis, start, count), (axis,))


def _replicated(x: Node, axis: int, count: int, at_end: bool) -> Node:
    edge = slice_axis(x, axis, x.shape[axis] - 1 if at_end else 0, 1)
    return expand(edge, (*x.shape[:axis], count, *x.shape[axis + 1 :]))


def _wrapped(x: Node, axis: int, count: int, at_end: bool) -> Node:
    return slice_axis(x, axis, 0 if at_end else x.shape[axis] - count, count)


_FILLS: dict[str, Callable[[Node, int, int, bool], Node]] = {
    "reflect": _reflected,
    "replicate": _replicated,
    "circular": _wrapped,
}
