"""Tracing: what a model computes from its inputs, with the names of its parts.

The model runs once on inputs that have a shape and no values; the lazy graph that this
records is what is exported. Hooks note which module made which node, so that the nodes
of the file can carry the modules' names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..autograd import no_grad
from ..dtypes import dtype
from ..graph import Node, state, topological
from ..nn import Module
from ..ops.op import Op
from ..tensor import Tensor, wrap
from ..tensor.convert import compute

__all__ = ["Call", "Trace", "trace"]


def _no_value(*arrays: np.ndarray, **params: Any) -> np.ndarray:
    raise RuntimeError(
        "onnx.export: the model looks at a value that depends on its inputs (by "
        "item(), bool(), numpy() or the like), so that what it computes is not one "
        "graph; compute it with tensors, for example with where()"
    )


def _input_infer(*, shape: tuple[int, ...], dtype: dtype) -> Any:
    return shape, dtype


# An input of the exported model: it has a shape and no value.
_input = Op("input", _input_infer, _no_value)


Whole = Callable[[Module, tuple[Node, ...]], bool]
"""Tells whether a call of a module, with these inputs, is exported as a whole."""


class Call(NamedTuple):
    """A call of a module that is exported as a whole.

    Attributes:
        module: what was called.
        inputs: the nodes of its tensor arguments.
        outputs: the nodes of the tensors that it returned.
    """

    module: Module
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]


@dataclass
class Trace:
    """One run of a model.

    Attributes:
        inputs: the nodes of the inputs.
        outputs: the nodes of the results, by name.
        names: what a node is called: the path of a parameter or buffer.
        scopes: the path of the innermost module that made a node.
        calls: the calls exported as a whole, by each node that they return.
    """

    inputs: list[Node]
    outputs: dict[str, Node] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    scopes: dict[int, str] = field(default_factory=dict)
    calls: dict[int, Call] = field(default_factory=dict)
    _kept: list[Node] = field(default_factory=list)

    def below(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes that one reads, past what a whole call did inside."""
        if node.value is not None:
            return ()
        call = self.calls.get(id(node))
        return node.inputs if call is None else call.inputs

    def order(self) -> list[Node]:
        """List the nodes that the outputs need, inputs before users."""
        return topological(self.outputs.values(), self.below)

    def note(self, path: str, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        """Give the nodes between two borders the name of a module."""
        known = {id(each) for each in inputs}
        stack = list(outputs)
        while stack:
            node = stack.pop()
            if id(node) in known or id(node) in self.scopes or node.value is not None:
                continue
            self.scopes[id(node)] = path
            self._kept.append(node)  # so that no later node gets its id
            stack.extend(self.below(node))


def trace(
    model: Callable[..., Any],
    inputs: Sequence[Tensor],
    whole: Whole,
) -> Trace:
    """Run a model on inputs without values.

    Args:
        model: a module or a function of tensors.
        inputs: tensors of the shapes and dtypes to run it on.
        whole: tells which calls are exported as a whole.

    Raises:
        RuntimeError: the model looks at values that depend on its inputs.
        TypeError: it returns something that is not made of tensors.
    """
    run = Trace([_input(shape=tuple(x.shape), dtype=x.dtype) for x in inputs])
    handles = _watch(run, model, whole) if isinstance(model, Module) else []
    before, state.combines = state.combines, False
    try:
        with no_grad():
            result = model(*map(wrap, run.inputs))
    finally:
        state.combines = before
        for handle in handles:
            handle.remove()
    run.outputs = dict(_named_results(result))
    if isinstance(model, Module):
        run.note("", run.inputs, list(run.outputs.values()))
    return run


def _watch(run: Trace, model: Module, whole: Whole) -> list[Any]:
    state = [*model.named_parameters(), *model.named_buffers()]
    compute(*(tensor for _, tensor in state))
    run.names = {id(tensor.node): name for name, tensor in state}
    run._kept = [tensor.node for _, tensor in state]

    def hook(path: str) -> Callable[..., None]:
        def note(module: Module, args: Any, output: Any) -> None:
            reads = tuple(each.node for each in _tensors(args))
            makes = tuple(each.node for each in _tensors(output))
            if whole(module, reads):
                call = Call(module, reads, makes)
                run.calls.update((id(each), call) for each in makes)
            run.note(path, reads, makes)

        return note

    return [
        module.register_forward_hook(hook(path))
        for path, module in model.named_modules()
    ]


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors among arguments or results, nested in tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _tensors(each)


def _named_results(result: Any) -> Iterator[tuple[str, Node]]:
    if isinstance(result, Tensor):
        yield "output", result.node
        return
    if isinstance(result, Mapping):
        for key, value in result.items():
            names = list(_named_results(value))
            for name, node in names:
                yield (str(key) if len(names) == 1 else f"{key}_{name}"), node
        return
    found = list(_tensors(result))
    if not found:
        raise TypeError(
            "onnx.export: the model must return tensors, or tuples, lists or dicts of "
            f"them, not {type(result).__name__}"
        )
    yield from ((f"output_{at}", each.node) for at, each in enumerate(found))
