"""Records of normalising layers."""

from typing import Any

import numpy as np
import reference
from case import Array, Case, State, grid


def batch_norm(
    shape: tuple[int, ...], layer: str | None = None, **options: Any
) -> Case:
    name = layer or f"BatchNorm{max(len(shape) - 2, 1)}d"

    def meaning(state: State, x: Array) -> Array:
        eps = options.get("eps", 1e-5)
        return reference.batch_norm(x, state.get("weight"), state.get("bias"), eps)

    made = {"num_features": shape[1]} | options
    return Case(name, (grid(*shape),), meaning, made)


def evaluated(shape: tuple[int, ...], name: str, **options: Any) -> Case:
    """With running statistics."""

    def meaning(state: State, x: Array) -> Array:
        names = ("running_mean", "running_var", "weight", "bias")
        return reference.batch_norm_evaluated(x, *(state.get(each) for each in names))

    made = {"num_features": shape[1]} | options
    return Case(name, (grid(*shape),), meaning, made, training=False)


def synchronized(shape: tuple[int, ...], **options: Any) -> Case:
    """Batch norm under the name that it has with several processes."""
    return batch_norm(shape, "SyncBatchNorm", **options)


def cross_map(channels: int, size: int, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        y, reach = np.empty_like(x), (size - 1) // 2
        alpha, beta = options.get("alpha", 1e-4), options.get("beta", 0.75)
        for channel in range(channels):
            first = max(channel - reach, 0)
            total = (x[:, first : channel + reach + 1] ** 2).sum(1)
            if first:  # as torch has it
                total = total + x[:, 0] ** 2
            scale = options.get("k", 1) + alpha / size * total
            y[:, channel] = x[:, channel] / scale**beta
        return y

    made = {"size": size} | options
    # torch's slope is not that of its result
    x = grid(2, channels, 2, 3)
    return Case("CrossMapLRN2d", (x,), meaning, made, in_torch=False)


def instance_norm(shape: tuple[int, ...], dims: int, **options: Any) -> Case:
    single = len(shape) == dims + 1

    def meaning(state: State, x: Array) -> Array:
        batch = x[None] if single else x
        channels = batch.shape[1]
        weight, bias = state.get("weight"), state.get("bias")
        y = reference.group_norm(batch, channels, weight, bias)
        return y[0] if single else y

    channels = shape[-dims - 1]
    made = {"num_features": channels} | options
    return Case(f"InstanceNorm{dims}d", (grid(*shape),), meaning, made)


def group_norm(shape: tuple[int, ...], groups: int, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference.group_norm(x, groups, state.get("weight"), state.get("bias"))

    made = {"num_groups": groups, "num_channels": shape[1]} | options
    return Case("GroupNorm", (grid(*shape),), meaning, made)


def layer_norm(shape: tuple[int, ...], sizes: Any, **options: Any) -> Case:
    dims = 1 if isinstance(sizes, int) else len(sizes)

    def meaning(state: State, x: Array) -> Array:
        eps = options.get("eps", 1e-5)
        weight, bias = state.get("weight"), state.get("bias")
        return reference.layer_norm(x, dims, weight, bias, eps)

    made = {"normalized_shape": sizes} | options
    return Case("LayerNorm", (grid(*shape),), meaning, made)


def rms_norm(shape: tuple[int, ...], sizes: Any, **options: Any) -> Case:
    dims = 1 if isinstance(sizes, int) else len(sizes)

    def meaning(state: State, x: Array) -> Array:
        eps = options.get("eps", float(np.finfo(np.float64).eps))
        return reference.rms_norm(x, dims, state.get("weight"), eps)

    made = {"normalized_shape": sizes} | options
    return Case("RMSNorm", (grid(*shape),), meaning, made)


def local_response(shape: tuple[int, ...], size: int, **options: float) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference.local_response_norm(x, size, **options)

    made = {"size": size} | options
    return Case("LocalResponseNorm", (grid(*shape),), meaning, made)


def given(training: bool) -> Case:
    """The function, with statistics that are not those of a layer."""
    mean, var = np.array([0.25, -1, 0.5]), np.array([1, 0.5, 2])

    def meaning(state: State, x: Array) -> Array:
        if training:
            return reference.batch_norm(x)
        return reference.batch_norm_evaluated(x, mean, var)

    options = {"training": training, "running_mean": mean, "running_var": var}
    return Case("batch_norm", (grid(4, 3, 2),), meaning, options)


CASES = {
    "sync_batch_norm": synchronized((4, 3, 2, 2)),
    "sync_batch_norm of rows": synchronized((4, 3), affine=False),
    "cross map lrn": cross_map(3, 5, alpha=0.5, beta=0.5, k=2),
    "cross map lrn, many channels": cross_map(7, 3, alpha=1.0),
    "batch_norm of rows": batch_norm((6, 3)),
    "batch_norm1d": batch_norm((3, 2, 4)),
    "batch_norm2d": batch_norm((3, 2, 4, 3)),
    "batch_norm3d": batch_norm((2, 2, 2, 1, 3)),
    "batch_norm2d, cumulative": batch_norm((3, 2, 2, 2), momentum=None),
    "batch_norm2d, fast": batch_norm((3, 2, 2, 2), momentum=0.75, eps=0.125),
    "batch_norm1d, no bias": batch_norm((6, 3), bias=False),
    "batch_norm1d, not affine": batch_norm((6, 3), affine=False),
    "batch_norm2d, no statistics": batch_norm((2, 3, 2, 2), track_running_stats=False),
    "batch_norm2d, evaluated": evaluated((1, 3, 2, 2), "BatchNorm2d"),
    "batch_norm1d, evaluated, not affine": evaluated(
        (1, 3), "BatchNorm1d", affine=False
    ),
    "instance_norm2d, evaluated": evaluated(
        (2, 3, 2, 2), "InstanceNorm2d", track_running_stats=True, affine=True
    ),
    "instance_norm1d": instance_norm((2, 3, 4), 1),
    "instance_norm1d, one sample": instance_norm((3, 4), 1, affine=True),
    "instance_norm2d": instance_norm((2, 3, 2, 3), 2, affine=True),
    "instance_norm2d, tracking": instance_norm(
        (2, 3, 2, 3), 2, track_running_stats=True, affine=True, bias=False
    ),
    "instance_norm3d": instance_norm((2, 2, 2, 1, 3), 3),
    "group_norm": group_norm((2, 6, 3), 3),
    "group_norm of rows": group_norm((3, 6), 2),
    "group_norm, not affine": group_norm((2, 4, 2, 2), 1, affine=False),
    "group_norm, no bias": group_norm((2, 4, 2, 2), 2, bias=False),
    "layer_norm": layer_norm((2, 3, 4), 4),
    "layer_norm, two dimensions": layer_norm((2, 3, 4), (3, 4), eps=0.125),
    "layer_norm, not affine": layer_norm((3, 4), 4, elementwise_affine=False),
    "layer_norm, no bias": layer_norm((3, 4), [4], bias=False),
    "rms_norm": rms_norm((2, 3, 4), 4),
    "rms_norm, two dimensions": rms_norm((2, 3, 4), (3, 4), eps=0.125),
    "rms_norm, not affine": rms_norm((3, 4), 4, elementwise_affine=False),
    "local_response_norm": local_response((2, 5, 3), 3),
    "local_response_norm, even": local_response(
        (2, 6, 2, 2), 4, alpha=0.5, beta=0.5, k=2.0
    ),
    "batch_norm with given statistics": given(training=False),
    "batch_norm that moves given statistics": given(training=True),
}
