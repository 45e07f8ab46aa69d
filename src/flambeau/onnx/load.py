"""Reading an ONNX file as a module."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..serialization import CheckpointError
from .control import CONTROL, Inner
from .graph_module import GraphModule, Step
from .library import onnx
from .operators import OPERATORS
from .operators.narrow import narrow
from .settle import settle_types
from .writer import ELEMENT_TYPES

__all__ = ["load"]

_DOMAINS = ("", "ai.onnx")


def load(path: str | os.PathLike[str]) -> GraphModule:
    """Return a module that computes the graph of an ONNX file.

    Float weights are parameters and can be trained; the module is in evaluation mode.
    Nothing in the file is executed, and weights beside the file are read only from its
    own folder.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: the onnx package is not installed.
        NotImplementedError: an operator, its version or a dtype is not supported; names
            all such operators.
        CheckpointError: the file is no ONNX model, or is damaged.

    Source: github.com/onnx/onnx, "Operators".

    Example:
        >>> import flambeau as torch, tempfile
        >>> from flambeau import nn
        >>> path = tempfile.mkdtemp() + "/net.onnx"
        >>> torch.onnx.export(nn.Linear(3, 2), torch.zeros(1, 3), path)
        >>> net = torch.onnx.load(path)
        >>> [name for name, _ in net.named_parameters()]
        ['weight', 'bias']
        >>> net(torch.zeros(4, 3)).shape
        torch.Size([4, 2])
    """
    reader = _Reader(Path(path))
    graph = reader.model.graph
    reader.check_operators()
    weights = dict(reader.weights(graph))
    inputs = [each.name for each in graph.input if each.name not in weights]
    outputs = [each.name for each in graph.output]
    steps = reader.steps(graph.node)
    types = {each.name: each.type.tensor_type.elem_type for each in graph.input}
    settle_types(steps, types, weights)
    reader.check_names(steps, [*inputs, *weights], outputs)
    return GraphModule(steps, weights, inputs, outputs, reader.opset).eval()


def _nodes(nodes: Iterable[Any]) -> Iterable[Any]:
    """All nodes, those of inner graphs too."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g.node)


def _names(graph: Any) -> Iterable[Any]:
    """All names in a graph; protobuf returns what is no UTF-8 as bytes."""
    for each in (*graph.input, *graph.output, *graph.initializer):
        yield each.name
    for tensor in graph.initializer:
        yield from _places(tensor)
    for node in graph.node:
        yield from (node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            yield from _places(attribute.t)
            yield from _names(attribute.g)


def _places(tensor: Any) -> Iterable[Any]:
    """The names that say where a constant lies."""
    for each in tensor.external_data:
        yield from (each.key, each.value)


class _Reader:
    """One file, taken apart by the onnx package; every error names the file.

    Attributes:
        model: what the file holds.

    Args:
        file: where it is.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._content = file, file.read_bytes()
        self.model = onnx().ModelProto()
        try:
            self.model.ParseFromString(self._content)
        except Exception as error:  # protobuf's own, of whichever implementation
            raise self._error(f"no ONNX model, or damaged: {error}") from error
        if not self.model.graph.output:
            raise self._error("no ONNX model: it holds no graph with outputs")
        if not all(isinstance(each, str) for each in _names(self.model.graph)):
            raise self._error("damaged: a name is no text")

    @property
    def opset(self) -> int:
        """The version of the operators that the file is written for."""
        found = [
            each.version for each in self.model.opset_import if each.domain in _DOMAINS
        ]
        if not found:
            raise self._error("it names no version of ONNX's operators")
        return int(found[0])

    def _error(self, problem: str, near: str = "") -> CheckpointError:
        """The error about a problem, at the first place of a name."""
        place = self._content.find(near.encode()) if near else 0
        return CheckpointError(str(self._file), max(place, 0), problem)

    def check_operators(self) -> None:
        """Raise unless all operators are here; names all that are not."""
        unknown = sorted(
            {
                f"{node.domain}.{node.op_type}".lstrip(".")
                for node in _nodes(self.model.graph.node)
                if node.domain not in _DOMAINS
                or node.op_type not in {*OPERATORS, *CONTROL}
            }
        )
        if unknown:
            raise NotImplementedError(
                f"{self._file}: flambeau has no operators {', '.join(unknown)}; "
                f"it has {len(OPERATORS) + len(CONTROL)} of ONNX's"
            )

    def check_names(
        self, steps: list[Step], known: Iterable[str], outputs: Iterable[str]
    ) -> None:
        """Raise unless each value is made before it is read.

        Args:
            steps: the nodes of a graph.
            known: the names that are there before it.
            outputs: the names that it must leave.
        """
        made = {"", *known}
        for step in steps:
            for inner in step.attributes.values():
                if isinstance(inner, Inner):
                    known = {*made, *inner.weights, *inner.inputs}
                    self.check_names(inner.steps, known, inner.outputs)
            self._check_made(step.inputs, made, f"a {step.kind} node reads")
            made.update(step.outputs)
        self._check_made(outputs, made, "the outputs name")

    def _check_made(self, names: Iterable[str], made: set[str], what: str) -> None:
        for name in names:
            if name not in made:
                raise self._error(f"{what} {name!r}, which nothing makes", name)

    # Constants

    def weights(self, graph: Any) -> Iterable[tuple[str, np.ndarray]]:
        """The constants of a graph by name."""
        for tensor in graph.initializer:
            yield tensor.name, self._array(tensor)

    def _array(self, tensor: Any) -> np.ndarray:
        shape, name = tuple(tensor.dims), tensor.name
        if any(size < 0 for size in shape):
            raise self._error(f"the constant {name!r} has sizes {list(shape)}", name)
        self._check_type(tensor.data_type, name)
        if tensor.data_location == onnx().TensorProto.EXTERNAL:
            return self._external(tensor, shape)
        return self._inside(tensor, shape)

    def _check_type(self, number: int, name: str) -> None:
        """Raise unless a constant's element type is one that tensors can hold."""
        kinds = onnx().TensorProto.DataType
        if number not in kinds.values() or number == onnx().TensorProto.UNDEFINED:
            raise self._error(
                f"the constant {name!r} is of type {number}, which there is not", name
            )
        kind = kinds.Name(number)
        if kind not in ELEMENT_TYPES.values() and narrow(number) is None:
            raise NotImplementedError(
                f"{self._file}: flambeau has no dtype {kind}, which the constant "
                f"{name!r} has"
            )

    def _inside(self, tensor: Any, shape: tuple[int, ...]) -> np.ndarray:
        """The elements of a constant that lie in the file itself."""
        name = tensor.name
        try:
            array = np.array(onnx().numpy_helper.to_array(tensor))
        except Exception as error:  # whatever the package meets in a damaged file
            raise self._error(f"the constant {name!r} is damaged: {error}", name) from (
                error
            )
        if array.shape != shape:
            raise self._error(
                f"the constant {name!r} has {array.size} elements, not {shape}",
                name,
            )
        return array

    def _external(self, tensor: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Map a constant that lies in a file of its own, in the model's folder."""
        name = tensor.name
        where = {each.key: each.value for each in tensor.external_data}
        folder, place = self._file.parent.resolve(), where.get("location", "")
        try:
            source = (folder / place).resolve()
            is_here = folder in source.parents and source.is_file()
        except (OSError, ValueError):  # too long, or no name of a file
            is_here = False
        if not is_here:
            raise self._error(
                f"the constant {name!r} lies in {place[:200]!r}, which is no "
                "file in the model's folder",
                name,
            )
        few = narrow(tensor.data_type)
        kind = onnx().helper.tensor_dtype_to_np_dtype(tensor.data_type)
        bits = 8 * kind.itemsize if few is None else few.bits
        try:
            start = int(where.get("offset", 0))
            stop = start - (-math.prod(shape) * bits // 8)
            if start < 0 or stop > source.stat().st_size:
                raise ValueError(f"bytes {start} to {stop} are not in the file")
            if bits >= 8:
                return np.memmap(source, kind, "r", start, shape)
            packed = onnx().TensorProto(name=name, data_type=tensor.data_type)
            packed.dims.extend(shape)
            packed.raw_data = np.memmap(source, np.uint8, "r")[start:stop].tobytes()
            return self._inside(packed, shape)
        except (ValueError, OverflowError) as error:
            raise self._error(
                f"the constant {name!r} is not in {source.name}: {error}", name
            ) from error

    # Nodes

    def steps(self, nodes: Iterable[Any]) -> list[Step]:
        """The nodes with attributes as Python values."""
        return [
            Step(
                node.op_type,
                tuple(node.input),
                tuple(node.output),
                {each.name: self._attribute(each) for each in node.attribute},
                node.SerializeToString() if node.input else b"",
            )
            for node in nodes
        ]

    def _attribute(self, attribute: Any) -> Any:
        kinds = onnx().AttributeProto
        if attribute.type == kinds.GRAPH:
            graph = attribute.g
            weights = dict(self.weights(graph))
            inputs, outputs = (
                [each.name for each in side] for side in (graph.input, graph.output)
            )
            return Inner(self.steps(graph.node), weights, inputs, outputs)
        if attribute.type == kinds.TENSOR:
            return self._array(attribute.t)
        try:
            value = onnx().helper.get_attribute_value(attribute)
        except ValueError as error:
            raise self._error(
                f"the attribute {attribute.name!r} is of no known type", attribute.name
            ) from error
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if attribute.type == kinds.STRINGS:
            return [each.decode("utf-8", "replace") for each in value]
        return list(value) if attribute.type in (kinds.INTS, kinds.FLOATS) else value
