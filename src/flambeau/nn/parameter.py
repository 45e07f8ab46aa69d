"""Parameter and Buffer: the tensors that a Module keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from ..tensor.creation import empty

__all__ = ["Buffer", "Parameter"]


class _Kept(Tensor):
    """A tensor on the memory of the one it is made from, of a class of its own.

    Everything is done by `__new__`, so that subclasses can extend it as in torch.
    """

    def __new__(cls, data: Tensor | None = None, *args: Any, **kwargs: Any) -> Any:
        if data is None:
            data = empty(0)
        elif not isinstance(data, Tensor):
            raise TypeError(
                f"{cls.__name__}: data must be a Tensor, got {type(data).__name__}; "
                f"write {cls.__name__}(torch.tensor(data))"
            )
        kept = data.detach()
        kept.__class__ = cls
        return kept

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the tensor is complete."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        own = {key: value for key, value in vars(self).items() if key[0] != "_"}
        return _rebuild, (type(self), self.data, self.requires_grad), own


def _rebuild(kind: Callable[..., Tensor], data: Tensor, requires_grad: bool) -> Tensor:
    """Make a parameter or a buffer again from what was pickled."""
    return kind(data).requires_grad_(requires_grad)


class Parameter(_Kept):
    """A tensor that belongs to a Module and is trained.

    A Module that gets one as an attribute lists it in `parameters()`. Operations on
    it return plain tensors.

    Args:
        data: the values; the parameter shares their memory. None: an empty tensor.
        requires_grad: whether gradients are collected, also under `no_grad`.

    Raises:
        TypeError: `data` is not a tensor.
        RuntimeError: a gradient is asked for, and `data` holds no floats.

    Source: torch's page "torch.nn.parameter.Parameter".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Parameter(torch.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    is_parameter = True

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Any:
        """Make the parameter from a tensor."""
        return super().__new__(cls, data).requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        copied = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = copied
        return copied


class Buffer(_Kept):
    """A tensor that belongs to a Module and is not trained, such as a running mean.

    A Module that gets one as an attribute lists it in `buffers()`.

    Args:
        data: the values; the buffer shares their memory. None: an empty tensor.
        persistent: whether the buffer is part of the Module's `state_dict`.

    Raises:
        TypeError: `data` is not a tensor.

    Source: torch's page "torch.nn.parameter.Buffer".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Buffer(torch.ones(2))
        tensor([1., 1.])
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        """Make the buffer from a tensor."""
        kept = super().__new__(cls, data)
        if data is not None:
            kept.requires_grad_(data.requires_grad)
        kept.persistent = persistent
        return kept

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        copied = type(self)(self.data.clone(), persistent=self.persistent)
        memo[id(self)] = copied.requires_grad_(self.requires_grad)
        return copied
