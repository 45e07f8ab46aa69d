"""Models in several processes, which are out of scope."""

from __future__ import annotations

from typing import Any

from ..module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Say that there is one process.

    Programs that ask `torch.distributed.is_available()` do not get here.

    Args:
        module: the module.
        options: what torch takes.

    Raises:
        RuntimeError: always.
    """

    def __init__(self, module: Module, *options: Any, **more: Any) -> None:
        raise RuntimeError(
            "DistributedDataParallel: several processes are out of scope; use the "
            "module itself, which runs on all CPUs. Code that asks "
            "torch.distributed.is_available() gets False."
        )
