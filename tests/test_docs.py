"""The README and the pages of docs/ are true: their code runs, their links lead on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

FENCE = re.compile(
    r"^```(?P<kind>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def blocks(text: str, kind: str) -> Iterator[tuple[int, str]]:
    """(line, code) of each fenced block of one kind, in the page's order."""
    for fence in FENCE.finditer(text):
        if fence["kind"] == kind:
            yield text.count("\n", 0, fence.start("code")), fence["code"]


def run_blocks(path: Path) -> None:
    """Run a page's Python blocks, in order, as one program."""
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in blocks(path.read_text("utf-8"), "python"):
        # Blank lines in front, so that a traceback shows the page's own line.
        exec(compile("\n" * line + code, str(path), "exec"), names)


def broken_links(path: Path) -> list[str]:
    """The relative links of a page that lead to no file."""
    targets = (link["target"] for link in LINK.finditer(path.read_text("utf-8")))
    local = (t.partition("#")[0] for t in targets if "://" not in t)
    return [target for target in local if not (path.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a block may write a file
    run_blocks(page)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_readme_and_quickstart_show_code() -> None:
    for name in ("README.md", "docs/quickstart.md"):
        text = (ROOT / name).read_text("utf-8")
        assert len(list(blocks(text, "python"))) >= 1


def test_a_page_that_lies_is_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n```text\nnot code\n```\n"
        "```python\nassert x == 2\n```\n[a](page.md) [b](gone.md#part) [c](http://d)\n"
    )
    with pytest.raises(AssertionError) as caught:
        run_blocks(page)
    assert caught.traceback[-1].lineno + 1 == 8
    assert broken_links(page) == ["gone.md"]
