"""The comparison is worth what its oracle is: the very version the project pins."""

import tomllib
from pathlib import Path

import torch


def test_torch_is_the_pinned_version() -> None:
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    assert f"torch=={torch.__version__.partition('+')[0]}" in extras["parity"]
