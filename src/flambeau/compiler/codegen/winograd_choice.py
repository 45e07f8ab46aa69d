"""Where Winograd's convolution is faster than the direct one.

Costs are counted in the direct convolution's products, with C and K channels:

    direct    9 C K                       per pixel of the output
    forward, input gradient
              45 C K + 300 (C + K)        per tile: 36 products, which run at four
                                          fifths of the direct ones' speed, and the
                                          transforms of its channels
              2500 C K                    for the weights, which one kernel writes and
                                          all threads read from a far cache; 1000 where
                                          each thread transforms its own
    weight gradient
              55 C K + 1000 (C + K)       per tile: transformed tiles are written to a
                                          far cache and read again
              300 max(C K, 65536)         for the sums of all parts
    each      2,000,000                   for one kernel more

Measured with two threads of an AVX-512 server over 16 to 512 channels, 4 to 56 pixels
and 1 to 32 images: what the rule takes was 1.1 to 2.8 times as fast, what it leaves out
at most 1.3 times. A thread has the same share of all of it.

The rule is asked for a usual number of images, unless there are few, so that a batch
that is shorter than others needs no code of its own.
"""

from __future__ import annotations

from enum import Enum
from math import prod

from .convolution import ConvolutionSpec
from .tile import ceil_div
from .winograd_forms import OUT
from .winograd_plan import is_far

__all__ = ["Pass", "winograd_fits", "winograd_pays"]

_KERNEL = 2_000_000
_FEW = 8  # images below which their number decides
_USUAL = 32
_LEAST_SUMS = 65_536


class Pass(Enum):
    """What is computed: a pass's cost of a tile, per product and per channel."""

    FORWARD = (45, 300, "forward")
    INPUT = (45, 300, "input gradient")
    WEIGHT = (55, 1000, "weight gradient")


def winograd_fits(spec: ConvolutionSpec) -> bool:
    """Return whether Winograd's kernels compute a convolution."""
    return (
        spec.kernel == (3, 3)
        and spec.stride == spec.dilation == (1, 1)
        and spec.groups == 1
        and not spec.strides
    )


def winograd_pays(spec: ConvolutionSpec, which: Pass) -> bool:
    """Return whether they compute a pass of it faster than the direct ones."""
    if not winograd_fits(spec):
        return False
    sizes = spec.sizes if which is Pass.INPUT else spec.out_sizes
    each = prod(ceil_div(size, OUT) for size in sizes)
    weights, channels = spec.inputs * spec.outputs, spec.inputs + spec.outputs
    product, channel, _ = which.value
    batch = spec.batch if spec.batch < _FEW else _USUAL
    cost = batch * each * (product * weights + channel * channels) + _KERNEL
    if which is Pass.WEIGHT:
        cost += 300 * max(weights, _LEAST_SUMS)
    elif is_far(weights * spec.dtype.itemsize, each):
        cost += 1000 * weights
    else:
        cost += 2500 * weights
    return cost < 9 * batch * prod(sizes) * weights
