"""Functions that write into tensors given as `out`: all that torch's table has.

Samples are computed into tensors of several forms. Both libraries must write the same,
into the tensors that were given, and warn where they resize them; or both must refuse.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from parity.both import Error, check_error, names
from parity.op_db import LIBRARIES, flat, is_here, mirrored, operator
from parity.test_op_db import is_left_out
from torch.testing._internal.common_methods_invocations import OpInfo, op_db

import flambeau

FEW = 2  # samples of each function
UNDETERMINED = {"empty", "linalg.eigh", "linalg.eig"}  # memory, signs of vectors

NO_WARNING = "torch does not warn"
ONE_RESULT = "torch casts where there is one result, and not where there are two"
# Functions and forms of `out` in which torch is not as its other functions.
EXCEPTIONS = {
    "max wider": ONE_RESULT,
    "min wider": ONE_RESULT,
    "inner wider": "torch casts where it multiplies by a number",
    "linalg.matrix_power wider": "torch casts, except for the power 1",
    "lu wider": "torch copies into tensors of any dtype",
    "lu lower": "torch copies into tensors of any dtype",
    "matrix_power wider": "torch casts, except for the power 1",
    "cholesky wider": "torch casts, and does not in linalg.cholesky",
    "randn gaps": "torch draws in another order for gaps",
    "narrow_copy gaps": "torch writes where the tensor has no elements",
    "nanmean lower": "torch has no nansum of integers",
    "nansum lower": "torch has no nansum of integers",
    "all wider": "torch writes uint8, as before there were bools",
    "any wider": "torch writes uint8, as before there were bools",
    "bernoulli wider": "torch draws in the dtype of `out`",
    "bernoulli lower": "torch draws in the dtype of `out`",
    "normal wider": "torch draws in the dtype of `out`",
    **dict.fromkeys(
        (
            f"{name} larger"
            for name in (
                *(
                    "addbmm",
                    "arange",
                    "lu",
                    "bernoulli",
                    "empty",
                    "eye",
                    "full",
                    "linspace",
                ),
                *("logspace", "multinomial", "narrow_copy", "normal", "ones", "randn"),
                *("randint", "zeros"),
            )
        ),
        NO_WARNING,
    ),
}

INFOS = [
    info
    for info in op_db
    if info.supports_out
    and is_here(info)
    and info.name != "equal"
    and info.name.rpartition(".")[0] in ("", "linalg", "special")
]


def samples(info: OpInfo) -> Iterator[Any]:
    kinds = (torch.float32, torch.int64, torch.float64)
    torch.manual_seed(0)
    made = info.sample_inputs("cpu", next(k for k in kinds if k in info.dtypes))
    fit = (s for s in made if not is_left_out(info.full_name, s))
    yield from (sample for sample, _ in zip(fit, range(FEW)))


# The tensors that are given, from what is computed


def made_as(part: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    return torch.zeros(part.shape, dtype=kind)


WIDER = {torch.float32: torch.float64, torch.int64: torch.float32}
FORMS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "same": lambda part: made_as(part, part.dtype),
    "empty": lambda part: torch.zeros(0, dtype=part.dtype),
    "gaps": lambda part: torch.zeros(*part.shape, 2, dtype=part.dtype)[..., 1],
    "larger": lambda part: torch.zeros(part.numel() + 3, dtype=part.dtype),
    "wider": lambda part: made_as(part, WIDER.get(part.dtype, torch.uint8)),
    "lower": lambda part: made_as(
        part, torch.int64 if part.is_floating_point() else torch.bool
    ),
}


def outcome(library: Any, info: OpInfo, sample: Any, outs: list[Any]) -> Any:
    """Return what a call writes and how many warnings it gives, or its error."""
    given = [sample.input, list(sample.args), dict(sample.kwargs)]
    first, args, options = mirrored(given) if library is flambeau else given
    out = tuple(outs) if len(outs) > 1 else outs[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = operator(info, library)(first, *args, **options, out=out)
            values = [each.numpy() for each in outs]
        except (RuntimeError, TypeError, NotImplementedError) as error:
            return error
    if made is not None:  # torch returns none of several copies
        assert all(a is b for a, b in zip([*flat(made)], outs, strict=True))
    return values, sum("was resized" in str(each.message) for each in caught)


def check_form(info: OpInfo, sample: Any, parts: list[torch.Tensor], form: str) -> None:
    """Assert that both libraries make the same of one form of `out`."""
    given = [FORMS[form](part) for part in parts]
    others = [mirrored(FORMS[form](part)) for part in parts]
    mine, theirs = (
        outcome(library, info, sample, outs)
        for library, outs in zip(LIBRARIES, (others, given))
    )
    if isinstance(mine, Exception) or isinstance(theirs, Exception):
        refused = [isinstance(each, Exception) for each in (mine, theirs)]
        assert all(refused), f"{form}: {mine!r}, torch: {theirs!r}"
        return
    assert mine[1] == theirs[1], f"{form}: number of warnings"
    for ours, values in zip(mine[0], theirs[0], strict=True):
        assert (ours.dtype, ours.shape) == (values.dtype, values.shape), form
        if info.name not in UNDETERMINED:
            np.testing.assert_allclose(ours, values, 1e-4, 1e-4, err_msg=form)


@pytest.mark.parametrize("info", INFOS, ids=[info.full_name for info in INFOS])
def test_out(info: OpInfo) -> None:
    forms = [form for form in FORMS if f"{info.name} {form}" not in EXCEPTIONS]
    for sample in samples(info):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = operator(info, torch)(sample.input, *sample.args, **sample.kwargs)
        for form in forms:
            check_form(info, sample, [*flat(made)], form)


# Messages


def into(name: str, kind: str, *inputs: str) -> Callable[[Any], Any]:
    """Return a call that writes a function of some dtypes into a tensor of one."""

    def call(library: Any) -> Any:
        given = [library.ones(2, 2, dtype=getattr(library, each)) for each in inputs]
        out = library.empty(0, dtype=getattr(library, kind))
        return getattr(library, name)(*given, out=out)

    return call


def with_slope(name: str, of_out: bool) -> Callable[[Any], Any]:
    def call(library: Any) -> Any:
        x, out = library.ones(2), library.zeros(2)
        (out if of_out else x).requires_grad_()
        return getattr(library, name)(x, out=out)

    return call


def given_as(name: str, out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda library: getattr(library, name)(
        library.ones(2, 2), 0, out=out(library)
    )


ERRORS = (
    Error(
        "lower",
        into("add", "int64", "float32", "float32"),
        "result type Float can't be cast to the desired output type Long",
    ),
    Error(
        "other",
        into("mm", "float64", "float32", "float32"),
        "Expected out tensor to have dtype float, but got double instead",
    ),
    Error(
        "creation",
        lambda library: library.zeros(2, dtype=library.int64, out=library.empty(2)),
        "dtype Long does not match dtype of out parameter (Float)",
    ),
    Error("slope", with_slope("exp", of_out=False), "exp(): functions with out=..."),
    Error("slope of out", with_slope("exp", of_out=True), "requires grad."),
    Error(
        "tuple",
        given_as("add", lambda library: (library.empty(2),)),
        "add(): argument 'out' must be Tensor, not tuple",
    ),
    Error(
        "overlap",
        given_as("add", lambda library: library.empty(2).expand(2, 2)),
        "more than one element of the written-to tensor refers to a single memory",
    ),
)


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case: Error) -> None:
    check_error(case)
