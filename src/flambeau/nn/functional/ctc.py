"""The CTC loss: texts without alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import reshape
from ...ops.ctc import ctc_loss as ctc_op
from ...ops.transparent import within
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.operands import check_float
from .arguments import node_of
from .loss import check_reduction, finished

__all__ = ["ctc_loss"]

Lengths = Tensor | Sequence[int]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    r"""Return minus the logarithm of the likelihood of texts, however they are aligned.

    As in torch, the gradient is right for `log_probs` that are a log-softmax.

    Args:
        log_probs: logarithms of the probabilities of the labels at each step, floats.
        targets: the labels of the texts, padded or one text after the other.
        input_lengths: how many steps each sample has.
        target_lengths: how many labels each text has.
        blank: the label that stands for none.
        reduction: "mean", which divides each loss by the length of its text first;
            "sum", or "none" for the loss of each sample.
        zero_infinity: count a text that does not fit into its steps as 0, without a
            gradient, rather than as infinite.

    Shape: log_probs (T, N, C), targets (N, S) or (sum of the lengths,), lengths (N,);
    or (T, C), (S,) and (). Result (), or (N,) or ().

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: lengths that do not fit, a blank or labels outside the classes.
        RuntimeError: of a second derivative, which there is none of.
        NotImplementedError: `log_probs` are not floats.

    Source: torch's page "torch.nn.functional.ctc_loss"; Graves et al., "Connectionist
    Temporal Classification" (2006).

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> even = torch.zeros(2, 1, 2).log_softmax(2)  # two steps, two labels
        >>> F.ctc_loss(even, torch.tensor([[1]]), [2], [1])  # 1 1, 0 1 or 1 0
        tensor(0.2877)
    """
    check_reduction(reduction)
    logs = node_of("ctc_loss", "log_probs", log_probs)
    check_float("ctc_loss_cpu", logs)
    single = logs.ndim == 2
    if single:
        logs = reshape(logs, (logs.shape[0], 1, logs.shape[1]))
    if logs.ndim != 3:
        raise RuntimeError(
            "ctc_loss: log_probs must be (T, N, C) or (T, C), got shape "
            f"{tuple(log_probs.shape)}"
        )
    steps = _at_most(
        "input", _lengths("input", input_lengths, logs), logs.shape[0], "steps"
    )
    texts = _lengths("target", target_lengths, logs)
    labels = _checked_targets(logs, targets, blank, single)
    if labels.ndim == 2:
        texts = _at_most("target", texts, labels.shape[1], "labels of the targets")
    loss = wrap(ctc_op(logs, labels, steps, texts, blank=blank))
    if zero_infinity:
        loss = loss.masked_fill(loss == float("inf"), 0.0)
    if reduction == "mean":
        loss = loss / wrap(texts).clamp_min(1)
    return finished(loss.squeeze(0) if single else loss, reduction, logs.dtype)


def _lengths(name: str, given: Any, logs: Node) -> Node:
    """Return lengths as an int64 vector with one for each sample."""
    if isinstance(given, Tensor):
        if given.is_floating_point():
            raise RuntimeError(f"ctc_loss: {name}_lengths must be integral")
        found = ew.cast(reshape(given.node, (given.numel(),)), dt.int64)
    else:
        found = constant(np.atleast_1d(np.array(given, np.int64)))
    if found.size != logs.shape[1]:
        raise RuntimeError(
            f"ctc_loss: {name}_lengths must be of size batch_size: got {found.size} "
            f"lengths for {logs.shape[1]} samples"
        )
    return found


def _at_most(name: str, lengths: Node, most: int, what: str) -> Node:
    message = (
        f"ctc_loss: Expected {name}_lengths to have value at most {most}, the number "
        f"of {what}, but got value {{}}"
    )
    return within(lengths, 0, most + 1, message, error=RuntimeError)


def _checked_targets(logs: Node, targets: Tensor, blank: int, single: bool) -> Node:
    labels, classes = node_of("ctc_loss", "targets", targets), logs.shape[2]
    if labels.dtype.is_floating_point or labels.dtype is dt.bool_:
        raise RuntimeError(
            f"ctc_loss: targets must be integral, got {labels.dtype!r}; convert them "
            "with .long()"
        )
    if not 0 <= blank < classes:
        raise RuntimeError(
            f"ctc_loss: blank must be in label range: got {blank} for {classes} labels"
        )
    if labels.ndim == 1 and single:
        labels = reshape(labels, (1, labels.size))
    return ew.cast(labels, dt.int64)
