"""Records of convolution, pooling and folding."""

from math import prod
from typing import Any

import numpy as np
import reference_windows as reference
from case import Array, Case, State, grid, without


def images(shape: tuple[int, ...]) -> tuple[Array]:
    """Return images that may hold a value twice."""
    return (grid(*shape),)


def distinct(shape: tuple[int, ...]) -> tuple[Array]:
    """Return images whose values all differ, where maxima are searched."""
    mixed = np.random.default_rng(0).permutation(prod(shape))
    return ((mixed.reshape(shape) - 20) / 8,)


# Convolution


def conv(shape: tuple[int, ...], c: int, k: int, size: Any, **options: Any) -> Case:
    dims = len(shape) - 2
    used = without(options, "bias")
    sizes = {"in_channels": c, "out_channels": k, "kernel_size": size}
    return Case(
        f"Conv{dims}d",
        images(shape),
        lambda state, x: reference.conv(x, state["weight"], state.get("bias"), **used),
        sizes | options,
        in_torch=options.get("padding") != "same" or options.get("stride", 1) == 1,
    )


def transposed(
    shape: tuple[int, ...],
    c: int,
    k: int,
    size: Any,
    call: dict[str, Any] | None = None,
    gives: Any = None,
    **options: Any,
) -> Case:
    """`gives` is the output_padding that the call's output_size comes to."""
    dims = len(shape) - 2
    used = without(options, "bias")
    if gives is not None:
        used["output_padding"] = gives
    sizes = {"in_channels": c, "out_channels": k, "kernel_size": size}
    return Case(
        f"ConvTranspose{dims}d",
        images(shape),
        lambda state, x: reference.conv_transpose(
            x, state["weight"], state.get("bias"), **used
        ),
        sizes | options,
        call or {},
    )


def depthwise(shape: tuple[int, ...], size: Any, **options: Any) -> Case:
    dims, channels = len(shape) - 2, shape[1]
    used = without(options, "multiplier") | {"groups": channels}
    return Case(
        f"DepthwiseConv{dims}d",
        images(shape),
        lambda state, x: reference.conv(x, state["weight"], state["bias"], **used),
        {"channels": channels, "kernel_size": size} | options,
        in_torch=False,
    )


def separable(shape: tuple[int, ...], k: int, size: Any, **options: Any) -> Case:
    dims, channels = len(shape) - 2, shape[1]
    used = without(options, "multiplier", "bias") | {"groups": channels}

    def meaning(state: State, x: Array) -> Array:
        x = reference.conv(
            x, state["depthwise.weight"], state.get("depthwise.bias"), **used
        )
        weight, bias = state["pointwise.weight"], state.get("pointwise.bias")
        return reference.conv(x, weight, bias)

    made = {"in_channels": channels, "out_channels": k, "kernel_size": size}
    layer = f"SeparableConv{dims}d"
    return Case(layer, images(shape), meaning, made | options, in_torch=False)


# Folding


def unfold(shape: tuple[int, ...], in_torch: bool = True, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference.unfold(x, **options)

    return Case("Unfold", images(shape), meaning, options, in_torch=in_torch)


def fold(shape: tuple[int, ...], in_torch: bool = True, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference.fold(x, **options)

    return Case("Fold", images(shape), meaning, options, in_torch=in_torch)


# Pooling


def max_pool(shape: tuple[int, ...], size: Any, **options: Any) -> Case:
    dims = len(shape) - 2
    positions = options.get("return_indices", False)

    def meaning(state: State, x: Array) -> Any:
        found = reference.max_pool(x, size, **without(options, "return_indices"))
        return found if positions else found[0]

    made = {"kernel_size": size} | options
    return Case(f"MaxPool{dims}d", distinct(shape), meaning, made)


def avg_pool(shape: tuple[int, ...], size: Any, **options: Any) -> Case:
    dims = len(shape) - 2

    def meaning(state: State, x: Array) -> Array:
        return reference.avg_pool(x, size, **options)

    return Case(
        f"AvgPool{dims}d", images(shape), meaning, {"kernel_size": size} | options
    )


def lp_pool(shape: tuple[int, ...], norm: Any, size: Any, **options: Any) -> Case:
    dims = len(shape) - 2

    def meaning(state: State, x: Array) -> Array:
        return reference.lp_pool(x, norm, size, **options)

    made = {"norm_type": norm, "kernel_size": size} | options
    return Case(f"LPPool{dims}d", images(shape), meaning, made)


def adaptive(shape: tuple[int, ...], kind: str, size: Any, **options: Any) -> Case:
    dims = len(shape) - 2
    made = {"output_size": size} | options
    name = f"Adaptive{kind}Pool{dims}d"
    if kind == "Avg":
        return Case(
            name,
            images(shape),
            lambda state, x: reference.adaptive_avg_pool(x, size),
            made,
        )

    def meaning(state: State, x: Array) -> Any:
        found = reference.adaptive_max_pool(x, size)
        return found if options else found[0]

    return Case(name, distinct(shape), meaning, made)


def steps_first(shape: tuple[int, ...], filters: tuple[int, ...], pad: int) -> Case:
    """Convolution of (L, N, C) with (taps, C, K)."""

    def meaning(state: State, x: Array, w: Array, b: Array) -> Array:
        padded = np.pad(x, [(pad, pad), (0, 0), (0, 0)])
        count = len(padded) - len(w) + 1
        steps = [padded[start : start + count] for start in range(len(w))]
        return b + sum(step @ tap for step, tap in zip(steps, w))

    inputs = (grid(*shape), grid(*filters, seed=1), grid(filters[-1], seed=2))
    return Case("conv_tbc", inputs, meaning, {"pad": pad})


def with_indices(case: Case, function: str) -> Case:
    """The same pool as a function that always tells where its maxima are."""
    options = without(case.options, "return_indices")
    return Case(function, case.inputs, case.meaning, options)


POOL = max_pool((1, 2, 5, 6), (3, 2), stride=(2, 1), padding=1, return_indices=True)
ADAPTIVE = adaptive((2, 3, 7), "Max", 3, return_indices=True)

CASES = {
    # Convolution
    "conv_tbc": steps_first((5, 2, 3), (3, 3, 4), 1),
    "conv1d": conv((2, 3, 7), 3, 4, 3),
    "conv2d": conv((2, 3, 5, 4), 3, 4, 3),
    "conv2d, 1x1": conv((2, 3, 4, 4), 3, 5, 1),
    "conv2d, uneven": conv((1, 2, 6, 7), 2, 3, (3, 2), stride=(2, 3), padding=(1, 2)),
    "conv2d, dilated": conv((2, 2, 7, 6), 2, 3, 3, dilation=2, padding=1),
    "conv2d, groups": conv((2, 4, 5, 5), 4, 6, 3, groups=2, stride=2, padding=1),
    "conv2d, no bias": conv((2, 2, 5, 5), 2, 3, 3, bias=False),
    "conv2d, valid": conv((1, 2, 5, 5), 2, 3, 3, padding="valid"),
    "conv2d, same": conv((1, 2, 5, 6), 2, 3, (3, 5), padding="same", dilation=(2, 1)),
    "conv2d, same and strided": conv((1, 2, 5, 6), 2, 3, 3, padding="same", stride=2),
    "conv1d, same, stride over kernel": conv(
        (1, 2, 9), 2, 2, 2, padding="same", stride=4
    ),
    "conv2d, reflected": conv((1, 2, 4, 5), 2, 3, 3, padding=2, padding_mode="reflect"),
    "conv2d, replicated": conv(
        (1, 2, 4, 5), 2, 3, 3, padding=(1, 3), padding_mode="replicate"
    ),
    "conv2d, circular": conv(
        (1, 2, 4, 5), 2, 3, 3, padding="same", padding_mode="circular"
    ),
    "conv1d, circular, same and strided": conv(
        (1, 2, 6), 2, 3, 4, padding="same", padding_mode="circular", stride=2
    ),
    "conv3d, reflected": conv(
        (1, 1, 3, 4, 3), 1, 2, 2, padding=1, padding_mode="reflect", stride=2
    ),
    "conv3d": conv(
        (2, 2, 3, 4, 5), 2, 3, (2, 3, 2), stride=(1, 2, 1), padding=(1, 0, 1)
    ),
    "conv_transpose1d": transposed((2, 3, 4), 3, 2, 3),
    "conv_transpose2d": transposed((2, 4, 3, 4), 4, 3, 2, stride=2),
    "conv_transpose2d, groups": transposed(
        (1, 4, 3, 3), 4, 6, 3, stride=2, padding=1, output_padding=1, groups=2
    ),
    "conv_transpose2d, dilated": transposed(
        (1, 2, 3, 3), 2, 2, (2, 3), dilation=(3, 1), output_padding=(2, 0), bias=False
    ),
    "conv_transpose2d, output_size": transposed(
        (1, 2, 3, 3), 2, 2, 3, {"output_size": (8, 7)}, gives=(1, 0), stride=2
    ),
    "conv_transpose1d, output shape": transposed(
        (2, 2, 3), 2, 2, 3, {"output_size": (2, 2, 8)}, gives=1, stride=2
    ),
    "conv_transpose3d": transposed((1, 2, 2, 2, 3), 2, 2, 2, stride=(2, 1, 2)),
    "depthwise1d": depthwise((2, 3, 6), 3, padding=1),
    "depthwise2d": depthwise((2, 3, 5, 5), 3, multiplier=2, stride=2),
    "depthwise3d": depthwise((1, 2, 3, 3, 3), 2, padding_mode="circular", padding=1),
    "separable1d": separable((2, 3, 6), 4, 3, padding="same", stride=2),
    "separable2d": separable((2, 3, 5, 5), 4, 3, multiplier=2, dilation=2),
    "separable3d": separable((1, 2, 3, 3, 3), 3, 2, bias=False),
    # Folding
    "unfold1d": unfold(
        (2, 3, 6), kernel_size=(3,), stride=2, padding=1, in_torch=False
    ),
    "unfold2d": unfold((2, 2, 4, 5), kernel_size=(2, 3), dilation=(2, 1), padding=1),
    "unfold2d, int": unfold((1, 2, 5, 5), kernel_size=3, stride=2),
    "unfold3d": unfold(
        (1, 2, 3, 4, 3), kernel_size=2, stride=(1, 2, 1), in_torch=False
    ),
    "fold1d": fold((2, 4, 5), output_size=(6,), kernel_size=2, in_torch=False),
    "fold2d": fold(
        (2, 12, 8),
        output_size=(4, 6),
        kernel_size=(2, 3),
        stride=(2, 1),
        padding=(0, 0),
    ),
    "fold2d, dilated": fold(
        (1, 8, 9), output_size=(3, 3), kernel_size=2, dilation=2, padding=1
    ),
    "fold3d": fold(
        (1, 8, 4), output_size=(2, 3, 3), kernel_size=(2, 2, 2), in_torch=False
    ),
    # Pooling
    "max_pool1d": max_pool((2, 3, 7), 3, stride=2, return_indices=True),
    "max_pool2d": max_pool((2, 2, 6, 6), 2),
    "max_pool2d, indices": max_pool(
        (1, 2, 5, 6), (3, 2), stride=(2, 1), padding=1, return_indices=True
    ),
    "max_pool2d, ceil": max_pool((1, 2, 5, 5), 2, ceil_mode=True, return_indices=True),
    "max_pool2d, dilated": max_pool((1, 2, 6, 7), 2, dilation=(2, 3), stride=1),
    "max_pool3d": max_pool((1, 2, 4, 4, 3), 2, stride=1, return_indices=True),
    "max_pool2d_with_indices": with_indices(POOL, "max_pool2d_with_indices"),
    "adaptive_max_pool1d_with_indices": with_indices(
        ADAPTIVE, "adaptive_max_pool1d_with_indices"
    ),
    "avg_pool1d": avg_pool((2, 3, 7), 3, stride=2),
    "avg_pool2d": avg_pool((2, 2, 6, 6), 2),
    "avg_pool2d, padded": avg_pool((1, 2, 5, 6), 3, stride=2, padding=1),
    "avg_pool2d, padding not counted": avg_pool(
        (1, 2, 5, 6), (3, 2), stride=2, padding=1, count_include_pad=False
    ),
    "avg_pool2d, ceil": avg_pool((1, 2, 6, 6), 3, stride=2, padding=1, ceil_mode=True),
    "avg_pool2d, divisor": avg_pool((1, 2, 4, 4), 2, divisor_override=3),
    "avg_pool3d": avg_pool((1, 2, 4, 4, 3), 2, stride=1, padding=1, ceil_mode=True),
    "lp_pool1d": lp_pool((2, 3, 6), 2, 2),
    "lp_pool2d": lp_pool((1, 2, 5, 5), 4.0, (3, 2), stride=1),
    "lp_pool3d": lp_pool((1, 2, 4, 4, 2), 2, 2),
    "adaptive_avg_pool1d": adaptive((2, 3, 7), "Avg", 3),
    "adaptive_avg_pool2d": adaptive((2, 2, 6, 5), "Avg", (3, None)),
    "adaptive_avg_pool2d, global": adaptive((2, 2, 5, 4), "Avg", 1),
    "adaptive_avg_pool2d, larger": adaptive((1, 2, 3, 4), "Avg", (5, 6)),
    "adaptive_avg_pool3d": adaptive((1, 2, 3, 5, 4), "Avg", (2, 2, 3)),
    "adaptive_max_pool1d": adaptive((2, 3, 7), "Max", 3, return_indices=True),
    "adaptive_max_pool2d": adaptive((2, 2, 6, 5), "Max", (3, None)),
    "adaptive_max_pool2d, larger": adaptive(
        (1, 2, 3, 4), "Max", (5, 6), return_indices=True
    ),
    "adaptive_max_pool3d": adaptive(
        (1, 2, 3, 5, 4), "Max", (2, 2, 3), return_indices=True
    ),
}
