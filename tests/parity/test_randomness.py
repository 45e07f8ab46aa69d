"""Random tensors beside live torch: the same numbers, the same place afterwards."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, Error, check_error, names, values_of

import flambeau
from flambeau.tensor.randomness import dropout_mask


class Draw(NamedTuple):
    """One kind of draw, and how many steps of float32 a value may be from torch's."""

    name: str
    call: Callable[[Any], Any]  # call(library) -> tensor
    ulps: int = 0


def filled(name, *args, shape=(5, 7), kind="float32", view=None, **options):
    """The draw in place on a new tensor, or on a view of one."""

    def call(lib):
        x = lib.zeros(shape, dtype=getattr(lib, kind))
        seen = x if view is None else view(x)
        assert getattr(seen, name)(*args, **options) is seen
        return x

    return call


VIEWS = {
    "transposed": lambda x: x.transpose(0, 1),
    "strided": lambda x: x[:, ::2],
    "row": lambda x: x[2],
    "column": lambda x: x[:, 3],
    "diagonal": lambda x: x.diagonal(),
    "flat": lambda x: x.view(35),
    "detached": lambda x: x.detach(),
}
CHANCES = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)

DRAWS = [
    Draw("rand", lambda lib: lib.rand(3, 5)),
    Draw("rand of a sequence", lambda lib: lib.rand((3, 5), dtype=lib.float64)),
    Draw("rand of size=", lambda lib: lib.rand(size=(3, 5), dtype=lib.float16)),
    Draw("rand of nothing", lambda lib: lib.rand(0, 5)),
    Draw("rand of a number", lambda lib: lib.rand(())),
    Draw("randn", lambda lib: lib.randn(3, 5), 4),
    Draw("randn, many", lambda lib: lib.randn(5, 7, dtype=lib.bfloat16), 4),
    Draw("randint", lambda lib: lib.randint(10, (4,))),
    Draw("randint with low", lambda lib: lib.randint(-3, 10, (4,), dtype=lib.int8)),
    Draw("randint by name", lambda lib: lib.randint(low=3, high=9, size=(4, 2))),
    Draw("randint mixed", lambda lib: lib.randint(3, high=9, size=(4, 2))),
    Draw("randint as float", lambda lib: lib.randint(9, (4,), dtype=lib.float32)),
    Draw("randperm", lambda lib: lib.randperm(50)),
    Draw("randperm as int32", lambda lib: lib.randperm(9, dtype=lib.int32)),
    Draw("rand_like", lambda lib: lib.rand_like(lib.zeros(5, 7))),
    Draw("rand_like, turned", lambda lib: lib.rand_like(lib.zeros(5, 7).T)),
    Draw("rand_like, strided", lambda lib: lib.rand_like(lib.zeros(7, 9)[:, ::2].T)),
    Draw("rand_like, expanded", lambda lib: lib.rand_like(lib.zeros(7).expand(5, 7))),
    Draw("randn_like", lambda lib: lib.randn_like(lib.zeros(5, 7)), 4),
    Draw("randn_like, turned", lambda lib: lib.randn_like(lib.zeros(5, 7).T), 4),
    Draw(
        "randn_like as float64",
        lambda lib: lib.randn_like(lib.zeros(5), dtype=lib.double),
    ),
    Draw("randint_like", lambda lib: lib.randint_like(lib.zeros(5, 7), 9)),
    Draw(
        "randint_like, low", lambda lib: lib.randint_like(lib.zeros(5).int(), 3, high=9)
    ),
    Draw("normal of numbers", lambda lib: lib.normal(2.0, 3.0, (5,)), 4),
    Draw("normal of means", lambda lib: lib.normal(lib.arange(20.0), 0.5), 4),
    Draw("normal of deviations", lambda lib: lib.normal(1.0, lib.arange(20.0)), 4),
    Draw("normal of both", lambda lib: lib.normal(lib.arange(5.0), lib.ones(4, 1)), 4),
    Draw(
        "normal of dtypes", lambda lib: lib.normal(lib.ones(3), lib.ones(3).double()), 4
    ),
    Draw("bernoulli", lambda lib: lib.bernoulli(lib.tensor(CHANCES))),
    Draw("bernoulli, turned", lambda lib: lib.bernoulli(lib.tensor(CHANCES).T)),
    Draw("bernoulli of p", lambda lib: lib.bernoulli(lib.zeros(5, 7).int(), 0.3)),
    Draw("multinomial", lambda lib: lib.multinomial(lib.tensor(CHANCES), 5)),
    Draw("multinomial, again", lambda lib: lib.tensor(CHANCES).multinomial(20, True)),
    *(
        Draw(f"{name} {view}", filled(name, view=VIEWS.get(view)), ulps)
        for name, ulps in (("uniform_", 0), ("normal_", 4), ("bernoulli_", 0))
        for view in (None, *VIEWS)
    ),
    *(
        Draw(f"random_{args} {kind}", filled("random_", *args, kind=kind))
        for kind in ("bool", "uint8", "int8", "int32", "int64", "float16", "float32")
        for args in ((), (1,), (0, 1))
    ),
    Draw("random_ from 2", filled("random_", 2, None)),
    Draw("random_ to 50", filled("random_", to=50)),
    Draw("uniform_ range", filled("uniform_", -2, 5)),
    Draw("uniform_ to", filled("uniform_", to=5, kind="float64")),
    Draw("uniform_ of one", filled("uniform_", shape=())),
    Draw("normal_ of three dims", filled("normal_", 1, 2, shape=(3, 4, 5)), 4),
    Draw(
        "normal_ permuted",
        filled("normal_", 1, 2, shape=(3, 4, 5), view=lambda x: x.permute(2, 0, 1)),
        4,
    ),
    Draw("log_normal_", filled("log_normal_"), 4),
    Draw("exponential_", filled("exponential_", 2), 4),
    Draw("exponential_ turned", filled("exponential_", view=VIEWS["transposed"]), 4),
    Draw("cauchy_", filled("cauchy_", 1, 2), 4),
    Draw("geometric_", filled("geometric_", 0.2)),
    Draw("geometric_ of ints", filled("geometric_", 0.2, kind="int64")),
    Draw("bernoulli_ of ints", filled("bernoulli_", 0.2, kind="int64")),
    Draw(
        "bernoulli_ of chances",
        lambda lib: lib.zeros(5, 7).bernoulli_(lib.tensor(CHANCES)),
    ),
    Draw(
        "bernoulli_ of chances, turned",
        lambda lib: lib.zeros(7, 5).T.bernoulli_(lib.tensor(CHANCES)),
    ),
    Draw(
        "bernoulli_ of chances, broadcast",
        lambda lib: lib.zeros(5, 7).bernoulli_(lib.tensor(CHANCES[0]).double()),
    ),
]


@pytest.mark.parametrize("draw", DRAWS, **names(DRAWS))
def test_numbers_and_the_stream(draw):
    results = []
    for lib in LIBRARIES:
        lib.manual_seed(5)
        drawn = draw.call(lib)
        after = lib.rand(3)  # a normal that waits does not show in the words
        results.append((drawn, after, lib.get_rng_state()))
    (ours, after, state), (theirs, expected_after, expected_state) = results
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    mine, other = values_of(ours), values_of(theirs)
    if draw.ulps:
        np.testing.assert_array_max_ulp(mine, other, draw.ulps)
    else:
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(values_of(after), values_of(expected_after))
    np.testing.assert_array_equal(
        values_of(state)[:5016], values_of(expected_state)[:5016]
    )


def test_states_are_exchanged():
    torch.manual_seed(1)
    torch.randn(3)
    flambeau.set_rng_state(flambeau.tensor(torch.get_rng_state().numpy()))
    np.testing.assert_array_equal(flambeau.rand(5).numpy(), torch.rand(5).numpy())
    torch.set_rng_state(torch.from_numpy(flambeau.get_rng_state().numpy()))
    np.testing.assert_array_equal(flambeau.rand(5).numpy(), torch.rand(5).numpy())
    assert flambeau.initial_seed() == torch.initial_seed() == 1


def test_generators_are_separate_streams():
    for call in (
        lambda lib, g: lib.rand(4, generator=g),
        lambda lib, g: lib.randint(9, (4,), generator=g),
        lambda lib, g: lib.randperm(9, generator=g),
        lambda lib, g: lib.zeros(4).uniform_(generator=g),
        lambda lib, g: lib.bernoulli(lib.full((9,), 0.5), generator=g),
        lambda lib, g: lib.multinomial(lib.ones(9), 4, generator=g),
    ):
        drawn = []
        for lib in LIBRARIES:
            lib.manual_seed(0)
            generator = lib.Generator().manual_seed(7)
            drawn.append([values_of(call(lib, generator)), values_of(lib.rand(2))])
        for ours, theirs in zip(*drawn, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_fork_rng_puts_the_stream_back():
    drawn = []
    for lib in LIBRARIES:
        lib.manual_seed(0)
        with lib.random.fork_rng(devices=[]):
            inside = values_of(lib.rand(2))
        drawn.append([inside, values_of(lib.rand(2))])
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_array_equal(drawn[0][0], drawn[0][1])


def test_dropout_mask_is_torchs():
    torch.manual_seed(3)
    flambeau.manual_seed(3)
    expected = torch.nn.functional.dropout(torch.ones(40), 0.25) != 0
    mask = dropout_mask((40,), 0.25, flambeau.float32)
    np.testing.assert_array_equal(mask.numpy(), expected.numpy())
    np.testing.assert_array_equal(flambeau.rand(3).numpy(), torch.rand(3).numpy())


def zeros(lib, *shape, kind="float32"):
    return lib.zeros(*(shape or (3,)), dtype=getattr(lib, kind))


ERRORS = [
    Error("rand of ints", lambda lib: lib.rand(2, dtype=lib.int64), ""),
    Error("rand of a fraction", lambda lib: lib.rand(2.5), ""),
    Error("rand of no size", lambda lib: lib.rand(), ""),
    Error("rand of -1", lambda lib: lib.rand(-1), "-1"),
    Error("rand by a number", lambda lib: lib.rand(2, generator=5), ""),
    Error("randint of no range", lambda lib: lib.randint(3, 3, (2,)), "from=3 >= to=3"),
    Error("randint of no size", lambda lib: lib.randint(3, 5), ""),
    Error(
        "randint too large",
        lambda lib: lib.randint(300, (2,), dtype=lib.uint8),
        "out of",
    ),
    Error("randperm of bools", lambda lib: lib.randperm(3, dtype=lib.bool), ""),
    Error("normal of numbers", lambda lib: lib.normal(0.0, 1.0), ""),
    Error("normal, std < 0", lambda lib: lib.normal(zeros(lib), -1.0), "std >= 0.0"),
    Error(
        "normal, some std < 0",
        lambda lib: lib.normal(0.0, zeros(lib) - 1),
        "std >= 0.0",
    ),
    Error("normal of ints", lambda lib: lib.normal(zeros(lib).long(), 1.0), ""),
    Error("bernoulli of ints", lambda lib: lib.bernoulli(zeros(lib).long()), ""),
    Error("bernoulli of 2", lambda lib: lib.bernoulli(zeros(lib) + 2), ""),
    Error("bernoulli_ of 2", lambda lib: zeros(lib).bernoulli_(2), "p=2"),
    Error("multinomial, few", lambda lib: lib.multinomial(zeros(lib) + 1, 4), ""),
    Error("multinomial of zeros", lambda lib: lib.multinomial(zeros(lib), 1), ""),
    Error("multinomial of ints", lambda lib: lib.multinomial(zeros(lib).long(), 1), ""),
    Error("uniform_", lambda lib: zeros(lib).uniform_(2, 1), "from=2 > to=1"),
    Error("uniform_ of ints", lambda lib: zeros(lib).long().uniform_(), ""),
    Error("normal_", lambda lib: zeros(lib).normal_(std=-1), "found std -1"),
    Error("exponential_", lambda lib: zeros(lib).exponential_(0), "lambda=0"),
    Error("geometric_", lambda lib: zeros(lib).geometric_(1.5), "p=1.5"),
    Error("cauchy_", lambda lib: zeros(lib).cauchy_(0, -1), "sigma=-1"),
    Error("log_normal_", lambda lib: zeros(lib).log_normal_(0, -1), "std=-1"),
    Error("random_", lambda lib: zeros(lib).random_(5, 2), "from=5 >= to=2"),
    Error(
        "uniform_ of a leaf",
        lambda lib: lib.zeros(3, requires_grad=True).uniform_(),
        "a leaf Variable that requires grad is being used in an in-place operation",
    ),
]


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case):
    check_error(case)
