"""Products of vectors, matrices and batches of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import reshape, sum_
from ..ops.contract import contract, product
from ..ops.contract import matmul as matmul_op
from ..ops.movement import permute
from ..shape import axis_of, broadcasts_to
from .autocasting import lowers_precision
from .complex_numbers import conj
from .handle import wrap
from .operands import Scalar, check_same_dtype, pair

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "dot",
    "ger",
    "inner",
    "matmul",
    "mm",
    "mv",
    "outer",
    "vdot",
    "vecdot",
]


def _check_ndim(name: str, argument: str, x: Tensor, ndim: int) -> None:
    if x.ndim != ndim:
        kind = {1: "vector", 2: "matrix", 3: "3D tensor"}[ndim]
        raise RuntimeError(
            f"{name}: {argument} must be a {kind}, got shape {tuple(x.shape)}"
        )


# Products


@lowers_precision
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Multiply vectors, matrices, or batches of matrices; leading sizes broadcast.

    Args:
        input: a vector counts as a row.
        other: a vector counts as a column.

    Shape:
        input: (..., n, k) or (k,).
        other: (..., k, m) or (k,).
        output: (..., n, m), without n or m where a vector was given.

    Raises:
        RuntimeError: a 0-d operand, sizes that do not fit, or different dtypes.

    Source: torch's page "torch.matmul".

    Example:
        >>> import flambeau as torch
        >>> torch.matmul(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([1., 1.]))
        tensor([3., 7.])
    """
    if not input.ndim or not other.ndim:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, but they are "
            f"{input.ndim}D and {other.ndim}D"
        )
    return wrap(product(input.node, other.node))


@lowers_precision
def rmatmul(input: Tensor, other: Tensor) -> Tensor:
    """Return other @ input."""
    return matmul(other, input)


@lowers_precision
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two matrices.

    Raises:
        RuntimeError: an operand is no matrix, or the sizes do not fit.

    Source: torch's page "torch.mm".
    """
    _check_ndim("mm", "input", input, 2)
    _check_ndim("mm", "mat2", mat2, 2)
    return wrap(matmul_op(input.node, mat2.node))


@lowers_precision
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply two batches of as many matrices, pair by pair.

    Shape:
        input: (b, n, k).
        mat2: (b, k, m).
        output: (b, n, m).

    Raises:
        RuntimeError: an operand is not three-dimensional, or the sizes do not fit.

    Source: torch's page "torch.bmm".
    """
    return wrap(_batch_product("bmm", input, mat2))


def _batch_product(name: str, batch1: Tensor, batch2: Tensor) -> Node:
    _check_ndim(name, "batch1", batch1, 3)
    _check_ndim(name, "batch2", batch2, 3)
    expected = (batch1.shape[0], batch1.shape[2])
    if batch2.shape[:2] != expected:
        raise RuntimeError(
            f"{name}: Expected size for first two dimensions of batch2 tensor to be: "
            f"{list(expected)} but got: {list(batch2.shape[:2])}."
        )
    return matmul_op(batch1.node, batch2.node)


@lowers_precision
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Multiply a matrix and a vector.

    Raises:
        RuntimeError: the operands are no matrix and vector, or the sizes do not fit.

    Source: torch's page "torch.mv".
    """
    _check_ndim("mv", "input", input, 2)
    _check_ndim("mv", "vec", vec, 1)
    return wrap(product(input.node, vec.node))


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the sum of the products of two vectors' elements.

    Raises:
        RuntimeError: not two vectors of the same length and dtype.

    Source: torch's page "torch.dot".

    Example:
        >>> import flambeau as torch
        >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
        tensor(7)
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors"
        )
    if input.dtype is not tensor.dtype:
        raise RuntimeError(
            "dot : expected both vectors to have same dtype, but found "
            f"{dt.scalar_name(input.dtype)} and {dt.scalar_name(tensor.dtype)}"
        )
    first, second = input.numel(), tensor.numel()
    if first != second:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{first}] and src [{second}] "
            f"to have the same number of elements, but got {first} and {second} "
            "elements respectively"
        )
    return wrap(product(input.node, tensor.node))


def vdot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the dot product of two vectors, of which the first is conjugated.

    Source: torch's page "torch.vdot".

    Example:
        >>> import flambeau as torch
        >>> torch.vdot(torch.tensor([1j]), torch.tensor([1j]))
        tensor(1.+0.j)
    """
    return dot(conj(input), tensor)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the dot products of the vectors along a dimension, broadcast.

    Complex numbers of the first are conjugated.

    Raises:
        RuntimeError: the dtypes differ, or are integers.

    Source: torch's page "torch.linalg.vecdot".
    """
    if not x.dtype.is_inexact:
        raise RuntimeError(
            "linalg.vecdot: Expected a floating point or complex tensor as input. Got "
            f"{dt.scalar_name(x.dtype)}"
        )
    check_same_dtype(x, y)
    products = ew.mul(conj(x).node, y.node)
    axes = (axis_of(dim, products.ndim),)
    return wrap(sum_(products, axes=axes, keepdims=False))


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the dot products of the vectors along both last dimensions.

    Shape:
        input: (*A, k).
        other: (*B, k).
        output: (*A, *B).

    Raises:
        RuntimeError: the last sizes differ.

    Source: torch's page "torch.inner".
    """
    a, b = input.node, other.node
    if not a.ndim or not b.ndim:
        return wrap(ew.mul(*pair(input, other)))
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got "
            f"shapes {list(a.shape)} and {list(b.shape)}"
        )
    turned = permute(b, (b.ndim - 1, *range(b.ndim - 1)))
    return wrap(contract(a, turned, batch=0, summed=1))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of every element of one vector with every of another.

    Raises:
        RuntimeError: an operand is no vector.

    Source: torch's page "torch.outer".

    Example:
        >>> import flambeau as torch
        >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])
    """
    _check_ndim("outer", "input", input, 1)
    _check_ndim("outer", "vec2", vec2, 1)
    a, b = pair(input, vec2)
    return wrap(ew.mul(reshape(a, (a.size, 1)), b))


ger = outer


# A product added to a tensor


def _added(
    name: str, input: Tensor, products: Node, beta: Scalar, alpha: Scalar
) -> Tensor:
    """Return beta * input + alpha * products; beta 0 ignores even NaN in the input."""
    x, shape = input.node, products.shape
    if x.dtype is not products.dtype:
        raise RuntimeError(
            f"{name}: self and mat2 must have the same dtype, but got "
            f"{dt.scalar_name(x.dtype)} and {dt.scalar_name(products.dtype)}"
        )
    if not broadcasts_to(x.shape, shape):
        raise RuntimeError(
            f"{name}: input of shape {x.shape} does not broadcast to the product's "
            f"shape {shape}"
        )
    scaled = _scaled(products, alpha)
    return wrap(ew.add(_scaled(x, beta), scaled) if beta != 0 else scaled)


def _scaled(x: Node, factor: Scalar) -> Node:
    """Multiply by a factor, of integers by its whole part."""
    factor = factor if x.dtype.is_inexact else int(factor)  # type: ignore[arg-type]
    return x if factor == 1 else ew.mul(x, ew.const_like(factor, x))


@lowers_precision
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Tensor:
    """Return beta * input + alpha * (mat1 @ mat2).

    Args:
        input: broadcasts to (n, m); ignored where beta is 0.
        mat1: (n, k).
        mat2: (k, m).
        beta: factor of the input.
        alpha: factor of the product.

    Raises:
        RuntimeError: the shapes or dtypes do not fit.

    Source: torch's page "torch.addmm".
    """
    _check_ndim("addmm", "mat1", mat1, 2)
    _check_ndim("addmm", "mat2", mat2, 2)
    return _added("addmm", input, matmul_op(mat1.node, mat2.node), beta, alpha)


@lowers_precision
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Tensor:
    """Return beta * input + alpha * (mat @ vec); see `addmm`.

    Source: torch's page "torch.addmv".
    """
    return _added("addmv", input, mv(mat, vec).node, beta, alpha)


def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Tensor:
    """Return beta * input + alpha * outer(vec1, vec2); see `addmm`.

    Source: torch's page "torch.addr".
    """
    x, products = pair(input, outer(vec1, vec2))
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if isinstance(factor, float) and not x.dtype.is_inexact:
            raise RuntimeError(
                f"For integral input tensors, argument {name} must not be a floating "
                f"point number, got {factor}."
            )
    return _added("addr", wrap(x), products, beta, alpha)


@lowers_precision
def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Scalar = 1,
    alpha: Scalar = 1,
) -> Tensor:
    """Return beta * input + alpha * bmm(batch1, batch2); see `addmm`.

    Source: torch's page "torch.baddbmm".
    """
    products = _batch_product("baddbmm", batch1, batch2)
    return _added("baddbmm", input, products, beta, alpha)


@lowers_precision
def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Scalar = 1,
    alpha: Scalar = 1,
) -> Tensor:
    """Return beta * input + alpha times the sum of all products of the batch.

    Source: torch's page "torch.addbmm".
    """
    products = _batch_product("addbmm", batch1, batch2)
    total = sum_(products, axes=(0,), keepdims=False)
    return _added("addbmm", input, total, beta, alpha)
