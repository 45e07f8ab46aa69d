"""Kernels of elementwise loops and reductions: every op, every tail, every digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import check, compute, host_steps
from hypothesis import given, settings
from hypothesis import strategies as st
from native import inner_loops, run, spills

from flambeau import dtypes as dt
from flambeau.compiler.codegen.arithmetic import Arithmetic, has_lowering
from flambeau.compiler.codegen.loops import (
    Apply,
    Load,
    LoopSpec,
    Number,
    Store,
    loop_kernel,
)
from flambeau.compiler.codegen.program import Program, Stage
from flambeau.compiler.codegen.reduction import ReduceSpec, reduce_kernels
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import norm
from flambeau.ops import reduce as rd
from flambeau.ops.broadcast import sum_
from flambeau.ops.elementwise import Elementwise
from flambeau.runtime.engine import engine
from flambeau.runtime.target import host

FLOATS = (dt.float32, dt.float64)
INTEGERS = (dt.int8, dt.uint8, dt.int16, dt.int32, dt.int64, *dt.LONE)
LANES = host().lanes(4)

OPS = {
    op.name: op
    for module in (ew, norm)
    for op in vars(module).values()
    if isinstance(op, Elementwise)
}
PAIRS = {"add", "div", "floor_divide", "fmod", "maximum", "minimum", "mul", "pow"}
PAIRS |= {
    "remainder",
    "sub",
    "eq",
    "ge",
    "gt",
    "le",
    "lt",
    "ne",
    "atan2",
    "hypot",
    "copysign",
}
PAIRS |= {"bitwise_and", "bitwise_or", "bitwise_xor", "lshift", "rshift"}
PAIRS |= {"logical_and", "logical_or", "logical_xor"}


def single(kernel: Any, names: tuple[str, ...]) -> Program:
    """A program of one kernel on buffers of these names."""
    return Program((Stage(kernel, names),))


# Every op


def test_the_ops_of_networks_have_kernels() -> None:
    lowered = {name for name in OPS if has_lowering(name, dt.float32)}
    assert {*CURVES, "erf", "pow", "relu", "where", "maximum", "remainder"} <= lowered
    methods = {name[3:] for name in vars(Arithmetic) if name.startswith("op_")}
    assert methods - OPS.keys() <= {"cast"}


def operands(kind: dt.dtype, count: int) -> tuple[Node, Node]:
    """Numbers with special ones among them; the second never 0 for integers."""
    rng = np.random.default_rng(count)
    if kind is dt.bool_:
        values = rng.random((2, count)) < 0.5
    elif kind.is_floating_point:
        values = rng.standard_normal((2, count)) * 3
        odd = [0.0, -0.0, np.inf, -np.inf, np.nan, 0.5, -2.5, 1e30, 1.0, -1.0]
        places = rng.random(values.shape) < 0.5
        values[places] = rng.choice(odd, places.sum())
    else:
        ends = np.iinfo(kind.numpy)
        values = rng.integers(ends.min, ends.max, (2, count), kind.numpy, True)
        values[:, ::3] = rng.integers(
            0 if ends.min == 0 else -9, 9, values[:, ::3].shape
        )
    x, y = values.astype(kind.numpy)
    return constant(x, kind), constant(y, kind)


def applicable(kind: dt.dtype) -> list[Elementwise]:
    """The ops that have kernels for a dtype, and that NumPy has for it."""
    found = []
    tiny = constant(np.ones(1, kind.numpy), kind)
    for name, op in OPS.items():
        inputs = (tiny,) * _count(name)
        if not has_lowering(name, kind):
            continue
        try:
            op.numpy(*(each.value for each in inputs))
        except TypeError:
            continue
        found.append(op)
    return found


def _count(name: str) -> int:
    return 2 if name in PAIRS else 3 if name == "where" else 1


@pytest.mark.parametrize("kind", [*FLOATS, *INTEGERS, dt.bool_], ids=str)
def test_every_op_means_what_numpy_says(kind: dt.dtype) -> None:
    x, y = operands(kind, 6 * LANES + 5)
    for op in applicable(kind):
        inputs = {1: (x,), 2: (x, y), 3: (ew.equal(x, y), x, y)}[_count(op.name)]
        node = op(*inputs)
        assert host_steps(node) == [], op
        [found] = compute(node)
        with np.errstate(all="ignore"):
            arrays = [
                compute(each)[0] if each.value is None else each.value
                for each in inputs
            ]
            wanted = np.asarray(op.numpy(*arrays)).astype(node.dtype.numpy)
        if node.dtype.is_floating_point:
            digits = 4 * np.finfo(kind.numpy).eps
            np.testing.assert_allclose(found, wanted, digits, 1e-37, err_msg=op.name)
        else:
            np.testing.assert_array_equal(found, wanted, err_msg=op.name)


def test_casts_between_all_dtypes() -> None:
    kinds = [*FLOATS, *INTEGERS, dt.bool_]
    for old in kinds:
        x, _ = operands(old, 3 * LANES + 1)
        if old.is_floating_point:
            inside = np.clip(np.nan_to_num(x.value), -1e9, 1e9)
            x = constant(inside.astype(old.numpy))
        check(*(ew.cast(x, new) for new in kinds if new is not old))


# Every tail


TAILS: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda x, y: np.exp(x),
    "add": lambda x, y: x + y,
    "cast": lambda x, y: x.astype(np.int8),
    "ne": lambda x, y: x != y,
}


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("op", TAILS)
def test_every_tail_stays_inside_its_buffers(op: str, guard: str) -> None:
    rng = np.random.default_rng(0)
    for size in range(1, 2 * LANES + 2):
        x = rng.standard_normal(size).astype(np.float32)
        result = {"cast": dt.int8, "ne": dt.bool_}.get(op, dt.float32)
        loads = (Load(0, dt.float32, 0, (1,)), Load(1, dt.float32, 0, (1,)))
        apply = Apply(op, result, (0, 1) if op in PAIRS else (0,))
        spec = LoopSpec((size,), (*loads, apply), (Store(2, 2, result, 0, (1,)),))
        kernel = loop_kernel("loop", spec, host())
        buffers = {"x": x, "y": x[::-1].copy(), "out": np.zeros(size, result.numpy)}
        found = run(single(kernel, ("x", "y", "out")), buffers, guard=guard)["out"]
        wanted = TAILS[op](x, x[::-1])
        np.testing.assert_allclose(found, wanted, 1e-6)


@pytest.mark.parametrize("old", [dt.int64, dt.int32], ids=str)
@pytest.mark.parametrize("new", [dt.int8, dt.int16, dt.int32], ids=str)
def test_a_narrowed_tail_of_one_element_is_one_element(
    old: dt.dtype, new: dt.dtype
) -> None:
    """LLVM 22 forgets the mask of such a store, if it can tell what the mask is."""
    if old is new:
        pytest.skip("nothing is narrowed")
    for size in (host().lanes(new.itemsize) + 1, 1):
        x = np.arange(size, dtype=old.numpy)
        expressions = (Load(0, old, 0, (1,)), Apply("cast", new, (0,)))
        spec = LoopSpec((size,), expressions, (Store(1, 1, new, 0, (1,)),))
        kernel = loop_kernel("loop", spec, host())
        buffers = {"x": x, "out": np.zeros(size, new.numpy)}
        found = run(single(kernel, ("x", "out")), buffers, guard="end")["out"]
        np.testing.assert_array_equal(found, x.astype(new.numpy))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(-3, 3),
    st.booleans(),
)
def test_loads_and_stores_with_any_steps(
    sizes: list[int], last: int, wide: bool
) -> None:
    """Rows are read forwards, backwards, with gaps, or one element all along."""
    rng = np.random.default_rng(sum(sizes))
    kind = np.float64 if wide else np.float32
    reach = abs(last) * (sizes[-1] - 1) + 1
    x = rng.standard_normal((*sizes[:-1], reach)).astype(kind)
    start = reach - 1 if last < 0 else 0
    rows = [reach * int(np.prod(sizes[at + 1 : -1])) for at in range(len(sizes) - 1)]
    gaps = [
        2 * sizes[-1] * int(np.prod(sizes[at + 1 : -1])) for at in range(len(sizes) - 1)
    ]
    dtype = dt.from_numpy_dtype(x.dtype)
    spec = LoopSpec(
        tuple(sizes),
        (Load(0, dtype, start, (*rows, last)), Apply("neg", dtype, (0,))),
        (Store(1, 1, dtype, 0, (*gaps, 2)),),
    )
    out = np.full((*sizes[:-1], 2 * sizes[-1]), 7, kind)
    kernel = loop_kernel("loop", spec, host())
    found = run(single(kernel, ("x", "out")), {"x": x, "out": out}, guard="end")["out"]
    index = start + last * np.arange(sizes[-1])
    np.testing.assert_array_equal(found[..., ::2], -x[..., index])
    np.testing.assert_array_equal(found[..., 1::2], 7)


def test_a_number_is_read_everywhere() -> None:
    kind = dt.float32
    spec = LoopSpec(
        (5, LANES + 3),
        (Load(0, kind, 0, (LANES + 3, 1)), Number(1, kind), Apply("mul", kind, (0, 1))),
        (Store(2, 2, kind, 0, (LANES + 3, 1)),),
    )
    x = np.arange(5 * (LANES + 3), dtype=np.float32).reshape(5, -1)
    buffers = {"x": x, "n": np.array([3], np.float32), "out": np.zeros_like(x)}
    found = run(single(loop_kernel("loop", spec, host()), ("x", "n", "out")), buffers)
    np.testing.assert_array_equal(found["out"], 3 * x)


# Every digit

Reference = Callable[[Any], Any]
CURVES: dict[str, tuple[Reference, tuple[float, float]]] = {
    "exp": (np.exp, (-110, 95)),
    "exp2": (np.exp2, (-155, 130)),
    "expm1": (np.expm1, (-25, 89)),
    "log": (np.log, (0, 1e4)),
    "log2": (np.log2, (0, 1e2)),
    "log10": (np.log10, (0, 1e2)),
    "log1p": (np.log1p, (-1, 1e3)),
    "tanh": (np.tanh, (-12, 12)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-105, 105)),
    "logsigmoid": (
        lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
        (-105, 105),
    ),
    "sin": (np.sin, (-100, 100)),
    "cos": (np.cos, (-100, 100)),
    "sqrt": (np.sqrt, (0, 1e4)),
    "rsqrt": (lambda x: 1 / np.sqrt(x), (0, 1e4)),
}
WIDE = np.finfo(np.longdouble).nmant > 60


def last_places(found: np.ndarray, exact: np.ndarray) -> float:
    """The largest error, in units in the last place of the right result."""
    exact = np.asarray(exact, np.longdouble)
    near = exact.astype(found.dtype)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(near))
    finite = np.isfinite(near) & np.isfinite(found)
    np.testing.assert_array_equal(found[~finite], near[~finite])
    unit = np.spacing(np.maximum(np.abs(near), np.finfo(found.dtype).tiny))
    return float(np.max(np.abs(found - exact)[finite] / unit[finite]))


def arguments(low: float, high: float, kind: Any) -> np.ndarray:
    """Numbers of a range, of every size, and special ones."""
    rng = np.random.default_rng(0)
    spread = rng.standard_normal(10_000) * np.exp(rng.uniform(-25, 5, 10_000))
    odd = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, low, high]
    parts = [rng.uniform(low, high, 40_000), spread, odd]
    any_bits = rng.bytes(20_000 * np.dtype(kind).itemsize)
    with np.errstate(over="ignore"):
        usual = np.concatenate(parts).astype(kind)
    return np.concatenate([usual, np.frombuffer(any_bits, kind)])


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_curves_are_within_two_units_in_the_last_place(name: str, kind: Any) -> None:
    if kind is np.float64 and not WIDE:
        pytest.skip("long double has no more digits than double")
    reference, (low, high) = CURVES[name]
    if kind is np.float64 and name in ("exp", "exp2", "expm1", "sigmoid", "logsigmoid"):
        low, high = 7 * low, 7 * high
    x = arguments(low, high, kind)
    [found] = compute(OPS[name](constant(x)))
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.longdouble))
        assert last_places(found, exact) <= 2
    zero = x == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(exact[zero]))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_error_function(kind: Any) -> None:
    if kind is np.float64 and not WIDE:
        pytest.skip("long double has no more digits than double")
    x = arguments(-7, 7, kind)
    [found] = compute(ew.erf(constant(x)))
    with np.errstate(all="ignore"):
        assert last_places(found, erf(x.astype(np.longdouble))) <= 2


def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) exp(-x²) times the sum of 2ⁿ x²ⁿ⁺¹ / (1 3 5 ... (2n + 1))."""
    inside = np.where(np.abs(x) < 10, x, 0)
    term = total = inside
    for n in range(1, 400):
        term = term * 2 * inside * inside / (2 * n + 1)
        total = total + term
    pi = 4 * np.arctan(np.longdouble(1))
    near = 2 / np.sqrt(pi) * np.exp(-inside * inside) * total
    return np.where(np.abs(x) < 10, near, np.sign(x))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_powers_are_within_four_units_in_the_last_place(kind: Any) -> None:
    if not WIDE:
        pytest.skip("long double has no more digits than double")
    rng = np.random.default_rng(0)
    most = 88 if kind is np.float32 else 705
    near_one = 1 + 0.3 * rng.uniform(-1, 1, 20_000)
    x = np.concatenate([near_one, np.exp(rng.uniform(-most, most, 20_000) / 2)])
    x = x.astype(kind)
    y = (rng.uniform(-most, most, 40_000) / np.log(x.astype(np.float64))).astype(kind)
    [found] = compute(ew.power(constant(x), constant(y)))
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
        assert last_places(found, exact) <= 4


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_powers_of_special_numbers(kind: Any) -> None:
    odd = [0.0, -0.0, 1, -1, 2, -2, 0.5, -3, np.inf, -np.inf, np.nan, 1e30, 1.5, 1e-38]
    x, y = (each.reshape(-1).astype(kind) for each in np.meshgrid(odd, odd))
    [found] = compute(ew.power(constant(x), constant(y)))
    with np.errstate(all="ignore"):
        wanted = np.power(x, y)
    np.testing.assert_allclose(found, wanted, 1e-6, 0)
    np.testing.assert_array_equal(
        np.signbit(found) & ~np.isnan(wanted), np.signbit(wanted) & ~np.isnan(wanted)
    )


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_remainders_are_exact(name: str, kind: Any) -> None:
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(-60, 60, (2, 20_000)))
    x, y = (np.copysign(sizes, rng.standard_normal(sizes.shape))).astype(kind)
    x[::4] = (y[::4] * rng.integers(-99, 99, x[::4].shape)).astype(kind)
    if name == "floor_divide":  # beyond, neighbouring floats are more than 1 apart
        y[np.abs(x) > np.abs(y.astype(np.float64)) / np.finfo(kind).eps] = 1e30
    x[:2], y[:2] = np.finfo(kind).max, np.finfo(kind).smallest_subnormal
    if name == "floor_divide":
        x[:2] = 1
        y[:2] = 3
    [found] = compute(OPS[name](constant(x), constant(y)))
    np.testing.assert_array_equal(found, OPS[name].numpy(x, y))


def test_angles_of_many_turns_are_computed_by_numpy() -> None:
    x = np.array([1e20, -3e300, 2.0, np.inf, np.nan])
    node = constant(x)
    with np.errstate(all="ignore"):
        for op, reference in ((ew.sin, np.sin), (ew.cos, np.cos)):
            [found] = compute(op(node))
            np.testing.assert_array_equal(found, reference(x))


# Reductions


def test_reductions_in_parts_add_up() -> None:
    """A long sum is cut into parts that do not depend on the threads."""
    for shape, kept in (((1, 400_000), 0), ((3, 90_000), 1), ((70_000, 7), 0)):
        x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
        last_kept = shape[1] == 7
        sizes = shape if kept or last_kept else (shape[1],)
        steps = tuple(int(np.prod(sizes[at + 1 :])) for at in range(len(sizes)))
        loads = (Load(0, dt.float32, 0, steps),)
        spec = ReduceSpec("sum", sizes, kept, last_kept, loads, ((0, 1),))
        made = reduce_kernels("sum", spec, host())
        assert len(made) == 2
        out = x.sum(0) if last_kept else x.sum(1)
        buffers = {"x": x, "out": np.zeros_like(out)}
        sizes_of = [size for kernel in made for size in kernel.scratch]
        names = ["x", "out", *(f"part{at}" for at in range(len(sizes_of)))]
        stages = tuple(Stage(kernel, tuple(names)) for kernel in made)
        whole = Program(stages, tuple(zip(names[2:], sizes_of, strict=True)))
        np.testing.assert_array_equal(run(whole, buffers, guard="end")["out"], out)


@pytest.mark.parametrize("op", [sum_, rd.amax, rd.amin], ids=lambda op: op.name)
@pytest.mark.parametrize("kind", [*FLOATS, *INTEGERS], ids=str)
def test_reductions_of_every_tail(op: Any, kind: dt.dtype) -> None:
    rng = np.random.default_rng(0)
    low = -9 if kind.is_signed else 0
    for size in (1, 2, LANES - 1, LANES, LANES + 1, 4 * LANES, 4 * LANES + 3):
        x = constant(rng.integers(low, 9, (3, size)).astype(kind.numpy))
        check(op(x, axes=(1,), keepdims=False), op(x, axes=(0,), keepdims=True))


def test_any_and_all() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.02, 0.98, 1.0):
        x = constant(rng.random((40, 50)) < share)
        for op in (rd.any_, rd.all_):
            check(op(x, axes=(0,), keepdims=False), op(x, axes=(0, 1), keepdims=False))


# The code


def assembly(op: str, kind: dt.dtype) -> str:
    expressions = (Load(0, kind, 0, (1,)), Apply(op, kind, (0,)))
    spec = LoopSpec((100_000,), expressions, (Store(1, 1, kind, 0, (1,)),))
    return engine().assembly(loop_kernel("loop", spec, host()).ir)


@pytest.mark.parametrize("kind", FLOATS, ids=str)
@pytest.mark.parametrize("op", ["exp", "log", "tanh", "sigmoid", "erf", "relu"])
def test_inner_loops_keep_their_vectors_in_registers(op: str, kind: dt.dtype) -> None:
    text = assembly(op, kind)
    assert inner_loops(text)
    assert spills(text) == []


@pytest.mark.skipif(not host().is_x86, reason="reads x86 assembly")
@pytest.mark.parametrize("op", [*CURVES, "erf", "floor", "round"])
def test_no_library_is_called(op: str) -> None:
    calls = [line for line in assembly(op, dt.float32).splitlines() if "\tcall" in line]
    assert calls == []
