"""The project's commands, for which Python alone is enough.

    python dev.py train [ARGS]    install flambeau and run `flambeau train ARGS`
    python dev.py test [ARGS]     run the tests on every core (`pytest ARGS`)
    python dev.py check           lint, formatting and types: what a change must pass
    python dev.py format          let ruff mend what it can mend
    python dev.py parity [ARGS]   compare with live torch (`pytest tests/parity ARGS`)
    python dev.py bench [ARGS]    measure beside other libraries (`benchmarks ARGS`)
    python dev.py coverage        write which of torch's names there are

Each command first makes the virtual environment `.venv` and installs what it needs;
later runs find it there and start at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Environment:
    """The virtual environment of one checkout, and the stamp of what it holds."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where the environment lies."""
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        """The record of the last install that went through."""
        return self.folder / "flambeau-install.json"

    def program(self, name: str) -> Path:
        """The path of a program that the environment holds, such as ``python``."""
        if os.name == "nt":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    def fingerprint(self) -> str:
        """What an install depends on: the project's metadata and its folder."""
        digest = hashlib.sha256((self.root / "pyproject.toml").read_bytes())
        digest.update(str(self.root).encode())
        return digest.hexdigest()

    def installed(self) -> set[str] | None:
        """The extras installed from the current metadata; None if nothing is."""
        try:
            record = json.loads(self.stamp.read_text(encoding="utf-8"))
            current = record["fingerprint"] == self.fingerprint()
            return set(record["extras"]) if current else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def create(self) -> None:
        """Make the environment anew, unless a working one is there."""
        if all(self.program(name).exists() for name in ("python", "pip")):
            return
        say(f"making the virtual environment {self.folder}")
        if run(sys.executable, "-m", "venv", "--clear", self.folder) != 0:
            raise SystemExit("dev.py: Python could not make a virtual environment.")

    def provide(self, extras: Iterable[str] = ()) -> None:
        """Install flambeau, editable, with these extras; at once if they are there."""
        self.create()
        present = self.installed()
        wanted = (present or set()) | set(extras)
        if wanted == present:
            return
        extra = f"[{','.join(sorted(wanted))}]" if wanted else ""
        target = f"{self.root}{extra}"
        say(f"installing {target} (needed once, and after pyproject.toml changed)")
        self.stamp.unlink(missing_ok=True)
        pip = (self.program("python"), "-m", "pip")
        if run(*pip, "install", "--editable", target) != 0:
            raise SystemExit(
                "dev.py: the install failed; pip's message is above. It needs the "
                "network once. Running the same command again goes on from here."
            )
        record = {"fingerprint": self.fingerprint(), "extras": sorted(wanted)}
        self.stamp.write_text(json.dumps(record), encoding="utf-8")


def say(message: str) -> None:
    """Tell the user what happens next, before a child's own output."""
    print(f"dev.py: {message}", flush=True)


def run(
    *command: str | Path,
    cwd: Path | None = None,
    settings: dict[str, str] | None = None,
) -> int:
    """Run a command to its end and return its exit code.

    Ctrl-C reaches the command itself, which may have a checkpoint to write; here it
    is only not to cut that short.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        environment = {**os.environ, **(settings or {})}
        return subprocess.call(list(map(str, command)), cwd=cwd, env=environment)
    finally:
        signal.signal(signal.SIGINT, before)


def run_pytest(environment: Environment, args: list[str]) -> int:
    """Run pytest on every core, each worker with one thread for its matrix products."""
    pytest = (environment.program("python"), "-m", "pytest", "-n", "auto")
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return run(*pytest, *args, cwd=environment.root, settings=one_thread)


def train(environment: Environment, args: list[str]) -> int:
    """Train a model with the `flambeau` command."""
    environment.provide()
    return run(environment.program("flambeau"), "train", *args)


def test(environment: Environment, args: list[str]) -> int:
    """Run the tests; those that need torch are skipped if it is not installed."""
    environment.provide(["test", "onnx"])
    return run_pytest(environment, args)


def parity(environment: Environment, args: list[str]) -> int:
    """Run the tests that compare flambeau with live torch."""
    environment.provide(["test", "onnx", "parity"])
    return run_pytest(environment, ["tests/parity", *args])


def bench(environment: Environment, args: list[str]) -> int:
    """Measure flambeau beside torch, ONNX Runtime and OpenVINO."""
    environment.provide(["bench"])
    python, root = environment.program("python"), environment.root
    return run(python, "-m", "benchmarks", *args, cwd=root)


def coverage(environment: Environment, args: list[str]) -> int:
    """Write docs/coverage.md anew."""
    environment.provide()
    python, root = environment.program("python"), environment.root
    return run(python, root / "tools" / "coverage.py", *args, cwd=root)


def run_tools(environment: Environment, tools: list[list[str]]) -> int:
    """Run every tool, so that all complaints show at once; the first failure's code."""
    environment.provide(["dev"])
    root, program = environment.root, environment.program
    codes = [run(program(name), *args, cwd=root) for name, *args in tools]
    return next(filter(None, codes), 0)


def check(environment: Environment, args: list[str]) -> int:
    """Run ruff's lint, ruff's format check and mypy."""
    lint = ["ruff", "check", *args]
    layout = ["ruff", "format", "--check", *args]
    return run_tools(environment, [lint, layout, ["mypy", *args]])


def format(environment: Environment, args: list[str]) -> int:
    """Mend what ruff can mend: lint first, then layout."""
    lint = ["ruff", "check", "--fix", *args]
    return run_tools(environment, [lint, ["ruff", "format", *args]])


COMMANDS: dict[str, Callable[[Environment, list[str]], int]] = {
    "train": train,
    "test": test,
    "check": check,
    "format": format,
    "parity": parity,
    "bench": bench,
    "coverage": coverage,
}


def python_problem(version: tuple[int, ...], modules: Iterable[str]) -> str | None:
    """What keeps this Python from making the environment, and the remedy."""
    if version[:2] < OLDEST_PYTHON:
        need, have = (".".join(map(str, v)) for v in (OLDEST_PYTHON, version[:3]))
        return (
            f"flambeau needs Python {need} or newer; this is {have} "
            f"({sys.executable}). Run dev.py with a newer one: python{need} dev.py ..."
        )
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"this Python ({sys.executable}) comes without {' and '.join(missing)}, "
            "needed to make a virtual environment. On Debian and Ubuntu: "
            "apt-get install python3-venv"
        )
    return None


def main(argv: list[str]) -> int:
    """Run one command; the exit code is its own, 2 for a command there is not."""
    name, *args = argv or ["--help"]
    if name in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        print(f"dev.py: no command {name!r}; there are: {known}", file=sys.stderr)
        return 2
    problem = python_problem(tuple(sys.version_info[:3]), ("venv", "ensurepip"))
    if problem:
        print(f"dev.py: {problem}", file=sys.stderr)
        return 1
    return COMMANDS[name](Environment(ROOT), args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
