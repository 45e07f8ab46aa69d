"""Kernels with their buffers, ready to run: what is measured below the tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compiler.codegen.kernel import Kernel
from ..runtime.engine import engine
from ..runtime.team import STEP, run_steps

__all__ = ["Loaded"]


class Loaded:
    """Kernels that run one after the other on the thread team.

    Args:
        stages: each kernel, and the buffers its table names.
    """

    def __init__(self, *stages: tuple[Kernel, Sequence[np.ndarray]]) -> None:
        self.kernels = [kernel for kernel, _ in stages]
        self._buffers = [buffers for _, buffers in stages]
        self._codes = [engine().function(kernel) for kernel in self.kernels]
        self._tables = [
            np.array([each.ctypes.data for each in buffers], np.uint64)
            for buffers in self._buffers
        ]
        self._workspace = max(each.workspace for each in self.kernels)
        self._steps = np.zeros(len(stages), STEP)
        each = zip(self.kernels, self._codes, self._tables)
        for at, (kernel, code, table) in enumerate(each):
            address = code.addresses[kernel.name]
            self._steps[at] = (address, table.ctypes.data, kernel.chunks)

    @property
    def flops(self) -> int:
        """The floating-point operations of a run."""
        return sum(each.flops for each in self.kernels)

    @property
    def moved(self) -> int:
        """The bytes that a run reads and writes."""
        return sum(each.moved for each in self.kernels)

    def __call__(self) -> None:
        """Run them all."""
        run_steps(self._steps, self._workspace)
