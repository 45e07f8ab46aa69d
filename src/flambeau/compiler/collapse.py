"""Pass: merge neighbouring dimensions of a loop that all buffers walk as one.

(64, 32, 32) with steps (1024, 32, 1) everywhere   ->   (65536,) with step (1,)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .codegen.loops import Load, Lookup, LoopSpec, Store

__all__ = ["collapse"]


def collapse(spec: LoopSpec) -> LoopSpec:
    """Return the same loop with as few dimensions as possible, at least one."""
    accesses = [
        each
        for each in (*spec.expressions, *spec.stores)
        if isinstance(each, (Load, Lookup, Store))
    ]
    sizes, steps = _drop_ones(spec.sizes, [each.steps for each in accesses])
    at = len(sizes) - 2
    while at >= 0:
        if all(each[at] == each[at + 1] * sizes[at + 1] for each in steps):
            sizes[at] *= sizes.pop(at + 1)
            for each in steps:
                each[at] = each.pop(at + 1)
        at -= 1
    merged = {
        id(access): tuple(each) for access, each in zip(accesses, steps, strict=True)
    }

    def renewed(each: Any) -> Any:
        return replace(each, steps=merged[id(each)]) if id(each) in merged else each

    return LoopSpec(
        tuple(sizes),
        tuple(renewed(each) for each in spec.expressions),
        tuple(renewed(each) for each in spec.stores),
    )


def _drop_ones(
    sizes: tuple[int, ...], steps: list[tuple[int, ...]]
) -> tuple[list[int], list[list[int]]]:
    """Leave out dimensions of size 1; one dimension always stays."""
    kept = [at for at, size in enumerate(sizes) if size != 1]
    if not kept:
        return [1], [[1] for _ in steps]
    return [sizes[at] for at in kept], [[each[at] for at in kept] for each in steps]
