"""`func.rearrange` and `nn.functional.grouped_mm`."""

from typing import Any

import numpy as np
import pytest
from parity.both import LIBRARIES, Case, Error, check, check_error, names

import flambeau.func
import flambeau.nn

X = np.arange(24.0).reshape(2, 3, 4)

PATTERNS: tuple[tuple[str, dict[str, int]], ...] = (
    ("a b c -> a (b c)", {}),
    ("a b c -> c (b a)", {}),
    ("a b c->(a b)c", {}),
    ("a (b1 b2) c -> a b1 b2 c", {"b1": 3}),
    ("(a b) c d -> a b c d", {"a": 2, "b": 1}),
    ("... c -> c ...", {}),
    ("a ... -> (...) a", {}),
    ("a ... c -> (c ... a)", {}),
    ("a b c -> a b c 1", {}),
    ("a b c -> a () b c", {}),
    ("a1 b c -> b a1 c", {}),
)


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_patterns(pattern: tuple[str, dict[str, int]]) -> None:
    text, sizes = pattern
    check(Case(text, lambda lib, x: lib.func.rearrange(x, text, **sizes), (X,)))


def test_several_tensors_are_stacked() -> None:
    call = lambda lib, *x: lib.func.rearrange(x, "s a b c -> a b (s c)")  # noqa: E731
    check(Case("stacked", call, (X, X + 1)))


WRONG = (
    ("a b c -> a b", "Identifiers only on one side"),
    ("a b -> a b", "Number of dimensions in pattern (2) must be equal"),
    ("a b c d", "Pattern must contain a single '->' separator"),
    ("a b c -> a -> b c", "Pattern must contain a single '->' separator"),
    ("a a b -> a b", "contains duplicate"),
    ("a b c -> a b c ...", "Ellipsis found in right side, but not left side"),
    ("a b c -> (a (b c))", "Axis composition is one-level"),
    ("a _ c -> a c _", "Invalid axis identifier: _"),
    ("a 3 c -> a c 3", "rearrange only supports unnamed axes of size 1"),
    ("a b c -> a b c)", "Brackets are not balanced"),
)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_patterns_that_cannot_be_read(wrong: tuple[str, str]) -> None:
    pattern, words = wrong
    check_error(
        Error(
            pattern, lambda lib: lib.func.rearrange(lib.ones(2, 3, 4), pattern), words
        )
    )


def test_sizes_that_do_not_fit() -> None:
    x = flambeau.ones(2, 3, 4)
    for sizes in ({}, {"b": 2}, {"z": 3}):
        with pytest.raises(ValueError, match="sizes|size 3|not found"):
            flambeau.func.rearrange(x, "a (b c) d -> a b c d", **sizes)


def numbers(*shape: int) -> np.ndarray:
    draws = np.random.default_rng(len(shape)).standard_normal(shape)
    return draws.astype(np.float32)


def grouped(ends: list[int] | None) -> Any:
    def call(library: Any, a: Any, b: Any) -> Any:
        offs = None if ends is None else library.tensor(ends, dtype=library.int32)
        return library.nn.functional.grouped_mm(a, b, offs=offs)

    return call


GROUPED = (
    Case("rows", grouped([3, 8]), (numbers(8, 16), numbers(2, 16, 8)), 1),
    Case("columns", grouped([3, 8]), (numbers(2, 8, 16), numbers(16, 8)), 0),
    Case("sums", grouped([6, 16]), (numbers(8, 16), numbers(16, 8)), 0),
    Case("batches", grouped(None), (numbers(2, 8, 16), numbers(2, 16, 8)), 0),
)


@pytest.mark.parametrize("case", GROUPED, **names(GROUPED))
def test_products_of_groups(case: Case) -> None:
    found = []
    for library in LIBRARIES:
        a, b = map(library.tensor, case.arrays)
        y = case.call(library, a.requires_grad_(case.order > 0), b)
        found.append([y.detach().numpy()])
        if case.order:
            y.square().sum().backward()
            found[-1].append(a.grad.numpy())
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-5, 1e-4)


def test_rows_behind_the_last_group_are_zero() -> None:
    # torch does not write these rows, so only the others can be compared with it.
    a, b = numbers(8, 16), numbers(2, 16, 8)
    mine, theirs = (
        grouped([2, 6])(library, library.tensor(a), library.tensor(b)).numpy()
        for library in LIBRARIES
    )
    np.testing.assert_allclose(mine[:6], theirs[:6], 1e-5, 1e-4)
    np.testing.assert_array_equal(mine[6:], 0)


def product(*shapes: tuple[int, ...], ends: Any = None, **options: Any) -> Any:
    def call(library: Any) -> Any:
        more = {k: getattr(library, v) for k, v in options.items()}
        kind = more.pop("dtype", library.float32)
        given = [library.ones(*shape, dtype=kind) for shape in shapes]
        offs = None if ends is None else library.tensor(ends[1])
        if offs is not None:
            offs = offs.to(getattr(library, ends[0]))
        return library.nn.functional.grouped_mm(*given, offs=offs, **more)

    return call


ENDS = ("int32", [4, 8])
PRODUCT_ERRORS = (
    Error("no ends", product((8, 16), (2, 16, 8)), "Have to provide offsets"),
    Error(
        "ends", product((2, 8, 16), (2, 16, 8), ends=ENDS), "Have to provide offsets"
    ),
    Error(
        "int64",
        product((8, 16), (2, 16, 8), ends=("int64", [4, 8])),
        "Offsets have to be int32",
    ),
    Error(
        "groups", product((8, 16), (3, 16, 8), ends=ENDS), "batch sizes have to match"
    ),
    Error("batches", product((2, 8, 16), (1, 16, 8)), "batched dimension has to match"),
    Error("sums", product((8, 16), (2, 8, 8), ends=ENDS), "contraction dimension"),
    Error("dimensions", product((16,), (2, 16, 8), ends=ENDS), "has to be 2 or 3d"),
    Error(
        "dtype",
        product((8, 16), (2, 16, 8), ends=ENDS, dtype="float64"),
        "Expected mat_a to be Float32, BFloat16 or Float16 matrix, got Double",
    ),
    Error(
        "result",
        product((8, 16), (2, 16, 8), ends=ENDS, out_dtype="bfloat16"),
        "Grouped gemm output dtype must match",
    ),
)


@pytest.mark.parametrize("case", PRODUCT_ERRORS, **names(PRODUCT_ERRORS))
def test_wrong_products_of_groups(case: Error) -> None:
    check_error(case)
