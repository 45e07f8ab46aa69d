"""Models on several devices; torch's `torch.nn.parallel`. There is one device."""

from .data_parallel import DataParallel

__all__ = ["DataParallel"]
