"""Code for lesser CPUs than this one, run on this one: every family of kernels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from compiled import compare, compute_between_guards, compute_by, kernels
from specimens import SPECIMENS
from test_codegen_convolution import LARGE, PASSES, check_spills
from test_specimens import updated_by_more

from flambeau.dtypes import float32
from flambeau.graph import constant
from flambeau.ops import elementwise
from flambeau.runtime.engine import Engine, engine
from flambeau.runtime.target import Target, host

pytestmark = pytest.mark.skipif(
    not (host().is_x86 and "+avx2" in host().features.split(",")),
    reason="this CPU runs no code for lesser ones",
)

TARGETS = {
    "AVX2": ("x86-64-v3", "+avx,+avx2,+fma,+f16c", 32),
    "SSE2": ("x86-64", "", 16),
}


@lru_cache(maxsize=2)
def machine(name: str) -> Engine:
    """An engine for another CPU."""
    cpu, features, size = TARGETS[name]
    return Engine(Target(host().triple, cpu, features, size, 16), engine().cache)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("family", SPECIMENS)
def test_they_compute_the_same(family: str, name: str) -> None:
    for node in SPECIMENS[family]():
        compare([node], compute_by(machine(name), node))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_they_update_weights_in_a_products_kernel(kind: type, name: str) -> None:
    for nodes in updated_by_more(kind):
        compare(nodes, compute_by(machine(name), *nodes))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("family", SPECIMENS)
def test_they_stay_inside_their_buffers(family: str, name: str) -> None:
    for node in SPECIMENS[family]():
        for at_end in (False, True):
            compute_between_guards(node, at_end=at_end, machine=machine(name))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("shape", LARGE)
def test_inner_loops_of_convolutions_do_not_spill(
    shape: tuple[int, ...], which: str, name: str
) -> None:
    check_spills(machine(name), which, shape, float32)


EDGES = [0.0, -0.0, 0.5, 1.5, 2.5, 0.3, 3.7, 1e-40, 8388607.5, 2.0**52, np.inf, np.nan]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("op", ["floor", "ceil", "trunc", "round_half_even"])
def test_whole_numbers_are_exact(op: str, kind: type, name: str) -> None:
    numbers = np.array([sign * each for each in EDGES for sign in (1, -1)], kind)
    (found,) = compute_by(machine(name), getattr(elementwise, op)(constant(numbers)))
    wanted = getattr(np, "rint" if op == "round_half_even" else op)(numbers)
    np.testing.assert_array_equal(found, wanted)
    real = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[real], np.signbit(wanted)[real])


def test_winograd_is_among_them() -> None:
    names = kernels(*SPECIMENS["Winograd"]())
    assert sum(name.startswith("winograd") for name in names) == 3
