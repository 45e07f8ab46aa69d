"""Dropout: random elements or channels are zeroed in training."""

from __future__ import annotations

from math import sqrt

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...recorder import warn
from ...tensor import Tensor
from ...tensor.randomness import dropout_mask
from .activation import SELU_ALPHA, SELU_SCALE
from .arguments import node_of, result

__all__ = [
    "alpha_dropout",
    "check_probability",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]

Shape = tuple[int, ...]


def check_probability(p: float) -> None:
    """Check that p is a probability.

    Raises:
        ValueError: it is outside [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    r"""Zero each element with probability p, and divide the others by 1 - p.

    Args:
        input: any shape, floats.
        p: the probability to be zeroed.
        training: do it; False returns the input.
        inplace: write into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.dropout"; Srivastava et al., "Dropout: A
    Simple Way to Prevent Neural Networks from Overfitting" (2014).

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> generator = torch.manual_seed(0)
        >>> F.dropout(torch.ones(4))
        tensor([0., 0., 2., 0.])
    """
    x = node_of("dropout", "input", input)
    return _dropout("dropout", input, x.shape, p, training, inplace)


def _dropout(
    name: str, input: Tensor, mask: Shape, p: float, training: bool, inplace: bool
) -> Tensor:
    """Drop what shares an element of a mask of the shape given."""
    check_probability(p)
    x = input.node
    if not training or p == 0 or not x.size:
        return input
    _check_floats(name, x)
    if p == 1:
        return result(ew.mul(x, ew.const_like(0, x)), input, inplace)
    kept = dropout_mask(mask, p, x.dtype).node
    return result(ew.mul(x, ew.div(kept, ew.const_like(1 - p, x))), input, inplace)


def _check_floats(name: str, x: Node) -> None:
    if not x.dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type "
            f"{dt.scalar_name(x.dtype)}; convert the input with .float()"
        )


# Whole channels


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero each channel of each sequence with probability p; divide others by 1 - p.

    Args:
        input: floats.
        p: the probability to be zeroed.
        training: do it; False returns the input.
        inplace: write into the input.

    Shape: input (N, C, L) or (C, L); result as the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: other dimensions, or not a float tensor.

    Source: torch's page "torch.nn.functional.dropout1d"; Tompson et al.,
    arXiv:1411.4280.
    """
    ndim = node_of("dropout1d", "input", input).ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. It "
            "zeroes whole channels of (N, C, L) or (C, L); use dropout for elements."
        )
    mask = _channels(input.shape, batched=ndim == 3)
    return _dropout("dropout1d", input, mask, p, training, inplace)


def _channels(shape: Shape, batched: bool) -> Shape:
    """Return the shape of a mask with an element for each channel."""
    kept = 2 if batched else 1
    return (*shape[:kept], *(1,) * (len(shape) - kept))


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero each channel of each image with probability p; divide others by 1 - p.

    Args:
        input: floats. Like torch, this warns about dimensions that are no images, and
            reads (N, C, L) as sequences rather than as one image.
        p: the probability to be zeroed.
        training: do it; False returns the input.
        inplace: write into the input.

    Shape: input (N, C, H, W) or (N, C, L); result as the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: not a float tensor.

    Source: torch's page "torch.nn.functional.dropout2d"; Tompson et al.,
    arXiv:1411.4280.
    """
    ndim = node_of("dropout2d", "input", input).ndim
    if ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that "
            "channel-wise 1D dropout behavior is desired - input is interpreted as "
            "shape (N, C, L), where C is the channel dim. Use dropout1d for (N, C, L), "
            "and x.unsqueeze(0) for one image (C, H, W).",
            stacklevel=2,
        )
    elif ndim != 4:
        _warn_of_dimensions("dropout2d", ndim, "(N, C, H, W) and (C, H, W)")
    mask = _channels(input.shape, batched=True)
    return _dropout("dropout2d", input, mask, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero each channel of each volume with probability p; divide others by 1 - p.

    Args:
        input: floats. Like torch, this warns about dimensions that are no volumes.
        p: the probability to be zeroed.
        training: do it; False returns the input.
        inplace: write into the input.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result as the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: not a float tensor.

    Source: torch's page "torch.nn.functional.dropout3d"; Tompson et al.,
    arXiv:1411.4280.
    """
    ndim = node_of("dropout3d", "input", input).ndim
    if ndim not in (4, 5):
        _warn_of_dimensions("dropout3d", ndim, "(N, C, D, H, W) and (C, D, H, W)")
    mask = _channels(input.shape, batched=ndim != 4)
    return _dropout("dropout3d", input, mask, p, training, inplace)


def _warn_of_dimensions(name: str, ndim: int, wanted: str) -> None:
    warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will "
        "result in an error in a future release. To retain the behavior and silence "
        f"this warning, please use dropout instead. {name} is for {wanted}.",
        stacklevel=3,
    )


# Around SELU


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    r"""Set elements to SELU's lower limit with probability p; mean and variance stay.

    With :math:`\alpha' = -1.7581`, the limit, and q = 1 - p, the result is
    :math:`a x + b`, or :math:`a \alpha' + b` where dropped, where

    .. math:: a = (q + \alpha'^2 p q)^{-1/2}, \quad b = -a \alpha' p

    Args:
        input: any shape, floats.
        p: the probability to be dropped.
        training: do it; False returns the input.
        inplace: write into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.alpha_dropout"; Klambauer et al.,
    arXiv:1706.02515.
    """
    x = node_of("alpha_dropout", "input", input)
    return _alpha_dropout("alpha_dropout", input, x.shape, p, training, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Set channels to SELU's lower limit with probability p; see `alpha_dropout`.

    Args:
        input: floats.
        p: the probability to be dropped.
        training: do it; False returns the input.
        inplace: write into the input.

    Shape: input (N, C, *); result as the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: the input is not a float tensor, or has one dimension.

    Source: torch's page "torch.nn.functional.feature_alpha_dropout".
    """
    name = "feature_alpha_dropout"
    x = node_of(name, "input", input)
    if training and 0 < p < 1 and x.size and x.ndim < 2:
        raise RuntimeError(
            f"{name}: Feature dropout requires at least 2 dimensions in the input, got "
            f"shape {x.shape}"
        )
    mask = _channels(x.shape, batched=True)
    return _alpha_dropout(name, input, mask, p, training, inplace)


def _alpha_dropout(
    name: str, input: Tensor, mask: Shape, p: float, training: bool, inplace: bool
) -> Tensor:
    """Drop what shares an element of a mask of the shape given."""
    check_probability(p)
    x = input.node
    if not training or p == 0 or not x.size:
        return input
    _check_floats(name, x)
    if p == 1:
        return result(ew.mul(x, ew.const_like(0, x)), input, inplace)
    limit = SELU_ALPHA * SELU_SCALE
    scale = 1 / sqrt((limit * limit * p + 1) * (1 - p))
    kept = dropout_mask(mask, p, x.dtype).node
    dropped = ew.sub(kept, ew.const_like(1, x))
    moved = ew.add(
        ew.mul(dropped, ew.const_like(limit * scale, x)),
        ew.const_like(limit * scale * p, x),
    )
    y = ew.add(ew.mul(x, ew.mul(kept, ew.const_like(scale, x))), moved)
    return result(y, input, inplace)
