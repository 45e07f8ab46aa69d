"""Products of vectors with the matrix of all derivatives of a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import enable_grad
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .arguments import check_outputs, split_aux
from .levels import Level, derivatives
from .tree import flatten, unflatten

__all__ = ["forward_products", "jvp", "linearize", "vjp"]


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Compute a function, and return what multiplies vectors with its derivatives.

    Args:
        func: the function.
        primals: its arguments: tensors, or containers of them.
        has_aux: it returns a pair, the second part of which is only handed on.

    Returns:
        The output, a function from weights of the output to the gradients by the
        arguments, and what else there was, if `has_aux`.

    Raises:
        RuntimeError: the function returns something else than tensors of floats, or
            the weights have another structure than the output.

    Source: torch's page ``torch.func.vjp``.

    Example:
        >>> import flambeau as torch
        >>> output, gradient = vjp(torch.sin, torch.zeros(2))
        >>> gradient(torch.tensor([1.0, 2.0]))
        (tensor([1., 2.]),)
    """
    level = Level()
    with enable_grad():
        inputs = level.entered(primals)
        result, aux = split_aux("vjp(f, *primals)", func(*inputs), has_aux)
    outputs, form = flatten(result)
    check_outputs("vjp(f, *primals)", outputs)
    leaves, structure = flatten(inputs)

    def gradient(
        cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> Any:
        weights, given = flatten(cotangents)
        if given != form:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree "
                f"structure of outputs to the function. cotangents: {given}, "
                f"primal output: {form}"
            )
        found = derivatives(outputs, leaves, weights)
        return level.left(unflatten(found, structure))

    output = level.left(result)
    return (output, gradient, level.left(aux)) if has_aux else (output, gradient)


def forward_products(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> Callable[[Sequence[Tensor]], list[Tensor]]:
    """Return the map from changes of the inputs to changes of the outputs.

    The gradient g(u) of outputs weighted by u is linear in u: its own gradient by u,
    weighted by a change of the inputs, is the change of the outputs.
    """
    weights = [zeros_like(each).requires_grad_() for each in outputs]
    back = derivatives(outputs, inputs, weights)
    return lambda tangents: derivatives(back, weights, list(tangents))


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """Compute a function, and how its output changes along a direction.

    Args:
        func: the function.
        primals: a tuple of its arguments: tensors, or containers of them.
        tangents: the direction, of the same structure.
        strict: accepted: an output that depends on nothing has the change zero.
        has_aux: it returns a pair, the second part of which is only handed on.

    Returns:
        The output, its change, and what else there was, if `has_aux`.

    Raises:
        RuntimeError: `primals` is no tuple, the structures differ, or the function
            returns something else than tensors of floats.

    Source: torch's page ``torch.func.jvp``.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> jvp(torch.square, (x,), (torch.tensor([1.0, 0.5]),))
        (tensor([1., 4.]), tensor([2., 2.]))
    """
    api = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{api}: Expected primals to be a tuple. "
            "E.g. it should be valid to call f(*primals)."
        )
    directions, given = flatten(tangents)
    if given != flatten(primals)[1]:
        raise RuntimeError(
            f"{api}: Expected primals and tangents to have the same python structure. "
            "For example, if primals is a tuple of 3 tensors, tangents also must be. "
            f"Got primals with structure {flatten(primals)[1]} "
            f"and tangents with structure {given}"
        )
    level = Level()
    with enable_grad():
        inputs = level.entered(primals)
        result, aux = split_aux(api, func(*inputs), has_aux)
    outputs, form = flatten(result)
    check_outputs(api, outputs)
    changes = forward_products(outputs, flatten(inputs)[0])(directions)
    found = level.left(result), level.left(unflatten(changes, form))
    return (*found, level.left(aux)) if has_aux else found


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Any]:
    """Compute a function, and return the linear function next to it.

    Args:
        func: the function.
        primals: its arguments: tensors, or containers of them.

    Returns:
        The output, and the function from changes of the arguments to its change.

    Raises:
        RuntimeError: a change has another shape or dtype than its argument.

    Source: torch's page ``torch.func.linearize``.

    Example:
        >>> import flambeau as torch
        >>> output, change = linearize(torch.square, torch.tensor([1.0, 2.0]))
        >>> change(torch.tensor([1.0, 0.5]))
        tensor([2., 2.])
    """
    level = Level()
    with enable_grad():
        inputs = level.entered(primals)
        result = func(*inputs)
    outputs, form = flatten(result)
    check_outputs("linearize(f, *primals)", outputs)
    leaves, structure = flatten(inputs)
    push = forward_products(outputs, leaves)

    def change(*tangents: Any) -> Any:
        given, own = flatten(tangents)
        if own != structure:
            raise RuntimeError(
                "Expected the tangents to have the structure of the primals: "
                f"{structure}, got {own}"
            )
        for index, (tangent, primal) in enumerate(zip(given, leaves)):
            _check_like(index, tangent, primal)
        return level.left(unflatten(push(given), form))

    return level.left(result), change


def _check_like(index: int, tangent: Tensor, primal: Tensor) -> None:
    for what in ("shape", "dtype"):
        own = getattr(tangent, what)
        if own != getattr(primal, what):
            raise RuntimeError(
                f"tangent:{index} with {what} {own} in flattened pytree doesn't match "
                f"the {what} {getattr(primal, what)} of the corresponding primal."
            )
