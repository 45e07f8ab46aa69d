"""What a record of the table of layers and functions is; `cases` is the table.

A record says how a layer is made, what it gets, and how NumPy computes the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

Array = np.ndarray
State = dict[str, Array]


@dataclass(frozen=True)
class Case:
    """A layer, its inputs and its meaning.

    Attributes:
        layer: the class in `nn`, or a function in `nn.functional`.
        inputs: arrays; those of float64 are converted to the dtype that is tested.
        meaning: `meaning(state, *inputs)`, with the layer's parameters and buffers by
            name; returns an array, or a tuple of them. None: the layer is random.
        options: how the layer is made; arrays among them become tensors.
        call: more arguments of the call.
        arrange: `arrange(library, *tensors)` returns the arguments that the inputs are
            given as; None: as they are.
        training: the mode.
        smooth: whether derivatives can be taken by differences at the inputs.
        in_torch: whether torch has it.
        torch_digits: how exact torch is in float64.
    """

    layer: str
    inputs: tuple[Array, ...]
    meaning: Callable[..., Any] | None
    options: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    arrange: Callable[..., Sequence[Any]] | None = None
    training: bool = True
    smooth: bool = True
    in_torch: bool = True
    torch_digits: float = 1e-12

    @property
    def is_module(self) -> bool:
        """Whether this is a class, which may have parameters."""
        return self.layer[0].isupper()

    def make(self, library: Any, kind: str = "float64", **more: Any) -> Any:
        """Make the layer with flambeau or torch, its parameters converted."""
        options = {k: tensor(library, v, kind) for k, v in self.options.items()}
        if not self.is_module:
            return partial(getattr(library.nn.functional, self.layer), **options)
        layer = getattr(library.nn, self.layer)(**options, **more)
        return layer.to(getattr(library, kind)).train(self.training)

    def tensors(self, library: Any, dtype: str = "float64") -> list[Any]:
        """Return the inputs as tensors; floats require a gradient."""
        made = [tensor(library, each, dtype) for each in self.inputs]
        return [t.requires_grad_() if t.is_floating_point() else t for t in made]

    def run(self, library: Any, layer: Any, inputs: Sequence[Any]) -> list[Any]:
        """Call a layer of one of the libraries, and return its results in a row."""
        given = self.arrange(library, *inputs) if self.arrange else inputs
        return flat(layer(*given, **self.call))

    def expected(self, state: State) -> tuple[Array, ...]:
        """Return what the layer is to return, always as a tuple."""
        assert self.meaning is not None
        found = self.meaning(state, *self.inputs)
        found = found if isinstance(found, tuple) else (found,)
        return tuple(map(np.asarray, found))


def tensor(library: Any, value: Any, dtype: str) -> Any:
    """Return an array as a tensor, float64 converted to `dtype`; others as they are."""
    if not isinstance(value, np.ndarray):
        return value
    made = library.tensor(value)
    return made.to(getattr(library, dtype)) if value.dtype == np.float64 else made


def grid(*shape: int, seed: int = 0, scale: float = 1) -> Array:
    """Numbers of (-2, 2) times a power of 2, none of them whole, exact in float16."""
    generator = np.random.default_rng(seed)
    return np.asarray((generator.integers(-32, 32, shape) + 0.5) / 16 * scale)


def chances(*shape: int, seed: int = 1) -> Array:
    """Numbers of (0, 1), exact in float16."""
    return (np.random.default_rng(seed).integers(0, 32, shape) + 0.5) / 32


def classes(count: int, *shape: int, seed: int = 2) -> Array:
    """Whole numbers from 0 to count - 1."""
    return np.random.default_rng(seed).integers(0, count, shape)


def without(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the options but for those named."""
    return {name: value for name, value in options.items() if name not in names}


def flat(found: Any) -> list[Any]:
    """Return all tensors of a result, which may be nested."""
    if not isinstance(found, tuple | list):
        return [] if found is None else [found]
    return [tensor for part in found for tensor in flat(part)]


def results(found: Any) -> tuple[Array, ...]:
    """Return what a layer returned as arrays."""
    return tuple(each.detach().numpy() for each in flat(found))
