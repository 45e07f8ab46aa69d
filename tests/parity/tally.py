"""Counts of the samples of torch's own tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class Tally:
    """What became of the samples of one entry.

    Attributes:
        count: how many were compared.
        left_out: how many are on the list of those that cannot agree.
        problems: what the others do not have in common, a line each.

    Args:
        table: the name under which the summary counts them.
        is_left_out: tells by name and sample.
    """

    def __init__(self, table: str, is_left_out: Callable[[str, Any], bool]) -> None:
        self._table, self._is_left_out = table, is_left_out
        self.count, self.left_out = 0, 0
        self.problems: list[str] = []

    def take(self, name: str, sample: Any, check: Callable[[Any], None]) -> None:
        """Compare a sample, unless it is left out."""
        if self._is_left_out(name, sample):
            self.left_out += 1
            return
        self.count += 1
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                check(sample)
        except Exception as error:
            where = f"{name} {getattr(sample, 'desc', '')}".rstrip()
            self.problems.append(f"{where}: {type(error).__name__}: {error}")

    def report(self, record: Callable[[str, object], None]) -> None:
        """Fail if samples differ; leave the numbers for the summary."""
        failed = len(self.problems)
        record(self._table, (self.count - failed, failed, self.left_out))
        lines = "\n".join(self.problems)
        assert not failed, f"{failed} of {self.count}\n{lines}"
