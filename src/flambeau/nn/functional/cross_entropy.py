"""Cross entropy: of class scores, and of logarithms of probabilities."""

from __future__ import annotations

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import reshape, sum_
from ...ops.reduce import log_softmax
from ...ops.transparent import within
from ...tensor import Tensor
from ...tensor.autocasting import keeps_precision
from ...tensor.handle import wrap
from ...tensor.operands import check_float
from .arguments import node_of
from .loss import check_reduction, legacy_reduction, reduced

__all__ = ["cross_entropy", "nll_loss"]


@keeps_precision
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross entropy between class scores and targets.

    .. math:: -\sum_c w_c \, t_c \log \frac{e^{x_c}}{\sum_i e^{x_i}}

    where t is 1 for the target's class and 0 for others, or the target's probabilities.

    Args:
        input: scores of the classes, not normalised.
        target: the classes as int64 or uint8; or, in the input's shape, probabilities.
        weight: of each class. With classes as targets, the mean is divided by the sum
            of the targets' weights.
        size_average: deprecated.
        ignore_index: a class that counts nowhere.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each target.
        label_smoothing: how much of each target is spread evenly over all classes.

    Shape: input (N, C, *) or (C,), target (N, *) or (), or as the input; weight (C,);
    result () or, with "none", the classes' shape (N, *) or ().

    Raises:
        IndexError: a target outside the classes; at the evaluation if it is not known.
        RuntimeError: shapes or dtypes that do not fit; smoothing outside [0, 1].
        ValueError: batches of different sizes, or an unknown reduction.

    Source: torch's page "torch.nn.functional.cross_entropy".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.cross_entropy(torch.tensor([[0., 0.], [0., 50.]]), torch.tensor([1, 0]))
        tensor(25.3466)
    """
    name = "cross_entropy"
    x, t = node_of(name, "input", input), node_of(name, "target", target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if label_smoothing > 1:
        raise RuntimeError(
            f"{name}: label_smoothing must be between 0.0 and 1.0. Got: "
            f"{label_smoothing}"
        )
    if x.shape == t.shape:
        _check_probabilities(x, t, ignore_index)
        w = _class_weight(name, weight, x)
        loss = _against_probabilities(_log_softmax(x), t, w, reduction, label_smoothing)
        return wrap(loss)
    t = _checked_classes(name, x, t, ignore_index)
    w = _class_weight(name, weight, x)
    loss = _against_classes(
        _log_softmax(x), t, w, reduction, ignore_index, label_smoothing
    )
    return wrap(reshape(loss, target.node.shape) if reduction == "none" else loss)


@keeps_precision
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`-w_t x_t`, the cross entropy if x are logarithms of probabilities.

    Args:
        input: logarithms of the classes' probabilities.
        target: the classes, int64 or uint8.
        weight: of each class; the mean is divided by the sum of the targets' weights.
        size_average: deprecated.
        ignore_index: a class that counts nowhere.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each target.

    Shape: input (N, C, *) or (C,), target (N, *) or (), weight (C,); result () or, with
    "none", the target's shape.

    Raises:
        IndexError: a target outside the classes; at the evaluation if it is not known.
        RuntimeError: shapes or dtypes that do not fit.
        ValueError: batches of different sizes, or an unknown reduction.

    Source: torch's page "torch.nn.functional.nll_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.nll_loss(torch.tensor([[-1., -2.], [-3., -4.]]), torch.tensor([1, 0]))
        tensor(2.5000)
    """
    name = "nll_loss"
    x, t = node_of(name, "input", input), node_of(name, "target", target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    t = _checked_classes(name, x, t, ignore_index)
    w = _class_weight(name, weight, x)
    check_float("nll_loss_out_frame", x)
    loss = _against_classes(x, t, w, reduction, ignore_index, 0.0)
    return wrap(reshape(loss, target.node.shape) if reduction == "none" else loss)


def _class_axis(x: Node) -> int:
    return min(x.ndim - 1, 1)


def _log_softmax(x: Node) -> Node:
    check_float("log_softmax_lastdim_kernel_impl", x)
    return log_softmax(x, axis=_class_axis(x))


# Checks


def _class_weight(name: str, weight: Tensor | None, x: Node) -> Node | None:
    """Return the weights, shaped so that they broadcast along the classes."""
    if weight is None:
        return None
    w, classes = node_of(name, "weight", weight), x.shape[_class_axis(x)]
    if w.shape != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes "
            f"or no classes but got weight tensor of shape: {list(w.shape)}"
        )
    if w.dtype is not x.dtype:
        raise RuntimeError(
            f"{name}: expected scalar type {dt.scalar_name(x.dtype)} but found "
            f"{dt.scalar_name(w.dtype)} for weight; convert it with .to()"
        )
    return reshape(w, (classes, *(1,) * (x.ndim - 2)))


def _check_probabilities(x: Node, t: Node, ignore_index: int) -> None:
    if not t.dtype.is_floating_point:
        raise RuntimeError(
            "cross_entropy: Expected floating point type for target with class "
            f"probabilities, got {dt.scalar_name(t.dtype)}: a target of the input's "
            f"shape {x.shape} holds probabilities; classes have shape "
            f"{(*x.shape[:1], *x.shape[2:])}"
        )
    if ignore_index >= 0:
        raise RuntimeError(
            "cross_entropy: ignore_index is not supported for floating point target, "
            f"got {ignore_index}"
        )


def _checked_classes(name: str, x: Node, t: Node, ignore_index: int) -> Node:
    """Check a target of classes; return it as int64 without the class dimension."""
    if not x.ndim:
        raise ValueError(
            f"{name}: Expected 1 or more dimensions (got 0): the input holds a number "
            "for each class"
        )
    _check_target_shape(name, x, t)
    if t.dtype not in (dt.int64, dt.uint8):
        raise RuntimeError(
            f"{name}: expected target dtype to be Long or Byte, but got "
            f"{dt.scalar_name(t.dtype)}; convert classes with .long()"
        )
    classes = x.shape[_class_axis(x)]
    message = (
        f"Target {{}} is out of bounds. {name}: an input of shape {x.shape} has "
        f"{classes} classes, so targets must be in [0, {classes - 1}] (or be "
        f"ignore_index={ignore_index}); number the classes from 0, and give the last "
        "layer an output for each"
    )
    known = within(t, 0, classes, message, allowed=ignore_index)
    shape = (*x.shape[:1], *x.shape[2:]) if x.ndim > 1 else ()
    return reshape(ew.cast(known, dt.int64), shape)


def _check_target_shape(name: str, x: Node, t: Node) -> None:
    if x.ndim == 1 and t.ndim <= 1:
        if t.size != 1:
            raise ValueError(
                f"{name}: For 1D input, 1D target must have size 1, but got target "
                f"size: {t.size}; an input of shape {x.shape} is a single sample"
            )
        return
    if x.ndim == 1:
        raise RuntimeError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported: an "
            f"input of shape {x.shape} is a single sample, got targets of shape "
            f"{t.shape}"
        )
    wanted = (x.shape[0], *x.shape[2:])
    if t.shape == wanted:
        return
    if t.shape[:1] != x.shape[:1]:
        raise ValueError(
            f"{name}: Expected input batch_size ({x.shape[0]}) to match target "
            f"batch_size ({t.shape[0] if t.ndim else 1}): input {x.shape}, target "
            f"{t.shape}"
        )
    if x.ndim == 2:
        raise RuntimeError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported: an "
            f"input of shape {x.shape} needs classes of shape {wanted}, got {t.shape}; "
            "squeeze it, or use probabilities of the input's shape"
        )
    raise RuntimeError(
        f"{name}: Expected target size {list(wanted)}, got {list(t.shape)}: an input "
        f"of shape {x.shape} has its classes in dimension 1"
    )


# The losses, of logarithms of probabilities


def _against_classes(
    logs: Node,
    t: Node,
    w: Node | None,
    reduction: str,
    ignore_index: int,
    smoothing: float,
) -> Node:
    """Sum what stands at the targets' classes, found by comparison.

    So the gradient, too, is elementwise; a gather would have to scatter it.
    """
    axis = _class_axis(logs)
    hot = _one_hot(t, logs, axis, ignore_index)
    zero = ew.const_like(0, logs)
    scaled = logs if w is None else ew.mul(logs, w)
    loss = ew.neg(sum_(ew.where(hot, scaled, zero), axes=(axis,), keepdims=False))
    kept = ew.not_equal(t, ew.const_like(ignore_index, t))
    if smoothing:
        spread = ew.neg(sum_(scaled, axes=(axis,), keepdims=False))
        spread = ew.where(kept, spread, zero)
        share = smoothing / max(logs.shape[axis], 1)
        loss = ew.add(
            ew.mul(loss, ew.const_like(1 - smoothing, loss)),
            ew.mul(spread, ew.const_like(share, loss)),
        )
    if reduction != "mean":
        return reduced(loss, reduction)
    counted = ew.cast(kept, logs.dtype) if w is None else ew.where(hot, w, zero)
    return ew.div(reduced(loss, "sum"), reduced(counted, "sum"))


def _one_hot(t: Node, logs: Node, axis: int, ignore_index: int) -> Node:
    """Compare each target with each class; an ignored target equals none."""
    classes = logs.shape[axis]
    if 0 <= ignore_index < classes:
        ignored = ew.equal(t, ew.const_like(ignore_index, t))
        t = ew.where(ignored, ew.const_like(-1, t), t)
    behind = logs.ndim - axis - 1
    numbers = constant(np.arange(classes).reshape(classes, *(1,) * behind))
    return ew.equal(reshape(t, (*t.shape[:axis], 1, *t.shape[axis:])), numbers)


def _against_probabilities(
    logs: Node, t: Node, w: Node | None, reduction: str, smoothing: float
) -> Node:
    axis = _class_axis(logs)
    if t.dtype is not logs.dtype:
        kind = dt.promote_types(t.dtype, logs.dtype)
        t, logs = ew.cast(t, kind), ew.cast(logs, kind)
        w = None if w is None else ew.cast(w, kind)
    if smoothing:
        share = smoothing / max(logs.shape[axis], 1)
        kept = ew.mul(t, ew.const_like(1 - smoothing, t))
        t = ew.add(kept, ew.const_like(share, t))
    terms = ew.mul(logs, t)
    if w is not None:
        terms = ew.mul(terms, w)
    return reduced(ew.neg(sum_(terms, axes=(axis,), keepdims=False)), reduction)
