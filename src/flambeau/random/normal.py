"""Normal draws by the Box-Muller method, in the two ways PyTorch has of doing it.

Fewer than 16 values, or values of a strided destination, are made one by one in
float64: `sqrt(-2 log(1 - u2))` times the cosine, then the sine, of `2 pi u1`, where
the sine waits in the generator for the next call. Otherwise 16 uniforms at a time
become 16 values: `sqrt(-2 log(1 - u[i]))` times the cosine (the first eight) and the
sine (the last eight) of `2 pi u[i + 8]`.

Source: Box and Muller, "A note on the generation of random normal deviates", Annals of
Mathematical Statistics 29 (1958); torch.Tensor.normal_.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .cephes import log, sincos
from .fma import fma
from .formats import Array, FloatFormat, blocks, cast, float_format
from .generator import Generator
from .uniform import unit

Float64 = NDArray[np.float64]


def normal(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    mean: float = 0.0,
    std: float = 1.0,
    contiguous: bool = True,
) -> Array:
    """Draw from the normal distribution, `z * std + mean`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        mean: the mean.
        std: the standard deviation.
        contiguous: whether the values are meant for contiguous memory. For a strided
            destination torch draws one by one, whatever the size.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: `std` is negative.

    Example:
        >>> normal(Generator().manual_seed(0), (3,))
        array([ 1.5409961, -0.2934289, -2.1787894], dtype=float32)

    Source: torch.Tensor.normal_.
    """
    kind = float_format("normal_", dtype)
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    out = np.empty(shape, kind.dtype)
    if contiguous and out.size >= 16:
        _fill_by_sixteen(generator, out.reshape(-1), kind, mean, std)
        return out
    for block in blocks(out):
        values = fma(_one_by_one(generator, block.size), std, mean)
        block[...] = cast(values, kind.dtype)
    return out


def log_normal(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    mean: float = 1.0,
    std: float = 2.0,
) -> Array:
    """Draw from the log-normal distribution, `exp(z * std + mean)`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        mean: the mean of the logarithm.
        std: the standard deviation of the logarithm.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: `std` is not positive.

    Example:
        >>> log_normal(Generator().manual_seed(0), (2,))
        array([59.263416,  1.51156 ], dtype=float32)

    Source: torch.Tensor.log_normal_.
    """
    dtype = float_format("log_normal_", dtype).dtype
    if not std > 0.0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    out = np.empty(shape, dtype)
    with np.errstate(over="ignore"):
        for block in blocks(out):
            values = fma(_one_by_one(generator, block.size), std, mean)
            block[...] = cast(np.exp(values), dtype)
    return out


def _one_by_one(generator: Generator, count: int) -> Float64:
    """Standard normals as a loop over the pairwise method would return them."""
    out = np.empty(count)
    kept = count > 0 and generator.next_normal is not None
    if kept:
        out[0], generator.next_normal = generator.next_normal, None
    rest = out[int(kept) :]
    pairs = unit(generator, 2 * ((rest.size + 1) // 2), np.float64).reshape(-1, 2)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[:, 1]))
    theta = 2.0 * np.pi * pairs[:, 0]
    values = np.stack((radius * np.cos(theta), radius * np.sin(theta)), axis=1)
    rest[...] = values.reshape(-1)[: rest.size]
    if rest.size % 2:
        generator.next_normal = float(values[-1, 1])
    return out


def _fill_by_sixteen(
    generator: Generator, out: Array, kind: FloatFormat, mean: float, std: float
) -> None:
    """Fill the flat `out` in groups of 16; the last group is drawn anew if ragged."""
    ragged = out.size % 16
    for block in blocks(out[: out.size - ragged]):
        uniforms = unit(generator, block.size, kind.work)
        block[...] = cast(_box_muller(uniforms, mean, std), kind.dtype)
    if ragged:
        if not kind.is_half:
            unit(generator, ragged, kind.work)  # drawn, then overwritten
        uniforms = unit(generator, 16, kind.work)
        out[-16:] = cast(_box_muller(uniforms, mean, std), kind.dtype)


def _box_muller(uniforms: Array, mean: float, std: float) -> Array:
    """Turn each group of 16 uniforms into 16 normals, in the format of `uniforms`."""
    first, second = uniforms.reshape(-1, 2, 8).swapaxes(0, 1)
    theta = uniforms.dtype.type(2.0 * np.pi) * second
    if uniforms.dtype == np.float32:
        logarithm, (sine, cosine) = log(1 - first), sincos(theta)
    else:
        logarithm, sine, cosine = np.log(1 - first), np.sin(theta), np.cos(theta)
    radius = np.sqrt(-2 * logarithm)
    values = np.stack((radius * cosine, radius * sine), axis=1).reshape(-1)
    return fma(values, uniforms.dtype.type(std), uniforms.dtype.type(mean))
