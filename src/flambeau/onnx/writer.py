"""The file under construction: named values, constants and nodes of an ONNX graph."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from .. import dtypes as dt
from .library import onnx

__all__ = ["ELEMENT_TYPES", "OPSET", "Writer", "element_type"]

OPSET = 18
# The version of the file format that came with the opset; older runtimes read it.
IR_VERSION = 8

ELEMENT_TYPES = {
    dt.float32: "FLOAT",
    dt.float64: "DOUBLE",
    dt.float16: "FLOAT16",
    dt.bfloat16: "BFLOAT16",
    dt.int8: "INT8",
    dt.int16: "INT16",
    dt.int32: "INT32",
    dt.int64: "INT64",
    dt.uint8: "UINT8",
    dt.uint16: "UINT16",
    dt.uint32: "UINT32",
    dt.uint64: "UINT64",
    dt.bool_: "BOOL",
}


def element_type(kind: dt.dtype) -> int:
    """Return ONNX's number of a dtype."""
    return int(getattr(onnx().TensorProto, ELEMENT_TYPES[kind]))


class Writer:
    """Collects the parts of a graph; every name in it is made here, and once.

    Attributes:
        nodes: the nodes in order.
        constants: the constant arrays by name.
        scope: the path of the module whose nodes are being written.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.scope = ""
        self._taken: set[str] = set()
        self._numbers: dict[tuple[np.dtype, bytes], str] = {}
        self._makers: dict[str, Any] = {}

    def name(self, wish: str) -> str:
        """Return a name that is free: the wish, or the wish with a number."""
        found, number = wish, 0
        while found in self._taken:
            number += 1
            found = f"{wish}_{number}"
        self._taken.add(found)
        return found

    def constant(self, value: Any, wish: str = "") -> str:
        """Add a constant array, and return its name.

        Args:
            value: the array; equal single numbers without a name are added once.
            wish: what to call it; a constant without a name is called by its scope.
        """
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if not wish and array.ndim == 0:
            key = (array.dtype, array.tobytes())
            if key not in self._numbers:
                self._numbers[key] = self._keep(array, "constant")
            return self._numbers[key]
        inner = f"{self.scope}/constant" if self.scope else "constant"
        return self._keep(array, wish or inner)

    def _keep(self, array: np.ndarray, wish: str) -> str:
        name = self.name(wish)
        self.constants[name] = array
        return name

    def integers(self, *values: int) -> str:
        """Add a constant vector of int64, and return its name."""
        return self.constant(np.array(values, np.int64).reshape(len(values)))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its value.

        Args:
            kind: the operator.
            inputs: the names of what it reads; empty for one that is left out.
            attributes: the operator's attributes.
        """
        return self.add_several(kind, 1, *inputs, **attributes)[0]

    def add_several(
        self, kind: str, count: int, *inputs: str, **attributes: Any
    ) -> list[str]:
        """Add a node that returns several values, and return their names.

        Args:
            kind: the operator.
            count: how many values.
            inputs: the names of what it reads.
            attributes: the operator's attributes.
        """
        name = self.name(f"{self.scope}/{kind}" if self.scope else kind)
        results = [self.name(f"{name}_out{at or ''}") for at in range(count)]
        node = onnx().helper.make_node(kind, inputs, results, name=name, **attributes)
        self.nodes.append(node)
        self._makers.update(dict.fromkeys(results, node))
        return results

    def add_named(self, kind: str, source: str, result: str) -> None:
        """Add a node of one input whose value has a name that is taken already."""
        name = self.name(kind)
        node = onnx().helper.make_node(kind, [source], [result], name=name)
        self.nodes.append(node)

    def maker(self, value: str) -> tuple[str, int]:
        """Return the operator that a value comes from, and how many inputs it has."""
        node = self._makers.get(value)
        return ("", 0) if node is None else (node.op_type, len(node.input))

    def inputs_of(self, value: str) -> list[str]:
        """Return the names of what the node that makes a value reads."""
        return list(self._makers[value].input)

    def append_input(self, value: str, name: str) -> str:
        """Give the node that makes a value one more input; returns the value."""
        self._makers[value].input.append(name)
        return value

    def replace_inputs(self, value: str, *names: str) -> str:
        """Give the node that makes a value other inputs; returns the value."""
        node = self._makers[value]
        del node.input[:]
        node.input.extend(names)
        return value

    def rename(self, old: str, new: str) -> bool:
        """Give a value that a node returns another name; False if no node does."""
        made = False
        for node in self.nodes:
            for at, each in enumerate(node.output):
                if each == old:
                    node.output[at], made = new, True
        for node in self.nodes if made else ():
            for at, each in enumerate(node.input):
                if each == old:
                    node.input[at] = new
        return made

    def model(self, title: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """Return the finished model.

        Args:
            title: the graph's name.
            inputs: descriptions of the inputs, as `onnx.helper` makes them.
            outputs: those of the outputs.
        """
        helper = onnx().helper
        nodes, used = self._needed({each.name for each in outputs})
        constants = [
            _tensor(name, value)
            for name, value in self.constants.items()
            if name in used
        ]
        graph = helper.make_graph(nodes, title, inputs, outputs, constants)
        return helper.make_model(
            graph,
            producer_name="flambeau",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )

    def _needed(self, used: set[str]) -> tuple[list[Any], set[str]]:
        """The nodes that the outputs need, and all that is read."""
        nodes = []
        for node in reversed(self.nodes):
            if not used.isdisjoint(node.output):
                nodes.append(node)
                used.update(node.input)
        return nodes[::-1], used


def _tensor(name: str, value: np.ndarray) -> Any:
    if value.dtype == ml_dtypes.bfloat16:
        kind = onnx().TensorProto.BFLOAT16
        bits = value.astype(np.dtype(ml_dtypes.bfloat16)).tobytes()
        return onnx().helper.make_tensor(name, kind, value.shape, bits, raw=True)
    return onnx().numpy_helper.from_array(value, name)
