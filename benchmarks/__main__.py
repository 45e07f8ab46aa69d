"""Measure flambeau beside its peers.

python -m benchmarks                        everything
python -m benchmarks train infer.*batch1    a section, or rows by their names
python -m benchmarks --list                 the names
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console

import flambeau

from . import (
    families,
    files,
    infer,
    kernels,
    machine,
    sequences,
    small,
    train,
    winograd,
)
from .case import Case
from .report import print_section
from .results import Figure, Row
from .settings import Settings

__all__ = ["main"]

_PACKAGES = ("flambeau", "llvmlite", "torch", "onnxruntime", "openvino")
_SECTIONS = (train, infer, families, sequences, kernels, winograd, small, files)
_WIDTH = 132


def all_cases() -> list[Case]:
    """Return every case, in the order of the report."""
    return [each for part in _SECTIONS for each in part.cases()]


def chosen_cases(patterns: Sequence[str]) -> list[Case]:
    """Return the cases that some pattern names; all of them without a pattern.

    Raises:
        SystemExit: a pattern names none.
    """
    cases = all_cases()
    for pattern in patterns:
        if not any(_matches(each, pattern) for each in cases):
            raise SystemExit(f"no row is called {pattern!r}; --list shows the names")
    return [
        each
        for each in cases
        if not patterns or any(_matches(each, pattern) for pattern in patterns)
    ]


def _matches(case: Case, pattern: str) -> bool:
    return case.section == pattern or fnmatch(case.name, pattern)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", help="sections or names, * allowed")
    parser.add_argument("--list", action="store_true", help="print the names of rows")
    parser.add_argument("--json", type=Path, help="where to write all results")
    parser.add_argument("--threads", type=int, default=usual.threads)
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="a turn")
    parser.add_argument(
        "--only", nargs="+", default=(), help="contenders whose name has this in it"
    )
    return parser.parse_args(argv)


def new_console() -> Console:
    """Return a console that is wide enough for the tables, also in a file."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    return console


def main(argv: Sequence[str]) -> int:
    """Measure what is asked for; return 1 if some of it went wrong."""
    options, console = arguments(argv), new_console()
    cases = chosen_cases(options.rows)
    if options.list:
        console.print("\n".join(each.name for each in cases))
        return 0
    settings = Settings(
        options.threads, options.rounds, options.seconds, tuple(options.only)
    )
    _prepare(settings)
    console.print(f"machine: {platform.processor() or platform.machine()}")
    limits = machine.measure_machine(settings.threads)
    print_section(console, "machine", limits)
    results, failures = _measure(cases, settings, console)
    for section in dict.fromkeys(each.section for each in cases):
        found = [each for case, each in results if case.section == section]
        print_section(console, section, found)
    for name, problem in failures.items():
        console.print(f"{name} failed: {problem}", style="red", markup=False)
    _write(options.json, settings, limits, [each for _, each in results], failures)
    return 1 if failures else 0


def _prepare(settings: Settings) -> None:
    """Choose the compiled backend and give all libraries the same threads."""
    flambeau.config.backend = "native"
    flambeau.set_num_threads(settings.threads)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(settings.threads)


def _measure(
    cases: Sequence[Case], settings: Settings, console: Console
) -> tuple[list[tuple[Case, Row | Figure]], dict[str, str]]:
    """Measure case by case; one that fails does not keep the others back."""
    results: list[tuple[Case, Row | Figure]] = []
    failures: dict[str, str] = {}
    for case in cases:
        with console.status(case.name):
            try:
                results += [(case, each) for each in case.measure(settings)]
            except Exception as error:
                failures[case.name] = f"{type(error).__name__}: {error}"
                traceback.print_exc()
    return results, failures


def _write(
    path: Path | None,
    settings: Settings,
    limits: Sequence[Figure],
    results: Sequence[Row | Figure],
    failures: dict[str, str],
) -> None:
    path = path or Path("runs") / time.strftime("benchmarks-%Y%m%d-%H%M%S.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "date": time.strftime("%Y-%m-%d %H:%M:%S"),
        "platform": platform.platform(),
        "versions": _versions(),
        "settings": asdict(settings),
        "machine": [each.as_json() for each in limits],
        "results": [each.as_json() for each in results],
        "failures": failures,
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _versions() -> dict[str, Any]:
    found: dict[str, Any] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
