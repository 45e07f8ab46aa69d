r"""Complex numbers: their parts, and how gradients pass through ops on them.

A gradient of a real loss :math:`L` by a complex number :math:`z = x + iy` is
:math:`\partial L / \partial x + i\, \partial L / \partial y`, as in torch. An op
:math:`f` that has a complex derivative and is real for real numbers passes on
:math:`g \overline{f'(z)} = g f'(\bar z)`: its own rule, read at conjugate inputs.

Source: torch's page "Autograd mechanics", autograd for complex numbers.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from . import elementwise as ew
from .broadcast import reshape
from .elementwise import Elementwise
from .movement import slice_axis
from .op import COMPLEX_RULES, Op, View

__all__ = [
    "angle",
    "as_complex",
    "as_real",
    "conj",
    "from_parts",
    "imag",
    "input_gradient",
    "modulus",
    "real",
    "sgn",
]

Shape = tuple[int, ...]


class _OfParts(Elementwise):
    """An elementwise op on complex numbers whose results are real."""

    __slots__ = ()

    def _infer(self, *inputs: Node, **params: object) -> tuple[Shape, dt.dtype]:
        shape, kind = super()._infer(*inputs, **params)
        return shape, dt.real_of(kind)


# Views: a complex number is a pair of real ones, the last dimension of size 2


def _as_real_numpy(x: np.ndarray) -> np.ndarray:
    strides = (*x.strides, x.itemsize // 2)
    return np.lib.stride_tricks.as_strided(x.real, (*x.shape, 2), strides)


def _as_complex_numpy(x: np.ndarray) -> np.ndarray:
    if x.strides[-1] != x.itemsize:
        x = np.ascontiguousarray(x)
    pairs: np.ndarray = x.view(np.result_type(x.dtype, np.complex64))
    return pairs[..., 0]


as_real: View = View(
    "view_as_real",
    lambda x: ((*x.shape, 2), dt.real_of(x.dtype)),
    _as_real_numpy,
    (lambda g, y, x: as_complex(g),),
    put=lambda parent, new: as_complex(new),
    layout=lambda shape, strides, offset: (
        (*(2 * each for each in strides), 1),
        2 * offset,
    ),
    torch_name="ViewAsReal",
)
as_complex: View = View(
    "view_as_complex",
    lambda x: (x.shape[:-1], dt.complex_of(x.dtype)),
    _as_complex_numpy,
    (lambda g, y, x: as_real(g),),
    put=lambda parent, new: as_real(new),
    layout=lambda shape, strides, offset: (
        tuple(each // 2 for each in strides[:-1]),
        offset // 2,
    ),
    torch_name="ViewAsComplex",
)


def _part(x: Node, at: int) -> Node:
    pairs = as_real(x)
    return reshape(slice_axis(pairs, pairs.ndim - 1, at, 1), x.shape)


def real(x: Node) -> Node:
    """Return the real parts; real numbers are their own."""
    return _part(x, 0) if x.dtype.is_complex else x


def imag(x: Node) -> Node:
    """Return the imaginary parts."""
    return _part(x, 1)


# Elementwise

conj: Elementwise = Elementwise("conj", np.conj, (lambda g, y, x: conj(g),))
from_parts = Op(
    "complex",
    lambda a, b: (a.shape, dt.complex_of(a.dtype)),
    lambda a, b: a + b * np.complex64(1j),
    (lambda g, y, a, b: real(g), lambda g, y, a, b: imag(g)),
)
modulus = _OfParts(
    "modulus", np.abs, (lambda g, y, x: ew.mul(_widened(g), sgn(x)),), None, "Abs"
)
angle = _OfParts(
    "angle",
    np.angle,
    (lambda g, y, x: _turned(g, x),),
)


def _sgn_numpy(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return np.where(size == 0, 0, x / np.where(size == 0, 1, size))


def _sgn_gradient(g: Node, y: Node, x: Node) -> Node:
    # (g - Re(g conj(s)) s) / |x|, and 0 at 0
    along = _widened(real(ew.mul(g, conj(sgn(x)))))
    across = ew.sub(g, ew.mul(along, sgn(x)))
    return _over(across, modulus(x))


def _over(x: Node, size: Node) -> Node:
    """x / size, and 0 where the size is 0."""
    zero = ew.equal(size, ew.const_like(0, size))
    divisor = ew.cast(ew.where(zero, ew.const_like(1, size), size), x.dtype)
    return ew.where(zero, ew.const_like(0, x), ew.div(x, divisor))


sgn: Elementwise = Elementwise("sgn", _sgn_numpy, (_sgn_gradient,))


def _widened(x: Node) -> Node:
    return ew.cast(x, dt.complex_of(x.dtype))


def _turned(g: Node, x: Node) -> Node:
    # d angle = Im(conj(z) dz) / |z|^2, and 0 at 0
    scaled = _over(g, ew.square(modulus(x)))
    return ew.mul(_widened(scaled), ew.mul(x, ew.const_like(1j, x)))


# Gradients


def input_gradient(index: int, g: Node, node: Node) -> Node | None:
    """Return what reaches input `index` of `node` when `g` arrives at it."""
    op, source = node.op, node.inputs[index]
    assert op is not None
    if not source.dtype.is_complex and not node.dtype.is_complex:
        return op.input_gradient(index, g, node)
    read = node if op.name in COMPLEX_RULES else _conjugate(node)
    found = op.input_gradient(index, g, read)
    if found is None:
        return None
    if source.dtype.is_complex:
        return _widened(found) if not found.dtype.is_complex else found
    return real(found)


def _conjugate(node: Node) -> Node:
    """The node of the same op at conjugate inputs."""
    assert node.op is not None
    inputs = [conj(each) if each.dtype.is_complex else each for each in node.inputs]
    return node.op(*inputs, **node.params)
