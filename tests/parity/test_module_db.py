"""torch's own table of modules, `module_db`: every sample run by both libraries.

For each sample both modules are made, the weights go from torch to flambeau by their
state_dict, and results, gradients of inputs and parameters, buffers, the state_dict and
the printed form are compared. The samples that are made wrong must raise torch's type
of error, and the message must meet torch's pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from parity.tally import Tally
from torch.testing._internal.common_modules import (
    ModuleErrorEnum,
    ModuleInfo,
    ModuleInput,
    module_db,
)

import flambeau
import flambeau.nn

# Samples that cannot agree, by module, dtype, mode and number, and why.
LEFT_OUT: dict[str, str] = {}

# Messages that say the same in other words.
SAME_MEANING = {
    r"non-empty 3D or 4D \(batch mode\) tensor expected for input": (
        r"Expected 3D \(unbatched\) or 4D \(batched\) input to max_pool2d"
    ),
}

TOLERANCE = {"float32": 2e-5, "float64": 1e-10}

# torch adds up the logarithms of CTC over 50 steps in float32: its slopes differ from
# those of float64 by as much, flambeau's by 2e-7.
# Over the samples of a whole Transformer torch is up to 1.6e-5 away from float64 and
# flambeau 1.0e-5, so that both together may be 2.6e-5 apart.
LESS_EXACT = {("CTCLoss", "float32"): 1e-4, ("Transformer", "float32"): 2.6e-5}


class Difference(AssertionError):
    """What both libraries do not have in common."""


# Torch's values as flambeau's


def mirrored(value: Any, known: dict[int, Any] | None = None) -> Any:
    """Return the same value for flambeau; modules and other objects stay.

    What is one tensor stays one, through all calls with the same dictionary.
    """
    known = {} if known is None else known
    if isinstance(value, torch.Tensor):
        if id(value) not in known:
            made = flambeau.tensor(value.detach().numpy().copy())
            known[id(value)] = made.requires_grad_(value.requires_grad)
        return known[id(value)]
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return str(value)
    if type(value) in (list, tuple):
        return type(value)(mirrored(each, known) for each in value)
    if isinstance(value, dict):
        return {key: mirrored(each, known) for key, each in value.items()}
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return encoder_layer(value)
    if callable(value) and value is getattr(F, getattr(value, "__name__", ""), None):
        return getattr(flambeau.nn.functional, value.__name__)
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        options = {name: getattr(value, name) for name in value.__slots__}
        return flambeau.nn.LinearCrossEntropyOptions(**mirrored(options))
    return value


def encoder_layer(layer: torch.nn.TransformerEncoderLayer) -> Any:
    """Return flambeau's layer of the same options."""
    return flambeau.nn.TransformerEncoderLayer(
        layer.linear1.in_features,
        layer.self_attn.num_heads,
        layer.linear1.out_features,
        layer.dropout.p,
        mirrored(layer.activation),
        layer.norm1.eps,
        layer.self_attn.batch_first,
        layer.norm_first,
        layer.linear1.bias is not None,
    )


def tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors of nested tuples, lists and dicts in order."""
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, (torch.Tensor, flambeau.Tensor)):
        yield value


def array(tensor: Any) -> np.ndarray:
    return tensor.detach().numpy().copy()


# One sample


class Run:
    """A sample in one of the libraries.

    Attributes:
        library: flambeau or torch.
        module: the module that was made.
        call_with: the arguments of the call, and those by name.
    """

    def __init__(
        self,
        library: Any,
        cls: Any,
        sample: ModuleInput,
        kind: str | None,
        training: bool,
    ) -> None:
        made, called = sample.constructor_input, sample.forward_input
        given: Any = [made.args, made.kwargs]
        given += [called.args, called.kwargs] if called else [(), {}]
        args, kwargs, *self.call_with = given if library is torch else mirrored(given)
        self.library = library
        self.module = cls(*args, **kwargs)
        self.module.train(training)
        if kind is not None:
            self.module.to(getattr(library, kind))

    def call(self) -> list[np.ndarray]:
        """Return results, then the gradients of the inputs and of the parameters."""
        self.library.manual_seed(11)
        args, kwargs = self.call_with
        outputs = [*tensors_in(self.module(*args, **kwargs))]
        rng = np.random.default_rng(1)
        total: Any = 0
        for each in outputs:
            if each.requires_grad:
                weight = rng.uniform(0.5, 1.5, tuple(each.shape))
                weights = self.library.tensor(weight).to(each.dtype)
                total = total + (each * weights).sum()
        leaves = [t for t in tensors_in(self.call_with) if t.requires_grad]
        leaves += self.module.parameters()
        slopes = [None] * len(leaves)
        if isinstance(total, (torch.Tensor, flambeau.Tensor)):
            grad = self.library.autograd.grad
            slopes = grad(total, leaves, allow_unused=True)
        found = [array(each) for each in outputs]
        return found + [
            np.zeros(tuple(t.shape)) if slope is None else array(slope)
            for t, slope in zip(leaves, slopes)
        ]

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as arrays."""
        return {name: array(each) for name, each in self.module.state_dict().items()}

    def initialize(self) -> None:
        """Give a lazy module the sizes of its input."""
        with self.library.no_grad():
            args, kwargs = self.call_with
            self.module(*args, **kwargs)


def compare(what: str, mine: Any, wanted: Any, limit: float) -> None:
    """Raise what differs between two arrays."""
    if mine.shape != wanted.shape:
        raise Difference(f"{what}: shape {mine.shape}, torch has {wanted.shape}")
    scale = max(float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0)), 1e-3)
    if not np.allclose(mine, wanted, rtol=limit, atol=limit * scale, equal_nan=True):
        gap = np.nanmax(np.abs(mine - wanted))
        raise Difference(f"{what}: differs by {gap} of {scale}")


def check_sample(info: ModuleInfo, sample: ModuleInput, kind: str, mode: bool) -> None:
    """Raise what one sample does not have in common."""
    limit = LESS_EXACT.get((info.module_cls.__name__, kind), TOLERANCE[kind])
    theirs = Run(torch, info.module_cls, sample, kind, mode)
    mine = Run(flambeau, own_class(info), sample, kind, mode)
    if repr(mine.module) != repr(theirs.module):
        raise Difference(f"repr {mine.module!r}, torch prints {theirs.module!r}")
    if list(mine.module.state_dict()) != list(theirs.module.state_dict()):
        raise Difference(f"state_dict {list(mine.module.state_dict())}")
    if "Lazy" in info.name:
        mine.initialize()
        theirs.initialize()
    state = theirs.state()
    mine.module.load_state_dict(mirrored(theirs.module.state_dict()))
    both = [each.call() for each in (mine, theirs)]
    if len(both[0]) != len(both[1]):
        raise Difference(f"{len(both[0])} tensors, torch has {len(both[1])}")
    for at, (found, wanted) in enumerate(zip(*both)):
        compare(f"tensor {at} of results and gradients", found, wanted, limit)
    after, wanted_after = mine.state(), theirs.state()
    assert after.keys() == wanted_after.keys() == state.keys()
    for name, wanted in wanted_after.items():
        if after[name].dtype != wanted.dtype:
            raise Difference(f"{name}: {after[name].dtype}, torch {wanted.dtype}")
        compare(f"{name} after the call", after[name], wanted, limit)
    if repr(mine.module) != repr(theirs.module):
        raise Difference(f"repr {mine.module!r}, torch prints {theirs.module!r}")


def own_class(info: ModuleInfo) -> Any:
    return getattr(flambeau.nn, info.module_cls.__name__)


def check_error(info: ModuleInfo, wrong: Any, mode: bool) -> None:
    """Raise what the error of one wrong sample does not have in common."""
    called = wrong.error_on == ModuleErrorEnum.FORWARD_ERROR
    theirs = raised(torch, info.module_cls, wrong.module_error_input, mode, called)
    mine = raised(flambeau, own_class(info), wrong.module_error_input, mode, called)
    if type(mine) is not type(theirs):
        raise Difference(f"{mine!r}; torch raises {theirs!r}")
    words = wrong.error_regex
    if re.search(words, str(theirs)) and not re.search(
        SAME_MEANING.get(words, words), str(mine)
    ):
        raise Difference(f"{mine}; torch says {theirs}")


def raised(
    library: Any, cls: Any, sample: ModuleInput, mode: bool, called: bool
) -> Exception | None:
    """Return the error of making a module, or of calling it."""
    try:
        run = Run(library, cls, sample, None, mode)
        if called:
            args, kwargs = run.call_with
            [array(t) for t in tensors_in(run.module(*args, **kwargs))]
    except Exception as error:
        return error
    return None


# All samples

INFOS = list(module_db)
WRONG = [info for info in INFOS if info.module_error_inputs_func is not None]
KINDS = ("float32", "float64")


def samples(info: ModuleInfo, function: Any, kind: str) -> Iterator[Any]:
    """Yield name, mode and sample of a module, in both modes if they differ."""
    for mode in (True, False) if info.train_and_eval_differ else (True,):
        torch.manual_seed(0)
        options = {"device": "cpu", "dtype": getattr(torch, kind)}
        made = function(info, training=mode, requires_grad=True, **options)
        for at, sample in enumerate(made):
            word = "train" if mode else "eval"
            yield f"{info.name} {kind} {word} {at}", mode, sample


@pytest.mark.parametrize("info", INFOS, ids=[info.name for info in INFOS])
@pytest.mark.parametrize("kind", KINDS)
def test_samples(info: ModuleInfo, kind: str, record_property: Any) -> None:
    tally = Tally("module_db", lambda name, _: name in LEFT_OUT)
    for name, mode, sample in samples(info, info.module_inputs_func, kind):
        tally.take(
            name, sample, lambda each, mode=mode: check_sample(info, each, kind, mode)
        )
    tally.report(record_property)


@pytest.mark.parametrize("info", WRONG, ids=[info.name for info in WRONG])
def test_errors(info: ModuleInfo, record_property: Any) -> None:
    tally = Tally("module_db", lambda name, _: name in LEFT_OUT)
    found = samples(info, info.module_error_inputs_func, "float32")
    for name, mode, sample in found:
        tally.take(name, sample, lambda each, mode=mode: check_error(info, each, mode))
    tally.report(record_property)


def test_differences_are_seen() -> None:
    """A module that computes, keeps, prints or refuses something else fails."""

    class Other(flambeau.nn.Linear):
        def forward(self, input: Any) -> Any:
            return super().forward(input) * (1 + 1e-4)

    class Printed(flambeau.nn.Linear):
        def extra_repr(self) -> str:
            return "linear"

    class Kept(flambeau.nn.Linear):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.register_buffer("more", flambeau.zeros(1))

    (info,) = [each for each in INFOS if each.name == "nn.Linear"]
    _, mode, sample = next(samples(info, info.module_inputs_func, "float32"))
    check_sample(info, sample, "float32", mode)
    for cls in (Other, Printed, Kept):
        cls.__name__ = "Linear"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flambeau.nn, "Linear", cls)
            with pytest.raises(Difference):
                check_sample(info, sample, "float32", mode)
    (info,) = [each for each in WRONG if each.name == "nn.Embedding"]
    found = [*samples(info, info.module_error_inputs_func, "float32")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flambeau.nn, "Embedding", flambeau.nn.Identity)
        for _, mode, sample in found:
            with pytest.raises(Difference):
                check_error(info, sample, mode)
