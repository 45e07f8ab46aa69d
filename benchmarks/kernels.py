"""Direct 3x3 convolutions alone, in all three passes, beside torch."""

from __future__ import annotations

from functools import partial

from .case import Case, compare
from .convolutions import DIRECT, Convolution, cases_of
from .results import Figure, Row
from .settings import Settings

__all__ = ["cases"]

_SIZES = ((64, 56), (128, 28), (256, 14), (512, 7))  # channels and pixels in ResNets
_BATCH = 8
_OF_PEAK = 0.8


def cases() -> list[Case]:
    """Return a case for each pass and size."""
    jobs = [Convolution(*size, _BATCH) for size in _SIZES]
    return cases_of("kernels", DIRECT, jobs, _measure)


def _measure(
    name: str, which: str, job: Convolution, settings: Settings
) -> list[Row | Figure]:
    import torch

    peers = {
        "torch eager": partial(job.torch, which, torch.float32, False),
        "torch channels-last": partial(job.torch, which, torch.float32, True),
    }
    own = {"flambeau": partial(job.kernels, which, DIRECT[which])}
    row = compare(
        name,
        job.flops,
        {**own, **peers},
        job.torch(which, torch.float64, False).answer(),
        peers["torch eager"]().answer(),
        settings,
        of_peak=_OF_PEAK,
    )
    return [row]
