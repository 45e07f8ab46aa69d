"""Model definitions of installed packages, run on flambeau and on torch.

    python -m parity.zoo torchvision [NAME...]    (with PYTHONPATH=tests)
    python -m parity.zoo timm [NAME...]

compares every builder, or those named, and prints a line for each, a row of a table as
in docs/networks.md, and the counts: what builds, runs, and agrees.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from parity.borrowed import Borrower
from parity.builders import Entry, timm_entries, torchvision_entries

import flambeau

OUTPUT_LIMIT, GRADIENT_LIMIT, EXACT_LIMIT = 1e-4, 1e-3, 1e-9
COLUMNS = "network | input | | as built | in use | gradients | in float64 | first step"


@dataclass
class Run:
    """What one library makes of a network.

    Attributes:
        fresh: all numbers of its result in eval, as it was built.
        output: the same in use: with the statistics of a batch, and no zero weights.
        gradients: of each parameter, by a training step.
        seconds: what that step took.
    """

    fresh: np.ndarray
    output: np.ndarray
    gradients: dict[str, np.ndarray]
    seconds: float


@dataclass
class Comparison:
    """How far flambeau is from torch: relative, L2.

    Attributes:
        fresh: the distance of the results in eval, as built.
        output: the same in use, where nothing fades away.
        gradients: the distance of all gradients of a training step.
        exact: the largest distance in float64, if float32 did not settle it.
        host_calls: the ops that NumPy computed in the middle of a plan.
        seconds: what flambeau's training step took, most of it to compile.
    """

    fresh: float
    output: float
    gradients: float
    exact: float | None = None
    host_calls: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether float32 is enough to tell that they agree.

        It need not be: a unit of ReLU that rounding turns on or off moves the gradients
        of a small batch by more, and many layers without training magnify rounding.
        """
        return self.output <= OUTPUT_LIMIT and self.gradients <= GRADIENT_LIMIT

    @property
    def agree(self) -> bool:
        """Whether all are within the limits."""
        exactly = self.exact is not None and self.exact <= EXACT_LIMIT
        return self.fresh <= OUTPUT_LIMIT and (self.is_settled or exactly)

    def __str__(self) -> str:
        """The columns of a row of the table."""
        exact = "" if self.exact is None else f"{self.exact:.0e}"
        return (
            f"{'agrees' if self.agree else 'differs'} | {self.fresh:.0e} | "
            f"{self.output:.0e} | {self.gradients:.0e} | {exact} | {self.seconds:.1f} s"
        )


def compare(entry: Entry, borrower: Borrower) -> Comparison:
    """Build a network in both libraries with the same weights, run and train it."""
    torch.manual_seed(0)
    theirs = entry.build()
    weights = {k: v.numpy().copy() for k, v in theirs.state_dict().items()}
    used = {**filled_zeros(theirs), **measured_statistics(theirs, entry)}
    states = weights, {**weights, **used}
    with borrower.active():
        ours = entry.build()
    assert ours.state_dict().keys() == weights.keys()
    images = np.random.default_rng(0).standard_normal(entry.shape).astype(np.float32)
    expected = run(torch, theirs, states, images)
    with borrower.active(), flambeau.debug.record() as log:
        got = run(flambeau, ours, states, images)
    found = Comparison(
        *distances(got, expected),
        host_calls=sorted({call.split()[0] for call in log.host_calls()}),
        seconds=got.seconds,
    )
    if not found.is_settled:
        del got, expected, log
        images = images.astype(np.float64)
        expected = run(torch, theirs.double(), states, images)
        with borrower.active():
            got = run(flambeau, ours.double(), states, images)
        found.exact = max(distances(got, expected))
    return found


def run(
    library: Any,
    model: Any,
    states: tuple[dict[str, np.ndarray], ...],
    images: np.ndarray,
) -> Run:
    """Run a network in eval with each of two states, and train it from the last one."""
    outputs = []
    for state in states:
        known = model.state_dict()  # with the versions of the modules
        known.update({k: library.tensor(v) for k, v in state.items()})
        model.load_state_dict(known)
        with library.no_grad():
            outputs.append(values(model.eval()(library.tensor(images))))
    model.train()
    return Run(*outputs, *train(library, model, images))


def train(
    library: Any, model: Any, images: np.ndarray
) -> tuple[dict[str, np.ndarray], float]:
    """Take one step; return each parameter's gradient, and what it took."""
    started = time.perf_counter()
    optimizer = library.optim.SGD(model.parameters(), lr=0.01)
    loss = 0.0
    for at, result in enumerate(tensors(model(library.tensor(images)))):
        rng = np.random.default_rng(at)
        weight = rng.standard_normal(tuple(result.shape)).astype(images.dtype)
        loss = loss + (result * library.tensor(weight)).mean()
    loss.backward()
    optimizer.step()
    named = model.named_parameters()
    found = {k: v.grad.numpy() for k, v in named if v.grad is not None}
    took = time.perf_counter() - started
    model.zero_grad()
    return found, took


def filled_zeros(model: Any) -> dict[str, np.ndarray]:
    """Give numbers to weights that begin as zeros, through which nothing would pass."""
    rng = np.random.default_rng(1)
    found = {}
    for name, weight in model.named_parameters():
        if not name.endswith("bias") and not weight.any():
            values = 0.1 * rng.standard_normal(tuple(weight.shape))
            found[name] = values.astype(np.float32)
            weight.data.copy_(torch.from_numpy(found[name]))
    return found


def measured_statistics(model: Any, entry: Entry) -> dict[str, np.ndarray]:
    """What batch norms know after a batch of images that alone decides."""
    norms = {
        name: module
        for name, module in model.named_modules()
        if getattr(module, "running_var", None) is not None
    }
    kept = {name: norm.momentum for name, norm in norms.items()}
    for norm in norms.values():
        norm.momentum = 1.0
    with torch.no_grad():  # of many: a variance of two numbers can be next to nothing
        model.train()(torch.randn(4 * entry.shape[0], *entry.shape[1:]))
    for name, norm in norms.items():
        norm.momentum = kept[name]
    return {
        f"{name}.{key}": value.numpy().copy()
        for name, norm in norms.items()
        for key, value in norm.named_buffers()
    }


def tensors(result: Any) -> list[Any]:
    """The tensors of a network's result: one, a tuple, or a dict of them."""
    if isinstance(result, dict):
        return [t for part in result.values() for t in tensors(part)]
    if isinstance(result, tuple | list):
        return [t for part in result if part is not None for t in tensors(part)]
    return [result]


def values(result: Any) -> np.ndarray:
    """All numbers of a network's result."""
    return np.concatenate([t.detach().numpy().ravel() for t in tensors(result)])


def distances(got: Run, expected: Run) -> tuple[float, float, float]:
    """How far the results and all gradients are apart."""
    names = expected.gradients
    assert got.gradients.keys() == names.keys()
    return (
        distance([got.fresh], [expected.fresh]),
        distance([got.output], [expected.output]),
        distance([got.gradients[k] for k in names], list(names.values())),
    )


def distance(got: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The relative distance, L2."""
    apart = whole = 0.0
    for mine, other in zip(got, expected, strict=True):
        assert mine.shape == other.shape
        apart += np.sum(np.square(np.subtract(mine, other, dtype=np.float64)))
        whole += np.sum(np.square(other, dtype=np.float64))
    return float(np.sqrt(apart / whole)) if whole or apart else 0.0


def attempt(entry: Entry, borrower: Borrower, verbose: bool) -> str:
    """Compare, and say in a word how far it got."""
    size = "×".join(map(str, entry.shape))
    try:
        found = compare(entry, borrower)
    except Exception as error:
        if verbose:
            traceback.print_exc()
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"| {entry.name} | {size} | fails: {text} |", flush=True)
        return "fails"
    finally:
        gc.collect()
    print(f"| {entry.name} | {size} | {found} |", flush=True)
    if found.host_calls:
        print("  NumPy computes", *found.host_calls, flush=True)
    return "agrees" if found.agree else "differs"


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=["torchvision", "timm"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    importlib.import_module("parity.torchvision_oracle")
    entries = (
        torchvision_entries() if chosen.package == "torchvision" else timm_entries()
    )
    if chosen.names:
        entries = [e for e in entries if e.name in chosen.names]
    borrower = Borrower("timm")
    print(f"| {COLUMNS} |")
    print("|" + " --- |" * len(COLUMNS.split("|")))
    counts = Counter(attempt(e, borrower, chosen.verbose) for e in entries)
    print(f"{len(entries)} builders:", dict(counts))


if __name__ == "__main__":
    main()
