"""Resizing images: each spatial dimension is resampled by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, isfinite
from typing import TypeAlias

import numpy as np

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.resample import Rule, resample
from ...recorder import warn
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.reduction import in_float32
from .adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from .arguments import node_of

__all__ = [
    "IntOrInts",
    "Scale",
    "interpolate",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

IntOrInts: TypeAlias = int | Sequence[int]
Scale: TypeAlias = float | Sequence[float]
Ints = tuple[int, ...]

# torch's name: the rule's mode, and the numbers of spatial dimensions it is for.
_MODES: dict[str, tuple[str, Ints]] = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
    "bicubic": ("cubic", (2,)),
    "lanczos": ("lanczos", (2,)),
    "area": ("area", (1, 2, 3)),
}
_AREA: dict[int, Callable[..., Tensor]] = {
    1: adaptive_avg_pool1d,
    2: adaptive_avg_pool2d,
    3: adaptive_avg_pool3d,
}
_SMOOTH = ("bilinear", "bicubic", "lanczos")


def interpolate(
    input: Tensor,
    size: IntOrInts | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize sequences, images or volumes.

    Args:
        input: the images.
        size: the spatial sizes wanted; or
        scale_factor: how many times larger they are than the input's, rounded down.
        mode: "nearest" takes the element before each place (as older libraries do) and
            "nearest-exact" the nearest; "linear", "bilinear" and "trilinear" weigh
            neighbours by distance, "bicubic" fits cubics to four of them; "area"
            averages; "lanczos", with `antialias`, weighs by a windowed sinc.
        align_corners: let the centres of the corner elements lie on each other, not the
            corners of the image; for the linear and cubic modes.
        recompute_scale_factor: take the ratio of the rounded sizes as the scale.
        antialias: when making an image smaller let each result see all it covers; for
            "bilinear", "bicubic" and "lanczos".

    Shape: input (N, C, *sizes) with 1 to 3 sizes; result (N, C, *size).

    Raises:
        ValueError: options that exclude or do not fit each other.
        NotImplementedError: a mode that does not exist for these dimensions or dtypes.
        RuntimeError: an empty image, before or after; a scale that is not finite.
        TypeError: an input that is no tensor, a size that is no int, a scale that is no
            number.

    Source: torch's page "torch.nn.functional.interpolate".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.interpolate(torch.tensor([[[1., 2.]]]), scale_factor=2)
        tensor([[[1., 1., 2., 2.]]])
        >>> F.interpolate(torch.tensor([[[1., 2.]]]), size=4, mode="linear")
        tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
    """
    x = node_of("interpolate", "input", input)
    _check_mode(x, mode)
    _check_options(x, mode, align_corners, antialias)
    sizes = x.shape[2:]
    output, scales = _output_sizes(sizes, size, scale_factor, recompute_scale_factor)
    _check_sizes(x, output)
    if mode == "area":
        return _AREA[len(sizes)](input, output)
    _check_dtype(x, mode)
    kind, double = _MODES[mode][0], x.dtype is dt.float64
    rules = [
        Rule(kind, *each, bool(align_corners), antialias, double)
        for each in zip(sizes, output, scales)
    ]
    if x.dtype is dt.uint8 and "nearest" not in mode:
        return wrap(_resized_bytes(x, rules))
    return wrap(in_float32(x, lambda x: _resized(x, rules)))


def _resized(x: Node, rules: list[Rule]) -> Node:
    for axis, rule in reversed([*enumerate(rules, 2)]):
        x = resample(x, axis, rule)
    return x


def _resized_bytes(x: Node, rules: list[Rule]) -> Node:
    """Round after each axis, as torch and Pillow do: filters may leave the range."""
    for axis, rule in reversed([*enumerate(rules, 2)]):
        y = resample(ew.cast(x, dt.float32), axis, rule)
        rounded = ew.floor(ew.add(y, ew.const_like(0.5, y)))
        positive = ew.maximum(rounded, ew.const_like(0, y))
        x = ew.cast(ew.minimum(positive, ew.const_like(255, y)), dt.uint8)
    return x


def _check_mode(x: Node, mode: str) -> None:
    dims = x.ndim - 2
    if mode in _MODES and dims in _MODES[mode][1]:
        return
    if 1 <= dims <= 3 and mode in ("linear", "bilinear", "trilinear"):
        [wanted] = _MODES[mode][1]
        raise NotImplementedError(
            f"interpolate: Got {x.ndim}D input, but {mode} mode needs {wanted + 2}D "
            f"input; for shape {x.shape} use "
            f"{('linear', 'bilinear', 'trilinear')[dims - 1]!r}"
        )
    raise NotImplementedError(
        "interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got "
        f"{x.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear "
        f"| lanczos | area | nearest-exact (got {mode})"
    )


def _check_options(
    x: Node, mode: str, align_corners: bool | None, antialias: bool
) -> None:
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(
            "interpolate: align_corners option can only be set with the interpolating "
            f"modes: linear | bilinear | bicubic | trilinear, got mode={mode!r}"
        )
    if antialias and mode not in _SMOOTH:
        raise ValueError(
            "interpolate: Anti-alias option is restricted to bilinear, bicubic, and "
            "lanczos modes and requires a 4-D tensor as input, got "
            f"mode={mode!r} and shape {x.shape}"
        )
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(
            "interpolate: Lanczos mode requires antialias=True and does not support "
            "align_corners=True"
        )


def _output_sizes(
    sizes: Ints,
    size: IntOrInts | None,
    scale_factor: Scale | None,
    recompute: bool | None,
) -> tuple[Ints, tuple[float | None, ...]]:
    """Return the sizes of the result, and the inputs per output that are asked for."""
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined")
    if size is not None and scale_factor is not None:
        raise ValueError(
            "interpolate: only one of size or scale_factor should be defined, got "
            f"size={size} and scale_factor={scale_factor}"
        )
    ratios: tuple[float | None, ...] = (None,) * len(sizes)
    if scale_factor is None:
        if recompute:
            raise ValueError(
                "interpolate: recompute_scale_factor is not meaningful with an "
                "explicit size."
            )
        assert size is not None
        return _spread_size(sizes, size), ratios
    factors = _spread_scale(sizes, scale_factor)
    output = tuple(floor(each * by) for each, by in zip(sizes, factors))
    if not recompute:
        ratios = tuple(1 / by if by > 0 else None for by in factors)
    return output, ratios


def _spread_size(sizes: Ints, size: IntOrInts) -> Ints:
    if isinstance(size, Sequence) and len(size) != len(sizes):
        raise ValueError(
            "interpolate: Input and output must have the same number of spatial "
            f"dimensions, but got input with spatial dimensions of {list(sizes)} and "
            f"output size of {size}. The input must be (N, C, *sizes)."
        )
    return ntuple(size, len(sizes), "interpolate: size")


def _spread_scale(sizes: Ints, scale_factor: Scale) -> tuple[float, ...]:
    if not isinstance(scale_factor, (tuple, list)):
        return (_number(scale_factor),) * len(sizes)
    if len(scale_factor) != len(sizes):
        raise ValueError(
            "interpolate: Input and scale_factor must have the same number of spatial "
            f"dimensions, but got input with spatial dimensions of {list(sizes)} and "
            f"scale_factor of shape {scale_factor}. The input must be (N, C, *sizes)."
        )
    return tuple(map(_number, scale_factor))


def _number(factor: object) -> float:
    if not isinstance(factor, (int, float, np.number)):
        raise TypeError(
            f"interpolate: scale_factor must be a float or floats, got {factor!r}"
        )
    if not isfinite(factor):
        raise RuntimeError(f"interpolate: scale_factor must be finite, got {factor}")
    return float(factor)


def _check_sizes(x: Node, output: Ints) -> None:
    if min(*x.shape[2:], *output) <= 0:
        raise RuntimeError(
            "interpolate: Input and output sizes should be greater than 0, but got "
            f"input {x.shape[2:]} and output {output}"
        )
    if not x.shape[1]:
        raise RuntimeError(
            f"interpolate: Non-empty {x.ndim}D data tensor expected but got a tensor "
            f"with sizes {list(x.shape)}"
        )


def _check_dtype(x: Node, mode: str) -> None:
    if x.dtype.is_floating_point or x.dtype is dt.uint8:
        return
    what = "nearest" if "nearest" in mode else "linear"
    raise NotImplementedError(
        f'interpolate: "compute_indices_weights_{what}" not implemented for '
        f"'{dt.scalar_name(x.dtype)}'; convert the input with .float()"
    )


# Deprecated names


def upsample(
    input: Tensor,
    size: IntOrInts | None = None,
    scale_factor: Scale | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Resize images; the deprecated name of `interpolate`, which has the arguments.

    Source: torch's page "torch.nn.functional.upsample".
    """
    _warn_of("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: IntOrInts | None = None, scale_factor: Scale | None = None
) -> Tensor:
    """Resize images by repeating elements; deprecated, see `interpolate`.

    Source: torch's page "torch.nn.functional.upsample_nearest".
    """
    _warn_of("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(
    input: Tensor, size: IntOrInts | None = None, scale_factor: Scale | None = None
) -> Tensor:
    """Resize images bilinearly, corners aligned; deprecated, see `interpolate`.

    Source: torch's page "torch.nn.functional.upsample_bilinear".
    """
    _warn_of("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _warn_of(name: str) -> None:
    warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` "
        "instead.",
        stacklevel=3,
    )
