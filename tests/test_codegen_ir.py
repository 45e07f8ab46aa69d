"""The text of instructions: LLVM must read in it what was meant."""

import ctypes
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from flambeau.compiler.codegen import ir
from flambeau.runtime.engine import engine

I1, I32, I64 = map(ir.IntType, (1, 32, 64))
FLOAT, DOUBLE, PTR = ir.FloatType(), ir.DoubleType(), ir.PointerType()

Body = Callable[[ir.Builder, ir.Value, Sequence[ir.Value]], None]


def run(body: Body, memory: np.ndarray, *numbers: int) -> None:
    """Compile a function of an address and numbers, and call it once."""
    module = ir.Module()
    kinds = [PTR] + [I64] * len(numbers)
    function = module.function("written", ir.VoidType(), kinds, apart=True)
    b = ir.Builder(function)
    body(b, function.args[0], function.args[1:])
    b.ret_void()
    code = engine().link(engine().compile(str(module)), ["written"])
    kinds = [ctypes.c_void_p] + [ctypes.c_int64] * len(numbers)
    call = ctypes.CFUNCTYPE(None, *kinds)(code.addresses["written"])
    call(memory.ctypes.data, *numbers)


NUMBERS = {
    "zero": 0.0,
    "minus_zero": -0.0,
    "rounded": 0.1,
    "large": -3e38,
    "beyond_float32": 1e39,
    "denormal": 1e-45,
    "infinite": math.inf,
    "nan": math.nan,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_a_float_keeps_its_bits(name, number):
    kind = FLOAT if name == "float32" else DOUBLE
    found = np.ones(1, name)
    run(lambda b, place, _: b.store(ir.constant(kind, number), place), found)
    with np.errstate(over="ignore"):
        wanted = np.array([number]).astype(name)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("lanes", "wanted"),
    [
        ([3, -1, 0, 7], [3, -1, 0, 7]),
        ([-5] * 4, [-5] * 4),
        (None, [0] * 4),
    ],
    ids=["different", "equal", "zeros"],
)
def test_a_vector_has_the_numbers_of_its_lanes(lanes, wanted):
    kind, found = ir.VectorType(I64, 4), np.ones(4, np.int64)
    run(lambda b, place, _: b.store(ir.constant(kind, lanes), place, 8), found)
    assert found.tolist() == wanted


def test_vectors_of_floats_tell_zeros_apart():
    kind, found = ir.VectorType(FLOAT, 2), np.ones(2, np.float32)
    run(lambda b, place, _: b.store(ir.constant(kind, [0.0, -0.0]), place, 4), found)
    assert np.signbit(found).tolist() == [False, True]


INTEGERS: dict[str, Callable[[int, int], Any]] = {
    "add": lambda x, y: x + y,
    "add_nsw": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "sdiv": lambda x, y: int(x / y),
    "srem": math.fmod,
    "udiv": lambda x, y: (x % 2**64) // y,
    "urem": lambda x, y: (x % 2**64) % y,
    "shl": lambda x, y: x << y,
    "ashr": lambda x, y: x >> y,
    "lshr": lambda x, y: (x % 2**64) >> y,
    "and_": lambda x, y: x & y,
    "or_": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y,
}


@pytest.mark.parametrize("name", INTEGERS)
def test_operations_of_integers(name):
    found = np.zeros(1, np.int64)
    run(lambda b, place, two: b.store(getattr(b, name)(*two), place), found, -23, 5)
    assert found.tolist() == [INTEGERS[name](-23, 5)]


COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@pytest.mark.parametrize("sign", COMPARISONS)
@pytest.mark.parametrize("kind", ["icmp_signed", "icmp_unsigned"])
def test_integers_are_compared_with_and_without_a_sign(kind, sign):
    pairs = [(-1, 1), (1, -1), (2, 2)]
    found = []
    for pair in pairs:
        place = np.zeros(1, np.int64)

        def body(b: ir.Builder, to: ir.Value, two: Sequence[ir.Value]) -> None:
            b.store(b.zext(getattr(b, kind)(sign, *two), I64), to)

        run(body, place, *pair)
        found.append(bool(place[0]))
    seen = np.array(pairs).astype(np.int64 if kind == "icmp_signed" else np.uint64)
    assert found == [COMPARISONS[sign](*pair) for pair in seen]


def test_a_value_that_differs_by_the_way_is_joined():
    def body(b: ir.Builder, place: ir.Value, numbers: Sequence[ir.Value]) -> None:
        with b.at_entry():
            total = b.alloca(I64)
        b.store(ir.constant(I64, 0), total)
        condition = b.icmp_signed("<", numbers[0], ir.constant(I64, 0))
        with b.if_else(condition) as (then, otherwise):
            with then:
                b.store(b.neg(numbers[0]), total)
            with otherwise, b.if_then(b.not_(condition)):
                b.store(b.not_(numbers[0]), total)
        b.store(b.load(total, I64), place)

    found = np.zeros(2, np.int64)
    run(body, found[:1], -7)
    run(body, found[1:], 7)
    assert found.tolist() == [7, -8]
