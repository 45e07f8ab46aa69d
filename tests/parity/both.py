"""One call in both libraries: values, dtypes, gradients, second gradients, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import flambeau

LIBRARIES = (flambeau, torch)
TOLERANCE = {"float64": 1e-12, "float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}


class Case(NamedTuple):
    """A call on tensors made from arrays, and how far it is differentiated."""

    name: str
    call: Callable[..., Any]  # call(library, *tensors)
    arrays: tuple[np.ndarray, ...]
    order: int = 2


class Error(NamedTuple):
    """A call that both libraries refuse, and words that both messages have."""

    name: str
    call: Callable[..., Any]  # call(library)
    words: str


def leaves(library: Any, arrays: Sequence[np.ndarray]) -> list[Any]:
    """Tensors with these values; floats require a gradient."""
    made = [library.tensor(array) for array in arrays]
    return [t.requires_grad_() if t.is_floating_point() else t for t in made]


def flat(result: Any) -> list[Any]:
    """The tensors of a result in order."""
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in flat(part)]
    return [result]


def values_of(tensor: Any) -> np.ndarray:
    """A tensor's values, 16-bit floats as float32."""
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float16"):
        library = torch if isinstance(tensor, torch.Tensor) else flambeau
        tensor = tensor.to(library.float32)
    return tensor.numpy(force=True)


def weights(tensors: Sequence[Any], library: Any, seed: int) -> list[Any]:
    """A reproducible weight for each tensor."""
    rng = np.random.default_rng(seed)
    draws = [rng.uniform(0.5, 1.5, tuple(t.shape)) for t in tensors]
    return [library.tensor(d).to(t.dtype) for d, t in zip(draws, tensors, strict=True)]


def derivatives(
    library: Any, outputs: list[Any], sources: list[Any], order: int
) -> Iterator[list[np.ndarray]]:
    """The gradients of the weighted outputs, then the gradients of those."""
    for step in range(order):
        outputs = [t for t in outputs if t is not None and t.requires_grad]
        if not outputs or not sources:
            return
        outputs = library.autograd.grad(
            outputs,
            sources,
            weights(outputs, library, step),
            create_graph=step + 1 < order,
            allow_unused=True,
        )
        yield [
            np.zeros(tuple(source.shape)) if g is None else values_of(g)
            for g, source in zip(outputs, sources, strict=True)
        ]


def check(case: Case) -> None:
    """Assert that both libraries return the same and differentiate the same."""
    results, slopes = [], []
    for library in LIBRARIES:
        tensors = leaves(library, case.arrays)
        outputs = flat(case.call(library, *tensors))
        sources = [t for t in tensors if t.requires_grad]
        results.append([(str(t.dtype), tuple(t.shape), values_of(t)) for t in outputs])
        slopes.append([*derivatives(library, outputs, sources, case.order)])
    assert len(results[0]) == len(results[1])
    for ours, theirs in zip(*results, strict=True):
        assert ours[:2] == theirs[:2]
        assert_close(ours[2], theirs[2], theirs[0])
    for ours, theirs in zip(*slopes, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            assert_close(mine, other, "torch.float64")


def assert_close(ours: np.ndarray, theirs: np.ndarray, kind: str) -> None:
    """Floats within their dtype's tolerance, everything else exactly."""
    limit = TOLERANCE.get(kind.removeprefix("torch."), 0)
    np.testing.assert_allclose(ours, theirs, rtol=limit, atol=limit)


def check_error(case: Error) -> None:
    """Assert that both libraries raise the same kind of error, with the same words."""
    caught = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as info:
            [t.tolist() for t in flat(case.call(library)) if hasattr(t, "tolist")]
        caught.append(info)
    ours, theirs = caught
    assert case.words in str(theirs.value), f"torch says: {theirs.value}"
    assert case.words in str(ours.value)
    assert issubclass(ours.type, theirs.type)


def names(cases: Sequence[Any]) -> dict[str, Any]:
    """What to pass to `parametrize` beside the cases."""
    return {"ids": [case.name for case in cases]}
