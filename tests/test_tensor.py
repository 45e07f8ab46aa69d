"""Tensors: creation, dtypes, conversion, shared memory, in-place writes, printing."""

import copy
import pickle
import weakref

import numpy as np
import pytest

import flambeau as torch
from flambeau import dtypes as dt

# Creation


@pytest.mark.parametrize(
    ("data", "kind", "shape"),
    [
        (1, torch.int64, ()),
        (1.5, torch.float32, ()),
        (True, torch.bool, ()),
        ([1, 2.5], torch.float32, (2,)),
        ([[True], [False]], torch.bool, (2, 1)),
        ([], torch.float32, (0,)),
        (np.float64(2), torch.float64, ()),
        (np.zeros((2, 3), np.int8), torch.int8, (2, 3)),
        ([np.zeros(2), np.ones(2)], torch.float64, (2, 2)),
        ([torch.tensor(1), torch.tensor(2)], torch.int64, (2,)),
        (((1, 2), (3, 4)), torch.int64, (2, 2)),
    ],
)
def test_tensor_chooses_torchs_dtype(data, kind, shape):
    made = torch.tensor(data)
    assert made.dtype is kind
    assert made.shape == shape


def test_default_dtype_decides_for_python_floats():
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.tensor(1.5).dtype is torch.float64
        assert torch.zeros(2).dtype is torch.float64
        assert (torch.tensor([1]) / 2).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with pytest.raises(TypeError, match=r"got torch\.int64"):
        torch.set_default_dtype(torch.int64)


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(3)
    copied, shared = torch.tensor(array), torch.from_numpy(array)
    array[0] = 1
    assert copied.tolist() == [0, 0, 0]
    assert shared.tolist() == [1, 0, 0]


def test_ragged_and_foreign_data_are_refused():
    with pytest.raises(ValueError, match="equal lengths"):
        torch.tensor([[1, 2], [3]])
    with pytest.raises(TypeError, match="elements of type str"):
        torch.tensor(["a", "b"])
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray of type timedelta"):
        torch.tensor(np.zeros(2, "m8[s]"))
    with pytest.raises(TypeError, match=r"expected np\.ndarray \(got list\)"):
        torch.from_numpy([1, 2])


@pytest.mark.parametrize("size", [(2, 3), ((2, 3),), ([2, 3],), (torch.Size([2, 3]),)])
def test_sizes_as_ints_or_one_sequence(size):
    for make in (torch.zeros, torch.ones, torch.empty):
        assert make(*size).shape == (2, 3)


def test_filled_tensors():
    assert torch.full((2,), 7).dtype is torch.int64
    assert torch.full((2,), 7.0).dtype is torch.float32
    assert torch.ones(2, dtype=torch.uint8).tolist() == [1, 1]
    assert torch.zeros_like(torch.ones(2, 3)).tolist() == [[0] * 3] * 2
    assert torch.full_like(torch.ones(2), 3).dtype is torch.float32
    assert torch.ones(2, requires_grad=True).is_leaf
    assert torch.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_bad_sizes_and_devices_are_named():
    with pytest.raises(RuntimeError, match=r"negative dimension -1: \[2, -1\]"):
        torch.zeros(2, -1)
    with pytest.raises(TypeError, match="sizes must be ints"):
        torch.zeros(2.5)
    with pytest.raises(RuntimeError, match="flambeau runs on the CPU only"):
        torch.zeros(2, device="cuda")


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ((3,), [0, 1, 2]),
        ((1, 7, 2), [1, 3, 5]),
        ((5, 0, -2), [5, 3, 1]),
        ((0, 1, 0.25), [0, 0.25, 0.5, 0.75]),
        ((2, 2), []),
    ],
)
def test_arange(arguments, values):
    assert torch.arange(*arguments).tolist() == values


def test_arange_refuses_impossible_steps():
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 1, 0)
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        torch.arange(0, 5, -1)


def test_linspace_and_logspace():
    assert torch.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert torch.linspace(3, 9, 1).tolist() == [3]
    np.testing.assert_allclose(torch.logspace(0, 2, 3).numpy(), [1, 10, 100], 1e-6)


# Promotion

MIXING = [kind for kind in dt.ALL if kind not in dt.LONE]


@pytest.mark.parametrize("a", MIXING, ids=lambda kind: kind.name)
@pytest.mark.parametrize("b", MIXING, ids=lambda kind: kind.name)
def test_promotion_is_symmetric_and_holds_both(a, b):
    joined = torch.promote_types(a, b)
    assert joined is torch.promote_types(b, a)
    assert joined.rank >= max(a.rank, b.rank)
    assert (torch.ones(2, dtype=a) + torch.ones(2, dtype=b)).dtype is joined


@pytest.mark.parametrize("a", dt.LONE, ids=lambda kind: kind.name)
def test_wide_unsigned_integers_mix_with_floats_only(a):
    for b in dt.ALL:
        if b is a or b.is_inexact:
            assert torch.promote_types(a, b) is b is torch.promote_types(b, a)
            continue
        for x, y in ((a, b), (b, a)):
            with pytest.raises(RuntimeError, match=r"attempted to promote .*\.to\(\)"):
                torch.ones(2, dtype=x) + torch.ones(2, dtype=y)


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        (torch.ones(2, dtype=torch.int8), 5, torch.int8),
        (torch.ones(2, dtype=torch.int8), 5.0, torch.float32),
        (torch.ones(2, dtype=torch.float16), 5.0, torch.float16),
        (torch.ones(2), torch.tensor(5, dtype=torch.float64), torch.float32),
        (torch.ones(2, dtype=torch.int32), torch.tensor(5.0), torch.float32),
        (torch.tensor(1), 2.5, torch.float32),
        (torch.ones(2, dtype=torch.bool), 3, torch.int64),
    ],
)
def test_dimensions_decide_over_scalars(a, b, kind):
    assert torch.result_type(a, b) is kind
    assert (a + b).dtype is kind
    assert (b + a).dtype is kind


def test_comparison_and_true_division_have_dtypes_of_their_own():
    a = torch.tensor([1, 2])
    assert (a > 1).dtype is torch.bool
    assert (a / 2).dtype is torch.float32
    assert (a // 2).dtype is torch.int64


# Conversion


def test_numbers_and_lists_come_out():
    assert torch.tensor(2.5).item() == 2.5
    assert isinstance(torch.tensor([3]).item(), int)
    assert torch.tensor(1.5, dtype=torch.bfloat16).tolist() == 1.5
    assert bool(torch.tensor([True]))
    assert int(torch.tensor(7.9)) == 7
    assert [10, 20, 30][torch.tensor(1)] == 20
    assert f"{torch.tensor(3.14159):.2f}" == "3.14"


def test_what_is_no_single_number_is_refused():
    with pytest.raises(RuntimeError, match="3 elements cannot be converted"):
        torch.ones(3).item()
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        bool(torch.ones(3))
    with pytest.raises(TypeError, match="only integer tensors"):
        [1][torch.tensor(0.0)]


def test_casts_truncate_and_wrap():
    x = torch.tensor([-1.7, 0.0, 1.7, 300.0])
    assert x.to(torch.int32).tolist() == [-1, 0, 1, 300]
    assert x.to(torch.uint8).tolist() == [255, 0, 1, 44]
    assert x.to(torch.bool).tolist() == [True, False, True, True]
    assert x.to(torch.float32) is x
    assert x.to(torch.ones(1, dtype=torch.float64)).dtype is torch.float64
    assert x.to("cpu", torch.float64).dtype is torch.float64
    with pytest.raises(RuntimeError, match="CPU only"):
        x.to("cuda")


def test_numpy_shares_memory_both_ways_while_alive():
    x = torch.zeros(3)
    array = x.numpy()
    array[0] = 1
    y = x + 0
    array[0] = 2
    x.add_(1)
    assert y.tolist() == [1, 0, 0]
    assert x.tolist() == [3, 1, 1]
    assert array.tolist() == [3, 1, 1]
    view = array[1:]
    del array
    view[0] = 9
    assert x.tolist() == [3, 9, 1]
    del view
    assert x.tolist() == [3, 9, 1]
    assert x._shared is None


def test_a_write_does_not_follow_an_array_that_is_gone():
    x = torch.zeros(3)
    with torch.no_grad():
        array = weakref.ref(x.numpy().base)
        x.copy_(torch.ones(3))
    assert array() is None
    assert x.tolist() == [1, 1, 1]


def test_unchanged_shared_memory_keeps_its_node():
    x = torch.zeros(3, requires_grad=True)
    array = x.detach().numpy()
    y = (x * 2).sum()
    (g,) = torch.autograd.grad(y, x)
    assert g.tolist() == [2, 2, 2]
    assert array.tolist() == [0, 0, 0]


def test_numpy_of_a_recorded_tensor_needs_detach():
    x = torch.zeros(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Use tensor\.detach\(\)\.numpy\(\)"):
        x.numpy()
    assert x.numpy(force=True).tolist() == [0, 0]
    assert np.asarray(x.detach()).dtype == np.float32


def test_numpy_functions_and_operators_take_tensors():
    x = torch.tensor([1.0, 4.0])
    assert np.sqrt(x).tolist() == [1, 2]
    assert isinstance(np.ones(2) + x, torch.Tensor)


def test_dlpack_both_ways():
    x = torch.tensor([1.0, 2.0])
    assert np.from_dlpack(x).tolist() == [1, 2]
    assert torch.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]


# Writing in place


def test_in_place_methods_return_the_tensor():
    x = torch.ones(2)
    assert x.add_(1).mul_(3) is x
    assert x.tolist() == [6, 6]
    x -= 1
    x /= 5
    assert x.tolist() == [1, 1]


def test_in_place_keeps_dtype_and_shape():
    whole = torch.ones(2, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"type Float can.t be cast to .* type Long"):
        whole.add_(1.5)
    with pytest.raises(RuntimeError, match=r"shape \[2\] doesn't match .* \[3, 2\]"):
        whole.add_(torch.ones(3, 2, dtype=torch.int64))
    narrow = torch.ones(2)
    narrow.add_(torch.ones(2, dtype=torch.float64))
    assert narrow.dtype is torch.float32


def test_copy_broadcasts_and_casts():
    x = torch.zeros(2, 3)
    x.copy_(torch.tensor([1, 2, 3]))
    assert x.tolist() == [[1, 2, 3], [1, 2, 3]]
    with pytest.raises(RuntimeError, match=r"shape \(2,\) does not broadcast"):
        x.copy_(torch.ones(2))


def test_in_place_does_not_touch_earlier_results():
    x = torch.ones(2)
    y = x * 2
    x.zero_()
    assert y.tolist() == [2, 2]


# Copies


def test_clone_deepcopy_and_pickle_are_independent():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * 1).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        with torch.no_grad():
            other.add_(1)
        assert other.requires_grad
        assert other.is_leaf
        assert x.tolist() == [1, 2]
    assert x.clone().grad_fn is not None
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


# Arithmetic that needs care


def test_integer_arithmetic():
    a = torch.tensor([7, -7])
    assert (a // 2).tolist() == [3, -4]
    assert (a % 3).tolist() == [1, 2]
    assert torch.div(a, 2, rounding_mode="trunc").tolist() == [3, -3]
    assert a.fmod(3).tolist() == [1, -1]
    assert (2 ** a.abs()).tolist() == [128, 128]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        a // 0
    with pytest.raises(RuntimeError, match="negative integer powers"):
        a**-1
    with pytest.raises(RuntimeError, match="found 'up'"):
        torch.div(a, 2, rounding_mode="up")


def test_bool_arithmetic():
    a = torch.tensor([True, False])
    assert (a * a).dtype is torch.bool
    assert (a + a).tolist() == [True, False]
    assert (~a).tolist() == [False, True]
    with pytest.raises(RuntimeError, match="`-` operator"):
        a - a
    with pytest.raises(RuntimeError, match="`-` operator"):
        _ = -a
    with pytest.raises(RuntimeError, match=r"bitwise_and.*float32"):
        torch.ones(2) & 1


def test_scalars_on_the_left():
    a = torch.tensor([1.0, 2.0])
    assert (3 - a).tolist() == [2, 1]
    assert (2 / a).tolist() == [2, 1]
    assert (3 // a).tolist() == [3, 1]
    assert (5 % a).tolist() == [0, 1]


def test_shapes_that_do_not_broadcast_are_shown():
    with pytest.raises(RuntimeError, match=r"\(2, 3\) and \(4,\) do not broadcast"):
        torch.ones(2, 3) + torch.ones(4)


def test_clamp_and_friends():
    x = torch.tensor([-2.0, 0.5, 9.0])
    assert x.clamp(0, 1).tolist() == [0, 0.5, 1]
    assert x.clamp(min=torch.tensor([0.0, 1.0, 2.0])).tolist() == [0, 1, 9]
    assert x.clamp(max=1).tolist() == [-2, 0.5, 1]
    with pytest.raises(RuntimeError, match="At least one"):
        x.clamp()
    bad = torch.tensor([float("nan"), float("inf"), -float("inf")])
    assert bad.nan_to_num(1, 2, 3).tolist() == [1, 2, 3]


def test_close_and_equal():
    a = torch.tensor([1.0, float("inf"), float("nan")])
    assert torch.isclose(a, a).tolist() == [True, True, False]
    assert torch.isclose(a, a, equal_nan=True).tolist() == [True, True, True]
    assert torch.equal(torch.ones(2), torch.ones(2))
    assert not torch.equal(torch.ones(2), torch.ones(3))


# Printing and hashing


def test_printing_shows_what_matters():
    x = torch.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"
    assert repr(torch.ones(1, dtype=torch.float64)) == (
        "tensor([1.], dtype=torch.float64)"
    )
    assert repr(torch.Size([2, 3])) == "torch.Size([2, 3])"
    assert str(torch.device("cpu")) == "cpu"


def test_tensors_are_keys_by_identity():
    a, b = torch.ones(2), torch.ones(2)
    assert {a: 1, b: 2}[a] == 1
    assert 1.0 in a
    assert len(a) == 2
    with pytest.raises(TypeError, match="0-d"):
        len(torch.tensor(1))
