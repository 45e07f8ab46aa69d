"""Reductions, products of matrices, normalisation and sorting in ONNX."""

from __future__ import annotations

import numpy as np

from ... import dtypes as dt
from ...graph import Node
from ..exporter import Exporter, Rule
from ..writer import element_type

__all__ = ["REDUCTIONS"]


def _reduce(kind: str) -> Rule:
    """The rule of a reduction over axes."""

    def rule(to: Exporter, node: Node) -> str:
        axes = node.params.get("axes", (node.params.get("axis"),))
        if not axes:
            return to.value(node.inputs[0])
        places = to.writer.integers(*axes)
        kept = int(node.params["keepdims"])
        value = to.value(node.inputs[0])
        return to.writer.add(kind, value, places, keepdims=kept)

    return rule


def _truth(kind: str) -> Rule:
    """all and any: the least and the greatest of 0 and 1."""

    def rule(to: Exporter, node: Node) -> str:
        add = to.writer.add
        truth = add("Cast", to.value(node.inputs[0]), to=element_type(dt.bool_))
        numbers = add("Cast", truth, to=element_type(dt.int32))
        places = to.writer.integers(*node.params["axes"])
        found = add(kind, numbers, places, keepdims=int(node.params["keepdims"]))
        return add("Cast", found, to=element_type(dt.bool_))

    return rule


def _arg(kind: str) -> Rule:
    def rule(to: Exporter, node: Node) -> str:
        value, axis = to.value(node.inputs[0]), node.params["axis"]
        return to.writer.add(kind, value, axis=axis, keepdims=0)

    return rule


def _along(kind: str) -> Rule:
    """The rule of an operator with the attribute `axis`."""

    def rule(to: Exporter, node: Node) -> str:
        value, axis = to.value(node.inputs[0]), node.params["axis"]
        return to.writer.add(kind, value, axis=axis)

    return rule


def _cumsum(to: Exporter, node: Node) -> str:
    axis = to.writer.constant(np.array(node.params["axis"], np.int64))
    return to.writer.add("CumSum", to.value(node.inputs[0]), axis)


def _argsort(to: Exporter, node: Node) -> str:
    (x,) = node.inputs
    axis = node.params["axis"]
    count = to.vector(to.sizes(x, lambda each: (each.shape[axis],)))
    largest = int(node.params["descending"])
    found = to.writer.add_several(
        "TopK", 2, to.value(x), count, axis=axis, largest=largest
    )
    return found[1]


def _matmul(to: Exporter, node: Node) -> str:
    """Multiply; a transposed weight stays as it is stored, under its own name."""
    a, b = node.inputs
    turned = b.value is None and b.name == "permute" and to.is_constant(b)
    if a.ndim == b.ndim == 2 and turned:
        weight = to.value(b.inputs[0])
        return to.writer.add("Gemm", to.value(a), weight, transB=1)
    return to.writer.add("MatMul", to.value(a), to.value(b))


def _variance(to: Exporter, node: Node) -> str:
    add, (x, mean) = to.writer.add, map(to.value, node.inputs)
    centred = add("Sub", x, mean)
    places = to.writer.integers(*node.params["axes"])
    return add("ReduceMean", add("Mul", centred, centred), places, keepdims=1)


def _normalize(to: Exporter, node: Node) -> str:
    add, (x, mean, var) = to.writer.add, map(to.value, node.inputs)
    eps = to.writer.constant(np.array(node.params["eps"], node.dtype.numpy))
    deviation = add("Sqrt", add("Add", var, eps))
    return add("Div", add("Sub", x, mean), deviation)


REDUCTIONS: dict[str, Rule] = {
    "sum": _reduce("ReduceSum"),
    "prod": _reduce("ReduceProd"),
    "amax": _reduce("ReduceMax"),
    "amin": _reduce("ReduceMin"),
    "all": _truth("ReduceMin"),
    "any": _truth("ReduceMax"),
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "softmax": _along("Softmax"),
    "log_softmax": _along("LogSoftmax"),
    "cumsum": _cumsum,
    "argsort": _argsort,
    "matmul": _matmul,
    "variance_about": _variance,
    "normalize": _normalize,
}
