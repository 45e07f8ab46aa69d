"""Records of losses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import reference
from case import Array, Case, State, chances, classes, grid

WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])


def cross_entropy(
    shape: tuple[int, ...],
    target: Array | None = None,
    layer: str = "CrossEntropyLoss",
    **options: Any,
) -> Case:
    """Four classes; without a target there are classes drawn for it."""
    if target is None:
        target = classes(4, *shape[:1], *shape[2:]) if len(shape) > 1 else classes(4)

    def meaning(state: State, x: Array, t: Array) -> Array:
        scores = layer == "CrossEntropyLoss"
        return reference.cross_entropy(x, t, **options, scores=scores)

    return Case(layer, (grid(*shape), target), meaning, options)


def nll(shape: tuple[int, ...], **options: Any) -> Case:
    return cross_entropy(shape, layer="NLLLoss", **options)


def probabilities(*shape: int) -> Array:
    """Rows of probabilities along dimension 1, exact in float16."""
    chosen = np.eye(4)[classes(4, *shape[:1], *shape[2:])]
    mixed = 0.5 * chosen + 0.125
    return np.moveaxis(mixed, -1, min(1, len(shape) - 1))


def elementwise(
    layer: str,
    loss: Callable[[Array, Array], Array],
    inputs: tuple[Array, ...] | None = None,
    **options: Any,
) -> Case:
    """A loss of each element, reduced; the call may have a weight."""
    if inputs is None:
        inputs = (grid(3, 4), grid(3, 4, seed=1))

    def meaning(state: State, x: Array, t: Array) -> Array:
        losses = loss(x, t)
        reduction = options.get("reduction", "mean")
        weight = options.get("weight")
        if weight is not None:
            losses = losses * weight
        if reduction == "batchmean":
            return losses.sum() / len(x)
        if (
            weight is not None
            and reduction == "mean"
            and layer in ("mse_loss", "l1_loss")
        ):
            return losses.sum() / weight.sum()
        return reference.reduce(losses, reduction)

    return Case(layer, inputs, meaning, options)


def huber(layer: str, delta: float, **options: Any) -> Case:
    def loss(x: Array, t: Array) -> Array:
        return reference.huber(x, t, delta)

    return elementwise(layer, loss, delta=delta, **options)


def smooth_l1(beta: float, **options: Any) -> Case:
    def loss(x: Array, t: Array) -> Array:
        return reference.smooth_l1(x, t, beta)

    return elementwise("SmoothL1Loss", loss, beta=beta, **options)


def kl_div(log_target: bool, inputs: tuple[Array, ...], **options: Any) -> Case:
    def loss(x: Array, t: Array) -> Array:
        return reference.divergence(x, np.exp(t) if log_target else t)

    return elementwise("KLDivLoss", loss, inputs, log_target=log_target, **options)


def bce(**options: Any) -> Case:
    inputs = (chances(3, 4), chances(3, 4, seed=3))
    return elementwise("BCELoss", reference.binary_cross_entropy, inputs, **options)


def bce_with_logits(inputs: tuple[Array, ...] | None = None, **options: Any) -> Case:
    positive = options.get("pos_weight", 1.0)

    def loss(x: Array, t: Array) -> Array:
        return reference.binary_cross_entropy(reference.sigmoid(x), t, positive)

    inputs = inputs or (grid(3, 4), chances(3, 4))
    return elementwise("BCEWithLogitsLoss", loss, inputs, **options)


def square(x: Array, t: Array) -> Array:
    return (x - t) ** 2


def distance(x: Array, t: Array) -> Array:
    return np.abs(x - t)


def smooth_corners(case: Case) -> Case:
    """Where a slope jumps: torch's slope counts."""
    inputs = (np.array([0.0, 1.0, -1.0, 3.0]), np.zeros(4))
    return Case(case.layer, inputs, case.meaning, case.options, smooth=False)


IGNORED = np.array([[0, 3], [-100, 1], [2, -100]])

CASES = {
    # Classes
    "cross_entropy": cross_entropy((5, 4)),
    "cross_entropy, sum": cross_entropy((5, 4), reduction="sum"),
    "cross_entropy, none": cross_entropy((5, 4), reduction="none"),
    "cross_entropy, one sample": cross_entropy((4,)),
    "cross_entropy, one sample, none": cross_entropy((4,), reduction="none"),
    "cross_entropy, sequences": cross_entropy((3, 4, 2), IGNORED, weight=WEIGHT),
    "cross_entropy, images": cross_entropy((2, 4, 3, 2), reduction="none"),
    "cross_entropy, weighted": cross_entropy((5, 4), weight=WEIGHT),
    "cross_entropy, weighted sum": cross_entropy(
        (5, 4), weight=WEIGHT, reduction="sum"
    ),
    "cross_entropy, a class ignored": cross_entropy((8, 4), ignore_index=2),
    "cross_entropy, smoothed": cross_entropy((5, 4), label_smoothing=0.1),
    "cross_entropy, smoothed, weighted, ignoring": cross_entropy(
        (3, 4, 2), IGNORED, weight=WEIGHT, label_smoothing=0.25
    ),
    "cross_entropy, smoothed, none": cross_entropy(
        (3, 4, 2), IGNORED, label_smoothing=0.25, reduction="none"
    ),
    "cross_entropy, bytes": cross_entropy((5, 4), classes(4, 5).astype(np.uint8)),
    "cross_entropy, probabilities": cross_entropy((5, 4), probabilities(5, 4)),
    "cross_entropy, probabilities of one sample": cross_entropy(
        (4,), probabilities(1, 4)[0]
    ),
    "cross_entropy, probabilities, all options": cross_entropy(
        (2, 4, 3), probabilities(2, 4, 3), weight=WEIGHT, label_smoothing=0.5
    ),
    "cross_entropy, probabilities, none": cross_entropy(
        (2, 4, 3), probabilities(2, 4, 3), weight=WEIGHT, reduction="none"
    ),
    "nll": nll((5, 4)),
    "nll, one sample": nll((4,), reduction="none"),
    "nll, weighted": nll((5, 4), weight=WEIGHT),
    "nll, images": nll((2, 4, 3, 2), ignore_index=1, reduction="sum"),
    "nll, volumes": nll((2, 4, 1, 3, 2), weight=WEIGHT, reduction="none"),
    # Yes and no
    "bce": bce(),
    "bce, none": bce(reduction="none"),
    "bce, weighted": bce(weight=WEIGHT, reduction="sum"),
    "bce, certain": Case(
        "BCELoss",
        (np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])),
        lambda state, x, t: np.array([0.0, 0.0, 100.0, 100.0]),
        {"reduction": "none"},
        smooth=False,
        torch_digits=1e-8,  # its bound of the slope is 1e-12 in float32
    ),
    "bce with logits": bce_with_logits(),
    "bce with logits, none": bce_with_logits(reduction="none", pos_weight=WEIGHT),
    "bce with logits, weighted": bce_with_logits(weight=WEIGHT, pos_weight=WEIGHT),
    "bce with logits, sure": Case(
        "BCEWithLogitsLoss",
        (np.array([500.0, -500.0]), np.array([0.0, 1.0])),
        lambda state, x, t: np.array([500.0, 500.0]),
        {"reduction": "none"},
        smooth=False,
    ),
    # Distances
    "mse": elementwise("MSELoss", square),
    "mse, sum": elementwise("MSELoss", square, reduction="sum"),
    "mse, weighted": elementwise("mse_loss", square, weight=chances(3, 4)),
    "mse, weighted, none": elementwise(
        "mse_loss", square, weight=chances(3, 4), reduction="none"
    ),
    "l1": elementwise("L1Loss", distance),
    "l1, none": elementwise("L1Loss", distance, reduction="none"),
    "l1, weighted": elementwise("l1_loss", distance, weight=chances(3, 4)),
    "l1 at 0": smooth_corners(elementwise("L1Loss", distance)),
    "smooth l1": smooth_l1(0.7),
    "smooth l1, wide": smooth_l1(0.3, reduction="sum"),
    "smooth l1, no curve": smooth_l1(0.0),
    "smooth l1 at its corners": smooth_corners(smooth_l1(1.0)),
    "huber": huber("HuberLoss", 0.7),
    "huber, wide": huber("HuberLoss", 0.3, reduction="none"),
    "huber, weighted": huber("huber_loss", 0.7, weight=chances(3, 4)),
    "huber at its corners": smooth_corners(huber("HuberLoss", 1.0)),
    "kl_div": kl_div(False, (grid(3, 4), chances(3, 4)), reduction="batchmean"),
    "kl_div, none": kl_div(False, (grid(3, 4), chances(3, 4)), reduction="none"),
    "kl_div, logarithms": kl_div(
        True, (grid(3, 4), grid(3, 4, seed=1)), reduction="sum"
    ),
    "kl_div of 0": Case(
        "KLDivLoss",
        (np.array([[-1.0, -2.0]]), np.array([[0.0, 1.0]])),
        lambda state, x, t: np.array(2.0),
        {"reduction": "batchmean"},
        smooth=False,
        in_torch=False,  # where the slope in the target is NaN
    ),
}
