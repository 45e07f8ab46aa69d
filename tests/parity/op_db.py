"""One sample of torch's table of operators, `op_db`, run by both libraries.

An entry's operator is a function of torch, or an expression that calls one. flambeau's
is the function of the same name, or the same expression read with flambeau for torch.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.masked
from torch.testing._internal.common_methods_invocations import OpInfo, SampleInput

import flambeau
import flambeau.fft
import flambeau.linalg
import flambeau.masked
import flambeau.nn
import flambeau.signal
import flambeau.special

LIBRARIES = (flambeau, torch)
KINDS = (
    *("float64", "float32", "bfloat16", "float16"),
    *("int64", "int32", "int16", "int8", "uint8", "bool"),
    *("complex128", "complex64"),
)
TOLERANCE = {
    "float64": 1e-12,
    "float32": 2e-5,
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
    "complex128": 1e-12,
    "complex64": 2e-5,
}
SEED = 42


class Difference(AssertionError):
    """What both libraries do not have in common."""


# flambeau's operators


def found(path: str) -> Any:
    """Return what flambeau has under a dotted name; None if there is nothing."""
    place: Any = flambeau
    for part in path.split("."):
        place = getattr(place, part, None)
    return place


def is_here(info: OpInfo) -> bool:
    """Whether flambeau has the function or the method of an entry."""
    names = [info.name, f"Tensor.{info.name}"]
    if is_expression(info.op):
        names.append(f"Tensor.{info.name}_")
    return any(callable(found(name)) for name in names) or info.name in "T H mT mH"


def is_expression(function: Any) -> bool:
    """Whether a function is written in torch's tests."""
    return str(getattr(function, "__module__", "")).startswith("torch.testing")


def seeded(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a function with both libraries' generators at the same place."""
    for library in LIBRARIES:
        library.manual_seed(SEED)
    return function(*args, **options)


def reread(function: Any, library: Any) -> Any:
    """Return a function of torch's tests with another library for torch."""
    names = {**function.__globals__, "torch": library, "wrapper_set_seed": seeded}
    code, defaults = function.__code__, function.__defaults__
    made = types.FunctionType(code, names, None, defaults, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def operator(info: OpInfo, library: Any) -> Callable[..., Any]:
    """Return the operator of an entry in one of the libraries.

    Where torch differentiates it for arguments of some form only, such as symmetric
    matrices, it gives its arguments that form first.
    """
    function, form = plain_operator(info, library), info.gradcheck_wrapper
    if form.__name__ == "<lambda>":
        return function
    if "masked" in form.__name__ and library is flambeau:
        library = MASKS
    return functools.partial(reread(form, library), function)


class Masks:
    """flambeau with the function that tells which results depend on their input."""

    @property
    def masked(self) -> Any:
        """The module of functions with masks."""
        return types.SimpleNamespace(_input_mask=input_mask, _output_mask=output_mask)

    def __getattr__(self, name: str) -> Any:
        return getattr(flambeau, name)


MASKS = Masks()


def input_mask(*args: Any, **options: Any) -> Any:
    """Return what torch says of the arguments of a function with masks."""
    given = [theirs(each) for each in args]
    more = {name: theirs(each) for name, each in options.items()}
    return flambeau.tensor(torch.masked._input_mask(*given, **more).numpy())


def output_mask(function: Any, *args: Any, **options: Any) -> Any:
    """Return what torch says of the results of a function with a mask."""
    given = [theirs(each) for each in args]
    more = {name: theirs(each) for name, each in options.items()}
    called = getattr(torch.masked, function.__name__)
    return flambeau.tensor(torch.masked._output_mask(called, *given, **more).numpy())


def theirs(value: Any) -> Any:
    """Return a tensor or a dtype of flambeau as torch's."""
    if isinstance(value, flambeau.Tensor):
        return torch.tensor(value.detach().double().numpy())
    if isinstance(value, flambeau.dtype):
        return getattr(torch, value.name)
    return value


def plain_operator(info: OpInfo, library: Any) -> Callable[..., Any]:
    """Return the operator as users call it."""
    function = info.op
    if is_expression(function):
        return reread(function, library)
    if library is torch:
        return function
    made = found(info.name)
    return made if callable(made) else getattr(flambeau.Tensor, info.name)


# torch's values as flambeau's


def absent(value: Any) -> str | None:
    """Return the reason why flambeau cannot have a value of a sample, if it cannot."""
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            return "sparse tensors are out of scope"
        if value.device.type != "cpu":
            return "there is one device, the CPU"
        return absent(value.dtype)
    if isinstance(value, torch.layout) and value is not torch.strided:
        return "sparse tensors are out of scope"
    if isinstance(value, torch.dtype):
        name = str(value).removeprefix("torch.")
        if name in KINDS:
            return None
        kind = "complex numbers" if value.is_complex else f"tensors of {name}"
        return f"{kind} are out of scope"
    if isinstance(value, dict):
        return absent(list(value.values()))
    if isinstance(value, (list, tuple)):
        reasons = (absent(each) for each in value)
        return next((reason for reason in reasons if reason), None)
    return None


def mirrored(value: Any) -> Any:
    """Return the same value for flambeau, tensors with the same strides."""
    if isinstance(value, torch.Tensor):
        return mirrored_tensor(value)
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    if isinstance(value, torch.memory_format):
        return getattr(flambeau, str(value).removeprefix("torch."))
    if isinstance(value, torch.layout):
        return flambeau.strided
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, torch.Size):
        return flambeau.Size(value)
    if type(value) in (list, tuple):
        return type(value)(map(mirrored, value))
    if type(value) is dict:
        return {key: mirrored(each) for key, each in value.items()}
    if callable(value):
        return mirrored_function(value)
    return value


def mirrored_function(function: Any) -> Any:
    """Return a function of torch, of its tests, or a module that has no arguments."""
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, torch.nn.Module):
        return getattr(flambeau.nn, name)()
    if is_expression(function):
        return reread(function, flambeau)
    return getattr(flambeau.nn.functional, name)


def mirrored_tensor(tensor: torch.Tensor) -> Any:
    """Return a tensor of the same values, which lie where they lie in torch."""
    if tensor.is_contiguous():
        made = dense(tensor.detach())
    else:
        reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride()))
        size = tensor.storage_offset() + reach + 1
        memory = dense(tensor.detach().as_strided((size,), (1,), 0))
        where = tuple(tensor.stride()), tensor.storage_offset()
        made = memory.as_strided(tuple(tensor.shape), *where).detach()
    return made.requires_grad_() if tensor.requires_grad else made


def dense(tensor: torch.Tensor) -> Any:
    """Return a contiguous tensor of the same values."""
    name = str(tensor.dtype).removeprefix("torch.")
    wide = tensor.float() if name == "bfloat16" else tensor
    return flambeau.tensor(wide.resolve_conj().numpy().copy()).to(
        getattr(flambeau, name)
    )


# What a call gives


def flat(result: Any) -> Iterator[Any]:
    """Yield the parts of a result in order: tensors and Python's values."""
    if isinstance(result, (list, tuple)):
        for each in result:
            yield from flat(each)
    elif isinstance(result, dict):
        yield from flat(list(result.values()))
    else:
        yield result


def is_tensor(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, flambeau.Tensor))


def slopes_from(value: Any) -> bool:
    """Whether gradients flow from a part of a result."""
    return is_tensor(value) and value.requires_grad


def array(tensor: Any) -> np.ndarray:
    """Return a tensor's values, 16-bit floats as float32."""
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float16"):
        tensor = tensor.float()
    return tensor.resolve_conj().numpy(force=True)


def summary(value: Any) -> tuple[str, np.ndarray]:
    """Return the type of a part of a result and its values."""
    if is_tensor(value):
        return str(value.dtype), array(value)
    return type(value).__name__, np.array(value)


class Call:
    """A sample in one of the libraries: results, then derivatives of some orders.

    Args:
        library: flambeau or torch.
        function: the operator there.
        sample: torch's sample.
        rounded: a dtype that the weights of the results are rounded to.
    """

    def __init__(
        self,
        library: Any,
        function: Any,
        sample: SampleInput,
        rounded: torch.dtype | None = None,
    ) -> None:
        self.library, self.rounded = library, rounded
        given = [sample.input, list(sample.args), sample.kwargs]
        if library is flambeau:
            given = mirrored(given)
        tensors = [t for t in flat(given) if is_tensor(t)]
        self.sources = [t for t in tensors if t.requires_grad]
        self.kinds = [str(t.dtype) for t in tensors]
        self.function, self.given = function, given
        self.form = sample.output_process_fn_grad

    def run(self, orders: int) -> None:
        """Call the operator and differentiate its results some times.

        What is differentiated is what torch makes of them first, such as the sizes of
        vectors that are known but for their signs.
        """
        first, args, options = self.given
        made = self.function(first, *args, **options)
        if orders and self.form.__module__ != SampleInput.__module__:
            made = reread(self.form, self.library)(made)
        self.results = [*flat(made)]
        self.slopes = [*self.derivatives(orders)]

    def derivatives(self, orders: int) -> Iterator[list[Any]]:
        """Yield the slopes of the weighted results, then the slopes of those."""
        outputs: Iterable[Any] = self.results
        for step in range(orders):
            used = {at: t for at, t in enumerate(outputs) if slopes_from(t)}
            outputs = [None] * len(self.sources)
            if used and self.sources:
                try:
                    outputs = self.library.autograd.grad(
                        list(used.values()),
                        self.sources,
                        [self.weight(t, step + at) for at, t in used.items()],
                        create_graph=step + 1 < orders,
                        allow_unused=True,
                    )
                except RuntimeError as error:
                    if step and "is not implemented" in str(error):
                        return
                    raise
            yield list(outputs)

    def weight(self, tensor: Any, seed: int) -> Any:
        """Return a reproducible weight for each element."""
        draws = np.random.default_rng(seed).uniform(0.5, 1.5, tuple(tensor.shape))
        made = self.library.tensor(draws)
        made = made if self.rounded is None else made.to(self.rounded)
        return made.to(tensor.dtype)

    def values(self) -> tuple[list[Any], list[list[np.ndarray]]]:
        """Compute all in one go."""
        if self.library is flambeau:
            parts = [*self.results, *(g for each in self.slopes for g in each)]
            flambeau.evaluate(*(t for t in parts if isinstance(t, flambeau.Tensor)))
        slopes = [
            [
                np.zeros(tuple(source.shape)) if g is None else array(g)
                for g, source in zip(each, self.sources)
            ]
            for each in self.slopes
        ]
        return [summary(each) for each in self.results], slopes


class Limits:
    """How far values of one sample may be apart.

    A value may differ from torch's by the tolerance of its dtype, relative to the
    largest value beside it, and by as much as torch's own result differs from what
    torch computes of the same sample in float64: in narrow dtypes torch may be the one
    that is off.
    """

    def __init__(self, function: Any, sample: SampleInput, orders: int) -> None:
        self.function, self.sample, self.orders = function, sample, orders
        self.exact: tuple[list[Any], list[list[np.ndarray]]] | None = None

    def in_float64(self) -> tuple[list[Any], list[list[np.ndarray]]]:
        """Return what torch makes of the sample in float64."""
        if self.exact is None:
            kind = next(t.dtype for t in flat(self.parts()) if is_narrow(t))
            call = Call(torch, self.function, widened(self.sample), kind)
            call.run(self.orders)
            self.exact = call.values()
        return self.exact

    def parts(self) -> list[Any]:
        """Return the arguments of the sample."""
        return [self.sample.input, list(self.sample.args), self.sample.kwargs]

    def compare(
        self,
        what: str,
        mine: np.ndarray,
        wanted: np.ndarray,
        limit: tuple[float, float],
        where: Callable[..., Any],
    ) -> None:
        """Raise what differs between two arrays; `where` finds the exact one."""
        if mine.shape != wanted.shape:
            raise Difference(f"{what}: shape {mine.shape}, torch has {wanted.shape}")
        if wanted.dtype.kind not in "fc":
            if not np.array_equal(mine, wanted):
                raise Difference(f"{what}: {mine}, torch has {wanted}"[:400])
            return
        with np.errstate(all="ignore"):
            odd = ~near(mine, wanted, limit)
            if odd.any() and any(map(is_narrow, flat(self.parts()))):
                exact = where(*self.in_float64())
                if exact.shape == mine.shape:
                    gap = np.abs(mine - wanted.astype(exact.dtype))
                    own = np.abs(exact - wanted.astype(exact.dtype))
                    odd &= ~(gap <= 2 * largest(own)) & ~near(mine, exact, limit)
        if odd.any():
            some = f"{mine[odd][:3]}, torch has {wanted[odd][:3]}"
            raise Difference(f"{what}: {some}; the largest is {largest(wanted)}")


def near(
    mine: np.ndarray, wanted: np.ndarray, limit: tuple[float, float]
) -> np.ndarray:
    """Return where values agree, relative to the largest of them or to a number."""
    relative, least = limit
    scale = max(largest(wanted), least)
    return np.isclose(mine, wanted, relative, relative * scale, equal_nan=True)


def largest(values: np.ndarray) -> float:
    """Return the size of the largest finite value."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))


def is_narrow(value: Any) -> bool:
    """Whether a value is a tensor of floats that are not float64."""
    return is_tensor(value) and value.is_floating_point() and value.itemsize < 8


def widened(sample: SampleInput) -> SampleInput:
    """Return a sample with all floats in float64."""

    def wide(value: Any) -> Any:
        if isinstance(value, torch.dtype):
            return torch.float64 if value.is_floating_point else value
        if not is_narrow(value):
            return value
        return value.detach().double().requires_grad_(value.requires_grad)

    made = sample.transform(wide)
    made.output_process_fn_grad = sample.output_process_fn_grad
    return made


def tolerance(*kinds: str) -> float:
    """Return how far values may be apart that have gone through these dtypes."""
    return max(TOLERANCE.get(kind.removeprefix("torch."), 0) for kind in kinds)


def check_sample(
    functions: Sequence[Any],
    sample: SampleInput,
    orders: int,
    kind: str,
    exact: float | None = None,
    with_values: bool = True,
) -> None:
    """Raise what both libraries make of one sample, if it is not the same.

    Args:
        functions: flambeau's operator and torch's.
        sample: torch's sample.
        orders: how many times results are differentiated.
        kind: the dtype of the sample.
        exact: a tolerance instead of that of the dtypes.
        with_values: False to compare shapes and dtypes only.
    """
    ours, theirs = map(Call, LIBRARIES, functions, (sample, sample))
    theirs.run(orders)
    ours.run(len(theirs.slopes))
    limits = Limits(functions[1], sample, orders)
    compare_calls(ours, theirs, limits, kind, exact, with_values)


def check_picks(functions: Sequence[Any], sample: SampleInput) -> None:
    """Raise what differs of a sample whose equal elements may come in any order.

    The last result are indices into one dimension, no two of which are the same; what
    they pick from the input is compared, and the other results as they are.
    """
    ours, theirs = map(Call, LIBRARIES, functions, (sample, sample))
    found = []
    for call in (ours, theirs):
        call.run(0)
        (*values, (kind, indices)), _ = call.values()
        found.append([*values, (kind, picked(sample, indices))])
    for at, (one, other) in enumerate(zip(*found, strict=True)):
        if one[0] != other[0] or not np.array_equal(one[1], other[1]):
            raise Difference(f"result {at}: {one}, torch has {other}"[:400])


def picked(sample: SampleInput, indices: np.ndarray) -> np.ndarray:
    """Return the elements of a sample's input at indices along a dimension."""
    values = np.atleast_1d(array(sample.input))
    axis = sample.args[1] if len(sample.args) > 1 else -1  # after how many, or which
    if indices.ndim < values.ndim:
        indices = np.expand_dims(indices, axis)
    if not (np.diff(np.sort(indices, axis), axis=axis) > 0).all():
        raise Difference("an element is picked twice")
    return np.take_along_axis(values, indices, axis)


def compare_calls(
    ours: Call,
    theirs: Call,
    limits: Limits,
    kind: str,
    exact: float | None = None,
    with_values: bool = True,
) -> None:
    """Raise what two calls that were run do not have in common."""
    usual = tolerance(kind, *theirs.kinds)
    (results, slopes), (wanted, wanted_slopes) = ours.values(), theirs.values()
    if len(results) != len(wanted):
        raise Difference(f"{len(results)} results, torch has {len(wanted)}")
    for at, (one, other) in enumerate(zip(results, wanted)):
        if one[0] != other[0]:
            raise Difference(f"result {at} is {one[0]}, torch has {other[0]}")
        if not with_values and one[1].shape == other[1].shape:
            continue
        limit = exact or max(tolerance(other[0]), usual), 1e-3
        limits.compare(
            f"result {at}",
            one[1],
            other[1],
            limit,
            lambda values, _, at=at: values[at][1],
        )
    for step, (here, there) in enumerate(zip(slopes, wanted_slopes)):
        for at, (one, other) in enumerate(zip(here, there)):
            what = f"slope {at} of order {step + 1}"
            limit = exact or usual, 1
            limits.compare(
                what, one, other, limit, lambda _, all_, s=step, at=at: all_[s][at]
            )
