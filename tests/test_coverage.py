"""The page of names is true, and says what it should of each kind of name."""

from fnmatch import fnmatchcase
from types import SimpleNamespace

import pytest

import flambeau
from flambeau import scope
from tools import coverage


def test_the_page_is_what_the_command_writes() -> None:
    stale = "docs/coverage.md is out of date: run `python dev.py coverage`"
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), stale


def test_every_name_is_of_one_kind() -> None:
    for section in coverage.sections():
        left_out = [name for each in section.out_of_scope.values() for name in each]
        kinds = [*section.done, *left_out, *section.missing]
        assert sorted(kinds) == section.names


def test_what_is_done_is_there() -> None:
    for section in coverage.sections():
        there = coverage.find(section.owner)
        assert all(hasattr(there, name) for name in section.done)
        assert not any(hasattr(there, name) for name in section.missing)


def test_every_reason_concerns_a_name() -> None:
    listed = coverage.read_names().items()
    names = [f"{owner}.{name}" for owner, names in listed for name in names]
    for patterns in scope.OUT_OF_SCOPE.values():
        for pattern in patterns:
            assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_names_are_sorted_into_their_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    part = SimpleNamespace(a=1, more=2, __all__=["a", "more"])
    monkeypatch.setattr(flambeau, "part", part, raising=False)
    monkeypatch.setattr(scope, "OUT_OF_SCOPE", {"too far": ("part.x*",)})
    section = coverage.compare("part", ["b", "xyz", "a"])
    assert section == (
        "part",
        ["a", "b", "xyz"],
        ["a"],
        ["more"],
        {"too far": ["xyz"]},
        ["b"],
    )
    text = "".join(coverage.written(section))
    assert "**Done:** 1 of 3." in text and "**Out of scope**: too far." in text
    assert coverage.compare("nowhere", ["a"]).missing == ["a"]
