"""Complex numbers: made of parts and taken apart."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..ops import complex_numbers as ops
from ..ops import elementwise as ew
from ..shape import broadcast_shapes
from .handle import layout_of, show, wrap
from .operands import as_float, check_tensors, pair, to_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "angle",
    "complex",
    "conj",
    "conj_physical",
    "imag",
    "isreal",
    "polar",
    "real",
    "resolve_conj",
    "resolve_neg",
    "sgn",
    "view_as_complex",
    "view_as_real",
]


def view_as_real(input: Tensor) -> Tensor:
    """Return a view of complex numbers as pairs of real ones, in a dimension behind.

    Args:
        input: complex, any shape.

    Raises:
        RuntimeError: `input` is not complex.

    Source: torch's page "torch.view_as_real".

    Example:
        >>> import flambeau as torch
        >>> torch.view_as_real(torch.tensor([1 + 2j]))
        tensor([[1., 2.]])
    """
    if not input.is_complex():
        raise RuntimeError(
            "view_as_real is only supported for complex tensors, got "
            f"{input.dtype!r}: a real tensor has no pairs"
        )
    return show(input, ops.as_real)


def view_as_complex(input: Tensor) -> Tensor:
    """Return a view of pairs of real numbers as complex ones.

    Args:
        input: float32 or float64; the last dimension has size 2 and stride 1.

    Raises:
        RuntimeError: another dtype, shape or stride.

    Source: torch's page "torch.view_as_complex".

    Example:
        >>> import flambeau as torch
        >>> torch.view_as_complex(torch.tensor([[1., 2.]]))
        tensor([1.+2.j])
    """
    if input.dtype not in (dt.float32, dt.float64):
        raise RuntimeError(
            "view_as_complex is only supported for float and double tensors, but got a "
            f"tensor of scalar type: {dt.scalar_name(input.dtype)}"
        )
    if not input.ndim or input.shape[-1] != 2:
        raise RuntimeError(
            "Tensor must have a last dimension of size 2, got shape "
            f"{tuple(input.shape)}"
        )
    strides, offset = layout_of(input)
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if offset % 2 or any(each % 2 for each in strides[:-1]):
        raise RuntimeError(
            "Tensor must have a stride divisible by 2 for all but last dimension, and "
            f"such a storage offset, got strides {strides} and offset {offset}"
        )
    return show(input, ops.as_complex)


def real(input: Tensor) -> Tensor:
    """Return a view of the real parts; a real tensor itself.

    Source: torch's page "torch.real".

    Example:
        >>> import flambeau as torch
        >>> torch.real(torch.tensor([1 + 2j]))
        tensor([1.])
    """
    return view_as_real(input).select(-1, 0) if input.is_complex() else input


def imag(input: Tensor) -> Tensor:
    """Return a view of the imaginary parts.

    Raises:
        RuntimeError: `input` is not complex.

    Source: torch's page "torch.imag".

    Example:
        >>> import flambeau as torch
        >>> torch.imag(torch.tensor([1 + 2j]))
        tensor([2.])
    """
    if not input.is_complex():
        raise RuntimeError(
            f"imag is not implemented for tensors with non-complex dtypes, got "
            f"{input.dtype!r}"
        )
    return view_as_real(input).select(-1, 1)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    r"""Return the complex numbers :math:`real + i\, imag`, broadcast.

    Args:
        real: float32 or float64.
        imag: of the same dtype.

    Raises:
        RuntimeError: another dtype, or two.

    Source: torch's page "torch.complex".

    Example:
        >>> import flambeau as torch
        >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
        tensor([1.+2.j])
    """
    return wrap(ops.from_parts(*_parts(real, imag)))


def _parts(first: Tensor, second: Tensor) -> tuple[ops.Node, ops.Node]:
    """The parts of new complex numbers, broadcast."""
    check_tensors("complex", first, second)
    for each in (first, second):
        if each.dtype not in (dt.float32, dt.float64):
            raise RuntimeError(
                "Expected both inputs to be Half, Float or Double tensors but got "
                f"{dt.scalar_name(first.dtype)} and {dt.scalar_name(second.dtype)}"
            )
    if first.dtype is not second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {dt.scalar_name(first.dtype)} but got "
            f"scalar type {dt.scalar_name(second.dtype)} for second argument"
        )
    shape = broadcast_shapes(tuple(first.shape), tuple(second.shape))
    return first.expand(shape).node, second.expand(shape).node


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    r"""Return the complex numbers :math:`abs (\cos angle + i \sin angle)`.

    Args:
        abs: float32 or float64.
        angle: of the same dtype, in radians.

    Raises:
        RuntimeError: another dtype, or two.

    Source: torch's page "torch.polar".

    Example:
        >>> import flambeau as torch
        >>> torch.polar(torch.tensor([2.]), torch.tensor([0.]))
        tensor([2.+0.j])
    """
    size, turned = _parts(abs, angle)
    return wrap(
        ops.from_parts(ew.mul(size, ew.cos(turned)), ew.mul(size, ew.sin(turned)))
    )


def conj(input: Tensor) -> Tensor:
    """Return the conjugate numbers, computed; a real tensor itself.

    Source: torch's page "torch.conj".

    Example:
        >>> import flambeau as torch
        >>> torch.conj(torch.tensor([1 + 2j]))
        tensor([1.-2.j])
    """
    return wrap(ops.conj(input.node)) if input.is_complex() else input


conj_physical = conj


def resolve_conj(input: Tensor) -> Tensor:
    """Return the tensor itself: conjugates are computed already.

    Source: torch's page "torch.resolve_conj".
    """
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """Return the tensor itself: negatives are computed already.

    Source: torch's page "torch.resolve_neg".
    """
    return input


def angle(input: Tensor) -> Tensor:
    """Return the angles of complex numbers, in radians; of real ones 0, pi or NaN.

    Source: torch's page "torch.angle".

    Example:
        >>> import flambeau as torch
        >>> torch.angle(torch.tensor([1j, -1 + 0j]))
        tensor([1.5708, 3.1416])
    """
    x = to_node(input)
    if x.dtype.is_complex:
        return wrap(ops.angle(x))
    x = as_float(x)
    zero = ew.const_like(0, x)
    turned = ew.where(ew.less(x, zero), ew.const_like(pi, x), zero)
    return wrap(ew.where(ew.isnan(x), x, turned))


def sgn(input: Tensor) -> Tensor:
    """Return x / |x| of each element, and 0 of 0: the sign of real numbers.

    Source: torch's page "torch.sgn".

    Example:
        >>> import flambeau as torch
        >>> torch.sgn(torch.tensor([3 + 4j]))
        tensor([0.6000+0.8000j])
    """
    x = to_node(input)
    return wrap(ops.sgn(x) if x.dtype.is_complex else ew.sign(x))


def isreal(input: Tensor) -> Tensor:
    """Return whether each element has no imaginary part.

    Source: torch's page "torch.isreal".

    Example:
        >>> import flambeau as torch
        >>> torch.isreal(torch.tensor([1 + 0j, 1j]))
        tensor([ True, False])
    """
    x = to_node(input)
    parts = ops.imag(x) if x.dtype.is_complex else ew.zeros_like(x)
    return wrap(ew.equal(*pair(wrap(parts), 0)))
