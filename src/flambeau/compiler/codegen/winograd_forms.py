"""The one-dimensional transforms of Winograd's convolution F(4, 3).

Four outputs of a correlation with three taps are six products of transformed numbers:

    y = AT ((G g) * (BT d))        d: 6 inputs, g: 3 taps, y: 4 outputs

The gradient of the taps is the same with the roles exchanged, F(3, 4):

    g = GT ((A y) * (BT d))        y: gradients of 4 outputs

The products are values of polynomials at the points 0, ±sqrt(1/2), ±sqrt(2) and
infinity. Opposite points share their sums of even and of odd powers; so do the
transposed forms, and every form is done in groups of rows that share them.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015; the
points, whose rounding errors are less than half of those of 0, ±1, ±2, are ncnn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder

__all__ = ["A", "AT", "BT", "G", "GT", "OUT", "POINTS", "SIZE", "Form", "transform"]

POINTS = 6  # numbers of a transformed line
OUT = 4  # outputs of a tile's line
SIZE = OUT + 2  # inputs of a tile's line

_P, _Q = sqrt(0.5), sqrt(2)
_PAIRS = ((1, 2), (3, 4))  # the opposite points

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Form:
    """A matrix that is applied to columns of vectors.

    Attributes:
        rows: the matrix.
        groups: rows that are computed together.
        turned: whether columns, not rows, belong to the points.
    """

    rows: Rows
    groups: tuple[tuple[int, ...], ...]
    turned: bool = False

    @property
    def size(self) -> int:
        """How many numbers it takes."""
        return len(self.rows[0])

    def groups_on(self, target: Target) -> tuple[tuple[int, ...], ...]:
        """Return the groups, or rows one by one if there are few vector registers."""
        alone = tuple((row,) for group in self.groups for row in group)
        return self.groups if target.has_many_registers or not self.turned else alone

    def needs(self, group: Sequence[int]) -> list[int]:
        """Return which of the numbers some rows depend on."""
        every = range(self.size)
        return [at for at in every if any(self.rows[row][at] for row in group)]


_POWERS = (
    (1, 0, 0, 0),
    (1, _P, 0.5, 0.5 * _P),
    (1, -_P, 0.5, -0.5 * _P),
    (1, _Q, 2, 2 * _Q),
    (1, -_Q, 2, -2 * _Q),
    (0, 0, 0, 1),
)
_SCALES = (1, -2 / 3, -2 / 3, 1 / 6, 1 / 6, 1)  # 1 / products of the points' distances
_TAPS = tuple(
    tuple(scale * each for each in powers)
    for scale, powers in zip(_SCALES, (*(row[:3] for row in _POWERS[:-1]), (0, 0, 1)))
)
_BY_POINT = ((0,), *_PAIRS, (5,))

A = Form(_POWERS, _BY_POINT)
AT = Form(tuple(zip(*_POWERS)), ((0, 2), (1, 3)), turned=True)
G = Form(_TAPS, _BY_POINT)
GT = Form(tuple(zip(*_TAPS)), ((0, 2), (1,)), turned=True)
BT = Form(
    (
        (1, 0, -2.5, 0, 1, 0),
        (0, -_Q, -2, _P, 1, 0),
        (0, _Q, -2, -_P, 1, 0),
        (0, -_P, -0.5, _Q, 1, 0),
        (0, _P, -0.5, -_Q, 1, 0),
        (0, 1, 0, -2.5, 0, 1),
    ),
    _BY_POINT,
)

Vectors = list[ir.Value]


def transform(
    kernel: KernelBuilder,
    form: Form,
    kind: dt.dtype,
    load: Callable[[int, int], ir.Value],
    store: Callable[[list[tuple[int, int, ir.Value]]], None],
    groups: Sequence[tuple[int, ...]] = (),
) -> None:
    """Apply a form to both dimensions of a square of vectors.

    What a group of rows needs is loaded for that group, and points are stored as soon
    as they are computed, so that all vectors fit into registers.

    Args:
        kernel: where the instructions go.
        form: the matrix F; the result is F square FT.
        kind: the element type.
        load: returns a vector of the square.
        store: takes finished vectors, each with its row and column: points of a group
            of columns, or all that a group of rows has of other results.
        groups: which groups of rows are computed; all if empty.
    """
    sums = _Sums(kernel, kind)
    for group in groups or form.groups_on(kernel.target):
        columns = []
        for column in range(form.size):
            loaded = {row: load(row, column) for row in form.needs(group)}
            columns.append(sums.rows(form, group, loaded))
        found = []
        for at, row in enumerate(group):
            line = {j: column[at] for j, column in enumerate(columns)}
            for part in form.groups:
                done = zip(part, sums.rows(form, part, line))
                found += [(row, j, each) for j, each in done]
                if not form.turned:
                    store(found)
                    found = []
        if form.turned:
            store(sorted(found, key=lambda each: each[:2]))


class _Sums:
    """Sums of vectors times constants."""

    def __init__(self, kernel: KernelBuilder, kind: dt.dtype) -> None:
        self.kernel, self.kind = kernel, kind

    def rows(
        self, form: Form, group: Sequence[int], values: dict[int, ir.Value]
    ) -> Vectors:
        """Return some rows of a form's result; they are a group of it."""
        if form.turned:
            return self._folded(form, group, values)
        rows = [form.rows[row] for row in group]
        if len(rows) == 1:
            return [self._sum(rows[0], values)]
        even = [each if each == other else 0 for each, other in zip(*rows)]
        odd = [each if each != other else 0 for each, other in zip(*rows)]
        lead = next(each for each in reversed(odd) if each)
        shared = self._sum(even, values)
        other = self._sum([each / lead for each in odd], values)
        return [self._add(shared, factor, other) for factor in (lead, -lead)]

    def _folded(
        self, form: Form, group: Sequence[int], values: dict[int, ir.Value]
    ) -> Vectors:
        """Rows that read opposite points by their sums or their differences."""
        first, second = _PAIRS[0]
        row = form.rows[group[0]]
        sign = 1 if row[first] == row[second] else -1
        folded = {at: value for at, value in values.items() if at in (0, 5)}
        for first, second in _PAIRS:
            folded[first] = self._add(values[first], sign, values[second])
        left = [second for _, second in _PAIRS]
        return [
            self._sum(
                [0 if at in left else each for at, each in enumerate(form.rows[row])],
                folded,
            )
            for row in group
        ]

    def _sum(self, factors: Sequence[float], values: dict[int, ir.Value]) -> ir.Value:
        """Add up values times factors, beginning with one that needs no product."""
        order = [at for at, factor in enumerate(factors) if factor]
        order.sort(key=lambda at: factors[at] != 1)
        first = order[0]
        total = values[first]
        if factors[first] != 1:
            total = self.kernel.b.fmul(total, self._constant(factors[first], total))
        for at in order[1:]:
            total = self._add(total, factors[at], values[at])
        return total

    def _add(self, total: ir.Value, factor: float, value: ir.Value) -> ir.Value:
        if factor == 1:
            return self.kernel.b.fadd(total, value)
        if factor == -1:
            return self.kernel.b.fsub(total, value)
        return self.kernel.fma(value, self._constant(factor, value), total)

    def _constant(self, factor: float, like: ir.Value) -> ir.Value:
        lanes = like.type.count if isinstance(like.type, ir.VectorType) else 1
        if self.kernel.target.is_x86:  # whose instructions read it from memory
            return self.kernel.constant(factor, self.kind, lanes)
        return self.kernel.coefficient(factor, self.kind, lanes)
