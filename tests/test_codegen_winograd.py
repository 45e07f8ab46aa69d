"""Winograd's convolution and its gradients against NumPy in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compiled import check as check_graph
from compiled import kernels, program
from hypothesis import given, settings
from hypothesis import strategies as st
from native import run, spills
from test_codegen_convolution import TOLERANCE, Case, check_bits, check_places, conv

import flambeau
from flambeau import dtypes as dt
from flambeau.compiler import native
from flambeau.compiler.codegen.convolution import ConvolutionSpec
from flambeau.compiler.codegen.winograd import (
    winograd_convolution,
    winograd_input_gradient,
)
from flambeau.compiler.codegen.winograd_choice import Pass, winograd_pays
from flambeau.compiler.codegen.winograd_forms import AT, BT, GT, A, G
from flambeau.compiler.codegen.winograd_plan import Blocks
from flambeau.compiler.codegen.winograd_weight_gradient import (
    winograd_weight_gradient,
)
from flambeau.compiler.options import Options
from flambeau.graph import constant
from flambeau.ops import elementwise as ew
from flambeau.ops.conv import conv as conv_op
from flambeau.ops.conv import conv_input_grad, conv_weight_grad
from flambeau.ops.normalize import moments, normalize
from flambeau.runtime.engine import engine
from flambeau.runtime.target import host

PASSES = {
    "forward": winograd_convolution,
    "input": winograd_input_gradient,
    "weight": winograd_weight_gradient,
}

LAYERS = {
    "narrow": conv(16, 16, (12, 12), 3),
    "partial tiles": conv(32, 48, (14, 13), 3),
    "odd channels": conv(17, 33, (7, 9), 3),
    "one channel": conv(1, 1, (5, 6), 3),
    "one pixel": conv(5, 6, (1, 1), 3),
    "less than a tile": conv(20, 8, (3, 2), 3),
    "no padding": conv(24, 24, (11, 10), 3, padding=0),
    "padding beyond the window": conv(8, 8, (6, 7), 3, padding=4),
    "several blocks": conv(40, 40, (24, 28), 3, batch=5),
    "far": conv(160, 144, (8, 7), 3, batch=3),
    "far, odd channels": conv(131, 250, (5, 8), 3),
    "float64": conv(24, 20, (9, 10), 3, kind=dt.float64),
    "far in float64": conv(130, 70, (4, 4), 3, kind=dt.float64),
}


def check(spec, which, **options):
    """Run a pass and compare it."""
    case = Case(spec)
    found = run(PASSES[which](spec, host()), case.buffers(which), **options)["out"]
    expected = case.expected(which)
    error = np.linalg.norm(found - expected)
    assert error <= TOLERANCE[spec.dtype] * np.linalg.norm(expected)


@pytest.mark.parametrize("which", PASSES)
def test_blocks_that_do_not_divide_the_tiles(which):
    check(conv(16, 16, (56, 56), 3, batch=8), which, guard="begin")
    check(conv(16, 16, (28, 28), 3, batch=11), which, guard="end")


def test_no_block_is_empty():
    for most, least in (32, 16), (54, 16), (80, 80), (8, 4):
        blocks = Blocks(1, most, least)
        for total in range(2500):
            number = blocks.number(total)
            each = -(-total // max(number, 1))
            assert each <= most
            assert (number - 1) * each < max(total, 1) <= max(number * each, 1)


def test_the_forms_are_a_correlation_and_its_gradient():
    draw = np.random.default_rng(3)
    at, bt, gt, a, g = (np.array(form.rows) for form in (AT, BT, GT, A, G))
    pixels, taps, grads = (draw.standard_normal(size) for size in (6, 3, 4))
    forward = at @ ((g @ taps) * (bt @ pixels))
    np.testing.assert_allclose(forward, np.correlate(pixels, taps))
    backward = gt @ ((a @ grads) * (bt @ pixels))
    np.testing.assert_allclose(backward, np.correlate(pixels, grads))


@st.composite
def specs(draw):
    """Any small convolution that Winograd's kernels compute."""
    sizes = draw(st.integers(1, 18)), draw(st.integers(1, 18))
    padding = tuple((draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in sizes)
    channels = draw(st.integers(1, 70)), draw(st.integers(1, 90))
    kind = draw(st.sampled_from([dt.float32, dt.float64]))
    batch, ones = draw(st.integers(1, 4)), (1, 1)
    return ConvolutionSpec(
        kind, batch, 1, *channels, sizes, (3, 3), ones, ones, padding
    )


@pytest.mark.parametrize("which", PASSES)
@settings(max_examples=15, deadline=None)
@given(spec=specs(), shift=st.integers(0, 3))
def test_any_convolution(which, spec, shift):
    check(spec, which, shift=shift)


@pytest.mark.parametrize("guard", ["begin", "end"])
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", LAYERS.values(), ids=LAYERS)
def test_layers_inside_their_buffers(which, spec, guard):
    check(spec, which, guard=guard)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("channels", [64, 256])
def test_deep_layers(which, channels):
    check(conv(channels, channels, (14, 14), 3, batch=4), which)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", LAYERS.values(), ids=LAYERS)
def test_the_bits_do_not_depend_on_threads(which, spec):
    check_bits(PASSES[which](spec, host()), Case(spec).buffers(which))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("kind", [dt.float32, dt.float64])
@pytest.mark.parametrize("shape", [(64, 56), (128, 14), (256, 14), (512, 7)])
def test_inner_loops_do_not_spill(which, kind, shape):
    channels, size = shape
    spec = conv(channels, channels, (size, size), 3, kind=kind)
    for stage in PASSES[which](spec, host()).stages:
        assert not spills(engine().assembly(stage.kernel.ir))


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("spec", LAYERS.values(), ids=LAYERS)
def test_epilogues_are_told_where_each_element_is(which, spec):
    check_places(PASSES[which], spec, which)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("channels", [4, 150])
def test_no_images(which, channels):
    spec = conv(channels, 6, (5, 5), 3, batch=0)
    found = run(PASSES[which](spec, host()), Case(spec).buffers(which))["out"]
    assert (found == 0).all()


@pytest.mark.parametrize("vectors", [(16, 16), (16, 32), (32, 16)])
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("name", ["odd channels", "far", "several blocks"])
def test_other_vector_registers(which, name, vectors):
    target = replace(host(), vector_bytes=vectors[0], vector_registers=vectors[1])
    case = Case(LAYERS[name])
    made = PASSES[which](LAYERS[name], target)
    found, expected = run(made, case.buffers(which))["out"], case.expected(which)
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("name", ["several blocks", "far"])
def test_code_does_not_depend_on_the_batch(which, name):
    few, many = (replace(LAYERS[name], batch=batch) for batch in (1, 7))
    pairs = zip(PASSES[which](few, host()).stages, PASSES[which](many, host()).stages)
    assert all(one.kernel.recipe == other.kernel.recipe for one, other in pairs)


# Infinity and NaN


def spoiled(spec, operand, at, value):
    """Operands, one of which has a value in its first, its middle or its last place."""
    case = Case(spec)
    flat = getattr(case, operand).reshape(-1)
    flat[{"first": 0, "middle": flat.size // 2, "last": -1}[at]] = value
    return case


def check_spoiled(case, which, guard):
    """Compare also where infinities and NaNs are."""
    buffers, kind = case.buffers(which), case.spec.dtype.numpy
    found = run(PASSES[which](case.spec, host()), buffers, guard=guard)["out"]
    with np.errstate(all="ignore"):
        expected = case.expected(which).astype(kind)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    found, expected = found[finite], expected[finite]
    largest = np.abs(expected).max()
    error = np.linalg.norm(found / largest - expected / largest)
    assert error <= TOLERANCE[case.spec.dtype] * np.linalg.norm(expected / largest)


READ = {
    "forward": ("x", "weight"),
    "input": ("grad", "weight"),
    "weight": ("x", "grad"),
}


@pytest.mark.parametrize("at", ["first", "middle", "last"])
@pytest.mark.parametrize(
    "name", ["partial tiles", "no padding", "far, odd channels", "float64"]
)
@pytest.mark.parametrize("which", PASSES)
def test_infinity_and_nan_stay_in_their_windows(which, name, at):
    guard = "begin" if at == "first" else "end"
    for value in np.inf, -np.inf, np.nan:
        for operand in READ[which]:
            check_spoiled(spoiled(LAYERS[name], operand, at, value), which, guard)


@pytest.mark.parametrize("at", ["first", "middle", "last"])
@pytest.mark.parametrize("name", ["partial tiles", "far in float64"])
@pytest.mark.parametrize("which", PASSES)
def test_large_numbers_do_not_overflow_on_the_way(which, name, at):
    spec = LAYERS[name]
    value = np.finfo(spec.dtype.numpy).max / 8
    check_spoiled(spoiled(spec, READ[which][0], at, value), which, None)


@pytest.mark.parametrize("name", ["partial tiles", "far in float64"])
@pytest.mark.parametrize("which", ["forward", "input"])
def test_a_large_number_stays_in_its_windows(which, name):
    case = Case(LAYERS[name])
    operand, kind = getattr(case, READ[which][0]), case.spec.dtype.numpy
    without = case.expected(which).astype(kind)
    operand[0, operand.shape[1] // 2, operand.shape[2] // 2, 0] = np.finfo(kind).max / 8
    apart = case.expected(which).astype(kind) == without
    found = run(PASSES[which](case.spec, host()), case.buffers(which))["out"]
    assert 0 < apart.sum() < apart.size
    error = np.linalg.norm(found[apart] - without[apart])
    assert error <= TOLERANCE[case.spec.dtype] * np.linalg.norm(without[apart])


@pytest.mark.parametrize("which", PASSES)
def test_nothing_but_nan(which):
    case = Case(LAYERS["partial tiles"])
    getattr(case, READ[which][0])[...] = np.nan
    found = run(PASSES[which](case.spec, host()), case.buffers(which))["out"]
    assert np.isnan(found).all()


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_epilogues_see_infinity_and_nan_in_their_windows(value):
    y = layer(64, 28)
    y.inputs[0].value[1, 3, 11, 27] = value
    bias = constant(np.arange(64, dtype=np.float32).reshape(-1, 1, 1))
    check_graph(ew.relu(ew.add(y, bias)), *moments(y, (0, 2, 3)))


# The choice


def layer(channels, size, kernel=3, stride=1, batch=4):
    """A convolution in a graph."""
    draw = np.random.default_rng(5)
    x = draw.standard_normal((batch, channels, size, size)).astype(np.float32)
    w = draw.standard_normal((channels, channels, kernel, kernel)).astype(np.float32)
    pads = ((kernel // 2, kernel // 2),) * 2
    options = {"stride": (stride, stride), "dilation": (1, 1), "groups": 1}
    return conv_op(constant(x), constant(w), padding=pads, **options)


@pytest.mark.parametrize("channels", [40, 64, 134])
@pytest.mark.parametrize("size", [30, 29, 24])
def test_statistics_are_gathered_by_winograd(channels, size):
    y = layer(channels, size)
    bias = constant(np.arange(channels, dtype=np.float32).reshape(-1, 1, 1))
    y = ew.add(y, bias)
    average, variance = moments(y, (0, 2, 3))
    z = normalize(y, average, variance, axes=(0, 2, 3), eps=1e-5)
    names = kernels(average, variance, z)
    assert any(name.startswith("winograd") for name in names)
    assert not any(name.startswith("sum") for name in names)
    check_graph(average, variance)
    check_graph(z)


def test_large_layers_are_computed_by_winograd():
    assert any(name.startswith("winograd") for name in kernels(layer(64, 28)))
    check_graph(layer(64, 28))


def test_gradients_are_computed_by_winograd():
    y = layer(64, 28)
    x, w = y.inputs
    draw = np.random.default_rng(8)
    grad = constant(draw.standard_normal(y.shape).astype(np.float32))
    backwards = [
        conv_input_grad(grad, w, input_size=x.shape[2:], **y.params),
        conv_weight_grad(x, grad, kernel_size=w.shape[2:], **y.params),
    ]
    for node in backwards:
        assert any(name.startswith("winograd") for name in kernels(node))
        check_graph(node)


@pytest.mark.parametrize(
    "node", [layer(64, 28, kernel=5), layer(64, 28, stride=2), layer(8, 12)]
)
def test_others_are_not(node):
    assert not any(name.startswith("winograd") for name in kernels(node))


def test_it_can_be_turned_off():
    node = layer(64, 28)
    made = program(node, options=Options(winograd=False))
    assert not any("winograd" in step.kernel.name for step in made.steps)


def test_the_switch_is_part_of_a_plan():
    values = []
    for allowed in (True, False, True):
        node = layer(64, 28)
        native.evaluate([node], options=Options(winograd=allowed))
        values.append(node.value.tobytes())
    assert values[0] == values[2] != values[1]


def test_the_switch_is_a_setting(monkeypatch):
    assert flambeau.config.options == Options(winograd=True)
    monkeypatch.setattr(flambeau.config, "winograd", False)
    assert flambeau.config.options == Options(winograd=False)


def test_the_switch_is_a_bool():
    with pytest.raises(TypeError, match=r"config\.winograd must be a bool, got 1"):
        flambeau.config.winograd = 1


@pytest.mark.parametrize("which", Pass)
def test_it_pays_for_most_layers_of_networks(which):
    for channels, size, batch in (64, 56, 1), (128, 28, 2), (256, 14, 4), (512, 7, 8):
        spec = conv(channels, channels, (size, size), 3, batch=batch)
        assert winograd_pays(spec, which)
    assert not winograd_pays(conv(512, 512, (7, 7), 3, batch=1), which)
    assert not winograd_pays(conv(3, 64, (56, 56), 3), which)
