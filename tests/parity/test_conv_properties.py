"""Convolution, pooling and folding beside torch, over options that hypothesis draws."""

from collections.abc import Callable
from math import prod
from operator import ge
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import flambeau
from flambeau.nn import functional as F

RELATIVE = 1e-10  # in float64, of the largest value

Options = dict[str, Any]
Function = Callable[..., Any]

drawn = settings(max_examples=100, deadline=None)


# What is drawn


@st.composite
def images(draw: st.DrawFn, *names: str) -> tuple[tuple[int, ...], Options]:
    """Draw the spatial sizes of an image, and windows that fit into it.

    Args:
        draw: hypothesis's way to draw.
        names: the options wanted besides kernel_size; "half" is padding as pools
            take it, up to half of the kernel.
    """
    dims = draw(st.integers(1, 3))

    def ints(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(dims))

    sizes, options = ints(1, 9 - dims), {"kernel_size": ints(1, 4)}
    spread = options["dilation"] = ints(1, 3) if "dilation" in names else (1,) * dims
    most = 3
    if "half" in names:
        most = min(k // 2 for k in options["kernel_size"])
    padding = ints(0, most) if names else (0,) * dims
    for size, k, p, d in zip(sizes, options["kernel_size"], padding, spread):
        assume(size + 2 * p >= d * (k - 1) + 1)
        assume("half" not in names or not p or size >= d)  # no window of padding alone
    if "dilation" not in names:
        del options["dilation"]
    if "stride" in names:
        options["stride"] = ints(1, 4)
    return sizes, options | {"padding": padding}


batches = st.sampled_from([(), (1,), (2,)])
few = st.integers(1, 3)


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def distinct(*shape: int) -> np.ndarray:
    """Numbers without ties, so that every maximum is one element."""
    mixed = np.random.default_rng(3).permutation(prod(shape))
    return mixed.reshape(shape) - prod(shape) / 2


# What is compared


def run(library: Any, function: Function, arrays: tuple[np.ndarray, ...]) -> list[Any]:
    """Return the results of a function and the gradients of its arguments."""
    inputs = [library.tensor(each, requires_grad=True) for each in arrays]
    results = function(*inputs)
    first, *others = results if isinstance(results, tuple) else (results,)
    weights = library.tensor(numbers(7, *first.shape))
    (first * weights).sum().backward()
    found = [first.detach(), *others, *(each.grad for each in inputs)]
    return [each.numpy() for each in found]


def check(ours: Function, theirs: Function, *arrays: np.ndarray) -> None:
    """Compare results and gradients of the two libraries."""
    mine, wanted = run(flambeau, ours, arrays), run(torch, theirs, arrays)
    for a, b in zip(mine, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        scale = np.abs(b).max(initial=1)
        np.testing.assert_allclose(a, b, rtol=0, atol=RELATIVE * scale)


def beside(name: str, options: Options, *arrays: np.ndarray) -> None:
    """Compare one function of nn.functional."""
    check(
        lambda *inputs: getattr(F, name)(*inputs, **options),
        lambda *inputs: getattr(TF, name)(*inputs, **options),
        *arrays,
    )


# Convolution


@given(images("stride", "dilation", "padding"), batches, few, few, few)
@drawn
def test_conv(image: Any, batch: Any, groups: int, c: int, k: int) -> None:
    sizes, options = image
    kernel = options.pop("kernel_size")
    x = numbers(0, *batch, c * groups, *sizes)
    w, b = numbers(1, k * groups, c, *kernel), numbers(2, k * groups)
    beside(f"conv{len(sizes)}d", options | {"groups": groups}, x, w, b)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@given(images("dilation"), batches, st.sampled_from(["same", "valid"]))
@drawn
def test_conv_with_padding_by_name(image: Any, batch: Any, padding: str) -> None:
    sizes, options = image
    kernel = options.pop("kernel_size")
    reach = [d * (k - 1) for k, d in zip(kernel, options["dilation"])]
    assume(padding == "same" or all(n > r for n, r in zip(sizes, reach)))
    x, w = numbers(0, *batch, 2, *sizes), numbers(1, 3, 2, *kernel)
    beside(f"conv{len(sizes)}d", options | {"padding": padding}, x, w)


@given(images("stride", "dilation", "padding"), batches, few, few, few, st.data())
@drawn
def test_conv_transpose(
    image: Any, batch: Any, groups: int, c: int, k: int, data: st.DataObject
) -> None:
    sizes, options = image
    kernel = options.pop("kernel_size")
    steps = map(max, options["stride"], options["dilation"])
    extra = [data.draw(st.integers(0, step - 1)) for step in steps]
    options |= {"groups": groups, "output_padding": tuple(extra)}
    x = numbers(0, *batch, c * groups, *sizes)
    w, b = numbers(1, c * groups, k, *kernel), numbers(2, k * groups)
    each = zip(sizes, kernel, *(options[name] for name in options if name != "groups"))
    assume(all((n - 1) * s + d * (t - 1) + e + 1 > 2 * p for n, t, d, s, p, e in each))
    beside(f"conv_transpose{len(sizes)}d", options, x, w, b)


# Folding


@given(images("stride", "dilation", "padding"), batches)
@drawn
def test_unfold_and_fold(image: Any, batch: Any) -> None:
    """A dimension that torch lacks is one of size 1; torch has two dimensions only."""
    sizes, options = image
    assume(len(sizes) < 3)
    lacking = 2 - len(sizes)
    neutral = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
    flat = {k: (neutral[k],) * lacking + each for k, each in options.items()}
    x = numbers(0, *batch, 2, *sizes)
    wide = (*x.shape[: len(batch) + 1], *(1,) * lacking, *sizes)
    check(
        lambda x: F.unfold(x, **options),
        lambda x: TF.unfold(x.reshape(wide), **flat),
        x,
    )
    cols = F.unfold(flambeau.tensor(x), **options).numpy()
    check(
        lambda c: F.fold(c, output_size=sizes, **options),
        lambda c: TF.fold(c, output_size=wide[-2:], **flat).reshape(x.shape),
        cols,
    )


# Pooling


@given(images("stride", "dilation", "half"), batches, st.booleans())
@drawn
def test_max_pool(image: Any, batch: Any, ceil_mode: bool) -> None:
    sizes, options = image
    options |= {"ceil_mode": ceil_mode, "return_indices": True}
    beside(f"max_pool{len(sizes)}d", options, distinct(*batch, 2, *sizes))


@given(images("stride", "half"), batches, st.booleans(), st.booleans(), st.data())
@drawn
def test_avg_pool(
    image: Any, batch: Any, ceil_mode: bool, include: bool, data: st.DataObject
) -> None:
    sizes, options = image
    options |= {"ceil_mode": ceil_mode, "count_include_pad": include}
    kernel = options["kernel_size"]
    assume(len(sizes) < 3 or all(map(ge, sizes, kernel)))  # as torch insists
    if len(sizes) > 1:
        divisor = st.one_of(st.none(), st.integers(-3, -1), st.integers(1, 9))
        options["divisor_override"] = data.draw(divisor)
    beside(f"avg_pool{len(sizes)}d", options, numbers(0, *batch, 2, *sizes))


@given(images("stride"), batches, st.booleans(), st.sampled_from([1, 2, 2.5, np.inf]))
@drawn
def test_lp_pool(image: Any, batch: Any, ceil_mode: bool, norm_type: float) -> None:
    sizes, options = image
    del options["padding"]
    assume(all(map(ge, sizes, options["kernel_size"])))
    if len(sizes) == 1:  # torch takes no sequence here
        (options["kernel_size"],) = options["kernel_size"]
    options |= {"ceil_mode": ceil_mode, "norm_type": norm_type}
    x = np.abs(numbers(0, *batch, 2, *sizes)) + 0.1
    beside(f"lp_pool{len(sizes)}d", options, x)


cuts = st.tuples(st.integers(1, 7), st.one_of(st.none(), st.integers(1, 9)))


@given(st.lists(cuts, min_size=1, max_size=3), batches)
@drawn
def test_adaptive_pools(cuts: list[Any], batch: Any) -> None:
    sizes, wanted = zip(*cuts)
    assume(len(sizes) > 1 or wanted[0])  # torch takes no None in one dimension
    options = {"output_size": wanted}
    dims = len(sizes)
    beside(f"adaptive_avg_pool{dims}d", options, numbers(0, *batch, 2, *sizes))
    options["return_indices"] = True
    beside(f"adaptive_max_pool{dims}d", options, distinct(*batch, 2, *sizes))


@given(images("stride", "half"), batches)
@drawn
def test_max_unpool(image: Any, batch: Any) -> None:
    sizes, options = image
    dims = len(sizes)
    x = torch.tensor(distinct(*batch, 2, *sizes))
    best, index = getattr(TF, f"max_pool{dims}d")(x, **options, return_indices=True)
    sizes_of_windows = zip(best.shape[-dims:], *options.values())
    least = [(n - 1) * s + k - 2 * p for n, k, s, p in sizes_of_windows]
    near = zip(sizes, least, options["stride"])
    options["output_size"] = sizes
    assume(all(low - s < size < low + s for size, low, s in near))
    check(
        lambda y: getattr(F, f"max_unpool{dims}d")(
            y, flambeau.tensor(index.numpy()), **options
        ),
        lambda y: getattr(TF, f"max_unpool{dims}d")(y, index, **options),
        best.numpy(),
    )


# The check itself


def test_the_check_sees_wrong_results_and_wrong_gradients() -> None:
    x = numbers(0, 2, 3)
    check(lambda x: x * 2, lambda x: x + x, x)
    with pytest.raises(AssertionError):
        check(lambda x: x * 2, lambda x: x * (2 + 1e-9), x)
    with pytest.raises(AssertionError):
        check(lambda x: x * x, lambda x: x * x.detach(), x)
    with pytest.raises(AssertionError):
        check(lambda x: x.reshape(3, 2), lambda x: x, x)
