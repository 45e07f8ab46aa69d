"""Small functions against NumPy: values, dtypes, gradients, errors."""

import math

import numpy as np
import pytest

import flambeau as torch
from flambeau.autograd import gradcheck, gradgradcheck

NAN, INF = math.nan, math.inf
POINTS = np.array([-2.5, -0.75, 0.3, 0.9, 1.7])
INSIDE = np.array([0.1, 0.45, 0.8])

# name, where, what NumPy says of it
UNARY = [
    ("asinh", POINTS, np.arcsinh),
    ("acosh", POINTS[POINTS > 1], np.arccosh),
    ("atanh", INSIDE, np.arctanh),
    ("erfc", POINTS, np.vectorize(math.erfc)),
    ("logit", INSIDE, lambda x: np.log(x / (1 - x))),
    ("sinc", POINTS, np.sinc),
    ("deg2rad", POINTS, np.deg2rad),
    ("rad2deg", POINTS, np.rad2deg),
    ("frac", POINTS, lambda x: np.fmod(x, 1)),
]
OTHERS = np.array([[1.5], [-0.5]])
BINARY = [
    ("copysign", POINTS, OTHERS, np.copysign),
    ("fmax", POINTS, OTHERS, np.fmax),
    ("fmin", POINTS, OTHERS, np.fmin),
    ("xlogy", POINTS, np.abs(OTHERS), lambda x, y: x * np.log(y)),
]


@pytest.mark.parametrize(("name", "x", "wanted"), UNARY, ids=[u[0] for u in UNARY])
def test_unary(name, x, wanted):
    function = getattr(torch, name)
    point = torch.tensor(x, requires_grad=True)
    np.testing.assert_allclose(function(point).detach().numpy(), wanted(x), rtol=1e-14)
    assert gradcheck(function, point)
    assert gradgradcheck(function, point)


@pytest.mark.parametrize(
    ("name", "x", "y", "wanted"), BINARY, ids=[b[0] for b in BINARY]
)
def test_binary(name, x, y, wanted):
    function = getattr(torch, name)
    points = [torch.tensor(each, requires_grad=True) for each in (x, y)]
    found = function(*points).detach().numpy()
    np.testing.assert_allclose(found, wanted(x, y), rtol=1e-14)
    assert gradcheck(function, points)
    assert gradgradcheck(function, points)


EDGES = [
    ("sinc", [[0.0]], [1]),
    ("logit", [[0.0, 1.0, 2.0]], [-INF, INF, NAN]),
    ("xlogy", [[0.0, 0.0, 0.0], [0.0, -1.0, NAN]], [0, 0, NAN]),
    ("fmax", [[NAN, 1.0, NAN], [2.0, NAN, NAN]], [2, 1, NAN]),
    ("fmin", [[NAN, 1.0, NAN], [2.0, NAN, NAN]], [2, 1, NAN]),
    ("copysign", [[1.0, -1.0], [-0.0, 0.0]], [-1, 1]),
    ("heaviside", [[-1.0, 0.0, 2.0, NAN], [5.0] * 4], [0, 5, 1, 0]),
    ("frac", [[-1.25, 2.0]], [-0.25, 0]),
    ("clamp_min", [[-1.0, 3.0], [0.0, 4.0]], [0, 4]),
    ("clamp_max", [[-1.0, 3.0], [0.0, 2.0]], [-1, 2]),
]


@pytest.mark.parametrize(("name", "lists", "wanted"), EDGES, ids=[e[0] for e in EDGES])
def test_edges_and_in_place(name, lists, wanted):
    tensors = [torch.tensor(each) for each in lists]
    np.testing.assert_array_equal(getattr(torch, name)(*tensors).numpy(), wanted)
    if name not in ("fmax", "fmin"):  # torch, too, has these not in place
        assert getattr(tensors[0], f"{name}_")(*tensors[1:]) is tensors[0]
        np.testing.assert_array_equal(tensors[0].numpy(), wanted)


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("negative_", "neg"),
        ("fix_", "trunc"),
        ("arcsin_", "asin"),
        ("arccos_", "acos"),
        ("arctan_", "atan"),
        ("arcsinh_", "asinh"),
        ("arctanh_", "atanh"),
    ],
)
def test_other_names_in_place(name, same_as):
    x = torch.tensor(INSIDE)
    wanted = getattr(x, same_as)()
    assert torch.equal(getattr(x, name)(), wanted)
    assert torch.equal(x, wanted)


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("subtract_", "sub"),
        ("multiply_", "mul"),
        ("divide_", "div"),
        ("true_divide_", "div"),
        ("arctan2_", "atan2"),
        ("clip_", "clamp"),
        ("less_", "lt"),
        ("less_equal_", "le"),
        ("greater_", "gt"),
        ("greater_equal_", "ge"),
        ("not_equal_", "ne"),
        ("eq_", "eq"),
        ("logical_and_", "logical_and"),
    ],
)
def test_binary_names_in_place_keep_the_dtype(name, same_as):
    x, y = torch.tensor(POINTS), torch.tensor(0.3)
    wanted = getattr(x, same_as)(y).double()
    assert torch.equal(getattr(x, name)(y), wanted)
    assert x.dtype is torch.float64


def test_shifts_in_place():
    x = torch.tensor([1, 2])
    assert x.bitwise_left_shift_(3).tolist() == [8, 16]
    assert x.bitwise_right_shift_(2).tolist() == [2, 4]


def test_questions():
    x = torch.ones(2, 3)
    assert torch.is_tensor(x) and not torch.is_tensor(np.ones(2))
    assert torch.numel(x) == 6
    assert torch.is_floating_point(x) and not torch.is_floating_point(x.int())
    assert torch.broadcast_shapes((2, 1), 3, ()) == torch.Size([2, 3])
    assert torch.broadcast_shapes() == torch.Size([])
    assert not torch.detach(x.requires_grad_()).requires_grad


def test_made_beside_another_tensor():
    x = torch.ones(2, dtype=torch.float64)
    assert x.new_tensor([1, 2]).dtype is torch.float64
    assert x.new_zeros(2, 3).shape == (2, 3)
    assert x.new_ones((2, 3), dtype=torch.int8).dtype is torch.int8
    assert x.new_full((2,), 7, requires_grad=True).tolist() == [7, 7]
    assert x.new_empty(size=(4,)).dtype is torch.float64
    assert x.bfloat16().new_tensor([0.25]).dtype is torch.bfloat16
    assert torch.tensor([1.7]).type_as(torch.tensor([1])).tolist() == [1]


def test_asarray_shares_unless_told():
    array = np.zeros(2)
    shared, own = torch.asarray(array), torch.asarray(array, copy=True)
    array[0] = 1
    assert shared.tolist() == [1, 0] and own.tolist() == [0, 0]
    assert torch.asarray(shared) is shared
    assert torch.asarray(shared, copy=True) is not shared
    assert torch.asarray([1, 2], dtype=torch.float32).tolist() == [1, 2]
    assert torch.asarray(1.5, requires_grad=True).requires_grad
    assert torch.scalar_tensor(3).dtype is torch.float32


def test_limits():
    info = torch.finfo(torch.float32)
    numpy = np.finfo(np.float32)
    for name in ("bits", "min", "max", "eps", "tiny", "smallest_normal"):
        assert getattr(info, name) == getattr(numpy, name)
    assert torch.finfo() == info and torch.finfo(torch.float64) != info
    assert torch.finfo(torch.bfloat16).eps == 2**-7
    assert torch.iinfo(torch.int64).max == 2**63 - 1
    assert (torch.iinfo(torch.uint8).min, torch.iinfo(torch.uint8).bits) == (0, 8)


def test_there_is_no_gpu():
    assert not torch.cuda.is_available()
    assert torch.cuda.device_count() == 0
    torch.manual_seed(0)
    first = torch.rand(2)
    torch.manual_seed(0)
    torch.cuda.manual_seed(5)
    torch.cuda.manual_seed_all(5)
    torch.cuda.empty_cache()
    assert torch.equal(torch.rand(2), first)


def test_threads_are_counted():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


ERRORS = [
    (lambda: torch.finfo(torch.int8), TypeError, "torch.int8"),
    (lambda: torch.iinfo(torch.float32), TypeError, "torch.float32"),
    (lambda: torch.iinfo(torch.bool), TypeError, "torch.bool"),
    (lambda: torch.finfo(3), TypeError, "not int"),
    (lambda: torch.numel([1]), TypeError, "not list"),
    (lambda: torch.is_floating_point(1.0), TypeError, "not float"),
    (lambda: torch.broadcast_shapes((3,), 2), RuntimeError, "do not broadcast"),
    (lambda: torch.frac(torch.tensor([1])), RuntimeError, "torch.int64"),
    (lambda: torch.fmax(torch.ones(1), 1), TypeError, "'other'.*not int"),
    (lambda: torch.heaviside(torch.ones(1), 1), TypeError, "'values'.*not int"),
    (
        lambda: torch.heaviside(torch.ones(1), torch.tensor([1])),
        RuntimeError,
        "torch.float32, values torch.int64",
    ),
    (lambda: torch.asarray([1], copy=False), ValueError, "alias"),
    (
        lambda: torch.asarray(np.ones(1), copy=False, dtype=torch.int8),
        ValueError,
        "float64.*int8",
    ),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
