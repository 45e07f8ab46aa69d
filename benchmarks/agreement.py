"""No time counts before the answer is right: every contender against float64.

Training amplifies rounding: a unit of ReLU that is nearly 0 can go either way. How much
is told by a peer that computes the same in float32, torch in its plain mode. A
contender may err a few times as much, or by a floor that rounding alone explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import numpy as np

from .contender import Answer

__all__ = ["Disagreement", "check_answers", "relative_error"]

_FLOOR = 1e-4
_TIMES_THE_PEER = 10
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
    for key, value in truth.items():
        error = relative_error(answer[key], value)
        allowed = max(_FLOOR, _TIMES_THE_PEER * relative_error(peer[key], value))
        if not error <= allowed:
            found.append(f"{key} is off by {error:.1e}, allowed are {allowed:.1e}")
    return found


def _whole_error(answer: Answer, truth: Answer) -> float:
    keys = sorted(truth)
    return relative_error(
        np.concatenate([np.ravel(answer[key]) for key in keys]),
        np.concatenate([np.ravel(truth[key]) for key in keys]),
    )
