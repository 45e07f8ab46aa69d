"""The short-time Fourier transform of signals, and its inverse."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes as dt
from ..ops.movement import pad_constant
from .complex_numbers import view_as_real
from .creation import from_numpy, ones
from .fourier import fft, ifft, irfft, rfft
from .handle import wrap

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["istft", "stft"]

_LEAST = 1e-11  # of the windows' sum, by which the inverse divides
_EXTENSIONS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Tensor:
    r"""Return the spectra of a signal's overlapping pieces.

    .. math:: X[k, m] = \sum_n w[n]\, x[n + m\,hop]\, e^{-2\pi i k n / n_{fft}}

    Args:
        input: (T,) or (N, T), real or complex.
        n_fft: the size of a piece.
        hop_length: from one piece to the next; a quarter of `n_fft` by default.
        win_length: the size of the window; `n_fft` by default.
        window: (win_length,), ones by default; it lies in the middle of the piece.
        center: whether the signal is extended by half a piece, so that piece m is
            around sample m hop.
        pad_mode: by what: "reflect", "replicate", "circular" or "constant", zeros.
        normalized: whether to divide by the root of `n_fft`.
        onesided: whether to leave out what the rest tells; by default if it can be.
        return_complex: True, or False for pairs of real numbers.

    Returns:
        ([N,] K, M): K frequencies of M pieces.

    Raises:
        RuntimeError: impossible sizes, or no `return_complex` for a real signal.

    Source: torch's page "torch.stft".

    Example:
        >>> import flambeau as torch
        >>> x = torch.sin(torch.arange(16) * 3.141592653589793 / 4)
        >>> torch.stft(x, 8, hop_length=4, return_complex=True).abs().argmax(0)
        tensor([0, 1, 1, 1, 0])
    """
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None and not is_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs: pass "
            "return_complex=True"
        )
    if onesided and is_complex:
        raise RuntimeError(
            "Cannot have onesided output if window or input is complex: pass "
            "onesided=False"
        )
    if not input.dtype.is_inexact:
        raise RuntimeError(
            "stft: expected a tensor of floating point or complex values, got "
            f"{input.dtype!r}; convert it with .float()"
        )
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got {input.ndim}D")
    hop, size = _sizes("stft", n_fft, hop_length, win_length)
    signal = input if input.ndim == 2 else input.unsqueeze(0)
    signal = _extended(signal, n_fft // 2, pad_mode) if center else signal
    if n_fft > signal.shape[1]:
        raise RuntimeError(
            f"stft: expected 0 < n_fft <= {signal.shape[1]}, but got n_fft={n_fft}"
        )
    pieces = signal.unfold(-1, n_fft, hop) * _window("stft", window, n_fft, size, input)
    whole = is_complex if onesided is None else not onesided
    spectra = (fft if whole else rfft)(pieces, norm="ortho" if normalized else None)
    spectra = spectra.transpose(1, 2) if input.ndim == 2 else spectra[0].T
    return view_as_real(spectra) if return_complex is False else spectra


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """Return the signal whose `stft` is given: the pieces added where they overlap.

    Args:
        input: ([N,] K, M), complex.
        n_fft, hop_length, win_length, window, center, normalized: as in `stft`.
        onesided: whether the input has half of the frequencies; K tells by default.
        length: of the signal; by default all that the pieces reach.
        return_complex: whether the signal is complex.

    Returns:
        ([N,] T).

    Raises:
        RuntimeError: impossible sizes, or windows whose squares add up to 0 somewhere.

    Source: torch's page "torch.istft".

    Example:
        >>> import flambeau as torch
        >>> spectra = torch.stft(torch.arange(8.), 4, return_complex=True)
        >>> torch.istft(spectra, 4)
        tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from "
            "stft with return_complex=True."
        )
    if input.ndim not in (2, 3) or not input.numel():
        raise RuntimeError(
            "istft: expected a tensor with 2 or 3 dimensions and with elements, got "
            f"shape {tuple(input.shape)}"
        )
    hop, size = _sizes("istft", n_fft, hop_length, win_length)
    spectra = input if input.ndim == 3 else input.unsqueeze(0)
    _check_frequencies(spectra.shape[1], n_fft, onesided, return_complex)
    norm = "ortho" if normalized else None
    pieces = spectra.transpose(1, 2)
    if return_complex:
        pieces = ifft(pieces, norm=norm)
    else:  # the other half of the frequencies has no say
        pieces = irfft(pieces[..., : n_fft // 2 + 1], n_fft, norm=norm)
    weights = _window("istft", window, n_fft, size, pieces)
    start = n_fft // 2 if center else 0
    total = _added(pieces * weights, hop)
    squares = _added((weights * weights).expand(1, pieces.shape[1], n_fft), hop)
    end = total.shape[1] - start if length is None else start + length
    signal, squares = total[:, start:end], squares[:, start:end]
    if float(squares.abs().min()) < _LEAST:
        raise RuntimeError(
            "istft: window overlap add min: the squares of the windows add up to 0 "
            "somewhere; choose another window or a smaller hop_length"
        )
    signal = _lengthened(signal / squares, 0 if length is None else length)
    return signal if input.ndim == 3 else signal[0]


def _sizes(
    name: str, n_fft: int, hop_length: int | None, win_length: int | None
) -> tuple[int, int]:
    """The step and the size of the window."""
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < size <= n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={size} and "
            f"n_fft={n_fft}"
        )
    return hop, size


def _window(
    name: str, window: Tensor | None, n_fft: int, size: int, like: Tensor
) -> Tensor:
    """The window, with zeros around it to the size of a piece."""
    if window is None:
        window = ones(size, dtype=dt.real_of(like.dtype))
    elif tuple(window.shape) != (size,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={size}, "
            f"but got window with size {tuple(window.shape)}"
        )
    before = (n_fft - size) // 2
    return wrap(pad_constant(window.node, ((before, n_fft - size - before),), 0))


def _extended(signal: Tensor, size: int, mode: str) -> Tensor:
    if mode == "constant":
        return wrap(pad_constant(signal.node, ((0, 0), (size, size)), 0))
    if mode not in _EXTENSIONS:
        known = ", ".join(("constant", *_EXTENSIONS))
        raise RuntimeError(f'stft: pad_mode must be one of {known}, got "{mode}"')
    if mode == "reflect" and size >= signal.shape[1]:
        raise RuntimeError(
            "stft: Padding size should be less than the corresponding input dimension, "
            f"but got: padding {size} of a signal of {signal.shape[1]} samples"
        )
    sources = np.pad(np.arange(signal.shape[1]), size, mode=_EXTENSIONS[mode])  # type: ignore[call-overload]
    return signal[:, from_numpy(sources)]


def _check_frequencies(
    count: int, n_fft: int, onesided: bool | None, return_complex: bool
) -> None:
    """Raise if `count` frequencies are not all of a piece, or half of them."""
    found = count != n_fft if onesided is None else onesided
    expected = n_fft // 2 + 1 if found else n_fft
    if count != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input "
            f"tensor to match n_fft / 2 + 1 if onesided, else n_fft: {expected}, but "
            f"got {count}"
        )
    if found and return_complex:
        raise RuntimeError(
            "istft: cannot have onesided input and a complex signal: pass "
            "return_complex=False"
        )


def _added(pieces: Tensor, hop: int) -> Tensor:
    """Pieces (N, M, n) added at their places in a signal (N, T)."""
    count, size = pieces.shape[1:]
    places = hop * np.arange(count)[:, None] + np.arange(size)
    total = pieces.new_zeros(pieces.shape[0], hop * (count - 1) + size)
    flat = pieces.reshape(pieces.shape[0], -1)
    return total.index_add(1, from_numpy(places.reshape(-1)), flat)


def _lengthened(signal: Tensor, length: int) -> Tensor:
    missing = length - signal.shape[1]
    if missing <= 0:
        return signal
    warnings.warn(
        "The length of signal is shorter than the length parameter. Result is being "
        "padded with zeros in the tail. Please check your center and hop_length "
        "settings.",
        stacklevel=3,
    )
    return wrap(pad_constant(signal.node, ((0, 0), (0, missing)), 0))
