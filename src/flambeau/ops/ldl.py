"""Symmetric matrices as L D L^T, with pivots of one row or two; they have no slopes.

The lower triangle is read. L and D stand in one matrix, as LAPACK has them: a block of
two rows in D is where two pivots are negative.

Source: J. R. Bunch and L. Kaufman, "Some stable methods for calculating inertia and
solving symmetric linear systems" (1977).
"""

from __future__ import annotations

import math

import numpy as np

from ..dtypes import dtype, int32
from ..graph import Node
from .op import Op, same_as_input

__all__ = ["factor", "pivots", "solve"]

Shape = tuple[int, ...]
_GROWTH = (1 + math.sqrt(17)) / 8  # where blocks of one and of two grow alike


def _factored(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return L and D in one matrix, and the pivots, counted from 1."""
    size = x.shape[-1]
    found = x.reshape(math.prod(x.shape[:-2]), size, size).astype(np.float64)
    turned = np.zeros((len(found), size), np.int32)
    for matrix, order in zip(found, turned):
        matrix[:] = np.tril(matrix) + np.tril(matrix, -1).T
        _eliminate(matrix, order)
    return np.tril(found).reshape(x.shape), turned.reshape(x.shape[:-1])


def _eliminate(work: np.ndarray, order: np.ndarray) -> None:
    """Eliminate one symmetric matrix, step by step in its place."""
    k, size = 0, len(work)
    while k < size:
        other, rows = _pivot(work, k)
        last = k + rows - 1
        swap = [last, other]
        work[swap, k:] = work[swap[::-1], k:]
        work[k:, swap] = work[k:, swap[::-1]]
        block, below = work[k : last + 1, k : last + 1], work[last + 1 :, k : last + 1]
        order[k : last + 1] = other + 1 if rows == 1 else -(other + 1)
        if rows == 2 or block[0, 0]:
            factor = np.linalg.solve(block, below.T).T
            work[last + 1 :, last + 1 :] -= factor @ below.T
            work[last + 1 :, k : last + 1] = factor
        k = last + 1


def _pivot(work: np.ndarray, k: int) -> tuple[int, int]:
    """Return which row to take next, and whether as one of one or of two."""
    here, column = abs(work[k, k]), np.abs(work[k + 1 :, k])
    most = column.max(initial=0.0)
    if here >= _GROWTH * most:
        return k, 1
    other = k + 1 + int(column.argmax())
    row = np.abs(work[other, k:])
    row[other - k] = 0
    if here >= _GROWTH * most * (most / row.max()):
        return k, 1
    return other, 1 if abs(work[other, other]) >= _GROWTH * row.max() else 2


def _steps(order: np.ndarray) -> list[tuple[int, int, int]]:
    """Return the first and last row of each block, and what its last one was."""
    steps, k = [], 0
    while k < len(order):
        last = k + (order[k] < 0)
        steps.append((k, int(last), abs(int(order[k])) - 1))
        k = int(last) + 1
    return steps


def _solve_one(x: np.ndarray, order: np.ndarray, b: np.ndarray) -> np.ndarray:
    found = b.astype(np.float64)
    steps = _steps(order)
    for first, last, other in steps:
        found[[last, other]] = found[[other, last]]
        block = np.tril(x[first : last + 1, first : last + 1])
        block = block + np.tril(block, -1).T
        found[last + 1 :] -= x[last + 1 :, first : last + 1] @ found[first : last + 1]
        found[first : last + 1] = np.linalg.solve(block, found[first : last + 1])
    for first, last, other in reversed(steps):
        below = x[last + 1 :, first : last + 1]
        found[first : last + 1] -= below.T @ found[last + 1 :]
        found[[last, other]] = found[[other, last]]
    return found


def _solve_numpy(x: np.ndarray, order: np.ndarray, b: np.ndarray) -> np.ndarray:
    batch = np.broadcast_shapes(x.shape[:-2], b.shape[:-2])
    shape = (*batch, *b.shape[-2:])
    found, count = np.empty(shape), math.prod(batch)
    matrices = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    orders = np.broadcast_to(order, (*batch, order.shape[-1]))
    sides = np.broadcast_to(b, shape)
    for at in np.ndindex(*batch) if count else ():
        found[at] = _solve_one(matrices[at].astype(np.float64), orders[at], sides[at])
    return found


def _pivots_infer(x: Node) -> tuple[Shape, dtype]:
    return x.shape[:-1], int32


def _solve_infer(x: Node, order: Node, b: Node) -> tuple[Shape, dtype]:
    batch = np.broadcast_shapes(x.shape[:-2], b.shape[:-2])
    return (*batch, *b.shape[-2:]), b.dtype


factor = Op("ldl_factor", same_as_input, lambda x: _factored(x)[0])
pivots = Op("ldl_pivots", _pivots_infer, lambda x: _factored(x)[1])
solve = Op("ldl_solve", _solve_infer, _solve_numpy)
