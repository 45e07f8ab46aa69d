"""Torch's functions that write into their argument: `torch.relu_(x)` is `x.relu_()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .methods import Methods

__all__ = ["FUNCTIONS"]

_NAMES = """
    abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan
    atanh ceil clamp clamp_max clamp_min clip cos cosh deg2rad erf erfc exp exp2 expm1
    fill fix floor frac index_put log log10 log1p log2 logit nan_to_num neg negative
    rad2deg reciprocal resize_as round rsqrt sigmoid sin sinc sinh sqrt square tan tanh
    trunc xlogy zero
"""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    f"{name}_": getattr(Methods, f"{name}_") for name in _NAMES.split()
}
"""The functions by name.

Example:
    >>> import flambeau as torch
    >>> x = torch.tensor([1.0, 4.0])
    >>> torch.sqrt_(x) is x, x
    (True, tensor([1., 2.]))
"""
