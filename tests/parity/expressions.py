"""Cases, errors and programs as text: what a user would type, run by both libraries.

In an expression `torch` is the library, `t` makes a tensor from a list, and x, y, z
are the tensors made from the case's arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from parity.both import LIBRARIES, Case, Error, flat, values_of


def namespace(library: Any, tensors: Iterable[Any] = ()) -> dict[str, Any]:
    """The names an expression can use."""
    return {
        "torch": library,
        "t": library.tensor,
        "np": np,
        **dict(zip("xyz", tensors)),
    }


def value(expression: str, library: Any, *tensors: Any) -> Any:
    """What an expression gives; torch's remarks about its own future are not for us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, namespace(library, tensors))


def cases(
    expressions: Iterable[str], *arrays: np.ndarray, order: int = 2
) -> list[Case]:
    """A case for each expression on the same arrays."""
    return [
        Case(
            text,
            lambda library, *tensors, text=text: value(text, library, *tensors),
            arrays,
            order,
        )
        for text in expressions
    ]


def errors(table: Mapping[str, str]) -> list[Error]:
    """An error for each expression, with the words that both messages have."""
    return [
        Error(text, lambda library, text=text: value(text, library), words)
        for text, words in table.items()
    ]


def check_layout(case: Case) -> None:
    """Assert that the results have the same strides, offset and contiguity."""
    layouts = []
    for library in LIBRARIES:
        # made from an empty array, torch's tensors have strides of 0
        tensors = [
            library.tensor(array) if array.size else library.zeros(array.shape)
            for array in case.arrays
        ]
        found = flat(case.call(library, *tensors))
        layouts.append([(t.stride(), t.storage_offset()) for t in found])
        layouts.append([t.is_contiguous() for t in found])
    assert layouts[:2] == layouts[2:]


def after(program: str, library: Any, *arrays: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors there are when a program of several statements has run."""
    tensors = [library.tensor(array) for array in arrays]
    names = namespace(library, tensors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(program, names)
    kind = type(tensors[0])
    found = {name: each for name, each in names.items() if isinstance(each, kind)}
    return {name: values_of(each) for name, each in found.items()}


def check_program(program: str, *arrays: np.ndarray) -> None:
    """Assert that every tensor has the same values in both libraries afterwards."""
    ours, theirs = (after(program, library, *arrays) for library in LIBRARIES)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
