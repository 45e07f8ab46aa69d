"""Schedules of the learning rate; torch's ``torch.optim.lr_scheduler``.

A scheduler is stepped once per epoch (or per batch), after the optimizer. It computes
the next learning rate from the present one wherever torch does, so that schedulers can
be chained and the rates are torch's to the bit.
"""

from .base import LRScheduler
from .base import LRScheduler as _LRScheduler  # its name before torch 2
from .combined import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cyclic import CyclicLR, OneCycleLR
from .decay import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .function import LambdaLR, MultiplicativeLR
from .plateau import ReduceLROnPlateau

__all__ = [
    "LambdaLR",
    "MultiplicativeLR",
    "StepLR",
    "MultiStepLR",
    "ConstantLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "ChainedScheduler",
    "LRScheduler",
]
