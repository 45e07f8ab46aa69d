"""Checkpoints: loading a state dict of 100 MB into a model, and mapping it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import flambeau

from .alternate import alternate
from .case import Case
from .contender import OWN, Contender
from .results import Figure, Row
from .settings import Settings

__all__ = ["cases"]

_LAYERS, _WIDTH = 25, 1000  # of 4 MB each
_MAPPED = 4.0  # MB of memory that mapping all of it may take

Load = Callable[[str], Any]


def cases() -> list[Case]:
    """Return the cases; each begins with what it is called."""
    return [
        Case("files.load_pt", partial(_load, "pt")),
        Case("files.load_safetensors", partial(_load, "safetensors")),
        Case("files.mapped_memory", _mapped_memory),
    ]


def _model(library: Any) -> Any:
    return library.nn.ModuleList(
        library.nn.Linear(_WIDTH, _WIDTH) for _ in range(_LAYERS)
    )


def _loads(ending: str) -> dict[str, tuple[Any, Load]]:
    """What reads a file in each library."""
    import torch

    theirs: Load = torch.load
    if ending == "safetensors":
        from safetensors.torch import load_file

        theirs = load_file
    return {OWN: (flambeau, flambeau.load), "torch": (torch, theirs)}


def _load(ending: str, settings: Settings) -> list[Row | Figure]:
    """From the file to the model's parameters; the bound is torch's time."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"state.{ending}")
        flambeau.save(_model(flambeau).state_dict(), path)
        pair = {
            name: _contender(_model(library), load, path)
            for name, (library, load) in _loads(ending).items()
        }
        answers = [each.answer() for each in pair.values()]
        for key, values in answers[0].items():
            np.testing.assert_array_equal(values, answers[1][key])
        own, peer = (1e3 * median(each) for each in alternate(pair, settings).values())
    name, note = f"files.load_{ending}", "100 MB; the bound is torch's time"
    return [Figure(name, own, "ms", peer, note=note)]


def _contender(model: Any, load: Load, path: str) -> Contender:
    def run() -> None:
        model.load_state_dict(load(path))

    def answer() -> dict[str, np.ndarray]:
        run()
        # Copies: what shares a parameter's memory would see the next load, too.
        return {key: each.numpy().copy() for key, each in model.state_dict().items()}

    return Contender(answer, run)


def _mapped_memory(settings: Settings) -> list[Row | Figure]:
    """How much more of the file is in memory after one tensor of it was used."""
    figures: list[Row | Figure] = []
    for ending in ("pt", "safetensors"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"state.{ending}"
            flambeau.save(_model(flambeau).state_dict(), path)
            before = _resident()
            state = flambeau.load(path, mmap=True)
            state["3.bias"].sum().item()
            grown = (_resident() - before) / 1e6
            del state
        name, note = f"files.mapped_memory, {ending}", "one bias used, of 100 MB"
        figures.append(Figure(name, grown, "MB", _MAPPED, note=note))
    return figures


def _resident() -> float:
    """Bytes of this process that are in memory, where the system tells."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return 4096 * int(pages)
