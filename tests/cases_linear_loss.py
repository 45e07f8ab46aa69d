"""Records of losses that bring their last linear layer with them."""

from itertools import pairwise
from typing import Any

import numpy as np
import reference
from case import Array, Case, State, classes, grid

WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])


def linear_cross_entropy(
    shape: tuple[int, ...],
    target: Array,
    places: tuple[int, ...] = (),
    bias: bool = False,
    **options: Any,
) -> Case:
    def meaning(state: State, x: Array, t: Array) -> Array:
        scores = reference.linear(x, state["linear.weight"], state.get("linear.bias"))
        scores = scores.reshape(*shape[:-1], 4, *places)
        return reference.cross_entropy(scores, t, **options)

    made = {"in_features": shape[-1], "num_classes": 4, "bias": bias} | options
    if places:
        made["out_features"] = places
    return Case("LinearCrossEntropyLoss", (grid(*shape), target), meaning, made)


def adaptive(shape: tuple[int, ...], target: Array, **options: Any) -> Case:
    cutoffs = [0, *options["cutoffs"], options["n_classes"]]

    def logs_of(state: State, x: Array) -> Array:
        scores = reference.linear(x, state["head.weight"], state.get("head.bias"))
        head = np.log(reference.softmax(scores, -1))
        parts = [head[: cutoffs[1]]]
        for at in range(len(cutoffs) - 2):
            hidden = reference.linear(x, state[f"tail.{at}.0.weight"])
            scores = reference.linear(hidden, state[f"tail.{at}.1.weight"])
            inside = np.log(reference.softmax(scores, -1))
            parts.append(inside + head[cutoffs[1] + at])
        return np.concatenate(parts)

    def meaning(state: State, x: Array, t: Array) -> tuple[Array, Array]:
        rows, targets = x.reshape(-1, x.shape[-1]), t.reshape(-1)
        found = np.array([logs_of(state, row)[at] for row, at in zip(rows, targets)])
        return found.reshape(t.shape), -found.mean()

    made = {"in_features": shape[-1], **options}
    # torch leaves clusters without a target without a gradient, here it is 0
    everywhere = all(
        ((low <= target) & (target < high)).any() for low, high in pairwise(cutoffs[1:])
    )
    inputs = (grid(*shape), target)
    name = "AdaptiveLogSoftmaxWithLoss"
    return Case(name, inputs, meaning, made, in_torch=bool(everywhere))


TWENTY = np.array([0, 19, 4, 5, 11, 12, 3])

CASES = {
    "linear cross_entropy": linear_cross_entropy((5, 3), classes(4, 5)),
    "linear cross_entropy, one sample": linear_cross_entropy(
        (3,), classes(4), bias=True, reduction="none"
    ),
    "linear cross_entropy, sequences": linear_cross_entropy(
        (5, 3), classes(4, 5, 2), (2,), bias=True, weight=WEIGHT
    ),
    "linear cross_entropy, ignoring": linear_cross_entropy(
        (8, 3), classes(4, 8), ignore_index=2, label_smoothing=0.25, reduction="sum"
    ),
    "adaptive softmax": adaptive((7, 16), TWENTY, n_classes=20, cutoffs=[4, 12]),
    "adaptive softmax, one sample": adaptive(
        (16,), np.array(13), n_classes=20, cutoffs=[4, 12], head_bias=True
    ),
    "adaptive softmax, frequent classes only": adaptive(
        (2, 16), np.array([1, 3]), n_classes=20, cutoffs=[4, 12], div_value=2.0
    ),
}
