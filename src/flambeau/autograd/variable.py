"""`Variable`, under which torch's older programs know tensors."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["Variable"]


class _VariableMeta(type):
    def __call__(
        cls, data: Any, requires_grad: bool = False, volatile: bool | None = None
    ) -> Any:
        if not hasattr(data, "from_node"):
            raise TypeError(
                f"Variable data has to be a tensor, but got {type(data).__name__}"
            )
        if volatile is not None:
            warnings.warn(
                "volatile was removed and now has no effect. Use "
                "`with torch.no_grad():` instead.",
                stacklevel=2,
            )
        return data.detach().requires_grad_(bool(requires_grad))

    def __instancecheck__(cls, instance: Any) -> bool:
        return hasattr(instance, "from_node")


class Variable(metaclass=_VariableMeta):
    """A tensor: `Variable(x)` shows the memory of `x`, cut off from its history.

    Args:
        data: a tensor.
        requires_grad: whether it collects gradients.
        volatile: without effect; warns.

    Raises:
        TypeError: not a tensor.

    Source: torch's page "torch.autograd", section "Variable (deprecated)".

    Example:
        >>> import flambeau as torch
        >>> x = torch.autograd.Variable(torch.ones(2), requires_grad=True)
        >>> x, isinstance(x, torch.autograd.Variable)
        (tensor([1., 1.], requires_grad=True), True)
    """
