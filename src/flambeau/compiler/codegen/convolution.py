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
from .correlation import Axis, Correlation, correlate
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
            empty for a dense channels-last one.
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


def convolution(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution.

    Buffers: x, weight, batch (one int64, the number of images), out; scratch: packed,
    which depends on the weight only and may be kept. The epilogue sees the indices
    (image, *spatial, channel).
    """
    depth, columns = spec.inputs // spec.groups, spec.outputs // spec.groups
    correlation = _merged(
        Correlation(
            f"convolution_{spec.name}",
            spec.dtype,
            spec.batch,
            spec.groups,
            depth,
            columns,
            spec.axes(),
            spec.x_strides,
            0,
            spec.out_sizes,
        )
    )
    panel = correlation.tile(target).columns
    pack = Pack(
        dtype=spec.dtype,
        groups=((spec.groups, columns * depth * spec.taps),),
        taps=tuple(Steps(0, *each) for each in zip(_tap_strides(spec), spec.kernel)),
        rows=(depth, spec.taps),
        columns=(columns, depth * spec.taps),
        panel=panel,
    )
    stages = (
        Stage(pack_kernel(f"pack_{spec.name}", pack, target), ("weight", "packed")),
        Stage(
            correlate(correlation, target, epilogue or Epilogue()),
            ("x", "packed", "batch", "out"),
            fused=True,
        ),
    )
    return Program(stages, (("packed", pack.size * spec.dtype.itemsize),))


def _tap_strides(spec: ConvolutionSpec) -> list[int]:
    """How far apart taps lie in the weight, per dimension."""
    return [prod(spec.kernel[at + 1 :]) for at in range(len(spec.kernel))]


def _merged(spec: Correlation) -> Correlation:
    """Make one dimension of all where that changes nothing."""
    axes, strides = merged_axes(spec.axes, spec.strides)
    return replace(spec, axes=axes, strides=strides)


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


def input_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution's gradient with respect to its input.

    Buffers: grad (dense, channels-last), weight, batch, out (dense, channels-last);
    scratch: packed, which depends on the weight only. The epilogue sees the indices of
    the input (image, *spatial, channel). This is also the forward pass of a transposed
    convolution, whose output is the input of `spec`.
    """
    packing, running, start = [], [], 0
    residues = product(*map(_residues, spec.axes()))
    for number, phase in enumerate(residues):
        axes = tuple(axis for axis, _ in phase)
        correlation = _phase(spec, axes, start, number)
        pack = _phase_pack(spec, [taps for _, taps in phase], correlation, target)
        if pack.size:
            kernel = pack_kernel(f"pack_{correlation.name}", pack, target)
            packing.append(Stage(kernel, ("weight", "packed")))
        kernel = correlate(correlation, target, epilogue or Epilogue())
        buffers = ("grad", "packed", "batch", "out")
        running.append(Stage(kernel, buffers, fused=True))
        start += pack.size
    size = start * spec.dtype.itemsize
    return Program((*packing, *running), (("packed", size),))


def _phase(
    spec: ConvolutionSpec, axes: tuple[Axis, ...], start: int, number: int
) -> Correlation:
    """The correlation that computes the input's gradient at some residues."""
    return _merged(
        Correlation(
            f"input_gradient_{number}_{spec.name}",
            spec.dtype,
            spec.batch,
            spec.groups,
            spec.outputs // spec.groups,
            spec.inputs // spec.groups,
            axes,
            dense_strides(spec.out_sizes, spec.outputs),
            start,
            spec.sizes,
        )
    )


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


def _phase_pack(
    spec: ConvolutionSpec, taps: list[Steps], correlation: Correlation, target: Target
) -> Pack:
    """The flipped weights, with input and output channels exchanged."""
    panel = correlation.tile(target).columns
    size = correlation.columns * spec.taps
    return Pack(
        dtype=spec.dtype,
        groups=((spec.groups, correlation.depth * size),),
        taps=tuple(
            Steps(each.start * stride, each.step * stride, each.count)
            for each, stride in zip(taps, _tap_strides(spec))
        ),
        rows=(correlation.depth, size),
        columns=(correlation.columns, spec.taps),
        panel=panel,
        start=correlation.start,
    )
