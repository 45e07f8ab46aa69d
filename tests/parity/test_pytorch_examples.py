"""examples/pytorch: run unchanged under the alias, they follow torch's loss curve."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from project import ROOT

from flambeau.vision.datasets import Digits, cache_dir
from flambeau.vision.datasets.packages import PackageUnavailable

FOLDER = ROOT / "examples" / "pytorch"
OPTIONS = {
    "classifier": "--epochs=2 --limit=320",
    "dcgan": "--epochs=2 --limit=192",
    "siamese": "--epochs=2 --limit=320",
    "super_resolution": "--epochs=2 --limit=160",
    "time_series": "--epochs=2 --limit=60",
    "vae": "--epochs=3 --limit=640",
    "vision_transformer": "--epochs=2 --limit=320",
}
NUMBER = re.compile(r"-?\d+\.\d+")
# torchvision has to be made importable beside this build of torch first.
IN_TORCH = f"""
import importlib.util, runpy, sys
sys.argv.pop(0)
sys.path[0] = {str(FOLDER)!r}
if importlib.util.find_spec("torchvision"):
    import parity.torchvision_oracle
runpy.run_path(sys.argv[0], run_name="__main__")
"""
WITH_TORCH, WITH_FLAMBEAU = ("-c", IN_TORCH), ("-m", "flambeau")


@pytest.fixture(scope="module")
def data() -> Path:
    """The folder with the programs' data, fetched where they are not there yet."""
    spec = importlib.util.spec_from_file_location("data", FOLDER.parent / "data.py")
    assert spec is not None and spec.loader is not None
    helper: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helper)
    try:
        Digits()
        helper.spoken_digits()
    except PackageUnavailable:
        pytest.skip("the programs' data are not cached and cannot be fetched")
    return cache_dir()


def run(
    command: tuple[str, str], name: str, folder: Path, data: Path, *more: str
) -> str:
    """What a program prints."""
    if name == "classifier":
        pytest.importorskip("parity.torchvision_oracle", reason="has no torchvision")
    paths = [str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "DATA": str(data),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    arguments = [str(FOLDER / f"{name}.py"), *OPTIONS[name].split(), *more]
    done = subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", OPTIONS)
def test_the_loss_curve_is_torchs(name: str, tmp_path: Path, data: Path) -> None:
    theirs = run(WITH_TORCH, name, tmp_path, data)
    ours = run(WITH_FLAMBEAU, name, tmp_path, data)
    assert NUMBER.sub("x", ours) == NUMBER.sub("x", theirs)
    assert ours.count("epoch ") >= 2
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (ours, theirs)]
    assert numbers[0] == pytest.approx(numbers[1], rel=2e-3)


def test_a_program_goes_on_from_torchs_checkpoint(tmp_path: Path, data: Path) -> None:
    theirs = run(WITH_TORCH, "classifier", tmp_path, data)
    ours = run(WITH_FLAMBEAU, "classifier", tmp_path, data, "--resume")
    assert ours == theirs.splitlines(keepends=True)[-1]


def test_every_program_is_compared() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")}
    assert names == {*OPTIONS, "arrays"}
