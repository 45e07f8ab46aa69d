"""Parameter and Buffer: the tensors that a Module keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Never

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..graph import Node
from ..tensor import Tensor, wrap
from ..tensor.creation import empty

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "is_lazy",
]


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


# Before their shape is known


class _Uninitialized(Tensor):
    """What has a dtype but no shape yet: it can be converted, and materialized."""

    cls_to_become: type[Tensor]
    _collects: bool

    @classmethod
    def _make(cls, requires_grad: bool, device: Any, dtype: DType | None) -> Any:
        made = empty(0, device=device, dtype=dtype)
        made.__class__ = cls
        made._collects = requires_grad  # type: ignore[attr-defined]
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the tensor is complete."""

    def materialize(
        self,
        shape: Sequence[int],
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        """Become an ordinary parameter or buffer, whose values are not initialised.

        Args:
            shape: its sizes.
            device: where it is: the CPU.
            dtype: its dtype; the one it has by default.
        """
        collects = self._collects
        data = empty(shape, device=device, dtype=dtype or self.dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.set_data(data.node)
        self.requires_grad_(collects)

    def convert(self, fn: Callable[[Tensor], Tensor]) -> None:
        """Take the dtype that a function gives a tensor."""
        self._node = fn(wrap(self._node)).node

    @property
    def node(self) -> Node:
        """Nothing: there are no values.

        Raises:
            ValueError: always.
        """
        kind = type(self).__name__
        raise ValueError(
            "Attempted to use an uninitialized parameter. This error happens when you "
            f"are using a `LazyModule` or explicitly manipulating `torch.nn.{kind}` "
            "objects. When using LazyModules Call `forward` with a dummy batch to "
            "initialize the parameters before calling torch functions"
        )

    @property
    def shape(self) -> Never:
        """Nothing yet.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This "
            "error usually happens in `load_state_dict` when trying to load an "
            "uninitialized parameter into an initialized one. Call `forward` to "
            "initialize the parameters before accessing their attributes."
        )

    is_leaf = True

    @property
    def requires_grad(self) -> bool:
        """Whether gradients will be collected."""
        return self._collects

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self._collects = wanted

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Say whether gradients will be collected."""
        self._collects = requires_grad
        return self

    def detach(self) -> Any:
        """Return the same: there is no history yet."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self._collects, None, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copied = memo[id(self)] = type(self)(self._collects, None, self.dtype)
        return copied


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known yet.

    Args:
        requires_grad: whether gradients will be collected.
        device: where it will be: the CPU.
        dtype: its dtype.

    Raises:
        ValueError: of whatever needs values or the shape, before `materialize`.

    Source: torch's page "torch.nn.parameter.UninitializedParameter".

    Example:
        >>> from flambeau import nn
        >>> weight = nn.UninitializedParameter()
        >>> weight
        <UninitializedParameter>
        >>> weight.materialize((2, 3))
        >>> type(weight).__name__, weight.shape
        ('Parameter', torch.Size([2, 3]))
    """

    cls_to_become = Parameter

    def __new__(
        cls,
        requires_grad: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> Any:
        """Make a parameter without a shape."""
        return cls._make(requires_grad, device, dtype)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer whose shape is not known yet.

    Args:
        requires_grad: whether gradients will be collected.
        device: where it will be: the CPU.
        dtype: its dtype.
        persistent: whether it is part of the Module's `state_dict`.

    Raises:
        ValueError: of whatever needs values or the shape, before `materialize`.

    Source: torch's page "torch.nn.parameter.UninitializedBuffer".
    """

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        persistent: bool = True,
    ) -> Any:
        """Make a buffer without a shape."""
        made = cls._make(requires_grad, device, dtype)
        made.persistent = persistent
        return made


def is_lazy(param: object) -> bool:
    """Return whether a parameter or buffer has no shape yet."""
    return isinstance(param, _Uninitialized)
