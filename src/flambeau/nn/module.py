"""Module: the base class of all layers and models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from .. import dtypes as dt
from ..autograd import no_grad
from ..devices import check_device
from ..devices import device as Device
from ..recorder import Counted, later
from ..tensor import Tensor
from ..tensor.creation import empty_like
from .hooks import Hooked
from .members import attributes_of
from .notes import note_module
from .parameter import UninitializedBuffer, UninitializedParameter
from .recall import UNKNOWN, calls, calls_of
from .state import Stateful

__all__ = ["Module"]

_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _blank() -> dict[str, Any]:
    """The attributes of a module that has no members yet."""
    attributes: dict[str, Any] = {name: Counted() for name in _HOOKS}
    attributes["training"] = True
    attributes["_parameters"] = Counted()
    attributes["_buffers"] = Counted()
    attributes["_modules"] = Counted()
    attributes["_non_persistent_buffers_set"] = set()
    return attributes


def _forward_unimplemented(self: Module, *input: Any) -> None:
    raise NotImplementedError(
        f'Module [{type(self).__name__}] is missing the required "forward" function'
    )


class Module(Stateful, Hooked):
    """The base class of all layers and models.

    A subclass calls `super().__init__()`, assigns its parameters and submodules as
    attributes, and defines `forward`, which runs when the module is called. What the
    attributes are is in `members`, `state_dict` in `state`, hooks in `hooks`.

    An error that leaves `forward` gets a note that names the innermost module it came
    from, and its path.

    Attributes:
        training: whether the module is in training mode.

    Source: torch's page "torch.nn.Module".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> class Scale(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.Parameter(torch.tensor([2.]))
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> model = Scale()
        >>> model(torch.ones(3))
        tensor([2., 2., 2.], grad_fn=<MulBackward0>)
        >>> [name for name, _ in model.named_parameters()]
        ['factor']
    """

    training: bool
    call_super_init: bool = False
    forward: Callable[..., Any] = _forward_unimplemented

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            self._take_no_arguments(args, kwargs)
        attributes_of(self).update(_blank())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _take_no_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        name = f"{type(self).__name__}.__init__()"
        if kwargs:
            raise TypeError(
                f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if args:
            raise TypeError(
                f"{name} takes 1 positional argument but {len(args) + 1} were given"
            )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            known = None if kwargs else calls.get(id(self)) or calls_of(self)
            if known is not None:
                result = known.call(self, args)
                if result is not UNKNOWN:
                    return result
            if self._has_hooks():
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            note_module(error, self)
            raise

    def __setstate__(self, state: dict[str, Any]) -> None:
        attributes_of(self).update(_blank())
        attributes_of(self).update(state)

    # Modes

    def train(self, mode: bool = True) -> Self:
        """Set training mode for this module and all below it; dropout obeys it.

        Raises:
            ValueError: `mode` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode: the same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start or stop collecting gradients in all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: drop them; False sets them to zero.
        """
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call a function with every module below this one, and then with this one.

        Example:
            >>> from flambeau import nn
            >>> model = nn.Sequential(nn.Sequential())
            >>> _ = model.apply(lambda module: print(len(module)))
            0
            1
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # Conversion

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the values of all parameters and buffers by what `fn` returns."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is not None:
                    _convert(parameter, fn)
                    if parameter.grad is not None:
                        parameter.grad = fn(parameter.grad)
            for name, buffer in self._buffers.items():
                if isinstance(buffer, UninitializedBuffer):
                    buffer.convert(fn)
                elif buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the floating point parameters and buffers, in place.

        `to(dtype)`, `to(device)`, `to(device, dtype)` or `to(tensor)`, for the dtype of
        another tensor. `non_blocking` and `memory_format` have no effect.

        Returns:
            The module itself.

        Raises:
            TypeError: the dtype is no floating point type.
            RuntimeError: a device other than the CPU.

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> nn.ParameterList([torch.ones(2)]).to(torch.float64)[0].dtype
            torch.float64
        """
        wanted = _wanted_dtype(*args, **kwargs)
        return self if wanted is None else self._to_float(wanted)

    def _to_float(self, wanted: dt.dtype) -> Self:
        return self._apply(lambda t: t.to(wanted) if t.is_floating_point() else t)

    def double(self) -> Self:
        """Convert the floating point parameters and buffers to float64."""
        return self._to_float(dt.float64)

    def half(self) -> Self:
        """Convert the floating point parameters and buffers to float16."""
        return self._to_float(dt.float16)

    def bfloat16(self) -> Self:
        """Convert the floating point parameters and buffers to bfloat16."""
        return self._to_float(dt.bfloat16)

    def float(self) -> Self:
        """Convert the floating point parameters and buffers to float32."""
        return self._to_float(dt.float32)

    def type(self, dst_type: dt.dtype | str) -> Self:
        """Convert all parameters and buffers, integers too, to a dtype."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: int | Device | None = None) -> Self:
        """Say that there is no GPU.

        Raises:
            RuntimeError: always.
        """
        check_device("cuda")
        return self

    def xpu(self, device: int | Device | None = None) -> Self:
        """Say that there is no such device.

        Raises:
            RuntimeError: always.
        """
        check_device("xpu")
        return self

    def ipu(self, device: int | Device | None = None) -> Self:
        """Say that there is no such device.

        Raises:
            RuntimeError: always.
        """
        check_device("ipu")
        return self

    def mtia(self, device: int | Device | None = None) -> Self:
        """Say that there is no such device.

        Raises:
            RuntimeError: always.
        """
        check_device("mtia")
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Let the module's calls be replayed, as `flambeau.compile` would.

        Args:
            args, kwargs: what `flambeau.compile` takes beside the function.

        Example:
            >>> import flambeau as torch
            >>> layer = torch.nn.Linear(2, 1)
            >>> layer.compile()
            >>> with torch.no_grad():
            ...     _ = [layer(torch.ones(1, 2)) for _ in range(3)]
            >>> layer.forward.replays
            1
        """
        self.forward = later.compile(self.forward, *args, **kwargs)

    def to_empty(self, *, device: str | Device | None, recurse: bool = True) -> Self:
        """Replace all parameters and buffers by uninitialised ones."""
        check_device(device)
        return self._apply(empty_like, recurse=recurse)

    def share_memory(self) -> Self:
        """Return the module: there is nothing to do for threads."""
        return self

    # Printing

    def _get_name(self) -> str:
        return self.__class__.__name__

    def extra_repr(self) -> str:
        """Return the options that the printed form shows; for subclasses to define."""
        return ""

    def __repr__(self) -> str:
        options = self.extra_repr()
        lines = options.split("\n") if options else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({options})"
        for name, module in self._modules.items():
            lines.append(f"({name}): {module!r}")
        return printed(self._get_name(), lines)


def printed(name: str, lines: list[str]) -> str:
    """Print a name and what belongs to it, an indented line each."""
    if not lines:
        return f"{name}()"
    whole = "\n".join(lines).split("\n")
    body = "\n".join(f"  {line}" if line else line for line in whole)
    return f"{name}(\n{body}\n)"


def _convert(parameter: Tensor, fn: Callable[[Tensor], Tensor]) -> None:
    if isinstance(parameter, UninitializedParameter):
        parameter.convert(fn)
        return
    converted = fn(parameter)
    if converted is not parameter:
        parameter.data = converted


def _wanted_dtype(
    *args: Any,
    device: str | Device | None = None,
    dtype: dt.dtype | None = None,
    tensor: Tensor | None = None,
    non_blocking: bool = False,
    memory_format: object = None,
) -> dt.dtype | None:
    """Parse the arguments of `Module.to`; only a dtype has an effect."""
    check_device(device)
    for each in (*args, tensor):
        if isinstance(each, Tensor):
            dtype = each.dtype
        elif isinstance(each, dt.dtype):
            dtype = each
        elif isinstance(each, (str, Device)):
            check_device(each)
        elif isinstance(each, int) and not isinstance(each, bool):
            check_device(f"cuda:{each}")
        elif each is not None and not isinstance(each, bool):
            raise TypeError(
                f"Module.to: expected a dtype, a device or a tensor, got {each!r}"
            )
    if dtype is not None and not dtype.is_inexact:
        raise TypeError(
            "nn.Module.to only accepts floating point or complex dtypes, but got "
            f"desired dtype={dtype!r}"
        )
    return dtype
