"""Rounding to whole numbers, also for CPUs that have no instruction for it.

LLVM would call the C library for every lane there. Beside 2 to the power of their
number of digits floats have no fraction, so adding that and taking it away again rounds
to the nearest whole number.
"""

from __future__ import annotations

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder

__all__ = ["rounded"]

_WHOLE = {dt.float32: 2.0**23, dt.float64: 2.0**52}  # from here on all floats are


def rounded(k: KernelBuilder, how: str, kind: dt.dtype, x: ir.Value) -> ir.Value:
    """Return a whole number near x; halves go to the even one.

    Args:
        k: where the instructions go.
        how: "rint", "floor", "ceil" or "trunc".
        kind: the dtype.
        x: a float.
    """
    if k.target.rounds:
        return k.intrinsic(how, x)
    b, lanes = k.b, x.type.count if isinstance(x.type, ir.VectorType) else 1
    size, most = k.size(x, kind), k.coefficient(_WHOLE[kind], kind, lanes)
    near = b.fsub(b.fadd(size, most), most)
    if how == "trunc":
        near = _stepped(k, kind, near, b.fcmp_ordered(">", near, size), -1)
    near = k.signed(near, x, kind)
    if how == "floor":
        near = _stepped(k, kind, near, b.fcmp_ordered(">", near, x), -1)
    elif how == "ceil":
        near = _stepped(k, kind, near, b.fcmp_ordered("<", near, x), 1)
    small = b.fcmp_ordered("<", size, most)  # neither infinite nor NaN
    return k.signed(b.select(small, near, x), x, kind)


def _stepped(
    k: KernelBuilder, kind: dt.dtype, x: ir.Value, where: ir.Value, step: int
) -> ir.Value:
    """Add a step to x where a condition holds."""
    lanes = x.type.count if isinstance(x.type, ir.VectorType) else 1
    one, none = (k.constant(each, kind, lanes) for each in (step, 0))
    return k.b.fadd(x, k.b.select(where, one, none))
