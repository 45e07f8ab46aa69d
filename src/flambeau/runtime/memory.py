"""Memory for kernels: aligned, so that vectors never straddle cache lines."""

from __future__ import annotations

import numpy as np

__all__ = ["ALIGNMENT", "aligned"]

ALIGNMENT = 64


def aligned(size: int) -> np.ndarray:
    """Return `size` zeroed bytes that start at a multiple of `ALIGNMENT`."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]
