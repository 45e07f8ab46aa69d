"""The CPU that kernels are compiled for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Target", "host"]

_ARM = ("aarch64", "arm64")  # how triples of 64-bit ARM begin


@dataclass(frozen=True)
class Target:
    """What code generation must know of a CPU.

    Attributes:
        triple: LLVM's name of architecture, vendor and system.
        cpu: LLVM's name of the CPU.
        features: LLVM's list of what it can do.
        vector_bytes: the width of its vector registers.
        vector_registers: how many it has.
    """

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    vector_registers: int

    def lanes(self, itemsize: int) -> int:
        """Return how many elements of `itemsize` bytes a vector register holds."""
        return self.vector_bytes // itemsize

    @property
    def is_x86(self) -> bool:
        """Whether this is an x86-64 CPU."""
        return self.triple.startswith("x86_64")

    @property
    def has_many_registers(self) -> bool:
        """Whether sums and what several steps read have room in registers together."""
        return self.vector_registers >= 32

    @property
    def has_masks(self) -> bool:
        """Whether masks have registers of their own."""
        return self.is_x86 and self.has_many_registers

    @property
    def branches_on_masks(self) -> bool:
        """Whether LLVM branches on each lane, for want of instructions with masks."""
        return not (self.is_x86 and self._has("avx"))

    @property
    def mask_registers(self) -> int:
        """How many vector registers a mask takes, and what it is made of.

        These are the numbers of the lanes. Beside branches one lane is on its way.
        """
        if self.has_masks:
            return 0
        return 1 if self.branches_on_masks else 2

    @property
    def rereads_numbers(self) -> bool:
        """Whether numbers of long formulas are best read again wherever they are used.

        Where there are masks, registers suffice and instructions read one number for
        all lanes.
        """
        return not self.has_masks

    @property
    def register_class(self) -> str:
        """The letter by which LLVM's constraints call vector registers, if known."""
        if self.is_x86:
            return "v"
        return "w" if self.triple.startswith(_ARM) else ""

    @property
    def rounds(self) -> bool:
        """Whether it has an instruction that rounds to a whole number."""
        return not self.is_x86 or self._has("sse4.1") or self._has("avx")

    @property
    def folds_numbers(self) -> bool:
        """Whether multiply-adds read a number from memory themselves."""
        return self.is_x86 and self.has_fma

    @property
    def folds_broadcasts(self) -> bool:
        """Whether multiply-adds read a number for all lanes from memory themselves.

        Such instructions came together with registers for masks.
        """
        return self.has_masks

    @property
    def has_fma(self) -> bool:
        """Whether it multiplies and adds in one step, rounded once."""
        return not self.is_x86 or self._has("fma")

    def _has(self, feature: str) -> bool:
        """Whether LLVM was told that the CPU has a feature."""
        return f"+{feature}" in self.features.split(",")


@lru_cache(maxsize=1)
def host() -> Target:
    """Return this machine's CPU."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    width, registers = _vectors(triple, features)
    return Target(
        triple, llvm.get_host_cpu_name(), features.flatten(), width, registers
    )


def _vectors(triple: str, features: dict[str, bool]) -> tuple[int, int]:
    """The width in bytes and number of vector registers."""
    if triple.startswith("x86_64"):
        if features.get("avx512f") and features.get("avx512vl"):
            return 64, 32
        return (32, 16) if features.get("avx2") else (16, 16)
    return (16, 32) if triple.startswith(_ARM) else (16, 16)
