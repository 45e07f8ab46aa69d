"""Matrix multiplication, batched."""

from __future__ import annotations

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from ..shape import broadcast_shapes
from .broadcast import sum_to
from .movement import swap
from .op import Op

__all__ = ["matmul"]


def _matmul_infer(a: Node, b: Node) -> tuple[tuple[int, ...], dtype]:
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
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, a.shape[-2], b.shape[-1]), a.dtype


def _turn(x: Node) -> Node:
    return swap(x, x.ndim - 2, x.ndim - 1)


matmul = Op(
    "matmul",
    _matmul_infer,
    np.matmul,
    (
        lambda g, y, a, b: sum_to(matmul(g, _turn(b)), a.shape),
        lambda g, y, a, b: sum_to(matmul(_turn(a), g), b.shape),
    ),
    "Mm",
)
