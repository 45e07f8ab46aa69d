"""Weights with orthonormal columns or rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import no_grad
from ...tensor import Tensor
from ...tensor.convert import from_numpy
from ...tensor.creation import eye, zeros_like
from ...tensor.joining import cat
from ...tensor.matrices import qr
from ...tensor.randomness import randn
from ...tensor.solving import matrix_exp, solve
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["orthogonal"]

_MAPS = ("matrix_exp", "cayley", "householder")


class _Orthogonal(Module):
    """Computes an orthogonal matrix from an arbitrary one of the same shape."""

    base: Tensor | None

    def __init__(self, weight: Tensor, kind: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = kind
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        if self.orthogonal_map == "householder":
            result = _reflections(x)
        else:
            result = _of_skew(x, self.orthogonal_map)
        if self.use_trivialization:
            assert self.base is not None
            result = self.base @ result
        return result.mT if wide else result

    @no_grad()
    def right_inverse(self, value: Tensor) -> Tensor:
        if value.shape != self.shape:
            raise ValueError(
                "Expected a matrix or batch of matrices of shape "
                f"{self.shape}. Got a tensor of shape {value.shape}."
            )
        wide = value.shape[-2] < value.shape[-1]
        tall = value.mT if wide else value
        if not self.use_trivialization:
            found = self._without_base(tall)
            return found.mT if wide else found
        self.base = _completed(tall)
        start = zeros_like(value)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # as Householder's: no reflection
        return start

    def _without_base(self, tall: Tensor) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        return _reflectors(tall)


def _of_skew(x: Tensor, kind: str) -> Tensor:
    """Map the skew-symmetric matrix of a tall one's lower triangle."""
    rows, columns = x.shape[-2:]
    x = x.tril()
    if rows != columns:
        rest = x.new_zeros(*x.shape[:-2], rows, rows - columns)
        x = cat([x, rest], dim=-1)
    skew = x - x.mT
    if kind == "matrix_exp":
        return matrix_exp(skew)[..., :columns]
    one = eye(rows, dtype=x.dtype)
    return solve(one - 0.5 * skew, one + 0.5 * skew)[..., :columns]


def _reflections(x: Tensor) -> Tensor:
    """Multiply Householder's reflections along the columns of a tall matrix."""
    rows, columns = x.shape[-2:]
    lower = x.tril(-1)
    scale = 2 / (1 + (lower * lower).sum(-2))
    along = lower + eye(rows, columns, dtype=x.dtype)
    result = eye(rows, columns, dtype=x.dtype)
    for at in reversed(range(columns)):
        axis = along[..., at : at + 1]
        result = result - scale[..., at, None, None] * axis @ (axis.mT @ result)
    signs = x.detach().diagonal(dim1=-2, dim2=-1).trunc()
    return result * signs.unsqueeze(-2)


def _reflectors(tall: Tensor) -> Tensor:
    """Return the matrix that `_reflections` maps to the Q of a tall matrix."""
    raw, scale = np.linalg.qr(tall.detach().numpy(), mode="raw")
    found = np.ascontiguousarray(np.swapaxes(raw, -1, -2))
    at = np.arange(found.shape[-1])
    signs = np.sign(found[..., at, at])
    found[..., at, at] = np.where(scale == 0, -signs, signs)
    return from_numpy(found)


def _completed(tall: Tensor) -> Tensor:
    """Return a square orthogonal matrix that begins with the columns of a tall one."""
    rows, columns = tall.shape[-2:]
    if rows == columns and _is_orthogonal(tall):
        return tall.clone()
    if rows != columns:
        rest = randn(*tall.shape[:-2], rows, rows - columns, dtype=tall.dtype)
        tall = cat([tall, rest], dim=-1)
    found: Any = qr(tall)
    signs = found.R.diagonal(dim1=-2, dim2=-1).sign()
    return found.Q * signs.unsqueeze(-2)


def _is_orthogonal(square: Tensor) -> bool:
    one = eye(square.shape[-1], dtype=square.dtype)
    bound = 10 * square.shape[-1] * float(np.finfo(square.dtype.numpy).eps)
    return bool(((square.mT @ square - one).abs() <= bound).all())


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Let a weight be orthogonal: orthonormal columns, or rows if there are fewer.

    With the skew-symmetric A = X − Xᵀ of a lower triangle X, it is exp(A), or by
    Cayley's map (I − A/2)⁻¹ (I + A/2); or the product of reflections that Householder
    has for the columns of X. A matrix B before it lets training start at the identity
    of that map: the weight begins as it was, made orthogonal.

    Args:
        module: the module.
        name: the name of the weight, a matrix or a batch of them.
        orthogonal_map: "matrix_exp", the default for square matrices, "cayley", or
            "householder", the default for others.
        use_trivialization: whether there is B.

    Returns:
        The module.

    Raises:
        ValueError: there is no such weight or map, or it is a vector.

    Source: torch's page ``torch.nn.utils.parametrizations.orthogonal``; Lezcano-Casado,
    arXiv:1909.09501.

    Example:
        >>> import flambeau as torch
        >>> layer = orthogonal(torch.nn.Linear(20, 40))
        >>> torch.allclose(layer.weight.T @ layer.weight, torch.eye(20), atol=1e-5)
        True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(
            f"Module '{module}' has no parameter or buffer with name '{name}'"
        )
    if weight.dim() < 2:
        raise ValueError(
            "Expected a matrix or batch of matrices. "
            f"Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
