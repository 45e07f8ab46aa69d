"""Networks written as ONNX files, which ONNX Runtime computes.

    python -m parity.exported torchvision [NAME...]    (with PYTHONPATH=src:tests:.)
    python -m parity.exported timm [NAME...]
    python -m parity.exported benchmarks [NAME...]

exports every network, or those named, with a batch of any size, which onnx's checker
looks through, and prints how far ONNX Runtime is from flambeau, and the counts.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from parity.borrowed import Borrower
from parity.builders import Entry, timm_entries, torchvision_entries
from parity.zoo import (
    OUTPUT_LIMIT,
    distance,
    filled_zeros,
    measured_statistics,
    values,
)

import flambeau

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Benchmark:
    """A network of the benchmarks: `Entry` says what its members are."""

    name: str
    shape: tuple[int, ...]
    net: Any

    def build(self) -> Any:
        """Build the network on torch."""
        return self.net(torch.nn)


def benchmarks() -> list[Benchmark]:
    """Every network that is measured, with a small batch."""
    found = {}
    tasks = importlib.import_module("benchmarks.tasks").training_tasks()
    for name in ("families", "sequences"):
        cases = importlib.import_module(f"benchmarks.{name}").cases()
        tasks += [case.measure.args[-1] for case in cases]
    for task in tasks:
        found[task.name] = Benchmark(task.name, (2, *task.shape[1:]), task.net)
    return list(found.values())


def built(entry: Entry | Benchmark, borrower: Borrower) -> Any:
    """The network on flambeau, in eval."""
    if isinstance(entry, Benchmark):
        return entry.net(flambeau.nn).eval()
    with borrower.active():
        return entry.build().eval()


def states(entry: Entry | Benchmark) -> Iterator[dict[str, np.ndarray]]:
    """Weights with which nothing fades away, and those of the network as built.

    The first tell most, but in some networks they magnify rounding too far.
    """
    torch.manual_seed(0)
    model = entry.build()
    fresh = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    used = {**filled_zeros(model), **measured_statistics(model, entry)}
    del model
    yield {**fresh, **used}
    yield fresh


def apart(
    model: Any, shape: tuple[int, ...], around: AbstractContextManager[None]
) -> tuple[float, int]:
    """Export a network; return how far ONNX Runtime is from it, and the file's size."""
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        with around, flambeau.no_grad():
            flambeau.onnx.export(model, flambeau.tensor(x[:1]), path)
            result = model(flambeau.tensor(x))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found = session.run(None, {"input": x})
        size = sum(each.stat().st_size for each in Path(folder).iterdir())
    numbers = np.concatenate([each.ravel() for each in found])
    return distance([numbers], [values(result)]), size


def attempt(entry: Entry | Benchmark, borrower: Borrower, seen: Counter[str]) -> None:
    """Compare, and print a row."""
    found, size, verdict = [], 0, "differs"
    try:
        model = built(entry, borrower)
        for state in states(entry):
            known = model.state_dict()
            known.update({k: flambeau.tensor(v) for k, v in state.items()})
            model.load_state_dict(known)
            within = borrower.active() if isinstance(entry, Entry) else nullcontext()
            far, size = apart(model, entry.shape, within)
            found.append(f"{far:.0e}")
            if far <= OUTPUT_LIMIT:
                verdict = "agrees"
                break
    except Exception as error:
        verdict = f"fails: {type(error).__name__}: {error}".splitlines()[0]
    finally:
        gc.collect()
    shape = "×".join(map(str, entry.shape))
    row = (entry.name, shape, ", ".join(found), f"{size / MEBIBYTE:.0f} MiB", verdict)
    print("|", " | ".join(row), "|", flush=True)
    seen[verdict.partition(":")[0]] += 1


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = {
        "torchvision": torchvision_entries,
        "timm": timm_entries,
        "benchmarks": benchmarks,
    }
    parser.add_argument("package", choices=kinds)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    importlib.import_module("parity.torchvision_oracle")
    onnxruntime.set_default_logger_severity(3)
    entries = [
        each
        for each in kinds[chosen.package]()
        if each.name in chosen.names or not chosen.names
    ]
    seen: Counter[str] = Counter()
    borrower = Borrower("timm")
    for each in entries:
        attempt(each, borrower, seen)
    print(f"{len(entries)} networks:", dict(seen))


if __name__ == "__main__":
    main()
