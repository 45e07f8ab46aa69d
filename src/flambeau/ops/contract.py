"""Matrix multiplication, batched, and the contractions that become one."""

from __future__ import annotations

from math import prod

import numpy as np

from ..dtypes import bool_, dtype
from ..graph import Node
from ..shape import broadcast_shapes
from .broadcast import reshape, sum_to
from .movement import swap
from .op import Op

__all__ = ["contract", "matmul", "product"]

Shape = tuple[int, ...]


def _check(a: Node, b: Node) -> None:
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[-2]}x{a.shape[-1]} "
            f"and {b.shape[-2]}x{b.shape[-1]}): the {a.shape[-1]} columns of "
            f"{a.shape} must equal the {b.shape[-2]} rows of {b.shape}"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(
            "expected m1 and m2 to have the same dtype, but got: "
            f"{a.dtype.name} != {b.dtype.name}; convert one with .to()"
        )
    if a.dtype is bool_:
        raise NotImplementedError(
            "\"addmm_impl_cpu_\" not implemented for 'Bool': matrices of bool cannot "
            "be multiplied; convert them with .to()"
        )


def _matmul_infer(a: Node, b: Node) -> tuple[Shape, dtype]:
    _check(a, b)
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, a.shape[-2], b.shape[-1]), a.dtype


def _turn(x: Node) -> Node:
    return swap(x, x.ndim - 2, x.ndim - 1)


matmul: Op = Op(
    "matmul",
    _matmul_infer,
    np.matmul,
    (
        lambda g, y, a, b: sum_to(matmul(g, _turn(b)), a.shape),
        lambda g, y, a, b: sum_to(matmul(_turn(a), g), b.shape),
    ),
    "Mm",
)


def product(a: Node, b: Node) -> Node:
    """Multiply vectors, matrices or batches of matrices, as torch.matmul does.

    Where one operand is a single matrix the batch becomes rows of the other, so that
    one matrix multiplication does it, in the gradients too.
    """
    if b.ndim == 1:
        result = product(a, reshape(b, (*b.shape, 1)))
        return reshape(result, result.shape[:-1])
    if a.ndim == 1:
        result = product(reshape(a, (1, *a.shape)), b)
        return reshape(result, (*result.shape[:-2], *result.shape[-1:]))
    if a.ndim == b.ndim == 2 or (a.ndim > 2 and b.ndim > 2):
        return matmul(a, b)
    _check(a, b)
    if b.ndim == 2:
        rows = reshape(a, (prod(a.shape[:-1]), a.shape[-1]))
        return reshape(matmul(rows, b), (*a.shape[:-1], b.shape[-1]))
    return _turn(product(_turn(b), _turn(a)))


def contract(a: Node, b: Node, batch: int, summed: int) -> Node:
    """Sum the products of two nodes over the dimensions that they share.

    Args:
        a: dimensions (batch..., own..., summed...).
        b: dimensions (batch..., summed..., own...).
        batch: how many leading dimensions are kept from both.
        summed: how many dimensions are summed over.

    Returns:
        Dimensions (batch..., own of a..., own of b...).
    """
    shared, inner = a.shape[:batch], a.shape[a.ndim - summed :]
    rows, columns = a.shape[batch : a.ndim - summed], b.shape[batch + summed :]
    lead = (prod(shared),) if batch else ()
    left = reshape(a, (*lead, prod(rows), prod(inner)))
    right = reshape(b, (*lead, prod(inner), prod(columns)))
    return reshape(matmul(left, right), (*shared, *rows, *columns))
