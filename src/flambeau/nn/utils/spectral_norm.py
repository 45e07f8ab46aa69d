"""Weights divided by their largest singular value, before each call of a module."""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...tensor import Tensor
from ...tensor.creation import empty
from ..conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from ..functional import normalize
from ..module import Module
from ..parameter import Parameter
from .weight_norm import hooks_of, remove_hook

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


def outputs_dim(module: Module) -> int:
    """Return the dimension of a weight that counts its outputs."""
    transposed = ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
    return 1 if isinstance(module, transposed) else 0


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return a weight as a matrix, with a row per index along a dimension."""
    order = [dim, *(axis for axis in range(weight.dim()) if axis != dim)]
    return weight.permute(order).flatten(1)


def random_direction(weight: Tensor, size: int, eps: float) -> Tensor:
    """Draw a vector of length 1."""
    return normalize(empty(size, dtype=weight.dtype).normal_(), dim=0, eps=eps)


def check_iterations(n_power_iterations: int) -> None:
    """Raise torch's error for a number of iterations that is not positive."""
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but "
            f"got n_power_iterations={n_power_iterations}"
        )


class SpectralNorm:
    """The hook that divides a weight by its spectral norm.

    Args:
        name: the name of the weight.
        n_power_iterations: how often the singular vectors are improved in each call.
        dim: the dimension of the weight that counts its outputs.
        eps: what norms are at least divided by.
    """

    _version = 1

    def __init__(
        self,
        name: str = "weight",
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
    ) -> None:
        check_iterations(n_power_iterations)
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """Return the weight, after the singular vectors were improved if so asked."""
        weight, u, v = (
            getattr(module, self.name + end) for end in ("_orig", "_u", "_v")
        )
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(normalize(matrix.mv(v), dim=0, eps=self.eps))
        return weight / u.clone().dot(matrix.mv(v.clone()))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module, do_power_iteration=False).detach()
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight))

    def note_version(
        self, module: Module, state: Any, prefix: str, metadata: dict[str, Any]
    ) -> None:
        """Let a state_dict say that it has both singular vectors."""
        versions = metadata.setdefault("spectral_norm", {})
        versions[self.name + ".version"] = self._version

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, in a hook before each call.

    w = w_orig / σ,  where σ = uᵀ W v comes from the power method

    Each call in training mode improves u and v. `parametrizations.spectral_norm` is
    the newer form.

    Args:
        module: the module.
        name: the name of the weight.
        n_power_iterations: how often u and v are improved in each call.
        eps: what norms are at least divided by.
        dim: the dimension that counts outputs: 0, but 1 of transposed convolutions.

    Returns:
        The module.

    Raises:
        RuntimeError: the weight is normalized already.
        ValueError: it is None, or the number of iterations is not positive.

    Source: torch's page ``torch.nn.utils.spectral_norm``; Miyato et al.,
    arXiv:1802.05957.

    Example:
        >>> from flambeau import nn
        >>> layer = spectral_norm(nn.Linear(2, 3))
        >>> list(layer.state_dict())
        ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    for hook in hooks_of(module, SpectralNorm):
        if hook.name == name:
            raise RuntimeError(
                f"Cannot register two spectral_norm hooks on the same parameter {name}"
            )
    dim = outputs_dim(module) if dim is None else dim
    made = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(
            f"`SpectralNorm` cannot be applied as parameter `{name}` is None"
        )
    rows, columns = as_matrix(weight.detach(), dim).shape
    u, v = (random_direction(weight, size, eps) for size in (rows, columns))
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(made)
    module._register_state_dict_hook(made.note_version)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `spectral_norm`; the weight keeps its value.

    Raises:
        ValueError: the weight is not normalized.

    Source: torch's page ``torch.nn.utils.remove_spectral_norm``.

    Example:
        >>> from flambeau import nn
        >>> layer = remove_spectral_norm(spectral_norm(nn.Linear(2, 3)))
        >>> list(layer.state_dict())
        ['bias', 'weight']
    """
    for hook in hooks_of(module, SpectralNorm):
        if hook.name == name:
            hook.remove(module)
            remove_hook(module._forward_pre_hooks, hook)
            remove_hook(module._state_dict_hooks, hook.note_version)
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
