"""torch's own table of operators, `op_db`: every entry that flambeau has.

In float64 all samples are compared: values, slopes and, where torch's table has them,
second slopes; the first ones also as tensors with gaps in memory. In float32 all are
compared with their slopes, and in the other dtypes of an entry up to eight samples,
evenly spread: in 16-bit floats values only, whose slopes are sums of rounded numbers.
Inputs without elements are among the samples. Wrong calls must raise torch's type of
error, with a message that means the same.

The compiler computes the first samples of an entry even if they are so small that it
would leave them to NumPy, and of the others those that are not.

op_db_left_out.py lists what is left out or compared less. Operands of two dtypes are
compared in test_promotion.py, results written into tensors in test_out.py.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from parity import op_db_left_out as left_out
from parity.op_db import (
    KINDS,
    LIBRARIES,
    Call,
    Difference,
    absent,
    check_picks,
    check_sample,
    is_here,
    operator,
)
from parity.tally import Tally
from torch.testing._internal.common_methods_invocations import (
    OpInfo,
    SampleInput,
    op_db,
)

import flambeau
from tools import coverage

INFOS = [info for info in op_db if is_here(info)]
WRONG = [info for info in INFOS if info.error_inputs_func is not None]
GROUPS = {
    "float64": ("float64",),
    "float32": ("float32",),
    "complex": ("complex128", "complex64"),
    "others": KINDS[2:-2],
}
FEW = 8  # samples of each of the other dtypes
FIRST = 3  # samples that are compiled in any case, and compared with gaps


def is_left_out(name: str, sample: Any) -> bool:
    """Whether a sample has what is not here, or is on the list."""
    given = [sample.input, list(sample.args), sample.kwargs]
    return bool(absent(given) or left_out.reason_for(name))


def orders_of(info: OpInfo, kind: str) -> int:
    """Return how many times samples of a dtype are differentiated."""
    dtype = getattr(torch, kind)
    if not info.supports_autograd or dtype not in info.supported_backward_dtypes("cpu"):
        return 0
    if kind in ("bfloat16", "float16"):
        return 0
    return 2 if info.supports_gradgrad and kind in ("float64", "complex128") else 1


def samples(info: OpInfo, kind: str) -> Iterator[tuple[str, SampleInput]]:
    """Yield name and sample of those that are compared in a dtype."""
    dtype = getattr(torch, kind)
    if dtype not in info.dtypes:
        return
    torch.manual_seed(0)
    np.random.seed(0)
    slopes = orders_of(info, kind) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = list(info.sample_inputs("cpu", dtype, requires_grad=slopes))
    step = (
        1
        if kind in ("float32", "float64", "complex128")
        else max(1, -(-len(made) // FEW))
    )
    for at, sample in list(enumerate(made))[::step]:
        yield f"{info.full_name} {kind} {at}", sample
        if kind == "float64" and at < FIRST:
            yield f"{info.full_name} {kind} {at} noncontiguous", sample.noncontiguous()


@pytest.fixture
def compiling(backend: str) -> Callable[[bool], None]:
    """Return what decides whether small graphs are compiled, too."""
    every = flambeau.config.evaluate

    def choose(wanted: bool) -> None:
        flambeau.config.backend = backend
        if wanted:
            flambeau.config.evaluate = every

    return choose


@pytest.mark.parametrize("info", INFOS, ids=[info.full_name for info in INFOS])
@pytest.mark.parametrize("group", GROUPS)
def test_samples(
    info: OpInfo,
    group: str,
    compiling: Callable[[bool], None],
    record_property: Any,
) -> None:
    tally = Tally("op_db", is_left_out)
    functions = tuple(operator(info, library) for library in LIBRARIES)
    for kind in GROUPS[group]:
        orders = orders_of(info, kind)
        for at, (name, sample) in enumerate(samples(info, kind)):
            most = min(orders, left_out.most_orders(name))
            check = checked(info, functions, most, kind)
            if left_out.is_in_any_order(name):
                check = functools.partial(check_picks, functions)
            compiling(at < 2 * FIRST and kind == "float64")
            tally.take(name, sample, check)
    tally.report(record_property)


def checked(
    info: OpInfo, functions: Any, orders: int, kind: str
) -> Callable[[SampleInput], None]:
    """Return the comparison of samples of one entry and dtype."""
    values = info.name not in left_out.SHAPES_ONLY
    limit = left_out.less_exact(info.full_name) if kind == "float64" else None
    return lambda sample: check_sample(functions, sample, orders, kind, limit, values)


REAL_ONLY = [
    info
    for info in INFOS
    if left_out.takes_real_numbers_only(info.full_name)
    and torch.complex128 in info.dtypes
]


@pytest.mark.parametrize("info", REAL_ONLY, ids=[info.full_name for info in REAL_ONLY])
def test_complex_numbers_are_refused_where_real_ones_are_needed(info: OpInfo) -> None:
    """No sample gives an answer that is another than torch's."""
    function, refused = operator(info, flambeau), 0
    for _, sample in samples(info, "complex128"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                Call(flambeau, function, sample).run(0)
        except (NotImplementedError, RuntimeError) as error:
            assert re.search("not implemented for 'Complex|Got Complex", str(error))
            refused += 1
        else:
            check_sample((function, operator(info, torch)), sample, 0, "complex128")
    assert refused


# Wrong calls


def raised(library: Any, function: Any, sample: SampleInput) -> Exception | None:
    """Return the error of a call."""
    try:
        call = Call(library, function, sample)
        call.run(0)
        call.values()
    except Exception as error:
        return error
    return None


def check_error(info: OpInfo, wrong: Any) -> None:
    """Raise what the error of one wrong call does not have in common."""
    mine, theirs = (
        raised(library, operator(info, library), wrong.sample_input)
        for library in LIBRARIES
    )
    if type(mine) is not type(theirs):
        raise Difference(f"{mine!r}; torch raises {theirs!r}")
    if theirs is None or re.search(wrong.error_regex, str(mine)):
        return
    meant = [
        own for torchs, own in left_out.SAME_MEANING if re.search(torchs, str(theirs))
    ]
    if not any(re.search(own, str(mine)) for own in meant):
        raise Difference(f"{mine}; torch says {theirs}")


@pytest.mark.parametrize("info", WRONG, ids=[info.full_name for info in WRONG])
def test_errors(info: OpInfo, record_property: Any) -> None:
    tally = Tally("op_db", is_left_out)
    for at, wrong in enumerate(info.error_inputs("cpu")):
        name = f"{info.full_name} error {at}"
        tally.take(
            name, wrong.sample_input, lambda _, wrong=wrong: check_error(info, wrong)
        )
    tally.report(record_property)


# The lists


def reason_of_absence(info: OpInfo) -> str | None:
    """Return why flambeau does not have an entry, as one of the lists says."""
    owner, _, name = info.name.rpartition(".")
    owner = owner or "Tensor"
    reason = coverage.reason_against(owner, name)
    if reason is not None:
        return f"out of scope: {reason}"
    if name in coverage.read_names().get(owner, ()):
        return "missing: docs/coverage.md"
    return left_out.absence(info.name)


def test_entries_that_are_not_here_have_a_reason() -> None:
    others = [info for info in op_db if not is_here(info)]
    assert [info.full_name for info in others if reason_of_absence(info) is None] == []


def test_what_is_left_out_is_in_the_table() -> None:
    """No line of a list is about something that the table does not have."""
    entries = {info.full_name for info in INFOS}
    lists = (left_out.SAMPLES, left_out.ANY_ORDER, left_out.FEWER, left_out.PROMOTION)
    for pattern in itertools.chain(*lists):
        assert left_out.entries_of(pattern) & entries, pattern
    assert left_out.SHAPES_ONLY.keys() <= entries


def test_differences_are_seen() -> None:
    """Another value, slope, second slope, dtype or shape fails."""
    (info,) = [info for info in INFOS if info.full_name == "sin"]
    _, sample = next(samples(info, "float64"))
    for wrong in (
        lambda x: x.sin() * (1 + 1e-9),
        lambda x: x.sin().float(),
        lambda x: x.sin().reshape(-1),
        lambda x: x.detach().sin(),
        lambda x: x.sin() + (x - x.detach()) ** 2,
    ):
        with pytest.raises(Difference):
            check_sample((wrong, torch.sin), sample, 2, "float64")
    check_sample((flambeau.sin, torch.sin), sample, 2, "float64")


def test_wrong_picks_are_seen() -> None:
    """Equal elements may come in any order, others may not, and each only once."""
    sample = SampleInput(torch.tensor([2, 1, 2, 1]))

    def sorted_by(*places: int) -> Callable[[Any], Any]:
        there = flambeau.tensor(places)
        return lambda x: (x[there], there)

    check_picks((sorted_by(3, 1, 0, 2), torch.sort), sample)
    for wrong in (sorted_by(0, 1, 2, 3), sorted_by(1, 1, 0, 2)):
        with pytest.raises(Difference):
            check_picks((wrong, torch.sort), sample)
