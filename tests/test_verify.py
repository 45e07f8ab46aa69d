"""The verifier: sound programs pass, and each kind of broken one is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from compiled import program

from flambeau import dtypes as dt
from flambeau.compiler.codegen.access import accesses
from flambeau.compiler.codegen.builder import I64, PTR, KernelBuilder
from flambeau.compiler.kinds import Kind
from flambeau.compiler.memory import plan_memory
from flambeau.compiler.program import HostStep, KernelStep, Program
from flambeau.compiler.schedule import Group
from flambeau.compiler.verify import Broken, verify, verify_kernels, verify_memory
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops.broadcast import sum_
from flambeau.ops.contract import matmul
from flambeau.runtime.target import host


def leaf(*shape: int) -> Node:
    return constant(np.ones(shape, np.float32))


def total(x: Node) -> Node:
    return sum_(x, axes=(1,), keepdims=False)


def sound() -> Program:
    """Two kernels with memory between them, a host step, and one more kernel."""
    x = leaf(30, 40)
    y = ew.exp(matmul(ew.exp(x), leaf(40, 50)))
    return program(ew.neg(ew.atan2(total(y), total(y))))


def at_kernel(made: Program, at: int, **changes: Any) -> None:
    """Change a kernel's step."""
    steps = [n for n, each in enumerate(made.steps) if isinstance(each, KernelStep)]
    made.steps[steps[at]] = replace(made.steps[steps[at]], **changes)


def shortened(made: Program) -> None:
    at_kernel(made, 0, buffers=made.steps[0].buffers[:-1])


def out_of_order(made: Program) -> None:
    made.steps.insert(0, made.steps.pop())


def into_a_leaf(made: Program) -> None:
    first = made.steps[0]
    given = made.leaves[0][1]
    stores = accesses(first.kernel.ir).writes
    changed = [given if at in stores else e for at, e in enumerate(first.buffers)]
    at_kernel(made, 0, buffers=tuple(changed))


def without_the_last(made: Program) -> None:
    made.steps.pop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shortened, "uses 3 buffers, and gets 2"),
        (out_of_order, "before it is written"),
        (into_a_leaf, "which is given"),
        (without_the_last, "writes the output"),
    ],
)
def test_kernels_that_use_wrong_buffers_are_caught(
    change: Callable[[Program], None], message: str
) -> None:
    made = sound()
    verify_kernels(made)
    change(made)
    with pytest.raises(Broken, match=message):
        verify_kernels(made)


def too_far(made: Program) -> None:
    buffer = made.buffers[made.outputs[0][1]]
    buffer.steps = tuple(2 * each for each in buffer.steps)


def before_the_start(made: Program) -> None:
    buffer = made.buffers[made.outputs[0][1]]
    buffer.steps = tuple(-each for each in buffer.steps)


def too_few_steps(made: Program) -> None:
    made.buffers[made.outputs[0][1]].steps = ()


def no_such_buffer(made: Program) -> None:
    at_kernel(made, 0, buffers=(99,))


def host_too_early(made: Program) -> None:
    made.steps.sort(key=lambda each: isinstance(each, KernelStep))


def unwritten(made: Program) -> None:
    made.outputs.append((0, made.new_buffer((3,), made.buffers[0].dtype).number))


def twice_shared(made: Program) -> None:
    kind = made.buffers[0].dtype
    view = made.add((3,), kind, (1,), source=0)
    made.add((3,), kind, (1,), source=view.number)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (too_far, "beyond the 120 bytes"),
        (before_the_start, "reaches from -29"),
        (too_few_steps, "with steps"),
        (no_such_buffer, "there is no buffer b99"),
        (host_too_early, "before it is written"),
        (unwritten, "nothing writes the output"),
        (twice_shared, "which is in another"),
    ],
)
def test_programs_that_are_not_whole_are_caught(
    change: Callable[[Program], None], message: str
) -> None:
    made = sound()
    verify("lower", made)
    assert any(isinstance(each, HostStep) for each in made.steps)
    change(made)
    with pytest.raises(Broken, match=f"after lower: .*{message}"):
        verify("lower", made)


def test_buffers_that_overlap_are_caught() -> None:
    made = sound()
    offsets, size = plan_memory(made)
    verify_memory(made, offsets, size)
    with pytest.raises(Broken, match="overlap in step"):
        verify_memory(made, dict.fromkeys(offsets, 0), size)
    with pytest.raises(Broken, match="not in the arena"):
        verify_memory(made, offsets, size - 1000)
    offsets.popitem()
    with pytest.raises(Broken, match="not in the arena"):
        verify_memory(made, offsets, size)


def test_a_buffer_may_be_written_over_where_its_step_says_so() -> None:
    x = leaf(300, 400)
    made = program(total(ew.exp(matmul(ew.exp(x), leaf(400, 400)))), total(ew.exp(x)))
    [step] = [
        each
        for each in made.steps
        if isinstance(each, KernelStep) and each.kernel.name.startswith("matmul")
    ]
    source, *_, result = step.buffers
    offsets, size = plan_memory(made)
    assert source in offsets
    offsets[result] = offsets[source]
    made.steps = [replace(step, overwritable=((source, result),))]
    verify_memory(made, offsets, size)
    made.steps = [replace(step, overwritable=())]
    with pytest.raises(Broken, match="overlap"):
        verify_memory(made, offsets, size)


def test_nodes_that_are_not_what_their_op_gives_are_caught() -> None:
    y = ew.exp(leaf(3, 4))
    verify("simplify", [y])
    wrong = Node(y.op, y.inputs, y.params, (4, 3), y.dtype)
    with pytest.raises(Broken, match=r"after simplify: .*its op gives \(3, 4\)"):
        verify("simplify", [ew.neg(wrong)])


def test_groups_that_read_what_is_not_there_are_caught() -> None:
    y = ew.exp(leaf(3, 4))
    z = ew.neg(y)
    first, second = Group(Kind.LOOP, [y]), Group(Kind.LOOP, [z])
    verify("schedule", [first, second])
    verify("schedule", [second])  # exp is computed where it is read
    with pytest.raises(Broken, match="after schedule: .*which comes later"):
        verify("schedule", [second, first])
    with pytest.raises(Broken, match="which is not in memory"):
        verify("schedule", [Group(Kind.LOOP, [y], {id(y)}), second])
    with pytest.raises(Broken, match="which nothing computes"):
        verify("schedule", [Group(Kind.LOOP, [ew.neg(total(y))])])


def test_accesses_follow_pointers_through_loops_and_masks() -> None:
    access = accesses(
        """define void @"f"(ptr noalias %.1, i64 %.2) {
  %.a = getelementptr ptr, ptr %.1, i64 0
  %.p = load ptr, ptr %.a, align 8
  %.b = getelementptr ptr, ptr %.1, i64 1
  %.q = load ptr, ptr %.b, align 8
  %.c = getelementptr ptr, ptr %.1, i64 2
  %.r = load ptr, ptr %.c, align 8
  %.walk = phi  ptr [%.p, %.x], [%.next, %.y]
  %.next = getelementptr float, ptr %.walk, i64 1
  %.v = load float, ptr %.next, align 4
  call void @"llvm.prefetch.p0"(ptr %.r, i32 1, i32 3, i32 1)
  call void @"llvm.masked.store.v4f32.p0"(<4 x float> %.w, ptr %.q, i32 4)
}"""
    )
    assert access.slots == {0, 1, 2}
    assert (access.reads, access.writes) == ({0}, {1})


@pytest.mark.parametrize("moves", [1, 2])
def test_accesses_follow_pointers_that_variables_keep(moves: int) -> None:
    kernel = KernelBuilder("kernel", host())
    source, target = kernel.buffer(0), kernel.buffer(2)
    place = kernel.variable(source)
    for _ in range(moves):
        place.set(kernel.at(place.get(), 1, dt.int64))
    kernel.store(kernel.load(place.get(), 0, dt.int64), target, 0, dt.int64)
    access = accesses(kernel.finish())
    assert (access.reads, access.writes) == ({0}, {2})


def test_accesses_follow_pointers_into_functions() -> None:
    kernel = KernelBuilder("kernel", host())
    with kernel.aside("copy", [PTR, I64, PTR]) as (copy, (source, at, target)):
        kernel.store(kernel.load(source, at, dt.int64), target, at, dt.int64)
    buffers = kernel.buffer(3), kernel.begin, kernel.buffer(5)
    kernel.b.call(copy, buffers)
    access = accesses(kernel.finish())
    assert access.slots == {3, 5}
    assert (access.reads, access.writes) == ({3}, {5})
