"""uint16, uint32 and uint64 beside torch, which has few operators for them."""

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, flat, values_of

import flambeau

WIDE = ("uint16", "uint32", "uint64")
OTHERS = (
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64"),
)
WHOLE = [0, 1, 2, 3, 200, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**40]
FLOATS = [0.0, 2.5, 1e4, 2.0**31, 2.0**40, 2.0**62, -1.0, -2.5, -(2.0**31)]
LARGE = [2.0**63, 1.5 * 2.0**63, np.inf, np.nan]  # which only uint64 tells apart

CALLS = {
    "mul": lambda lib, x, y: x * y,
    "div": lambda lib, x, y: x / y,
    "mul float": lambda lib, x, y: x * 1.5,
    "add number of no dimension": lambda lib, x, y: lib.tensor([1, 2]) + x[0],
    "eq": lambda lib, x, y: x == y,
    "ne number": lambda lib, x, y: x != 2,
    "and": lambda lib, x, y: x & y,
    "or": lambda lib, x, y: x | y,
    "xor": lambda lib, x, y: x ^ y,
    "sum": lambda lib, x, y: x.sum(),
    "prod": lambda lib, x, y: x[:3].prod(),
    "cumsum": lambda lib, x, y: x.cumsum(0),
    "sort": lambda lib, x, y: list(y.sort()),
    "any": lambda lib, x, y: x.any(),
    "cat": lambda lib, x, y: lib.cat([x, y]),
    "stack": lambda lib, x, y: lib.stack([x, y]),
    "exp": lambda lib, x, y: lib.exp(y),
    "sqrt": lambda lib, x, y: lib.sqrt(x),
    "floor": lambda lib, x, y: lib.floor(x),
    "index": lambda lib, x, y: x[lib.tensor([2, 0])],
    "repeat": lambda lib, x, y: x.repeat(2),
    "fill": lambda lib, x, y: x.fill_(-3),
    "copy": lambda lib, x, y: x.copy_(lib.arange(5) - 1),
    "isfinite": lambda lib, x, y: x.isfinite(),
    "ones_like": lambda lib, x, y: lib.ones_like(x),
    "full": lambda lib, x, y: lib.full((2,), 7, dtype=x.dtype),
    "pad": lambda lib, x, y: lib.nn.functional.pad(x, (1, 1)),
    "outer": lambda lib, x, y: lib.outer(x, y),
    "result_type": lambda lib, x, y: x.new_ones(1, dtype=lib.result_type(x, 1)),
}
ERRORS = {
    "add": lambda lib, x: x + lib.arange(3),
    "where": lambda lib, x: lib.minimum(x, lib.arange(3)),
    "cat": lambda lib, x: lib.cat([x, x.to(lib.uint8)]),
    "index": lambda lib, x: x[x],
    "mean": lambda lib, x: x.mean(),
    "in place": lambda lib, x: x.mul_(1.5),
}


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("name", CALLS)
def test_what_torch_has(name: str, kind: str) -> None:
    found = []
    for lib in LIBRARIES:
        x = lib.tensor([5, 0, 7, 40000, 65535], dtype=getattr(lib, kind))
        y = lib.tensor([3, 2, 7, 1, 9], dtype=getattr(lib, kind))
        found.append(flat(CALLS[name](lib, x, y)))
    for ours, theirs in zip(*found, strict=True):
        assert str(ours.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(values_of(ours), values_of(theirs), rtol=1e-6)


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("name", ERRORS)
def test_what_torch_refuses(name: str, kind: str) -> None:
    kinds = []
    for lib in LIBRARIES:
        x = lib.tensor([1, 2, 0], dtype=getattr(lib, kind))
        with pytest.raises(Exception) as error:
            ERRORS[name](lib, x)
        kinds.append(error.type)
    assert kinds[0] is kinds[1]


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("other", [*OTHERS, *WIDE])
def test_promotion(kind: str, other: str) -> None:
    found = []
    for lib in LIBRARIES:
        first, second = getattr(lib, kind), getattr(lib, other)
        try:
            found.append(
                (lib.promote_types(first, second), lib.can_cast(first, second))
            )
        except RuntimeError as error:
            found.append((str(error).partition(";")[0], lib.can_cast(first, second)))
    assert str(found[0]) == str(found[1])


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_conversions(kind: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flambeau.config, "backend", backend)
    floats = FLOATS + LARGE * (kind == "uint64")
    for values in (WHOLE, [-1, -200, *WHOLE], floats):
        for other in OTHERS:
            ours, theirs = (
                lib.tensor(values).to(getattr(lib, kind)).to(getattr(lib, other))
                for lib in LIBRARIES
            )
            np.testing.assert_array_equal(values_of(ours), values_of(theirs))
        ours, theirs = (lib.tensor(values).to(getattr(lib, kind)) for lib in LIBRARIES)
        assert repr(ours) == repr(theirs)
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("kind", WIDE)
def test_numpys_arrays(kind: str) -> None:
    array = np.array([0, 1, np.iinfo(kind).max], kind)
    ours, theirs = flambeau.from_numpy(array), torch.from_numpy(array)
    assert str(ours.dtype) == str(theirs.dtype)
    assert ours.numpy().dtype == array.dtype
    assert ours.tolist() == theirs.tolist()
    assert ours.type() == theirs.type()
    assert ours[2].item() == theirs[2].item()
