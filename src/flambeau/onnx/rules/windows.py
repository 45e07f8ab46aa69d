"""Convolutions, pools, windows and resampling in ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph import Node
from ...ops.numpy_windows import Ints, Pads
from ...ops.resample import Rule as Resampling
from ...ops.resample import taps
from ..exporter import Exporter, Rule

__all__ = ["WINDOWS"]


def _padding(pads: Pads) -> list[int]:
    """ONNX's order: all that is in front, then all that is behind."""
    return [low for low, _ in pads] + [high for _, high in pads]


def _cropped(to: Exporter, value: str, pads: Pads) -> tuple[str, Pads]:
    """Cut what negative padding cuts, and return the padding that is left."""
    if min(map(min, pads)) >= 0:
        return value, pads
    cut = [(max(0, -low), max(0, -high)) for low, high in pads]
    far = 2**62
    axes = range(2, 2 + len(pads))
    starts = to.writer.integers(*(low for low, _ in cut))
    stops = to.writer.integers(*(-high if high else far for _, high in cut))
    value = to.writer.add("Slice", value, starts, stops, to.writer.integers(*axes))
    return value, tuple((max(low, 0), max(high, 0)) for low, high in pads)


def _conv(to: Exporter, node: Node) -> str:
    x, w = node.inputs
    p = node.params
    value, pads = _cropped(to, to.value(x), p["padding"])
    return to.writer.add(
        "Conv",
        value,
        to.value(w),
        kernel_shape=list(w.shape[2:]),
        strides=list(p["stride"]),
        pads=_padding(pads),
        dilations=list(p["dilation"]),
        group=p["groups"],
    )


def _transposed_pads(node: Node, sizes: Ints, kernel: Ints) -> tuple[Pads, list[int]]:
    """The padding that gives the size wanted; what is missing is output padding."""
    p = node.params
    pads, extra = [], []
    each = zip(sizes, kernel, p["stride"], p["dilation"], p["padding"])
    for (size, k, s, d, (low, _)), wanted in zip(each, p["input_size"], strict=True):
        behind = (size - 1) * s + d * (k - 1) + 1 - low - wanted
        pads.append((low, max(behind, 0)))
        extra.append(max(-behind, 0))
    return tuple(pads), extra


def _transposed(to: Exporter, node: Node) -> str:
    """The adjoint of a convolution."""
    g, w = node.inputs
    p = node.params
    pads, extra = _transposed_pads(node, g.shape[2:], w.shape[2:])
    return to.writer.add(
        "ConvTranspose",
        to.value(g),
        to.value(w),
        kernel_shape=list(w.shape[2:]),
        strides=list(p["stride"]),
        pads=_padding(pads),
        dilations=list(p["dilation"]),
        output_padding=extra,
        group=p["groups"],
    )


def _exact_pads(node: Node) -> Pads:
    """The padding behind that gives just as many windows as there are."""
    p = node.params
    (x,) = node.inputs
    dilation = p.get("dilation", (1,) * len(p["kernel"]))
    pads = []
    sizes = zip(x.shape[2:], p["kernel"], p["stride"], dilation, p["padding"])
    for (size, k, s, d, (low, _)), count in zip(sizes, p["output_size"], strict=True):
        pads.append((low, max((count - 1) * s + d * (k - 1) + 1 - low - size, 0)))
    return tuple(pads)


def _max_pool_options(node: Node) -> dict[str, Any]:
    p = node.params
    return {
        "kernel_shape": list(p["kernel"]),
        "strides": list(p["stride"]),
        "pads": _padding(_exact_pads(node)),
        "dilations": list(p["dilation"]),
    }


def _max_pool(to: Exporter, node: Node) -> str:
    value = to.value(node.inputs[0])
    return to.writer.add("MaxPool", value, **_max_pool_options(node))


def _max_pool_index(to: Exporter, node: Node) -> str:
    """Positions within a plane: ONNX counts on through the whole tensor."""
    (x,) = node.inputs
    options = _max_pool_options(node)
    _, found = to.writer.add_several("MaxPool", 2, to.value(x), **options)
    plane = to.writer.constant(np.array(math.prod(x.shape[2:]), np.int64))
    return to.writer.add("Mod", found, plane)


def _sum_pool(to: Exporter, node: Node) -> str:
    """The mean of each window times its size, the padding counted in as zeros."""
    kernel = node.params["kernel"]
    pads = _exact_pads(node)
    value = to.value(node.inputs[0])
    if any(map(any, pads)):
        whole = to.writer.integers(*_padding(((0, 0), (0, 0), *pads)))
        value = to.writer.add("Pad", value, whole)
    mean = to.writer.add(
        "AveragePool",
        value,
        kernel_shape=list(kernel),
        strides=list(node.params["stride"]),
    )
    size = to.writer.constant(np.array(math.prod(kernel), node.dtype.numpy))
    return to.writer.add("Mul", mean, size)


# Windows are a convolution of each channel with kernels that show one element each.


def _one_hot(to: Exporter, node: Node) -> str:
    kernel = node.params["kernel"]
    count = math.prod(kernel)
    return to.writer.constant(
        np.eye(count, dtype=node.dtype.numpy).reshape(count, 1, *kernel)
    )


def _windows(to: Exporter, node: Node) -> str:
    (x,) = node.inputs
    p, add = node.params, to.writer.add
    single = add("Reshape", to.value(x), to.writer.integers(-1, 1, *x.shape[2:]))
    value, pads = _cropped(to, single, p["padding"])
    taken = add(
        "Conv",
        value,
        _one_hot(to, node),
        strides=list(p["stride"]),
        pads=_padding(pads),
        dilations=list(p["dilation"]),
    )
    return add("Reshape", taken, to.shape_of(to.sizes(node, lambda n: n.shape)))


def _fold_windows(to: Exporter, node: Node) -> str:
    (cols,) = node.inputs
    p, add = node.params, to.writer.add
    dims = len(p["kernel"])
    count = math.prod(p["kernel"])
    shape = to.writer.integers(-1, count, *cols.shape[-dims:])
    pads, extra = _transposed_pads(node, cols.shape[-dims:], p["kernel"])
    added = add(
        "ConvTranspose",
        add("Reshape", to.value(cols), shape),
        _one_hot(to, node),
        strides=list(p["stride"]),
        pads=_padding(pads),
        dilations=list(p["dilation"]),
        output_padding=extra,
    )
    return add("Reshape", added, to.shape_of(to.sizes(node, lambda n: n.shape)))


# Resampling


def _resample(to: Exporter, node: Node) -> str:
    """Along one axis: whole repeats are a Resize, all else a product with weights."""
    (x,) = node.inputs
    axis, rule, back = (node.params[each] for each in ("axis", "rule", "back"))
    positions, weights = taps(rule, back)
    value = to.value(x)
    if positions.shape[1] == 1 and (weights == 1).all():
        return _repeat(to, node, value, rule, positions[:, 0])
    matrix = np.zeros((node.shape[axis], x.shape[axis]))
    rows = np.repeat(np.arange(len(positions)), positions.shape[1])
    np.add.at(matrix, (rows, positions.ravel()), weights.ravel())
    matrix = matrix.astype(node.dtype.numpy)
    if axis == x.ndim - 1:
        return to.writer.add("MatMul", value, to.writer.constant(matrix.T))
    order = [at for at in range(x.ndim) if at != axis]
    order.insert(x.ndim - 2, axis)
    undo = sorted(range(x.ndim), key=order.__getitem__)
    moved = to.writer.add("Transpose", value, perm=order)
    done = to.writer.add("MatMul", to.writer.constant(matrix), moved)
    return to.writer.add("Transpose", done, perm=undo)


def _repeat(
    to: Exporter, node: Node, value: str, rule: Resampling, positions: np.ndarray
) -> str:
    axis = node.params["axis"]
    times, rest = divmod(rule.output, rule.size)
    if rest or (positions != np.arange(rule.output) // times).any():
        places = to.writer.constant(positions)
        return to.writer.add("Gather", value, places, axis=axis)
    scales = np.ones(node.ndim, np.float32)
    scales[axis] = times
    return to.writer.add(
        "Resize",
        value,
        "",
        to.writer.constant(scales),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


WINDOWS: dict[str, Rule] = {
    "conv": _conv,
    "conv_input_grad": _transposed,
    "max_pool": _max_pool,
    "max_pool_index": _max_pool_index,
    "sum_pool": _sum_pool,
    "windows": _windows,
    "fold_windows": _fold_windows,
    "resample": _resample,
}
