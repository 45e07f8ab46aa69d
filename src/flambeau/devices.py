"""The one device there is, and a clear word about the others."""

from __future__ import annotations

__all__ = ["check_device", "device"]


# What torch can be built for. To name one is fine; to put a tensor on it is not.
_TYPES = (
    *("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve"),
    *("fpga", "maia", "xla", "lazy", "vulkan", "mps", "meta", "hpu", "mtia"),
    "privateuseone",
)


class device:
    """The name of a device. Only on the CPU can there be tensors.

    Args:
        type: "cpu", or "cpu:0", or another device.
        index: the device's number, 0 or None.

    Raises:
        RuntimeError: no device that torch knows.

    Source: torch's page "torch.device".

    Example:
        >>> import flambeau as torch
        >>> torch.device("cpu")
        device(type='cpu')
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(
        self, type: str | int | device = "cpu", index: int | None = None
    ) -> None:
        if isinstance(type, device):
            index = type.index
            type = type.type
        elif isinstance(type, int):
            type = f"cuda:{type}"
        name, _, number = str(type).partition(":")
        if name not in _TYPES or (number and not number.isdigit()):
            raise RuntimeError(
                f"Expected one of {', '.join(_TYPES)} device type at start of device "
                f"string: {type}"
            )
        self.type = name
        self.index = int(number) if number else index

    def __enter__(self) -> device:
        check_device(self)
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing: new tensors are on the CPU anyway."""

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


def check_device(wanted: str | int | device | None) -> None:
    """Raise where something other than the CPU is asked for.

    Raises:
        RuntimeError: another device, or none that torch knows.
    """
    if wanted is not None and device(wanted).type != "cpu":
        raise RuntimeError(
            f"device {str(wanted)!r}: flambeau runs on the CPU only; use "
            'device("cpu"). Code that asks torch.cuda.is_available() gets False.'
        )
