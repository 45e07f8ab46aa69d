"""Where Winograd's convolution is faster than the direct one.

Costs are counted in the direct convolution's products, with C and K channels:

    direct     9 C K                      per pixel of the output
    Winograd   45 (C K + 7 (C + K))       per tile: 36 products, which run at four
                                          fifths of the direct ones' speed, and the
                                          transforms of its channels
               2500 C K                   for the weights, which one kernel writes and
                                          all threads read from a far cache; 1000 where
                                          each thread transforms its own
               2,000,000                  for one kernel more

Measured with two threads of an AVX-512 server over 16 to 512 channels, 4 to 56 pixels
and 1 to 32 images: what the rule takes was 1.1 to 2.8 times as fast, what it leaves out
at most 1.3 times. A thread has the same share of all of it.
"""

from __future__ import annotations

from math import prod

from .convolution import ConvolutionSpec
from .tile import ceil_div
from .winograd_forms import OUT
from .winograd_plan import is_far

__all__ = ["winograd_fits", "winograd_pays"]

_TILE, _CHANNEL = 45, 7
_SHARED, _OWN, _KERNEL = 2500, 1000, 2_000_000


def winograd_fits(spec: ConvolutionSpec) -> bool:
    """Return whether Winograd's kernels compute a convolution."""
    return (
        spec.kernel == (3, 3)
        and spec.stride == spec.dilation == (1, 1)
        and spec.groups == 1
        and not spec.strides
    )


def winograd_pays(spec: ConvolutionSpec, backward: bool = False) -> bool:
    """Return whether they do it faster: forwards, or the gradient of the input."""
    if not winograd_fits(spec):
        return False
    sizes = spec.sizes if backward else spec.out_sizes
    each = prod(ceil_div(size, OUT) for size in sizes)
    weights, channels = spec.inputs * spec.outputs, spec.inputs + spec.outputs
    tiles = spec.batch * each * (weights + _CHANNEL * channels)
    far = is_far(weights * spec.dtype.itemsize, each)
    turning = (_OWN if far else _SHARED) * weights + _KERNEL
    return _TILE * tiles + turning < 9 * spec.batch * prod(sizes) * weights
