"""Promotion between dtypes: torch's table of operators, with operands of two dtypes.

The first samples that have several floats as operands are computed with these in other
dtypes by turns; where an entry is a function of two elementwise, the second one is a
tensor without dimensions and a number, too. Both libraries must give the same dtypes
and values, or both must refuse.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
import torch
from parity import op_db_left_out as left_out
from parity.op_db import (
    LIBRARIES,
    Call,
    Difference,
    Limits,
    absent,
    compare_calls,
    flat,
    is_tensor,
    operator,
)
from parity.tally import Tally
from parity.test_op_db import INFOS
from torch.testing._internal.common_methods_invocations import OpInfo, SampleInput
from torch.testing._internal.opinfo.core import BinaryUfuncInfo

PAIRS = (
    ("int64", "float32"),
    ("float32", "int64"),
    ("float32", "float64"),
    ("int32", "int8"),
    ("uint8", "int8"),
    ("bool", "int64"),
    ("float32", "bool"),
    ("bfloat16", "float16"),
)
# The dtype of a tensor, and of one without dimensions or of a number beside it.
WEAK_PAIRS = (
    ("float32", "float64"),
    ("int64", "float32"),
    ("float16", "float32"),
    ("int8", "int64"),
    ("bool", "int64"),
    ("uint8", "bool"),
)
FEW = 2  # samples of each entry


def cast(tensor: torch.Tensor, kind: str) -> torch.Tensor:
    """Return a tensor of another dtype, of values that every dtype has.

    Integers are positive, so that functions of two have a value.
    """
    dtype = getattr(torch, kind)
    if dtype is torch.bool:
        return tensor > 0
    if not dtype.is_floating_point:
        tensor = tensor.abs().floor() % 5 + 1
    return ((tensor * 4).round() / 4).to(dtype)


def is_operand(value: Any) -> bool:
    return is_tensor(value) and value.is_floating_point()


def mixed(sample: SampleInput, pair: tuple[str, str]) -> SampleInput:
    """Return a sample with its operands in two dtypes by turns."""
    kinds = cycle(pair)
    return sample.transform(
        lambda value: cast(value, next(kinds)) if is_operand(value) else value
    )


def weak(sample: SampleInput, pair: tuple[str, str], number: bool) -> SampleInput:
    """Return a sample whose second operand is one element of another dtype."""
    second = cast(sample.args[0].reshape(-1)[0], pair[1])
    args = second.item() if number else second, *sample.args[1:]
    return SampleInput(cast(sample.input, pair[0]), args=args, kwargs=sample.kwargs)


def operands(sample: SampleInput) -> list[torch.Tensor]:
    given = [sample.input, list(sample.args), sample.kwargs]
    return [each for each in flat(given) if is_operand(each)]


def samples(info: OpInfo) -> Iterator[tuple[str, SampleInput]]:
    """Yield samples of two dtypes with their names."""
    if torch.float64 not in info.dtypes:
        return
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = info.sample_inputs("cpu", torch.float64)
        fit = (s for s in made if len(operands(s)) > 1 and all_full(operands(s)))
        chosen = list(islice(fit, FEW))
    for at, sample in enumerate(chosen):
        for pair in PAIRS:
            yield f"{info.full_name} {' '.join(pair)} {at}", mixed(sample, pair)
    for sample in chosen[:1]:
        if not isinstance(info, BinaryUfuncInfo) or not is_operand(sample.args[0]):
            continue
        for pair in WEAK_PAIRS:
            name = f"{info.full_name} {' '.join(pair)}"
            yield f"{name} 0-d", weak(sample, pair, number=False)
            if info.supports_rhs_python_scalar:
                yield f"{name} number", weak(sample, pair, number=True)


def all_full(tensors: list[torch.Tensor]) -> bool:
    return all(each.numel() for each in tensors)


def is_left_out(name: str, sample: Any) -> bool:
    given = [sample.input, list(sample.args), sample.kwargs]
    return bool(absent(given) or left_out.promotion_reason(name))


def check(info: OpInfo, sample: SampleInput) -> None:
    """Raise what both libraries make of a sample, if it is not the same."""
    calls, errors = [], []
    for library in LIBRARIES:
        call = Call(library, operator(info, library), sample)
        errors.append(error_of(call))
        calls.append(call)
    mine, theirs = errors
    if mine is None and theirs is None:
        limits = Limits(operator(info, torch), sample, 0)
        values = info.name not in left_out.SHAPES_ONLY
        compare_calls(*calls, limits, "float32", with_values=values)
    elif mine is None or theirs is None:
        raise Difference(f"{mine!r}; torch raises {theirs!r}")


def error_of(call: Call) -> Exception | None:
    try:
        call.run(0)
        call.values()
    except (RuntimeError, TypeError, NotImplementedError, ValueError) as error:
        return error
    return None


@pytest.mark.parametrize("info", INFOS, ids=[info.full_name for info in INFOS])
def test_promotion(info: OpInfo, record_property: Any) -> None:
    tally = Tally("op_db", is_left_out)
    for name, sample in samples(info):
        tally.take(name, sample, lambda sample: check(info, sample))
    tally.report(record_property)
