"""The three passes of one convolution: as kernels, and in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np

from flambeau import float32
from flambeau.compiler.codegen.convolution import (
    ConvolutionSpec,
    convolution,
    input_gradient,
)
from flambeau.compiler.codegen.program import Program
from flambeau.compiler.codegen.weight_gradient import weight_gradient
from flambeau.debug.loaded import Loaded
from flambeau.runtime.engine import engine
from flambeau.runtime.memory import side_by_side

from .case import Case
from .contender import Answer, Contender
from .results import Figure, Row
from .settings import Settings

__all__ = ["DIRECT", "Convolution", "Make", "cases_of"]

Make = Callable[..., Program]

DIRECT: dict[str, Make] = {
    "forward": convolution,
    "input_gradient": input_gradient,
    "weight_gradient": weight_gradient,
}
"""What makes the kernels of each pass, by its name."""

_READS = {
    "forward": ("x", "weight"),
    "input_gradient": ("grad", "weight"),
    "weight_gradient": ("x", "grad"),
}
_WRITES = {"forward": "grad", "input_gradient": "x", "weight_gradient": "weight"}


@dataclass(frozen=True)
class Convolution:
    """A 3x3 convolution that keeps channels and size.

    Attributes:
        channels: of the input and of the output.
        pixels: along both sides.
        batch: images.
    """

    channels: int
    pixels: int
    batch: int

    @property
    def name(self) -> str:
        """Channels and size, for the names of rows."""
        return f"{self.channels}ch_{self.pixels}px"

    @property
    def flops(self) -> int:
        """The operations of each pass when done directly, borders included."""
        return 2 * self.batch * (self.pixels * self.channels * 3) ** 2

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Input, weight and the output's gradient: images channels-last, by name."""
        draw = np.random.default_rng(0)
        image = (self.batch, self.pixels, self.pixels, self.channels)
        shapes = {"x": image, "weight": (self.channels, self.channels, 3, 3)}
        return {
            name: draw.standard_normal(shape, np.float32)
            for name, shape in {**shapes, "grad": image}.items()
        }

    def kernels(self, which: str, make: Make) -> Contender:
        """Return the contender that runs the kernels of a pass.

        Weights are packed before, once, as they are in a plan that infers.
        """
        program = make(self._spec(), engine().target)
        images = {name: self.arrays[name] for name in _READS[which]}
        images["out"] = np.zeros_like(self.arrays[_WRITES[which]])
        images["batch"] = np.array([self.batch], np.int64)
        scratch = {name: np.zeros(size, np.uint8) for name, size in program.scratch}
        arrays = _as_in_plans({**images, **scratch})
        stages = [
            (each.kernel, [arrays[name] for name in each.buffers])
            for each in program.stages
        ]
        Loaded(*stages)()
        run = Loaded(*[stages[at] for at in _stages_of_images(program)])

        def answer() -> Answer:
            run()
            return {"out": arrays["out"].copy()}

        return Contender(answer, run)

    def _spec(self) -> ConvolutionSpec:
        c, size = self.channels, (self.pixels, self.pixels)
        same = ((1, 1), (1, 1))
        return ConvolutionSpec(
            float32, self.batch, 1, c, c, size, (3, 3), (1, 1), (1, 1), same
        )

    def torch(self, which: str, kind: Any, channels_last: bool) -> Contender:
        """Return the contender that runs a pass in torch, in a dtype of torch's."""
        x, weight, grad = self._tensors(kind, channels_last)
        mask = [which == "input_gradient", which == "weight_gradient", False]

        def run() -> Any:
            import torch

            if which == "forward":
                return torch.nn.functional.conv2d(x, weight, padding=1)
            passes = torch.ops.aten.convolution_backward(
                grad, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask
            )
            return passes[mask.index(True)]

        def answer() -> Answer:
            found = run().numpy()
            images = which != "weight_gradient"
            return {"out": found.transpose(0, 2, 3, 1) if images else found}

        return Contender(answer, run)

    def _tensors(self, kind: Any, channels_last: bool) -> list[Any]:
        import torch

        found = []
        for name in ("x", "weight", "grad"):
            each = torch.from_numpy(self.arrays[name]).to(kind)
            each = each if name == "weight" else each.permute(0, 3, 1, 2)
            layout = torch.channels_last if channels_last else torch.contiguous_format
            found.append(each.contiguous(memory_format=layout))
        return found


def cases_of(
    suite: str,
    passes: Iterable[str],
    jobs: Iterable[Convolution],
    measure: Callable[[str, str, Convolution, Settings], list[Row | Figure]],
) -> list[Case]:
    """Return a case for each pass of each convolution.

    Args:
        suite: what names begin with.
        passes: by their names.
        jobs: the convolutions.
        measure: makes the rows, given the case's name, the pass and the convolution.
    """
    found = []
    for which, job in product(passes, jobs):
        name = f"{suite}.{which}_{job.name}"
        found.append(Case(name, partial(measure, name, which, job)))
    return found


def _as_in_plans(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copy arrays into one arena, where their vectors lie on whole cache lines."""
    found = side_by_side({name: array.nbytes for name, array in arrays.items()})
    for name, array in arrays.items():
        found[name] = found[name].view(array.dtype).reshape(array.shape)
        found[name][:] = array
    return found


def _stages_of_images(program: Program) -> list[int]:
    """The positions of the stages that see an image, or what was made of one."""
    seen, found = {"x", "grad"}, []
    for at, stage in enumerate(program.stages):
        if seen & set(stage.buffers):
            found.append(at)
            seen |= set(stage.buffers) - {"weight", "batch"}
    return found
