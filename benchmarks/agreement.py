"""No time counts before the answer is right: every contender against float64.

Training amplifies rounding: a unit of ReLU that is nearly 0 can go either way. How much
is told by a peer that computes the same in float32, torch in its plain mode. A
contender may err a few times as much, or by a floor that rounding alone explains. What
is 0 by its meaning, such as the gradient of a bias before a norm, is all rounding, and
is measured by the largest result of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import numpy as np

from .contender import Answer

__all__ = ["Disagreement", "check_answers", "relative_error"]

# One unit that goes the other way moves the gradients of ResNet-18 on 32x32 pixels by
# 5e-3, whoever computes them; kernels are held to 1e-5 by their own tests.
_FLOOR = 1e-2
_TIMES_THE_PEER = 10
_OF_ITS_KIND = 1e-5
_MOST_ROUNDING = 0.05  # in most results, or they tell nothing


class Disagreement(Exception):
    """A contender's answer is wrong."""


def relative_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the relative error in the L2 norm; infinite where numbers are missing."""
    truth = np.asarray(truth, np.float64)
    if found.shape != truth.shape or not np.isfinite(found).all():
        return float("inf")
    size = float(np.linalg.norm(truth))
    return float(np.linalg.norm(found - truth)) / (size if size > 0 else 1.0)


def check_answers(
    answers: Mapping[str, Answer], truth: Answer, peer: Answer
) -> dict[str, float]:
    """Compare every contender's answer with the truth.

    Args:
        answers: by the contender's name.
        truth: computed in float64.
        peer: computed in float32 by the peer that tells what rounding does.

    Returns:
        The error of each contender over all its results.

    Raises:
        Disagreement: names the contender and the results that are wrong.
    """
    if problem := _wrong_peer(truth, peer):
        raise Disagreement(problem)
    for name, answer in answers.items():
        wrong = _wrong(answer, truth, peer)
        if wrong:
            raise Disagreement(f"{name}: {'; '.join(wrong[:5])}")
    return {name: _whole_error(answer, truth) for name, answer in answers.items()}


def _wrong_peer(truth: Answer, peer: Answer) -> str | None:
    """Why the peer cannot tell what rounding does.

    Some of its results may be far off: a gradient that is 0, for one, is all rounding.
    """
    if peer.keys() != truth.keys():
        return "the peer has other results than the truth"
    usual = median(relative_error(peer[key], value) for key, value in truth.items())
    return None if usual < _MOST_ROUNDING else f"the peer itself is off by {usual:.1e}"


def _wrong(answer: Answer, truth: Answer, peer: Answer) -> list[str]:
    """The results that are missing or off, in words."""
    if answer.keys() != truth.keys():
        return [f"results {sorted(answer.keys() ^ truth.keys())} are not in both"]
    found = []
    largest = _largest_of_kinds(truth)
    for key, value in truth.items():
        error = relative_error(answer[key], value)
        rounding = _OF_ITS_KIND * largest[_kind(key)] / (_root_mean_square(value) or 1)
        peers = _TIMES_THE_PEER * relative_error(peer[key], value)
        allowed = max(_FLOOR, peers, rounding)
        if not error <= allowed:
            found.append(f"{key} is off by {error:.1e}, allowed are {allowed:.1e}")
    return found


def _kind(key: str) -> str:
    """What a result is, such as a bias or a running mean, in whichever layer."""
    return key.rpartition(".")[2]


def _largest_of_kinds(truth: Answer) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in truth.items():
        kind = _kind(key)
        found[kind] = max(found.get(kind, 0.0), _root_mean_square(value))
    return found


def _root_mean_square(value: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(value, dtype=np.float64))))


def _whole_error(answer: Answer, truth: Answer) -> float:
    keys = sorted(truth)
    return relative_error(
        np.concatenate([np.ravel(answer[key]) for key in keys]),
        np.concatenate([np.ravel(truth[key]) for key in keys]),
    )
