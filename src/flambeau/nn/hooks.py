"""Hooks on the call of a module: on one module, and on every module.

A module without hooks never comes here. With hooks, one call goes through

    forward pre-hooks -> forward -> forward hooks

and, if there are backward hooks, through the two borders of `backward_hooks`. Hooks on
every module run before those of the module itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from ..tensor.gradient_edge import RemovableHandle
from .backward_hooks import Borders

__all__ = [
    "EVERY_MODULE",
    "Hook",
    "Hooked",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hooks = dict[int, Any]
"""The hooks of one kind in the order in which they run, by their handle's number."""


class Hook(NamedTuple):
    """A forward hook or pre-hook, and how to call it.

    Attributes:
        function: what the user registered.
        with_kwargs: it is given the keyword arguments of the call, too.
        always_call: it runs even if `forward` raises.
    """

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


class EveryModule:
    """The hooks that concern every module.

    Attributes:
        forward_pre: run before `forward`.
        forward: run after `forward`.
        backward_pre: run with the gradients of the outputs.
        backward: run with the gradients of the inputs and outputs.
        registration: run when a module gets a member, by the member's kind.
    """

    def __init__(self) -> None:
        self.forward_pre: Hooks = {}
        self.forward: Hooks = {}
        self.backward_pre: Hooks = {}
        self.backward: Hooks = {}
        self.registration: dict[str, Hooks] = {
            "parameter": {},
            "buffer": {},
            "module": {},
        }


EVERY_MODULE = EveryModule()


class Hooked:
    """What a Module is with regard to hooks on its call."""

    _forward_pre_hooks: Hooks
    _forward_hooks: Hooks
    _backward_pre_hooks: Hooks
    _backward_hooks: Hooks
    forward: Callable[..., Any]

    def register_forward_pre_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args)` before every `forward`.

        What it returns, unless None, replaces the positional arguments.

        Args:
            hook: the function.
            prepend: run it before the pre-hooks that are registered already.
            with_kwargs: call `hook(module, args, kwargs)`, which may return both.

        Returns:
            A handle, whose `remove()` takes the hook out again.

        Example:
            >>> from flambeau import nn
            >>> model = nn.Sequential()
            >>> with model.register_forward_pre_hook(lambda module, args: -args[0]):
            ...     model(1)
            -1
        """
        return RemovableHandle(
            self._forward_pre_hooks, Hook(hook, with_kwargs), first=prepend
        )

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every `forward`.

        What it returns, unless None, replaces the output.

        Args:
            hook: the function.
            prepend: run it before the hooks that are registered already.
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: run it even if `forward` raises, with None as the output.

        Returns:
            A handle, whose `remove()` takes the hook out again.

        Example:
            >>> from flambeau import nn
            >>> model = nn.Sequential()
            >>> with model.register_forward_hook(lambda module, args, output: -output):
            ...     model(1)
            -1
            >>> model(1)
            1
        """
        return RemovableHandle(
            self._forward_hooks, Hook(hook, with_kwargs, always_call), first=prepend
        )

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` when gradients arrive at the module.

        Args:
            hook: gets a tuple with the gradient of each output, None where there is
                none; what it returns, unless None, replaces the tuple.
            prepend: run it before the pre-hooks that are registered already.

        Returns:
            A handle, whose `remove()` takes the hook out again.
        """
        return RemovableHandle(self._backward_pre_hooks, hook, first=prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when gradients have passed.

        Args:
            hook: gets a tuple with the gradient of each positional argument and one
                with the gradient of each output, None where there is none; what it
                returns, unless None, replaces `grad_input`.
            prepend: run it before the hooks that are registered already.

        Returns:
            A handle, whose `remove()` takes the hook out again.

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> model = nn.Sequential()
            >>> handle = model.register_full_backward_hook(
            ...     lambda module, grad_input, grad_output: print(grad_output)
            ... )
            >>> model(torch.ones(1, requires_grad=True)).backward()
            (tensor([1.]),)
        """
        return RemovableHandle(self._backward_hooks, hook, first=prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register a full backward hook, by the name that torch has deprecated.

        torch shows such a hook the gradients of the last operation in `forward`; here
        it gets those of the module, as `register_full_backward_hook` says.
        """
        return self.register_full_backward_hook(hook)

    def _has_hooks(self) -> bool:
        return bool(
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or EVERY_MODULE.forward
            or EVERY_MODULE.forward_pre
            or EVERY_MODULE.backward
            or EVERY_MODULE.backward_pre
        )

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _HookedCall(self, args, kwargs).run()


class _HookedCall:
    """One call of a module that has hooks, and what they have made of it so far."""

    def __init__(
        self, module: Hooked, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.ran: list[Hook] = []

    def run(self) -> Any:
        """Call the module and its hooks."""
        try:
            return self._through()
        except Exception:
            self._run_those_always_called()
            raise

    def _through(self) -> Any:
        module = self.module
        for hook in _both(EVERY_MODULE.forward_pre, module._forward_pre_hooks):
            self._before(hook)
        borders = Borders(
            module,
            _both(EVERY_MODULE.backward, module._backward_hooks),
            _both(EVERY_MODULE.backward_pre, module._backward_pre_hooks),
        )
        self.args = borders.enter(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for hook in _both(EVERY_MODULE.forward, module._forward_hooks):
            self.ran.append(hook)
            self._after(hook)
        return borders.leave(self.result)

    def _before(self, hook: Hook) -> None:
        if hook.with_kwargs:
            changed = hook.function(self.module, self.args, self.kwargs)
            if changed is None:
                return
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, "
                    f"new_kwargs), but got {changed}."
                )
            self.args, self.kwargs = changed
            return
        changed = hook.function(self.module, self.args)
        if changed is not None:
            self.args = changed if isinstance(changed, tuple) else (changed,)

    def _after(self, hook: Hook) -> None:
        kwargs = (self.kwargs,) if hook.with_kwargs else ()
        changed = hook.function(self.module, self.args, *kwargs, self.result)
        if changed is not None:
            self.result = changed

    def _run_those_always_called(self) -> None:
        for hook in _both(EVERY_MODULE.forward, self.module._forward_hooks):
            if not hook.always_call or any(each is hook for each in self.ran):
                continue
            try:
                self._after(hook)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception "
                    "that was silenced as another error was raised in forward: "
                    f"{error}",
                    stacklevel=2,
                )


def _both(every: Hooks, own: Hooks) -> list[Any]:
    """The hooks of a call: a copy, since a hook may remove itself."""
    return [*every.values(), *own.values()]


# Hooks on every module


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the `forward` of every module.

    Source: torch's page "torch.nn.modules.module.register_module_forward_pre_hook".

    Args:
        hook: as for `Module.register_forward_pre_hook`.

    Returns:
        A handle, whose `remove()` takes the hook out again.
    """
    return RemovableHandle(EVERY_MODULE.forward_pre, Hook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any],
    *,
    with_kwargs: bool = False,
    always_call: bool = False,
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the `forward` of every module.

    Source: torch's page "torch.nn.modules.module.register_module_forward_hook".

    Args:
        hook: as for `Module.register_forward_hook`.
        with_kwargs: call `hook(module, args, kwargs, output)`.
        always_call: run it even if `forward` raises.

    Returns:
        A handle, whose `remove()` takes the hook out again.

    Example:
        >>> from flambeau import nn
        >>> from flambeau.nn.modules.module import register_module_forward_hook
        >>> def show(module, args, output):
        ...     print(type(module).__name__)
        >>> with register_module_forward_hook(show):
        ...     _ = nn.Sequential(nn.Sequential())(0)
        Sequential
        Sequential
    """
    return RemovableHandle(EVERY_MODULE.forward, Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(
    hook: Callable[..., Any],
) -> RemovableHandle:
    """Call `hook(module, grad_output)` when gradients arrive at any module.

    Source: torch's page
    "torch.nn.modules.module.register_module_full_backward_pre_hook".

    Args:
        hook: as for `Module.register_full_backward_pre_hook`.

    Returns:
        A handle, whose `remove()` takes the hook out again.
    """
    return RemovableHandle(EVERY_MODULE.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when gradients have passed a module.

    Source: torch's page "torch.nn.modules.module.register_module_full_backward_hook".

    Args:
        hook: as for `Module.register_full_backward_hook`.

    Returns:
        A handle, whose `remove()` takes the hook out again.
    """
    return RemovableHandle(EVERY_MODULE.backward, hook)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Register a full backward hook on every module, by torch's deprecated name."""
    return register_module_full_backward_hook(hook)


def register_module_parameter_registration_hook(
    hook: Callable[..., Any],
) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when any module gets a parameter.

    What it returns, unless None, is registered instead; the same holds for the two
    functions below.

    Source: torch's page
    "torch.nn.modules.module.register_module_parameter_registration_hook".

    Returns:
        A handle, whose `remove()` takes the hook out again.
    """
    return RemovableHandle(EVERY_MODULE.registration["parameter"], hook)


def register_module_buffer_registration_hook(
    hook: Callable[..., Any],
) -> RemovableHandle:
    """Call `hook(module, name, buffer)` when any module gets a buffer."""
    return RemovableHandle(EVERY_MODULE.registration["buffer"], hook)


def register_module_module_registration_hook(
    hook: Callable[..., Any],
) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when any module gets a submodule."""
    return RemovableHandle(EVERY_MODULE.registration["module"], hook)
