"""Modules as functions of their parameters, and many of them as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..nn.utils import stateless
from ..tensor import Tensor
from ..tensor.joining import stack

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module as if these tensors were its parameters and buffers.

    Args:
        module: the module, which is left as it was.
        parameter_and_buffer_dicts: a dict of tensors by name, or several of them.
        args: the arguments, a tuple or a single one.
        kwargs: the keyword arguments.
        tie_weights: what is given for a parameter is given for its other names, too.
        strict: all names must be given, and no others.

    Raises:
        ValueError: a name is in several dicts, or there are none; or several values
            for parameters that are tied.
        RuntimeError: `strict`, and names are missing or unknown.

    Source: torch's page ``torch.func.functional_call``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(1, 1, bias=False)
        >>> weight = torch.tensor([[3.0]])
        >>> functional_call(layer, {"weight": weight}, torch.tensor([2.0]))
        tensor([6.])
    """
    return stateless.functional_call(
        module,
        _joined(parameter_and_buffer_dicts),
        args,
        kwargs,
        tie_weights=tie_weights,
        strict=strict,
    )


def _joined(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of "
            f"dicts, but got {type(dicts)}"
        )
    if not all(isinstance(each, Mapping) for each in dicts):
        raise ValueError(
            "Expected all elements of parameter_and_buffer_dicts to be dictionaries"
        )
    names = [name for each in dicts for name in each]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional "
            "call is ambiguous"
        )
    return {name: value for each in dicts for name, value in each.items()}


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the parameters and the buffers of several models, stacked by name.

    Args:
        models: models of one class.

    Raises:
        RuntimeError: there are none, or they differ in class, mode or what they train.

    Source: torch's page ``torch.func.stack_module_state``.

    Example:
        >>> from flambeau import nn
        >>> params, buffers = stack_module_state([nn.Linear(3, 2) for _ in range(5)])
        >>> params["weight"].shape
        torch.Size([5, 2, 3])
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval "
            "mode."
        )
    if len({type(model) for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to be of the same class."
        )
    params = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return _stacked(params), _stacked(buffers)


def _stacked(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    found = {}
    for name in members[0]:
        tensors = [each[name] for each in members]
        trained = {each.requires_grad for each in tensors}
        if len(trained) > 1:
            raise RuntimeError(
                f"Expected {name} from each model to have the same .requires_grad"
            )
        made = stack([each.detach() for each in tensors])
        found[name] = made.requires_grad_(trained.pop())
    return found


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let no batch norm of a model keep running statistics.

    Args:
        root: the model, which is changed.

    Source: torch's page ``torch.func.replace_all_batch_norm_modules_``.

    Example:
        >>> from flambeau import nn
        >>> list(replace_all_batch_norm_modules_(nn.BatchNorm1d(3)).state_dict())
        ['weight', 'bias']
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = None
            module.num_batches_tracked = None
            module.track_running_stats = False
    return root
