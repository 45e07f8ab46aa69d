"""A module that computes an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from ..nn import Module, Parameter
from ..tensor import Tensor
from .control import CONTROL, Inner
from .library import onnx
from .operators import OPERATORS, Call, Value, as_tensor
from .operators.narrow import number_of

__all__ = ["GraphModule", "Step"]

# Inputs that are state, and inputs that are settings: neither is trained.
_STATE = {"BatchNormalization": (3, 4)}
_SETTINGS = {
    "Clip": (1, 2),
    "Dropout": (1,),
    "OneHot": (2,),
    "Pad": (2,),
    "Resize": (1, 2),
    "Upsample": (1,),
}

_DEEPEST = 32  # modules in each other that names with dots may ask for


class Step(NamedTuple):
    """One node of the graph.

    Attributes:
        kind: the operator.
        inputs: the names of what it reads, empty where an input is left out.
        outputs: the names of its results.
        attributes: as Python values; a graph is an `Inner`.
        proto: the bytes of the node in the file; empty if it reads nothing.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    proto: bytes


class GraphModule(Module):
    """The module that :func:`load` returns: an ONNX graph, node by node.

    Float weights are parameters and running moments buffers, under the file's names.
    Integers, single numbers and an operator's settings are constants, and what follows
    from constants and shapes alone is computed by NumPy.

    Attributes:
        input_names: of the inputs, in the order of the call.
        output_names: of the results.
        steps: the nodes in order.

    Args:
        steps: the nodes in order.
        weights: the constants by name.
        inputs: the names of the inputs.
        outputs: the names of the results.
        opset: the version of the operators.
    """

    def __init__(
        self,
        steps: list[Step],
        weights: Mapping[str, np.ndarray],
        inputs: Iterable[str],
        outputs: Iterable[str],
        opset: int,
    ) -> None:
        super().__init__()
        self.steps, self.opset = steps, opset
        self.input_names, self.output_names = list(inputs), list(outputs)
        self._known: dict[str, np.ndarray] = {}
        self._places: dict[str, tuple[Module, str]] = {}
        state, settings = _read_as(_STATE, steps), _read_as(_SETTINGS, steps)
        for name, value in weights.items():
            is_fixed = value.dtype.kind in "iub" or number_of(value.dtype) is not None
            if is_fixed or not value.ndim or name in settings:
                self._known[name] = value
            else:
                self._add(name, value, name in state)

    def _add(self, name: str, value: np.ndarray, is_state: bool) -> None:
        """Keep floats as a parameter or buffer."""
        owner, last = self._owner(name)
        tensor = as_tensor(value)
        if is_state:
            owner.register_buffer(last, tensor)
        else:
            owner.register_parameter(last, Parameter(tensor))
        self._places[name] = (owner, last)

    def _owner(self, name: str) -> tuple[Module, str]:
        """The module that holds a name with dots, made if it is not there."""
        owner: Module = self
        *path, last = [part or "_" for part in name.split(".")]
        if len(path) > _DEEPEST:
            return self, _plain(self, name)
        for part in path:
            child = owner._modules.get(part)
            if child is None:
                if hasattr(owner, part):
                    return self, _plain(self, name)
                child = Module()
                owner.add_module(part, child)
            owner = child
        return (self, _plain(self, name)) if hasattr(owner, last) else (owner, last)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute the graph.

        Raises:
            TypeError: the number of inputs is not the graph's.
        """
        if len(inputs) != len(self.input_names):
            raise TypeError(
                f"this ONNX graph takes {len(self.input_names)} inputs "
                f"({', '.join(self.input_names)}), got {len(inputs)}"
            )
        values: dict[str, Value] = dict(self._known)
        for name, (owner, last) in self._places.items():
            values[name] = getattr(owner, last)
        values.update(zip(self.input_names, inputs))
        self._run(self.steps, values)
        found = [_tensor(values[name]) for name in self.output_names]
        return found[0] if len(found) == 1 else tuple(found)

    def _run(self, steps: list[Step], values: dict[str, Value]) -> None:
        for step in steps:
            run = self._controlled if step.kind in CONTROL else self._results
            results = run(step, values)
            values.update(
                (name, each) for name, each in zip(step.outputs, results) if name
            )

    def _results(self, step: Step, values: dict[str, Value]) -> tuple[Value, ...]:
        read = [values[name] if name else None for name in step.inputs]
        while read and read[-1] is None:
            read.pop()
        if read and all(each is None or isinstance(each, np.ndarray) for each in read):
            return _known_results(step, read, self.opset)
        call = Call(
            step.kind,
            read,
            step.attributes,
            self.opset,
            len([name for name in step.outputs if name]),
            self.training,
        )
        result = OPERATORS[step.kind](call)
        return result if isinstance(result, tuple) else (result,)

    def _controlled(self, step: Step, values: dict[str, Value]) -> tuple[Value, ...]:
        """Run a node that holds graphs, which see the names around it."""

        def run(graph: Inner, given: Sequence[Value]) -> list[Value]:
            inner = {**values, **graph.weights, **dict(zip(graph.inputs, given))}
            self._run(graph.steps, inner)
            return [inner[each] for each in graph.outputs]

        read = [values[name] if name else None for name in step.inputs]
        return tuple(CONTROL[step.kind](step.attributes, read, self.opset, run))


def _read_as(inputs: Mapping[str, tuple[int, ...]], steps: list[Step]) -> set[str]:
    """The names that steps read at positions in a table by operator."""
    return {
        step.inputs[at]
        for step in steps
        for at in inputs.get(step.kind, ())
        if at < len(step.inputs)
    }


def _plain(module: Module, name: str) -> str:
    """A name without dots that the module does not have yet."""
    found = name.replace(".", "_")
    while hasattr(module, found):
        found += "_"
    return found


def _tensor(value: Value) -> Tensor:
    return as_tensor(value) if isinstance(value, np.ndarray) else value


def _known_results(step: Step, read: list[Any], opset: int) -> tuple[np.ndarray, ...]:
    """What a node makes of known values, by the onnx package's own reference."""
    kinds = tuple(None if each is None else (each.dtype, each.shape) for each in read)
    run = _reference(step.proto, kinds, opset)
    found = iter(run.run(None, _feeds(read)))
    return tuple(np.asarray(next(found)) if each else None for each in step.outputs)  # type: ignore


def _feeds(read: list[Any]) -> dict[str, np.ndarray]:
    return {f"i{at}": each for at, each in enumerate(read) if each is not None}


@lru_cache(maxsize=4096)
def _reference(proto: bytes, kinds: tuple[Any, ...], opset: int) -> Any:
    """What computes one node, whose inputs are called i0, i1 and so on.

    Args:
        proto: the node.
        kinds: dtype and shape of each input, None where one is left out.
        opset: the version of the operators.
    """
    helper = onnx().helper
    node = onnx().NodeProto()
    node.ParseFromString(proto)
    del node.input[:]
    inputs = []
    for at, kind in enumerate(kinds):
        node.input.append("" if kind is None else f"i{at}")
        if kind is not None:
            element = helper.np_dtype_to_tensor_dtype(kind[0])
            inputs.append(helper.make_tensor_value_info(f"i{at}", element, kind[1]))
    outputs = [
        helper.make_empty_tensor_value_info(each) for each in node.output if each
    ]
    graph = helper.make_graph([node], "one", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return import_module("onnx.reference").ReferenceEvaluator(model)
