"""Bernoulli and multinomial draws."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .formats import Array, blocks, float_format
from .generator import Generator
from .transforms import exponential
from .uniform import unit


def bernoulli(
    generator: Generator,
    shape: tuple[int, ...],
    p: float | Array,
    dtype: DTypeLike = np.bool_,
) -> Array:
    """Draw ones with probability p and zeros otherwise: `u < p`.

    A number takes two words of the stream, or one if `p` is an array that is not
    float64. Dropout draws its mask in this way, with the probability of keeping.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        p: a probability, or a floating array of them that broadcasts to `shape`.
        dtype: the dtype of the ones and zeros.

    Raises:
        NotImplementedError: the array `p` is not floating.
        RuntimeError: a probability is outside [0, 1].

    Example:
        >>> bernoulli(Generator().manual_seed(0), (5,), 0.8).astype(int)
        array([0, 1, 1, 0, 1])

    Source: torch.Tensor.bernoulli_.
    """
    if isinstance(p, np.ndarray):
        return _bernoulli_each(generator, shape, p).astype(dtype, copy=False)
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    mask = np.empty(shape, np.bool_)
    threshold = np.uint64(math.ceil(p * 2.0**53))
    for block in blocks(mask):
        bits = generator.words64(block.size) & np.uint64(2**53 - 1)
        block[...] = bits < threshold
    return mask.astype(dtype, copy=False)


def _bernoulli_each(
    generator: Generator, shape: tuple[int, ...], p: Array
) -> NDArray[np.bool_]:
    """One draw for each probability, compared in float32 unless `p` is float64."""
    work = float_format("bernoulli_", p.dtype).work
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        raise RuntimeError(
            f"bernoulli_ expects every p to be in [0, 1], but got p={p[wrong][0]}"
        )
    mask = np.empty(shape, np.bool_)
    limits = np.broadcast_to(p.astype(work, copy=False), shape).reshape(-1)
    start = 0
    for block in blocks(mask):
        stop = start + block.size
        block[...] = unit(generator, block.size, work) < limits[start:stop]
        start = stop
    return mask


def multinomial(
    generator: Generator,
    weights: Array,
    num_samples: int,
    replacement: bool = False,
) -> NDArray[np.int64]:
    """Draw indices with probabilities proportional to `weights`, row by row.

    With replacement, each sample is the place of a uniform draw among the cumulative
    weights. Without, or for a single sample, the samples are the places of the largest
    `weights / q`, largest first, where q is exponential. (Of equal quotients the first
    index comes first; torch leaves their order open.)

    Args:
        generator: the stream to draw from.
        weights: floats that are not negative; each row has a positive sum.
        num_samples: how many indices to draw from each row.
        replacement: whether an index may be drawn again.

    Shape:
        weights: (categories,) or (rows, categories).
        result: (num_samples,) or (rows, num_samples).

    Raises:
        RuntimeError: `weights` or `num_samples` is not as described.

    Example:
        >>> weights = np.array([1, 2, 3, 4], np.float32)
        >>> multinomial(Generator().manual_seed(0), weights, 4)
        array([2, 1, 3, 0])

    Source: torch.multinomial.
    """
    _check_samples(weights, num_samples, replacement)
    rows = weights.reshape(-1, weights.shape[-1])
    if rows.shape[0] == 0:
        return np.empty((*weights.shape[:-1], num_samples), np.int64)
    _check_weights(rows)
    if replacement and num_samples > 1:
        found = _search_cumulative(generator, rows, num_samples)
    else:
        with np.errstate(divide="ignore", over="ignore"):
            scores = rows / exponential(generator, rows.shape, rows.dtype)
        found = np.argsort(-scores, axis=1, kind="stable")[:, :num_samples]
    return found.reshape(*weights.shape[:-1], num_samples)


def _search_cumulative(
    generator: Generator, rows: Array, num_samples: int
) -> NDArray[np.int64]:
    """Find each float64 uniform draw among the row's normalised cumulative weights."""
    sums = np.cumsum(rows, axis=1, dtype=float_format("multinomial", rows.dtype).work)
    cumulative = (sums / sums[:, -1:]).astype(np.float64)
    cumulative[:, -1] = 1.0
    draws = unit(generator, len(rows) * num_samples, np.float64)
    pairs = zip(cumulative, draws.reshape(-1, num_samples))
    return np.stack([np.searchsorted(row, u) for row, u in pairs])


def _check_samples(weights: Array, num_samples: int, replacement: bool) -> None:
    float_format("multinomial", weights.dtype)
    if weights.ndim not in (1, 2):
        raise RuntimeError(
            f"multinomial: the weights must be 1-D or 2-D, but got {weights.shape}"
        )
    if num_samples <= 0:
        raise RuntimeError(
            f"multinomial: num_samples must be positive, but got {num_samples}"
        )
    categories = weights.shape[-1]
    if not replacement and num_samples > categories:
        raise RuntimeError(
            f"multinomial: cannot draw num_samples={num_samples} from {categories} "
            "categories without replacement"
        )


def _check_weights(rows: Array) -> None:
    wrong = ~((rows >= 0) & np.isfinite(rows))
    if wrong.any():
        raise RuntimeError(
            "multinomial: every weight must be finite and >= 0, "
            f"but got {rows[wrong][0]}"
        )
    if not (rows > 0).any(axis=1).all():
        raise RuntimeError("multinomial: the weights of a row must not all be 0")
