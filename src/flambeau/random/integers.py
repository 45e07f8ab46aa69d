"""Integer draws and permutations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .formats import Array, FloatFormat, blocks, cast, find_format
from .generator import Generator

_INT64 = np.iinfo(np.int64)
_WIDE_RANGE = 2**28  # from here on a 64-bit word is taken modulo the range
_WIDE_SHUFFLE = (2**32 - 1) // 20  # likewise for the length of a permutation


def integers(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.int64,
    low: int | None = None,
    high: int | None = None,
) -> Array:
    """Draw integers: `low + word % (high - low)`.

    A range of 2**28 or more takes two words of the stream per number, a shorter one
    takes one. Without `low` the range is [0, largest] for integers and [0, 2**digits]
    for floats of that many bits, and only int64 and float64 take two words.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: any dtype; floats hold integers.
        low: the lowest value; None draws from the full range.
        high: one more than the highest value; None goes up to the largest one.

    Raises:
        ValueError: a bound does not fit in int64.
        RuntimeError: a bound does not fit in `dtype`, or the range is empty.

    Example:
        >>> integers(Generator().manual_seed(0), (5,), np.int64, 0, 10)
        array([4, 9, 3, 0, 3])

    Source: torch.Tensor.random_.
    """
    dtype = np.dtype(dtype)
    if low is None:
        return _fill(generator, shape, dtype, 0, _full_span(dtype), _is_wide(dtype))
    _check_int64(low=low, high=high)
    if high is None and low == _INT64.min:
        _check_holds_int64(dtype)
        return _fill(generator, shape, dtype, 0, 2**64, wide=True)
    low, stop = _bounds(dtype, low, high)
    span = stop - low
    return _fill(generator, shape, dtype, low, span, wide=span >= _WIDE_RANGE)


def randint(
    generator: Generator,
    low: int,
    high: int,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.int64,
) -> Array:
    """Draw integers from [low, high); see `integers`.

    Example:
        >>> randint(Generator().manual_seed(0), 0, 10, (5,))
        array([4, 9, 3, 0, 3])

    Source: torch.randint.
    """
    return integers(generator, shape, dtype, low, high)


def randperm(generator: Generator, n: int, dtype: DTypeLike = np.int64) -> Array:
    """Draw a permutation of 0, ..., n - 1 with the Fisher-Yates shuffle.

    Args:
        generator: the stream to draw from; `n - 1` words.
        n: the length.
        dtype: any dtype but bool that holds `n - 1` exactly.

    Raises:
        NotImplementedError: `dtype` is bool.
        RuntimeError: `n` is negative or too large for `dtype`.

    Example:
        >>> randperm(Generator().manual_seed(0), 6)
        array([2, 5, 3, 0, 1, 4])

    Source: torch.randperm.
    """
    dtype = np.dtype(dtype)
    _check_length(n, dtype)
    order = np.arange(n)
    shuffle = _shuffle_wide if n >= _WIDE_SHUFFLE else _shuffle
    shuffle(generator, order)
    return cast(order, dtype)


def _shuffle(generator: Generator, order: NDArray[np.int64]) -> None:
    """Swap each place, from the first, with one at or after it."""
    view = order.data
    for places in blocks(np.arange(order.size - 1)):
        targets = places + generator.words32(places.size) % (order.size - places)
        for place, target in zip(places.tolist(), targets.tolist()):
            view[place], view[target] = view[target], view[place]


def _shuffle_wide(generator: Generator, order: NDArray[np.int64]) -> None:
    """Put each number at a place up to its own, and what was there at its own."""
    view = order.data
    for numbers in blocks(np.arange(order.size, dtype=np.uint64)):
        targets = generator.words64(numbers.size) % (numbers + np.uint64(1))
        for number, target in zip(numbers.tolist(), targets.tolist()):
            view[number] = view[target]
            view[target] = number


def _fill(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    low: int,
    span: int,
    wide: bool,
) -> Array:
    """Fill an array with `low + word % span`, computed modulo 2**64."""
    out = np.empty(shape, dtype)
    words = generator.words64 if wide else generator.words32
    for block in blocks(out):
        values = _modulo(words(block.size), span) + np.uint64(low % 2**64)
        block[...] = cast(values.view(np.int64), dtype)
    return out


def _modulo(words: NDArray[Any], span: int) -> NDArray[np.uint64]:
    if span <= np.iinfo(words.dtype).max:
        words = words % words.dtype.type(span)
    return words.astype(np.uint64)


def _largest(dtype: np.dtype[Any]) -> int:
    """The largest value of an integer dtype; 2**digits for a float one."""
    if dtype == np.bool_:
        return 1
    found = find_format(dtype)
    return 2**found.digits if found else int(np.iinfo(dtype).max)


def _full_span(dtype: np.dtype[Any]) -> int:
    return _largest(dtype) + 1


def _is_wide(dtype: np.dtype[Any]) -> bool:
    return dtype == np.int64 or dtype == np.float64


def _bounds(dtype: np.dtype[Any], low: int, high: int | None) -> tuple[int, int]:
    """Check the range and, for floats, move its ends to numbers the dtype can hold."""
    stop = _largest(dtype) + 1 if high is None else high
    _check_not_empty(low, stop)
    kind = find_format(dtype)
    if kind is None:
        lowest = 0 if dtype == np.bool_ else int(np.iinfo(dtype).min)
        _check_in_range(dtype, low, stop, lowest, _largest(dtype))
        return low, stop
    _check_in_range(dtype, low, stop, -int(kind.largest), int(kind.largest))
    _warn_if_inexact(kind, low, stop)
    low = _round_up(low, kind)
    stop = stop if high is None else _round_down(stop, kind)
    _check_not_empty(low, stop)
    return low, stop


def _round_up(low: int, kind: FloatFormat) -> int:
    """Move `low` up if a number drawn just above it would round to below it."""
    above = _rounded(low + 1, kind)
    return low if above >= low else above + _spacing(low + 1, kind)


def _round_down(stop: int, kind: FloatFormat) -> int:
    """Move `stop` down if the number just below it would round up to it."""
    below = _rounded(stop - 1, kind)
    return stop if below < stop else below - _spacing(stop - 1, kind)


def _rounded(value: int, kind: FloatFormat) -> int:
    return int(cast(np.array(value, np.int64), kind.dtype))


def _spacing(value: int, kind: FloatFormat) -> int:
    """The distance between neighbouring numbers of the format near a large `value`."""
    return 1 << (abs(value).bit_length() - kind.digits)


def _check_not_empty(low: int, stop: int) -> None:
    if low >= stop:
        raise RuntimeError(
            "random_ expects 'from' to be less than 'to', "
            f"but got from={low} >= to={stop}"
        )


def _check_in_range(
    dtype: np.dtype[Any], low: int, stop: int, lowest: int, highest: int
) -> None:
    for name, value in (("from", low), ("to - 1", stop - 1)):
        if not lowest <= value <= highest:
            raise RuntimeError(
                f"random_: {name}={value} is out of bounds for {dtype}, "
                f"which holds {lowest} to {highest}"
            )


def _warn_if_inexact(kind: FloatFormat, low: int, stop: int) -> None:
    limit = 2**kind.digits
    if low < -limit or stop - 1 > limit:
        warnings.warn(
            f"random_: not every integer from {low} to {stop - 1} can be drawn, as "
            f"{kind.dtype} holds only those from -2**{kind.digits} to "
            f"2**{kind.digits} exactly",
            stacklevel=4,
        )


def _check_int64(**bounds: int | None) -> None:
    for name, value in bounds.items():
        if value is not None and not _INT64.min <= value <= _INT64.max:
            raise ValueError(f"random_: {name}={value} does not fit in int64")


def _check_holds_int64(dtype: np.dtype[Any]) -> None:
    if dtype.name not in ("int64", "float64", "float32", "bfloat16"):
        raise NotImplementedError(
            "random_ over the whole int64 range needs int64, float64, float32 or "
            f"bfloat16, but got {dtype}"
        )


def _check_length(n: int, dtype: np.dtype[Any]) -> None:
    if dtype == np.bool_:
        raise NotImplementedError("randperm needs a numeric dtype, but got bool")
    if n < 0:
        raise RuntimeError(f"randperm: n must not be negative, but got {n}")
    if n - 1 > _largest(dtype):
        raise RuntimeError(
            f"randperm: n={n} is too large for {dtype}, which holds every integer "
            f"up to {_largest(dtype)}"
        )
