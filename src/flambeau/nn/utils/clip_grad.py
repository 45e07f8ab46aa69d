"""Bounds on gradients, applied between `backward` and the optimizer's step."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable

from ...autograd import no_grad
from ...tensor import Tensor
from ...tensor.creation import tensor
from ...tensor.joining import stack
from ...tensor.norms import vector_norm


@no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of several tensors, taken as one long vector.

    It is the norm of their norms, so that order 0 counts the tensors that are not 0.

    Args:
        tensors: the tensors, or a single one.
        norm_type: the order p of the norm; ``float("inf")`` is the largest magnitude.
        error_if_nonfinite: raise if the norm is infinite or nan.
        foreach: accepted and without effect: the plain loop is compiled as one plan.

    Returns:
        The norm, a tensor without dimensions.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    Source: torch's page ``torch.nn.utils.get_total_norm``.

    Example:
        >>> import flambeau
        >>> get_total_norm([flambeau.tensor([3.0]), flambeau.tensor([[4.0]])])
        tensor(5.)
    """
    norm_type = float(norm_type)
    norms = [vector_norm(each, norm_type) for each in _as_list(tensors)]
    if not norms:
        return tensor(0.0)
    total = vector_norm(stack(norms), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is "
            f"non-finite ({total.item()}), so it cannot be clipped. To disable this "
            "error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale gradients down, in place, by a norm that is known already.

    g ← g · min(1, max_norm / (total_norm + 10⁻⁶))

    Args:
        parameters: the tensors whose gradients are scaled, or a single one.
        max_norm: the bound.
        total_norm: the norm, as `get_total_norm` returns it.
        foreach: accepted and without effect: the plain loop is compiled as one plan.

    Source: torch's page ``torch.nn.utils.clip_grads_with_norm_``.

    Example:
        >>> import flambeau
        >>> weight = flambeau.zeros(2, requires_grad=True)
        >>> (weight * flambeau.tensor([3.0, 4.0])).sum().backward()
        >>> clip_grads_with_norm_(weight, 1.0, flambeau.tensor(5.0))
        >>> weight.grad
        tensor([0.6000, 0.8000])
    """
    scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in _grads(_as_list(parameters)):
        grad.mul_(scale)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale gradients down, in place, so that their total norm is at most a bound.

    g ← g · min(1, max_norm / (‖g‖ + 10⁻⁶)), with the norm of all gradients together.
    Nothing is computed until the step, unless `error_if_nonfinite` asks for the value.

    Args:
        parameters: the tensors whose gradients are scaled, or a single one.
        max_norm: the bound.
        norm_type: the order of the norm; ``float("inf")`` is the largest magnitude.
        error_if_nonfinite: raise if the norm is infinite or nan.
        foreach: accepted and without effect: the plain loop is compiled as one plan.

    Returns:
        The total norm before the scaling, a tensor without dimensions.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    Source: torch's page ``torch.nn.utils.clip_grad_norm_``.

    Example:
        >>> import flambeau
        >>> weight = flambeau.zeros(2, requires_grad=True)
        >>> (weight * flambeau.tensor([3.0, 4.0])).sum().backward()
        >>> clip_grad_norm_([weight], max_norm=1.0)
        tensor(5.)
        >>> weight.grad
        tensor([0.6000, 0.8000])
    """
    is_generator = isinstance(parameters, types.GeneratorType)
    parameters = _as_list(parameters)
    if is_generator and not parameters:
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.",
            stacklevel=2,
        )
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Do what `clip_grad_norm_` does, under its old name, which is deprecated.

    Source: torch's page ``torch.nn.utils.clip_grad_norm``.
    """
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor],
    clip_value: float,
    foreach: bool | None = None,
) -> None:
    """Bound every element of the gradients, in place, to [−clip_value, clip_value].

    Args:
        parameters: the tensors whose gradients are bounded, or a single one.
        clip_value: the bound.
        foreach: accepted and without effect: the plain loop is compiled as one plan.

    Source: torch's page ``torch.nn.utils.clip_grad_value_``.

    Example:
        >>> import flambeau
        >>> weight = flambeau.zeros(2, requires_grad=True)
        >>> (weight * flambeau.tensor([3.0, -0.5])).sum().backward()
        >>> clip_grad_value_([weight], 1.0)
        >>> weight.grad
        tensor([ 1.0000, -0.5000])
    """
    bound = float(clip_value)
    for grad in _grads(_as_list(parameters)):
        grad.clamp_(min=-bound, max=bound)


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _grads(parameters: list[Tensor]) -> list[Tensor]:
    return [each.grad for each in parameters if each.grad is not None]
