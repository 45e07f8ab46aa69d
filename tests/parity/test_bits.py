"""Memory read as another dtype: `x.view(dtype)`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

LIBRARIES = (flambeau, torch)
KINDS = ("int8", "uint8", "float16", "bfloat16", "int32", "float32", "int64", "float64")

Read = Callable[[Any, Any], Any]
SHAPES: dict[str, Read] = {
    "whole": lambda lib, x: x,
    "turned": lambda lib, x: x.t(),
    "first columns": lambda lib, x: x[:, :4],
    "last columns": lambda lib, x: x[:, 4:],
    "from an odd column": lambda lib, x: x[:, 1:5],
    "an odd number": lambda lib, x: x[:, :3],
    "every other row": lambda lib, x: x[1::2],
    "every other column": lambda lib, x: x[:, ::2],
    "expanded": lambda lib, x: x[0].expand(2, 8),
    "without dimensions": lambda lib, x: x[0, 0],
    "without rows": lambda lib, x: x[:0],
    "overlapping": lambda lib, x: x.as_strided((3, 2), (3, 1)),
    "by strides of its own": lambda lib, x: x.as_strided((3, 2), (6, 1), 2),
}


def numbers(library: Any) -> Any:
    return library.tensor(np.arange(32, dtype=np.float32).reshape(4, 8) - 7)


def outcome(library: Any, read: Read, kind: str) -> tuple[Any, ...]:
    """Shape, strides, offset and bytes, or the error."""
    try:
        found = read(library, numbers(library)).view(getattr(library, kind))
    except RuntimeError as error:
        return (str(error),)
    place = tuple(found.shape), found.stride(), found.storage_offset()
    assert found.dtype is getattr(library, kind)
    return *place, found.contiguous().view(library.uint8).tolist()


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_and_bytes(name: str) -> None:
    for kind in KINDS:
        if name == "without dimensions" and kind in ("float32", "int32"):
            continue  # the bytes are read by a last dimension
        mine, theirs = (outcome(library, SHAPES[name], kind) for library in LIBRARIES)
        assert mine == theirs, kind


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "an element": lambda lib, x: x.view(lib.int16)[1, 3].fill_(7),
    "a part": lambda lib, x: x[1:, 2:6].view(lib.float64).add_(1),
    "of the memory below": lambda lib, x: x.view(lib.int32).mul_(2),
    "through strides": lambda lib, x: (
        x.view(lib.int16).as_strided((3,), (5,), 1).zero_()
    ),
    "through a diagonal": lambda lib, x: x.view(lib.int16).diagonal(1).fill_(5),
    "by another name": lambda lib, x: x.view(dtype=lib.uint8)[:, ::3].fill_(1),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_is_in_the_same_memory(name: str) -> None:
    found = []
    for library in LIBRARIES:
        x = numbers(library)
        before = x.view(library.int16)
        WRITES[name](library, x)
        found.append((x.tolist(), before.tolist()))
    assert found[0] == found[1]


def test_no_gradient_passes() -> None:
    for library in LIBRARIES:
        x = numbers(library).requires_grad_()
        assert not x.view(library.float64).requires_grad
        y = x * 2
        y.view(library.int32).fill_(0)
        assert y.requires_grad
        (slope,) = library.autograd.grad(y.sum(), x)
        assert slope.flatten().tolist() == [2] * 32


def test_arrays_see_the_same_memory() -> None:
    x = numbers(flambeau)
    array = x.view(flambeau.int16).numpy()
    array[0, 0] = 5
    assert x.view(flambeau.int16)[0, 0] == 5
    x.zero_()
    assert not array.any()


def test_they_are_saved_as_what_they_show(tmp_path: Any) -> None:
    x = numbers(flambeau)
    flambeau.save({"a": x, "b": x.view(flambeau.float64)}, tmp_path / "x.pt")
    found = torch.load(tmp_path / "x.pt")
    assert found["a"].tolist() == x.tolist()
    assert found["b"].dtype is torch.float64
    assert found["b"].tolist() == x.view(flambeau.float64).tolist()
