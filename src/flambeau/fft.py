"""What of ``torch.fft`` is real: frequencies and their order.

The transforms themselves return complex numbers, which are out of scope.
"""

from .tensor.frequencies import fftfreq, fftshift, ifftshift, rfftfreq

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]
