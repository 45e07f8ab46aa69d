"""Full backward hooks: two steps of autograd at the borders of a module's call.

    args -> | -> forward -> | -> result
          enter           leave

Both steps are the identity. On the way back, the gradients that cross `leave` are the
module's `grad_output`, those that cross `enter` its `grad_input`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import Function, is_grad_enabled
from ..tensor import Tensor

__all__ = ["Borders"]

Gradients = tuple[Any, ...]
"""A gradient, or None, for each argument or output of a module."""


class BackwardHookFunction(Function):
    """The identity; `cross` sees the gradients on their way back and may replace them.

    The name is the one torch shows in `grad_fn`.
    """

    @staticmethod
    def forward(
        ctx: Any, cross: Callable[[Gradients], Gradients], zeros: bool, *tensors: Tensor
    ) -> Gradients:
        """Return the tensors; `zeros` stand for gradients that did not arrive."""
        ctx.cross = cross
        ctx.set_materialize_grads(zeros)
        ctx.mark_non_differentiable(*(t for t in tensors if not t.requires_grad))
        return tensors

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> Gradients:
        """Return what `cross` makes of the gradients."""
        return None, None, *ctx.cross(grad_outputs)


class Borders:
    """The two borders of one call, and what has crossed them on the way back.

    Args:
        module: the module that the hooks are called with.
        hooks: called with (module, grad_input, grad_output).
        pre_hooks: called with (module, grad_output).
    """

    def __init__(
        self,
        module: Any,
        hooks: Iterable[Callable[..., Any]],
        pre_hooks: Iterable[Callable[..., Any]],
    ) -> None:
        self._module = module
        self._hooks = list(hooks)
        self._pre_hooks = list(pre_hooks)
        self._arguments = 0
        self._entered = False
        self._grad_output: Gradients | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments as `forward` is to see them."""
        self._arguments = len(args)
        if self._hooks:
            self._entered, args = self._mark(args, self._at_inputs, zeros=True)
        return args

    def leave(self, result: Any) -> Any:
        """Return the result as the caller is to see it."""
        if not (self._hooks or self._pre_hooks):
            return result
        if isinstance(result, tuple):
            return self._mark(result, self._at_outputs, zeros=False)[1]
        if not isinstance(result, Tensor):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or "
                f"a tuple of Tensors but received {type(result)}",
                stacklevel=2,
            )
        return self._mark((result,), self._at_outputs, zeros=False)[1][0]

    def _mark(
        self,
        values: tuple[Any, ...],
        cross: Callable[[Gradients], Gradients],
        zeros: bool,
    ) -> tuple[bool, tuple[Any, ...]]:
        """Take the tensors among the values over a border, if gradients can come."""
        places = [i for i, each in enumerate(values) if isinstance(each, Tensor)]
        if not is_grad_enabled() or not any(values[i].requires_grad for i in places):
            return False, values

        def spread(gradients: Gradients) -> Gradients:
            whole: list[Any] = [None] * len(values)
            for place, each in zip(places, gradients):
                whole[place] = each
            crossed = cross(tuple(whole))
            return tuple(crossed[place] for place in places)

        marked = list(values)
        tensors = BackwardHookFunction.apply(
            spread, zeros, *(values[i] for i in places)
        )
        for place, each in zip(places, tensors):
            marked[place] = each
        return True, _like(values, marked)

    def _at_outputs(self, grad_output: Gradients) -> Gradients:
        for hook in self._pre_hooks:
            changed = hook(self._module, grad_output)
            if changed is not None:
                _check_number("pre hook", "grad_output", changed, grad_output)
                grad_output = changed
        if self._entered:
            self._grad_output = grad_output
        elif self._hooks:
            self._without_inputs(grad_output)
        return grad_output

    def _at_inputs(self, grad_input: Gradients) -> Gradients:
        grad_output, self._grad_output = self._grad_output, None
        if grad_output is None:  # only the inputs' side of the graph is walked
            return grad_input
        for hook in self._hooks:
            changed = hook(self._module, grad_input, grad_output)
            if changed is not None:
                _check_number("hook", "grad_input", changed, grad_input)
                grad_input = changed
        return grad_input

    def _without_inputs(self, grad_output: Gradients) -> None:
        """Run the hooks although no input requires a gradient."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to "
            "module outputs since no inputs require gradients. See torch's page "
            "torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=2,
        )
        nothing = (None,) * self._arguments
        for hook in self._hooks:
            changed = hook(self._module, nothing, grad_output)
            if changed is not None and any(each is not None for each in changed):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should "
                    "always return None or None for all gradients."
                )


def _like(values: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """Return the items as a tuple of the same type, which may be a named tuple."""
    kind = type(values)
    return kind(*items) if hasattr(values, "_fields") else kind(items)


def _check_number(
    hook: str, name: str, changed: Gradients, expected: Gradients
) -> None:
    if len(changed) != len(expected):
        raise RuntimeError(
            f"Backward {hook} returned an invalid number of {name}, got "
            f"{len(changed)}, but expected {len(expected)}"
        )
