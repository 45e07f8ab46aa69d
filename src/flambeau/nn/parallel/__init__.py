"""Models on several devices; torch's `torch.nn.parallel`. There is one device."""

from .data_parallel import DataParallel
from .distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel"]
