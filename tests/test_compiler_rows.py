"""What follows products in another shape, and sums of slices."""

from __future__ import annotations

import numpy as np
import pytest
from compiled import check, kernels

from flambeau import dtypes as dt
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops.broadcast import reshape, sum_
from flambeau.ops.contract import matmul
from flambeau.ops.movement import permute, slice_axis, slice_update, swap, zeros
from flambeau.ops.normalize import moments

RNG = np.random.default_rng(7)


def leaf(*shape: int) -> Node:
    """Numbers around 0."""
    return constant(RNG.standard_normal(shape).astype(np.float32))


def product(*shape: int) -> Node:
    """A product's rows, seen in more dimensions."""
    *many, columns = shape
    rows = int(np.prod(many))
    return reshape(matmul(leaf(rows, 24), leaf(24, columns)), shape)


def products(*nodes: Node) -> list[str]:
    """The kernels but for those that pack operands."""
    return [each for each in kernels(*nodes) if not each.startswith("pack")]


@pytest.mark.parametrize("shape", [(3, 11, 40), (2, 3, 5, 17), (1, 1, 1), (7, 1, 16)])
def test_a_product_takes_what_follows_on_its_rows(shape: tuple[int, ...]) -> None:
    z = ew.mul(ew.add(product(*shape), leaf(*shape)), leaf(shape[-1]))
    z = ew.add(ew.mul(z, leaf(*shape[:-1], 1)), leaf(1, shape[-1]))
    z = ew.erf(ew.mul(z, leaf()))
    assert len(products(z)) == 1
    check(z)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (40,)])
def test_a_product_with_one_row_in_fewer_dimensions(shape: tuple[int, ...]) -> None:
    columns = int(np.prod(shape))
    y = reshape(matmul(leaf(1, 24), leaf(24, columns)), shape)
    check(ew.mul(ew.add(y, leaf(*shape)), leaf()), y)


@pytest.mark.parametrize("shape", [(3, 1), (1, 40), (1, 1), (5, 1, 40), (5, 3, 1)])
def test_products_that_are_spread_over_others(shape: tuple[int, ...]) -> None:
    y, other = product(*shape), leaf(3, 40)
    check(ew.mul(other, y), ew.add(product(5, 3, 40), y))
    check(ew.mul(product(3, 40), y))


def test_what_is_the_same_for_all_samples_is_added_afterwards() -> None:
    y = product(3, 11, 40)
    z = ew.add(y, leaf(1, 11, 40))
    assert len(products(z)) == 2
    check(z)


def test_what_needs_the_whole_product_comes_afterwards() -> None:
    y = product(3, 11, 40)
    mean, _ = moments(y, (2,))
    check(ew.mul(ew.sub(y, mean), leaf(40)))


def test_a_product_that_reads_another_one_takes_both() -> None:
    first = product(3, 11, 24)
    second = matmul(reshape(first, (33, 24)), leaf(24, 24))
    z = ew.add(first, reshape(second, (3, 11, 24)))
    assert len(products(z)) == 2
    check(z)


def test_an_operand_is_not_stored_for_the_rows() -> None:
    x, mean = leaf(3, 11, 40), leaf(3, 11, 1)
    centred = ew.sub(x, mean)
    z = ew.mul(product(3, 11, 40), centred)
    total = sum_(ew.square(centred), axes=(2,), keepdims=False)
    assert "loop_sub" not in kernels(z, total)
    check(z, total)


def test_what_is_read_twice_is_computed_in_one_loop() -> None:
    y = product(3, 11, 40)
    z = ew.mul(ew.erf(y), y)
    assert len(products(z)) == 2
    check(z)


@pytest.mark.parametrize("axes", [(0, 1), (2,), (0,), (1,), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_rows_are_summed_as_they_are_seen(
    axes: tuple[int, ...], keepdims: bool
) -> None:
    y = ew.mul(product(3, 11, 40), leaf(3, 11, 40))
    check(sum_(y, axes=axes, keepdims=keepdims), ew.square(y))


@pytest.mark.parametrize("shape", [(9, 33, 20), (64, 300, 96), (5, 700, 3)])
def test_a_turned_product_is_the_product_of_turned_operands(
    shape: tuple[int, int, int],
) -> None:
    rows, depth, columns = shape
    x, g, w = leaf(depth, rows), leaf(depth, columns), leaf(columns, rows)
    turned = swap(matmul(swap(x, 0, 1), g), 0, 1)
    updated = ew.sub(w, ew.mul(turned, leaf()))
    assert not any("loop" in each for each in kernels(turned, updated))
    check(turned, updated)


def test_products_in_both_directions_are_computed_once() -> None:
    y = matmul(leaf(2, 9, 33), leaf(2, 33, 20))
    turned = swap(y, 1, 2)
    assert sum("matmul" in each for each in kernels(y, ew.relu(turned))) == 1
    check(y, ew.relu(turned))


@pytest.mark.parametrize("columns", [8, 80])
def test_shares_are_divided_where_there_are_fewer(columns: int) -> None:
    x, values = leaf(2, 9, 33), leaf(2, 33, columns)
    above = ew.exp(x)
    shares = ew.div(above, sum_(above, axes=(2,), keepdims=True))
    y = matmul(shares, values)
    divides = [each.startswith("loop_div") for each in kernels(y)]
    assert any(divides) is (columns > 33)
    check(y)
    check(y, shares)


@pytest.mark.parametrize("counts", [(1, 1, 1), (2, 5), (3, 1)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_of_a_whole_are_joined(counts: tuple[int, ...], axis: int) -> None:
    shape = [4, 6, 17]
    shape[axis] = sum(counts)
    total: Node | None = None
    start = 0
    pieces: list[Node] = []
    for count in counts:
        piece = list(shape)
        piece[axis] = count
        ranges = [(0, size, 1) for size in shape]
        ranges[axis] = (start, count, 1)
        zero = zeros(tuple(shape), dt.float32)
        pieces.insert(0, slice_update(zero, leaf(*piece), ranges=tuple(ranges)))
        start += count
    for each in pieces:
        total = each if total is None else ew.add(total, each)
    assert total is not None
    moved = permute(total, (2, 0, 1))
    assert len(kernels(moved)) == len(counts)
    check(total, ew.neg(moved))
    check(moved)


def test_slices_in_other_numbers_than_zero_are_added() -> None:
    ranges = [((0, 2, 1), (0, 5, 1)), ((2, 1, 1), (0, 5, 1))]
    pieces = [
        slice_update(
            constant(np.broadcast_to(np.float32(number), (3, 5))),
            leaf(size, 5),
            ranges=at,
        )
        for number, size, at in zip((2.0, 5.0), (2, 1), ranges, strict=True)
    ]
    check(ew.add(*pieces))


@pytest.mark.parametrize("ranges", [(0, 2, 1), (1, 2, 1), (0, 2, 2)])
def test_slices_that_leave_gaps_or_overlap_are_added(
    ranges: tuple[int, int, int],
) -> None:
    first = slice_update(
        zeros((4, 5), dt.float32), leaf(2, 5), ranges=(ranges, (0, 5, 1))
    )
    second = slice_update(
        zeros((4, 5), dt.float32), leaf(1, 5), ranges=((2, 1, 1), (0, 5, 1))
    )
    check(ew.add(first, second))


@pytest.mark.parametrize(
    ("start", "count", "shape"),
    [(0, 6, (3, 2, 5)), (2, 4, (2, 2, 5)), (2, 4, (4, 5)), (1, 4, (2, 2, 5))],
)
def test_rows_in_another_shape(start: int, count: int, shape: tuple[int, ...]) -> None:
    x = matmul(leaf(8, 3), leaf(3, 5))
    y = reshape(slice_axis(slice_axis(x, 0, 0, 7), 0, start, count), shape)
    check(slice_axis(y, 0, 1, 1), x)
    check(ew.relu(y), reshape(slice_axis(ew.relu(x), 0, start, count), shape))
