"""Convolutions and their gradients become kernels on channels-last memory.

conv(x, w)   ->   pack(w), convolution(x, w, out) with out lying (N, *spatial, C)

The order of the dimensions in memory is chosen here and carried on by the loops that
read the result, so that between two convolutions nothing is transposed. Winograd's
kernels do what they do faster, unless the user has turned them off.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Node
from ...shape import window_output
from ..codegen.convolution import ConvolutionSpec, convolution, input_gradient
from ..codegen.weight_gradient import weight_gradient
from ..codegen.winograd import winograd_convolution, winograd_input_gradient
from ..codegen.winograd_choice import Pass, winograd_pays
from ..codegen.winograd_weight_gradient import winograd_weight_gradient
from ..program import Buffer
from .context import Lowering
from .epilogue import Contraction, lower_with_epilogue
from .loop import dense

__all__ = [
    "can_convolve",
    "lower_convolution",
    "lower_input_gradient",
    "lower_weight_gradient",
]

_FEW = 4  # channels up to which an image is read as it lies


def can_convolve(node: Node) -> bool:
    """Whether kernels exist: up to three spatial dimensions, nothing cropped."""
    pads = node.params["padding"]
    return (
        node.dtype.is_floating_point
        and 3 <= node.ndim <= 5
        and all(low >= 0 and high >= 0 for low, high in pads)
        and _has_all_windows(node)
    )


def _has_all_windows(node: Node) -> bool:
    """Whether the output's side has every window that fits into the input's.

    A transposed convolution whose output padding reaches the stride has fewer.
    """
    sides = {
        "conv": (*node.inputs, node),
        "conv_input_grad": (node, *reversed(node.inputs)),
        "conv_weight_grad": (node.inputs[0], node, node.inputs[1]),
    }
    shapes = (each.shape[2:] for each in sides[node.name])  # input, weight, output
    options = (node.params[name] for name in ("stride", "padding", "dilation"))
    each = zip(*shapes, *options, strict=True)
    return all(
        count == window_output(size, kernel, step, low, high, gap)
        for size, kernel, count, step, (low, high), gap in each
    )


def channels_last(ndim: int) -> tuple[int, ...]:
    """Return the dimensions in memory order: images, spatial dimensions, channels."""
    return (0, *range(2, ndim), 1)


def _spec(
    node: Node,
    x: tuple[int, ...],
    w: tuple[int, ...],
    strides: tuple[int, ...] = (),
) -> ConvolutionSpec:
    """Describe the convolution of an input and a weight of these shapes."""
    params = node.params
    return ConvolutionSpec(
        node.dtype,
        batch=x[0],
        groups=params["groups"],
        inputs=x[1],
        outputs=w[0],
        sizes=x[2:],
        kernel=w[2:],
        stride=params["stride"],
        dilation=params["dilation"],
        padding=params["padding"],
        strides=strides,
    )


def _batch(lowering: Lowering, size: int) -> Buffer:
    """The number of images, which kernels read when they run."""
    return lowering.numbers((size,))


def _read_input(
    lowering: Lowering, node: Node, groups: int
) -> tuple[Buffer, tuple[int, ...]]:
    """The input's buffer and its strides; an image of few channels stays as it is."""
    buffer = lowering.buffer_of(node)
    order = channels_last(node.ndim)
    if (
        node.shape[1] <= _FEW
        and groups == 1
        and buffer.lies_in(tuple(range(node.ndim)))
    ):
        return buffer, tuple(buffer.steps[at] for at in order)
    return dense(lowering, node, order), ()


def lower_convolution(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute a convolution, and what follows elementwise."""
    node = nodes[0]
    x, w = node.inputs
    buffer, strides = _read_input(lowering, x, node.params["groups"])
    spec = _spec(node, x.shape, w.shape, strides)
    named = {
        "x": buffer,
        "weight": dense(lowering, w),
        "batch": _batch(lowering, spec.batch),
    }

    fast = lowering.options.winograd and winograd_pays(spec, Pass.FORWARD)
    family = winograd_convolution if fast else convolution
    contraction = Contraction(
        lambda epilogue: family(spec, lowering.target, epilogue),
        named,
        channels_last(node.ndim),
    )
    lower_with_epilogue(lowering, nodes, contraction)


def lower_input_gradient(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute the gradient of the input, or a transposed convolution."""
    node = nodes[0]
    g, w = node.inputs
    spec = _spec(node, node.shape, w.shape)
    order = channels_last(node.ndim)
    named = {
        "grad": dense(lowering, g, order),
        "weight": dense(lowering, w),
        "batch": _batch(lowering, spec.batch),
    }

    fast = lowering.options.winograd and winograd_pays(spec, Pass.INPUT)
    family = winograd_input_gradient if fast else input_gradient
    contraction = Contraction(
        lambda epilogue: family(spec, lowering.target, epilogue), named, order
    )
    lower_with_epilogue(lowering, nodes, contraction)


def lower_weight_gradient(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute the gradient of the weight, which lies as torch lays it out."""
    node = nodes[0]
    x, g = node.inputs
    buffer, strides = _read_input(lowering, x, node.params["groups"])
    spec = _spec(node, x.shape, node.shape, strides)
    named = {
        "x": buffer,
        "grad": dense(lowering, g, channels_last(g.ndim)),
        "batch": _batch(lowering, spec.batch),
    }

    fast = lowering.options.winograd and winograd_pays(spec, Pass.WEIGHT)
    family = winograd_weight_gradient if fast else weight_gradient
    contraction = Contraction(
        lambda epilogue: family(spec, lowering.target, epilogue),
        named,
        tuple(range(node.ndim)),
        only_dense=True,
    )
    lower_with_epilogue(lowering, nodes, contraction)
