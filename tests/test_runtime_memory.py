"""The runtime's memory: aligned, and used again when nobody refers to it."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from compiled import program

from flambeau.compiler.memory import plan_memory
from flambeau.graph import constant
from flambeau.ops import elementwise as ew
from flambeau.runtime.copying import can_copy, copy_memory
from flambeau.runtime.engine import engine
from flambeau.runtime.memory import (
    ALIGNMENT,
    Arenas,
    Pool,
    Results,
    address_of,
    aligned,
    are_alone,
    side_by_side,
)
from flambeau.runtime.plan import Plan


def test_memory_is_aligned() -> None:
    for size in (1, 63, 64, 1000):
        memory = aligned(size)
        assert memory.nbytes == size
        assert memory.ctypes.data % ALIGNMENT == 0
    assert aligned(0).nbytes == 0  # nothing is there that could lie anywhere


@pytest.mark.parametrize("size", [2 << 20, (3 << 20) - 4096, 5_000_001])
def test_large_memory_is_aligned_and_all_of_it_there(size: int) -> None:
    memory, place = Pool().take(size)
    assert memory.nbytes == size and place % ALIGNMENT == 0
    memory[:] = 7
    assert (memory == 7).all()


def test_blocks_of_any_size_lie_apart() -> None:
    sizes = [1, 16_383, 16_384, 100_001, 1_500_000, 1_500_000, (2 << 20) - 1, 65_536]
    pool = Pool()
    blocks = [pool.take(size) for size in sizes]
    for number, (memory, place) in enumerate(blocks):
        assert memory.nbytes == sizes[number] and place % ALIGNMENT == 0
        memory[:] = number
    for number, (memory, _) in enumerate(blocks):
        assert (memory == number).all()


def test_memory_side_by_side_is_aligned_and_lies_apart() -> None:
    sizes = {7: 1, 2: 0, 5: 3_000_000, 1: 65}
    found = side_by_side(sizes)
    assert {key: each.nbytes for key, each in found.items()} == sizes
    for key, each in found.items():
        assert each.ctypes.data % ALIGNMENT == 0 or not each.nbytes
        assert not each.any()
        each[:] = key
    assert all((each == key).all() for key, each in found.items())


def test_memory_is_copied_whole_and_nothing_beside_it() -> None:
    sizes = [1, 63, 256, 257, 5000, (1 << 18) - 1, (1 << 18) + 1, 1_000_003]
    rng = np.random.default_rng(0)
    sources = [rng.integers(0, 256, size + 3, np.uint8)[3:] for size in sizes]
    targets = [aligned(size + 64) for size in sizes]
    engine()
    assert can_copy()
    copy_memory(
        (target.ctypes.data, source.ctypes.data, source.size)
        for target, source in zip(targets, sources)
    )
    for target, source in zip(targets, sources):
        np.testing.assert_array_equal(target[: source.size], source)
        assert not target[source.size :].any()
    copy_memory([])


def test_memory_is_used_again_only_when_nothing_refers_to_it() -> None:
    pool = Pool()
    first, place = pool.take(4096)
    assert place == first.ctypes.data
    part = first.view(np.float32).reshape(32, 32)[3:5].T
    assert place % ALIGNMENT == 0
    del first
    assert pool.kept == 0
    assert pool.take(4096)[1] != place
    del part
    assert pool.kept == 2 * 4096
    assert place in {pool.take(4096)[1] for _ in range(2)}


def test_small_results_are_used_again_only_when_nothing_refers_to_them() -> None:
    results = Results((2, 3), np.dtype(np.float32))
    first, place = results.take()
    assert first.shape == (2, 3) and address_of(first) == place
    part = first.T[1:]
    first[...] = 1
    del first
    others = [results.take() for _ in range(5)]
    assert len({place, *(at for _, at in others)}) == 6
    assert all(address_of(array) == at for array, at in others)
    np.testing.assert_array_equal(part, 1)
    del part, others
    assert place not in {results.take()[1] for _ in range(2)}  # it was kept too long
    one, place = results.take()
    name = weakref.ref(one)  # by which others know what is in it
    del one
    assert results.take()[1] == place
    assert name() is None


def test_a_result_is_another_array_than_the_one_before() -> None:
    """A plan that was given the first one must notice that it is given the second."""
    wide, scale = constant(np.ones((16, 6))), constant(np.ones(6))
    programs = (
        program(ew.exp(constant(np.ones(6)))),
        program(ew.mul(wide, ew.exp(ew.neg(scale)))),  # exp is done once for many
    )
    made, read = (Plan(each, *plan_memory(each), engine()) for each in programs)
    assert read.program.prologue
    shapes = [read.program.buffers[each].shape for _, each in read.program.leaves]
    for number in (0, 0, 1, 2, 3):
        given = {(16, 6): wide.value, (6,): made.run([np.full(6, float(number))])[0]}
        found = read.run([given[each] for each in shapes])
        np.testing.assert_allclose(found[0][0], np.exp(-np.exp([number] * 6)))
        del given


def test_plans_share_the_memory_of_what_no_run_outlives() -> None:
    arenas = Arenas()
    first, other = arenas.take(1000), arenas.take(1000)  # at the same time
    assert not np.shares_memory(first, other)
    arenas.give_back(first)
    assert arenas.take(500) is first
    arenas.give_back(first)
    assert arenas.take(2000).nbytes >= 2000


def test_memory_is_poisoned_in_tests() -> None:
    assert np.isnan(Pool().take(64)[0].view(np.float32)).all()
    assert np.isnan(Arenas().take(64).view(np.float64)).all()
    assert np.isnan(Results((), np.dtype(np.float64)).take()[0])


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.broadcast_to(np.int64(7), (2, 3)),
        np.array(True),
        np.empty((0, 2)),
    ],
    ids=["transposed", "broadcast", "scalar", "empty"],
)
def test_a_copy_is_a_block_of_the_same_values(values: np.ndarray) -> None:
    found = Pool().copy(values)
    assert found.dtype == values.dtype
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, values)
    assert are_alone([found], holders=1) == [True]
