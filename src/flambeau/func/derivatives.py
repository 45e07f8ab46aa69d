"""Gradients, and matrices of all first and second derivatives, as functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import enable_grad
from ..tensor import Tensor
from ..tensor.creation import eye, zeros_like
from ..tensor.joining import stack
from .arguments import Argnums, check_outputs, chosen, replaced, split_aux
from .levels import Level, derivatives
from .products import forward_products
from .tree import flatten, unflatten

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev"]

Function = Callable[..., Any]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of a function.

    Args:
        func: returns a tensor without dimensions.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: it returns a pair, the second part of which is only handed on.

    Raises:
        RuntimeError: when called: the function returns something else.

    Source: torch's page ``torch.func.grad``.

    Example:
        >>> import flambeau as torch
        >>> grad(grad(lambda x: x**3))(torch.tensor(2.0))
        tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Function, argnums: Argnums = 0, has_aux: bool = False
) -> Function:
    """Return the function that computes the gradient and the value of a function.

    The arguments are those of `grad`; with `has_aux`, the value is a pair.

    Source: torch's page ``torch.func.grad_and_value``.

    Example:
        >>> import flambeau as torch
        >>> grad_and_value(lambda x: x**3)(torch.tensor(2.0))
        (tensor(12.), tensor(8.))
    """
    api = "grad_and_value(f)(*args)"

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        with enable_grad():
            inputs = level.entered(chosen(args, argnums))
            result = func(*replaced(args, argnums, inputs), **kwargs)
        output, aux = split_aux(api, result, has_aux)
        if not isinstance(output, Tensor):
            raise RuntimeError(
                f"{api}: Expected f(*args) to return a Tensor, got {type(output)}"
            )
        if output.dim() != 0:
            raise RuntimeError(
                f"{api}: Expected f(*args) to return a scalar Tensor, got tensor with "
                f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs "
                "instead?"
            )
        leaves, structure = flatten(inputs)
        found = level.left(unflatten(derivatives([output], leaves, [None]), structure))
        value = level.left(output)
        return found, (value, level.left(aux)) if has_aux else value

    return gradient_and_value


def jacrev(
    func: Function,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Function:
    """Return the function that computes all derivatives, an output at a time.

    Args:
        func: returns tensors.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: it returns a pair, the second part of which is only handed on.
        chunk_size: accepted: gradients are computed one by one.

    Returns:
        A function that returns a tensor of shape (output, input), in the structure of
        the output and, within that, of the inputs.

    Raises:
        ValueError: `chunk_size` is not positive.

    Source: torch's page ``torch.func.jacrev``.

    Example:
        >>> import flambeau as torch
        >>> jacrev(torch.square)(torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _all_derivatives("jacrev", func, argnums, has_aux, _by_outputs)


def jacfwd(
    func: Function,
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Function:
    """Return the function that computes all derivatives, an input at a time.

    Args:
        func: returns tensors.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: it returns a pair, the second part of which is only handed on.
        randomness: accepted: the function is called once.

    Returns:
        A function that returns what that of `jacrev` returns.

    Source: torch's page ``torch.func.jacfwd``.

    Example:
        >>> import flambeau as torch
        >>> jacfwd(torch.square)(torch.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    return _all_derivatives("jacfwd", func, argnums, has_aux, _by_inputs)


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes all second derivatives.

    Args:
        func: returns tensors.
        argnums: the argument to differentiate by, or a tuple of several.

    Source: torch's page ``torch.func.hessian``.

    Example:
        >>> import flambeau as torch
        >>> hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


Rule = Callable[[Sequence[Tensor], Sequence[Tensor]], list[list[Tensor]]]


def _all_derivatives(
    api: str, func: Function, argnums: Argnums, has_aux: bool, rule: Rule
) -> Function:
    @functools.wraps(func)
    def jacobian(*args: Any) -> Any:
        level = Level()
        with enable_grad():
            inputs = level.entered(chosen(args, argnums))
            result = func(*replaced(args, argnums, inputs))
        output, aux = split_aux(api, result, has_aux)
        outputs, form = flatten(output)
        check_outputs(api, outputs)
        leaves, structure = flatten(inputs)
        rows = [unflatten(row, structure) for row in rule(outputs, leaves)]
        found = level.left(unflatten(rows, form))
        return (found, level.left(aux)) if has_aux else found

    return jacobian


def _directions(like: Tensor) -> Tensor:
    """Return a tensor for each element, which is 1 there and 0 elsewhere."""
    return eye(like.numel(), dtype=like.dtype).reshape(-1, *like.shape)


def _by_outputs(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[list[Tensor]]:
    rows = []
    for output in outputs:
        found = [
            derivatives([output], inputs, [direction])
            for direction in _directions(output)
        ]
        rows.append(
            [
                _stacked([each[at] for each in found], (*output.shape, *x.shape), x)
                for at, x in enumerate(inputs)
            ]
        )
    return rows


def _by_inputs(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[list[Tensor]]:
    push = forward_products(outputs, inputs)
    rows: list[list[Tensor]] = [[] for _ in outputs]
    for at, x in enumerate(inputs):
        found = []
        for direction in _directions(x):
            tangents = [zeros_like(each) for each in inputs]
            tangents[at] = direction
            found.append(push(tangents))
        for number, (row, output) in enumerate(zip(rows, outputs)):
            shape = (*x.shape, *output.shape)
            whole = _stacked([each[number] for each in found], shape, output)
            order = [*range(x.dim(), len(shape)), *range(x.dim())]
            row.append(whole.permute(order))
    return rows


def _stacked(parts: list[Tensor], shape: tuple[int, ...], like: Tensor) -> Tensor:
    if not parts:
        return like.new_zeros(shape)
    return stack(parts).reshape(shape)
