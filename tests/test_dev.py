"""dev.py: what it runs, what it installs and when it skips installing. No network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dev


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that dev.py would have run; each of them succeeds."""
    recorded: list[list[str]] = []

    def record(*command: str | Path, **options: object) -> int:
        recorded.append([str(part) for part in command])
        return 0

    monkeypatch.setattr(dev, "run", record)
    return recorded


@pytest.fixture
def environment(tmp_path: Path) -> dev.Environment:
    """A checkout whose environment was made, with nothing installed in it."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'flambeau'\n")
    made = dev.Environment(tmp_path)
    for name in ("python", "pip"):
        made.program(name).parent.mkdir(parents=True, exist_ok=True)
        made.program(name).touch()
    return made


def extras_of(pip: list[str], environment: dev.Environment) -> str:
    """What a recorded pip command asks for after the checkout's path."""
    assert pip[1:5] == ["-m", "pip", "install", "--editable"]
    assert pip[5].startswith(str(environment.root))
    return pip[5].removeprefix(str(environment.root))


def test_train_installs_without_extras_and_passes_its_arguments_on(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.train(environment, ["photos", "--epochs", "3"]) == 0
    pip, command = calls
    assert extras_of(pip, environment) == ""
    assert command[0] == str(environment.program("flambeau"))
    assert command[1:] == ["train", "photos", "--epochs", "3"]


def test_test_runs_pytest_on_every_core(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.test(environment, ["-k", "conv"]) == 0
    pip, command = calls
    assert extras_of(pip, environment) == "[onnx,test]"
    assert command[1:] == ["-m", "pytest", "-n", "auto", "-k", "conv"]


def test_parity_runs_its_own_folder_with_torch(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.parity(environment, ["-x"]) == 0
    pip, command = calls
    assert extras_of(pip, environment) == "[onnx,parity,test]"
    assert command[-2:] == ["tests/parity", "-x"]


def test_bench_runs_the_benchmarks_with_their_libraries(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.bench(environment, ["train", "--rounds", "3"]) == 0
    pip, command = calls
    assert extras_of(pip, environment) == "[bench]"
    assert command[1:] == ["-m", "benchmarks", "train", "--rounds", "3"]


def test_coverage_writes_the_page_of_names(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.coverage(environment, []) == 0
    assert Path(calls[-1][1]) == environment.root / "tools" / "coverage.py"


def test_check_runs_every_tool_and_changes_nothing(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    assert dev.check(environment, []) == 0
    pip, *tools = calls
    assert extras_of(pip, environment) == "[dev]"
    names = [[Path(tool[0]).stem, *tool[1:]] for tool in tools]
    assert names == [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]]


def test_a_failing_tool_fails_the_check_but_hides_no_other(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter([0, 0, -9, 0])  # pip, ruff check, ruff format killed, mypy
    monkeypatch.setattr(dev, "run", lambda *command, **options: next(codes))
    assert dev.check(environment, []) == -9
    assert next(codes, None) is None


def test_a_second_run_installs_nothing(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    environment.provide(["test"])
    environment.provide(["test"])
    environment.provide()
    assert len(calls) == 1


def test_a_new_extra_is_added_to_those_present(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    environment.provide(["test"])
    environment.provide(["dev"])
    asked = [extras_of(pip, environment) for pip in calls]
    assert asked == ["[test]", "[dev,test]"]
    assert environment.installed() == {"dev", "test"}


def test_changed_metadata_installs_again(
    environment: dev.Environment, calls: list[list[str]]
) -> None:
    environment.provide(["test"])
    (environment.root / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert environment.installed() is None
    environment.provide(["test"])
    assert len(calls) == 2


@pytest.mark.parametrize("text", ["", "{}", "[1]", "not json", '{"fingerprint": 1}'])
def test_a_spoilt_stamp_counts_as_nothing_installed(
    environment: dev.Environment, text: str
) -> None:
    environment.stamp.write_text(text)
    assert environment.installed() is None


def test_the_stamp_of_a_moved_checkout_does_not_count(
    environment: dev.Environment, calls: list[list[str]], tmp_path: Path
) -> None:
    environment.provide()
    record = json.loads(environment.stamp.read_text())
    elsewhere = dev.Environment(tmp_path / "elsewhere")
    elsewhere.folder.mkdir(parents=True)
    metadata = (environment.root / "pyproject.toml").read_text()
    (elsewhere.root / "pyproject.toml").write_text(metadata)
    elsewhere.stamp.write_text(json.dumps(record))
    assert elsewhere.installed() is None


def test_a_failed_install_leaves_no_stamp(
    environment: dev.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "run", lambda *command, **options: 1)
    with pytest.raises(SystemExit, match="the install failed"):
        environment.provide(["test"])
    assert not environment.stamp.exists()


def test_the_environment_is_made_where_there_is_none(
    calls: list[list[str]], tmp_path: Path
) -> None:
    environment = dev.Environment(tmp_path)
    environment.create()
    folder = str(tmp_path / ".venv")
    assert calls == [[sys.executable, "-m", "venv", "--clear", folder]]


def test_an_environment_that_cannot_be_made_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dev, "run", lambda *command, **options: 1)
    with pytest.raises(SystemExit, match="could not make a virtual environment"):
        dev.Environment(tmp_path).create()


def test_an_old_python_is_told_which_one_is_needed() -> None:
    problem = dev.python_problem((3, 9, 2), ())
    assert problem is not None
    assert "needs Python 3.11 or newer; this is 3.9.2" in problem
    assert dev.python_problem((3, 11, 0), ()) is None
    assert dev.python_problem((4, 0, 0), ()) is None


def test_a_python_without_venv_is_told_the_package() -> None:
    problem = dev.python_problem((3, 11, 0), ("json", "no_such_ensurepip"))
    assert problem is not None
    assert "without no_such_ensurepip" in problem
    assert "python3-venv" in problem


def test_no_command_and_help_print_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for argv in ([], ["--help"], ["help"]):
        assert dev.main(argv) == 0
        printed = capsys.readouterr().out
        assert all(f"python dev.py {name}" in printed for name in dev.COMMANDS)


def test_an_unknown_command_names_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert dev.main(["tset"]) == 2
    assert "no command 'tset'; there are: train, test" in capsys.readouterr().err


def test_run_returns_the_exit_code_and_gives_settings_to_the_child() -> None:
    program = "import os, sys; sys.exit(int(os.environ['CODE']))"
    assert dev.run(sys.executable, "-c", program, settings={"CODE": "7"}) == 7


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_is_left_to_the_child() -> None:
    """Both get SIGINT, as from a terminal; the child still ends its own way."""
    child = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: (time.sleep(1), os._exit(3)))\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(60)\n"
    )
    parent = f"import dev, sys; sys.exit(dev.run(sys.executable, '-c', {child!r}))"
    command = [sys.executable, "-c", parent]
    assert subprocess.call(command, cwd=dev.ROOT, timeout=60) == 3
