"""What is asked for when models are made: no initial values, another memory order."""

from __future__ import annotations

import inspect
from typing import Any

from ...random import get_rng_state, set_rng_state
from ..module import Module

__all__ = [
    "convert_conv2d_weight_memory_format",
    "convert_conv3d_weight_memory_format",
    "skip_init",
]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Make a module whose parameters may have any values, and draw no random numbers.

    Args:
        module_cls: the class of the module.
        args: what it is made with.
        kwargs: what it is made with.

    Raises:
        RuntimeError: it is no Module, or takes no `device`.

    Source: torch's page ``torch.nn.utils.skip_init``.

    Example:
        >>> from flambeau import nn
        >>> skip_init(nn.Linear, 5, 1)
        Linear(in_features=5, out_features=1, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    before = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(before)


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Return a module as it is: the compiler chooses the order of weights in memory.

    Args:
        module: the module.
        memory_format: accepted and without effect.

    Source: torch's page ``torch.nn.utils.convert_conv2d_weight_memory_format``.

    Example:
        >>> from flambeau import nn
        >>> convert_conv2d_weight_memory_format(nn.Conv2d(1, 1, 3), None)
        Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1))
    """
    return module


def convert_conv3d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Return a module as it is, as `convert_conv2d_weight_memory_format` does.

    Args:
        module: the module.
        memory_format: accepted and without effect.

    Source: torch's page ``torch.nn.utils.convert_conv3d_weight_memory_format``.

    Example:
        >>> from flambeau import nn
        >>> convert_conv3d_weight_memory_format(nn.Conv3d(1, 1, 3), None)
        Conv3d(1, 1, kernel_size=(3, 3, 3), stride=(1, 1, 1))
    """
    return module
