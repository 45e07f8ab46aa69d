"""Layers that normalise each channel: batch norm and instance norm, for any dims."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import dtypes as dt
from ..devices import device as Device
from ..dtypes import dtype as DType
from ..ops import elementwise as ew
from ..recorder import warn
from ..tensor import Tensor
from ..tensor.creation import ones, tensor, zeros
from . import functional as F
from . import init
from .affine import Affine, parameter_names
from .module import Module

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "SyncBatchNorm",
]

_SIZES = {1: "(N, C) or (N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


class _ChannelNorm(Affine):
    """Parameters and running statistics, one number per channel each.

    Version 2 of the state added `num_batches_tracked`.
    """

    _version = 2
    _dims: ClassVar[int]

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: str | Device | None,
        dtype: DType | None,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make_statistics({"device": device, "dtype": dtype})
        names = parameter_names(affine, bias)
        self._make_parameters((num_features,), names, device, dtype)

    def _make_statistics(self, options: dict[str, Any]) -> None:
        tracked = self.track_running_stats
        size = self.num_features
        mean = zeros(size, **options) if tracked else None
        var = ones(size, **options) if tracked else None
        count = tensor(0, dtype=dt.int64) if tracked else None
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", var)
        self.register_buffer("num_batches_tracked", count)

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the variance to 1, and the count to 0."""
        if self.running_mean is not None and self.running_var is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
        if self.num_batches_tracked is not None:
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Set the weight to 1, the bias to 0, and the running statistics back."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        *rest: Any,
    ) -> None:
        """Accept a state without `num_batches_tracked`, from before version 2."""
        key = f"{prefix}num_batches_tracked"
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.track_running_stats:
            count = self.num_batches_tracked
            state_dict.setdefault(key, tensor(0) if count is None else count)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


# Batch norm


class _BatchNorm(_ChannelNorm):
    """Batch norm in `_dims` dimensions."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            device,
            dtype,
            bias,
        )

    def _check_input_dim(self, input: Tensor) -> None:
        allowed = (2, 3) if self._dims == 1 else (self._dims + 2,)
        if input.ndim not in allowed:
            named = " or ".join(f"{each}D" for each in allowed)
            raise ValueError(
                f"expected {named} input (got {input.ndim}D input): "
                f"{type(self).__name__} takes {_SIZES[self._dims]}, not shape "
                f"{tuple(input.shape)}; a single sample becomes a batch by "
                "x.unsqueeze(0)"
            )

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, and in training update the statistics."""
        self._check_input_dim(input)
        untracked = self.running_mean is None and self.running_var is None
        used = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.weight,
            self.bias,
            self.training or untracked,
            self._count_batch(),
            self.eps,
        )

    def _count_batch(self) -> float | Tensor:
        """Count a batch of the training; return its share in the running statistics.

        Without a momentum it is 1 / count, so that all batches weigh the same.
        """
        count = self.num_batches_tracked
        if not (self.training and self.track_running_stats and count is not None):
            return self.momentum or 0.0
        count.write(ew.add(count.node, ew.const_like(1, count.node)))
        return count.reciprocal() if self.momentum is None else self.momentum


class BatchNorm1d(_BatchNorm):
    """Normalise each channel over the batch and its sequences.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias:
        as in `BatchNorm2d`.

    Shape: (N, C) or (N, C, L).

    Raises:
        ValueError: of the call: other dimensions, or one value per channel in training.

    Source: torch's page "torch.nn.BatchNorm1d"; Ioffe and Szegedy, arXiv:1502.03167.
    """

    _dims = 1


class BatchNorm2d(_BatchNorm):
    r"""Normalise each channel over the batch and its images.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    In training with the batch's own mean and variance, which also move the running
    statistics; in evaluation with the running statistics.

    Args:
        num_features: the number of channels C.
        eps: what is added to the variance.
        momentum: how much of a batch's statistics enters the running ones; None: as
            much as gives the average of all batches.
        affine: learn a weight and a bias, at first 1 and 0.
        track_running_stats: have running statistics; else every batch is normalised
            with its own.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        bias: False: learn a weight alone.

    Shape: (N, C, H, W).

    Raises:
        ValueError: of the call: other dimensions, or one value per channel in training.
        RuntimeError: of the call: another number of channels, or another dtype.

    Source: torch's page "torch.nn.BatchNorm2d"; Ioffe and Szegedy, arXiv:1502.03167.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> norm = nn.BatchNorm2d(1)
        >>> norm(torch.tensor([[[[1., 3.]]]])).detach()
        tensor([[[[-1.0000,  1.0000]]]])
        >>> norm.running_mean
        tensor([0.2000])
    """

    _dims = 2


class BatchNorm3d(_BatchNorm):
    """Normalise each channel over the batch and its volumes.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias:
        as in `BatchNorm2d`.

    Shape: (N, C, D, H, W).

    Raises:
        ValueError: of the call: other dimensions, or one value per channel in training.

    Source: torch's page "torch.nn.BatchNorm3d"; Ioffe and Szegedy, arXiv:1502.03167.
    """

    _dims = 3


class SyncBatchNorm(_BatchNorm):
    """Batch norm over the batches of all processes: with one process, as `BatchNorm2d`.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias:
        as in `BatchNorm2d`.
        process_group: has no effect.

    Shape: (N, C, *).

    Raises:
        ValueError: of the call: fewer dimensions, no channels, or one value per channel
            in training.

    Source: torch's page "torch.nn.SyncBatchNorm".

    Example:
        >>> from flambeau import nn
        >>> nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm1d(3)))[0]
        SyncBatchNorm(3, eps=1e-05, momentum=0.1, affine=True, bias=True, \
track_running_stats=True)
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            device,
            dtype,
            bias=bias,
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        if input.shape[1] == 0:
            raise ValueError(
                "SyncBatchNorm number of input channels should be non-zero"
            )

    @classmethod
    def convert_sync_batchnorm(
        cls, module: Module, process_group: Any = None
    ) -> Module:
        """Return a module in which every batch norm is replaced, with its parameters.

        Args:
            module: the module; if it is no batch norm itself it is changed in place.
            process_group: has no effect.
        """
        converted = module
        if isinstance(module, _BatchNorm):
            converted = cls._like(module, process_group)
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted

    @classmethod
    def _like(cls, norm: _BatchNorm, process_group: Any) -> SyncBatchNorm:
        made = cls(
            norm.num_features,
            norm.eps,
            norm.momentum,
            norm.affine,
            norm.track_running_stats,
            process_group,
            bias=norm.bias is not None,
        )
        for name in ("weight", "bias"):
            made.register_parameter(name, getattr(norm, name))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            made.register_buffer(name, getattr(norm, name))
        return made.train(norm.training)


# Instance norm


class _InstanceNorm(_ChannelNorm):
    """Instance norm in `_dims` dimensions."""

    momentum: float

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-05,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            device,
            dtype,
            bias,
        )

    def _check_input(self, input: Tensor) -> None:
        dims = self._dims
        if input.ndim not in (dims + 1, dims + 2):
            raise ValueError(
                f"expected {dims + 1}D or {dims + 2}D input (got {input.ndim}D input): "
                f"{type(self).__name__} takes {dims} dimensions after the channels, "
                f"not shape {tuple(input.shape)}"
            )
        axis = input.ndim - dims - 1
        if input.shape[axis] == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={axis} to match num_features "
                f"({self.num_features}), but got: {input.shape[axis]}."
            )
        warn(
            f"input's size at dim={axis} does not match num_features. You can silence "
            "this warning by not passing in num_features, which is not used because "
            "affine=False",
            stacklevel=4,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input, and in training update the statistics."""
        self._check_input(input)
        single = input.ndim == self._dims + 1
        result = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return result.squeeze(0) if single else result


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each sequence by itself.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias:
        as in `InstanceNorm2d`.

    Shape: (N, C, L) or (C, L).

    Raises:
        ValueError: of the call: other dimensions, or one value per channel.

    Source: torch's page "torch.nn.InstanceNorm1d"; Ulyanov et al., arXiv:1607.08022.
    """

    _dims = 1


class InstanceNorm2d(_InstanceNorm):
    r"""Normalise each channel of each image by itself.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        num_features: the number of channels C.
        eps: what is added to the variance.
        momentum: how much of a batch's statistics enters the running ones.
        affine: learn a weight and a bias, at first 1 and 0.
        track_running_stats: have running statistics, used in evaluation.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        bias: False: learn a weight alone.

    Shape: (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: of the call: other dimensions, one value per channel, or, with
            `affine`, another number of channels.

    Source: torch's page "torch.nn.InstanceNorm2d"; Ulyanov et al., arXiv:1607.08022.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.InstanceNorm2d(1)(torch.tensor([[[1., 3.]]]))
        tensor([[[-1.0000,  1.0000]]])
    """

    _dims = 2


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume by itself.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias:
        as in `InstanceNorm2d`.

    Shape: (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ValueError: of the call: other dimensions, or one value per channel.

    Source: torch's page "torch.nn.InstanceNorm3d"; Ulyanov et al., arXiv:1607.08022.
    """

    _dims = 3
