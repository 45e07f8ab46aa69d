"""Weights of a given norm or shape; torch's ``nn.utils.parametrizations``."""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...tensor import Tensor
from ..functional import normalize
from ..module import Module
from .orthogonal import orthogonal
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, check_iterations, outputs_dim, random_direction
from .weight_norm import norm_except_dim, scaled_direction

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """Computes a weight from its length and its direction."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return scaled_direction(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be a length times a direction, both of which are trained.

    w = g v / ‖v‖

    g is ``parametrizations.weight.original0``, v ``original1``. A state_dict of the
    older `nn.utils.weight_norm` is read, too.

    Args:
        module: the module.
        name: the name of the weight.
        dim: the dimension along which lengths differ; None for a single length.

    Returns:
        The module.

    Source: torch's page ``torch.nn.utils.parametrizations.weight_norm``; Salimans and
    Kingma, arXiv:1602.07868.

    Example:
        >>> from flambeau import nn
        >>> layer = weight_norm(nn.Linear(20, 40))
        >>> layer.parametrizations.weight.original0.size()
        torch.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    there = f"parametrizations.{name}.original"

    def read_older(state: dict[str, Any], prefix: str, *others: Any) -> None:
        older = [f"{prefix}{name}_{end}" for end in "gv"]
        if all(key in state for key in older):
            for index, key in enumerate(older):
                state[f"{prefix}{there}{index}"] = state.pop(key)

    module._register_load_state_dict_pre_hook(read_older)
    return module


class _SpectralNorm(Module):
    """Divides a weight by its spectral norm, which the power method estimates."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self,
        weight: Tensor,
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{ndim}, {ndim - 1}] but got {dim})"
            )
        check_iterations(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:  # the norm of a vector needs no estimate
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            rows, columns = matrix.shape
            self.register_buffer("_u", random_direction(weight, rows, eps))
            self.register_buffer("_v", random_direction(weight, columns, eps))
            self._improve(matrix, 15)

    @no_grad()
    def _improve(self, matrix: Tensor, iterations: int) -> None:
        for _ in range(iterations):
            self._u.copy_(normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(normalize(matrix.t().mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._improve(matrix, self.n_power_iterations)
        return weight / self._u.clone().dot(matrix.mv(self._v.clone()))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Let a weight be divided by its largest singular value.

    w = original / σ,  where σ = uᵀ W v comes from the power method

    Reading the weight in training mode improves u and v.

    Args:
        module: the module.
        name: the name of the weight.
        n_power_iterations: how often u and v are improved each time.
        eps: what norms are at least divided by.
        dim: the dimension that counts outputs: 0, but 1 of transposed convolutions.

    Returns:
        The module.

    Raises:
        ValueError: there is no such weight, or the number of iterations is not
            positive.
        IndexError: there is no such dimension.

    Source: torch's page ``torch.nn.utils.parametrizations.spectral_norm``; Miyato et
    al., arXiv:1802.05957.

    Example:
        >>> import flambeau as torch
        >>> layer = spectral_norm(torch.nn.Linear(20, 40))
        >>> (layer.weight @ torch.ones(20)).norm() < 1.1 * 20**0.5
        tensor(True)
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(
            f"Module '{module}' has no parameter or buffer with name '{name}'"
        )
    dim = outputs_dim(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return register_parametrization(module, name, made)
