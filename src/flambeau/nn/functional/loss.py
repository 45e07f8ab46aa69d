"""Losses that compare element by element, and how losses are reduced."""

from __future__ import annotations

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.broadcast import sum_
from ...ops.loss import binary_cross_entropy as bce_op
from ...ops.loss import check_probabilities
from ...ops.reduce import mean as mean_of
from ...recorder import warn
from ...shape import broadcast_shapes
from ...tensor import Tensor
from ...tensor.autocasting import keeps_precision
from ...tensor.handle import wrap
from ...tensor.inplace import check_castable
from ...tensor.operands import check_float
from .arguments import node_of

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "check_reduction",
    "finished",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "legacy_reduction",
    "mse_loss",
    "reduced",
    "smooth_l1_loss",
    "widened",
]


# What they share


def legacy_reduction(
    size_average: bool | None, reduce: bool | None, reduction: str
) -> str:
    """Return the reduction that the deprecated arguments mean, if they are given."""
    if size_average is None and reduce is None:
        return reduction
    found = "mean" if size_average is not False else "sum"
    found = "none" if reduce is False else found
    warn(
        "size_average and reduce args will be deprecated, please use "
        f"reduction='{found}' instead.",
        stacklevel=3,
    )
    return found


def reduced(loss: Node, reduction: str) -> Node:
    """Return the mean or the sum of all elements, or the elements themselves.

    Raises:
        ValueError: an unknown reduction.
    """
    if reduction == "none":
        return loss
    axes = tuple(range(loss.ndim))
    if reduction == "mean":
        return mean_of(loss, axes)
    check_reduction(reduction)
    return sum_(loss, axes=axes, keepdims=False)


def check_reduction(reduction: str) -> None:
    """Check the name of a reduction.

    Raises:
        ValueError: an unknown reduction.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{reduction} is not a valid value for reduction; it must be 'none', "
            "'mean' or 'sum'"
        )


def widened(
    name: str, integers: bool = False, **given: Tensor
) -> tuple[list[Tensor], dt.dtype]:
    """Return floats in the dtype to compute with, and the dtype of the result.

    Args:
        name: the loss.
        integers: whether it takes them, as floats.
        given: the tensors by the names of the arguments.

    Raises:
        NotImplementedError: integers, and it does not take them.
    """
    nodes = [node_of(name, argument, value) for argument, value in given.items()]
    kind = nodes[0].dtype
    for each in nodes[1:]:
        kind = dt.promote_types(kind, each.dtype)
    if not kind.is_inexact and integers:
        kind = dt.get_default_dtype()
    if not kind.is_floating_point:
        raise NotImplementedError(
            f"{name}: not implemented for '{dt.scalar_name(kind)}': it takes floats; "
            "convert the tensor with .float()"
        )
    wide = dt.float32 if kind.itemsize == 2 else kind
    return [wrap(ew.cast(each, wide)) for each in nodes], kind


def finished(loss: Tensor, reduction: str, kind: dt.dtype) -> Tensor:
    """Reduce the losses and convert the result."""
    return wrap(ew.cast(reduced(loss.node, reduction), kind))


def _pair(
    name: str, kernel: str, input: Tensor, target: Tensor
) -> tuple[Node, Node, dt.dtype]:
    """Return both nodes as floats to compute with, and the dtype of the result."""
    a, b = node_of(name, "input", input), node_of(name, "target", target)
    kind = dt.promote_types(a.dtype, b.dtype)
    wide = dt.float32 if kind.itemsize == 2 and kind.is_floating_point else kind
    if not kind.is_floating_point:
        check_float(kernel, b if a.dtype.is_floating_point else a)
    return ew.cast(a, wide), ew.cast(b, wide), kind


def _warn_of_sizes(input: Tensor, target: Tensor) -> None:
    if target.shape != input.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def _check_weight(name: str, input: Tensor, weight: Tensor) -> Node:
    w = node_of(name, "weight", weight)
    if weight.shape != input.shape:
        raise ValueError(
            f"{name}: Weights and input must have the same size, got "
            f"{tuple(weight.shape)} and {tuple(input.shape)}"
        )
    return w


def _weighted(
    name: str, loss: Node, input: Tensor, weight: Tensor | None, reduction: str
) -> Node:
    """Reduce a loss; with weights the mean is divided by their sum."""
    if weight is None:
        return reduced(loss, reduction)
    w = ew.cast(_check_weight(name, input, weight), loss.dtype)
    loss = ew.mul(loss, w)
    if reduction != "mean":
        return reduced(loss, reduction)
    return ew.div(reduced(loss, "sum"), reduced(w, "sum"))


# Distances


@keeps_precision
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return the mean squared error :math:`(x - t)^2`.

    Args:
        input: any shape.
        target: the same shape; others broadcast, with a warning.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        weight: of each element; the mean is then divided by the sum of the weights.

    Raises:
        ValueError: an unknown reduction, or weights of another shape.
        RuntimeError: shapes that do not broadcast.
        NotImplementedError: no floats.

    Source: torch's page "torch.nn.functional.mse_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.mse_loss(torch.tensor([1., 2.]), torch.tensor([1., 5.]))
        tensor(4.5000)
    """
    a, b, kind = _pair("mse_loss", "mse_cpu", input, target)
    _warn_of_sizes(input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = _weighted("mse_loss", ew.square(ew.sub(a, b)), input, weight, reduction)
    return wrap(ew.cast(loss, kind))


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return the mean absolute error :math:`|x - t|`; its slope at 0 is 0.

    Args:
        input: any shape.
        target: the same shape; others broadcast, with a warning.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        weight: of each element; the mean is then divided by the sum of the weights.

    Raises:
        ValueError: an unknown reduction, or weights of another shape.
        RuntimeError: shapes that do not broadcast.
        NotImplementedError: no floats.

    Source: torch's page "torch.nn.functional.l1_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.l1_loss(torch.tensor([1., 2.]), torch.tensor([1., 5.]))
        tensor(1.5000)
    """
    a, b, kind = _pair("l1_loss", "l1_cpu", input, target)
    _warn_of_sizes(input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = _weighted("l1_loss", ew.absolute(ew.sub(a, b)), input, weight, reduction)
    return wrap(ew.cast(loss, kind))


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    r"""Return an error that is square below beta and linear above, with slope 1.

    .. math:: d^2 / (2 \beta) \text{ where } d = |x - t| < \beta,
              \text{ else } d - \beta / 2

    Args:
        input: any shape.
        target: the same shape; others broadcast, with a warning.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        beta: where the line begins; 0 is `l1_loss`.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: a negative beta, or shapes that do not broadcast.
        NotImplementedError: no floats.

    Source: torch's page "torch.nn.functional.smooth_l1_loss"; Girshick,
    arXiv:1504.08083.
    """
    a, b, kind = _pair("smooth_l1_loss", "smooth_l1_cpu", input, target)
    _warn_of_sizes(input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(
            f"smooth_l1_loss does not support negative values for beta, got {beta}"
        )
    distance = ew.absolute(ew.sub(a, b))
    if beta:
        distance = ew.div(_huber(distance, beta), ew.const_like(beta, a))
    return wrap(ew.cast(reduced(distance, reduction), kind))


def _huber(distance: Node, delta: float) -> Node:
    """Return c (d - c / 2) with c = min(d, delta): both branches in one."""
    near = ew.minimum(distance, ew.const_like(delta, distance))
    return ew.mul(near, ew.sub(distance, ew.mul(near, ew.const_like(0.5, near))))


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Return an error that is square below delta and linear above, with slope delta.

    .. math:: d^2 / 2 \text{ where } d = |x - t| \le \delta,
              \text{ else } \delta (d - \delta / 2)

    Args:
        input: any shape.
        target: the same shape; others broadcast, with a warning.
        reduction: "mean", "sum", or "none" for the loss of each element.
        delta: where the line begins.
        weight: of each element; the mean still divides by their number.

    Raises:
        ValueError: an unknown reduction, or weights of another shape.
        RuntimeError: a delta that is not positive, or shapes that do not broadcast.
        NotImplementedError: no floats.

    Source: torch's page "torch.nn.functional.huber_loss".
    """
    a, b, kind = _pair("huber_loss", "huber_cpu", input, target)
    _warn_of_sizes(input, target)
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta, got {delta}"
        )
    loss = _huber(ew.absolute(ew.sub(a, b)), delta)
    if weight is not None:
        w = _check_weight("huber_loss", input, weight)
        loss = ew.mul(loss, ew.cast(w, loss.dtype))
    check_castable(kind, input.dtype)
    return wrap(ew.cast(reduced(loss, reduction), input.dtype))


# Between distributions


@keeps_precision
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    r"""Return the Kullback-Leibler divergence :math:`t (\log t - x)` of each element.

    Args:
        input: logarithms of probabilities, any shape.
        target: probabilities of the same shape.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "batchmean", the divergence itself; or "mean", "sum", "none".
        log_target: the target holds logarithms too.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not broadcast.
        NotImplementedError: no floats.

    Source: torch's page "torch.nn.functional.kl_div".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x = torch.tensor([[0.5, 0.5]]).log()
        >>> F.kl_div(x, torch.tensor([[1., 0.]]), reduction="batchmean")
        tensor(0.6931)
    """
    x, t, kind = _pair("kl_div", "kl_div_cpu", input, target)
    if size_average is None and reduce is None and reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the "
            "support size.'batchmean' divides only by the batch size, and aligns with "
            "the KL div math definition.'mean' will be changed to behave the same as "
            "'batchmean' in the next major release.",
            stacklevel=2,
        )
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = _log_divergence(x, t) if log_target else _divergence(x, t)
    total = reduced(loss, "sum" if reduction == "batchmean" else reduction)
    if reduction == "batchmean" and x.ndim:
        total = ew.div(total, ew.const_like(x.shape[0], x))
    return wrap(ew.cast(total, kind))


def _log_divergence(x: Node, t: Node) -> Node:
    return ew.mul(ew.exp(t), ew.sub(t, x))


def _divergence(x: Node, t: Node) -> Node:
    # t log t is 0 at 0
    is_zero = ew.equal(t, ew.const_like(0, t))
    logarithm = ew.log(ew.where(is_zero, ew.const_like(1, t), t))
    return ew.sub(ew.mul(t, logarithm), ew.mul(t, x))


# Binary


@keeps_precision
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`-w (t \log x + (1 - t) \log(1 - x))`, logarithms cut at -100.

    Args:
        input: probabilities, any shape.
        target: probabilities of the same shape and dtype.
        weight: of each element; it broadcasts.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ValueError: another shape of target, or an unknown reduction.
        RuntimeError: numbers outside [0, 1], other dtypes, weights that do not fit.

    Source: torch's page "torch.nn.functional.binary_cross_entropy".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([1., 0.]))
        tensor(0.6931)
    """
    name = "binary_cross_entropy"
    x, t = node_of(name, "input", input), node_of(name, "target", target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if x.shape != t.shape:
        raise ValueError(
            f"{name}: Using a target size ({target.shape}) that is different to the "
            f"input size ({input.shape}) is deprecated. Please ensure they have the "
            "same size."
        )
    if x.dtype is not t.dtype or not x.dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: Found dtype {dt.scalar_name(t.dtype)} but expected "
            f"{dt.scalar_name(x.dtype)}: input and target must be floats of one dtype"
        )
    if x.value is not None and t.value is not None:
        check_probabilities(x.value, t.value)
    loss = bce_op(x, t)
    if weight is not None:
        loss = ew.mul(loss, _fitting(name, "weight", weight, x))
    return wrap(reduced(loss, reduction))


def _fitting(name: str, argument: str, value: Tensor, x: Node) -> Node:
    """Return a tensor that must broadcast to the input's shape, in its dtype."""
    found = node_of(name, argument, value)
    if broadcast_shapes(x.shape, found.shape) != x.shape:
        raise RuntimeError(
            f"{name}: {argument} of shape {found.shape} does not broadcast to the "
            f"input's shape {x.shape}"
        )
    return ew.cast(found, x.dtype)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    r"""Return the binary cross entropy of :math:`\sigma(x)`, without overflow.

    .. math:: -w (p \, t \log \sigma(x) + (1 - t) \log(1 - \sigma(x)))

    Args:
        input: any shape.
        target: probabilities of the same shape, floats.
        weight: w, of each element; it broadcasts.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        pos_weight: p, of the positive part; it broadcasts.

    Raises:
        ValueError: another shape of target, or an unknown reduction.
        RuntimeError: a target that is not float, weights that do not fit.

    Source: torch's page "torch.nn.functional.binary_cross_entropy_with_logits".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, t = torch.tensor([0., 50.]), torch.tensor([1., 0.])
        >>> F.binary_cross_entropy_with_logits(x, t, reduction="none")
        tensor([ 0.6931, 50.0000])
    """
    name = "binary_cross_entropy_with_logits"
    x, t, kind = _pair(name, "log_sigmoid_cpu", input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: Target size ({target.shape}) must be the same as input size "
            f"({input.shape})"
        )
    if not target.is_floating_point():
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type "
            f"{dt.scalar_name(target.dtype)}: the target must be floats; convert it "
            "with .float()"
        )
    # log(1 - sigmoid(x)) = log sigmoid(x) - x
    one, logs = ew.const_like(1, x), ew.logsigmoid(x)
    if pos_weight is not None:
        p = _fitting(name, "pos_weight", pos_weight, x)
        logs = ew.mul(logs, ew.add(ew.mul(t, ew.sub(p, one)), one))
    loss = ew.sub(ew.mul(ew.sub(one, t), x), logs)
    if weight is not None:
        loss = ew.mul(loss, _fitting(name, "weight", weight, x))
    return wrap(ew.cast(reduced(loss, reduction), kind))
