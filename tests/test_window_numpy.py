"""Window ops in NumPy, against loops over every window, tap and channel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import nan, prod
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.ops import numpy_conv
from flambeau.ops.numpy_conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.numpy_pool import (
    max_pool,
    max_pool_index,
    pick,
    sum_pool,
    sum_pool_grad,
    unpool,
)
from flambeau.ops.numpy_windows import fold_windows, output_sizes, windows

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Case:
    """The arguments of a window op, with one entry per spatial dimension."""

    sizes: Ints
    kernel: Ints
    stride: Ints
    padding: Pads
    dilation: Ints
    batch: int = 2
    groups: int = 1
    channels: int = 2  # per group
    filters: int = 3  # per group

    @property
    def out(self) -> Ints:
        """Count the windows whose last tap still lies in the padded input."""
        return tuple(
            sum(o * s + d * (k - 1) < n + lo + hi for o in range(n + lo + hi))
            for n, k, s, (lo, hi), d in zip(
                self.sizes, self.kernel, self.stride, self.padding, self.dilation
            )
        )

    @property
    def options(self) -> tuple[Ints, Pads, Ints, int]:
        """The arguments that end every convolution."""
        return self.stride, self.padding, self.dilation, self.groups

    def random(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw an input, weights, and an array like the output."""
        c, k = self.groups * self.channels, self.groups * self.filters
        return (
            np.random.standard_normal((self.batch, c, *self.sizes)),
            np.random.standard_normal((k, self.channels, *self.kernel)),
            np.random.standard_normal((self.batch, k, *self.out)),
        )

    def reads(self, out: Ints | None = None) -> Iterator[tuple[Ints, Ints, Ints]]:
        """List every (window, tap, position) whose position is in the image."""
        for window in np.ndindex(self.out if out is None else out):
            for tap in np.ndindex(self.kernel):
                position = tuple(
                    o * s + t * d - lo
                    for o, s, t, d, (lo, _) in zip(
                        window, self.stride, tap, self.dilation, self.padding
                    )
                )
                if all(0 <= p < n for p, n in zip(position, self.sizes)):
                    yield window, tap, position


def reference_conv(case: Case, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    y = np.zeros((case.batch, len(w), *case.out))
    for window, tap, position in case.reads():
        for k in range(len(w)):
            for c in range(case.channels):
                channel = k // case.filters * case.channels + c
                y[:, k, *window] += w[k, c, *tap] * x[:, channel, *position]
    return y


def padded(dims: int, pad: int | tuple[int, int]) -> Pads:
    return (pad if isinstance(pad, tuple) else (pad, pad),) * dims


def square(
    dims: int, size: int, k: int, s: int, p: int | tuple[int, int], d: int, **more: int
) -> Case:
    return Case(
        (size,) * dims, (k,) * dims, (s,) * dims, padded(dims, p), (d,) * dims, **more
    )


CASES = {
    "1d": square(1, 9, 3, 1, 1, 1),
    "2d": square(2, 6, 3, 1, 1, 1),
    "3d": square(3, 4, 3, 1, 1, 1),
    "4d": square(4, 3, 2, 1, 0, 1),
    "pointwise": square(2, 5, 1, 1, 0, 1),
    "pointwise strided": square(2, 5, 1, 2, 0, 1),
    "strided": square(2, 7, 3, 2, 1, 1),
    "stride above kernel": square(2, 8, 2, 3, 0, 1),
    "dilated": square(2, 8, 3, 1, 2, 2),
    "all different": Case((7, 9), (3, 2), (2, 3), ((0, 2), (1, 0)), (1, 3)),
    "kernel is image": square(2, 4, 4, 1, 0, 1),
    "one element": square(2, 1, 1, 1, 0, 1, batch=1, channels=1, filters=1),
    "one element, wide kernel": square(2, 1, 3, 1, 1, 1),
    "cropped": square(2, 7, 3, 1, (-1, -2), 1),
    "cropped and padded": square(2, 7, 3, 2, (-2, 3), 1),
    "all padding": square(1, 2, 2, 1, 5, 1),
    "groups": square(2, 5, 3, 1, 1, 1, groups=2, channels=3, filters=2),
    "groups, fewer filters": square(2, 5, 3, 1, 1, 1, groups=3, channels=2, filters=1),
    "depthwise": square(2, 5, 3, 1, 1, 1, groups=4, channels=1, filters=1),
    "depthwise, multiplied": square(2, 5, 3, 2, 1, 1, groups=2, channels=1, filters=3),
    "empty batch": square(2, 5, 3, 1, 1, 1, batch=0),
    "no channels": square(2, 5, 3, 1, 1, 1, channels=0),
    "no filters": square(2, 5, 3, 1, 1, 1, filters=0),
    "no window": square(2, 2, 3, 1, 0, 1),
}

small = st.integers(1, 3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dims = draw(st.integers(1, 3))

    def each(values: st.SearchStrategy) -> tuple:
        return tuple(draw(values) for _ in range(dims))

    pads = st.tuples(st.integers(-1, 3), st.integers(-1, 3))
    return Case(
        each(st.integers(2, 6)),
        each(small),
        each(small),
        each(pads),
        each(small),
        batch=draw(st.integers(0, 3)),
        groups=draw(small),
        channels=draw(small),
        filters=draw(small),
    )


def table(test: Callable) -> Callable:
    return pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())(test)


def generated(test: Callable) -> Callable:
    return settings(max_examples=60, deadline=None)(given(case=cases())(test))


def check_conv(case: Case) -> None:
    x, w, g = case.random()
    y = conv(x, w, *case.options)
    expected = reference_conv(case, x, w)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    dx = conv_input_grad(g, w, *case.options, case.sizes)
    dw = conv_weight_grad(x, g, *case.options, case.kernel)
    assert (dx.shape, dw.shape) == (x.shape, w.shape)
    assert np.vdot(dx, x) == pytest.approx(np.vdot(expected, g), rel=1e-9, abs=1e-9)
    assert np.vdot(dw, w) == pytest.approx(np.vdot(expected, g), rel=1e-9, abs=1e-9)


@table
def test_conv_and_its_adjoints(case: Case) -> None:
    check_conv(case)


@generated
def test_any_conv_and_its_adjoints(case: Case) -> None:
    check_conv(case)


@pytest.mark.parametrize("block_bytes", [1, 300, 2000])
@table
def test_conv_in_small_blocks(case: Case, block_bytes: int) -> None:
    with mock.patch.object(numpy_conv, "_BLOCK_BYTES", block_bytes):
        check_conv(case)


def test_an_image_too_large_for_a_block_is_cut_into_rows() -> None:
    x, w = np.ones((2, 4, 600, 300), np.float32), np.ones((1, 4, 3, 3), np.float32)
    with mock.patch.object(numpy_conv, "_columns", wraps=numpy_conv._columns) as made:
        y = conv(x, w, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    shapes = [call.args[1].shape for call in made.call_args_list]
    assert all(36 * 4 * prod(shape) <= numpy_conv._BLOCK_BYTES for shape in shapes)
    assert len(shapes) > len(x)
    assert (y == 36).all()


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_input_grad_of_a_larger_input_leaves_zeros(extra: int) -> None:
    """What a transposed convolution's output_padding asks for."""
    case = square(2, 7, 3, 3, 0, 1)
    _, w, g = case.random()
    sizes = tuple(size + extra for size in case.sizes)
    dx = conv_input_grad(g, w, *case.options, sizes)
    assert not dx[:, :, 6 + 1 :].any()
    small_dx = conv_input_grad(g, w, *case.options, case.sizes)
    np.testing.assert_array_equal(dx[:, :, :7, :7], small_dx)


def test_input_grad_by_mirrored_filters_is_the_scattered_sum() -> None:
    """Stride 1 takes another road when there are no more filters than channels."""
    few = square(2, 6, 3, 1, (2, -1), 2, filters=2, channels=3, groups=2)
    _, w, g = few.random()
    fast = conv_input_grad(g, w, *few.options, few.sizes)
    # The same filters with as many zero filters again are scattered.
    zeros = np.zeros_like(w.reshape(2, 2, 3, 3, 3))
    more_w = np.concatenate([w.reshape(2, 2, 3, 3, 3), zeros], 1).reshape(8, 3, 3, 3)
    split = g.reshape(2, 2, 2, *few.out)
    more_g = np.concatenate([split, split], 2).reshape(2, 8, *few.out)
    slow = conv_input_grad(more_g, more_w, *few.options, few.sizes)
    np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_conv_keeps_the_dtype(kind: type) -> None:
    case = CASES["2d"]
    x, w, g = (each.astype(kind) for each in case.random())
    assert conv(x, w, *case.options).dtype == kind
    assert conv_input_grad(g, w, *case.options, case.sizes).dtype == kind
    assert conv_weight_grad(x, g, *case.options, case.kernel).dtype == kind


LAYERS = {
    "64 to 64": square(2, 16, 3, 1, 1, 1, channels=64, filters=64),
    "512 to 32, strided": square(2, 8, 3, 2, 1, 1, channels=512, filters=32),
    "3 to 64, 7x7": square(2, 40, 7, 2, 3, 1, channels=3, filters=64),
    "depthwise": square(2, 32, 3, 1, 1, 1, groups=32, channels=1, filters=1),
}


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_conv_is_accurate_in_float32(case: Case) -> None:
    x, w, g = case.random()
    narrow = [each.astype(np.float32) for each in (x, w, g)]
    wide = [each.astype(np.float64) for each in narrow]
    for got, exact in zip(all_three(case, *narrow), all_three(case, *wide)):
        assert np.linalg.norm(got - exact) <= 1e-6 * np.linalg.norm(exact)


def all_three(case: Case, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> tuple:
    return (
        conv(x, w, *case.options),
        conv_input_grad(g, w, *case.options, case.sizes),
        conv_weight_grad(x, g, *case.options, case.kernel),
    )


def test_conv_reads_any_memory_layout() -> None:
    case = CASES["2d"]
    x, w, g = case.random()
    turned = [np.asfortranarray(each) for each in (x, w, g)]
    for got, expected in zip(all_three(case, *turned), all_three(case, x, w, g)):
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    constant = np.broadcast_to(np.ones(()), g.shape)
    np.testing.assert_allclose(
        conv_input_grad(constant, w, *case.options, case.sizes),
        conv_input_grad(constant.copy(), w, *case.options, case.sizes),
    )


# Windows and their overlap-add


def check_windows(case: Case) -> None:
    x, _, _ = case.random()
    arguments = case.kernel, case.stride, case.padding, case.dilation
    cols = windows(x, *arguments)
    expected = np.zeros((*x.shape[:2], *case.kernel, *case.out))
    for window, tap, position in case.reads():
        expected[:, :, *tap, *window] = x[:, :, *position]
    np.testing.assert_array_equal(cols, expected)
    g = np.random.standard_normal(cols.shape)
    folded = fold_windows(g, *arguments, case.sizes)
    assert folded.shape == x.shape
    assert np.vdot(folded, x) == pytest.approx(np.vdot(g, cols), rel=1e-9, abs=1e-9)


@table
def test_windows_and_fold(case: Case) -> None:
    check_windows(case)


@generated
def test_any_windows_and_fold(case: Case) -> None:
    check_windows(case)


@generated
def test_output_sizes_counts_the_windows_that_fit(case: Case) -> None:
    arguments = case.kernel, case.stride, case.padding, case.dilation
    assert output_sizes(case.sizes, *arguments) == case.out


# Pools


def overhanging(case: Case) -> Ints:
    """One window more than fits along every dimension."""
    return tuple(each + 1 for each in case.out)


def check_max_pool(case: Case, x: np.ndarray, out: Ints) -> None:
    arguments = case.kernel, case.stride, case.padding, case.dilation, out
    y, index = max_pool(x, *arguments), max_pool_index(x, *arguments)
    assert (y.dtype, index.dtype) == (x.dtype, np.int64)
    assert y.shape == index.shape == (*x.shape[:2], *out)
    seen: dict[Ints, list[Ints]] = {window: [] for window in np.ndindex(out)}
    for window, _, position in case.reads(out):
        seen[window].append(position)
    for n, c in product(range(x.shape[0]), range(x.shape[1])):
        for window, positions in seen.items():
            check_maximum(x[n, c], positions, y[n, c, *window], index[n, c, *window])


def check_maximum(
    image: np.ndarray, positions: list[Ints], best: float, at: int
) -> None:
    values = [image[each] for each in positions]
    flat = [int(np.ravel_multi_index(each, image.shape)) for each in positions]
    assert 0 <= at < image.size
    if any(value != value for value in values):
        assert best != best
        assert at == [f for f, value in zip(flat, values) if value != value][-1]
    elif values:
        assert best == max(values)
        assert at == flat[values.index(max(values))]
    else:
        assert best == -np.inf


@table
def test_max_pool(case: Case) -> None:
    check_max_pool(case, case.random()[0], case.out)


@generated
def test_any_max_pool(case: Case) -> None:
    # Few different values give ties, some of them among infinities and nans.
    x = np.random.choice(
        [nan, -np.inf, -1.0, 2.0, 2.0, 2.0, 3.0], case.random()[0].shape
    )
    check_max_pool(case, x, overhanging(case))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, np.float32])
def test_max_pool_of_any_dtype(kind: type) -> None:
    case = CASES["strided"]
    x = np.random.randint(0, 4, (2, 2, *case.sizes)).astype(kind)
    check_max_pool(case, x, case.out)
    if kind is not np.uint8:
        check_max_pool(case, -x - 1, case.out)


def test_max_pool_with_more_taps_than_a_byte_counts() -> None:
    case = square(2, 20, 20, 1, 0, 1)
    x = np.zeros((1, 2, 20, 20))
    x[0, 0, 19, 18], x[0, 1, 13, 7] = 1, 1
    check_max_pool(case, x, case.out)


@generated
def test_pick_and_unpool_are_adjoint(case: Case) -> None:
    x, _, _ = case.random()
    index = np.random.randint(0, prod(case.sizes), (*x.shape[:2], 3, 2))
    picked = pick(x, index)
    assert picked.shape == index.shape
    for n, c, *window in np.ndindex(index.shape):
        value = picked[n, c, *window]
        assert value == x[n, c].reshape(-1)[index[n, c, *window]]
    g = np.random.standard_normal(index.shape)
    added = unpool(g, index, case.sizes)
    assert added.shape == x.shape
    assert np.vdot(added, x) == pytest.approx(np.vdot(g, picked), rel=1e-9, abs=1e-9)


def test_unpool_adds_what_meets() -> None:
    index = np.array([[[3, 3, 0]], [[1, 3, 1]]])
    g = np.array([[[1.0, 2, 4]], [[1, 2, 4]]], np.float32)
    added = unpool(g, index, (2, 2))
    assert added.dtype == np.float32
    assert added.tolist() == [[[[4, 0], [0, 3]]], [[[0, 5], [0, 2]]]]


def check_sum_pool(case: Case, out: Ints) -> None:
    x, _, _ = case.random()
    arguments = case.kernel, case.stride, case.padding
    y = sum_pool(x, *arguments, out)
    expected = np.zeros((*x.shape[:2], *out))
    for window, _, position in case.reads(out):
        expected[:, :, *window] += x[:, :, *position]
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    g = np.random.standard_normal(y.shape)
    dx = sum_pool_grad(g, *arguments, case.sizes)
    assert dx.shape == x.shape
    assert np.vdot(dx, x) == pytest.approx(np.vdot(g, expected), rel=1e-9, abs=1e-9)


def undilated(case: Case) -> Case:
    ones = (1,) * len(case.sizes)
    return Case(case.sizes, case.kernel, case.stride, case.padding, ones, case.batch)


@table
def test_sum_pool(case: Case) -> None:
    check_sum_pool(undilated(case), undilated(case).out)


@generated
def test_any_sum_pool(case: Case) -> None:
    check_sum_pool(undilated(case), overhanging(undilated(case)))


def test_inputs_are_only_read() -> None:
    case = CASES["strided"]
    x, w, g = case.random()
    for each in (x, w, g):
        each.flags.writeable = False
    all_three(case, x, w, g)
    pool = case.kernel, case.stride, case.padding
    max_pool_index(x, *pool, case.dilation, case.out)
    sum_pool(x, *pool, case.out)
    windows(x, *pool, case.dilation)
