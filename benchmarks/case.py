"""A case is what one name on the command line measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flambeau.debug.machine import fma_loop

from .agreement import check_answers
from .alternate import alternate, alternate_runs
from .contender import Answer, Contender, Contenders
from .results import Figure, Row, Timing
from .settings import Settings

__all__ = ["Case", "compare"]

_PEAK = "multiply-adds"


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        name: its section and its own name, with a dot between.
        measure: does it.
    """

    name: str
    measure: Callable[[Settings], list[Row | Figure]]

    @property
    def section(self) -> str:
        """The first part of the name."""
        return self.name.partition(".")[0]


def compare(
    name: str,
    flops: int,
    contenders: Contenders,
    truth: Answer,
    peer: Answer,
    settings: Settings,
    floor: float | None = None,
    of_peak: float | None = None,
    notes: tuple[str, ...] = (),
) -> Row:
    """Check all contenders' answers, then measure them in turns.

    Multiply-adds in registers have their turns too: how many a CPU does depends on how
    warm it is and on its neighbours, as all else does. Where a share of them is to be
    reached, the fastest of flambeau's contenders alternates with them run by run.

    Args:
        name: of the row.
        flops: of the work.
        contenders: those to choose from; `settings` may leave some out.
        truth: the answer in float64.
        peer: torch's answer in float32, which tells what rounding does.
        settings: of this run.
        floor: the ratio to be reached.
        of_peak: the share of the peak to be reached.
        notes: for the reader.
    """
    chosen = {key: new() for key, new in contenders.items() if settings.wants(key)}
    answers = {key: each.answer() for key, each in chosen.items()}
    errors = check_answers(answers, truth, peer)
    loop = fma_loop()
    peak = Contender(dict, loop)
    times = alternate({**chosen, _PEAK: peak}, settings)
    timings = {key: Timing(tuple(seconds)) for key, seconds in times.items()}
    most = loop.flops / timings.pop(_PEAK).median
    row = Row(name, flops, timings, errors, floor, most, of_peak, notes=notes)
    best = row.best(own=True)
    if best is None or of_peak is None:
        return row
    pairs = alternate_runs([chosen[best], peak], settings)
    shares = [flops * there / (loop.flops * here) for here, there in pairs]
    return replace(row, shares=tuple(shares))
