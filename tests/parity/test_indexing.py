"""Square brackets, gather, scatter and their relatives beside live torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.both import Case, check, check_error, names
from parity.expressions import after, cases, check_layout, check_program, errors

import flambeau

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4))
Y = rng.normal(size=(3, 4))
Z = rng.normal(size=(3, 4))
LINE = rng.normal(size=5)
ZERO_D = np.array(1.5)
EMPTY = np.zeros((0, 3))
WHOLE = rng.integers(-9, 9, (3, 4))

READS = [
    *cases(
        [
            "x[0]",
            "x[-1]",
            "x[1, 2]",
            "x[1, 2, 3]",
            "x[:, 1]",
            "x[..., 0]",
            "x[None]",
            "x[0, None, 1]",
            "x[1:, ::2]",
            "x[5:]",
            "x[-9:-1]",
            "x[0:0]",
            "x[:, None, :, None]",
            "x[None, ..., None]",
            "x[()]",
            "x[...]",
            "x[..., ...]",
            "x[:]",
            "x[slice(None, None, 2)]",
            "x[torch.tensor(1)]",
            "x[t(0), t(-1)]",
            "x[:, t(-1)]",
            "x[t(0):t(1)]",
            "x[np.int64(1)]",
            "x[np.array(1)]",
            "x[:, :, 1:3][0][..., None]",
            "x.T[1:, 1]",
            "[row for row in x]",
            "list(x[0])",
        ],
        X,
    ),
]
PICKS = [
    *cases(
        [
            "x[[0, 1]]",
            "x[[0, -1, 0]]",
            "x[[[0, 1], [1, 0]]]",
            "x[[0, slice(None)]]",
            "x[(0, 1),]",
            "x[range(2)]",
            "x[[]]",
            "x[[True, False]]",
            "x[0, :, [1, 2]]",
            "x[:, [0], :, None]",
            "x[t([0]), :, t([1, 2])]",
            "x[..., t([[0, 1], [2, 3]])]",
            "x[:, t([[0, 1], [2, 0]]), 1:]",
            "x[t([0, 1]), t([1, 2]), t([0, 3])]",
            "x[t([0, 1]), 1]",
            "x[1, t([0, 1])]",
            "x[t([0]), None, t([1])]",
            "x[t([[0], [1]]), :, t([1, 2])]",
            "x[t([-1, 0])]",
            "x[t([1], dtype=torch.int32)]",
            "x[np.array([1, 0])]",
            "x[..., np.array([[1], [0]])]",
            "x[np.array([True, False])]",
            "x[t([True, False])]",
            "x[t([True, False]), :, 0]",
            "x[t([[True, False, True], [False, False, True]])]",
            "x[:, t([True, False, True])]",
            "x[0, t([True, False, True])]",
            "x[..., t([True, False, True, True])]",
            "x[x > 0.5]",
            "x[x > 99]",
            "x[(x > 0)[..., 0]]",
            "x[t([True, False]), :, t([2])]",
            "x[True]",
            "x[False]",
            "x[True, 0]",
            "x[t(True)]",
            "x[:, t(False)]",
            "x[True, ..., None, [1]]",
            "x[t([], dtype=torch.int64)]",
            "x[::2, t([0, 2]), ::2]",
        ],
        X,
    ),
    *cases(
        ["x[None]", "x[...]", "x[()]", "x[True]", "x[x > 0]", "x[None, True]"], ZERO_D
    ),
    *cases(
        ["x[:, 0]", "x[t([], dtype=torch.int64)]", "x[x > 0]", "x[..., None]"], EMPTY
    ),
]
SELECTING = [
    *cases(
        [
            "x.index_select(1, t([2, 0, 2]))",
            "torch.index_select(x, -1, t(1))",
            "x.index_select(0, t([1], dtype=torch.int32))",
            "x.gather(0, t([[[1, 0, 1, 0]], [[0, 0, 1, 1]]]))",
            "torch.gather(x, 2, t([[[3, 3]]]))",
            "x.gather(1, torch.zeros(2, 0, 4, dtype=torch.int64))",
            "x.take(t([0, 23, -1, 0]))",
            "torch.take(x, t([[1], [2]]))",
            "torch.take_along_dim(x, x.argmax(1, keepdim=True), 1)",
            "x.take_along_dim(t([[[-1]]]), 0)",
            "x.take_along_dim(t([[[0], [2], [3]]]), 2)",
            "x.take_along_dim(t([3, 5]))",
            "x.masked_select(x > 0)",
            "torch.masked_select(x, t([True, False, True, False]))",
            "x.nonzero()",
            "(x > 0).nonzero(as_tuple=True)",
            "torch.argwhere(x > 0)",
            "torch.where(x > 0)",
            "torch.unravel_index(t([4, 23, 7]), (2, 3, 4))",
            "x.select_scatter(x[0] * 2, 0, 1)",
            "torch.slice_scatter(x, x[:, :1] + 1, 1, 0, 1)",
            "x.slice_scatter(x[:, :, :2], 2, 0, 4, 2)",
        ],
        X,
    ),
    *cases(
        [
            "x.scatter(0, t([[0, 2, 1, 0]]), y[:1])",
            "x.scatter(1, t([[3, 0], [1, 2]]), y[:2, :2])",
            "x.scatter(1, t([[3], [1]]), 2.5)",
            "torch.scatter(x, 1, t([[3], [1]]), value=-1)",
            "x.scatter(0, torch.zeros(0, 4, dtype=torch.int64), y[:0])",
            "x.scatter_add(0, t([[0, 2, 1, 0], [0, 0, 0, 0]]), y[:2])",
            "x.scatter_add(1, t([[1, 1, 1, 1]], dtype=torch.int32), y[1:2])",
            *(
                f"x.scatter_reduce({dim}, t({index}), y, {how!r}, include_self={keep})"
                for dim, index in (
                    (0, [[0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 1, 2]]),
                    (1, [[1, 1, 1, 1], [0, 3, 0, 0], [2, 2, 0, 2]]),
                )
                for how in ("sum", "prod", "mean", "amax", "amin")
                for keep in (True, False)
            ),
            "x.index_add(0, t([0, 0, 2]), y)",
            "torch.index_add(x, 1, t([3, 1]), y[:, :2], alpha=-2)",
            "x.index_copy(0, t([2, 0]), y[:2])",
            "x.index_copy(1, t(2), y[:, :1])",
            "x.index_fill(1, t([0, -1]), 7)",
            "x.index_fill(0, t(1), y[0, 0])",
            "x.index_put((t([0, 2]),), y[:2])",
            "x.index_put((t([0, 2]), t([1, 1])), y[0, 0])",
            "x.index_put((t([0, 0, 2]), t([1, 1, 1])), y[0, :3], accumulate=True)",
            "x.index_put((t([True, False, True]),), y[0])",
            "x.index_put([t(1)], y[0])",
            "x.masked_scatter(x > 0, y)",
            "x.masked_scatter(t([True, False, False, True]), y)",
            "x[0].masked_scatter(y > 9, y)",
            "torch.put(x, t([0, -1]), y[0, :2])",
            "x.put(t([0, 0, 5]), y[0, :3], accumulate=True)",
            "x.masked_fill(x > 0, 3)",
            "x.masked_fill(x[0] > 0, y[0, 0])",
        ],
        Y,
        Z,
    ),
    *cases(
        [
            "torch.index_reduce(x, 0, t([0, 0, 2]), y, 'prod')",
            "x.index_reduce(1, t([0, 1, 0, 0]), y, 'mean', include_self=False)",
            "x.index_reduce(1, t([0, 1, 0, 0]), y, 'amax')",
            "x.index_reduce(0, t([0, 1, 0]), y, 'amin', include_self=False)",
        ],
        Y,
        Z,
        order=1,
    ),
    *cases(
        [
            "x.index_select(0, t(0))",
            "x.index_select(0, t([0]))",
            "x.gather(0, t(0))",
            "x.take(t([0, 0]))",
            "x.scatter(0, t(0), 2)",
            "x.scatter_add(0, t(0), y)",
            "x.scatter_reduce(0, t(0), y, 'prod')",
            "x.index_add(0, t([0]), y)",
            "x.index_copy(0, t([0]), y)",
            "x.index_fill(0, t(0), 3)",
            "x.masked_select(x > 0)",
            "x.masked_fill(x > 0, 1)",
            "x.put(t([0]), y)",
        ],
        ZERO_D,
        np.array(-2.0),
    ),
    *cases(["x.nonzero()", "x.nonzero(as_tuple=True)", "torch.argwhere(x)"], ZERO_D),
    *cases(
        [
            "x.scatter_reduce(0, t([[0, 1, 1, 0]]), y, 'mean')",
            "x.scatter_reduce(0, t([[0, 1, 1, 0]]), y, 'amax', include_self=False)",
            "x.scatter_reduce(0, t([[0, 1, 1, 0]]), y, 'amin', include_self=False)",
            "x.scatter(0, t([[0, 1, 1, 0]]), 2.7)",
            "x.scatter(1, t([[3, 3], [1, 2]]), y, reduce='add')",
            "x.scatter(1, t([[3, 3], [1, 2]]), y, reduce='multiply')",
            "x[t([1, 0, 1], dtype=torch.uint8)]",
            "x.index_fill(0, t([0]), 2.7)",
            "x.masked_fill(x > 0, 2.7)",
            "x.nonzero()",
            "x[x > 0]",
            "(x > 0).scatter_reduce(0, t([[0, 1]]), y > 0, 'amax')",
            "(x > 0).index_add(0, t([0, 0]), y[:2] > 0)",
        ],
        WHOLE,
        WHOLE[::-1].copy(),
    ),
    *cases(
        ["x.scatter_reduce(0, t([0, 0, 1, 1, 2]), y, 'prod')"],
        np.array([2.0, 0.0, 3.0, 1.0, 1.0]),
        np.array([0.0, 2.0, 0.0, 0.0, 5.0]),
        order=1,
    ),
    *cases(
        [
            f"x.scatter_reduce(0, t([0, 0, 1, 1, 2]), y, '{how}')"
            for how in ("amax", "amin")
        ],
        np.array([2.0, 3.0, 3.0, 1.0, 1.0]),
        np.array([2.0, 2.0, 3.0, 1.0, 5.0]),
        order=1,
    ),
]
ALL = READS + PICKS + SELECTING


@pytest.mark.parametrize("case", ALL, **names(ALL))
def test_values_and_gradients(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", READS + PICKS, **names(READS + PICKS))
def test_strides(case: Case) -> None:
    check_layout(case)


WRITES = [
    "x[0] = 1",
    "x[-1, 1:] = t([5., 6.])",
    "x[...] = 2",
    "x[None] = 2.5",
    "x[()] = 3",
    "x[:, 1] = t([[7.], [8.]])[:, 0]",
    "x[1:1] = 7",
    "x[0] = torch.ones(1, 1, 3)",
    "x[0, 0] = t([4.])",
    "x[0] = t([1, 2, 3])",
    "x[0] = t(True)",
    "x[t([0])] = 1",
    "x[t([0, 1]), t([1, 2])] = t([5., 6.])",
    "x[t([0, 0]), t([1, 1])] = t([5., 6.])",
    "x[[1, 0]] = t([[1.], [2.]])",
    "x[:, [2, 0]] = t([5., 6.])",
    "x[t([[0], [1]]), t([0, 2])] = 4",
    "x[t([True, False])] = 1",
    "x[t([True, False])] = t(1)",
    "x[t([True, False])] = t([1., 2., 3.])",
    "x[t([True, False])] = torch.ones(1, 1, 3)",
    "x[t([True, False]), :2] = 5",
    "x[:, t([True, False, True])] = t([1., 2.])",
    "x[x > 2] = 0",
    "x[x > 2] = x[x > 2] * 2",
    "x[x > 2] += 1",
    "x[True] = 3",
    "x[False] = 3",
    "x[t([], dtype=torch.int64)] = 7",
    "y = x.t(); y[t([0, 2])] = t([[1., 2.], [3., 4.]])",
    "y = x[:, 1:]; y[y > 1] = -1",
    "y = x[:, ::2]; y[t([True, False])] = t([8., 9.])",
    "y = x.view(-1)[1:]; y[[0, 2]] = t([8., 9.])",
    "y = x.long(); y[0] = 1.7; y[t([True, False])] = 2.7; y[1] = t([1.5, 2.5, -3.5])",
    "y = x > 2; y[0] = True; y[1, 1] = 3",
    "x[1:] = x[:1] * 2",
    "x[0] += 1; x[:, 0] *= 2; x[1][2] -= 3",
    "for row in x: row += 1",
    "for i in range(2): x[i] = i",
    "x.scatter_(1, t([[0], [2]]), 5)",
    "x.scatter_(0, t([[1, 0, 1]]), 2, reduce='multiply')",
    "x.scatter_(0, t([[1, 0, 1]]), 2, reduce='add')",
    "x.scatter_add_(0, t([[1, 1, 1], [1, 0, 0]]), x.clone())",
    "x.t().scatter_reduce_(0, t([[0, 1], [0, 1]]), torch.full((2, 2), 3.), 'amax')",
    "x.index_add_(1, t([0, 0]), torch.ones(2, 2)); x.index_copy_(0, t([1]), -x[:1])",
    "x.index_fill_(1, t([1]), 9); x[0].index_fill_(0, t([2]), 8)",
    "x.index_put_((t([0, 0]),), t([1., 2., 3.]), accumulate=True)",
    "x.masked_fill_(x > 1, 9); x.masked_scatter_(x == 9, torch.arange(9.))",
    "x.put_(t([0, -1]), t([5., 6.])); x.t()[1].put_(t([1]), t([3.]))",
]


@pytest.mark.parametrize("program", WRITES)
def test_writes(program: str) -> None:
    check_program(program, np.arange(6.0, dtype=np.float32).reshape(2, 3))


ERRORS = errors(
    {
        "torch.zeros(2, 3)[2]": "index 2 is out of bounds for dimension 0 with size 2",
        "torch.zeros(2, 3)[0, -4]": "index -4 is out of bounds for dimension 1",
        "torch.zeros(2, 3)[0, 0, 0]": "too many indices for tensor of dimension 2",
        "torch.zeros(())[0]": "",
        "torch.zeros(2)[torch.zeros(2, 2) > 0]": "too many indices",
        "torch.zeros(2)[::-1]": "step must be greater than zero",
        "torch.zeros(2)[1.0]": "are valid indices (got float)",
        "torch.zeros(2)[t([1.0])]": "must be long, int, byte or bool tensors",
        "torch.zeros(2)[t(1.0)]": "must be long, int, byte or bool tensors",
        "torch.zeros(2)[t([2])]": "index 2 is out of bounds",
        "torch.zeros(2)[t([-3])]": "index -3 is out of bounds",
        "torch.zeros(3)[t([0]) + 3]": "index 3 is out of bounds",
        "torch.zeros(2, 3)[t([True, False, True])]": "shape of the mask [3] at index 0",
        "torch.zeros(3, 3)[t([0, 1]), t([0, 1, 2])]": "could not be broadcast together",
        "iter(torch.zeros(()))": "iteration over a 0-d tensor",
        "torch.zeros(2).__setitem__(0, [1.0])": "can't assign a list to a",
        "torch.zeros(2).__setitem__(0, None)": "can't assign a NoneType",
        "torch.zeros(2, 3).__setitem__(0, torch.zeros(2))": "",
        "torch.zeros(2, 3).__setitem__(5, 1)": "out of bounds",
        "torch.zeros(2, 3).__setitem__(t([0]), torch.zeros(2))": "cannot be broadcast",
        "torch.zeros(2).__setitem__(t([0]), t([1]))": "destination dtypes match",
        "torch.zeros(2, requires_grad=True).__setitem__(0, 1)": "",
        "torch.zeros(2).index_select(0, t([2]))": "",
        "torch.zeros(2).index_select(0, t([-1]))": "",
        "torch.zeros(2).index_select(0, t([[0]]))": "supposed to be a vector",
        "torch.zeros(2).index_select(0, t([0.]))": "Expected dtype int32 or int64",
        "torch.zeros(2).gather(0, t([2]))": "index 2 is out of bounds",
        "torch.zeros(2).gather(0, t([-1]))": "index -1 is out of bounds",
        "torch.zeros(2, 2).gather(0, t([0]))": "",
        "torch.zeros(2, 2).gather(0, t([[0, 0, 0]]))": "",
        "torch.zeros(2).gather(0, t([0.]))": "Expected dtype int",
        "torch.zeros(2).take(t([2]))": "",
        "torch.zeros(2).take(t([0.]))": "Expected a long tensor for index",
        "torch.take_along_dim(torch.zeros(2, 2), t([0]), 0)": "same number of",
        "torch.take_along_dim(torch.zeros(2), t([0.]), 0)": "should be Long",
        "torch.zeros(2).masked_select(t([1, 0]))": "expected BoolTensor for mask",
        "torch.zeros(2, 3).scatter(0, t([[2]]), 1)": "index 2 is out of bounds",
        "torch.zeros(2, 3).scatter(0, t([0]), 1)": "dimensions",
        "torch.zeros(2, 3).scatter(1, t([[0]] * 3), 1)": "no larger",
        "torch.zeros(2, 3).scatter(0, t([[0, 0]]), torch.zeros(1, 1))": "no larger",
        "torch.zeros(2).scatter(0, t([0]), t([1]))": "Expected self.dtype to be equal",
        "torch.zeros(2).scatter(0, t([0]), 1, reduce='mul')": "either add or multiply",
        "torch.zeros(2).scatter_reduce(0, t([0]), torch.zeros(1), 'foo')": "got foo",
        "torch.zeros(2, 2).index_add(0, t([2]), torch.zeros(1, 2))": "out of bounds",
        "torch.zeros(2).index_add(0, t([0]), torch.zeros(2))": "should be equal to",
        "torch.zeros(2, 2).index_add(0, t([0]), torch.zeros(1, 3))": "must match self",
        "torch.zeros(2).index_copy(0, t([2]), torch.zeros(1))": "out of bounds",
        "torch.zeros(2).index_copy(0, t([0]), torch.zeros(2))": "should be equal to",
        "torch.zeros(2, 2).index_copy(0, t([0]), torch.zeros(2))": "must match",
        "torch.zeros(2).index_fill(0, t([2]), 1)": "out of bounds",
        "torch.zeros(2).index_fill(0, t([0]), torch.zeros(1))": "0-dimensional value",
        "torch.zeros(2).index_fill(0, t([0.]), 1)": "Expected dtype int64 for index",
        "torch.zeros(2).index_put((t([0]),), t(1))": "destination dtypes match",
        "torch.zeros(2).index_put((0,), t(1.))": "as element 0",
        "torch.zeros(2).put(t([2]), t([1.]))": "",
        "torch.zeros(2).put(t([0, 1]), t([1.]))": "same number of elements",
        "torch.zeros(2).masked_scatter(t([True, True]), t([1.]))": "Number of elements",
        "torch.zeros(2).masked_scatter(t([1, 1]), t([1.]))": "only supports boolean",
    }
)


@pytest.mark.parametrize("error", ERRORS, **names(ERRORS))
def test_errors(error) -> None:
    check_error(error)


@st.composite
def indices(draw, shape):
    """The text of an index into this shape, as one would type it."""
    items, tensors = [], draw(st.sampled_from([(), (2,), (1, 2), (2, 1)]))
    axis = 0
    while axis < len(shape) and draw(st.integers(0, 4)):
        size, kind = shape[axis], draw(st.integers(0, 6))
        if kind == 0 and size:
            items.append(str(draw(st.integers(-size, size - 1))))
        elif kind in (1, 2):
            low, high = draw(st.integers(-4, 4)), draw(st.integers(-4, 4))
            items.append(f"{low}:{high}:{draw(st.integers(1, 3))}")
        elif kind == 3:
            items.append(draw(st.sampled_from(["None", "True", "None"])))
            continue
        elif kind == 4 and size:
            count = int(np.prod(tensors))
            places = draw(
                st.lists(st.integers(-size, size - 1), min_size=count, max_size=count)
            )
            items.append(f"t({np.reshape(places, tensors).tolist()})")
        elif kind == 5:
            many = axis + 1 < len(shape) and draw(st.booleans())
            sizes = shape[axis : axis + 1 + many]
            items.append(f"t({(rng.random(sizes) < 0.6).tolist()}, dtype=torch.bool)")
            axis += many
        else:
            items.append(":")
        axis += 1
    if draw(st.booleans()):
        items.append("...")
    return f"x[{', '.join(items) or '()'}]"


SHAPES = st.lists(st.integers(0, 3) | st.integers(2, 3), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_indices(data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    text = data.draw(indices(shape))
    program = f"x = torch.arange({np.prod(shape)}.).reshape({shape}); y = {text}"
    program += f"; {text} = 100 + torch.arange(y.numel()).reshape(y.shape).to(y.dtype)"
    try:
        theirs = after(program, torch, np.zeros(1))
    except IndexError:  # positions and masks that do not broadcast
        with pytest.raises(IndexError):
            after(program, flambeau, np.zeros(1))
        return
    ours = after(program, flambeau, np.zeros(1))
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=program)
