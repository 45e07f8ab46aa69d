"""`flambeau.compile`: functions that are recorded once and replayed from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..nn import Module
from .compiled import Compiled
from .module import OptimizedModule

__all__ = ["Compiled", "OptimizedModule", "compile"]


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    name: str | None = None,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:
    """Return a function or module that skips its own Python where it can.

    The first calls are recorded, as always. Once two recordings in a row agree, a call
    reads its tensors, runs the plan, and sets what the function has set: what it
    returns, parameters, gradients, buffers, the state of optimizers.

    Args:
        model: a function of tensors, numbers and containers of them, a whole training
            step for instance, or a module. None: return a decorator.
        fullgraph: without effect: there is always one graph or none.
        dynamic: without effect: sizes that vary are recorded once each.
        backend: without effect: ``flambeau.config.backend`` says what computes.
        mode: without effect: kernels are always the fastest known.
        options: without effect.
        disable: return `model` as it is.
        name: without effect, like all that follow.

    Returns:
        For a module an `OptimizedModule`, else a `Compiled`. Its ``replays`` and
        ``recordings`` count calls, and ``reason`` says why calls are not replayed.

    Raises:
        TypeError: `model` cannot be called.

    Source: torch's page "torch.compile".

    Example:
        >>> import flambeau as torch
        >>> @torch.compile
        ... def norm(x):
        ...     return (x * x).sum().sqrt()
        >>> [norm(torch.full((2,), float(i))).item() for i in (3, 4, 5)]
        [4.242640495300293, 5.656854152679443, 7.071067810058594]
        >>> norm.replays
        1
    """
    if model is None:
        return lambda function: compile(function, disable=disable)
    if not callable(model):
        raise TypeError(f"compile takes a function or a module, got {model!r}")
    if disable:
        return model
    return OptimizedModule(model) if isinstance(model, Module) else Compiled(model)
