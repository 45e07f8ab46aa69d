"""Connectionist temporal classification: the likelihood of a text, however aligned.

Graves et al., "Connectionist Temporal Classification" (2006). A label of the text may
last several steps, and blanks may stand between labels: the states are the labels of a
text with blanks around each, and a path moves on by one state, by two where it leaves
out the blank between different labels, or stays.
"""

from __future__ import annotations

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from .op import Op

__all__ = ["ctc_loss"]

Array = np.ndarray


def _states(targets: Array, lengths: Array, blank: int) -> tuple[Array, Array]:
    """Return the label of each state, and whether two states back can be left out."""
    longest = int(lengths.max(initial=0))
    rows = targets
    if targets.ndim == 1:  # the texts one after the other
        rows = np.full((len(lengths), longest), blank, np.int64)
        for row, end, length in zip(rows, np.cumsum(lengths), lengths):
            row[:length] = targets[end - length : end]
    labels = np.full((len(lengths), 2 * longest + 1), blank, np.int64)
    labels[:, 1::2] = rows[:, :longest]
    skips = np.zeros(labels.shape, bool)
    skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return labels, skips


def _moved(x: Array, steps: int) -> Array:
    """Shift states onwards; nothing comes from before the first."""
    moved = np.full_like(x, -np.inf)
    moved[:, steps:] = x[:, : x.shape[1] - steps]
    return moved


def _forward(emitted: Array, skips: Array, begin: Array) -> Array:
    """Return the logarithm of the chance to be in each state after each step."""
    found = np.empty_like(emitted)
    now = np.where(begin, emitted[0], -np.inf) if len(emitted) else begin
    blocked = np.where(skips, 0, -np.inf)
    with np.errstate(divide="ignore"):
        for step, chance in enumerate(emitted):
            if step:
                now = _added(now, _moved(now, 1), _moved(now, 2) + blocked) + chance
            found[step] = now
    return found


def _added(*logs: Array) -> Array:
    """Add chances, by their logarithms."""
    top = np.maximum.reduce(logs)
    top[top == -np.inf] = 0
    total = np.exp(logs[0] - top)
    for each in logs[1:]:
        total += np.exp(each - top)
    return np.log(total) + top


def _emitted(logs: Array, labels: Array) -> Array:
    """Return the logarithm of the chance of each state's label at each step."""
    return logs[:, np.arange(logs.shape[1])[:, None], labels]


def _alphas(
    logs: Array, targets: Array, target_lengths: Array, blank: int
) -> tuple[Array, Array, Array]:
    labels, skips = _states(targets, target_lengths, blank)
    place = np.arange(labels.shape[1])
    begin = (place < 2) & (place <= 2 * target_lengths[:, None])
    return _forward(_emitted(logs, labels), skips, begin), labels, skips


def _final(lengths: Array, states: int) -> Array:
    """Whether a state ends its text: the last label or the blank behind it."""
    place, last = np.arange(states), 2 * lengths[:, None]
    return (place == last) | (place == last - 1)


def _losses(alphas: Array, ends: Array, steps: Array, texts: Array) -> Array:
    """Return minus the logarithm of the chance to end in time."""
    found = np.where(texts, np.inf, 0.0)
    for sample in np.flatnonzero(steps):
        chances = alphas[steps[sample] - 1, sample, ends[sample]]
        found[sample] = -np.logaddexp.reduce(chances)
    return found


def _numpy(
    logs: Array, targets: Array, steps: Array, texts: Array, *, blank: int
) -> Array:
    # float32 would lose digits over many steps
    alphas, labels, _ = _alphas(logs.astype(np.float64), targets, texts, blank)
    return _losses(alphas, _final(texts, labels.shape[1]), steps, texts)


def _reversed(x: Array, lengths: Array) -> Array:
    """Turn the first steps of each sample around; what lies behind them stays."""
    steps = np.arange(len(x))[:, None]
    back = np.where(steps < lengths, lengths - 1 - steps, steps)
    return np.take_along_axis(x, back.reshape(*back.shape, *(1,) * (x.ndim - 2)), 0)


def _betas(
    logs: Array, labels: Array, skips: Array, lengths: tuple[Array, Array]
) -> Array:
    """Return the logarithm of the chance to finish from each state at each step."""
    steps, texts = lengths
    backwards = _reversed(_emitted(logs, labels), steps)[..., ::-1]
    # two states on, from here, is two states back in the reversed order
    turned = np.zeros_like(skips)
    turned[:, 2:] = skips[:, ::-1][:, :-2]
    begin = _final(texts, labels.shape[1])[:, ::-1]
    return _reversed(_forward(backwards, turned, begin)[..., ::-1], steps)


def _slope_numpy(
    g: Array,
    loss: Array,
    logs: Array,
    targets: Array,
    steps: Array,
    texts: Array,
    *,
    blank: int,
) -> Array:
    """The slope as torch has it: that of the scores whose log-softmax are the logs."""
    logs = logs.astype(np.float64)
    alphas, labels, skips = _alphas(logs, targets, texts, blank)
    loss = _losses(alphas, _final(texts, labels.shape[1]), steps, texts)
    paths = alphas + _betas(logs, labels, skips, (steps, texts))
    # both factors contain the chance of the label
    with np.errstate(invalid="ignore"):  # a text that does not fit has no slope
        chances = np.exp(paths - _emitted(logs, labels) + loss[:, None])
        chances[np.isneginf(paths) & np.isfinite(loss)[:, None]] = 0
        is_label = labels[:, :, None] == np.arange(logs.shape[2])
        shares = np.matmul(chances.swapaxes(0, 1), is_label * 1.0).swapaxes(0, 1)
        slope = (np.exp(logs) - shares) * g[:, None]
        slope[np.isneginf(logs)] = np.nan
    behind = np.arange(len(logs))[:, None] >= steps
    slope[behind] = 0
    slope[:, (loss == np.inf) & (g == 0)] = 0
    return slope


def _infer(
    logs: Node, targets: Node, steps: Node, texts: Node, *, blank: int
) -> tuple[tuple[int, ...], dtype]:
    return (logs.shape[1],), logs.dtype


def _no_second(*_: object, **__: object) -> Node:
    raise RuntimeError(
        "derivative for aten::_ctc_loss_backward is not implemented: ctc_loss can be "
        "differentiated once, here as in torch"
    )


_slope = Op(
    "ctc_loss_backward",
    lambda g, y, logs, *others, blank: (logs.shape, logs.dtype),
    _slope_numpy,
    (_no_second, None, _no_second, None, None, None),
)

# Minus the logarithm of the likelihood of each text.
ctc_loss = Op(
    "ctc_loss",
    _infer,
    _numpy,
    (
        lambda g, y, logs, *others, blank: _slope(g, y, logs, *others, blank=blank),
        None,
        None,
        None,
    ),
)
