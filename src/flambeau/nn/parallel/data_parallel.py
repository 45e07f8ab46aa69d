"""DataParallel, with the one device there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...devices import check_device
from ...devices import device as Device
from ..module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """Run a module on several GPUs, of which there are none: run it as it is.

    The paths of the parameters begin with "module.", as those of torch.

    Args:
        module: the module.
        device_ids: None, or no devices.
        output_device: None.
        dim: the dimension of the batch.

    Shape: as the module.

    Raises:
        RuntimeError: a device other than the CPU.

    Source: torch's page "torch.nn.DataParallel".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> model = nn.DataParallel(nn.Linear(2, 1))
        >>> list(model.state_dict())
        ['module.weight', 'module.bias']
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[int | Device] | None = None,
        output_device: int | Device | None = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        for each in (*(device_ids or ()), output_device):
            check_device(f"cuda:{each}" if isinstance(each, int) else each)
        self.module = module
        self.device_ids: list[int] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        return self.module(*inputs, **kwargs)
