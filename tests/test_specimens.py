"""Every family of kernels: none is left out, its bits, and registers of inner loops."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from inspect import getmembers, isfunction, signature
from itertools import product
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from compiled import compute, program
from native import inner_loops, spills
from specimens import SPECIMENS, convolved, values
from test_compiler_recurrent import forward_and_back
from test_compiler_windows import options

from flambeau.compiler import codegen
from flambeau.compiler.lowerings import registry
from flambeau.compiler.options import Options
from flambeau.compiler.pipeline import compile_graph
from flambeau.compiler.program import KernelStep
from flambeau.graph import Node, constant, topological
from flambeau.ops.broadcast import sum_
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv
from flambeau.ops.elementwise import add, div, exp, mul, neg, sqrt, sub, tanh
from flambeau.ops.movement import permute
from flambeau.ops.window import max_pool, max_pool_index
from flambeau.runtime.engine import Engine
from flambeau.runtime.target import Target, host


def all_nodes() -> Iterator[Node]:
    for make in SPECIMENS.values():
        yield from make()


def test_every_op_with_a_family_is_among_them() -> None:
    lowered: set[str] = set()

    def report(name: str, result: Any) -> None:
        if name == "schedule":
            lowered.update(group.nodes[0].name for group in result)

    for node in all_nodes():
        order = topological([node])
        compile_graph(order, [len(order) - 1], host(), Options(), report)
    assert set(registry.FAMILIES) - lowered == set()


def emitters() -> set[Callable[..., str]]:
    """The functions that write kernels: their first argument is the name."""
    modules = [
        import_module(f"{codegen.__name__}.{each.name}")
        for each in pkgutil.iter_modules(codegen.__path__)
    ]
    return {
        function
        for module in modules
        for name, function in getmembers(module, isfunction)
        if name.startswith("_emit") and function.__module__ == module.__name__
        if next(iter(signature(function).parameters), "") == "name"
    }


def test_every_emitter_of_kernels_is_among_them() -> None:
    steps = [step for node in all_nodes() for step in program(node).steps]
    used = {step.kernel.emit for step in steps if isinstance(step, KernelStep)}
    assert emitters() - used == set()


@pytest.mark.parametrize("family", SPECIMENS)
def test_the_number_of_threads_changes_no_bit(family: str) -> None:
    for node in SPECIMENS[family]():
        alone, *others = (compute(node, threads=count)[0] for count in (1, 2, 4))
        for each in others:
            assert each.tobytes() == alone.tobytes()


# Registers


MACHINES = {"host": host()}
if host().is_x86:
    wide = "+avx,+avx2,+fma,+f16c"
    MACHINES["AVX2"] = Target(host().triple, "x86-64-v3", wide, 32, 16)
    MACHINES["SSE2"] = Target(host().triple, "x86-64", "", 16, 16)
    NEON = Target("aarch64-unknown-linux-gnu", "generic", "+neon", 16, 32)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    with suppress(RuntimeError):  # LLVM is built without it
        llvm.Target.from_triple(NEON.triple)
        MACHINES["NEON"] = NEON


def linear(rows: int, columns: int, depth: int, kind: Any = np.float32) -> list[Node]:
    """What a linear layer multiplies: forward, and its gradients."""
    x, w = values(rows, depth, kind=kind), values(columns, depth, kind=kind)
    g, turned = values(rows, columns, kind=kind), (1, 0)
    weight = matmul(permute(g, turned), x)
    return [matmul(x, permute(w, turned)), matmul(g, w), weight]


def updated(kind: Any = np.float32) -> list[tuple[Node, ...]]:
    """Weights of linear layers with few samples, and of gates, before and after steps.

    A plan stores all three of them in one kernel.
    """
    number = partial(values, kind=kind)
    found: list[tuple[Node, ...]] = []
    layers = product((1, 2, 4, 8), ((10, 2048), (37, 100), (1000, 2048)))
    for samples, sizes in (*layers, (4, (10, 4096)), (4, (8, 32)), (4, (2, 32))):
        gradient = gradient_of(*sizes, samples, kind)
        found.append((gradient,))
        for step in (gradient, mul(gradient, neg(number()))):
            moved = add(mul(number(*sizes), neg(number())), step)
            new = sub(number(*sizes), mul(moved, neg(number())))
            found += [(moved,), (new,), (moved, new), (gradient, moved, new)]
    return found


def updated_by_more(kind: Any) -> list[tuple[Node, ...]]:
    """Weights that decay, that look ahead, and that follow averages of squares."""
    number = partial(values, kind=kind)
    found: list[tuple[Node, ...]] = []
    for samples, sizes in product((1, 2, 4), ((10, 101), (16, 2048), (37, 10), (3, 3))):
        gradient, weight = gradient_of(*sizes, samples, kind), number(*sizes)
        step = add(gradient, mul(weight, neg(number())))
        moved = add(mul(number(*sizes), neg(number())), step)
        ahead = add(step, mul(moved, neg(number())))
        for way in (moved, ahead):
            found.append((gradient, moved, sub(weight, mul(way, neg(number())))))
        second = constant(np.abs(number(*sizes).value))
        squares = mul(mul(gradient, gradient), exp(number()))
        squares = add(mul(second, exp(number())), squares)
        root = add(sqrt(squares), exp(number()))
        new = sub(weight, div(mul(moved, neg(number())), root))
        found += [(moved, squares, new), (gradient, moved, squares, new)]
    return found


def gradient_of(rows: int, columns: int, samples: int, kind: Any) -> Node:
    """What reaches the weight of a linear layer."""
    g, x = values(samples, rows, kind=kind), values(samples, columns, kind=kind)
    return matmul(permute(g, (1, 0)), x)


def normalized() -> list[Node]:
    """What reaches the scale of layer norm: sums of columns that read many rows."""
    x, y, g = (values(4 * 28 * 28, 384) for _ in range(3))
    a, b, c = (values(4 * 28 * 28, 1) for _ in range(3))
    centered = sub(sub(mul(x, neg(values())), a), mul(mul(y, b), c))
    total = sum_(mul(mul(centered, b), g), axes=(0,), keepdims=False)
    return [tanh(total)]


def first() -> list[Node]:
    """What meets the colours of an image."""
    sides = {"stride": (2, 2), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    return [conv(values(2, 3, 224, 224), values(32, 3, 3, 3), **sides, groups=1)]


def strided_pool() -> list[Node]:
    """A maximum whose windows all lie inside, as networks end their first blocks."""
    x, params = values(2, 19, 35, 35), options((35, 35), (3, 3), (2, 2))
    return [max_pool(x, **params), max_pool_index(x, **params)]


def cells(cell: str, hidden: int) -> list[Node]:
    """A recurrent layer on a batch, and its gradients."""
    return forward_and_back(cell, (2, 16, hidden), "float32", True, True)


# Layers of networks; only compiled.
LAYERS: dict[str, Callable[[], Sequence[Node | tuple[Node, ...]]]] = {
    "linear, few rows": lambda: linear(1, 512, 512),
    "linear, odd columns": lambda: linear(64, 1000, 500),
    "linear, ten columns": lambda: linear(64, 10, 8192),
    "linear, float64": lambda: linear(64, 1000, 500, np.float64),
    "updated": updated,
    "updated, float64": lambda: updated(np.float64),
    "updated by more": lambda: updated_by_more(np.float32),
    "updated by more, float64": lambda: updated_by_more(np.float64),
    "normalized": normalized,
    "first": first,
    "pool by rows": strided_pool,
    "depthwise 3x3": lambda: convolved(96, 56, 96),
    "depthwise 3x3, masks": lambda: convolved(58, 28, 58),
    "depthwise 3x3, strided": lambda: convolved(58, 56, 58, 2),
    "depthwise 5x5": lambda: convolved(240, 28, 240, window=5),
    "depthwise 5x5, strided": lambda: convolved(144, 56, 144, 2, window=5),
    "depthwise 5x5, few pixels": lambda: convolved(1152, 7, 1152, window=5),
    "depthwise 7x7": lambda: convolved(192, 28, 192, window=7),
    "depthwise 7x7, many pixels": lambda: convolved(96, 56, 96, window=7),
    "depthwise 7x7, masks": lambda: convolved(58, 28, 58, window=7),
    "lstm, 128 units": lambda: cells("lstm", 128),
    "gru, 128 units": lambda: cells("gru", 128),
    "1x1": lambda: convolved(232, 7, window=1),
    "3x3": lambda: convolved(128, 28, batch=8),
    "3x3, strided": lambda: convolved(128, 28, stride=2),
}


CASES = [(family, machine) for machine in MACHINES for family in (*SPECIMENS, *LAYERS)]


@pytest.mark.parametrize(("family", "machine"), CASES)
def test_inner_loops_do_not_spill(family: str, machine: str) -> None:
    target, seen = MACHINES[machine], set()
    compiler = Engine(target, None)
    for made in {**SPECIMENS, **LAYERS}[family]():
        nodes = made if isinstance(made, tuple) else (made,)
        for step in program(*nodes, target=target).steps:
            if isinstance(step, KernelStep) and step.kernel.recipe not in seen:
                seen.add(step.kernel.recipe)
                found = spills(compiler.assembly(step.kernel.ir))
                assert (step.kernel.name, found) == (step.kernel.name, [])


def test_loops_of_several_blocks_are_found() -> None:
    spill = "vmovups\t64(%rsp), %zmm3"
    inner = f".L2:\n\tjne\t.L3\n\t{spill}\n.L3:\n\tjmp\t.L4\n.L4:\n\tjne\t.L2\n"
    outer = f"f:\n.L1:\n\tvmovups\t(%rsp), %zmm1\n{inner}\tjne\t.L1\n\tretq\n"
    assert spills(outer) == [spill]
    assert len(inner_loops(outer)) == 1
