"""What depends on parameters only is done once for many runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import program
from native import threads

import flambeau as torch
from flambeau.compiler.memory import plan_memory
from flambeau.compiler.program import KernelStep
from flambeau.graph import Node, constant, topological
from flambeau.ops import elementwise as ew
from flambeau.ops import index as ix
from flambeau.ops.broadcast import reshape
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv
from flambeau.runtime.engine import engine
from flambeau.runtime.plan import Plan, watchers


class Planned:
    """A graph's plan, and its leaves by number."""

    def __init__(self, *nodes: Node) -> None:
        made = program(*nodes)
        order = topological(nodes)
        self.plan = Plan(made, *plan_memory(made), engine())
        self.given = [order[at].value for at, _ in made.leaves]

    def run(self, *changed: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Return the first output, and the names of the kernels that ran.

        Args:
            changed: leaves in whose place a copy is given.
        """
        given = [
            each.copy() if any(each is other for other in changed) else each
            for each in self.given
        ]
        names: list[str] = []

        def watch(plan: Plan, seconds: Any) -> None:
            kernels = [step for step, _ in seconds if isinstance(step, KernelStep)]
            names.extend(each.kernel.name for each in kernels)

        watchers.append(watch)
        try:
            return self.plan.run(given)[0], names
        finally:
            watchers.remove(watch)


def leaf(*shape: int) -> Node:
    random = np.random.default_rng(len(shape))
    return constant(random.standard_normal(shape).astype(np.float32))


def per_channel(node: Node) -> Node:
    return reshape(node, (node.size, 1, 1))


OPTIONS = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}


def normed() -> tuple[Planned, dict[str, np.ndarray]]:
    """A convolution and what inference makes of a batch norm."""
    leaves = {"x": leaf(1, 8, 12, 12), "w": leaf(16, 8, 3, 3), "var": leaf(16)}
    variance = ew.square(leaves["var"])
    scale = ew.rsqrt(ew.add(variance, ew.const_like(1e-5, variance)))
    y = conv(leaves["x"], leaves["w"], groups=1, **OPTIONS)
    y = ew.relu(ew.mul(y, per_channel(scale)))
    return Planned(y), {name: each.value for name, each in leaves.items()}


def test_what_is_known_of_channels_is_computed_once() -> None:
    planned, leaves = normed()
    first, _ = planned.run()
    planned.run()
    for _ in range(2):
        found, names = planned.run(leaves["x"])
        np.testing.assert_array_equal(found, first)
        assert [each.split("_")[0] for each in names] == ["loop", "convolution"]


@pytest.mark.parametrize("changed", ["w", "var"])
def test_other_parameters_are_prepared_again(changed: str) -> None:
    planned, leaves = normed()
    first, _ = planned.run()
    for _ in range(3):
        planned.run()
    for again in (2, 3):
        leaves[changed] *= again  # another array comes: what holds the old one may go
        at = next(n for n, e in enumerate(planned.given) if e is leaves[changed])
        planned.given[at] = leaves[changed] = leaves[changed].copy()
        found, names = planned.run()
        fresh, _ = Planned(*_with(leaves)).run()
        np.testing.assert_array_equal(found, fresh)
        assert len(names) > 1
    assert not np.array_equal(found, first)


def _with(leaves: dict[str, np.ndarray]) -> list[Node]:
    x, w, var = (constant(leaves[name]) for name in ("x", "w", "var"))
    variance = ew.square(var)
    scale = ew.rsqrt(ew.add(variance, ew.const_like(1e-5, variance)))
    y = conv(x, w, groups=1, **OPTIONS)
    return [ew.relu(ew.mul(y, per_channel(scale)))]


def test_an_input_that_changes_does_not_prepare_weights_again() -> None:
    """The first convolution copies its input to have the channels last."""
    x, w = leaf(2, 6, 9, 9), leaf(4, 6, 3, 3)
    planned = Planned(matmul(leaf(80, 9), ew.relu(conv(x, w, groups=1, **OPTIONS))))
    for _ in range(3):
        first, _ = planned.run()
    for _ in range(2):
        found, names = planned.run(x.value)
        np.testing.assert_array_equal(found, first)
        assert not any(each.startswith("pack_float32") for each in names)


def test_a_scatter_into_a_parameter_starts_anew_in_each_run() -> None:
    base, new = leaf(40), leaf(5)
    where = constant(np.array([3, 3, 7, 0, 39]))
    added = ew.exp(ix.scatter_add(ew.neg(base), where, new, axis=0))
    scaled = ew.mul(leaf(2, 40), added)
    planned = Planned(scaled)
    first, _ = planned.run()
    for changed in ((), (new.value,), (), (base.value,), (new.value,), ()):
        found, _ = planned.run(*changed)
        np.testing.assert_array_equal(found, first)


def test_host_steps_read_what_was_computed_before() -> None:
    a, b = leaf(30), leaf(30)
    twice = ew.add(ew.exp(a), b)
    angle = ew.atan2(twice, ew.neg(twice))
    planned = Planned(ew.mul(leaf(3, 30), angle))
    first, _ = planned.run()
    for _ in range(4):
        found, _ = planned.run()
        np.testing.assert_array_equal(found, first)


def test_inference_computes_the_scales_of_batch_norm_once_without_compile(
    backend: str,
) -> None:
    """The numbers of a layer are the same arrays in each of its calls."""
    if backend == "reference":
        pytest.skip("the NumPy evaluator has no plans")
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
    ).eval()
    images = torch.randn(4, 3, 60, 60)
    names: list[list[str]] = []

    def watch(plan: Plan, seconds: Any) -> None:
        names.append([step.kernel.name.split("_")[0] for step, _ in seconds])

    with torch.no_grad():
        first = net(images).numpy()
        net(images).numpy()
        watchers.append(watch)
        try:
            found = net(images + 0).numpy()
        finally:
            watchers.remove(watch)
    np.testing.assert_array_equal(found, first)
    assert names[-1].count("pack") == 0


def test_threads_make_no_difference_to_what_is_kept() -> None:
    planned, leaves = normed()
    found = []
    for count in (1, 2, 4, 2):
        with threads(count):
            found.append(planned.run(leaves["x"])[0])
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
