"""Comparing analytic gradients with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..graph import constant
from .api import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """Analytic and numerical gradients differ."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    r"""Check the gradients of `func` against central differences.

    .. math:: \partial f / \partial x \approx (f(x + eps) - f(x - eps)) / (2 eps)

    Args:
        func: takes the inputs and returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; those that require a gradient are checked, and
            should be float64.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise where they differ, else return False.
        nondet_tol: without effect, like all that follow: two passes give the same
            bits, there is one way to differentiate, and whole Jacobians are compared.

    Raises:
        GradcheckError: they differ; names the input and the output.
        ValueError: no input requires a gradient.

    Source: torch's page "torch.autograd.gradcheck".

    Example:
        >>> import flambeau as torch
        >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
        >>> torch.autograd.gradcheck(torch.sin, x)
        True
    """
    arguments = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    if not any(_is_checked(each) for each in arguments):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but "
            "none of the them have requires_grad=True."
        )
    for problem in _differences(func, list(arguments), eps, atol, rtol):
        if raise_exception:
            raise GradcheckError(problem)
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check second derivatives: `gradcheck` of the gradients of `func`.

    Args:
        func: as for `gradcheck`.
        inputs: as for `gradcheck`.
        grad_outputs: weights of the outputs; by default reproducible random ones.
        eps: the step of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        gen_non_contig_grad_outputs: without effect.
        raise_exception: raise where they differ, else return False.
        nondet_tol: without effect, like all that follow; see `gradcheck`.

    Raises:
        GradcheckError: they differ.
    """
    arguments = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    outputs = _outputs(func, arguments)
    weights = grad_outputs or [
        _weight_like(each, at) for at, each in enumerate(outputs)
    ]
    weights = weights if isinstance(weights, (tuple, list)) else [weights]
    count = len(arguments)

    def first_derivatives(*given: Any) -> tuple[Any, ...]:
        results = _outputs(func, given[:count])
        checked = [each for each in given[:count] if _is_checked(each)]
        found = grad(
            results, checked, given[count:], create_graph=True, allow_unused=True
        )
        return tuple(each for each in found if each is not None and each.requires_grad)

    return gradcheck(
        first_derivatives,
        (*arguments, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )


def _is_checked(value: Any) -> bool:
    return hasattr(value, "from_node") and value.requires_grad


def _weight_like(output: Any, seed: int) -> Any:
    values = np.random.default_rng(seed).uniform(0.5, 1.5, tuple(output.shape))
    node = constant(values.astype(output.dtype.numpy), output.dtype)
    return output.from_node(node).requires_grad_()


def _outputs(func: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    found = func(*arguments)
    listed = found if isinstance(found, (tuple, list)) else (found,)
    return [each for each in listed if each.dtype.is_floating_point]


def _differences(
    func: Callable[..., Any], arguments: list[Any], eps: float, atol: float, rtol: float
) -> Iterator[str]:
    """Yield a message for each Jacobian that does not agree."""
    checked = [at for at, each in enumerate(arguments) if _is_checked(each)]
    for at in checked:
        numerical = _numerical(func, arguments, at, eps)
        outputs = _outputs(func, arguments)
        for which, output in enumerate(outputs):
            analytic = _analytic(output, arguments[at])
            if not np.allclose(analytic, numerical[which], rtol, atol, equal_nan=True):
                yield (
                    f"Jacobian mismatch for output {which} with respect to input {at}"
                    ",\n"
                    f"numerical:{numerical[which]}\nanalytical:{analytic}"
                )


def _analytic(output: Any, source: Any) -> np.ndarray:
    """Return the Jacobian (input elements x output elements), a backward per column."""
    size = output.numel()
    jacobian = np.zeros((source.numel(), size))
    for column in range(size if output.requires_grad else 0):
        one = np.zeros(size, output.dtype.numpy)
        one[column] = 1
        weight = output.from_node(constant(one.reshape(tuple(output.shape))))
        (g,) = grad(output, source, weight, retain_graph=True, allow_unused=True)
        if g is not None:
            jacobian[:, column] = g.detach().numpy().reshape(-1)
    return jacobian


def _numerical(
    func: Callable[..., Any], arguments: list[Any], at: int, eps: float
) -> list[np.ndarray]:
    """Return a Jacobian per output by central differences in one input."""
    source = arguments[at]
    flat = source.detach().numpy().reshape(-1).copy()
    rows = []
    for position in range(flat.size):
        high, low = (
            _shifted(func, arguments, at, flat, position, step) for step in (eps, -eps)
        )
        pairs = zip(high, low, strict=True)
        rows.append([(up - down) / (2 * eps) for up, down in pairs])
    count = len(rows[0]) if rows else 0
    return [np.array([row[which] for row in rows]) for which in range(count)]


def _shifted(
    func: Callable[..., Any],
    arguments: list[Any],
    at: int,
    flat: np.ndarray,
    position: int,
    step: float,
) -> list[np.ndarray]:
    """Return the flat outputs with one element of one input moved by `step`."""
    source, moved = arguments[at], flat.copy()
    moved[position] += step
    replaced = list(arguments)
    node = constant(moved.reshape(tuple(source.shape)))
    # a leaf, because `func` may itself differentiate
    replaced[at] = source.from_node(node).requires_grad_()
    return [
        each.detach().numpy().reshape(-1).copy() for each in _outputs(func, replaced)
    ]
