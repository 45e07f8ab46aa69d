"""Methods that programs rarely call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from parity.both import LIBRARIES, Case, Error, check, check_error, names

X = np.arange(12.0).reshape(3, 4) - 5

CASES = (
    Case("hardshrink", lambda lib, x: x.hardshrink(2), (X + 0.5,), order=1),
    Case(
        "prelu", lambda lib, x, w: x.prelu(w), (X + 0.5, np.array([0.2, 0.3, 0.1, 0.4]))
    ),
    Case("resize", lambda lib, x: x.resize(2, 6), (X,)),
    Case("resize to one size", lambda lib, x: x.resize(12), (X,)),
    Case("resize_as", lambda lib, x: x.t().resize_as(lib.ones(6, 2)), (X,)),
    Case("to_dense", lambda lib, x: [x.to_dense(), x.to_dense(lib.float32)], (X,)),
    Case("new", lambda lib, x: [x.new([1, 2]), x.int().new(x.int()), x.new()], (X,)),
    Case("new of tuples", lambda lib, x: x.half().new(((1, 2), (3, 4))), (X,)),
)


@pytest.mark.parametrize("case", CASES, **names(CASES))
@pytest.mark.filterwarnings("ignore:non-inplace resize")
def test_values_and_gradients(case: Case) -> None:
    check(case)


def added(a: float, b: float, c: float) -> float:
    return a + 2 * b - c


FACTS: dict[str, Callable[[Any, Any], Any]] = {
    "new": lambda lib, x: [
        tuple(each.shape)
        for each in (x.new(2, 3), x.new(), x.new(x.size()), x.new(3, device="cpu"))
    ],
    "dense_dim": lambda lib, x: (x.dense_dim(), x.sparse_dim(), x.is_distributed()),
    "const_data_ptr": lambda lib, x: x.const_data_ptr() == x.data_ptr(),
    "map2_": lambda lib, x: x.map2_(x[0].clone(), x + 1, added).tolist(),
    "as_strided_": lambda lib, x: (
        x.as_strided_((2, 3), (1, 4), 1).tolist(),
        x.stride(),
    ),
    "as_strided_ of a view": lambda lib, x: (
        x[1:, 1:].as_strided_((2, 2), (2, 3)).add_(1).tolist(),
        x.tolist(),
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_facts(name: str) -> None:
    mine, theirs = (FACTS[name](library, library.tensor(X)) for library in LIBRARIES)
    assert mine == theirs


ORDERS: dict[str, Callable[[Any], Any]] = {
    "dense": lambda lib: lib.ones(2, 3, 4),
    "turned": lambda lib: lib.ones(2, 3, 4).permute(2, 0, 1),
    "expanded": lambda lib: lib.ones(3, 1).expand(2, 3, 4),
    "ones": lambda lib: lib.ones(1, 3, 1, 2),
    "equal strides": lambda lib: lib.ones(9).as_strided((2, 3, 2), (1, 1, 3)),
    "none": lambda lib: lib.ones(()),
}


@pytest.mark.parametrize("name", ORDERS)
def test_order_of_dimensions(name: str) -> None:
    found = []
    for library in LIBRARIES:
        x, orders = ORDERS[name](library), []
        for check_of in (False, True, [library.contiguous_format]):
            try:
                orders.append(x.dim_order(ambiguity_check=check_of))
            except RuntimeError as error:
                orders.append(str(error))
        found.append(orders)
    assert found[0] == found[1]


def grown(library: Any) -> Any:
    return library.ones(2, 3).resize(2, 4)


ERRORS = (
    Error("new", lambda lib: lib.ones(2).new(2.5), "data must be a sequence"),
    Error("resize", grown, "requested resize to 2x4 (8 elements in total)"),
    Error(
        "map2_",
        lambda lib: lib.ones(2).requires_grad_().map2_(lib.ones(2), lib.ones(2), added),
        "Can't call map2_() on Variable that requires grad",
    ),
    Error(
        "dim_order",
        lambda lib: lib.ones(2).dim_order(ambiguity_check="no"),
        "The ambiguity_check argument must be a bool or a list of memory formats.",
    ),
    Error("as_strided_", lambda lib: lib.ones(4).as_strided_((5,), (1,)), "storage"),
)


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
@pytest.mark.filterwarnings("ignore:non-inplace resize")
def test_errors(case: Error) -> None:
    check_error(case)


@pytest.mark.parametrize("library", LIBRARIES, ids=["flambeau", "torch"])
def test_resize_is_deprecated(library: Any) -> None:
    with pytest.warns(UserWarning, match="non-inplace resize_as is deprecated"):
        library.ones(2).resize_as(library.ones(2))
