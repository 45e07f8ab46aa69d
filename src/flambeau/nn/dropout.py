"""Dropout layers: in training, random elements or channels are zeroed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ..tensor import Tensor
from . import functional as F
from .functional.dropout import check_probability
from .module import Module

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
]


class _Dropout(Module):
    """Options and printed form of every kind of dropout."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, in training with elements dropped."""
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zero elements with probability p and divide the others by 1 - p.

    Args:
        p: the probability.
        inplace: write into the input.

    Shape: any.

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.Dropout"; Srivastava et al., "Dropout: A Simple Way
    to Prevent Neural Networks from Overfitting" (2014).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> generator = torch.manual_seed(0)
        >>> nn.Dropout()(torch.ones(4)), nn.Dropout().eval()(torch.ones(2))
        (tensor([0., 0., 2., 0.]), tensor([1., 1.]))
    """

    _function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """In training, zero channels of sequences; divide the others by 1 - p.

    Args:
        p: the probability of each channel.
        inplace: write into the input.

    Shape: (N, C, L) or (C, L).

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.Dropout1d"; Tompson et al., arXiv:1411.4280.
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """In training, zero channels of images; divide the others by 1 - p.

    Args:
        p: the probability of each channel.
        inplace: write into the input.

    Shape: (N, C, H, W); (N, C, L) is read as sequences, with a warning.

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.Dropout2d"; Tompson et al., arXiv:1411.4280.
    """

    _function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """In training, zero channels of volumes; divide the others by 1 - p.

    Args:
        p: the probability of each channel.
        inplace: write into the input.

    Shape: (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.Dropout3d"; Tompson et al., arXiv:1411.4280.
    """

    _function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """In training, set elements to SELU's lower limit; mean and variance stay.

    Args:
        p: the probability to be dropped.
        inplace: write into the input.

    Shape: any.

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.AlphaDropout"; Klambauer et al., arXiv:1706.02515.
    """

    _function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """In training, set channels to SELU's lower limit; mean and variance stay.

    Args:
        p: the probability of each channel to be dropped.
        inplace: has no effect, as in torch.

    Shape: (N, C, *).

    Raises:
        ValueError: p is outside [0, 1].

    Source: torch's page "torch.nn.FeatureAlphaDropout"; Klambauer et al.,
    arXiv:1706.02515.
    """

    _function = staticmethod(F.feature_alpha_dropout)

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, in training with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training)
