"""Fourier's transform in one, two and all dimensions: torch.fft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..graph import Node
from ..ops.complex_numbers import conj
from ..ops.elementwise import cast
from ..ops.fourier import complex_to_complex, complex_to_real, real_to_complex
from ..ops.movement import pad_constant
from ..shape import axis_of
from .handle import wrap
from .operands import as_float, check_tensor
from .pointwise import named

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]

Dims = int | Sequence[int] | None
Shape = tuple[int, ...]
Transform = Callable[[str, Node, Sequence[int | None], Shape, "str | None"], Node]

_NORMS = ("backward", "ortho", "forward")


# What the names share: a transform over dimensions, each cut or padded to a size


def _complex(
    name: str, x: Node, sizes: Sequence[int | None], dims: Shape, norm: str | None
) -> Node:
    inverse = name.startswith("i")
    x = _fitted(name, cast(x, dt.complex_of(x.dtype)), sizes, dims)
    if not dims:
        return x
    scale = _scale(norm, inverse, prod(x.shape[dim] for dim in dims))
    return complex_to_complex(x, dims=dims, scale=scale, inverse=inverse)


def _from_real(
    name: str, x: Node, sizes: Sequence[int | None], dims: Shape, norm: str | None
) -> Node:
    """Half of the transform of real numbers, and for `ihfft` of the inverse one."""
    if x.dtype.is_complex:
        raise RuntimeError(
            f"{name} expects a real input tensor, but got {dt.scalar_name(x.dtype)}; "
            "take its .real, or use fft"
        )
    _check_some(name, dims)
    x = _fitted(name, x, sizes, dims)
    inverse = name.startswith("ih")
    scale = _scale(norm, inverse, prod(x.shape[dim] for dim in dims))
    found = real_to_complex(x, dims=dims, scale=scale)
    return conj(found) if inverse else found


def _to_real(
    name: str, x: Node, sizes: Sequence[int | None], dims: Shape, norm: str | None
) -> Node:
    """Real numbers from half of their transform, for `hfft` of their inverse one."""
    _check_some(name, dims)
    last = dims[-1]
    size = 2 * (x.shape[last] - 1) if sizes[-1] in (None, -1) else sizes[-1]
    assert size is not None
    _check_size(name, size)
    x = cast(x, dt.complex_of(x.dtype))
    x = _fitted(name, x, [*sizes[:-1], size // 2 + 1], dims)
    inverse = name.startswith("ir")
    count = size * prod(x.shape[dim] for dim in dims[:-1])
    scale = _scale(norm, inverse, count)
    x = x if inverse else conj(x)
    return complex_to_real(x, dims=dims, scale=scale, size=size)


def _fitted(name: str, x: Node, sizes: Sequence[int | None], dims: Shape) -> Node:
    """The node cut or padded with zeros to some sizes, where they are given."""
    pads = [(0, 0)] * x.ndim
    for dim, size in zip(dims, sizes, strict=True):
        if size is not None and size != -1:
            pads[dim] = (0, size - x.shape[dim])
        _check_size(name, x.shape[dim] + pads[dim][1])
    return pad_constant(x, tuple(pads), 0)


def _check_size(name: str, size: int) -> None:
    if size < 1:
        raise RuntimeError(
            f"{name}: Invalid number of data points ({size}) specified: at least 1 is "
            "needed"
        )


def _check_some(name: str, dims: Shape) -> None:
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis, got dim=()")


def _scale(norm: str | None, inverse: bool, count: int) -> float:
    norm = norm or "backward"
    if norm not in _NORMS:
        raise RuntimeError(
            f'Invalid normalization mode: "{norm}"; it is one of {", ".join(_NORMS)}'
        )
    if norm == "ortho":
        return 1 / sqrt(count)
    return 1 / count if (norm == "backward") == inverse else 1.0


def _source(name: str, input: Any) -> Node:
    check_tensor(f"fft_{name}", "input", 1, input)
    x = as_float(input.node)
    if x.dtype.itemsize == 2:
        raise RuntimeError(
            f"Unsupported dtype {dt.scalar_name(x.dtype)} for {name}: convert the "
            "tensor with .float()"
        )
    return x


def _dims_and_sizes(
    name: str, x: Node, s: Dims, dim: Dims
) -> tuple[Shape, Sequence[int | None]]:
    """The dimensions that are transformed, and the size that each is to have."""
    sizes = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is None:
        first = 0 if sizes is None else x.ndim - len(sizes)
        if first < 0:
            raise RuntimeError(
                f"{name}: Got shape with {len(sizes or ())} values but input tensor "
                f"only has {x.ndim} dimensions."
            )
        dims = tuple(range(first, x.ndim))
    else:
        given = [dim] if isinstance(dim, int) else list(dim)
        if given and not x.ndim:
            raise IndexError(
                f"{name}: Dimension specified as {given[0]} but tensor has no "
                "dimensions"
            )
        dims = tuple(axis_of(each, x.ndim) for each in given)
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"{name}: FFT dims must be unique, got {dim}")
    if sizes is not None and len(sizes) != len(dims):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, "
            f"got dim={dim} and s={s}"
        )
    return dims, [None] * len(dims) if sizes is None else sizes


# The functions of torch.fft

_NORM = """    norm: "backward" divides the inverse by the number of points, "forward"
        the forward transform, "ortho" both by its root; None is "backward"."""


def _along_one(name: str, transform: Transform, what: str) -> Callable[..., Tensor]:
    def apply(
        input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
    ) -> Tensor:
        x = _source(name, input)
        if not x.ndim:
            raise IndexError(
                f"{name}: Dimension specified as {dim} but tensor has no dimensions"
            )
        return wrap(transform(name, x, [n], (axis_of(dim, x.ndim),), norm))

    text = f"""Return {what} along one dimension.

Args:
    input: any shape with at least one dimension.
    n: the size that the dimension is cut or padded with zeros to; its own by default.
    dim: the dimension.
{_NORM}

Raises:
    RuntimeError: an impossible size, norm or dtype.

Source: torch's page "torch.fft.{name}".
"""
    return named(apply, name, text)


def _along_several(
    name: str, transform: Transform, what: str, dims: tuple[int, ...] | None
) -> Callable[..., Tensor]:
    def apply(
        input: Tensor, s: Dims = None, dim: Dims = dims, norm: str | None = None
    ) -> Tensor:
        x = _source(name, input)
        found, sizes = _dims_and_sizes(name, x, s, dim)
        return wrap(transform(name, x, sizes, found, norm))

    which = "the last two" if dims else "all or some"
    text = f"""Return {what} over {which} dimensions.

Args:
    input: any shape that has the dimensions.
    s: the sizes that they are cut or padded with zeros to; their own by default.
    dim: the dimensions.
{_NORM}

Raises:
    RuntimeError: impossible sizes, dimensions, norm or dtype.

Source: torch's page "torch.fft.{name}".
"""
    return named(apply, name, text)


_FAMILIES: dict[str, tuple[Transform, str]] = {
    "fft": (_complex, "Fourier's transform"),
    "ifft": (_complex, "the inverse of Fourier's transform"),
    "rfft": (_from_real, "half of Fourier's transform of real numbers"),
    "irfft": (_to_real, "the real numbers whose `rfft` is given"),
    "hfft": (_to_real, "Fourier's transform, real, of half of a Hermitian signal"),
    "ihfft": (_from_real, "half of the inverse transform of real numbers"),
}

fft, ifft, rfft, irfft, hfft, ihfft = (
    _along_one(name, *family) for name, family in _FAMILIES.items()
)
fft2, ifft2, rfft2, irfft2, hfft2, ihfft2 = (
    _along_several(f"{name}2", *family, (-2, -1)) for name, family in _FAMILIES.items()
)
fftn, ifftn, rfftn, irfftn, hfftn, ihfftn = (
    _along_several(f"{name}n", *family, None) for name, family in _FAMILIES.items()
)
