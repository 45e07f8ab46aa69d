"""Random tensors, from torch's own CPU stream.

A draw happens when it is asked for, not when its values are looked at, so that the
stream stays in step with torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from .. import random
from ..graph import constant
from ..ops import elementwise as ew
from ..random import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from ..recorder import fresh
from ..shape import broadcast_shapes
from .convert import value_of
from .creation import from_numpy, made, sizes_of
from .handle import Handle, layout_of, wrap

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "Generator",
    "bernoulli",
    "bernoulli_",
    "cauchy_",
    "dropout_mask",
    "exponential_",
    "geometric_",
    "get_rng_state",
    "initial_seed",
    "log_normal_",
    "manual_seed",
    "multinomial",
    "normal",
    "normal_",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random_",
    "random_slopes",
    "randperm",
    "seed",
    "set_rng_state",
    "truncated_normal_",
    "uniform_",
]

Generator.present = staticmethod(from_numpy)


def _stream(generator: Generator | None) -> Generator:
    if generator is None:
        return random.current_generator()
    if not isinstance(generator, Generator):
        raise TypeError(
            f"generator must be a Generator, got {type(generator).__name__}; make one "
            "with Generator().manual_seed(…)"
        )
    return generator


# New tensors


def _new(
    draw: Callable[..., np.ndarray],
    size: Sequence[Any],
    options: dict[str, Any],
    default: dt.dtype | None = None,
) -> Tensor:
    """Draw a tensor with the options of creation, among which the size may be."""
    if not size and "size" not in options:
        raise TypeError("expected the size of the random tensor, as ints or a sequence")
    kind = options.get("dtype") or default or dt.get_default_dtype()
    shape = sizes_of(size or (options["size"],))
    generator = options.get("generator")
    node = fresh(lambda: draw(_stream(generator), shape, kind.numpy), kind)
    return made(node, options.get("requires_grad", False), options.get("device"))


def _new_like(
    draw: Callable[..., np.ndarray], input: Tensor, options: dict[str, Any]
) -> Tensor:
    """Draw a tensor of the shape and dtype of `input`, in the order of its memory."""
    order = _memory_order(input)

    def fill(generator: Generator, shape: tuple[int, ...], kind: Any) -> np.ndarray:
        return _in_order(shape, order, lambda ordered: draw(generator, ordered, kind))

    return _new(fill, (), {"dtype": input.dtype, **options, "size": input.shape})


def _in_order(
    shape: tuple[int, ...],
    order: list[int],
    draw: Callable[[tuple[int, ...]], np.ndarray],
) -> np.ndarray:
    """Draw in the order in which the elements lie in memory, as torch does."""
    values = draw(tuple(shape[axis] for axis in order))
    places = sorted(range(len(shape)), key=order.__getitem__)
    return np.ascontiguousarray(values.transpose(places)).reshape(shape)


def _memory_order(input: Tensor) -> list[int]:
    strides = layout_of(input)[0]
    axes = list(range(input.ndim))
    return axes if 0 in strides else sorted(axes, key=lambda axis: -strides[axis])


def _uniform(
    generator: Generator, shape: tuple[int, ...], kind: Any, *limits: float
) -> np.ndarray:
    if kind.kind != "c":
        return random.uniform(generator, shape, kind, *limits)
    parts = random.uniform(generator, (*shape, 2), _part_of(kind), *limits)
    return parts.view(kind)[..., 0]


def _normal(
    generator: Generator,
    shape: tuple[int, ...],
    kind: Any,
    mean: float = 0,
    std: float = 1,
    contiguous: bool = True,
) -> np.ndarray:
    """Draw numbers; both parts of a complex one have half of its variance."""
    if kind.kind != "c":
        return random.normal(generator, shape, kind, mean, std, contiguous)
    pairs, std = (*shape, 2), std / sqrt(2)
    parts = random.normal(generator, pairs, _part_of(kind), mean, std, contiguous)
    return parts.view(kind)[..., 0]


def _part_of(kind: Any) -> np.dtype:
    return dt.real_of(dt.from_numpy_dtype(kind)).numpy


def rand(*size: Any, **options: Any) -> Tensor:
    """Draw numbers from the uniform distribution on [0, 1).

    Args:
        size: the sizes, as ints or one sequence.
        options: generator, dtype, device and requires_grad.

    Source: torch's page "torch.rand".

    Example:
        >>> import flambeau as torch
        >>> generator = torch.manual_seed(0)
        >>> torch.rand(2)
        tensor([0.4963, 0.7682])
    """
    return _new(_uniform, size, options)


def rand_like(input: Tensor, **options: Any) -> Tensor:
    """Draw numbers from [0, 1) in the shape and dtype of `input`."""
    return _new_like(_uniform, input, options)


def randn(*size: Any, **options: Any) -> Tensor:
    """Draw numbers from the normal distribution with mean 0 and variance 1.

    Args:
        size: the sizes, as ints or one sequence.
        options: generator, dtype, device and requires_grad.

    Source: torch's page "torch.randn".

    Example:
        >>> import flambeau as torch
        >>> generator = torch.manual_seed(0)
        >>> torch.randn(2)
        tensor([ 1.5410, -0.2934])
    """
    return _new(_normal, size, options)


def randn_like(input: Tensor, **options: Any) -> Tensor:
    """Draw normal numbers in the shape and dtype of `input`."""
    dense = input.is_contiguous()

    def draw(generator: Generator, shape: tuple[int, ...], kind: Any) -> np.ndarray:
        return _normal(generator, shape, kind, contiguous=dense)

    return _new_like(draw, input, options)


def _range(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, int]:
    """Read `high` or `low, high`, by place or by name."""
    low = options.pop("low", None)
    high = options.pop("high", None)
    given = [each for each in (low, *args, high) if each is not None]
    if not 1 <= len(given) <= 2:
        raise TypeError(f"randint expects high, or low and high, got {given}")
    low, high = given if len(given) == 2 else (0, given[0])
    return int(low), int(high)


def randint(*args: Any, **options: Any) -> Tensor:
    """Draw integers from [low, high): `randint([low, ]high, size)`.

    Args:
        args: low (0 if left out), high, and the size as one sequence.
        options: low, high, size, generator, dtype, device and requires_grad.

    Raises:
        RuntimeError: the range is empty, or does not fit in the dtype.

    Source: torch's page "torch.randint".

    Example:
        >>> import flambeau as torch
        >>> generator = torch.manual_seed(0)
        >>> torch.randint(10, (5,))
        tensor([4, 9, 3, 0, 3])
    """
    if "size" not in options:
        *args, options["size"] = args  # type: ignore[assignment]
    if isinstance(options["size"], int):
        raise TypeError(
            "randint(): argument 'size' must be a sequence of ints, got the int "
            f"{options['size']}"
        )
    return _new(_integers_of(*_range(tuple(args), options)), (), options, dt.int64)


def _integers_of(low: int, high: int) -> Callable[..., np.ndarray]:
    def draw(generator: Generator, shape: tuple[int, ...], kind: Any) -> np.ndarray:
        return random.randint(generator, low, high, shape, kind)

    return draw


def randint_like(input: Tensor, *args: Any, **options: Any) -> Tensor:
    """Draw integers in the shape and dtype of `input`; see `randint`."""
    return _new_like(_integers_of(*_range(args, options)), input, options)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: dt.dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw a permutation of 0 … n - 1.

    Source: torch's page "torch.randperm".

    Example:
        >>> import flambeau as torch
        >>> generator = torch.manual_seed(0)
        >>> torch.randperm(6)
        tensor([2, 5, 3, 0, 1, 4])
    """
    kind = dtype or dt.int64
    values = random.randperm(_stream(generator), n, kind.numpy)
    return made(constant(values, kind), requires_grad, device)


def normal(
    mean: Tensor | float,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    **options: Any,
) -> Tensor:
    """Draw normal numbers with the given means and standard deviations.

    Args:
        mean: a tensor, or a number.
        std: a tensor that broadcasts with the means, or a number.
        size: the sizes, where both are numbers.
        options: generator; with a size also dtype, device and requires_grad.

    Raises:
        RuntimeError: a standard deviation is negative.
        TypeError: both are numbers and there is no size.

    Source: torch's page "torch.normal".
    """
    # what is drawn has no slope
    mean, std = (
        each.detach() if isinstance(each, Handle) else each for each in (mean, std)
    )
    tensors = [each for each in (mean, std) if isinstance(each, Handle)]
    if not tensors:
        if size is None:
            raise TypeError("normal: the size is missing, and mean and std are numbers")
        return _new(_normal_of(mean, std), (), {**options, "size": size})
    _check_deviations(std)
    shape = broadcast_shapes(*(each._node.shape for each in tensors))
    scale = 1.0 if isinstance(std, Handle) else std
    options = {**options, "size": shape, "dtype": tensors[0]._node.dtype}
    drawn = _new(_normal_of(0.0, scale), (), options)
    scaled = drawn * std if isinstance(std, Handle) else drawn
    return (scaled + mean).to(drawn.dtype)


def _normal_of(mean: Any, std: Any) -> Callable[..., np.ndarray]:
    def draw(generator: Generator, shape: tuple[int, ...], kind: Any) -> np.ndarray:
        return _normal(generator, shape, kind, mean, std)

    return draw


def _check_deviations(std: Tensor | float) -> None:
    if isinstance(std, Handle) and not (value_of(std) >= 0).all():
        raise RuntimeError("normal expects all elements of std >= 0.0")


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Draw ones with the probabilities in `input`, or all with probability `p`.

    Raises:
        RuntimeError: a probability is outside [0, 1].

    Source: torch's page "torch.bernoulli".
    """
    kind = input.dtype
    chances = value_of(input) if p is None else p
    stream, shape = _stream(generator), tuple(input.shape)
    return wrap(constant(random.bernoulli(stream, shape, chances, kind.numpy), kind))


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw a count from a Poisson distribution for each rate in `input`.

    Raises:
        RuntimeError: a rate is negative.

    Source: torch's page "torch.poisson".

    Example:
        >>> import flambeau as torch
        >>> _ = torch.manual_seed(0)
        >>> torch.poisson(torch.tensor([1.0, 5.0, 20.0, 0.0]))
        tensor([ 2.,  6., 19.,  0.])
    """
    drawn = random.poisson(_stream(generator), value_of(input))
    return wrap(constant(drawn, input.dtype))


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Draw indices with probabilities proportional to the weights in each row.

    Args:
        input: weights that are not negative.
        num_samples: how many indices to draw from each row.
        replacement: whether an index may be drawn again.
        generator: what to draw from.

    Shape:
        input: (categories,) or (rows, categories).
        output: (num_samples,) or (rows, num_samples).

    Raises:
        RuntimeError: the weights are no distribution or no floats, or there are too few
            of them.

    Source: torch's page "torch.multinomial".
    """
    if not input.is_floating_point():
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{dt.scalar_name(input.dtype)}"
        )
    weights = value_of(input)
    drawn = random.multinomial(_stream(generator), weights, num_samples, replacement)
    return wrap(constant(drawn))


def dropout_mask(shape: Sequence[int], p: float, dtype: dt.dtype) -> Tensor:
    """Draw which elements dropout keeps: 1 with probability 1 - p, else 0.

    The draws are those of torch's dropout, and advance the stream by as much.
    """
    kept = fresh(
        lambda: random.bernoulli(random.current_generator(), tuple(shape), 1 - p),
        dt.bool_,
    )
    return wrap(ew.cast(kept, dtype))


def random_slopes(input: Tensor, low: float, high: float) -> Tensor:
    """Draw a number of [low, high) for each element that is not above 0; else 1.

    The draws are those of torch's rrelu, in double precision and for no more elements,
    so that the input is evaluated.
    """
    drawn = ~(value_of(input) > 0)
    slopes = np.ones(drawn.shape)
    generator, count = random.current_generator(), int(drawn.sum())
    slopes[drawn] = random.uniform(generator, (count,), np.float64, low, high)
    return wrap(ew.cast(constant(slopes), input.dtype))


# In place


def _fill(
    input: Tensor,
    generator: Generator | None,
    draw: Callable[..., np.ndarray],
    *arguments: Any,
) -> Tensor:
    """Write draws into the tensor; `draw` is called as those of `flambeau.random`."""
    kind = input.dtype

    def fill(shape: tuple[int, ...]) -> np.ndarray:
        return draw(_stream(generator), shape, kind.numpy, *arguments)

    input.check_writable()  # a refused draw must not advance the stream
    order = _memory_order(input)
    input.write(constant(_in_order(tuple(input.shape), order, fill), kind))
    return input


def uniform_(
    input: Tensor, low: float = 0, to: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill the tensor with draws from the uniform distribution on [low, to).

    Raises:
        RuntimeError: the range is not one.

    Source: torch's page "torch.Tensor.uniform_".
    """
    return _fill(input, generator, _uniform, low, to)


def normal_(
    input: Tensor,
    mean: float = 0,
    std: float = 1,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fill the tensor with draws from the normal distribution.

    Raises:
        RuntimeError: `std` is negative.

    Source: torch's page "torch.Tensor.normal_".
    """
    dense = input.is_contiguous()
    return _fill(input, generator, _normal, mean, std, dense)


def truncated_normal_(
    input: Tensor,
    mean: float,
    std: float,
    low: float,
    high: float,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fill the tensor with draws from a normal distribution cut to [low, high].

    Source: torch's page "torch.nn.init.trunc_normal_".
    """
    return _fill(input, generator, random.truncated_normal, mean, std, low, high)


def log_normal_(
    input: Tensor,
    mean: float = 1,
    std: float = 2,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fill the tensor with exponentials of normal draws.

    Raises:
        RuntimeError: `std` is not positive.

    Source: torch's page "torch.Tensor.log_normal_".
    """
    return _fill(input, generator, random.log_normal, mean, std)


def exponential_(
    input: Tensor, lambd: float = 1, *, generator: Generator | None = None
) -> Tensor:
    """Fill the tensor with draws from the exponential distribution of rate `lambd`.

    Raises:
        RuntimeError: `lambd` is not positive.

    Source: torch's page "torch.Tensor.exponential_".
    """
    return _fill(input, generator, random.exponential, lambd)


def cauchy_(
    input: Tensor,
    median: float = 0,
    sigma: float = 1,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Fill the tensor with draws from the Cauchy distribution.

    Raises:
        RuntimeError: `sigma` is not positive.

    Source: torch's page "torch.Tensor.cauchy_".
    """
    return _fill(input, generator, random.cauchy, median, sigma)


def geometric_(
    input: Tensor, p: float, *, generator: Generator | None = None
) -> Tensor:
    """Fill the tensor with how many trials of success probability `p` it takes.

    Raises:
        RuntimeError: `p` is not strictly between 0 and 1.

    Source: torch's page "torch.Tensor.geometric_".
    """
    return _fill(input, generator, random.geometric, p)


def random_(
    input: Tensor,
    *range: int | None,
    to: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Fill the tensor with integers: `random_([[low, ]to])`.

    Args:
        input: any dtype.
        range: low (0 if left out) and the bound, one more than the largest; without
            either, the integers that the dtype can hold from 0 on.
        to: the bound by name.
        generator: what to draw from.

    Raises:
        RuntimeError: the range is empty, or does not fit in the dtype.

    Source: torch's page "torch.Tensor.random_".
    """
    given = range if to is None else (*range, to)
    if len(given) > 2:
        raise TypeError(f"random_ expects to, or low and to, got {given}")
    low, high = given if len(given) == 2 else (0 if given else None, *given, None)[:2]
    return _fill(input, generator, random.integers, low, high)


def bernoulli_(
    input: Tensor, p: Tensor | float = 0.5, *, generator: Generator | None = None
) -> Tensor:
    """Fill the tensor with ones with probability `p`, else zeros.

    Args:
        input: any dtype.
        p: a number, or a tensor of probabilities that broadcasts to the shape.
        generator: what to draw from.

    Raises:
        RuntimeError: a probability is outside [0, 1].

    Source: torch's page "torch.Tensor.bernoulli_".
    """
    if not isinstance(p, Handle):
        return _fill(input, generator, _bernoulli_of(p))
    chances = np.broadcast_to(value_of(p), tuple(input.shape))
    in_memory = chances.transpose(_memory_order(input))
    return _fill(input, generator, _bernoulli_of(in_memory))


def _bernoulli_of(p: float | np.ndarray) -> Callable[..., np.ndarray]:
    def draw(generator: Generator, shape: tuple[int, ...], kind: Any) -> np.ndarray:
        return random.bernoulli(generator, shape, p, kind)

    return draw
