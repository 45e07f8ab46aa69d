r"""Fourier's transform over some dimensions, between complex and real numbers.

.. math:: y_k = s \sum_n x_n e^{\mp 2\pi i k n / N}

The sign is − forward and + for the inverse; of a transform of real numbers only the
half that tells the rest is kept, k = 0 … N/2 in the last of the dimensions.

Source: torch's page "torch.fft".
"""

from __future__ import annotations

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant
from . import elementwise as ew
from .complex_numbers import real
from .movement import pad_constant
from .op import Op, same_as_input

__all__ = ["complex_to_complex", "complex_to_real", "real_to_complex"]

Shape = tuple[int, ...]


def _half(shape: Shape, dim: int) -> Shape:
    return (*shape[:dim], shape[dim] // 2 + 1, *shape[dim + 1 :])


def _complex_numpy(
    x: np.ndarray, *, dims: Shape, scale: float, inverse: bool
) -> np.ndarray:
    # NumPy's scaling is switched off: it does not divide here in either direction
    if inverse:
        found = np.fft.ifftn(x, axes=dims, norm="forward")
    else:
        found = np.fft.fftn(x, axes=dims, norm="backward")
    return found if scale == 1 else found * found.real.dtype.type(scale)


complex_to_complex: Op = Op(
    "fft_c2c",
    same_as_input,
    _complex_numpy,
    (
        lambda g, y, x, dims, scale, inverse: complex_to_complex(
            g, dims=dims, scale=scale, inverse=not inverse
        ),
    ),
    "FftC2C",
)


def _from_real_numpy(x: np.ndarray, *, dims: Shape, scale: float) -> np.ndarray:
    found = np.fft.rfftn(x, axes=dims, norm="backward")
    return found if scale == 1 else found * found.real.dtype.type(scale)


def _from_real_gradient(
    g: Node, y: Node, x: Node, *, dims: Shape, scale: float
) -> Node:
    last = dims[-1]
    missing = x.shape[last] - g.shape[last]
    amounts = tuple((0, missing if dim == last else 0) for dim in range(g.ndim))
    whole = pad_constant(g, amounts, 0)
    return real(complex_to_complex(whole, dims=dims, scale=scale, inverse=True))


real_to_complex: Op = Op(
    "fft_r2c",
    lambda x, dims, scale: (_half(x.shape, dims[-1]), dt.complex_of(x.dtype)),
    _from_real_numpy,
    (_from_real_gradient,),
    "FftR2C",
)


def _to_real_infer(
    x: Node, *, dims: Shape, scale: float, size: int
) -> tuple[Shape, dt.dtype]:
    last = dims[-1]
    return (*x.shape[:last], size, *x.shape[last + 1 :]), dt.real_of(x.dtype)


def _to_real_numpy(
    x: np.ndarray, *, dims: Shape, scale: float, size: int
) -> np.ndarray:
    sizes = (*(x.shape[dim] for dim in dims[:-1]), size)
    found = np.fft.irfftn(x, s=sizes, axes=dims, norm="forward")
    return found if scale == 1 else found * found.dtype.type(scale)


def _to_real_gradient(
    g: Node, y: Node, x: Node, *, dims: Shape, scale: float, size: int
) -> Node:
    found = real_to_complex(g, dims=dims, scale=scale)
    # all but the first, and the middle one of an even size, stand for two
    counts = np.full(found.shape[dims[-1]], 2, found.dtype.numpy)
    counts[0] = 1
    if size % 2 == 0:
        counts[-1] = 1
    counts = counts.reshape([-1 if dim == dims[-1] else 1 for dim in range(g.ndim)])
    return ew.mul(found, constant(counts))


complex_to_real: Op = Op(
    "fft_c2r", _to_real_infer, _to_real_numpy, (_to_real_gradient,), "FftC2R"
)
