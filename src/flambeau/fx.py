"""`torch.fx` as far as model definitions name it: marks for a tracer that is not here.

Symbolic tracing is out of scope; flambeau records its own graphs, which
`flambeau.debug` shows.
"""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["Graph", "GraphModule", "Node", "Proxy", "Tracer", "symbolic_trace", "wrap"]

T = TypeVar("T")


def wrap(fn_or_name: T) -> T:
    """Return what it is given: there is no tracer that would look into it.

    Example:
        >>> import flambeau.fx
        >>> flambeau.fx.wrap("len")
        'len'
    """
    return fn_or_name


class _Untraced:
    """A class of `torch.fx` that programs may name, and derive from, but not make."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"torch.fx.{type(self).__name__}: symbolic tracing is out of scope; "
            "forward hooks give a module's inner results, flambeau.debug the graph"
        )


class Graph(_Untraced):
    """Not available."""


class GraphModule(_Untraced):
    """Not available."""


class Node(_Untraced):
    """Not available."""


class Proxy(_Untraced):
    """Not available; no value is ever one."""


class Tracer(_Untraced):
    """Not available."""


def symbolic_trace(root: Any, concrete_args: Any = None) -> GraphModule:
    """Raise: symbolic tracing is out of scope.

    Raises:
        NotImplementedError: always.
    """
    return GraphModule(root)
