"""Custom differentiable functions: torch.autograd.Function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Node, Tape, constant, state
from ..ops.movement import alias
from .grad_mode import no_grad
from .walk import Call

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What `forward` leaves for `backward`; users may add attributes.

    Attributes:
        needs_input_grad: for each argument of `apply`, whether its gradient is asked
            for.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._saved: list[tuple[Any, Node | None]] = []
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) as they are now, for `saved_tensors`."""
        self._saved = [(each, None if each is None else each.node) for each in tensors]

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that were saved, with the values they had."""
        return tuple(
            None if node is None else tensor.from_node(node)
            for tensor, node in self._saved
        )

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs `forward` changed in place; it must return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs no gradient flows through."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether outputs without gradient give zeros (True) or None."""
        self._materialize = value

    def _follow_outputs(self, placed: dict[int, Node]) -> None:
        """Let saved outputs be the recorded ones, for second derivatives."""
        self._saved = [
            (tensor, placed.get(id(tensor), node)) for tensor, node in self._saved
        ]


class Function:
    r"""A function with a derivative of its own.

    Subclasses define `forward(ctx, *args)` and `backward(ctx, *grad_outputs)` as
    static methods, or `forward(*args)` with `setup_context(ctx, inputs, output)`.
    `backward` returns one gradient (or None) for each argument of `forward`.

    Source: torch's page "torch.autograd.Function".

    Example:
        >>> import flambeau as torch
        >>> class Exp(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         result = x.exp()
        ...         ctx.save_for_backward(result)
        ...         return result
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         (result,) = ctx.saved_tensors
        ...         return grad * result
        >>> x = torch.zeros(1, requires_grad=True)
        >>> Exp.apply(x).backward()
        >>> x.grad
        tensor([1.])
    """

    setup_context: Callable[..., None] | None = None

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; to be defined by the subclass."""
        raise TypeError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Turn the outputs' gradients into the arguments'; to be defined."""
        raise TypeError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call the function, and record it if an argument requires a gradient."""
        ctx = FunctionCtx()
        taped = [_is_tensor(each) and each.requires_grad for each in args]
        ctx.needs_input_grad = tuple(taped)
        sources = [each.node if _is_tensor(each) else None for each in args]
        with no_grad():
            if cls.setup_context is None:
                outputs = cls.forward(ctx, *args, **kwargs)
            else:
                outputs = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, outputs)
        if not (state.grad_enabled and any(taped)):
            return outputs
        return _recorded(cls, ctx, sources, outputs)


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "from_node")


def _recorded(
    function: type[Function],
    ctx: FunctionCtx,
    sources: Sequence[Node | None],
    outputs: Any,
) -> Any:
    """Put the outputs of a call on the tape."""
    single = not isinstance(outputs, tuple)
    listed = (outputs,) if single else outputs
    call = Call(
        function.__name__,
        [each for each in sources if each is not None],
        len(listed),
        _backward_of(function, ctx, sources, listed),
        ctx._saved.clear,
    )
    constants = {id(each) for each in ctx._constant}
    placed: dict[int, Node] = {}
    results = []
    for index, output in enumerate(listed):
        if _is_differentiable(output) and id(output) not in constants:
            placed[id(output)] = _on_tape(output.node, Tape(call=call, index=index))
            output = _place(output, placed[id(output)], ctx)
        results.append(output)
    ctx._follow_outputs(placed)
    return results[0] if single else tuple(results)


def _is_differentiable(output: Any) -> bool:
    return _is_tensor(output) and output.dtype.is_floating_point


def _on_tape(node: Node, tape: Tape) -> Node:
    return Node(alias, (node,), {}, node.shape, node.dtype, node.value, tape)


def _place(output: Any, node: Node, ctx: FunctionCtx) -> Any:
    if any(output is each for each in ctx._dirty):
        output.adopt(node)
        return output
    return output.from_node(node)


def _backward_of(
    function: type[Function],
    ctx: FunctionCtx,
    sources: Sequence[Node | None],
    outputs: Sequence[Any],
) -> Callable[[list[Node | None]], list[Node | None]]:
    """Return `function.backward` as the walk calls it, on nodes."""
    likes = [each.node if _is_tensor(each) else None for each in outputs]
    make = next(each for each in outputs if _is_tensor(each)).from_node
    shapes = [None if each is None else (each.shape, each.dtype) for each in likes]

    def run(arrived: list[Node | None]) -> list[Node | None]:
        received = []
        for g, like in zip(arrived, shapes, strict=True):
            if g is None and ctx._materialize and like is not None:
                zero = np.zeros((), like[1].numpy)
                g = constant(np.broadcast_to(zero, like[0]), like[1])
            received.append(None if g is None else make(g))
        sent = function.backward(ctx, *received)
        sent = sent if isinstance(sent, tuple) else (sent,)
        return _match(function, sources, sent)

    return run


def _match(
    function: type[Function], sources: Sequence[Node | None], sent: Sequence[Any]
) -> list[Node | None]:
    """Pick the gradients of the tensor arguments, checking number and shapes."""
    extra = sent[len(sources) :]
    if len(sent) < len(sources) or any(each is not None for each in extra):
        raise RuntimeError(
            f"function {function.__name__}Backward returned an incorrect number of "
            f"gradients (expected {len(sources)}, got {len(sent)})"
        )
    matched: list[Node | None] = []
    for index, (source, g) in enumerate(zip(sources, sent, strict=False)):
        if source is None:
            continue
        if g is not None and g.node.shape != source.shape:
            raise RuntimeError(
                f"Function {function.__name__}Backward returned an invalid gradient "
                f"at index {index} - got {list(g.shape)} but expected shape "
                f"compatible with {list(source.shape)}"
            )
        matched.append(None if g is None else g.node)
    return matched


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` whose gradients must not be differentiated again."""

    @functools.wraps(backward)
    def run(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            return backward(ctx, *grads)

    return run
