"""What the CPU can do."""

from __future__ import annotations

from ..runtime.target import host

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """Return the widest vectors that kernels use: "AVX512", "AVX2" or "DEFAULT"."""
    wide = {64: "AVX512", 32: "AVX2"}
    return wide.get(host().vector_bytes, "DEFAULT")
