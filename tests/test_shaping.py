"""Views, joins and rearrangements beside NumPy; aliasing; errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slopes import check_derivatives

import flambeau as torch
import flambeau.nn.functional as F

X = np.arange(24.0).reshape(2, 3, 4)
LINE = np.arange(5.0)

# (ours, NumPy's), both on x with the values of X
SAME = [
    (lambda x: x.view(6, -1), lambda x: x.reshape(6, -1)),
    (lambda x: x.reshape(4, 6), lambda x: x.reshape(4, 6)),
    (lambda x: x.T.reshape(-1), lambda x: x.T.reshape(-1)),
    (lambda x: x.flatten(1), lambda x: x.reshape(2, 12)),
    (lambda x: x.ravel(), np.ravel),
    (lambda x: x.unflatten(2, (2, -1)), lambda x: x.reshape(2, 3, 2, 2)),
    (lambda x: x.permute(2, 0, 1), lambda x: x.transpose(2, 0, 1)),
    (lambda x: x.transpose(0, -1), lambda x: x.swapaxes(0, -1)),
    (lambda x: x.mT, lambda x: x.mT),
    (lambda x: x.movedim((0, 1), (2, 0)), lambda x: np.moveaxis(x, (0, 1), (2, 0))),
    (lambda x: x.unsqueeze(1).squeeze(1), lambda x: x),
    (lambda x: x[:1].squeeze(), lambda x: x[:1].squeeze()),
    (lambda x: x.expand(5, -1, 3, 4), lambda x: np.broadcast_to(x, (5, 2, 3, 4))),
    (lambda x: x.narrow(1, 1, 2), lambda x: x[:, 1:3]),
    (lambda x: x.select(2, -1), lambda x: x[:, :, -1]),
    (lambda x: x.unbind(1)[2], lambda x: x[:, 2]),
    (
        lambda x: x.unfold(2, 2, 2),
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 2)[:, :, ::2],
    ),
    (lambda x: x.diagonal(1, 1, 2), lambda x: x.diagonal(1, 1, 2)),
    (lambda x: x.split(2, 1)[1], lambda x: x[:, 2:]),
    (lambda x: x.split([1, 3], 2)[1], lambda x: x[..., 1:]),
    (lambda x: x.chunk(2, 2)[1], lambda x: x[..., 2:]),
    (lambda x: x.tensor_split(3, 2)[0], lambda x: np.array_split(x, 3, 2)[0]),
    (
        lambda x: x.tensor_split(indices=(1, 2), dim=2)[1],
        lambda x: np.split(x, (1, 2), 2)[1],
    ),
    (lambda x: x.dsplit(2)[1], lambda x: np.dsplit(x, 2)[1]),
    (lambda x: torch.cat([x, x[:, :1]], 1), lambda x: np.concatenate([x, x[:, :1]], 1)),
    (lambda x: torch.stack([x, x], -1), lambda x: np.stack([x, x], -1)),
    (lambda x: torch.hstack([x, x]), lambda x: np.hstack([x, x])),
    (lambda x: torch.vstack([x, x]), lambda x: np.vstack([x, x])),
    (lambda x: torch.dstack([x[0], x[0]]), lambda x: np.dstack([x[0], x[0]])),
    (lambda x: torch.column_stack([*x[0, :2]]), lambda x: np.column_stack(x[0, :2])),
    (lambda x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3))),
    (lambda x: x.tile(2), lambda x: np.tile(x, 2)),
    (lambda x: x.repeat_interleave(2, 1), lambda x: x.repeat(2, 1)),
    (
        lambda x: x.repeat_interleave(torch.tensor([1, 0, 2]), 1),
        lambda x: x.repeat([1, 0, 2], 1),
    ),
    (lambda x: x.flip(0, 2), lambda x: np.flip(x, (0, 2))),
    (lambda x: x.roll((1, -2), (0, 2)), lambda x: np.roll(x, (1, -2), (0, 2))),
    (lambda x: x.roll(5), lambda x: np.roll(x, 5)),
    (lambda x: x.rot90(3, (1, 2)), lambda x: np.rot90(x, 3, (1, 2))),
    (lambda x: x.tril(-1), lambda x: np.tril(x, -1)),
    (lambda x: x.triu(1), lambda x: np.triu(x, 1)),
    (lambda x: x[0].diag(1), lambda x: np.diag(x[0], 1)),
    (lambda x: x[0, 0].diag(-1), lambda x: np.diag(x[0, 0], -1)),
    (
        lambda x: torch.meshgrid(x[0, 0], x[0, :, 0], indexing="xy")[1],
        lambda x: np.meshgrid(x[0, 0], x[0, :, 0])[1],
    ),
    (
        lambda x: F.pad(x, (1, 2, 0, 1), value=3),
        lambda x: np.pad(x, [(0, 0), (0, 1), (1, 2)], constant_values=3),
    ),
    (
        lambda x: F.pad(x, (3, 1, 2, 2), "reflect"),
        lambda x: np.pad(x, [(0, 0), (2, 2), (3, 1)], "reflect"),
    ),
    (
        lambda x: F.pad(x, (5, 1), "replicate"),
        lambda x: np.pad(x, [(0, 0), (0, 0), (5, 1)], "edge"),
    ),
    (
        lambda x: F.pad(x, (3, 1, 2, 0), "circular"),
        lambda x: np.pad(x, [(0, 0), (2, 0), (3, 1)], "wrap"),
    ),
    (
        lambda x: F.pad(x.reshape(1, 1, 2, 1, 2, 1, 6), (1,) * 10, "replicate"),
        lambda x: np.pad(
            x.reshape(1, 1, 2, 1, 2, 1, 6), [(0, 0)] * 2 + [(1, 1)] * 5, "edge"
        ),
    ),
]


@pytest.mark.parametrize("number", range(len(SAME)))
def test_values_are_numpys(number: int) -> None:
    ours, theirs = SAME[number]
    found = ours(torch.tensor(X))
    assert found.shape == theirs(X).shape
    np.testing.assert_array_equal(found.numpy(), theirs(X))


@pytest.mark.parametrize("number", range(len(SAME)))
def test_derivatives(number: int) -> None:
    check_derivatives(SAME[number][0], np.random.standard_normal(X.shape))


def test_recording_computes_nothing() -> None:
    x = torch.tensor(X)
    for ours, _ in SAME:
        if "tensor(" not in ours.__code__.co_names:
            ours(x + 1)
    y = torch.cat([(x + 1).t_() if x.ndim < 3 else (x + 1).mT, x.mT]).flip(0)
    assert y.node.value is None


# Aliasing


def test_writes_through_a_view_reach_the_base_and_other_views() -> None:
    x = torch.zeros(2, 3)
    rows, columns, flat = x[0], x.t(), x.view(-1)
    columns[1] = 5
    assert flat.tolist() == [0, 5, 0, 0, 5, 0]
    flat.add_(1)
    assert rows.tolist() == [1, 6, 1]
    x.mul_(2)
    assert columns.tolist() == [[2, 2], [12, 12], [2, 2]]


def test_reshape_copies_where_strides_cannot_express_it() -> None:
    x = torch.zeros(2, 3)
    x.t().reshape(6).add_(1)
    assert x.sum().item() == 0
    with pytest.raises(RuntimeError, match=r"Use \.reshape\(\.\.\.\) instead"):
        x.t().view(6)


def test_expanded_memory_is_written_only_where_it_is_shown_once() -> None:
    x = torch.zeros(3, 1)
    with pytest.raises(RuntimeError, match="more than one element"):
        x.expand(3, 4).add_(1)
    x.expand(3, 4)[:, 2].add_(1)
    x.expand(3, 4).detach()[1:, 0] += 1
    assert x.tolist() == [[1], [2], [2]]


def test_windows_and_strided_views_write_through() -> None:
    x = torch.zeros(6)
    x.unfold(0, 3, 1)[1, :2] = 7
    x.as_strided((2,), (5,)).fill_(1)
    x[2:].as_strided((1,), (1,), 3).fill_(9)
    assert x.tolist() == [1, 7, 7, 9, 0, 1]


def test_a_tensor_can_change_its_own_shape_and_keep_its_aliases() -> None:
    x = torch.arange(6.0).view(2, 3).clone()
    row, memory = x[1], x.numpy()
    x.t_().unsqueeze_(0)
    assert x.shape == (1, 3, 2)
    assert x.stride() == (3, 1, 3)
    x[0, 2] = 50
    assert row.tolist() == [3, 4, 50]
    row.zero_()
    assert x.squeeze_().tolist() == [[0, 0], [1, 0], [50, 0]]
    memory[0, 0] = 8
    assert x.transpose_(0, 1).tolist() == [[8, 1, 50], [0, 0, 0]]


def test_a_leaf_changes_its_shape_without_the_tape_only() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.t_()
    with torch.no_grad():
        x.t_()
    (x * 2).sum().backward()
    assert x.grad.shape == (3, 2)


def test_resize_keeps_what_is_there() -> None:
    x = torch.arange(6)
    first = x[:2]
    x.resize_(2, 2)
    x[0, 1] = 9
    assert first.tolist() == [0, 9]
    assert x.resize_(3, 2).tolist() == [[0, 9], [2, 3], [0, 0]]
    with pytest.raises(RuntimeError, match="cannot resize"):
        torch.ones(2, requires_grad=True).resize_(3)


SLICES = st.builds(
    slice,
    st.none() | st.integers(-4, 4),
    st.none() | st.integers(-4, 4),
    st.none() | st.integers(1, 3),
)


@st.composite
def views(draw, shape):
    """A function that shows a tensor or an array of this shape in another way."""
    ndim = len(shape)
    kind = draw(st.sampled_from(["index", "permute", "reshape", "diagonal"]))
    if kind == "permute" and ndim:
        order = draw(st.permutations(range(ndim)))
        return lambda x: x.permute(order) if is_ours(x) else x.transpose(order)
    if kind == "reshape":
        sizes = draw(st.permutations([*shape, 1]))
        return lambda x: x.reshape(sizes)
    if kind == "diagonal" and ndim > 1:
        offset = draw(st.integers(-1, 1))
        return lambda x: x.diagonal(offset, 0, 1) if is_ours(x) else diagonal(x, offset)
    items = [
        draw(SLICES | st.integers(-size, size - 1) if size else SLICES)
        for size in shape[: draw(st.integers(0, ndim))]
    ]
    index = (*items, *draw(st.sampled_from([(), (None,)])), ...)
    return lambda x: x[index]


def is_ours(x) -> bool:
    return isinstance(x, torch.Tensor)


def diagonal(x: np.ndarray, offset: int) -> np.ndarray:
    """The diagonal of the first two dimensions, as a view that can be written to."""
    found = x.diagonal(offset, 0, 1)
    found.flags.writeable = True
    return found


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_random_chains_of_views_alias_as_numpys(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    array = np.arange(float(np.prod(shape))).reshape(shape)
    ours, theirs = [torch.tensor(array)], [array]
    for step in range(data.draw(st.integers(2, 6))):
        source = data.draw(st.integers(0, len(ours) - 1))
        show = data.draw(views(theirs[source].shape))
        ours.append(show(ours[source]))
        theirs.append(show(theirs[source]))
        target = data.draw(st.integers(0, len(ours) - 1))
        if data.draw(st.booleans()):
            ours[target].mul_(2)
            theirs[target] *= 2
        else:
            ours[target][...] = step
            theirs[target][...] = step
    for mine, other in zip(ours, theirs):
        assert mine.shape == other.shape
        np.testing.assert_array_equal(mine.numpy(), other)


# Errors


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.view(5), RuntimeError, r"shape '\[5\]' is invalid"),
        (lambda x: x.view(-1, -1), RuntimeError, "only one dimension can be inferred"),
        (lambda x: x.view(1.5), TypeError, "float"),
        (lambda x: x.flatten(2, 1), RuntimeError, r"for shape \(2, 3, 4\)"),
        (lambda x: x.unflatten(2, (3, -1)), RuntimeError, "don't multiply up"),
        (lambda x: x.squeeze(3), IndexError, r"range of \[-3, 2\], but got 3"),
        (lambda x: x.permute(0, 1), RuntimeError, r"equal to len\(dims\) = 2"),
        (lambda x: x.permute(0, 1, 1), RuntimeError, "duplicate dims"),
        (lambda x: x.t(), RuntimeError, "use transpose"),
        (lambda x: x.expand(4), RuntimeError, r"provided \(1: \[4\]\)"),
        (lambda x: x.expand(3, 3, 4), RuntimeError, "non-singleton dimension 0"),
        (lambda x: x.narrow(0, 1, 2), RuntimeError, r"exceeds dimension size \(2\)"),
        (lambda x: x.select(1, 3), IndexError, "index 3 out of range"),
        (lambda x: x.unfold(0, 3, 1), RuntimeError, "is 2 but size is 3"),
        (lambda x: x.as_strided((9,), (9,)), RuntimeError, "storage has 24 elements"),
        (lambda x: x.diagonal(0, 1, -2), RuntimeError, "cannot be identical 1, -2"),
        (lambda x: torch.cat([x, x[0]]), RuntimeError, r"3 .* and 2 .*tensor 1"),
        (lambda x: torch.cat([x, x.mT]), RuntimeError, "tensor 1 has"),
        (lambda x: torch.cat([]), ValueError, "non-empty"),
        (lambda x: torch.cat([x, 1]), TypeError, "element 1, got int"),
        (lambda x: torch.stack([x, x.mT]), RuntimeError, "at entry 1"),
        (lambda x: x.split([1, 2]), RuntimeError, r"got split_sizes=\[1, 2\]"),
        (lambda x: x.chunk(0), RuntimeError, "greater than 0, got: 0"),
        (lambda x: x.hsplit(2), RuntimeError, "not divisible by the split_size 2"),
        (lambda x: x.repeat(2), RuntimeError, r"got \[2\] for shape \[2, 3, 4\]"),
        (lambda x: x.flip(0, 0), RuntimeError, "dim 0 appears multiple times"),
        (lambda x: x.roll((1, 2), 0), RuntimeError, "shifts: 2, dims:1"),
        (lambda x: x.fill_diagonal_(1), RuntimeError, r"equal length, got \(2, 3, 4\)"),
        (lambda x: F.pad(x, (1, 1, 1)), RuntimeError, "divisible by 2"),
        (
            lambda x: F.pad(x, (4, 0), "reflect"),
            RuntimeError,
            r"\(4, 0\) at dimension 2",
        ),
        (lambda x: F.pad(x, (5, 0), "circular"), RuntimeError, "more than once"),
        (lambda x: F.pad(x, (-3, -2)), RuntimeError, "crops more than dimension 2"),
        (lambda x: F.pad(x, (1, 1), "mirror"), NotImplementedError, "there are"),
        (lambda x: F.pad(x, (1,) * 6, "reflect"), NotImplementedError, "unsqueeze"),
    ],
)
def test_errors_say_what_is_wrong(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call(torch.tensor(X))
