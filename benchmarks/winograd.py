"""Winograd's convolutions beside direct ones, both as kernels alone."""

from __future__ import annotations

from functools import partial

from flambeau.compiler.codegen.winograd import (
    winograd_convolution,
    winograd_input_gradient,
)

from .case import Case, compare
from .convolutions import DIRECT, Convolution, Make, cases_of
from .results import Figure, Row
from .settings import Settings

__all__ = ["PASSES", "cases"]

PASSES: dict[str, Make] = {
    "forward": winograd_convolution,
    "input_gradient": winograd_input_gradient,
}
"""What makes the kernels of each pass, by its name."""

_CHANNELS = (64, 128, 256)
_PIXELS = (14, 28, 56)
_BATCH = 8
_TIMES_DIRECT = 1.6


def cases() -> list[Case]:
    """Return a case for each pass and size."""
    jobs = [Convolution(each, size, _BATCH) for each in _CHANNELS for size in _PIXELS]
    return cases_of("winograd", PASSES, jobs, _measure)


def _measure(
    name: str, which: str, job: Convolution, settings: Settings
) -> list[Row | Figure]:
    import torch

    contenders = {
        "flambeau Winograd": partial(job.kernels, which, PASSES[which]),
        "direct": partial(job.kernels, which, DIRECT[which]),
    }
    row = compare(
        name,
        job.flops,
        contenders,
        job.torch(which, torch.float64, False).answer(),
        job.torch(which, torch.float32, False).answer(),
        settings,
        floor=_TIMES_DIRECT,
    )
    return [row]
