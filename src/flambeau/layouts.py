"""How tensors may lie in memory, as torch names it; the compiler decides by itself."""

from __future__ import annotations

__all__ = [
    "channels_last",
    "channels_last_3d",
    "contiguous_format",
    "layout",
    "memory_format",
    "preserve_format",
    "strided",
]


class _Named:
    """A constant that is printed by torch's name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(_Named):
    """An order of the elements in memory. To ask for one is to ask for nothing.

    Shapes and strides are always those of row-major order; inside of a plan the
    compiler chooses the order that its kernels are fastest in.

    Source: torch's page "torch.memory_format".
    """


class layout(_Named):
    """A way to store a tensor: only `strided`, which is dense.

    Source: torch's page "torch.layout".
    """


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
