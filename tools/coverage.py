"""Writes docs/coverage.md: which of torch's public names flambeau has.

    python dev.py coverage

torch itself is not needed: tools/torch_names.txt has its names, and a test in
tests/parity compares them with live torch. What is out of scope stands in
src/flambeau/scope.py, with the reason; a name that is neither there nor out of scope is
missing.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import flambeau
import flambeau.nn
import flambeau.optim.swa_utils
from flambeau.scope import reason_against

ROOT = Path(__file__).resolve().parent.parent
NAMES = ROOT / "tools" / "torch_names.txt"
PAGE = ROOT / "docs" / "coverage.md"
WIDTH = 88

# Names that are there in order to say why they do nothing.
REFUSED = {"Tensor.cuda"}

# What names that torch has can do beyond it.
MORE = {
    "nn": '`Fold` and `Unfold` in one to three dimensions; `padding="same"` with a '
    "stride.",
}


class Section(NamedTuple):
    """What flambeau has of the public names of one module or class of torch.

    Attributes:
        owner: its dotted name, without "torch.".
        names: torch's names.
        done: those that flambeau has.
        beyond: what flambeau has and torch has not.
        out_of_scope: the others that are left out, by the reason.
        missing: the rest.
    """

    owner: str
    names: list[str]
    done: list[str]
    beyond: list[str]
    out_of_scope: dict[str, list[str]]
    missing: list[str]


def read_names(path: Path = NAMES) -> dict[str, list[str]]:
    """Torch's public names by the module or class that has them."""
    sections: dict[str, list[str]] = {}
    names: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            names = sections.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            names.extend(line.split())
    return sections


def find(owner: str) -> Any:
    """Flambeau's module or class of a dotted name; None if there is none."""
    found: Any = flambeau
    for part in owner.split(".") if owner != "torch" else ():
        found = getattr(found, part, None)
    return found


def compare(owner: str, names: Iterable[str]) -> Section:
    """Sort the names of one module or class."""
    there = find(owner)
    section = Section(owner, sorted(names), [], [], {}, [])
    for name in section.names:
        reason = reason_against(owner, name)
        if hasattr(there, name) and f"{owner}.{name}" not in REFUSED:
            section.done.append(name)
        elif reason is not None:
            section.out_of_scope.setdefault(reason, []).append(name)
        else:
            section.missing.append(name)
    section.beyond.extend(sorted(public_names(there) - set(section.names)))
    return section


def public_names(there: Any) -> set[str]:
    """What a module lists as its own, its submodules left out."""
    listed = getattr(there, "__all__", ())
    return {
        name
        for name in listed
        if name[0] != "_" and not isinstance(getattr(there, name), ModuleType)
    }


def sections() -> list[Section]:
    """All modules and classes, in the order of the list of names."""
    return [compare(owner, names) for owner, names in read_names().items()]


def title(owner: str) -> str:
    """A module's or class's whole name."""
    return owner if owner == "torch" else f"torch.{owner}"


def listed(names: Iterable[str]) -> str:
    """Names as code, in lines."""
    text = ", ".join(f"`{name}`" for name in names)
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def written(section: Section) -> Iterator[str]:
    """The part of the page about one module or class."""
    yield f"## {title(section.owner)}\n"
    yield f"**Done:** {len(section.done)} of {len(section.names)}.\n"
    if section.done:
        yield listed(section.done) + "\n"
    if section.beyond:
        yield f"**Beyond torch:** {len(section.beyond)}.\n"
        yield listed(section.beyond) + "\n"
    if section.owner in MORE:
        yield f"**Further than torch:** {MORE[section.owner]}\n"
    for reason, names in section.out_of_scope.items():
        yield f"**Out of scope**: {reason}.\n"
        yield listed(names) + "\n"
    if section.missing:
        yield f"**Missing:** {len(section.missing)}.\n"
        yield listed(section.missing) + "\n"


INTRODUCTION = """\
# Which names there are

This page is generated: `python dev.py coverage` writes it from `tools/torch_names.txt`,
the public names of torch 2.13, and from what flambeau has; a test keeps it true.

- **Done**: it is there, with torch's arguments, defaults and results.
- **Beyond torch**: it is there, and torch has no such name.
- **Out of scope**: it is left out for the reason given; where a program may still ask,
  the answer says so.
- **Missing**: it is not there yet.

| | done | beyond | out of scope | missing |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    parts: list[str] = []
    rows = []
    for section in sections():
        left_out = sum(map(len, section.out_of_scope.values()))
        counts = len(section.done), len(section.beyond), left_out, len(section.missing)
        row = " | ".join(map(str, counts))
        rows.append(f"| `{title(section.owner)}` | {row} |\n")
        parts.extend(written(section))
    return INTRODUCTION + "".join(rows) + "\n" + "\n".join(parts)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
