"""Code for lesser CPUs than this one, run on this one: every family of kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from compiled import compare, compute_between_guards, compute_by, kernels
from test_codegen_convolution import LARGE, PASSES, check_spills
from test_compiler_guards import FAMILIES

from flambeau.dtypes import float32
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import reduce as rd
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.normalize import moments
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


def values(*shape: int, kind: Any = np.float32) -> Node:
    return constant(np.random.default_rng(7).standard_normal(shape).astype(kind))


def convolved(
    channels: int, size: int, groups: int = 1, stride: int = 1, batch: int = 2
) -> list[Node]:
    """A convolution with bias and ReLU, its statistics and its gradients."""
    x = values(batch, channels, size, size)
    w = values(channels, channels // groups, 3, 3)
    options = {"stride": (stride,) * 2, "dilation": (1, 1), "groups": groups}
    options["padding"] = ((1, 1), (1, 1))
    y = conv(x, w, **options)
    out = ew.relu(ew.add(y, values(channels, 1, 1)))
    g = values(*y.shape)
    sides = {"input_size": x.shape[2:]}, {"kernel_size": (3, 3)}
    backward = conv_input_grad(g, w, **options, **sides[0])
    gradient = conv_weight_grad(x, g, **options, **sides[1])
    return [out, *moments(y, (0, 2, 3)), backward, gradient]


def functions() -> list[Node]:
    found = []
    for kind in (np.float32, np.float64):
        x = values(3, 37, kind=kind)
        for op in (ew.exp, ew.tanh, ew.sigmoid, ew.erf, ew.sin):
            found.append(op(x))
        found += [ew.log(ew.exp(x)), rd.softmax(x, axis=1), ew.div(x, ew.exp(x))]
    return found


def products() -> list[Node]:
    large = matmul(values(70, 300), values(300, 131))
    few = matmul(values(3, 2000, kind=np.float64), values(2000, 5, kind=np.float64))
    return [ew.relu(ew.add(large, values(131))), few]


CONTRACTIONS: dict[str, Callable[[], list[Node]]] = {
    "products": products,
    "convolution": lambda: convolved(17, 9),
    "strided": lambda: convolved(24, 11, stride=2),
    "depthwise": lambda: convolved(33, 10, groups=33),
    "Winograd": lambda: convolved(64, 28, batch=4),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("family", [*CONTRACTIONS, *FAMILIES, "functions"])
def test_they_compute_the_same(family: str, name: str) -> None:
    makers = {**CONTRACTIONS, **FAMILIES, "functions": functions}
    for node in makers[family]():
        compare([node], compute_by(machine(name), node))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("family", [*CONTRACTIONS, *FAMILIES])
def test_they_stay_inside_their_buffers(family: str, name: str) -> None:
    for node in {**CONTRACTIONS, **FAMILIES}[family]():
        for at_end in (False, True):
            compute_between_guards(node, at_end=at_end, machine=machine(name))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("shape", LARGE)
def test_inner_loops_of_convolutions_do_not_spill(
    shape: tuple[int, ...], which: str, name: str
) -> None:
    check_spills(machine(name), which, shape, float32)


def test_winograd_is_among_them() -> None:
    names = kernels(*CONTRACTIONS["Winograd"]())
    assert sum(name.startswith("winograd") for name in names) == 3
