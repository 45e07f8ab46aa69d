"""Tables of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from .results import Figure, Row, geometric_mean

__all__ = ["figures_table", "print_section", "rows_table"]

_NOISY = 0.25  # quartiles that are further apart, as a share of the median


def print_section(
    console: Console, title: str, results: Sequence[Row | Figure]
) -> None:
    """Print a section's rows and figures.

    Args:
        console: where to.
        title: of the section.
        results: what was measured.
    """
    rows = [each for each in results if isinstance(each, Row)]
    figures = [each for each in results if isinstance(each, Figure)]
    if rows:
        console.print(rows_table(title, rows))
    if figures:
        console.print(figures_table(title, figures))
    for row in rows:
        for note in (*row.notes, *_noise(row)):
            console.print(f"{row.name}: {note}")


def _noise(row: Row) -> Iterator[str]:
    """Which medians should not be relied on."""
    noisy = [name for name, each in row.timings.items() if each.spread > _NOISY]
    if noisy:
        yield f"noisy, measure it again: {', '.join(noisy)}"


def rows_table(title: str, rows: Sequence[Row]) -> Table:
    """Return a table with a line per row and a column per contender."""
    names = list(dict.fromkeys(name for row in rows for name in row.timings))
    own = [name for name in names if any(row.ratio(name) for row in rows)]
    table = Table(title=f"{title}: median ms", title_justify="left")
    table.add_column("row", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right")
    for name in own:
        table.add_column(f"best peer / {name}", justify="right")
    table.add_column("GFLOP/s", justify="right")
    table.add_column("of FMA peak", justify="right")
    for row in rows:
        table.add_row(row.name, *_cells(row, names, own))
    if own and len(rows) > 1:
        table.add_section()
        blank = [""] * len(names)
        table.add_row("geometric mean", *blank, *(_mean(rows, name) for name in own))
    return table


def _cells(row: Row, names: Sequence[str], own: Sequence[str]) -> Iterator[str]:
    for name in names:
        timing = row.timings.get(name)
        yield f"{timing.median * 1e3:.2f}" if timing else ""
    for name in own:
        yield _judged(row.ratio(name), row.floor, "{:.2f}")
    best = row.best(own=True)
    yield f"{row.rate(best) / 1e9:.0f}" if best else ""
    yield _judged(row.share, row.of_peak, "{:.0%}")


def _judged(value: float | None, floor: float | None, form: str) -> str:
    """A value, green where it reaches its floor and red where it does not."""
    if value is None:
        return ""
    color = "default" if floor is None else "green" if value >= floor else "red"
    return f"[{color}]{form.format(value)}[/]"


def _mean(rows: Sequence[Row], name: str) -> str:
    ratios = [ratio for row in rows if (ratio := row.ratio(name)) is not None]
    return f"{geometric_mean(ratios):.2f}" if ratios else ""


def figures_table(title: str, figures: Sequence[Figure]) -> Table:
    """Return a table with a line per figure."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("must reach", justify="right")
    table.add_column("note")
    for each in figures:
        color = {True: "green", False: "red", None: "default"}[each.is_kept]
        value = f"[{color}]{each.value:.4g} {each.unit}[/]"
        table.add_row(each.name, value, _bound(each), each.note)
    return table


def _bound(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {figure.limit:g} {figure.unit}"
