"""Switches of torch's kernels for GPUs, of which there are none."""

from __future__ import annotations

from types import SimpleNamespace

__all__ = [
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "is_built",
    "math_sdp_enabled",
    "matmul",
    "mem_efficient_sdp_enabled",
]

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    fp32_precision="none",
)


def is_built() -> bool:
    """Return False."""
    return False


def enable_flash_sdp(enabled: bool) -> None:
    """Do nothing: attention has one way to be computed."""


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Do nothing: attention has one way to be computed."""


def enable_math_sdp(enabled: bool) -> None:
    """Do nothing: attention has one way to be computed."""


def flash_sdp_enabled() -> bool:
    """Return False."""
    return False


def mem_efficient_sdp_enabled() -> bool:
    """Return False."""
    return False


def math_sdp_enabled() -> bool:
    """Return True."""
    return True
