"""Numbers that a dtype does not reach: torch refuses them, or lets them wrap."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

LIBRARIES = (flambeau, torch)
KINDS = (
    *("uint8", "int8", "int16", "int32", "int64", "bool"),
    *("float16", "bfloat16", "float32", "float64"),
)
NUMBERS = (
    *(-1, -200, -256, 128, 300, 40_000, 2**31, -(2**31), True),
    *(1.5, -0.5, -1.5, 7e4, 1e10, 1e40, float("inf"), float("nan")),
)

Call = Callable[[Any, Any, Any], Any]
CALLS: dict[str, Call] = {
    "tensor": lambda lib, kind, n: lib.tensor(n, dtype=kind),
    "tensor of a list": lambda lib, kind, n: lib.tensor([0, n], dtype=kind),
    "as_tensor": lambda lib, kind, n: lib.as_tensor([[n]], dtype=kind),
    "scalar_tensor": lambda lib, kind, n: lib.scalar_tensor(n, dtype=kind),
    "full": lambda lib, kind, n: lib.full((2,), n, dtype=kind),
    "full_like": lambda lib, kind, n: lib.full_like(ones(lib, kind), n),
    "new_full": lambda lib, kind, n: ones(lib, kind).new_full((2,), n),
    "new_tensor": lambda lib, kind, n: ones(lib, kind).new_tensor([n]),
    "fill_": lambda lib, kind, n: ones(lib, kind).fill_(n),
    "masked_fill": lambda lib, kind, n: ones(lib, kind).masked_fill(half(lib), n),
    "index_fill": lambda lib, kind, n: ones(lib, kind).index_fill(
        0, lib.tensor([1]), n
    ),
    "where": lambda lib, kind, n: lib.where(half(lib), ones(lib, kind), n),
    "pad": lambda lib, kind, n: lib.nn.functional.pad(ones(lib, kind), (1, 0), value=n),
    "an element": lambda lib, kind, n: written(ones(lib, kind), n),
    "add": lambda lib, kind, n: ones(lib, kind) + n,
    "less": lambda lib, kind, n: ones(lib, kind) < n,
}


def ones(library: Any, kind: Any) -> Any:
    return library.ones(2, dtype=kind)


def half(library: Any) -> Any:
    return library.tensor([True, False])


def written(x: Any, number: Any) -> Any:
    x[0] = number
    return x


def outcome(library: Any, call: Call, kind: str, number: Any) -> tuple[str, list[Any]]:
    """The dtype and the values as floats, or the type of the error."""
    try:
        found = call(library, getattr(library, kind), number)
    except Exception as error:
        return type(error).__name__, [str(error)[:34]]
    return str(found.dtype), found.double().reshape(-1).tolist()


@pytest.mark.parametrize("name", CALLS)
def test_numbers_out_of_range(name: str) -> None:
    for kind in KINDS:
        for number in NUMBERS:
            mine, theirs = (
                outcome(library, CALLS[name], kind, number) for library in LIBRARIES
            )
            assert mine[0] == theirs[0], (kind, number, mine, theirs)
            np.testing.assert_array_equal(mine[1], theirs[1], f"{kind} {number}")


@pytest.mark.parametrize("name", ["full", "fill_", "add", "less", "where"])
@pytest.mark.parametrize("number", [2**64, -(2**70)])
def test_integers_beyond_64_bits(name: str, number: int) -> None:
    for library in LIBRARIES:
        with pytest.raises((OverflowError, RuntimeError)):
            CALLS[name](library, library.int64, number)
