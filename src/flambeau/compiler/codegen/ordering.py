"""In which order expressions are computed beside vectors that wait in registers.

    moved = moved * a + gradient
    weight = weight - moved * b

LLVM reads all operands first. Where registers are too few for that, each operand is
read just before it is used, and a result is stored as soon as it may be: it may lie
where one of the operands does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from .loops import Apply, Expression, Given, Load, Store

__all__ = ["Formula", "Step"]

Step = int | Store
"""An expression to compute, by its position, or a store."""


@dataclass(frozen=True)
class Formula:
    """What is computed of a given vector.

    Attributes:
        expressions: each uses earlier ones only.
        stores: what is written.
        kept: which expressions are needed afterwards.
        sizes: how many registers each expression takes.
    """

    expressions: Sequence[Expression]
    stores: Sequence[Store]
    kept: Collection[int]
    sizes: Sequence[int]

    def freely(self, shared: Collection[int]) -> int:
        """Return how many registers are taken if all operands are read first.

        Args:
            shared: which expressions stay for other vectors.
        """
        first = sorted(self._places, key=self._is_computed)
        return self.registers([*first, *self.stores], shared)

    @cached_property
    def frugal(self) -> list[Step]:
        """The steps in an order that takes few registers.

        What is stored may have to wait until other operands are read, so it can be
        better to read those first.
        """
        ways = [self._late(first) for first in ((), sorted(self._overwritten))]
        return min(ways, key=self.registers)

    def registers(self, steps: Sequence[Step], shared: Collection[int] = ()) -> int:
        """Return how many registers the steps take, that of the given vector included.

        A result may take the place of what is read for the last time.
        """
        numbered = list(enumerate(steps))
        last = {at: number for number, step in numbered for at in self._of(step)}
        staying = {*self.kept, *shared}
        given = [at for at in self._places if isinstance(self.expressions[at], Given)]
        alive = most = sum(self.sizes[at] for at in given)
        for number, step in numbered:
            ends = {at for at in self._of(step) if last[at] == number} - staying
            alive -= sum(self.sizes[at] for at in ends)
            if isinstance(step, int) and step not in given:
                alive += self.sizes[step]
            most = max(most, alive)
        return most

    @property
    def _places(self) -> range:
        return range(len(self.expressions))

    def _is_computed(self, at: int) -> bool:
        return isinstance(self.expressions[at], Apply)

    @property
    def _overwritten(self) -> set[int]:
        """The operands that lie as results do, which may be written over them."""
        places = {(store.start, store.steps) for store in self.stores}
        return {
            at
            for at, each in enumerate(self.expressions)
            if isinstance(each, Load) and (each.start, each.steps) in places
        }

    def _of(self, step: Step) -> Sequence[int]:
        """Which expressions a step reads, each once."""
        if isinstance(step, Store):
            return (step.expression,)
        each = self.expressions[step]
        return tuple(dict.fromkeys(each.arguments)) if isinstance(each, Apply) else ()

    def _late(self, first: Sequence[int]) -> list[Step]:
        """The steps, some first, any other one when it is needed.

        Of an expression's arguments the one comes first that takes the most registers.
        """
        needs, waiting, before = self._needs(), list(self.stores), self._overwritten
        results = {*self.kept, *(store.expression for store in waiting)}
        left = [*sorted(results, reverse=True), *reversed(first)]
        done, steps = set[int](), list[Step]()
        while left:
            missing = set(self._of(left[-1])) - done
            if left[-1] not in done and missing:
                left += sorted(missing, key=lambda at: (needs[at], at))
                continue
            at = left.pop()
            if at in done:
                continue
            done.add(at)
            steps.append(at)
            if before <= done:
                steps += [each for each in waiting if each.expression in done]
                waiting = [each for each in waiting if each.expression not in done]
        return [*steps, *waiting]

    def _needs(self) -> list[int]:
        """How many registers each expression takes if it is computed alone."""
        found: list[int] = []
        for at, each in enumerate(self.expressions):
            parts = sorted((found[part] for part in self._of(at)), reverse=True)
            most = max((need + held for held, need in enumerate(parts)), default=1)
            found.append(0 if isinstance(each, Given) else most)
        return found
