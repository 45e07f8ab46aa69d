"""The one device there is, and a clear word about the others."""

from __future__ import annotations

__all__ = ["check_device", "device"]


class device:
    """A device: only the CPU.

    Args:
        type: "cpu", or "cpu:0", or another device.
        index: the device's number, 0 or None.

    Raises:
        RuntimeError: any other device.

    Source: torch's page "torch.device".

    Example:
        >>> import flambeau as torch
        >>> torch.device("cpu")
        device(type='cpu')
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            index = type.index
            type = type.type
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise RuntimeError(
                f"device {type!r}: flambeau runs on the CPU only; use "
                'device("cpu"). Code that asks torch.cuda.is_available() gets False.'
            )
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        suffix = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{suffix})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))


def check_device(wanted: str | device | None) -> None:
    """Raise where something other than the CPU is asked for."""
    if wanted is not None and not isinstance(wanted, device):
        device(wanted)
