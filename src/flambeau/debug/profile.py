"""A table of kernels: time, operations and bytes per second, share of the limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO

from ..compiler.program import KernelStep
from ..runtime.team import get_num_threads
from .computation import Computation
from .machine import peak_bandwidth, peak_flops

__all__ = ["Profile", "Row"]

_WIDTH = 100  # of the printed table


@dataclass
class Row:
    """A kernel, or an op that NumPy computes.

    Attributes:
        name: of the kernel, or of the op after "numpy:".
        calls: how often it ran.
        seconds: that all calls took.
        flops: floating-point operations of all calls.
        moved: bytes that all calls read and wrote at least.
    """

    name: str
    calls: int = 0
    seconds: float = 0.0
    flops: int = 0
    moved: int = 0

    @property
    def gflops(self) -> float:
        """Billions of operations per second."""
        return self.flops / max(self.seconds, 1e-9) / 1e9

    @property
    def gbytes(self) -> float:
        """Billions of bytes per second."""
        return self.moved / max(self.seconds, 1e-9) / 1e9


@dataclass
class Profile:
    """How long each kernel took.

    Attributes:
        rows: the kernels, the one that took longest first.
    """

    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, computations: Iterable[Computation]) -> Profile:
        """Add up the runs of some computations."""
        rows: dict[str, Row] = {}
        for each in computations:
            for step, calls, seconds in each.timed():
                if isinstance(step, KernelStep):
                    row = rows.setdefault(step.kernel.name, Row(step.kernel.name))
                    row.flops += calls * step.kernel.flops
                    row.moved += calls * step.kernel.moved
                else:
                    name = f"numpy: {step.node.name}"
                    row = rows.setdefault(name, Row(name))
                row.calls += calls
                row.seconds += seconds
        return cls(sorted(rows.values(), key=lambda row: -row.seconds))

    @property
    def seconds(self) -> float:
        """What all rows took."""
        return sum(row.seconds for row in self.rows)

    def share(self, row: Row) -> tuple[float, str]:
        """Return how much of the machine's limit a kernel reaches, and of which.

        The limits are measured once, with as many threads as kernels use: float32
        multiply-adds in registers, and copying memory that no cache holds. What lies
        in a cache can be read faster than that.
        """
        count = get_num_threads()
        work = 1e9 * row.gflops / peak_flops(count)
        memory = 1e9 * row.gbytes / peak_bandwidth(count)
        return (work, "FMA") if work > memory else (memory, "memory")

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None)
        table.add_column("kernel", overflow="fold")
        for title in ("calls", "ms", "time", "GFLOP/s", "GB/s", "of the limit"):
            table.add_column(title, justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*self._cells(row))
        table.add_row("all", "", f"{1e3 * self.seconds:.3f}", "", "", "", "")
        text = StringIO()
        Console(file=text, width=_WIDTH).print(table)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def _cells(self, row: Row) -> list[str]:
        reached, limit = self.share(row)
        known = bool(row.flops or row.moved)
        return [
            row.name,
            str(row.calls),
            f"{1e3 * row.seconds:.3f}",
            f"{row.seconds / max(self.seconds, 1e-9):.1%}",
            f"{row.gflops:.1f}" if row.flops else "",
            f"{row.gbytes:.1f}" if row.moved else "",
            f"{reached:.0%} {limit}" if known else "",
        ]
