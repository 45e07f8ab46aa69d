"""Random tensors: shapes, dtypes, streams and errors; numbers that torch gave."""

import numpy as np
import pytest

import flambeau as torch
from flambeau import random
from flambeau.tensor.randomness import dropout_mask


@pytest.fixture(autouse=True)
def stream():
    torch.manual_seed(0)


# What torch 2.13 gives on the CPU after torch.manual_seed(0).
GOLDEN = [
    (lambda: torch.rand(3), [0.4962566, 0.7682218, 0.08847743]),
    (lambda: torch.randn(3), [1.5409961, -0.2934289, -2.1787894]),
    (lambda: torch.randint(10, (5,)), [4, 9, 3, 0, 3]),
    (lambda: torch.randperm(6), [2, 5, 3, 0, 1, 4]),
    (lambda: torch.zeros(3).exponential_(), [3.508326, 1.2303847, 0.61504412]),
    (lambda: torch.zeros(3).geometric_(0.5), [1, 1, 2]),
    (lambda: torch.bernoulli(torch.full((3,), 0.5)), [1, 0, 1]),
    (lambda: torch.multinomial(torch.ones(3), 2), [2, 1]),
    (lambda: torch.normal(1.0, torch.ones(3)), [2.5409961, 0.70657110, -1.1787894]),
]


@pytest.mark.parametrize(("draw", "expected"), GOLDEN)
def test_numbers_are_torchs(draw, expected):
    np.testing.assert_allclose(draw().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("draw", "shape", "kind"),
    [
        (lambda: torch.rand(2, 3), (2, 3), "float32"),
        (lambda: torch.rand((2, 3), dtype=torch.float64), (2, 3), "float64"),
        (lambda: torch.rand(size=(2,)), (2,), "float32"),
        (lambda: torch.rand(()), (), "float32"),
        (lambda: torch.randn(0, 3), (0, 3), "float32"),
        (lambda: torch.randint(2, 5, (3,)), (3,), "int64"),
        (lambda: torch.randint(high=5, size=(3, 1)), (3, 1), "int64"),
        (lambda: torch.randint(5, (3,), dtype=torch.float16), (3,), "float16"),
        (lambda: torch.randperm(4, dtype=torch.int16), (4,), "int16"),
        (lambda: torch.rand_like(torch.zeros(2).double()), (2,), "float64"),
        (
            lambda: torch.randn_like(torch.zeros(2), dtype=torch.float64),
            (2,),
            "float64",
        ),
        (lambda: torch.randint_like(torch.zeros(2).byte(), 1, 9), (2,), "uint8"),
        (lambda: torch.normal(0.0, 1.0, (4,)), (4,), "float32"),
        (lambda: torch.normal(torch.zeros(3, 1), torch.ones(2)), (3, 2), "float32"),
        (lambda: torch.bernoulli(torch.ones(2).double()), (2,), "float64"),
        (lambda: torch.multinomial(torch.ones(3, 4), 2), (3, 2), "int64"),
    ],
)
def test_shapes_and_dtypes(draw, shape, kind):
    drawn = draw()
    assert drawn.shape == shape
    assert drawn.dtype is getattr(torch, kind)
    assert not drawn.requires_grad


def test_a_draw_happens_when_it_is_asked_for():
    first = torch.rand(2)  # not looked at before the next
    second = torch.rand(2)
    torch.manual_seed(0)
    assert torch.equal(torch.cat([first, second]), torch.rand(4))


def test_draws_may_require_a_gradient():
    x = torch.randn(3, requires_grad=True)
    (x * x).sum().backward()
    assert torch.equal(x.grad, 2 * x.detach())


def test_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.rand(1).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_draws_in_place_follow_memory():
    expected = torch.rand(6)
    for view in (lambda x: x.T, lambda x: x.view(6), lambda x: x.detach()):
        torch.manual_seed(0)
        x = torch.zeros(2, 3)
        seen = view(x)
        assert seen.uniform_() is seen
        assert torch.equal(x.view(6), expected)


def test_a_part_is_filled():
    x = torch.zeros(4, 4)
    x[1::2, 1].fill_(0).random_(5, 6)
    assert x.tolist() == [[0] * 4, [0, 5, 0, 0], [0] * 4, [0, 5, 0, 0]]


def test_chances_broadcast():
    chances = torch.tensor([0.0, 1.0, 0.0])
    assert torch.zeros(2, 3).bernoulli_(chances).tolist() == [[0, 1, 0]] * 2
    turned = torch.zeros(3, 2).T.bernoulli_(chances)
    assert turned.tolist() == [[0, 1, 0]] * 2


def test_leaves_are_written_under_no_grad_only():
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.normal_()
    assert torch.equal(torch.get_rng_state(), torch.manual_seed(0).get_state())
    with torch.no_grad():
        x.normal_()
    assert x.is_leaf and x.requires_grad and x.abs().sum().item() > 0


# Streams


def test_states_are_tensors():
    state = torch.get_rng_state()
    assert (state.dtype, state.shape) == (torch.uint8, (5056,))
    first = torch.rand(3)
    torch.set_rng_state(state)
    assert torch.equal(torch.rand(3), first)
    generator = torch.Generator()
    generator.set_state(state)
    assert torch.equal(torch.rand(3, generator=generator), first)
    assert torch.equal(generator.get_state(), torch.get_rng_state())
    assert torch.default_generator.get_state().shape == (5056,)


def test_seeds():
    assert torch.manual_seed(7) is torch.default_generator
    assert torch.initial_seed() == 7
    assert torch.seed() == torch.initial_seed() != 7


def test_a_fork_leaves_the_stream_alone():
    with torch.random.fork_rng():
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), inside)


def test_a_thread_may_have_a_stream_of_its_own():
    random.use_generator(torch.Generator().manual_seed(1))
    try:
        own = torch.rand(2)
    finally:
        random.use_generator(None)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(2), own)


def test_dropout_masks():
    mask = dropout_mask((50, 40), 0.25, torch.float64)
    assert mask.dtype is torch.float64
    assert set(np.unique(mask.numpy())) == {0, 1}
    assert mask.mean().item() == pytest.approx(0.75, abs=0.03)
    after = torch.rand(2)
    torch.manual_seed(0)
    torch.zeros(50, 40).bernoulli_(0.75)
    assert torch.equal(after, torch.rand(2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: torch.rand(), TypeError, "expected the size"),
        (lambda: torch.rand(2.5), TypeError, "2.5"),
        (lambda: torch.rand(-1), RuntimeError, "-1"),
        (lambda: torch.rand(2, dtype=torch.int64), NotImplementedError, "int64"),
        (lambda: torch.rand(2, device="cuda"), RuntimeError, "CPU only"),
        (lambda: torch.rand(2, generator=5), TypeError, "must be a Generator, got int"),
        (lambda: torch.randint(3, 5), TypeError, "'size' must be a sequence"),
        (lambda: torch.randint(1, 2, 3, (2,)), TypeError, r"got \[1, 2, 3\]"),
        (lambda: torch.randint(3, 3, (2,)), RuntimeError, "from=3 >= to=3"),
        (lambda: torch.normal(0.0, 1.0), TypeError, "the size is missing"),
        (
            lambda: torch.normal(0.0, -torch.ones(2)),
            RuntimeError,
            "all elements of std",
        ),
        (lambda: torch.zeros(2).random_(1, 2, 3), TypeError, r"got \(1, 2, 3\)"),
        (lambda: torch.zeros(2).bernoulli_(2), RuntimeError, "p=2"),
        (lambda: torch.zeros(2).uniform_(2, 1), RuntimeError, "from=2 > to=1"),
        (lambda: torch.multinomial(torch.ones(2), 3), RuntimeError, "num_samples=3"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
