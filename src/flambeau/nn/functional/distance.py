"""Distances and angles between vectors, and vectors of norm 1."""

from __future__ import annotations

from typing import Any

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.norm import vector_norm
from ...shape import axis_of, broadcast_shapes
from ...tensor import Tensor
from ...tensor.diagonals import triu_indices
from ...tensor.handle import wrap
from ...tensor.operands import pair
from ...tensor.reduction import in_float32
from .arguments import node_of

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    r"""Divide the vectors along a dimension by their norm :math:`\max(|x|_p, eps)`.

    Args:
        input: any shape, floats.
        p: the norm.
        dim: the dimension of the vectors.
        eps: the least that is divided by.
        out: a tensor to write the result into.

    Raises:
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.normalize".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.normalize(torch.tensor([[3., 4.], [0., 2.]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 1.0000]])
    """
    node_of("normalize", "input", input)
    found = input / input.norm(p, dim, keepdim=True).clamp_min(eps)
    return found if out is None else out.copy_(found)


def cosine_similarity(
    x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8
) -> Tensor:
    r"""Return :math:`x_1 \cdot x_2 / (\max(|x_1|, eps) \max(|x_2|, eps))`.

    Args:
        x1: any shape, floats.
        x2: a shape that broadcasts with it.
        dim: the dimension of the vectors.
        eps: the least that is divided by.

    Raises:
        RuntimeError: no floats, or shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.cosine_similarity".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.cosine_similarity(torch.tensor([[3., 4.]]), torch.tensor([[1., 0.]]))
        tensor([0.6000])
    """
    name = "cosine_similarity"
    node_of(name, "x1", x1), node_of(name, "x2", x2)
    a, b = pair(x1, x2)
    if not a.dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: expected common dtype to be floating point, yet common dtype is "
            f"{dt.scalar_name(a.dtype)}; convert with .float()"
        )
    shape = broadcast_shapes(a.shape, b.shape)
    a, b = wrap(a).expand(shape).node, wrap(b).expand(shape).node
    axis = axis_of(dim, a.ndim)
    product = wrap(_unit(a, axis, eps)) * wrap(_unit(b, axis, eps))
    return product.sum(dim)


def _unit(x: Node, axis: int, eps: float) -> Node:
    """Divide by the norm; where that is below eps, the slope is still the norm's."""
    axes = (axis,) if x.ndim else ()
    norm = wrap(in_float32(x, lambda x: vector_norm(x, 2, axes, keepdims=True)))
    bounded = norm + (norm.clamp_min(eps) - norm).detach()
    return ew.div(x, bounded.node)


def pairwise_distance(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    eps: float = 1e-6,
    keepdim: bool = False,
) -> Tensor:
    r"""Return :math:`|x_1 - x_2 + eps|_p` over the last dimension.

    Args:
        x1: vectors, floats.
        x2: as many vectors, or one for all.
        p: the norm.
        eps: what keeps the slope finite where the vectors are equal.
        keepdim: keep the last dimension with size 1.

    Shape: (N, D) or (D,); result (N,) or (), or (N, 1) or (1,).

    Raises:
        RuntimeError: shapes that do not broadcast, or no floats.

    Source: torch's page "torch.nn.functional.pairwise_distance".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.pairwise_distance(torch.tensor([[3., 4.]]), torch.zeros(1, 2))
        tensor([5.0000])
    """
    name = "pairwise_distance"
    node_of(name, "x1", x1), node_of(name, "x2", x2)
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def pdist(input: Tensor, p: float = 2) -> Tensor:
    r"""Return the distance :math:`|x_i - x_j|_p` of every two rows, i < j.

    Args:
        input: points in rows, floats.
        p: the norm, at least 0.

    Shape: (N, D); result (N (N - 1) / 2,).

    Raises:
        RuntimeError: no matrix, no floats or a negative p.

    Source: torch's page "torch.nn.functional.pdist".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.pdist(torch.tensor([[0., 0.], [3., 4.], [0., 1.]]))
        tensor([5.0000, 1.0000, 4.2426])
    """
    x = node_of("pdist", "input", input)
    if x.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {x.ndim}D")
    if not x.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    first, second = triu_indices(x.shape[0], x.shape[0], 1)
    apart: Any = input[first] - input[second]
    return wrap(in_float32(apart.node, lambda x: vector_norm(x, p, (1,), False)))
