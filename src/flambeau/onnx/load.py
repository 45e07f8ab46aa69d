"""Reading an ONNX file as a module."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .graph_module import GraphModule, Step
from .library import onnx
from .operators import OPERATORS

__all__ = ["load"]

OLDEST, NEWEST = 7, 22
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
        ValueError: the file is no ONNX model, or is damaged.

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
    file = Path(path)
    model = _parsed(file)
    graph = model.graph
    _check_operators(file, model)
    weights = dict(_weights(file, graph))
    inputs = [each.name for each in graph.input if each.name not in weights]
    outputs = [each.name for each in graph.output]
    module = GraphModule(
        _steps(file, graph.node), weights, inputs, outputs, _opset(file, model)
    )
    return module.eval()


def _parsed(file: Path) -> Any:
    library = onnx()
    content = file.read_bytes()
    model = library.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own error, of whichever implementation
        raise ValueError(f"{file}: no ONNX model, or damaged: {error}") from error
    if not model.graph.node and not model.graph.output:
        raise ValueError(f"{file}: no ONNX model: it holds no graph")
    return model


def _opset(file: Path, model: Any) -> int:
    found = [each.version for each in model.opset_import if each.domain in _DOMAINS]
    if not found:
        raise ValueError(f"{file}: names no version of ONNX's operators")
    return int(found[0])


def _nodes(nodes: Iterable[Any]) -> Iterable[Any]:
    """All nodes, those of inner graphs too."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g.node)


def _check_operators(file: Path, model: Any) -> None:
    unknown = sorted(
        {
            f"{node.domain}.{node.op_type}".lstrip(".")
            for node in _nodes(model.graph.node)
            if node.domain not in _DOMAINS
            or (node.op_type not in OPERATORS and node.op_type != "If")
        }
    )
    if unknown:
        raise NotImplementedError(
            f"{file}: flambeau has no operators {', '.join(unknown)}; "
            f"it has {len(OPERATORS)} of ONNX's"
        )


# Constants


def _weights(file: Path, graph: Any) -> Iterable[tuple[str, np.ndarray]]:
    for tensor in graph.initializer:
        yield tensor.name, _array(file, tensor)


def _array(file: Path, tensor: Any) -> np.ndarray:
    if tensor.data_location == onnx().TensorProto.EXTERNAL:
        return _external(file, tensor)
    expected = math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims):
        raise ValueError(
            f"{file}: the constant {tensor.name!r} has sizes {list(tensor.dims)}"
        )
    try:
        array = np.array(onnx().numpy_helper.to_array(tensor))
    except Exception as error:
        raise ValueError(
            f"{file}: the constant {tensor.name!r} is damaged: {error}"
        ) from error
    if array.size != expected:
        raise ValueError(
            f"{file}: the constant {tensor.name!r} holds {array.size} elements, not "
            f"{expected}"
        )
    return array


def _external(file: Path, tensor: Any) -> np.ndarray:
    """Map a constant that lies in a file of its own, in the model's folder."""
    where = {each.key: each.value for each in tensor.external_data}
    folder = file.parent.resolve()
    source = (folder / where.get("location", "")).resolve()
    if folder not in source.parents or not source.is_file():
        raise ValueError(
            f"{file}: the constant {tensor.name!r} lies in "
            f"{where.get('location')!r}, which is no file in the model's folder"
        )
    kind = onnx().helper.tensor_dtype_to_np_dtype(tensor.data_type)
    shape = tuple(tensor.dims)
    try:
        start = int(where.get("offset", 0))
        length = (
            int(np.prod(shape, dtype=object)) * kind.itemsize
            if shape
            else kind.itemsize
        )
        if start < 0 or length < 0 or start + length > source.stat().st_size:
            raise ValueError(f"bytes {start} to {start + length} are not in the file")
        return np.memmap(source, kind, "r", start, shape)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{file}: the constant {tensor.name!r} is not in {source.name}: {error}"
        ) from error


# Nodes


def _steps(file: Path, nodes: Iterable[Any]) -> list[Step]:
    return [
        Step(
            node.op_type,
            tuple(node.input),
            tuple(node.output),
            {each.name: _attribute(file, each) for each in node.attribute},
            node,
        )
        for node in nodes
    ]


def _attribute(file: Path, attribute: Any) -> Any:
    kinds = onnx().AttributeProto
    if attribute.type == kinds.GRAPH:
        graph = attribute.g
        outputs = [each.name for each in graph.output]
        return _steps(file, graph.node), dict(_weights(file, graph)), outputs
    if attribute.type == kinds.TENSOR:
        return _array(file, attribute.t)
    value = onnx().helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type == kinds.STRINGS:
        return [each.decode("utf-8", "replace") for each in value]
    return list(value) if attribute.type in (kinds.INTS, kinds.FLOATS) else value
