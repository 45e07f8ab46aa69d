"""Square brackets, gather and scatter beside NumPy; gradients; laziness; errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slopes import check_derivatives

import flambeau as torch

X = np.arange(24.0).reshape(2, 3, 4)
Y = np.random.default_rng(0).normal(size=(3, 4))
T = torch.tensor


def index_cases():
    """Indices that NumPy reads as torch does: no ints beside arrays."""
    mask = np.array([True, False, True])
    return [
        0,
        (1, -1),
        (..., 2),
        (slice(None, None, 2), None, slice(1, 9)),
        (),
        [0, 1, 0],
        (slice(None), [2, 0]),
        ([[0], [1]], slice(None), [0, 3]),
        ([0, 1], [1, 2], [-1, -2]),
        (slice(None), [[1, 2], [0, 1]], slice(0, 2)),
        (slice(None), mask),
        (slice(None), mask, slice(1, 3)),
        np.random.default_rng(1).random((2, 3)) > 0.5,
        X % 3 == 0,
        (..., None, [1, 1]),
        np.zeros(0, np.int64),
        True,
        (False, ...),
    ]


@pytest.mark.parametrize("index", index_cases(), ids=str)
def test_reads_and_writes_as_numpy(index) -> None:
    found = torch.tensor(X)[index]
    np.testing.assert_array_equal(found.numpy(), X[index])
    ours, theirs = torch.tensor(X), X.copy()
    new = np.random.standard_normal(X[index].shape)
    ours[index] = torch.tensor(new)
    theirs[index] = new
    np.testing.assert_array_equal(ours.numpy(), theirs)
    ours[index] = -1
    theirs[index] = -1
    np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("index", index_cases(), ids=str)
def test_gradients_of_reading_count_every_time(index) -> None:
    x = torch.tensor(X, requires_grad=True)
    weights = np.random.standard_normal(X[index].shape)
    (x[index] * torch.tensor(weights)).sum().backward()
    wanted = np.zeros_like(X)
    np.add.at(wanted, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), wanted)


def test_ints_beside_tensors_are_part_of_the_view() -> None:
    x = torch.zeros(2, 3, 4)
    assert x[0, :, [1, 2]].shape == (3, 2)  # NumPy puts the 2 in front
    assert x[[0], :, [1, 2]].shape == (2, 3)


def test_zero_d_tensors_index_as_ints() -> None:
    x = torch.tensor(X)
    view = x[T(1), T(-1)]
    view.zero_()
    assert x[1, 2].tolist() == [0] * 4
    assert torch.tensor(5)[None].shape == (1,)
    assert torch.tensor(5)[...].item() == 5


def test_iterating_gives_views() -> None:
    x = torch.zeros(2, 2)
    for number, row in enumerate(x):
        row += number
    assert x.tolist() == [[0, 0], [1, 1]]
    with pytest.raises(TypeError, match="0-d"):
        iter(torch.tensor(1))


def test_a_mask_with_a_number_is_written_without_evaluating() -> None:
    x = torch.tensor(X) * 1
    x[x > 3] = 0
    assert x.node.value is None
    assert x.sum().item() == 6


def test_gradients_flow_through_writes() -> None:
    def written(x, y):
        z = x * 1
        z[0] = y[1, 1:] * 2
        z[:, 1] *= 3
        z[[1, 1], [0, 2]] = y[0, :2]
        z[z > 1] = y[0, 0]
        return z * z

    check_derivatives(written, np.random.standard_normal((2, 3)), Y)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.gather(1, T([[0, 0, 3], [1, 2, 1]])),
        lambda x: x.index_select(1, T([3, 0, 3])),
        lambda x: x.take(T([[1, 1], [0, -1]])),
        lambda x: torch.take_along_dim(x, T([[1], [0], [2]]), 1),
        lambda x: x.masked_select(torch.tensor(Y > 0)),
        lambda x: x.index_fill(0, T([0]), 2) * x.masked_fill(torch.tensor(Y > 0), 3),
    ],
)
def test_derivatives_of_reads(function) -> None:
    check_derivatives(function, Y)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x.scatter(1, T([[0, 2], [1, 3]]), y),
        lambda x, y: x.scatter_add(0, T([[0, 0, 1, 2], [0, 1, 1, 2]]), y),
        lambda x, y: x.scatter_reduce(0, T([[0, 0, 1], [0, 1, 1]]), y, "prod"),
        lambda x, y: x.scatter_reduce(0, T([[0, 0, 1]]), y, "mean"),
        lambda x, y: x.scatter_reduce(0, T([[0, 0]]), y, "prod", include_self=False),
        lambda x, y: x.index_add(0, T([0, 0, 2]), y, alpha=3),
        lambda x, y: x.index_copy(1, T([2, 0, 1, 3]), y),
        lambda x, y: x.index_put((T([0, 2]), T([1, 1])), y[0, 0], accumulate=True),
        lambda x, y: x.masked_scatter(torch.tensor(Y > 0), y),
        lambda x, y: x.put(T([0, 5]), y[0, :2], accumulate=True),
    ],
)
def test_derivatives_of_writes(function) -> None:
    check_derivatives(function, Y, np.random.standard_normal(Y.shape))


def test_scatter_reduce_divides_the_gradient_of_equal_extremes() -> None:
    x = torch.tensor([2.0, 0.0], requires_grad=True)
    src = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
    x.scatter_reduce(0, T([0, 0, 1]), src, "amax").sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 / 3, 0])
    np.testing.assert_allclose(src.grad.numpy(), [1 / 3, 1 / 3, 1])


def test_a_product_with_zeros_has_the_gradient_of_the_others() -> None:
    src = torch.tensor([0.0, 3.0, 0.0, 0.0], requires_grad=True)
    x = torch.tensor([2.0, 5.0])
    x.scatter_reduce(0, T([0, 0, 1, 1]), src, "prod").sum().backward()
    assert src.grad.tolist() == [6, 0, 0, 0]


SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


@settings(max_examples=100, deadline=None)
@given(SHAPES, st.data())
def test_gather_and_scatter_on_random_shapes(shape, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    wanted = [data.draw(st.integers(0, size)) for size in shape]
    wanted[axis] = data.draw(st.integers(0, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    places = rng.integers(0, shape[axis], wanted)
    x, new = rng.normal(size=shape), rng.normal(size=wanted)
    read, added = np.zeros(wanted), x.copy()
    for at in np.ndindex(*wanted):
        to = (*at[:axis], places[at], *at[axis + 1 :])
        read[at] = x[to]
        added[to] += new[at]
    index = torch.tensor(places)
    np.testing.assert_array_equal(torch.tensor(x).gather(axis, index).numpy(), read)
    found = torch.tensor(x).scatter_add(axis, index, torch.tensor(new))
    np.testing.assert_allclose(found.numpy(), added)


# Errors


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x[2], IndexError, "index 2 is out of bounds for dimension 0"),
        (lambda x: x[0, 0, 0, 0], IndexError, "too many indices"),
        (lambda x: x[::-1], ValueError, "greater than zero, got -1; use flip"),
        (lambda x: x["a"], IndexError, r"are valid indices \(got str\)"),
        (lambda x: x[T([0.5])], IndexError, "got torch.float32"),
        (lambda x: x[T([2])], IndexError, r"index 2 .* must be in \[-2, 1\]"),
        (lambda x: x[T([True])], IndexError, r"mask \[1\] at index 0"),
        (lambda x: x[[0, 1], [0, 1, 2]], IndexError, r"shapes \[2\], \[3\]"),
        (lambda x: x[:, :, T([4]) + 1].sum().item(), IndexError, "index 5"),
        (lambda x: x.__setitem__(0, "a"), TypeError, "can't assign a str"),
        (lambda x: x.__setitem__(0, T([1, 2])), RuntimeError, r"of shape \[2\]"),
        (lambda x: x.__setitem__([0], T([1])), RuntimeError, "dtypes match"),
        (lambda x: x.gather(0, T([0])), RuntimeError, "as many dimensions"),
        (lambda x: x.gather(0, T([[[2]]])), RuntimeError, "index 2 is out of bounds"),
        (lambda x: x.gather(0, T([[[0.0]]])), RuntimeError, "int32 or int64"),
        (lambda x: x.scatter(0, T([[[0]]]), T([[[1]]])), RuntimeError, "self.dtype"),
        (lambda x: x.scatter(0, T([[[0]]]), 1, reduce="max"), RuntimeError, "'max'"),
        (lambda x: x.scatter(0, T([[[0]]])), TypeError, "`src` or a number `value`"),
        (lambda x: x.index_add(0, T([0]), x), RuntimeError, r"indices \(1\)"),
        (lambda x: x.take(T([24])), IndexError, "index 24"),
    ],
)
def test_errors_say_what_is_wrong(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call(torch.tensor(X))
