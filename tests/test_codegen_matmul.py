"""Matrix products against NumPy in float64, and what their code must not do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import run, spills, threads

from flambeau import dtypes as dt
from flambeau.compiler.codegen import ir
from flambeau.compiler.codegen.builder import KernelBuilder
from flambeau.compiler.codegen.matmul import MatmulSpec, matmul
from flambeau.compiler.codegen.program import Epilogue, Position
from flambeau.runtime.engine import engine
from flambeau.runtime.target import host

TOLERANCE = {dt.float32: 1e-5, dt.float64: 1e-12}


def problem(rows, columns, depth, batch=(), across=(False, False), kind=dt.float32):
    """A spec, its operands, and the product in float64."""
    draw = np.random.default_rng(rows + 100 * columns + depth)
    shapes = [(rows, depth), (depth, columns)]
    made, logical = [], []
    for shape, transposed in zip(shapes, across):
        shape = shape[::-1] if transposed else shape
        array = draw.standard_normal((*batch, *shape)).astype(kind.numpy)
        made.append(array)
        logical.append(array.swapaxes(-1, -2) if transposed else array)
    strides = [tuple(s // kind.itemsize for s in array.strides) for array in logical]
    spec = MatmulSpec(kind, batch, rows, columns, depth, *strides)
    buffers = {"a": made[0], "b": made[1], "out": np.zeros(spec.sizes, kind.numpy)}
    return spec, buffers, logical[0].astype(float) @ logical[1].astype(float)


def agrees(found, expected, kind):
    """Whether the relative L2 error is within the bound."""
    error = np.linalg.norm(found - expected)
    return error <= TOLERANCE[kind] * np.linalg.norm(expected)


def check(spec, buffers, expected, **options):
    """Run a product and compare it."""
    found = run(matmul(spec, host()), buffers, **options)["out"]
    assert agrees(found, expected, spec.dtype)
    return found


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 70)] * 3),
    batch=st.sampled_from([(), (3,), (2, 2)]),
    across=st.tuples(st.booleans(), st.booleans()),
    kind=st.sampled_from([dt.float32, dt.float64]),
    shift=st.integers(0, 3),
)
def test_products_of_any_size(sizes, batch, across, kind, shift):
    check(*problem(*sizes, batch, across, kind), shift=shift)


@pytest.mark.parametrize(
    "sizes",
    [
        (1, 100, 2048),
        (3, 33, 301),
        (2, 5, 256),
        (64, 48, 1500),
        (70, 130, 512),
        (3, 5, 4500),
    ],
)
@pytest.mark.parametrize("across", [(False, False), (True, False), (False, True)])
def test_thin_long_and_split_products(sizes, across):
    check(*problem(*sizes, (), across))


@pytest.mark.parametrize("across", [(False, False), (True, False), (True, True)])
def test_a_vector_of_one_lane_at_the_end_of_a_tile(across):
    check(*problem(512, 1000, 2, (), across, dt.float64))


def test_an_empty_reduction_gives_zeros():
    spec, buffers, expected = problem(3, 5, 0)
    assert (check(spec, buffers, expected) == 0).all()


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (17, 33, 9), (3, 37, 300), (30, 70, 600)])
@pytest.mark.parametrize("across", [(False, False), (False, True), (True, True)])
def test_nothing_outside_the_buffers_is_touched(guard, sizes, across):
    check(*problem(*sizes, (2,), across), guard=guard)


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("sizes", [(300, 70, 400), (300, 130, 600), (260, 200, 1100)])
@pytest.mark.parametrize("across", [(False, True), (True, False), (True, True)])
def test_sums_wait_while_others_share_a_piece_of_the_panel(guard, sizes, across):
    spec, buffers, expected = problem(*sizes, (), across)
    assert matmul(spec, host()).stages[-1].kernel.workspace
    check(spec, buffers, expected, guard=guard)


@pytest.mark.parametrize("sizes", [(100, 90, 80), (20, 40, 3000), (300, 130, 600)])
def test_the_bits_do_not_depend_on_threads(sizes):
    case = problem(*sizes)
    found = []
    for count in (1, 2, 4):
        with threads(count):
            found.append(check(*case).tobytes())
    assert found[0] == found[1] == found[2]


LINEAR = {
    "forward": ("rows", (300, 40), (False, True)),
    "long forward": ("rows", (10, 2000), (False, True)),
    "input gradient": ("rows", (300, 40), (False, False)),
    "weight gradient": ("depth", (300, 40), (True, False)),
    "batch": ("batch", (300, 40), (False, True)),
    "long batch": ("batch", (5, 600), (True, False)),
}


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("free, sizes, across", LINEAR.values(), ids=LINEAR)
def test_code_does_not_know_the_outermost_size(free, sizes, across, guard):
    texts = set()
    for size in (64, 40, 5, 13, 100):
        shape = {"rows": (size, *sizes), "depth": (*sizes, size)}
        shape = shape.get(free, (7, *sizes))
        batch = (size, 2) if free == "batch" else ()
        spec, buffers, expected = problem(*shape, batch, across)
        assert spec.free == free
        check(spec, buffers, expected, guard=guard)
        stages = matmul(spec, host()).stages
        texts.add(tuple(stage.kernel.recipe for stage in stages))
    assert len(texts) == 1


@pytest.mark.parametrize("guard", ["begin", "end"])
def test_packed_and_split_weight_gradients_serve_any_long_batch(guard):
    texts = set()
    for depth in (300, 700, 1030):
        spec, buffers, expected = problem(400, 1000, depth, (), (True, False))
        check(spec, buffers, expected, guard=guard)
        few, *rest = problem(2048, 9, depth, (), (True, False))
        check(few, *rest, guard=guard)
        small, *rest = problem(20, 30, depth, (), (True, False))
        check(small, *rest, guard=guard)
        programs = [matmul(each, host()) for each in (spec, few, small)]
        texts.add(
            tuple(stage.kernel.recipe for each in programs for stage in each.stages)
        )
    assert [len(each.stages) for each in programs] == [2, 1, 2]
    assert len(texts) == 1


@dataclass(frozen=True)
class BiasAndRelu(Epilogue):
    """Adds a vector along columns and clamps at zero."""

    def store(self, kernel: KernelBuilder, value: ir.Value, position: Position):
        lanes, kind = value.type.count, position.dtype
        mask = position.mask(kernel, lanes)
        bias = kernel.buffer(position.free)
        biased = kernel.b.fadd(
            value, kernel.load(bias, position.indices[-1], kind, lanes, mask)
        )
        zero = kernel.constant(0, kind, lanes)
        positive = kernel.b.fcmp_ordered(">", biased, zero)
        value = kernel.b.select(positive, biased, zero)
        super().store(kernel, value, position)


@pytest.mark.parametrize("sizes", [(33, 50, 20), (10, 20, 3000)])
def test_an_epilogue_sees_each_vector_once(sizes):
    spec, buffers, expected = problem(*sizes)
    bias = np.linspace(-3, 3, sizes[1]).astype(np.float32)
    program = matmul(spec, host(), BiasAndRelu())
    found = run(program, buffers, extra=[bias], guard="end")["out"]
    assert agrees(found, np.maximum(expected + bias, 0), dt.float32)


@pytest.mark.parametrize("kind", [dt.float32, dt.float64])
@pytest.mark.parametrize("sizes", [(1024, 1024, 1024), (64, 1000, 512), (1, 512, 512)])
def test_inner_loops_do_not_spill(sizes, kind):
    spec = problem(*sizes, kind=kind)[0]
    for stage in matmul(spec, host()).stages:
        assert not spills(engine().assembly(stage.kernel.ir))


def test_the_check_for_spills_finds_them():
    spill = "vmovups\t64(%rsp), %zmm3"
    text = f"f:\n.L1:\n\t{spill}\n\tvaddps\t%zmm3, %zmm1, %zmm1\n\tjne\t.L1\n"
    assert spills(text) == [spill]
