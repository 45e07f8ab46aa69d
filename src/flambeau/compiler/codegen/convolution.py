"""Convolution with one to three spatial dimensions, and its input gradient.

Activations are channels-last (N, *spatial, C) and weights torch's
(K, C / groups, *kernel), packed by a first kernel. The input gradient is a correlation
of the output's gradient with the flipped weights; with a stride it falls apart into
one correlation per residue of the input's index, with the taps that meet it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod

from ... import dtypes as dt
from ...runtime.target import Target
from .axis import Axis
from .correlation import Correlation, correlate, parts_of
from .kernel import planned_once
from .packing import Pack, Steps, pack_kernel
from .program import Epilogue, Program, Stage
from .tile import ceil_div

__all__ = [
    "ConvolutionSpec",
    "convolution",
    "dense_strides",
    "input_gradient",
    "merged_axes",
]


@dataclass(frozen=True)
class ConvolutionSpec:
    """A convolution.

    Attributes:
        dtype: float32 or float64.
        batch: images.
        groups: independent convolutions of neighbouring channels.
        inputs: channels of the input, C.
        outputs: channels of the output, K.
        sizes: of the input's spatial dimensions.
        kernel: of the window.
        stride: how far it moves.
        dilation: how far apart its taps are.
        padding: zeros before and after each spatial dimension.
        strides: of the input in elements: of images, spatial dimensions, channels;
            empty for a dense channels-last one. A depthwise convolution needs
            channels that are neighbours.
    """

    dtype: dt.dtype
    batch: int
    groups: int
    inputs: int
    outputs: int
    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    strides: tuple[int, ...] = ()

    @property
    def out_sizes(self) -> tuple[int, ...]:
        """The spatial sizes of the output."""
        return tuple(
            (size + sum(padding) - dilation * (taps - 1) - 1) // stride + 1
            for size, taps, stride, dilation, padding in self._dimensions()
        )

    @property
    def x_strides(self) -> tuple[int, ...]:
        """The strides of the input."""
        return self.strides or dense_strides(self.sizes, self.inputs)

    @property
    def depthwise(self) -> bool:
        """Whether no channels mix."""
        return self.groups == self.inputs == self.outputs and self.groups > 1

    @property
    def taps(self) -> int:
        """How many taps the window has."""
        return prod(self.kernel)

    @property
    def name(self) -> str:
        """The options, for kernels' names; without the batch, which code ignores."""
        digest = "_".join(
            "x".join(map(str, each))
            for each in (
                (self.groups, self.inputs, self.outputs),
                self.sizes,
                self.kernel,
                self.stride,
                self.dilation,
                [low for low, _ in self.padding],
            )
        )
        return f"{self.dtype.name}_{digest}"

    def _dimensions(self) -> zip:
        return zip(self.sizes, self.kernel, self.stride, self.dilation, self.padding)

    def axes(self) -> tuple[Axis, ...]:
        """Return the spatial dimensions of the forward pass."""
        return tuple(
            Axis(size, out, taps, stride, dilation, padding[0], (0, 1), out)
            for (size, taps, stride, dilation, padding), out in zip(
                self._dimensions(), self.out_sizes
            )
        )


def dense_strides(sizes: tuple[int, ...], channels: int) -> tuple[int, ...]:
    """Return the strides of a dense channels-last tensor."""
    inner = [channels * prod(sizes[at:]) for at in range(len(sizes) + 1)]
    return (*inner, 1)


@planned_once
def convolution(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution.

    Buffers: x, weight, batch (one int64, the number of images), out; scratch: packed,
    which depends on the weight only and may be kept. The epilogue sees the indices
    (image, *spatial, channel).
    """
    taps = [Steps(0, 1, count) for count in spec.kernel]
    name = f"convolution_{spec.name}"
    correlation = _correlation(spec, name, spec.axes(), backward=False)
    pack = _pack(spec, correlation, taps, target, backward=False)
    stages = (
        Stage(pack_kernel(f"pack_{spec.name}", pack, target), ("weight", "packed")),
        Stage(
            correlate(name, (correlation,), target, epilogue or Epilogue()),
            ("x", "packed", "batch", "out"),
            fused=True,
        ),
    )
    scratch = (("packed", pack.size * spec.dtype.itemsize),)
    return Program(stages, scratch, spec.batch * parts_of((correlation,), target))


def _correlation(
    spec: ConvolutionSpec,
    name: str,
    axes: tuple[Axis, ...],
    backward: bool,
    start: int = 0,
) -> Correlation:
    """The correlation of a pass, over `axes`."""
    channels = (spec.inputs, spec.outputs)
    source, result = reversed(channels) if backward else channels
    dense = dense_strides(spec.out_sizes, spec.outputs)
    axes, strides = merged_axes(axes, dense if backward else spec.x_strides)
    depthwise, groups = spec.depthwise, 1 if spec.depthwise else spec.groups
    return Correlation(
        name=name,
        dtype=spec.dtype,
        batch=spec.batch,
        groups=groups,
        depth=1 if depthwise else source // groups,
        columns=result // groups,
        axes=axes,
        strides=strides,
        start=start,
        spatial=spec.sizes if backward else spec.out_sizes,
        depthwise=depthwise,
    )


def _pack(
    spec: ConvolutionSpec,
    correlation: Correlation,
    taps: list[Steps],
    target: Target,
    backward: bool,
) -> Pack:
    """How the weights of some taps lie in panels for a correlation."""
    depth, columns, window = correlation.depth, correlation.columns, spec.taps
    row, column = window, depth * window
    if backward and not spec.depthwise:
        row, column = columns * window, window
    apart = [prod(spec.kernel[at + 1 :]) for at in range(len(spec.kernel))]
    return Pack(
        dtype=spec.dtype,
        groups=((correlation.groups, columns * depth * window),),
        taps=tuple(
            Steps(each.start * stride, each.step * stride, each.count)
            for each, stride in zip(taps, apart)
        ),
        rows=(depth, row),
        columns=(columns, column),
        panel=correlation.tile(target).columns,
        start=correlation.start,
    )


def merged_axes(
    axes: tuple[Axis, ...], strides: tuple[int, ...]
) -> tuple[tuple[Axis, ...], tuple[int, ...]]:
    """Make one dimension of all if the window is one tap that visits every pixel."""
    plain = all(
        axis == Axis(axis.size, axis.size, 1, 1, 1, 0, (0, 1), axis.size)
        for axis in axes
    )
    sizes, spatial = [axis.size for axis in axes], strides[1:-1]
    dense = all(
        spatial[at] == spatial[at + 1] * sizes[at + 1] for at in range(len(sizes) - 1)
    )
    if len(sizes) == 1 or not (plain and dense):
        return axes, strides
    size = prod(sizes)
    axis = Axis(size, size, 1, 1, 1, 0, (0, 1), size)
    return (axis,), (strides[0], spatial[-1], strides[-1])


@planned_once
def input_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution's gradient with respect to its input.

    Buffers: grad (dense, channels-last), weight, batch, out (dense, channels-last);
    scratch: packed, which depends on the weight only. The epilogue sees the indices of
    the input (image, *spatial, channel). This is also the forward pass of a transposed
    convolution, whose output is the input of `spec`.
    """
    packing, phases, start = [], [], 0
    for number, phase in enumerate(product(*map(_residues, spec.axes()))):
        axes = tuple(axis for axis, _ in phase)
        name = f"input_gradient_{number}_{spec.name}"
        correlation = _correlation(spec, name, axes, backward=True, start=start)
        taps = [steps for _, steps in phase]
        pack = _pack(spec, correlation, taps, target, backward=True)
        if pack.size:
            kernel = pack_kernel(f"pack_{name}", pack, target)
            packing.append(Stage(kernel, ("weight", "packed")))
        phases.append(correlation)
        start += pack.size
    # where channels do not mix, time goes into moving memory
    as_one = spec.depthwise and len(spec.sizes) > 1
    running, parts = [], 0
    for group in [tuple(phases)] if as_one else [(phase,) for phase in phases]:
        first = replace(group[0], earlier=parts)
        kernel = correlate(
            first.name, (first, *group[1:]), target, epilogue or Epilogue()
        )
        buffers = ("grad", "packed", "batch", "out")
        running.append(Stage(kernel, buffers, fused=True))
        parts += parts_of(group, target)
    size = start * spec.dtype.itemsize
    return Program((*packing, *running), (("packed", size),), spec.batch * parts)


def _residues(axis: Axis) -> list[tuple[Axis, Steps]]:
    """How the input's indices with each residue collect their gradient.

    Index i = r + stride * j meets tap t at the output (i + before - t * dilation) /
    stride, where that is whole; later outputs meet earlier taps.
    """
    step = axis.stride // gcd(axis.stride, axis.dilation)
    apart = axis.dilation // gcd(axis.stride, axis.dilation)
    found = []
    for residue in range(min(axis.stride, axis.size)):
        reach = residue + axis.before
        taps = [
            tap
            for tap in range(axis.taps)
            if (reach - tap * axis.dilation) % axis.stride == 0
        ]
        last = taps[-1] if taps else 0
        first = (reach - last * axis.dilation) // axis.stride
        count = ceil_div(axis.size - residue, axis.stride)
        place = (residue, axis.stride)
        part = Axis(axis.out, count, len(taps), 1, apart, -first, place, axis.size)
        found.append((part, Steps(last, -step, len(taps))))
    return found
