"""Copying much memory on all threads, past the caches.

What is copied is not read again soon. Stores that go around the caches spare the CPU
reading what they overwrite: a third of all that moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from .engine import Code, engine
from .memory import ALIGNMENT
from .team import STEP, run_steps

__all__ = ["can_copy", "copy_memory"]

_CHUNK = 256 << 10  # bytes that a thread copies at a time
_UNROLLED = 4  # vectors

# The table of a step: where to write, at a multiple of ALIGNMENT, where to read, and
# how many bytes.
_IR = """
define void @flambeau_copy(ptr %table, i64 %from, i64 %to, ptr %space) {{
entry:
  %target = load ptr, ptr %table, align 8
  %source.at = getelementptr i64, ptr %table, i64 1
  %source = load ptr, ptr %source.at, align 8
  %size.at = getelementptr i64, ptr %table, i64 2
  %size = load i64, ptr %size.at, align 8
  %begin = mul i64 %from, {CHUNK}
  %last = mul i64 %to, {CHUNK}
  %whole = icmp ult i64 %last, %size
  %end = select i1 %whole, i64 %last, i64 %size
  %length = sub i64 %end, %begin
  %rest = urem i64 %length, {STRIDE}
  %middle = sub i64 %end, %rest
  br label %vectors
vectors:
  %at = phi i64 [%begin, %entry], [%at.next, %vector]
  %more = icmp ult i64 %at, %middle
  br i1 %more, label %vector, label %bytes
vector:
{moves}
  %at.next = add i64 %at, {STRIDE}
  br label %vectors
bytes:
  %i = phi i64 [%middle, %vectors], [%i.next, %byte]
  %some = icmp ult i64 %i, %end
  br i1 %some, label %byte, label %done
byte:
  %byte.from = getelementptr i8, ptr %source, i64 %i
  %byte.to = getelementptr i8, ptr %target, i64 %i
  %value = load i8, ptr %byte.from
  store i8 %value, ptr %byte.to
  %i.next = add i64 %i, 1
  br label %bytes
done:
  fence seq_cst
  ret void
}}

!0 = !{{i32 1}}
"""
_MOVE = """
  %at.{n} = add i64 %at, {offset}
  %from.{n} = getelementptr i8, ptr %source, i64 %at.{n}
  %to.{n} = getelementptr i8, ptr %target, i64 %at.{n}
  %value.{n} = load <{width} x i8>, ptr %from.{n}, align 1
  store <{width} x i8> %value.{n}, ptr %to.{n}, align {width}, !nontemporal !0"""


def can_copy() -> bool:
    """Whether kernels run in this process already: else the first costs a start."""
    return engine.cache_info().currsize > 0


def copy_memory(parts: Iterable[tuple[int, int, int]]) -> None:
    """Copy ranges of memory that do not overlap.

    Args:
        parts: of each the address to write to, a multiple of `ALIGNMENT`, the address
            to read from and the number of bytes.
    """
    tables = np.array(list(parts), np.uint64).reshape(-1, 3)
    steps = np.zeros(len(tables), STEP)
    steps["function"] = _code().addresses["flambeau_copy"]
    steps["table"] = tables.ctypes.data + tables.strides[0] * np.arange(len(tables))
    steps["chunks"] = -(-tables[:, 2].astype(np.int64) // _CHUNK)
    run_steps(steps)


@lru_cache(maxsize=1)
def _code() -> Code:
    return engine().link(engine().compile(_text(engine().target.vector_bytes)), _NAMES)


_NAMES = ["flambeau_copy"]


def _text(width: int) -> str:
    """The kernel for vectors of so many bytes."""
    assert ALIGNMENT % width == 0
    moves = [_MOVE.format(n=n, offset=n * width, width=width) for n in range(_UNROLLED)]
    return _IR.format(
        CHUNK=_CHUNK, STRIDE=_UNROLLED * width, moves="".join(moves).lstrip("\n")
    )
