"""Winograd's convolution F(4x4, 3x3): a quarter of the direct one's products.

    U = G w GT    of the weights
    V = BT x B    of each tile of 6x6 pixels of the input
    y = AT (sum over channels V * U) A    of 4x4 pixels of the output

The input gradient is the same with turned weights.
"""

from __future__ import annotations

from ...runtime.target import Target
from .convolution import ConvolutionSpec
from .kernel import planned_once
from .packing import Pack, Steps, pack_kernel
from .program import Epilogue, Program, Stage
from .winograd_plan import Tiling, plan_of
from .winograd_products import far_kernel, near_kernel, spread_kernel
from .winograd_weights import weights_kernel

__all__ = ["winograd_convolution", "winograd_input_gradient"]


@planned_once
def winograd_convolution(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution, with the buffers of `convolution`.

    The window is 3x3, its stride and dilation 1; there is one group, and the input is
    dense. Scratch: packed and turned depend on the weight only.
    """
    low = (spec.padding[0][0], spec.padding[1][0])
    tiling = _tiling(spec, f"winograd_{spec.name}", False, low)
    rows, columns = (spec.inputs, 9), (spec.outputs, 9 * spec.inputs)
    taps = (Steps(0, 3, 3), Steps(0, 1, 3))
    return _program(tiling, "x", (taps, rows, columns), target, epilogue)


@planned_once
def winograd_input_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of the input gradient, as `input_gradient` does."""
    before = (2 - spec.padding[0][0], 2 - spec.padding[1][0])
    tiling = _tiling(spec, f"winograd_input_gradient_{spec.name}", True, before)
    rows, columns = (spec.outputs, 9 * spec.inputs), (spec.inputs, 9)
    taps = (Steps(6, -3, 3), Steps(2, -1, 3))
    return _program(tiling, "grad", (taps, rows, columns), target, epilogue)


def _tiling(
    spec: ConvolutionSpec, name: str, backward: bool, before: tuple[int, int]
) -> Tiling:
    source, result = spec.sizes, spec.out_sizes
    channels = (spec.inputs, spec.outputs)
    if backward:
        source, result, channels = result, source, (spec.outputs, spec.inputs)
    sizes, out = (source[0], source[1]), (result[0], result[1])
    kind, batch, padded = spec.dtype, spec.batch, not backward
    return Tiling(name, kind, batch, *channels, sizes, out, before, padded)


_Gathering = tuple[tuple[Steps, ...], tuple[int, int], tuple[int, int]]


def _program(
    spec: Tiling,
    source: str,
    gathering: _Gathering,
    target: Target,
    epilogue: Epilogue | None,
) -> Program:
    plan, kind = plan_of(spec, target), spec.dtype
    taps, rows, columns = gathering
    pack = Pack(kind, ((1, 0),), taps, rows, columns, plan.tile.columns)
    packing = Stage(
        pack_kernel(f"pack_{spec.name}", pack, target), ("weight", "packed")
    )
    weights, end = plan.weights, epilogue or Epilogue()
    if plan.far:
        spread = spread_kernel(plan, target)
        kernel = far_kernel(plan, target, end)
        stages = (
            packing,
            Stage(spread, (source, "tiles", "batch")),
            Stage(kernel, (source, "packed", "tiles", "batch", "out"), fused=True),
        )
        other = ("tiles", plan.blocks.number(spec.batch) * plan.block)
    else:
        turning = weights_kernel(f"turn_{spec.name}", weights, target)
        kernel = near_kernel(plan, target, end)
        stages = (
            packing,
            Stage(turning, ("packed", "turned")),
            Stage(kernel, (source, "packed", "turned", "batch", "out"), fused=True),
        )
        other = ("turned", weights.size)
    sizes = (("packed", pack.size), other)
    scratch = tuple((name, size * kind.itemsize) for name, size in sizes)
    return Program(stages, scratch, plan.blocks.number(spec.batch))
