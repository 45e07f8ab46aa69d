"""Turning what users pass into nodes: numbers, tensors, and their common dtype."""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant, scalar
from ..limits import finfo, iinfo
from ..ops.elementwise import cast
from ..ops.op import refuse_complex
from .handle import Handle, wrap

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "Number",
    "Scalar",
    "as_float",
    "check_fits",
    "check_float",
    "check_real",
    "check_same_dtype",
    "check_some_tensor",
    "check_tensor",
    "check_tensors",
    "is_number",
    "node_of",
    "pair",
    "result_type",
    "to_node",
]

Number: TypeAlias = bool | int | float
Scalar: TypeAlias = Number | complex
_NUMBERS = (bool, int, float, complex, np.number, np.bool_)
_COMPLEX = (complex, np.complexfloating)


def _is_real_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, _COMPLEX)


def is_number(value: object) -> bool:
    """Whether `value` is a Python or NumPy scalar."""
    return isinstance(value, _NUMBERS)


def to_node(value: Tensor | Scalar, like: dt.dtype | None = None) -> Node:
    """Return the node of a tensor, or a 0-d constant for a number.

    Args:
        value: a tensor or number.
        like: the dtype a number gets; by default its own.

    Raises:
        TypeError: `value` is neither.
        RuntimeError: `like` does not reach as far as the number.
    """
    if isinstance(value, Handle):
        return value.node
    if like is not None:
        check_fits(value, like)
    return _number_node(value, like or dt.of_python(value))


def _number_node(value: Any, kind: dt.dtype) -> Node:
    if not is_number(value):
        raise TypeError(f"expected a Tensor or a number, got {type(value).__name__}")
    return scalar(value, kind)


def check_fits(value: Scalar, kind: dt.dtype, halves: bool = True) -> None:
    """Raise torch's error where a dtype does not reach as far as a number.

    In arithmetic such integers wrap instead, and floats are infinite.

    Args:
        value: the number; a negative integer counts back from the end of an unsigned
            dtype.
        kind: the dtype.
        halves: whether that is so in 16-bit floats, too; else they are infinite.

    Raises:
        RuntimeError: the number is out of range.
    """
    if kind is dt.bool_ or isinstance(value, (bool, np.bool_)):
        return
    if isinstance(value, _COMPLEX) and (kind.is_complex or not value.imag):
        value = value.real
    low, high = _range(dt.real_of(kind))
    if isinstance(value, _COMPLEX):
        fits = False
    elif kind.is_inexact:
        fits = not isfinite(value) or low <= value <= high
        fits = fits or (kind.itemsize == 2 and not halves)
    else:
        exact = isinstance(value, (int, np.integer))
        fits = (low or -high * exact) <= value <= high
    if not fits:
        raise RuntimeError(
            f"value cannot be converted to type {kind.name} without overflow: {value!r}"
        )


def node_of(name: str, argument: str, value: Tensor) -> Node:
    """Return the node of a tensor argument.

    Raises:
        TypeError: it is not a tensor.
    """
    if not isinstance(value, Handle):
        raise TypeError(
            f"{name}: {argument} must be a Tensor, got {type(value).__name__}; "
            f"write torch.as_tensor({argument})"
        )
    return value.node


@cache
def _range(kind: dt.dtype) -> tuple[float, float]:
    limits = finfo(kind) if kind.is_floating_point else iinfo(kind)
    return limits.min, limits.max


def check_tensor(name: str, argument: str, position: int, value: object) -> None:
    """Raise TypeError if an argument is not a tensor."""
    if not isinstance(value, Handle):
        raise TypeError(
            f"{name}(): argument '{argument}' (position {position}) must be Tensor, "
            f"not {type(value).__name__}"
        )


def check_float(kernel: str, x: Node) -> None:
    """Raise torch's error where a function takes floats only."""
    if not x.dtype.is_floating_point:
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{dt.scalar_name(x.dtype)}': it takes "
            "floats; convert the tensor with .float()"
        )


def check_real(name: str, *inputs: Tensor) -> None:
    """Raise where a function of real numbers is given complex ones."""
    for each in inputs:
        if each.node.dtype.is_complex:
            refuse_complex(name, each.dtype)


def check_same_dtype(first: Tensor, second: Tensor) -> None:
    """Raise RuntimeError if two tensors have different dtypes."""
    if first.dtype is not second.dtype:
        names = map(dt.scalar_name, (first.dtype, second.dtype))
        raise RuntimeError("expected scalar type {} but found {}".format(*names))


def check_tensors(name: str, input: object, other: object) -> None:
    """Raise TypeError if one of two operands is not a tensor."""
    check_tensor(name, "input", 1, input)
    check_tensor(name, "other", 2, other)


def check_some_tensor(name: str, input: object, other: object) -> None:
    """Raise TypeError if none of two operands is a tensor."""
    if not isinstance(other, Handle):
        check_tensor(name, "input", 1, input)


def result_type(*values: Tensor | Scalar) -> dt.dtype:
    """Return the dtype that an operation on `values` computes in.

    Tensors with dimensions decide; 0-d tensors and numbers only raise the category
    (bool, integer, float), never the width inside it.

    Source: torch's page "torch.result_type".

    Example:
        >>> import flambeau as torch
        >>> torch.result_type(torch.ones(2, dtype=torch.int8), 1.5)
        torch.float32
    """
    dims: dt.dtype | None = None
    zeros: dt.dtype | None = None
    numbers: dt.dtype | None = None
    for each in values:
        if not isinstance(each, Handle):
            numbers = _joined(numbers, dt.of_python(each))
        elif each._node.shape:
            dims = _joined(dims, each._node.dtype)
        else:
            zeros = _joined(zeros, each._node.dtype)
    found = dims
    for weaker in (zeros, numbers):
        if weaker is not None and (
            found is None or dt.category(weaker) > dt.category(found)
        ):
            found = _raised(found, weaker)
    assert found is not None
    return found


def _raised(found: dt.dtype | None, weaker: dt.dtype) -> dt.dtype:
    """The dtype of the category of `weaker`; complex numbers keep a float's width."""
    if found is not None and found.is_floating_point:
        return dt.complex_of(found)
    return weaker


def _joined(first: dt.dtype | None, second: dt.dtype) -> dt.dtype:
    return second if first is None else dt.promote_types(first, second)


def pair(a: Tensor | Scalar, b: Tensor | Scalar) -> tuple[Node, Node]:
    """Return the nodes of two operands in their common dtype."""
    if isinstance(a, Handle):
        first = a.node
        if isinstance(b, Handle):
            second = b.node
            if first.dtype is second.dtype:
                return first, second
        elif first.dtype.is_floating_point and _is_real_number(b):
            return first, scalar(b, first.dtype)
    a, b = _adopted(a), _adopted(b)
    kind = result_type(a, b)
    return _cast_operand(a, kind), _cast_operand(b, kind)


def _cast_operand(value: Tensor | Scalar, kind: dt.dtype) -> Node:
    """A tensor cast; a number wraps where the dtype does not reach as far."""
    if isinstance(value, Handle):
        return cast(value.node, kind)
    return _number_node(value, kind)


def _adopted(value: Any) -> Any:
    """Let a NumPy array take part as the tensor it would be."""
    if not isinstance(value, np.ndarray):
        return value
    return wrap(constant(np.array(value), dt.from_numpy_dtype(value.dtype)))


def as_float(x: Node) -> Node:
    """Return a float or complex node as it is, others in the default float dtype."""
    return x if x.dtype.is_inexact else cast(x, dt.get_default_dtype())
