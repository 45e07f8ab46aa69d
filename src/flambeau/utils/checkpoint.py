"""`torch.utils.checkpoint`: the calls that trade time for memory, without the trade.

The results and gradients are those of the plain call. Nothing is computed twice: a
step is compiled as a whole, and what it holds is decided there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return `function(*args, **kwargs)`.

    Args:
        function: what is called.
        args: its arguments.
        kwargs: its named arguments.
        use_reentrant, context_fn, determinism_check, debug, early_stop: how torch
            would compute it again.
        preserve_rng_state: likewise.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.utils.checkpoint import checkpoint
        >>> checkpoint(torch.relu, torch.tensor([-1., 1.]), use_reentrant=False)
        tensor([0., 1.])
    """
    return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Sequence[Callable[..., Any]] | Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Return what the functions, one after the other, make of `input`."""
    for each in functions:
        input = each(input)
    return input
