"""Resize: along each axis, outputs are weighted sums of a few inputs.

The weights are a small matrix per axis, built with NumPy from the operator's options;
an axis whose outputs are single inputs is read by positions instead.

Source: github.com/onnx/onnx, "Operators", Resize.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import flambeau as fl

from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []


class Axis(NamedTuple):
    """How one axis is resized.

    Attributes:
        size: how many inputs there are.
        output: how many outputs.
        scale: outputs per input.
        crop: the part of the inputs that is shown, for "tf_crop_and_resize".
    """

    size: int
    output: int
    scale: float
    crop: tuple[float, float] = (0.0, 1.0)


@operator("Upsample")
def upsample(call: Call) -> Tensor:
    """Enlarge, as before Resize was there."""
    x = call[0]
    scales = call.numbers(1) if call.has(1) else call.get("scales")
    axes = [Axis(n, math.floor(n * s), s) for n, s in zip(x.shape, scales, strict=True)]
    options = {
        "mode": call.get("mode", "nearest"),
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    return _resize(x, dict(enumerate(axes)), Call("Upsample", [], options, call.opset))


@operator("Resize")
def resize(call: Call) -> Tensor:
    """Change sizes by interpolation."""
    x = call[0]
    if call.opset < 11:
        return upsample(call)
    places = [axis % x.ndim for axis in call.get("axes", range(x.ndim))]
    crops = _crops(call, len(places))
    axes = {}
    for place, crop, (output, scale) in zip(places, crops, _sizes(call, places)):
        axes[place] = Axis(x.shape[place], output, scale, crop)
    return _resize(x, axes, call)


def _crops(call: Call, count: int) -> list[tuple[float, float]]:
    cropping = call.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    if not cropping or not call.has(1):
        return [(0.0, 1.0)] * count
    roi = call.numbers(1)
    return list(zip(roi[:count], roi[count:], strict=True))


def _sizes(call: Call, places: list[int]) -> list[tuple[int, float]]:
    """The output's size and the scale of each axis."""
    inputs = [call[0].shape[place] for place in places]
    if call.has(2) and call.numbers(2):
        scales = call.numbers(2)
        return [(math.floor(n * s), s) for n, s in zip(inputs, scales, strict=True)]
    sizes = call.numbers(3)
    policy = call.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return [(out, out / n) for n, out in zip(inputs, sizes, strict=True)]
    ratios = [out / n for n, out in zip(inputs, sizes, strict=True)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return [(math.floor(n * scale + 0.5), scale) for n in inputs]


def _resize(x: Tensor, axes: dict[int, Axis], call: Call) -> Tensor:
    for place, axis in axes.items():
        if axis.output == axis.size and axis.scale == 1 and axis.crop == (0.0, 1.0):
            continue
        x = _along(x, place, axis, call)
    return x


def _along(x: Tensor, place: int, axis: Axis, call: Call) -> Tensor:
    centres = _centres(axis, call.get("coordinate_transformation_mode", "half_pixel"))
    if call.get("mode", "nearest") == "nearest":
        found = _nearest(centres, call.get("nearest_mode", "round_prefer_floor"))
        places = found.astype(np.int64).clip(0, axis.size - 1)
        x = fl.index_select(x, place, fl.from_numpy(places))
    else:
        matrix = fl.from_numpy(_weights(axis, centres, call)).to(x.dtype)
        x = fl.tensordot(x, matrix, ([place], [1])).movedim(-1, place)
    if call.get("coordinate_transformation_mode") != "tf_crop_and_resize":
        return x
    inside = fl.from_numpy((centres >= 0) & (centres <= axis.size - 1))
    shape = (-1, *(1,) * (x.ndim - 1 - place))
    outside = fl.tensor(call.get("extrapolation_value", 0.0), dtype=x.dtype)
    return fl.where(inside.reshape(shape), x, outside)


def _centres(axis: Axis, mode: str) -> np.ndarray:
    """Where the outputs lie among the inputs."""
    at = np.arange(axis.output, dtype=np.float64)
    if mode == "asymmetric":
        return at / axis.scale
    if mode == "align_corners":
        last = axis.scale * axis.size - 1
        return at * (axis.size - 1) / last if axis.output > 1 else at
    if mode == "tf_crop_and_resize":
        start, end = axis.crop
        if axis.output == 1:
            return 0.5 * (start + end) * (axis.size - 1) + at
        return (axis.size - 1) * (start + at * (end - start) / (axis.output - 1))
    if mode == "pytorch_half_pixel" and axis.output == 1:
        return at
    centres = (at + 0.5) / axis.scale - 0.5
    if mode == "half_pixel_symmetric":
        # the sizes rounded down leave a rest, which is shared between both ends
        rounded = axis.output / (axis.scale * axis.size)
        centres += axis.size / 2 * (1 - rounded)
    return centres


def _nearest(centres: np.ndarray, mode: str) -> np.ndarray:
    if mode == "round_prefer_floor":
        return np.ceil(centres - 0.5)
    if mode == "round_prefer_ceil":
        return np.floor(centres + 0.5)
    return np.floor(centres) if mode == "floor" else np.ceil(centres)


def _weights(axis: Axis, centres: np.ndarray, call: Call) -> np.ndarray:
    """The matrix (outputs, inputs); what reaches over an end falls on the end."""
    cubic = call.get("mode") == "cubic"
    narrow = min(axis.scale, 1.0) if call.get("antialias", 0) else 1.0
    reach = math.ceil((2 if cubic else 1) / narrow)
    first = np.floor(centres).astype(np.int64) - reach + 1
    places = first[:, None] + np.arange(2 * reach)
    far = np.abs(places - centres[:, None]) * narrow
    if cubic:
        weights = _cubic(far, call.get("cubic_coeff_a", -0.75))
    else:
        weights = np.maximum(1 - far, 0)
    inside = (places >= 0) & (places < axis.size)
    if call.get("exclude_outside", 0):
        weights = np.where(inside, weights, 0)
    weights = weights / weights.sum(1, keepdims=True)
    matrix = np.zeros((axis.output, axis.size))
    rows = np.arange(axis.output)[:, None]
    np.add.at(matrix, (rows, places.clip(0, axis.size - 1)), weights)
    return matrix


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' filter, of the distance."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
