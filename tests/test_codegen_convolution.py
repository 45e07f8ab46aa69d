"""Convolutions and their gradients against NumPy in float64."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import Runner, inner_loops, run, spills, threads

from flambeau import dtypes as dt
from flambeau.compiler.codegen import ir
from flambeau.compiler.codegen.builder import I64
from flambeau.compiler.codegen.convolution import (
    ConvolutionSpec,
    convolution,
    input_gradient,
)
from flambeau.compiler.codegen.program import Epilogue
from flambeau.compiler.codegen.weight_gradient import weight_gradient
from flambeau.runtime.engine import Engine, engine
from flambeau.runtime.target import Target, host

TOLERANCE = {dt.float32: 1e-5, dt.float64: 1e-12}
PASSES = {
    "forward": convolution,
    "input": input_gradient,
    "weight": weight_gradient,
}


def conv(
    inputs,
    outputs,
    sizes,
    kernel,
    stride=1,
    padding=None,
    dilation=1,
    groups=1,
    batch=2,
    kind=dt.float32,
):
    """A spec with the same options along every dimension."""
    count = len(sizes)
    padding = kernel // 2 if padding is None else padding
    each = [(number,) * count for number in (kernel, stride, dilation)]
    pads = ((padding, padding),) * count
    return ConvolutionSpec(kind, batch, groups, inputs, outputs, sizes, *each, pads)


class Case:
    """Operands of a convolution, channels-last, and all results in float64."""

    def __init__(self, spec: ConvolutionSpec) -> None:
        self.spec, kind = spec, spec.dtype.numpy
        draw = np.random.default_rng(7)
        self.x = draw.standard_normal((spec.batch, *spec.sizes, spec.inputs))
        window = (spec.inputs // spec.groups, *spec.kernel)
        self.weight = draw.standard_normal((spec.outputs, *window))
        self.grad = draw.standard_normal((spec.batch, *spec.out_sizes, spec.outputs))
        self.x, self.weight, self.grad = (
            array.astype(kind) for array in (self.x, self.weight, self.grad)
        )

    def buffers(self, which: str) -> dict[str, np.ndarray]:
        """The buffers of a pass, with the output full of NaNs."""
        used = {
            "forward": ("x", "weight", self.grad),
            "input": ("grad", "weight", self.x),
            "weight": ("x", "grad", self.weight),
        }[which]
        names, out = used[:2], np.full_like(used[2], np.nan)
        batch = np.array([self.spec.batch], np.int64)
        return {name: getattr(self, name) for name in names} | {
            "batch": batch,
            "out": out,
        }

    def expected(self, which: str) -> np.ndarray:
        """The result in float64, by summing over groups and taps."""
        spec = self.spec
        pads = [(0, 0), *spec.padding, (0, 0)]
        x = np.pad(self.x.astype(float), pads)
        weight, grad = self.weight.astype(float), self.grad.astype(float)
        found = {"forward": np.zeros(grad.shape), "input": np.zeros(x.shape)}
        found["weight"] = np.zeros(weight.shape)
        for group, tap in product(
            range(spec.groups), product(*map(range, spec.kernel))
        ):
            c = slice_of(group, spec.inputs // spec.groups)
            k = slice_of(group, spec.outputs // spec.groups)
            seen = (slice(None), *self._seen(tap), c)
            w = weight[(k, slice(None), *tap)]
            found["forward"][..., k] += x[seen] @ w.T
            found["input"][seen] += grad[..., k] @ w
            flat = grad[..., k].reshape(-1, k.stop - k.start)
            seen_x = x[seen].reshape(len(flat), -1)
            found["weight"][(k, slice(None), *tap)] += flat.T @ seen_x
        inner = [slice(low, low + n) for (low, _), n in zip(spec.padding, spec.sizes)]
        found["input"] = found["input"][(slice(None), *inner)]
        return found[which]

    def _seen(self, tap: tuple[int, ...]) -> list[slice]:
        """What a tap sees of the padded input."""
        spec = self.spec
        return [
            slice(at * d, at * d + (out - 1) * s + 1, s)
            for at, d, out, s in zip(tap, spec.dilation, spec.out_sizes, spec.stride)
        ]


def slice_of(group: int, size: int) -> slice:
    """The channels of a group."""
    return slice(group * size, (group + 1) * size)


def check(spec, which, target=None, **options):
    """Run a pass and compare it."""
    case = Case(spec)
    program = PASSES[which](spec, target or host())
    found = run(program, case.buffers(which), **options)["out"]
    expected = case.expected(which)
    error = np.linalg.norm(found - expected)
    assert error <= TOLERANCE[spec.dtype] * np.linalg.norm(expected)
    return found


@st.composite
def specs(draw):
    """Any small convolution that has an output."""
    count = draw(st.integers(1, 3))

    def numbers(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel, dilation = numbers(1, 4), numbers(1, 2)
    most = (40, 9, 6)[count - 1]
    sizes = tuple(
        draw(st.integers(max(1, (k - 1) * d - 1), max(most, (k - 1) * d + 1)))
        for k, d in zip(kernel, dilation)
    )
    padding = tuple((draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in sizes)
    return ConvolutionSpec(
        draw(st.sampled_from([dt.float32, dt.float64])),
        draw(st.integers(1, 3)),
        groups,
        groups * draw(st.integers(1, 20)),
        groups * draw(st.integers(1, 40)),
        sizes,
        kernel,
        numbers(1, 3),
        dilation,
        padding,
    )


@pytest.mark.parametrize("which", PASSES)
@settings(max_examples=15, deadline=None)
@given(spec=specs(), shift=st.integers(0, 3))
def test_any_convolution(which, spec, shift):
    check(spec, which, shift=shift)


COMMON = {
    "3x3": conv(32, 32, (14, 14), 3),
    "3x3 strided": conv(32, 48, (15, 14), 3, stride=2),
    "odd channels": conv(17, 33, (7, 7), 3),
    "first layer": conv(3, 24, (30, 30), 7, stride=2),
    "1x1": conv(40, 24, (9, 11), 1),
    "1x1 strided": conv(40, 24, (9, 11), 1, stride=2),
    "1x1, several panels": conv(130, 150, (9, 11), 1),
    "1x1 strided, several panels": conv(130, 150, (9, 11), 1, stride=2),
    "wide window": conv(8, 8, (90,), 31),
    "dilated": conv(16, 16, (12, 12), 3, padding=3, dilation=3),
    "taps that meet nothing": conv(4, 20, (2,), 3, padding=3, dilation=3),
    "phases without taps": conv(4, 20, (3, 3), 1, stride=2, padding=1),
    "many groups": conv(32, 32, (8, 8), 3, groups=8),
    "volume": conv(8, 12, (5, 6, 7), 3),
    "long": conv(16, 16, (3000,), 5, batch=1),
    "no padding": conv(8, 8, (10, 10), 3, padding=0),
    "one pixel": conv(5, 6, (1, 1), 3),
    "float64": conv(16, 24, (10, 10), 3, kind=dt.float64),
    "few channels, dilated": conv(2, 8, (14, 14), 3, padding=4, dilation=4),
    "many pixels": conv(4, 8, (70, 60), 3, batch=9),
    "depthwise": conv(40, 40, (9, 7), 3, groups=40),
    "depthwise, strided": conv(33, 33, (12, 13), 5, stride=2, groups=33),
    "depthwise, dilated": conv(16, 16, (11,), 3, padding=2, dilation=2, groups=16),
    "depthwise volume": conv(6, 6, (4, 5, 6), 3, groups=6, kind=dt.float64),
    "multiplied depth": conv(8, 16, (6, 6), 3, groups=8),
    "patches": conv(4, 16, (12, 12), 4, stride=4, padding=0),
}


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", COMMON.values(), ids=COMMON)
def test_the_layers_of_networks_inside_their_buffers(which, spec, guard):
    check(spec, which, guard=guard)


def check_bits(program, buffers):
    """Compare the bits that different numbers of threads compute."""
    runner = Runner(program, buffers)
    found = []
    for count in (1, 2, 4):
        with threads(count):
            runner.run()
        found.append(runner.arrays["out"].tobytes())
        runner.arrays["out"][...] = np.nan
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", COMMON.values(), ids=COMMON)
def test_the_bits_do_not_depend_on_threads(which, spec):
    check_bits(PASSES[which](spec, host()), Case(spec).buffers(which))


# Channels in and out, size, kernel, groups.
LARGE = [
    (64, 64, 56, 3, 1),
    (256, 256, 14, 3, 1),
    (512, 512, 7, 3, 1),
    (256, 64, 56, 1, 1),
    (96, 96, 56, 3, 96),
]


def check_spills(machine, which, shape, kind):
    """Check that no inner loop of a pass keeps vectors on the stack."""
    inputs, outputs, size, kernel, groups = shape
    spec = conv(inputs, outputs, (size, size), kernel, groups=groups, kind=kind)
    for stage in PASSES[which](spec, machine.target).stages:
        assert not spills(machine.assembly(stage.kernel.ir))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("kind", [dt.float32, dt.float64])
@pytest.mark.parametrize("shape", LARGE)
def test_inner_loops_do_not_spill(which, kind, shape):
    check_spills(engine(), which, shape, kind)


@pytest.mark.skipif(not host().is_x86, reason="this is about instructions of x86")
@pytest.mark.parametrize("which", ["forward", "input"])
def test_most_multiply_adds_of_pairs_of_vectors_read_their_number(which):
    features = "+avx2,+fma,+avx512f,+avx512vl,+avx512bw,+avx512dq"
    target = Target(host().triple, "skylake-avx512", features, 64, 32)
    stage = PASSES[which](conv(64, 64, (14, 14), 3), target).stages[-1]
    text = Engine(target, None).assembly(stage.kernel.ir)
    loops = [[each for each in body if "\tv" in each] for body in inner_loops(text)]
    loops = [body for body in loops if any("vfmadd" in each for each in body)]
    assert loops
    for body in loops:
        sums = sum("vfmadd" in each for each in body)
        assert len(body) < 1.3 * sums
        assert sum("(" in each for each in body) < sums


@pytest.mark.parametrize("which", ["forward", "weight"])
def test_an_input_that_is_not_channels_last(which):
    spec = conv(3, 20, (17, 19), 3)
    case = Case(spec)
    planes = np.ascontiguousarray(np.moveaxis(case.x, -1, 1))
    strides = tuple(each // 4 for each in np.moveaxis(planes, 1, -1).strides)
    spec = replace(spec, strides=strides)
    buffers = case.buffers(which) | {"x": planes}
    found = run(PASSES[which](spec, host()), buffers, guard="end")["out"]
    expected = case.expected(which)
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


@dataclass(frozen=True)
class Numbering(Epilogue):
    """Writes each element's number, from its indices, where its offset says."""

    sizes: tuple[int, ...]

    def store(self, kernel, value, position):
        lanes, number = value.type.count, kernel.int(0)
        for size, index in zip(self.sizes, position.indices, strict=True):
            number = kernel.add(kernel.mul(number, size), index)
        vector = ir.VectorType(I64, lanes)
        steps = ir.constant(vector, list(range(lanes)))
        numbers = kernel.b.add(kernel.splat(number, lanes), steps)
        mask = position.mask(kernel, lanes)
        out = kernel.buffer(position.free)
        kernel.store(numbers, out, position.offset, dt.int64, mask)
        super().store(kernel, value, position)


def check_places(make, spec, which):
    """Check that an epilogue is told where each element is."""
    buffers = Case(spec).buffers(which)
    shape = buffers["out"].shape
    sizes = (shape[0], -1) if which == "weight" else shape
    numbers = np.full(shape, -1, np.int64)
    sizes = numbers.reshape(sizes).shape
    program = make(spec, host(), Numbering(sizes))
    runner = Runner(program, buffers, extra=[numbers], guard="end")
    runner.run()
    found = runner.extra[0].ravel().copy()
    runner.release()
    assert (found == np.arange(found.size)).all()


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", COMMON.values(), ids=COMMON)
def test_epilogues_are_told_where_each_element_is(which, spec):
    check_places(PASSES[which], spec, which)


@pytest.mark.parametrize("which", PASSES)
def test_no_images(which):
    spec = conv(4, 6, (5, 5), 3, batch=0)
    found = run(PASSES[which](spec, host()), Case(spec).buffers(which))["out"]
    assert (found == 0).all()


OTHERS = {"narrow": (16, 16), "many narrow": (16, 32), "wide": (32, 16)}


@pytest.mark.parametrize("vectors", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("name", ["odd channels", "first layer", "depthwise", "1x1"])
def test_other_vector_registers(which, name, vectors):
    target = replace(host(), vector_bytes=vectors[0], vector_registers=vectors[1])
    check(COMMON[name], which, target=target)


@pytest.mark.parametrize("which", PASSES)
def test_code_does_not_depend_on_the_batch(which):
    few, many = conv(16, 16, (8, 8), 3, batch=1), conv(16, 16, (8, 8), 3, batch=7)
    pairs = zip(PASSES[which](few, host()).stages, PASSES[which](many, host()).stages)
    assert all(one.kernel.recipe == other.kernel.recipe for one, other in pairs)
