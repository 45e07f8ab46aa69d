"""Products over chosen dimensions: tensordot, kron, chains of matrices, bilinear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import reshape, sum_
from ..ops.contract import contract, matmul, product
from ..ops.movement import permute
from ..shape import axes_of, axis_of
from .handle import Handle, wrap
from .operands import pair

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["bilinear", "chain_matmul", "kron", "multi_dot", "tensordot"]


# Chains of matrices


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Multiply a chain of matrices in the order that needs the fewest multiplications.

    Args:
        tensors: two or more matrices; the first and the last may be vectors.

    Raises:
        RuntimeError: fewer than two, or one that is no matrix.

    Source: torch's page "torch.linalg.multi_dot"; the order by dynamic programming,
    Cormen et al., "Introduction to Algorithms", chapter 15.2.
    """
    if len(tensors) < 2:
        raise RuntimeError(
            f"multi_dot(): expected at least 2 tensors but got {len(tensors)}"
        )
    for at, each in enumerate(tensors):
        is_end = at in (0, len(tensors) - 1)
        if each.ndim != 2 and not (is_end and each.ndim == 1):
            raise RuntimeError(
                f"multi_dot(): tensor {at} must be 2D but got {each.ndim}D"
            )
    return _chain([each.node for each in tensors])


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Multiply matrices in the order that needs the fewest multiplications.

    Raises:
        RuntimeError: one is no matrix, or the sizes do not fit.

    Source: torch's page "torch.chain_matmul".
    """
    for at, each in enumerate(matrices):
        if each.ndim != 2:
            raise RuntimeError(
                f"chain_matmul: tensor {at} must be 2D but got {each.ndim}D"
            )
    return _chain([each.node for each in matrices])


def _chain(nodes: list[Node]) -> Tensor:
    sizes = [1 if nodes[0].ndim == 1 else nodes[0].shape[0]]
    sizes += [each.shape[-1] for each in nodes[:-1]]
    sizes.append(1 if nodes[-1].ndim == 1 else nodes[-1].shape[-1])
    count = len(nodes)
    cost = {(at, at): 0 for at in range(count)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            costs = {
                at: cost[first, at]
                + cost[at + 1, last]
                + sizes[first] * sizes[at + 1] * sizes[last + 1]
                for at in range(first, last)
            }
            cut[first, last] = min(costs, key=costs.__getitem__)
            cost[first, last] = min(costs.values())

    def multiply(first: int, last: int) -> Node:
        if first == last:
            return nodes[first]
        at = cut[first, last]
        return product(multiply(first, at), multiply(at + 1, last))

    return wrap(multiply(0, count - 1))


# Contractions


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sum the products of two tensors over pairs of dimensions.

    Args:
        a: any shape.
        b: any shape.
        dims: how many of the last of `a` and the first of `b`, or a list for each.

    Raises:
        RuntimeError: the dimensions do not pair, or the dtypes differ.

    Source: torch's page "torch.tensordot".

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.ones(2, 3, 4), torch.ones(4, 3, 5)
        >>> torch.tensordot(x, y, dims=([1, 2], [1, 0])).shape
        torch.Size([2, 5])
    """
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"tensordot: both inputs should have same dtype, got {a.dtype!r} and "
            f"{b.dtype!r}"
        )
    x, y = a.node, b.node
    pairs = _dimension_pairs(x, y, dims)
    for first, second in pairs:
        x, y = _match(x, first, y, second)
    summed_a, summed_b = [i for i, _ in pairs], [j for _, j in pairs]
    own_a = [at for at in range(x.ndim) if at not in summed_a]
    own_b = [at for at in range(y.ndim) if at not in summed_b]
    left = permute(x, (*own_a, *summed_a))
    right = permute(y, (*summed_b, *own_b))
    return wrap(contract(left, right, batch=0, summed=len(pairs)))


def _dimension_pairs(a: Node, b: Node, dims: Any) -> list[tuple[int, int]]:
    if isinstance(dims, Handle):
        dims = dims.tolist()  # type: ignore[attr-defined]
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}"
            )
        return [(a.ndim - dims + at, at) for at in range(dims)]
    firsts, seconds = ([each] if isinstance(each, int) else list(each) for each in dims)
    if len(firsts) != len(seconds):
        raise RuntimeError(
            f"tensordot: both dimension lists should have same length, got {firsts} "
            f"and {seconds}"
        )
    axes_of(firsts, a.ndim)
    axes_of(seconds, b.ndim)
    return [(axis_of(i, a.ndim), axis_of(j, b.ndim)) for i, j in zip(firsts, seconds)]


def _match(a: Node, first: int, b: Node, second: int) -> tuple[Node, Node]:
    """Let a size of 1 stand for as many equal elements as the other operand has."""
    size_a, size_b = a.shape[first], b.shape[second]
    if size_a == size_b:
        return a, b
    if size_b == 1:
        return sum_(a, axes=(first,), keepdims=True), b
    if size_a == 1:
        return a, sum_(b, axes=(second,), keepdims=True)
    raise RuntimeError(
        f"contracted dimensions need to match, but first has size {size_a} in dim "
        f"{first} and second has size {size_b} in dim {second}"
    )


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: every element of `input` times all of `other`.

    Source: torch's page "torch.kron".

    Example:
        >>> import flambeau as torch
        >>> torch.kron(torch.tensor([1, 10]), torch.tensor([1, 2]))
        tensor([ 1,  2, 10, 20])
    """
    a, b = pair(input, other)
    ndim = max(a.ndim, b.ndim)
    sizes_a = (1,) * (ndim - a.ndim) + a.shape
    sizes_b = (1,) * (ndim - b.ndim) + b.shape
    spread_a = tuple(size for each in sizes_a for size in (each, 1))
    spread_b = tuple(size for each in sizes_b for size in (1, each))
    products = ew.mul(reshape(a, spread_a), reshape(b, spread_b))
    return wrap(reshape(products, tuple(i * j for i, j in zip(sizes_a, sizes_b))))


def bilinear(
    input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    r"""Return :math:`x_1^T W_o x_2 + b_o` for each output feature o.

    Shape:
        input1: (*, I).
        input2: (*, J).
        weight: (O, I, J).
        bias: (O,).
        output: (*, O).

    Raises:
        RuntimeError: the sizes do not fit.

    Source: torch's page "torch.nn.functional.bilinear".
    """
    a, b, w = input1.node, input2.node, weight.node
    _check_bilinear(a, b, w)
    outputs, first, second = w.shape
    flat = reshape(permute(w, (1, 0, 2)), (first, outputs * second))
    half = reshape(product(a, flat), (*a.shape[:-1], outputs, second))
    column = reshape(b, (*b.shape, 1))
    result = reshape(matmul(half, column), (*a.shape[:-1], outputs))
    return wrap(result if bias is None else ew.add(result, bias.node))


def _check_bilinear(a: Node, b: Node, w: Node) -> None:
    for number, x in ((1, a), (2, b)):
        if x.shape[-1] != w.shape[number]:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got "
                f"{x.shape[-1]} but expected {w.shape[number]}"
            )
    if a.shape[:-1] != b.shape[:-1]:
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{a.shape[:-1]} and {b.shape[:-1]}"
        )
