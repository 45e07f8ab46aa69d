"""What detectors need beside layers: the best boxes, and regions of images.

Source: github.com/onnx/onnx, "Operators", NonMaxSuppression and RoiAlign.
"""

from __future__ import annotations

import numpy as np

import flambeau as fl

from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []


@operator("NonMaxSuppression")
def non_max_suppression(call: Call) -> Tensor:
    """Return (batch, class, box) of boxes that overlap no better one of their class."""
    boxes, scores = (call[at].detach().numpy() for at in range(2))
    most = int(call.numbers(2)[0]) if call.has(2) else 0
    overlap = float(call.numbers(3)[0]) if call.has(3) else 0.0
    least = float(call.numbers(4)[0]) if call.has(4) else -np.inf
    found = []
    for image, all_scores in enumerate(scores):
        corners = _corners(boxes[image], call.get("center_point_box", 0))
        for kind, each in enumerate(all_scores):
            kept = _best(corners, each, most, overlap, least)
            found += [(image, kind, box) for box in kept]
    return fl.from_numpy(np.array(found, np.int64).reshape(-1, 3))


def _corners(boxes: np.ndarray, centred: int) -> np.ndarray:
    """Boxes as their least and greatest corners, (boxes, 4)."""
    first, second = boxes[:, :2], boxes[:, 2:]
    if centred:
        first, second = first - second / 2, first + second / 2
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], 1)


def _best(
    corners: np.ndarray, scores: np.ndarray, most: int, overlap: float, least: float
) -> list[int]:
    kept: list[int] = []
    for box in np.argsort(-scores, kind="stable"):
        if len(kept) == most or scores[box] <= least:
            break
        if not kept or _overlaps(corners[box], corners[kept]).max() <= overlap:
            kept.append(int(box))
    return kept


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area that a box shares with others, of what they cover together."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    own = (box[2:] - box[:2]).prod()
    union = own + (others[:, 2:] - others[:, :2]).prod(1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


@operator("RoiAlign")
def roi_align(call: Call) -> Tensor:
    """Return the mean, or the greatest, of points read between places in regions."""
    x, rois, images = call[0], call[1].detach().numpy(), call[2].long()
    size = call.get("output_height", 1), call.get("output_width", 1)
    # before opset 16, places were counted from their corners
    default = "half_pixel" if call.opset >= 16 else "output_half_pixel"
    mode = call.get("coordinate_transformation_mode", default)
    shift = 0.5 if mode == "half_pixel" else 0.0
    ratio, scale = call.get("sampling_ratio", 0), call.get("spatial_scale", 1.0)
    regions = []
    for image, roi in zip(images.unbind(0), rois * scale - shift):
        lengths = roi[[3, 2]] - roi[[1, 0]]
        if not shift:
            lengths = np.maximum(lengths, 1)
        axes = [
            _weights(roi[1 - at], lengths[at], size[at], ratio, x.shape[2 + at])
            for at in range(2)
        ]
        regions.append(_region(x[image], axes, call.get("mode", "avg")))
    return fl.stack(regions).to(x.dtype)


def _weights(start: float, length: float, bins: int, ratio: int, size: int) -> Tensor:
    """How much of each place the points of each bin read, (bins, points, size)."""
    count = ratio or max(int(np.ceil(length / bins)), 1)
    step = length / bins / count
    points = start + (np.arange(bins * count) + 0.5) * step
    inside = (points >= -1) & (points <= size)
    points = np.clip(points, 0, size - 1)
    low = np.minimum(points.astype(np.int64), size - 1)
    part = points - low
    found = np.zeros((bins * count, size), np.float32)
    rows = np.arange(bins * count)
    found[rows, low] += inside * (1 - part)
    found[rows, np.minimum(low + 1, size - 1)] += inside * part
    return fl.from_numpy(found.reshape(bins, count, size))


def _region(image: Tensor, axes: list[Tensor], mode: str) -> Tensor:
    rows, columns = (each.to(image.dtype) for each in axes)
    if mode == "avg":
        rows, columns = rows.mean(1), columns.mean(1)
        return fl.einsum("chw,yh,xw->cyx", image, rows, columns)
    # the greatest of the four weighted neighbours of all points of a bin
    near = fl.einsum("ypa,xqb->yxpqab", rows, columns)
    wide = image.reshape(len(image), 1, 1, 1, 1, *image.shape[1:]) * near
    return wide.amax((3, 4, 5, 6))
