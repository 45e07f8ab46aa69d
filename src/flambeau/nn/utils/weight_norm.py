"""Weights as a length times a direction, computed before each call of a module."""

from __future__ import annotations

import warnings
from typing import Any

from ...tensor import Tensor
from ..module import Module
from ..parameter import Parameter

__all__ = ["WeightNorm", "norm_except_dim", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """Return the norm over all dimensions but one, kept with size 1; -1 is over all.

    Args:
        v: the tensor.
        pow: the order of the norm.
        dim: the dimension that stays.

    Example:
        >>> import flambeau as torch
        >>> norm_except_dim(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5.],
                [1.]])
    """
    if dim == -1:
        return v.norm(pow)
    axes = [axis for axis in range(v.dim()) if axis != dim]
    return v.norm(pow, axes, keepdim=True)


def scaled_direction(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """Return g v / ‖v‖, with the norms of `norm_except_dim`."""
    return v * (g / norm_except_dim(v, 2, dim))


class WeightNorm:
    """The hook that computes a weight from its length and direction.

    Args:
        name: the name of the weight.
        dim: the dimension along which lengths differ; None or -1: there is one.
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """Return the weight."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return scaled_direction(v, g, self.dim)

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module).detach()
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into its length ``weight_g`` and its direction ``weight_v``.

    w = g v / ‖v‖

    A hook computes the weight before each call. It is deprecated, as in torch:
    `parametrizations.weight_norm` reads its state_dict, too.

    Args:
        module: the module.
        name: the name of the weight.
        dim: the dimension along which lengths differ; None for a single length.

    Returns:
        The module.

    Raises:
        RuntimeError: the weight is split already.

    Source: torch's page ``torch.nn.utils.weight_norm``; Salimans and Kingma,
    arXiv:1602.07868.

    Example:
        >>> import warnings
        >>> from flambeau import nn
        >>> with warnings.catch_warnings(action="ignore"):
        ...     layer = weight_norm(nn.Linear(2, 3))
        >>> list(layer.state_dict())
        ['bias', 'weight_g', 'weight_v']
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    for hook in hooks_of(module, WeightNorm):
        if hook.name == name:
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}"
            )
    made = WeightNorm(name, dim)
    weight = getattr(module, name).detach()
    del module._parameters[name]
    length = norm_except_dim(weight, 2, made.dim)
    module.register_parameter(name + "_g", Parameter(length))
    module.register_parameter(name + "_v", Parameter(weight))
    setattr(module, name, made.compute_weight(module))
    module.register_forward_pre_hook(made)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Undo `weight_norm`; the weight keeps its value.

    Raises:
        ValueError: the weight is not split.

    Source: torch's page ``torch.nn.utils.remove_weight_norm``.

    Example:
        >>> import warnings
        >>> from flambeau import nn
        >>> with warnings.catch_warnings(action="ignore"):
        ...     layer = weight_norm(nn.Linear(2, 3))
        >>> list(remove_weight_norm(layer).state_dict())
        ['bias', 'weight']
    """
    for hook in hooks_of(module, WeightNorm):
        if hook.name == name:
            hook.remove(module)
            remove_hook(module._forward_pre_hooks, hook)
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")


def hooks_of(module: Module, kind: type) -> list[Any]:
    """Return the forward pre-hooks of one kind."""
    called = [each.function for each in module._forward_pre_hooks.values()]
    return [each for each in called if isinstance(each, kind)]


def remove_hook(hooks: dict[int, Any], hook: Any) -> None:
    """Remove a hook from its dictionary."""
    for key, each in list(hooks.items()):
        if getattr(each, "function", each) == hook:
            del hooks[key]
