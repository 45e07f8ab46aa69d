"""Recurrent layers, compiled: one kernel for each direction and way, on any sizes."""

from typing import Any

import numpy as np
import pytest
from compiled import (
    check,
    compute,
    compute_between_guards,
    copied,
    host_steps,
    kernels,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau
from flambeau import Tensor, evaluator, nn
from flambeau.compiler import native
from flambeau.graph import Node, constant
from flambeau.ops.cells import CELLS
from flambeau.ops.recurrent import recurrent
from flambeau.tensor.handle import wrap

GATES = {name: cell.gates for name, cell in CELLS.items()}


def made(
    cell: str, sizes: tuple[int, int, int], dtype: str, projected: int = 0
) -> dict[str, Tensor]:
    """What a layer reads, for (steps, batch, hidden)."""
    steps, batch, hidden = sizes
    rows, shown = GATES[cell] * hidden, projected or hidden
    shapes = {"x": (steps * batch, rows), "w": (rows, shown), "h": (batch, shown)}
    shapes |= {"lstm": {"c": (batch, hidden)}, "gru": {"b": (rows,)}}.get(cell, {})
    if projected:
        shapes["p"] = (projected, hidden)
    generator = np.random.default_rng(0)
    kind = getattr(flambeau, dtype)
    return {
        name: flambeau.tensor(generator.standard_normal(shape) / 2, dtype=kind)
        for name, shape in shapes.items()
    }


def forward_and_back(
    cell: str,
    sizes: tuple[int, int, int],
    dtype: str,
    reverse: bool,
    bounded: bool,
    projected: int = 0,
) -> list[Node]:
    """The states, and the gradients of all inputs."""
    given = made(cell, sizes, dtype, projected)
    inputs = {name: each.requires_grad_() for name, each in given.items()}
    nodes = {name: each.node for name, each in inputs.items()}
    generator = np.random.default_rng(1)
    if bounded:
        lengths = generator.integers(1, sizes[0] + 1, (sizes[1], 1))
        nodes["lengths"] = constant(lengths)
    y = wrap(recurrent(cell, reverse, **nodes))
    weights = flambeau.tensor(generator.standard_normal(tuple(y.shape))).to(y.dtype)
    slopes = flambeau.autograd.grad((y * weights).sum(), list(inputs.values()))
    return [y.node, *(each.node for each in slopes)]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(GATES)),
    st.tuples(st.integers(1, 4), st.integers(1, 35), st.integers(1, 40)),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
    st.booleans(),
)
def test_any_sizes(
    cell: str, sizes: tuple[int, int, int], dtype: str, reverse: bool, bounded: bool
) -> None:
    nodes = forward_and_back(cell, sizes, dtype, reverse, bounded)
    assert host_steps(*nodes) == []
    check(*nodes)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 35), st.integers(2, 40)),
    st.integers(1, 39),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
    st.booleans(),
)
def test_projections_of_any_size(
    sizes: tuple[int, int, int],
    projected: int,
    dtype: str,
    reverse: bool,
    bounded: bool,
) -> None:
    projected = min(projected, sizes[2] - 1)
    nodes = forward_and_back("lstm", sizes, dtype, reverse, bounded, projected)
    assert host_steps(*nodes) == []
    check(*nodes)


@pytest.mark.parametrize("cell", sorted(GATES))
def test_states_without_gradients(cell: str) -> None:
    nodes = {
        name: each.node for name, each in made(cell, (3, 5, 17), "float32").items()
    }
    y = recurrent(cell, **nodes)
    assert y.shape == ((3 + (cell == "lstm")) * 5, 17)
    check(y)


@pytest.mark.parametrize("cell", sorted(GATES))
@pytest.mark.parametrize("at_end", [True, False])
def test_nothing_outside_is_touched(cell: str, at_end: bool) -> None:
    nodes = forward_and_back(cell, (2, 5, 19), "float32", True, True)
    compute_between_guards(*nodes, at_end=at_end)


@pytest.mark.parametrize("at_end", [True, False])
def test_projections_touch_nothing_outside(at_end: bool) -> None:
    nodes = forward_and_back("lstm", (2, 5, 19), "float32", True, True, 17)
    compute_between_guards(*nodes, at_end=at_end)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_number_of_threads_changes_no_bit(cell: str) -> None:
    nodes = forward_and_back(cell, (3, 33, 20), "float32", False, True)
    alone, together = compute(*nodes, threads=1), compute(*nodes, threads=3)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def recurrences(layer: Any, x: Tensor) -> list[str]:
    """The kernels of recurrence in a layer's forward and backward pass."""
    y = layer(x)[0]
    slopes = flambeau.autograd.grad(y.square().sum(), list(layer.parameters()))
    nodes = [y.node, *(each.node for each in slopes)]
    assert host_steps(*nodes) == []
    return [each for each in kernels(*nodes) if each.startswith("recurrence")]


def test_a_layer_is_one_kernel_for_each_direction_and_way() -> None:
    layer = nn.LSTM(4, 8, num_layers=2, bidirectional=True)
    found = recurrences(layer, flambeau.ones(5, 3, 4))
    back = [each for each in found if each.startswith("recurrence_gradient")]
    forward = [each for each in found if each not in back]
    assert len(forward) == len(back) == 4
    assert sum("reverse" in each for each in forward) == 2


def test_a_projected_layer_is_as_many_kernels() -> None:
    layer = nn.LSTM(4, 8, bidirectional=True, proj_size=3)
    assert len(recurrences(layer, flambeau.ones(5, 3, 4))) == 4


@pytest.mark.parametrize("cell", sorted(GATES))
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_16_bits_are_computed_in_float32(cell: str, dtype: str) -> None:
    """Once for all steps, and rounded at the end."""
    nodes = forward_and_back(cell, (3, 2, 9), dtype, False, True)
    found = [each for each in kernels(*nodes) if each.startswith("recurrence")]
    assert len(found) == 2
    assert all("float32" in each for each in found)
    limit = {"bfloat16": 2e-2, "float16": 2e-3}[dtype]
    evaluator.evaluate(wanted := copied(nodes))
    for mine, other in zip(compute(*nodes), wanted, strict=True):
        assert other.value is not None
        assert mine.dtype == other.value.dtype
        wide, exact = mine.astype(np.float32), other.value.astype(np.float32)
        assert np.linalg.norm(wide - exact) <= limit * np.linalg.norm(exact)


def test_packed_sequences_have_kernels_too() -> None:
    pack = nn.utils.rnn.pack_padded_sequence
    layer, packed = nn.GRU(4, 8), pack(flambeau.ones(5, 3, 4), [5, 2, 1])
    output, _ = layer(packed)
    assert host_steps(output.data.node) == []


def test_many_small_steps_are_worth_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy takes long for each, however small it is."""
    plans = []
    monkeypatch.setattr(native, "_plan", lambda *args: plans.append(args) or 1 / 0)
    layer = nn.GRU(2, 3)
    native.evaluate([layer(flambeau.ones(2, 1, 2))[1].node])
    assert not plans
    with pytest.raises(ZeroDivisionError):
        native.evaluate([layer(flambeau.ones(20, 1, 2))[1].node])


def test_the_number_of_steps_is_not_part_of_the_code() -> None:
    layer = nn.RNN(3, 4)
    short, long = (layer(flambeau.ones(t, 2, 3))[1].node for t in (2, 7))
    assert kernels(short)[-2] == kernels(long)[-2]
