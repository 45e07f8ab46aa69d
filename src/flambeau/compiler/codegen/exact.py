"""Numbers as sums of two floats, for where one is not accurate enough.

Source: T. J. Dekker, "A floating-point technique for extending the available
precision", Numerische Mathematik 18 (1971).
"""

from __future__ import annotations

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder

__all__ = ["product", "total"]

_SPLIT = {dt.float32: 4097.0, dt.float64: 134217729.0}  # 2¹² + 1, 2²⁷ + 1


def total(
    k: KernelBuilder, large: ir.Value, small: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Return the rounded sum of two floats, the first the larger, and what it lost."""
    b = k.b
    found = b.fadd(large, small)
    return found, b.fsub(small, b.fsub(found, large))


def product(
    k: KernelBuilder, kind: dt.dtype, x: ir.Value, y: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Return the rounded product of two floats, and what it lost."""
    b = k.b
    found = b.fmul(x, y)
    if k.target.has_fma:
        return found, k.intrinsic("fma", x, y, b.fneg(found))
    (x_high, x_low), (y_high, y_low) = _halves(k, kind, x), _halves(k, kind, y)
    lost = b.fsub(b.fmul(x_high, y_high), found)
    lost = b.fadd(lost, b.fmul(x_high, y_low))
    lost = b.fadd(lost, b.fmul(x_low, y_high))
    return found, b.fadd(lost, b.fmul(x_low, y_low))


def _halves(k: KernelBuilder, kind: dt.dtype, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Split a float into two with half of its digits."""
    b = k.b
    lanes = x.type.count if isinstance(x.type, ir.VectorType) else 1
    spread = b.fmul(x, k.coefficient(_SPLIT[kind], kind, lanes))
    high = b.fsub(spread, b.fsub(spread, x))
    return high, b.fsub(x, high)
