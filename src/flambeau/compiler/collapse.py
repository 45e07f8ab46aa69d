"""Pass: merge neighbouring dimensions of a loop that all its buffers walk as one.

    (64, 32, 32) with steps (1024, 32, 1) everywhere   ->   (65536,) with step (1,)

Dimensions of size 1 are left out. Of a reduction only kept dimensions merge with kept
ones, and reduced ones with reduced ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from .codegen.loops import Expression, Load, Lookup, LoopSpec, Store
from .codegen.reduction import ReduceSpec

__all__ = ["collapse", "collapse_reduction"]

_KEPT, _REDUCED, _LAST = range(3)
_Access = TypeVar("_Access", bound=Expression | Store)


def collapse(spec: LoopSpec) -> LoopSpec:
    """Return the same loop with as few dimensions as possible, at least one."""
    walk = _Walk(spec.sizes, [_KEPT] * len(spec.sizes))
    walk.merge([*spec.expressions, *spec.stores])
    if not walk.sizes:
        walk.append(1, _KEPT)
    return LoopSpec(
        tuple(walk.sizes),
        tuple(walk.renewed(each) for each in spec.expressions),
        tuple(walk.renewed(each) for each in spec.stores),
    )


def collapse_reduction(spec: ReduceSpec) -> ReduceSpec:
    """Return the same reduction with as few dimensions as possible.

    There is always a reduced one.
    """
    reduced = len(spec.sizes) - spec.kept - spec.last_kept
    sections = [_KEPT] * spec.kept + [_REDUCED] * reduced + [_LAST] * spec.last_kept
    walk = _Walk(spec.sizes, sections)
    walk.merge(spec.expressions)
    kept, last_kept = walk.sections.count(_KEPT), _LAST in walk.sections
    if _REDUCED not in walk.sections:
        walk.append(1, _REDUCED, kept)
    return replace(
        spec,
        sizes=tuple(walk.sizes),
        kept=kept,
        last_kept=last_kept,
        expressions=tuple(walk.renewed(each) for each in spec.expressions),
    )


class _Walk:
    """The dimensions of a domain, each a run of neighbouring original ones.

    Attributes:
        sizes: of the dimensions, outermost first.
        sections: what each one is; those of different sections never merge.
    """

    def __init__(self, sizes: Sequence[int], sections: Sequence[int]) -> None:
        kept = [at for at, size in enumerate(sizes) if size != 1]
        self.sizes = [sizes[at] for at in kept]
        self.sections = [sections[at] for at in kept]
        self._origins: list[int | None] = [*kept]  # whose step a dimension has

    def merge(self, accesses: Sequence[Expression | Store]) -> None:
        """Merge what all accesses walk as one."""
        walked = [
            each.steps for each in accesses if isinstance(each, (Load, Lookup, Store))
        ]
        at = len(self.sizes) - 2
        while at >= 0:
            outer, inner, size = *self._origins[at : at + 2], self.sizes[at + 1]
            same = self.sections[at] == self.sections[at + 1]
            if same and all(each[outer] == each[inner] * size for each in walked):  # type: ignore[index]
                self.sizes[at] *= self.sizes.pop(at + 1)
                self._origins[at] = self._origins.pop(at + 1)
                del self.sections[at + 1]
            at -= 1

    def append(self, size: int, section: int, place: int = 0) -> None:
        """Add a dimension along which nothing moves."""
        self.sizes.insert(place, size)
        self.sections.insert(place, section)
        self._origins.insert(place, None)

    def renewed(self, access: _Access) -> _Access:
        """Return an access with its steps along these dimensions."""
        if not isinstance(access, (Load, Lookup, Store)):
            return access
        steps = tuple(0 if at is None else access.steps[at] for at in self._origins)
        return replace(access, steps=steps)
