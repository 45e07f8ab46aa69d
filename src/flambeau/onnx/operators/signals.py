"""Windows and Fourier's transforms; complex numbers are pairs in the last dimension."""

from __future__ import annotations

from collections.abc import Callable

import flambeau as fl

from ... import fft
from ...tensor import Tensor
from .call import Call, operator
from .types import dtype_of

__all__: list[str] = []


def _window(make: Callable[..., Tensor]) -> Callable[[Call], Tensor]:
    """The operator of a window, whose size is a number known before the model runs."""

    def compute(call: Call) -> Tensor:
        kind = dtype_of(call.get("output_datatype", 1))
        (size,) = call.numbers(0)
        made = make(size, periodic=bool(call.get("periodic", 1)), dtype=fl.float64)
        return made.to(kind)

    return compute


def _hamming(size: int, *, periodic: bool, dtype: fl.dtype) -> Tensor:
    # ONNX has the exact fractions, torch 0.54 and 0.46
    return fl.hamming_window(size, periodic, 25 / 46, 21 / 46, dtype=dtype)


operator("HannWindow")(_window(fl.hann_window))
operator("HammingWindow")(_window(_hamming))
operator("BlackmanWindow")(_window(fl.blackman_window))


@operator("DFT")
def dft(call: Call) -> Tensor:
    """Transform one dimension, forward or back."""
    x, inverse = call[0], bool(call.get("inverse", 0))
    is_late = call.opset >= 20  # before, the axis was an attribute and counted from 1
    axis = call.numbers(2)[0] if is_late and call.has(2) else call.get("axis")
    axis = (-2 if is_late else 1) if axis is None else axis
    axis = axis % x.ndim
    size = call.numbers(1)[0] if call.has(1) else None
    if call.get("onesided", 0):
        if inverse:
            return fft.irfft(fl.view_as_complex(x), size, axis).unsqueeze(-1)
        return fl.view_as_real(fft.rfft(x[..., 0], size, axis))
    numbers = x[..., 0] if x.shape[-1] == 1 else fl.view_as_complex(x)
    transform = fft.ifft if inverse else fft.fft
    return fl.view_as_real(transform(numbers, size, axis))


@operator("STFT")
def stft(call: Call) -> Tensor:
    """Transform the pieces of signals (N, T, 1 or 2), which are not extended."""
    x, window = call[0], call.optional(2)
    (hop,) = call.numbers(1)
    size = call.numbers(3)[0] if call.has(3) else None
    if size is None:
        if window is None:
            raise ValueError("onnx: STFT needs a window or a frame_length")
        size = window.shape[0]
    numbers = x[..., 0] if x.shape[-1] == 1 else fl.view_as_complex(x)
    spectra = fl.stft(
        numbers,
        size,
        hop,
        size if window is None else window.shape[0],
        window,
        center=False,
        onesided=bool(call.get("onesided", 1)) and not numbers.is_complex(),
        return_complex=True,
    )
    return fl.view_as_real(spectra.transpose(1, 2))
