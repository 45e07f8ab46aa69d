"""Linear maps of the last dimension."""

from __future__ import annotations

from math import isqrt, prod

from ...dtypes import scalar_name
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.broadcast import reshape
from ...ops.contract import product
from ...ops.movement import swap
from ...tensor import Tensor
from ...tensor.autocasting import lowers_precision
from ...tensor.contraction import bilinear
from ...tensor.handle import wrap
from .arguments import node_of

__all__ = ["bilinear", "linear"]


@lowers_precision
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""Return :math:`x W^T + b`; all leading dimensions become rows of one product.

    Args:
        input: the features, in the last dimension.
        weight: a row for each output feature.
        bias: what is added to each output feature.

    Shape: input (*, I), weight (O, I) or (I,), bias (O,); result (*, O) or (*).

    Raises:
        RuntimeError: sizes or dtypes that do not fit each other.
        TypeError: an argument that is no tensor.

    Source: torch's page "torch.nn.functional.linear".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.linear(torch.tensor([1., 2.]), torch.tensor([[1., 1.], [0., 3.]]))
        tensor([3., 6.])
    """
    x, w = node_of("linear", "input", input), node_of("linear", "weight", weight)
    _check_sizes(x, w)
    if bias is None:
        return wrap(product(x, w if w.ndim == 1 else swap(w, 0, 1)))
    b = node_of("linear", "bias", bias)
    shape = (*x.shape[:-1], *w.shape[:-1])
    _check_bias(b, shape, w)
    if w.ndim == 2 and x.ndim > 2 and b.ndim < 2:
        # the bias joins the product where both are matrices
        x = reshape(x, (prod(x.shape[:-1]), x.shape[-1]))
    y = product(x, w if w.ndim == 1 else swap(w, 0, 1))
    return wrap(reshape(ew.add(y, b), shape))


def _check_sizes(x: Node, w: Node) -> None:
    if not x.ndim or not w.ndim:
        raise RuntimeError(
            "linear: both arguments to linear need to be at least 1D, but they are "
            f"{x.ndim}D and {w.ndim}D"
        )
    if w.ndim > 2:
        raise RuntimeError(
            f"linear: weight must have 1 or 2 dimensions, got shape {w.shape}"
        )
    if x.shape[-1] != w.shape[-1]:
        raise RuntimeError(_size_message(x, w))


def _size_message(x: Node, w: Node) -> str:
    wanted, found = w.shape[-1], x.shape[-1]
    rows, outputs = prod(x.shape[:-1]), prod(w.shape[:-1])
    return (
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{found} and "
        f"{wanted}x{outputs}): Linear expects {wanted} input features (weight is "
        f"{outputs} x {wanted}), got an input of shape {x.shape}{_origin(x, wanted)}; "
        f"make the layer with in_features={found}, or the input with {wanted} features"
    )


def _origin(x: Node, wanted: int) -> str:
    """Tell which image was flattened, and which one would have had enough features."""
    if x.name != "view" or not x.inputs or x.inputs[0].ndim <= x.ndim:
        return ""
    shape = x.inputs[0].shape
    text = f", flattened from {shape}"
    if len(shape) != 4 or not shape[1] or wanted % shape[1]:
        return text
    side = isqrt(wanted // shape[1])
    if side * side * shape[1] != wanted:
        return text
    fitting = (*shape[:2], side, side)
    return f"{text}, where {wanted} features are those of {fitting}"


def _check_bias(b: Node, shape: tuple[int, ...], w: Node) -> None:
    if b.dtype is not w.dtype:
        raise RuntimeError(
            "linear: bias and weight must have the same dtype, but got "
            f"{scalar_name(b.dtype)} and {scalar_name(w.dtype)}; convert one with .to()"
        )
    fits = b.ndim <= len(shape) and all(
        size in (1, wanted) for size, wanted in zip(b.shape[::-1], shape[::-1])
    )
    if not fits:
        raise RuntimeError(
            f"linear: a bias of shape {b.shape} does not fit the result of shape "
            f"{shape}; the weight {' x '.join(map(str, w.shape))} needs one of "
            f"shape {w.shape[:-1]}"
        )
