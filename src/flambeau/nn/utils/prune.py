"""Parameters some of whose elements are held at zero; torch's ``nn.utils.prune``.

A pruned ``weight`` is ``weight_orig``, a parameter, times ``weight_mask``, a buffer; a
hook computes it before each call of the module. This file has the functions,
`pruning_methods` the rules that say which elements go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...tensor import Tensor
from ...tensor.creation import ones_like
from ..module import Module
from .convert_parameters import parameters_to_vector
from .pruning_methods import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
)
from .weight_norm import hooks_of, remove_hook

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


def identity(module: Module, name: str) -> Module:
    """Prune nothing, but let the parameter look as if it were pruned.

    Source: torch's page ``torch.nn.utils.prune.identity``.

    Example:
        >>> from flambeau import nn
        >>> list(identity(nn.Linear(2, 1), "weight").state_dict())
        ['bias', 'weight_orig', 'weight_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements drawn at random.

    Args:
        module: the module.
        name: the name of the parameter.
        amount: how many elements, or which part of them.

    Raises:
        TypeError: `amount` is no number.
        ValueError: it is negative, or more than there are.

    Source: torch's page ``torch.nn.utils.prune.random_unstructured``.

    Example:
        >>> from flambeau import nn
        >>> layer = random_unstructured(nn.Linear(2, 3), "weight", 0.5)
        >>> layer.weight_mask.sum()
        tensor(3.)
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the elements of smallest magnitude.

    Args:
        module: the module.
        name: the name of the parameter.
        amount: how many elements, or which part of them.
        importance_scores: whose magnitude counts; the parameter's by default.

    Raises:
        TypeError: `amount` is no number.
        ValueError: it is negative, or more than there are.

    Source: torch's page ``torch.nn.utils.prune.l1_unstructured``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(3, 1)
        >>> scores = torch.tensor([[3.0, -1.0, 2.0]])
        >>> l1_unstructured(layer, "weight", 1, scores).weight_mask
        tensor([[1., 0., 1.]])
    """
    L1Unstructured.apply(module, name, amount, importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune whole channels drawn at random.

    Args:
        module: the module.
        name: the name of the parameter.
        amount: how many channels, or which part of them.
        dim: the dimension that counts channels.

    Raises:
        TypeError: `amount` is no number.
        ValueError: it is negative or more than there are, or the parameter is a vector.
        IndexError: there is no such dimension.

    Source: torch's page ``torch.nn.utils.prune.random_structured``.

    Example:
        >>> from flambeau import nn
        >>> layer = random_structured(nn.Linear(2, 3), "weight", 1, dim=0)
        >>> layer.weight_mask.sum()
        tensor(4.)
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: float,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prune the channels of smallest norm.

    Args:
        module: the module.
        name: the name of the parameter.
        amount: how many channels, or which part of them.
        n: the order of the norm.
        dim: the dimension that counts channels.
        importance_scores: whose norm counts; the parameter's by default.

    Raises:
        TypeError: `amount` is no number.
        ValueError: it is negative or more than there are, or the parameter is a vector.
        IndexError: there is no such dimension.

    Source: torch's page ``torch.nn.utils.prune.ln_structured``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(2, 2)
        >>> scores = torch.tensor([[3.0, 1.0], [2.0, 0.0]])
        >>> ln_structured(layer, "weight", 1, 2, 0, scores).weight_mask
        tensor([[1., 1.],
                [0., 0.]])
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune the elements where a mask is 0.

    Source: torch's page ``torch.nn.utils.prune.custom_from_mask``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> mask = torch.tensor([[1, 0]])
        >>> custom_from_mask(layer, "weight", mask).weight[0, 1] == 0
        tensor(True)
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several parameters as if they were one vector.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: the rule, such as `L1Unstructured`.
        importance_scores: what counts in the place of parameters.
        kwargs: what the rule is made with, such as ``amount``.

    Raises:
        TypeError: the parameters are no iterable, the scores no dict, or the rule
            prunes whole channels.

    Source: torch's page ``torch.nn.utils.prune.global_unstructured``.

    Example:
        >>> from flambeau import nn
        >>> layers = [nn.Linear(2, 1), nn.Linear(1, 2)]
        >>> pairs = [(layer, "weight") for layer in layers]
        >>> global_unstructured(pairs, L1Unstructured, amount=1)
        >>> sum(layer.weight_mask.sum() for layer in layers)
        tensor(3.)
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    pairs = list(parameters)
    tensors = [getattr(module, name) for module, name in pairs]
    counting = [scores.get(pair, each) for pair, each in zip(pairs, tensors)]
    masks = [
        getattr(module, name + "_mask", ones_like(each))
        for (module, name), each in zip(pairs, tensors)
    ]
    container = PruningContainer(method)
    whole = container.compute_mask(
        parameters_to_vector(counting), parameters_to_vector(masks)
    )
    at = 0
    for (module, name), each in zip(pairs, tensors):
        mask = whole[at : at + each.numel()].reshape(each.shape)
        custom_from_mask(module, name, mask)
        at += each.numel()


def remove(module: Module, name: str) -> Module:
    """Make a pruned parameter an ordinary one, which keeps its zeros for now.

    Raises:
        ValueError: it is not pruned.

    Source: torch's page ``torch.nn.utils.prune.remove``.

    Example:
        >>> from flambeau import nn
        >>> layer = random_unstructured(nn.Linear(2, 3), "weight", 0.5)
        >>> list(remove(layer, "weight").state_dict())
        ['bias', 'weight']
    """
    for hook in hooks_of(module, BasePruningMethod):
        if hook._tensor_name == name:
            hook.remove(module)
            remove_hook(module._forward_pre_hooks, hook)
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be "
        "removed"
    )


def is_pruned(module: Module) -> bool:
    """Return whether a module or one below it has a pruned parameter.

    Source: torch's page ``torch.nn.utils.prune.is_pruned``.

    Example:
        >>> from flambeau import nn
        >>> layer = nn.Linear(2, 3)
        >>> is_pruned(layer), is_pruned(identity(layer, "weight"))
        (False, True)
    """
    return any(hooks_of(each, BasePruningMethod) for each in module.modules())
