"""Derivatives of functions of tensors; torch's ``torch.autograd.functional``.

Like `api`, it is written against the handle's few methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import constant
from ..ops.broadcast import reshape
from ..ops.movement import cat
from .api import grad
from .grad_mode import enable_grad, is_grad_enabled, set_grad_enabled

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return all derivatives of a function.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: where: a tensor or a tuple of them.
        create_graph: record the result, so that it can be differentiated.
        strict: raise where an output does not depend on an input.
        vectorize: accepted: gradients are computed together in any case.
        strategy: accepted: the derivatives are the same.

    Returns:
        A tensor of shape (output, input); a tuple of them if there are several inputs,
        and a tuple of that if there are several outputs.

    Raises:
        TypeError: something is no tensor.
        RuntimeError: `strict`, and an output is independent of an input.

    Source: torch's page "torch.autograd.functional.jacobian".

    Example:
        >>> import flambeau as torch
        >>> jacobian(torch.square, torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    many, given = _as_tuple("inputs", "jacobian", inputs)
    with enable_grad():
        points = _entered(given, create_graph)
        many_out, outputs = _outputs_of("jacobian", func(*points))
    _check_recorded(outputs, strict)
    rows = []
    for number, output in enumerate(outputs):
        found = []
        for weight in _directions(output):
            parts = _gradients([output], points, [weight], create_graph)
            _check_used(parts, number, strict, create_graph)
            found.append(_filled_in(parts, points))
        rows.append(
            tuple(
                _stacked([each[at] for each in found], output, x)
                for at, x in enumerate(points)
            )
        )
    left = tuple(_left(row, create_graph) for row in rows)
    left = left if many else tuple(row[0] for row in left)
    return left if many_out else left[0]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return all second derivatives of a function with a single number as its value.

    Args:
        func: takes tensors, returns a tensor with one element.
        inputs: where: a tensor or a tuple of them.
        create_graph: record the result, so that it can be differentiated.
        strict: raise where there is no dependence.
        vectorize: accepted: gradients are computed together in any case.
        outer_jacobian_strategy: accepted: the derivatives are the same.

    Raises:
        TypeError: something is no tensor.
        RuntimeError: the function returns something else, or `strict` forbids it.

    Source: torch's page "torch.autograd.functional.hessian".

    Example:
        >>> import flambeau as torch
        >>> hessian(lambda x: (x**3).sum(), torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    many, given = _as_tuple("inputs", "hessian", inputs)

    def slope(*points: Any) -> Any:
        found = jacobian(lambda *x: _single("hessian", func(*x)), points, True)
        if strict:
            _check_depends(found)
        return found

    rows = jacobian(slope, given, create_graph, strict)
    return rows if many else rows[0][0]


def vjp(
    func: Function,
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return a function's value, and its gradient where the output is weighted by `v`.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: where: a tensor or a tuple of them.
        v: the weights; may be None for an output with one element.
        create_graph: record the result, so that it can be differentiated.
        strict: raise where an output does not depend on an input.

    Raises:
        TypeError: something is no tensor.
        RuntimeError: `v` does not fit the output, or `strict` forbids it.

    Source: torch's page "torch.autograd.functional.vjp".

    Example:
        >>> import flambeau as torch
        >>> vjp(torch.square, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))
        (tensor([1., 4.]), tensor([2., 4.]))
    """
    many, given = _as_tuple("inputs", "vjp", inputs)
    with enable_grad():
        points = _entered(given, create_graph)
        many_out, outputs = _outputs_of("vjp", func(*points))
    _check_recorded(outputs, strict)
    weights = _weights("vjp", v, outputs, many_out, _ONE_OUTPUT)
    found = _gradients(outputs, points, weights, create_graph)
    _check_reached(found, strict)
    back = _left(_filled_in(found, points), create_graph)
    return _unpacked(_left(outputs, create_graph), many_out), _unpacked(back, many)


def jvp(
    func: Function,
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return a function's value, and how it changes along the direction `v`.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: where: a tensor or a tuple of them.
        v: the direction; may be None for an input with one element.
        create_graph: record the result, so that it can be differentiated.
        strict: raise where an output does not depend on an input.

    Raises:
        TypeError: something is no tensor.
        RuntimeError: `v` does not fit the inputs, or `strict` forbids it.

    Source: torch's page "torch.autograd.functional.jvp".

    Example:
        >>> import flambeau as torch
        >>> jvp(torch.square, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5]))
        (tensor([1., 4.]), tensor([2., 2.]))
    """
    many, given = _as_tuple("inputs", "jvp", inputs)
    with enable_grad():
        points = _entered(given, create_graph)
        directions = _weights("jvp", v, points, many, _ONE_INPUT)
        many_out, outputs = _outputs_of("jvp", func(*points))
        _check_recorded(outputs, strict)
        # The gradient is linear in the weights u: its own gradient by u is the change.
        weights = [_zeros(each).requires_grad_() for each in outputs]
        back = _gradients(outputs, points, weights, True)
        _check_reached(back, strict)
    reached = [(g, d) for g, d in zip(back, directions) if g is not None]
    gradients, along = [g for g, _ in reached], [d for _, d in reached]
    found = _gradients(gradients, weights, along, create_graph)
    changes = _left(_filled_in(found, outputs), create_graph)
    return _unpacked(_left(outputs, create_graph), many_out), _unpacked(
        changes, many_out
    )


def vhp(
    func: Function,
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return a function's value, and a vector times its second derivatives.

    Args:
        func: takes tensors, returns a tensor with one element.
        inputs: where: a tensor or a tuple of them.
        v: the vector; may be None for an input with one element.
        create_graph: record the result, so that it can be differentiated.
        strict: raise where there is no dependence.

    Raises:
        TypeError: something is no tensor.
        RuntimeError: `v` does not fit the inputs, or `strict` forbids it.

    Source: torch's page "torch.autograd.functional.vhp".

    Example:
        >>> import flambeau as torch
        >>> cubes = lambda x: (x**3).sum()
        >>> vhp(cubes, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5]))
        (tensor(9.), tensor([6., 6.]))
    """
    return _curvature("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Function,
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return a function's value, and its second derivatives times a vector.

    They are symmetric: it is what `vhp` returns.

    Source: torch's page "torch.autograd.functional.hvp".

    Example:
        >>> import flambeau as torch
        >>> cubes = lambda x: (x**3).sum()
        >>> hvp(cubes, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.5]))
        (tensor(9.), tensor([6., 6.]))
    """
    return _curvature("hvp", func, inputs, v, create_graph, strict)


def _curvature(
    name: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Any, Any]:
    many, given = _as_tuple("inputs", name, inputs)
    with enable_grad():
        points = _entered(given, create_graph)
        directions = _weights(name, v, points, many, _ONE_INPUT)
        output = _single(name, func(*points))
        _check_recorded([output], strict)
        slopes = _gradients([output], points, [None], True)
        _check_reached(slopes, strict)
        slopes = _filled_in(slopes, points)
        if strict:
            _check_depends(slopes)
    found = _gradients(slopes, points, directions, create_graph)
    if strict and any(each is None for each in found):
        number = next(at for at, each in enumerate(found) if each is None)
        raise RuntimeError(
            "The jacobian of the user-provided function is independent of input "
            f"{number}. This is not allowed in strict mode."
        )
    back = _left(_filled_in(found, points), create_graph)
    return _left([output], create_graph)[0], _unpacked(back, many)


# Inputs and outputs

_ONE_OUTPUT = (
    "The vector v can only be None if the user-provided function returns a single "
    "Tensor with a single element."
)
_ONE_INPUT = (
    "The vector v can only be None if the input to the user-provided function is a "
    "single Tensor with a single element."
)


def _as_tuple(what: str, name: str, value: Any) -> tuple[bool, tuple[Any, ...]]:
    many = isinstance(value, tuple)
    listed = value if many else (value,)
    for index, each in enumerate(listed):
        if not hasattr(each, "node"):
            where = f" value at index {index}" if many else f" given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of "
                f"Tensors but the{where} has type {type(each)}."
            )
    return many, listed


def _outputs_of(name: str, value: Any) -> tuple[bool, tuple[Any, ...]]:
    return _as_tuple("outputs of the user-provided function", name, value)


def _single(name: str, value: Any) -> Any:
    many, (output, *_) = _outputs_of(name, value)
    if many:
        raise RuntimeError(
            f"The function given to {name} should return a single Tensor"
        )
    if output.numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a "
            "single element"
        )
    return output.squeeze()


def _unpacked(values: Sequence[Any], many: bool) -> Any:
    return tuple(values) if many else values[0]


def _entered(inputs: Sequence[Any], create_graph: bool) -> list[Any]:
    """Return tensors with the same values, by which is differentiated."""
    return [
        x.view_as(x)
        if create_graph and x.requires_grad
        else x.detach().requires_grad_()
        for x in inputs
    ]


def _left(results: Sequence[Any], create_graph: bool) -> tuple[Any, ...]:
    return tuple(results if create_graph else [each.detach() for each in results])


def _weights(
    name: str, v: Any, like: Sequence[Any], many: bool, complaint: str
) -> list[Any]:
    """Return a weight for each tensor, if `v` has their shapes."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(complaint)
        return [_number(like[0], 1)]
    given = _as_tuple("v", name, v)[1]
    if len(given) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got "
            f"{len(given)}."
            if many
            else "The given v should contain a single Tensor."
        )
    for index, (own, other) in enumerate(zip(given, like)):
        if own.shape != other.shape:
            where = f"Entry {index} in " if many else ""
            raise RuntimeError(
                f"{where}v has invalid size: should be {other.shape} but got "
                f"{own.shape}."
            )
    return list(given)


# Gradients


def _gradients(
    outputs: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any],
    create_graph: bool,
) -> list[Any]:
    """Return the gradients of what is recorded, None where none arrives."""
    pairs = [(y, w) for y, w in zip(outputs, weights) if y.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    with set_grad_enabled(create_graph or is_grad_enabled()):
        return list(
            grad(
                [y for y, _ in pairs],
                list(inputs),
                [w for _, w in pairs],
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=True,
            )
        )


def _filled_in(gradients: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    return [_zeros(x) if g is None else g for g, x in zip(gradients, like)]


def _zeros(like: Any) -> Any:
    return _number(like, 0)


def _number(like: Any, number: int) -> Any:
    kind = like.node.dtype
    return like.from_node(constant(np.full(like.shape, number, kind.numpy), kind))


def _directions(like: Any) -> list[Any]:
    """Return a tensor for each element, which is 1 there and 0 elsewhere."""
    kind = like.node.dtype
    rows = np.eye(like.numel(), dtype=kind.numpy)
    return [like.from_node(constant(row.reshape(like.shape), kind)) for row in rows]


def _stacked(parts: Sequence[Any], output: Any, like: Any) -> Any:
    """Return the rows of a matrix of derivatives, in the shape of output and input."""
    shape = (*output.shape, *like.shape)
    if not parts:
        kind = like.node.dtype
        return like.from_node(constant(np.zeros(shape, kind.numpy), kind))
    flat = [reshape(each.node, (1, like.numel())) for each in parts]
    return like.from_node(reshape(cat(*flat, axis=0), shape))


# What `strict` forbids


def _check_recorded(outputs: Sequence[Any], strict: bool) -> None:
    for index, each in enumerate(outputs):
        if strict and not each.requires_grad:
            raise RuntimeError(
                f"Output {index} of the user-provided function does not require "
                "gradients. The outputs must be computed in a differentiable manner "
                "from the input when running in strict mode."
            )


def _check_used(
    parts: Sequence[Any], number: int, strict: bool, create_graph: bool
) -> None:
    for index, each in enumerate(parts):
        if strict and each is None:
            raise RuntimeError(
                f"Output {number} of the user-provided function is independent of "
                f"input {index}. This is not allowed in strict mode."
            )
        if strict and create_graph and not each.requires_grad:
            raise RuntimeError(
                "The jacobian of the user-provided function is independent of input "
                f"{index}. This is not allowed in strict mode when create_graph=True."
            )


def _check_reached(parts: Sequence[Any], strict: bool) -> None:
    for index, each in enumerate(parts):
        if strict and each is None:
            raise RuntimeError(
                "The output of the user-provided function is independent of input "
                f"{index}. This is not allowed in strict mode."
            )


def _check_depends(parts: Sequence[Any]) -> None:
    for index, each in enumerate(parts):
        if not each.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the "
                f"user-provided function with respect to input {index} is independent "
                "of the input. This is not allowed in strict mode. You should ensure "
                "that your function is twice differentiable and that the jacobian "
                "depends on the inputs (this would be violated by a linear function "
                "for example)."
            )
