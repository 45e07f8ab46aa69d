"""Records of convolution and window ops: gradients, shapes, dtypes, error messages."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from flambeau import dtypes as dt
from flambeau.autograd.walk import gradients
from flambeau.evaluator import evaluate, evaluate_float64
from flambeau.graph import RECORDED, Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops.broadcast import sum_
from flambeau.ops.conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.movement import detach
from flambeau.ops.op import Op, same_as_input
from flambeau.ops.window import (
    fold,
    fold_windows,
    max_pool,
    max_pool_index,
    pick,
    sum_pool,
    sum_pool_grad,
    unfold,
    unpool,
    windows,
)
from flambeau.ops.window_checks import pool_sizes

Function = Callable[..., Node]


def spread(
    dims: int, k: int, s: int, p: int | tuple[int, int], d: int
) -> dict[str, Any]:
    """Options of one kernel for every dimension."""
    pair = p if isinstance(p, tuple) else (p, p)
    return {
        "kernel": (k,) * dims,
        "stride": (s,) * dims,
        "padding": (pair,) * dims,
        "dilation": (d,) * dims,
    }


def conv_options(
    dims: int, s: int, p: int | tuple[int, int], d: int, groups: int
) -> dict[str, Any]:
    options = spread(dims, 1, s, p, d)
    del options["kernel"]
    return options | {"groups": groups}


def leaf(values: np.ndarray) -> Node:
    """A constant on the tape, so that what reads it can be differentiated."""
    node = constant(values)
    node.tape = RECORDED
    return node


def value(node: Node) -> np.ndarray:
    return evaluate_float64([node])[0]


def slope(
    function: Function, arrays: list[np.ndarray], directions: list[np.ndarray]
) -> float:
    """Return the central difference of a scalar function along a direction."""
    eps = 1e-5
    up, down = (
        value(function(*(leaf(a + step * d) for a, d in zip(arrays, directions))))
        for step in (eps, -eps)
    )
    return float(up - down) / (2 * eps)


def derivative(function: Function, inputs: list[Node], directions: list[Node]) -> Node:
    """Record the directional derivative of a scalar function by the gradient rules."""
    y = function(*inputs)
    found = gradients(
        [y], [constant(np.ones(()))], inputs, create_graph=True, retain_graph=True
    )
    total = constant(np.zeros(()))
    for each, direction in zip(inputs, directions):
        if id(each) in found:
            total = ew.add(total, inner(found[id(each)][1], direction))
    return total


def inner(a: Node, b: Node) -> Node:
    assert a.shape == b.shape
    return sum_(ew.mul(a, b), axes=tuple(range(a.ndim)), keepdims=False)


def check(op: Function, *shapes: tuple[int, ...], linear: bool = False) -> None:
    """Compare first and second derivatives along random directions with differences."""

    def loss(*inputs: Node) -> Node:
        y = op(*inputs)
        weights = np.random.default_rng(1).standard_normal(y.shape)
        # the square makes the second derivative see every input of a linear op
        return inner(ew.mul(y, y), constant(weights))

    arrays = [
        np.random.permutation(np.prod(s, dtype=int)).reshape(s) / 7.0 for s in shapes
    ]
    first = [np.random.standard_normal(shape) for shape in shapes]
    second = [np.random.standard_normal(shape) for shape in shapes]

    def along(*inputs: Node) -> Node:
        return derivative(loss, list(inputs), [constant(each) for each in first])

    def twice(*inputs: Node) -> Node:
        return derivative(along, list(inputs), [constant(each) for each in second])

    nodes = [leaf(each) for each in arrays]
    assert float(value(along(*nodes))) == pytest.approx(
        slope(loss, arrays, first), rel=1e-6
    )
    assert float(value(twice(*nodes))) == pytest.approx(
        slope(along, arrays, second), rel=1e-6
    )


CONVS = {
    "1d": (conv_options(1, 1, 1, 1, 1), (2, 2, 5), (3, 2, 3)),
    "2d": (conv_options(2, 1, 1, 1, 1), (2, 2, 4, 4), (3, 2, 3, 3)),
    "3d": (conv_options(3, 1, 0, 1, 1), (1, 2, 3, 3, 3), (2, 2, 2, 2, 2)),
    "strided, uneven": (conv_options(2, 2, 1, 1, 1), (2, 2, 6, 4), (3, 2, 3, 3)),
    "dilated": (conv_options(2, 1, 2, 2, 1), (2, 2, 4, 4), (3, 2, 3, 3)),
    "groups": (conv_options(2, 2, 0, 1, 2), (2, 4, 5, 5), (6, 2, 2, 2)),
    "depthwise": (conv_options(2, 1, 1, 1, 3), (2, 3, 4, 4), (3, 1, 3, 3)),
    "one-sided padding": (conv_options(2, 2, (0, 1), 1, 1), (2, 2, 4, 4), (3, 2, 3, 3)),
    "cropped": (conv_options(2, 1, -1, 1, 1), (2, 2, 6, 6), (3, 2, 3, 3)),
}


@pytest.mark.parametrize("options, x, w", CONVS.values(), ids=CONVS.keys())
def test_gradients_of_conv_and_its_adjoints(
    options: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...]
) -> None:
    y = conv(constant(np.zeros(x)), constant(np.zeros(w)), **options).shape
    check(lambda a, b: conv(a, b, **options), x, w)
    check(lambda a, b: conv_input_grad(a, b, input_size=x[2:], **options), y, w)
    check(lambda a, b: conv_weight_grad(a, b, kernel_size=w[2:], **options), x, y)


def test_gradients_of_a_transposed_conv_with_output_padding() -> None:
    """Its input has fewer windows than a convolution of its output would have."""
    options = conv_options(2, 1, 1, 3, 1)
    size = (3 - 1) - 2 + 3 * (2 - 1) + 1 + 2  # torch's formula, output_padding=2
    check(
        lambda g, w: conv_input_grad(g, w, input_size=(size, size), **options),
        (2, 2, 3, 3),
        (2, 3, 2, 2),
    )


POOLS = {
    "1d": (spread(1, 2, 2, 0, 1), (2, 3, 6), (3,)),
    "2d": (spread(2, 3, 2, 1, 1), (2, 2, 5, 5), (3, 3)),
    "3d": (spread(3, 2, 1, 0, 1), (1, 2, 3, 3, 3), (2, 2, 2)),
    "overhanging": (spread(2, 2, 2, 0, 1), (2, 2, 5, 3), (3, 2)),
}


@pytest.mark.parametrize("options, x, out", POOLS.values(), ids=POOLS.keys())
def test_gradients_of_pools(
    options: dict[str, Any], x: tuple[int, ...], out: tuple[int, ...]
) -> None:
    check(lambda a: max_pool(a, output_size=out, **options), x)
    del options["dilation"]
    check(lambda a: sum_pool(a, output_size=out, **options), x)
    y = (*x[:2], *out)
    check(lambda g: sum_pool_grad(g, input_size=x[2:], **options), y)


def test_gradients_of_pick_and_unpool() -> None:
    index = constant(np.random.randint(0, 12, (2, 3, 5)))
    check(lambda x: pick(x, index), (2, 3, 4, 3))
    check(lambda g: unpool(g, index, input_size=(4, 3)), (2, 3, 5))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gradients_of_windows_and_fold(dims: int) -> None:
    options = spread(dims, 2, 1, 1, 2)
    size = (3,) * dims
    cols = windows(constant(np.zeros((1, 2, *size))), **options).shape
    check(lambda x: windows(x, **options), (1, 2, *size))
    check(lambda g: fold_windows(g, input_size=size, **options), cols)


def test_unfold_and_fold_count_what_overlaps() -> None:
    options = spread(2, 3, 1, 0, 1)
    x = constant(np.ones((1, 2, 4, 4)))
    cols = unfold(x, **options)
    assert cols.shape == (1, 18, 4)
    back = fold(cols, input_size=(4, 4), **options)
    row = np.array([1, 2, 2, 1])
    expected = np.broadcast_to(np.outer(row, row), (1, 2, 4, 4))
    np.testing.assert_array_equal(value(back), expected)


@pytest.mark.parametrize("kind", [dt.float16, dt.bfloat16, dt.float32, dt.float64])
def test_values_and_dtypes(kind: dt.dtype) -> None:
    x = constant(np.arange(16.0).reshape(1, 1, 4, 4).astype(kind.numpy))
    w = constant(np.ones((1, 1, 2, 2), kind.numpy))
    options = conv_options(2, 2, 0, 1, 1)
    pool = spread(2, 2, 2, 0, 1)
    best = max_pool(x, output_size=(2, 2), **pool)
    index = max_pool_index(x, output_size=(2, 2), **pool)
    nodes = [conv(x, w, **options), best, index, pick(x, index)]
    evaluate(nodes)
    assert [node.dtype for node in nodes] == [kind, kind, dt.int64, kind]
    assert [np.asarray(node.value).dtype for node in nodes] == [
        node.dtype.numpy for node in nodes
    ]
    assert [np.asarray(node.value, float).ravel().tolist() for node in nodes] == [
        [10, 18, 42, 50],
        [5, 7, 13, 15],
        [5, 7, 13, 15],
        [5, 7, 13, 15],
    ]


def zeros(*shape: int, kind: type = np.float32) -> Node:
    return constant(np.zeros(shape, kind))


def run_conv(
    x: Node, w: Node, s: int = 1, p: int = 0, d: int = 1, groups: int = 1
) -> Node:
    return conv(x, w, **conv_options(w.ndim - 2, s, p, d, groups))


def run_transposed(g: Node, w: Node, *size: int, groups: int = 1) -> Node:
    options = conv_options(w.ndim - 2, 1, 1, 1, groups)
    return conv_input_grad(g, w, input_size=size, **options)


def run_pool(x: Node, dims: int, k: int, s: int = 1, p: int = 0) -> tuple[int, ...]:
    kernel, stride, padding = ((each,) * dims for each in (k, s, p))
    return pool_sizes("max_pool", x, kernel, stride, padding, (1,) * dims, False)


WEIGHT = zeros(8, 3, 3, 3)
ERRORS = {
    "no batch, no channels": (
        lambda: run_conv(zeros(5, 5), WEIGHT),
        ["Expected 3D (unbatched) or 4D (batched) input to conv2d", "[5, 5]"]
        + ["(N, C, H, W)", "unsqueeze(0)"],
    ),
    "too many dimensions": (
        lambda: run_conv(zeros(1, 1, 3, 5, 5), WEIGHT),
        ["input to conv2d, but got input of size: [1, 1, 3, 5, 5]"],
    ),
    "no pixels": (
        lambda: run_conv(zeros(1, 3, 0, 5), WEIGHT),
        ["conv2d", "(1, 3, 0, 5) has no pixels"],
    ),
    "dtypes": (
        lambda: run_conv(zeros(1, 3, 5, 5, kind=np.float64), WEIGHT),
        ["conv2d: input is float64 and weight float32", ".to()"],
    ),
    "channels": (
        lambda: run_conv(zeros(2, 1, 5, 5), WEIGHT),
        ["Given groups=1, weight of size [8, 3, 3, 3], expected input[2, 1, 5, 5] to "]
        + ["have 3 channels, but got 1 channels instead"],
    ),
    "channels last": (
        lambda: run_conv(zeros(2, 5, 5, 3), WEIGHT),
        ["to have 3 channels, but got 5", "input.permute(0, 3, 1, 2)"],
    ),
    "groups": (
        lambda: run_conv(zeros(2, 9, 5, 5), WEIGHT, groups=3),
        ["conv2d", "groups=3", "[8, 3, 3, 3]", "divide"],
    ),
    "no groups": (
        lambda: run_conv(zeros(2, 3, 5, 5), WEIGHT, groups=0),
        ["conv2d", "groups must be positive", "groups=0"],
    ),
    "kernel too large": (
        lambda: run_conv(zeros(2, 3, 2, 5), WEIGHT),
        ["conv2d: Kernel size can't be greater than actual input size", "(3, 3)"]
        + ["(2, 5)", "padding=1"],
    ),
    "dilated kernel too large": (
        lambda: run_conv(zeros(2, 3, 5), zeros(8, 3, 3), p=1, d=4),
        ["conv1d", "dilation (4,) spreads it over (9,)", "size (5,) is (7,)"]
        + ["padding=2"],
    ),
    "stride": (
        lambda: run_conv(zeros(2, 3, 5, 5), WEIGHT, s=0),
        ["conv2d: stride must be positive, got (0, 0)"],
    ),
    "dilation": (
        lambda: run_conv(zeros(2, 3, 5, 5), WEIGHT, d=0),
        ["conv2d: dilation must be positive, got (0, 0)"],
    ),
    "transposed channels": (
        lambda: run_transposed(zeros(2, 3, 5, 5), WEIGHT, 5, 5),
        ["conv_transpose2d", "expected input[2, 3, 5, 5] to have 8 channels"],
    ),
    "transposed size": (
        lambda: run_transposed(zeros(2, 8, 1), zeros(8, 3, 1), -1),
        ["conv_transpose1d: Output size is too small", "less padding"],
    ),
    "pool dimensions": (
        lambda: run_pool(zeros(2, 3, 5), 2, 2),
        ["input to max_pool, but got input of size: [2, 3, 5]"],
    ),
    "pool too large": (
        lambda: run_pool(zeros(2, 3, 2, 2), 2, 3),
        ["max_pool: Kernel size can't be greater", "(2, 2)", "padding=1"],
    ),
    "pool padding": (
        lambda: run_pool(zeros(2, 3, 5, 5), 2, 3, p=2),
        ["max_pool", "at most half", "pad=2, kernel_size=3 and dilation=1"],
    ),
    "pool stride": (
        lambda: run_pool(zeros(2, 3, 5, 5), 2, 3, s=-1),
        ["max_pool: stride must be positive, got (-1, -1)"],
    ),
    "pool of bool": (
        lambda: max_pool(
            zeros(1, 1, 4, kind=bool), output_size=(2,), **spread(1, 2, 2, 0, 1)
        ),
        ["bool", ".to(uint8)"],
    ),
    "unfold": (
        lambda: unfold(zeros(2, 3, 2, 2), **spread(2, 3, 1, 0, 1)),
        ["unfold: Kernel size can't be greater"],
    ),
    "fold dimensions": (
        lambda: fold(zeros(9, 4), input_size=(4, 4), **spread(2, 3, 1, 0, 1)),
        ["fold: Expected 2D (unbatched) or 3D (batched) input", "[9, 4]"],
    ),
    "fold channels": (
        lambda: fold(zeros(1, 8, 4), input_size=(4, 4), **spread(2, 3, 1, 0, 1)),
        ["fold", "divisible", "[1, 8, 4]", "(3, 3)"],
    ),
    "fold blocks": (
        lambda: fold(zeros(1, 9, 5), input_size=(4, 4), **spread(2, 3, 1, 0, 1)),
        ["fold: output_size=(4, 4)", "(2, 2) = 4 blocks", "[1, 9, 5] has 5"],
    ),
}


@pytest.mark.parametrize("wrong, told", ERRORS.values(), ids=ERRORS.keys())
def test_errors_name_the_op_the_sizes_and_the_fix(
    wrong: Callable[[], object], told: list[str]
) -> None:
    with pytest.raises(RuntimeError) as caught:
        wrong()
    for part in told:
        assert part in str(caught.value)


def test_pool_sizes_round_up_in_ceil_mode() -> None:
    kernel, padding, dilation = (2, 2), (0, 0), (1, 1)
    for ceil_mode, expected in ((False, (2, 2)), (True, (3, 3))):
        sizes = pool_sizes(
            "max_pool", zeros(1, 1, 5, 5), kernel, (2, 2), padding, dilation, ceil_mode
        )
        assert sizes == expected


def test_the_check_sees_wrong_first_and_second_derivatives() -> None:
    def cube(slope_at: Callable[[Node], Node]) -> Op:
        def rule(g: Node, y: Node, x: Node) -> Node:
            return ew.mul(g, ew.mul(ew.const_like(3, x), ew.square(slope_at(x))))

        return Op("cube", same_as_input, lambda x: x**3, (rule,))

    check(cube(lambda x: x), (2, 3))
    with pytest.raises(AssertionError):
        check(cube(ew.sin), (2, 3))
    with pytest.raises(AssertionError):  # right once, but a constant from then on
        check(cube(detach), (2, 3))
