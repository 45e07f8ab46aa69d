"""The random stream beside torch's: the same numbers, and the same place afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import ml_dtypes
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau import random

SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 1000)
LARGE = 10**6 + 3
FEW = 1003  # of float32 quotients, among which no two are equal
SEEDS = (0, 1, 2**40 + 5, -1)

DTYPES = {
    "bool": np.bool_,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "float32": np.float32,
    "float64": np.float64,
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
NORMAL_PLACE = slice(5024, 5032)  # of the waiting normal in a state

Theirs = Callable[[torch.Generator, int], torch.Tensor]
Ours = Callable[[random.Generator, int], np.ndarray]


# With these, torch computes float32 normals by the steps that flambeau repeats.
SAME_STEPS = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
NORMAL = 0 if SAME_STEPS else 4


class Draw(NamedTuple):
    """One kind of draw of n numbers, by torch and by flambeau."""

    theirs: Theirs
    ours: Ours
    ulps: int = 0  # how far a number may be from torch's
    large: int = LARGE


class Failure(NamedTuple):
    """One wrong call, of torch and of flambeau."""

    theirs: Callable[[], object]
    ours: Callable[[], object]


def dtypes(name: str) -> tuple[torch.dtype, np.dtype]:
    return getattr(torch, name), np.dtype(DTYPES[name])


def fill(method: str, name: str, *args: float | None) -> Theirs:
    """The in-place method of torch on a new tensor."""
    theirs, _ = dtypes(name)
    return lambda g, n: getattr(torch.empty(n, dtype=theirs), method)(
        *args, generator=g
    )


def draw(method: str, name: str, *args: float | None, ulps: int = 0) -> Draw:
    """The draw that torch's `method_` and flambeau's `method` both name."""
    ours = getattr(random, method)
    _, dtype = dtypes(name)
    return Draw(
        fill(f"{method}_", name, *args), lambda g, n: ours(g, (n,), dtype, *args), ulps
    )


def integers(name: str, *args: int | None) -> Draw:
    _, dtype = dtypes(name)
    return Draw(
        fill("random_", name, *args),
        lambda g, n: random.integers(g, (n,), dtype, *args),
    )


def strided_normal(name: str) -> Draw:
    """Normals in every second place of memory."""
    theirs, ours = dtypes(name)
    return Draw(
        lambda g, n: torch.empty(n, 2, dtype=theirs)[:, 0].normal_(1, 2, generator=g),
        lambda g, n: random.normal(g, (n,), ours, 1.0, 2.0, contiguous=n < 2),
        1,
    )


def coins(p: float, name: str) -> Draw:
    _, dtype = dtypes(name)
    return Draw(
        fill("bernoulli_", name, p), lambda g, n: random.bernoulli(g, (n,), p, dtype)
    )


def unequal_coins(name: str) -> Draw:
    """Bernoulli with a probability per element, which repeats every seven."""
    theirs, ours = dtypes(name)

    def p(n: int) -> np.ndarray:
        return np.arange(n) % 7 / 6

    return Draw(
        lambda g, n: torch.bernoulli(torch.from_numpy(p(n)).to(theirs), generator=g),
        lambda g, n: random.bernoulli(g, (n,), p(n).astype(ours), ours),
    )


def truncated(name: str, *args: float) -> Draw:
    """Normals between bounds: args are mean, std and the two bounds."""
    theirs, ours = dtypes(name)
    return Draw(
        lambda g, n: torch.nn.init.trunc_normal_(
            torch.empty(n, dtype=theirs), *args, generator=g
        ),
        lambda g, n: random.truncated_normal(g, (n,), ours, *args),
        ulps=4 if name == "float64" else NORMAL + 1,
        large=LARGE // 20,
    )


def permutation(name: str) -> Draw:
    theirs, ours = dtypes(name)
    return Draw(
        lambda g, n: torch.randperm(n, generator=g, dtype=theirs),
        lambda g, n: random.randperm(g, n, ours),
    )


def choice(name: str, replacement: bool) -> Draw:
    """Indices by unequal weights, in two rows; n + 1 of n + 3 categories."""
    theirs, ours = dtypes(name)

    def weights(n: int) -> np.ndarray:
        return np.sqrt(np.arange(2.0, 2 * n + 8)).reshape(2, n + 3)

    return Draw(
        lambda g, n: torch.multinomial(
            torch.from_numpy(weights(n)).to(theirs), n + 1, replacement, generator=g
        ),
        lambda g, n: random.multinomial(g, weights(n).astype(ours), n + 1, replacement),
        large=LARGE // 100 if replacement else FEW,
    )


DRAWS: dict[str, Draw] = {
    **{f"uniform {name}": draw("uniform", name) for name in FLOATS},
    **{f"uniform ±0.1 {name}": draw("uniform", name, -0.1, 0.1) for name in FLOATS},
    **{f"uniform 2 to 7 {name}": draw("uniform", name, 2.3, 7.1) for name in FLOATS},
    "uniform near 1000": draw("uniform", "float32", 1000.0, 1000.001),
    "uniform near -1e5": draw("uniform", "float64", -1e5 - 1e-7, -1e5),
    "uniform of one value": draw("uniform", "float32", 0.5, 0.5),
    "normal float32": draw("normal", "float32", ulps=NORMAL + 1),
    "normal float64": draw("normal", "float64", ulps=4),
    "normal float16": draw("normal", "float16", ulps=1),
    "normal bfloat16": draw("normal", "bfloat16", ulps=1),
    "scaled normal": draw("normal", "float32", 0.0, 0.02, ulps=NORMAL + 1),
    "shifted normal float16": draw("normal", "float16", 3.0, 0.1, ulps=1),
    "constant normal": draw("normal", "float32", 1.5, 0.0),
    "strided normal float32": strided_normal("float32"),
    "strided normal float16": strided_normal("float16"),
    **{f"truncated {n}": truncated(n, 0.0, 1.0, -2.0, 2.0) for n in FLOATS},
    "truncated narrowly": truncated("float32", 0.0, 0.02, -0.01, 0.01),
    "truncated to one side": truncated("float32", 1.0, 2.0, 1.5, float("inf")),
    "truncated to the tail": truncated("float32", 0.0, 1.0, 1.5, 2.5),
    "truncated to the tail float64": truncated("float64", 0.5, 2.0, -4.0, -3.5),
    "log normal float32": draw("log_normal", "float32", ulps=1),
    "log normal float64": draw("log_normal", "float64", 0.0, 0.25, ulps=4),
    **{f"exponential {name}": draw("exponential", name, ulps=2) for name in FLOATS},
    "exponential of rate 3": draw("exponential", "float32", 3.0, ulps=1),
    "cauchy float32": draw("cauchy", "float32", ulps=1),
    "cauchy float64": draw("cauchy", "float64", 0.0, 2.5, ulps=2),
    "geometric int64": draw("geometric", "int64", 0.05),
    "geometric float32": draw("geometric", "float32", 0.4),
    "geometric uint8": draw("geometric", "uint8", 0.5),
    **{f"coins {name}": coins(0.3, name) for name in DTYPES},
    "coins of 0": coins(0.0, "float32"),
    "coins of 1": coins(1.0, "float32"),
    **{f"unequal coins {name}": unequal_coins(name) for name in FLOATS},
    **{f"integers {name}": integers(name) for name in DTYPES},
    **{f"integers of two {name}": integers(name, 0, 2) for name in DTYPES},
    **{f"integers from 1 {name}": integers(name, 1, None) for name in DTYPES},
    "integers below 100": integers("int64", 0, 100),
    "integers below 2**28 - 1": integers("int64", 0, 2**28 - 1),
    "integers below 2**28": integers("int64", 0, 2**28),
    "integers around 0": integers("int64", -(2**40), 2**62),
    "integers nearly all": integers("int64", -(2**63), 2**63 - 1),
    "integers all int64": integers("int64", -(2**63), None),
    "integers all float32": integers("float32", -(2**63), None),
    "integers all bfloat16": integers("bfloat16", -(2**63), None),
    "integers all float64": integers("float64", -(2**63), None),
    "integers -3 to 5": integers("int8", -3, 5),
    "integers of int32": integers("int32", -(2**31), 2**31 - 1),
    "integers of one value": integers("int16", 7, 8),
    "permutation int64": permutation("int64"),
    "permutation int32": permutation("int32"),
    "permutation float64": permutation("float64"),
    **{f"choice with replacement {name}": choice(name, True) for name in FLOATS},
    "choice float32": choice("float32", False),
    "choice float64": choice("float64", False),
}


def pair(seed: int) -> tuple[torch.Generator, random.Generator]:
    """Torch's generator and flambeau's, both at the start of a seed."""
    return torch.Generator().manual_seed(seed), random.Generator().manual_seed(seed)


def ordered(values: np.ndarray) -> np.ndarray:
    """Numbers of any format as integers that count its steps from zero."""
    if values.dtype.kind in "biu":
        return values.astype(np.int64)
    bits = values.view(f"i{values.dtype.itemsize}")
    return np.where(bits < 0, np.iinfo(bits.dtype).min - bits, bits).astype(np.int64)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor in C order, bfloat16 too."""
    tensor = tensor.contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def distance(theirs: np.ndarray, ours: np.ndarray) -> int:
    """The largest number of steps of the format between two arrays."""
    assert theirs.dtype == ours.dtype
    assert theirs.shape == ours.shape
    return int(np.abs(ordered(theirs) - ordered(ours)).max(initial=0))


def assert_in_step(theirs: torch.Generator, ours: random.Generator) -> None:
    """The states are equal, byte for byte; the waiting normal to rounding."""
    expected, state = theirs.get_state().numpy(), np.array(ours.get_state())
    waiting, our_waiting = (s[NORMAL_PLACE].view(np.float64) for s in (expected, state))
    assert distance(waiting, our_waiting) <= 4
    our_waiting[...] = waiting
    assert np.array_equal(expected, state)


def check(kind: Draw, pair: tuple[torch.Generator, random.Generator], n: int) -> None:
    """Draw n numbers from both, and compare the numbers and the states."""
    theirs, ours = pair
    expected, drawn = to_numpy(kind.theirs(theirs, n)), kind.ours(ours, n)
    assert distance(expected, drawn) <= kind.ulps
    assert_in_step(theirs, ours)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_torchs(name: str) -> None:
    for seed in SEEDS:
        for size in SIZES:
            check(DRAWS[name], pair(seed), size)


@pytest.mark.parametrize("name", DRAWS)
def test_large_draws_are_torchs(name: str) -> None:
    check(DRAWS[name], pair(3), DRAWS[name].large)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    steps=st.lists(
        st.tuples(st.sampled_from([*DRAWS]), st.integers(0, 40)), max_size=12
    ),
)
def test_any_sequence_of_draws_stays_in_step(
    seed: int, steps: list[tuple[str, int]]
) -> None:
    generators = pair(seed)
    for name, size in steps:
        check(DRAWS[name], generators, size)


@pytest.mark.skipif(not SAME_STEPS, reason="torch takes other steps on this CPU")
@pytest.mark.parametrize("std", [1.0, 0.02])
def test_normals_of_sixteen_or_more_are_the_same_bits(std: float) -> None:
    theirs, ours = pair(5)
    expected = torch.empty(LARGE).normal_(0.25, std, generator=theirs).numpy()
    drawn = random.normal(ours, (LARGE,), np.float32, 0.25, std)
    assert distance(expected, drawn) == 0


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
@pytest.mark.filterwarnings("ignore:random_.*not every integer:UserWarning")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("float16", 2000, 5000),
        ("float16", -65504, 65504),
        ("bfloat16", -3000, 3001),
        ("bfloat16", 250, 2**40),
        ("float32", -(2**24) - 1, 2**25 + 3),
        ("float64", -(2**60), 2**62 - 3),
    ],
)
def test_ranges_that_a_float_holds_inexactly_are_moved(
    name: str, low: int, high: int
) -> None:
    check(integers(name, low, high), pair(0), 1000)


def rrelu_slopes(generator: random.Generator, x: np.ndarray) -> np.ndarray:
    """A slope for each number that is not positive."""
    drawn = random.uniform(generator, (int((x <= 0).sum()),), np.float64, 0.1, 0.3)
    slopes = np.ones(x.shape, np.float32)
    slopes[x <= 0] = drawn
    return slopes


def coins_for(*shape: int) -> Callable[[random.Generator, np.ndarray], np.ndarray]:
    """What dropout with p = 0.3 keeps."""
    return lambda generator, x: random.bernoulli(generator, shape, 1 - 0.3)


LAYERS: dict[str, tuple[Callable, Callable, Callable]] = {
    "dropout": (F.dropout, coins_for(4, 6, 5), lambda y, x: y != 0),
    "dropout1d": (F.dropout1d, coins_for(4, 6, 1), lambda y, x: y != 0),
    "alpha_dropout": (F.alpha_dropout, coins_for(4, 6, 5), lambda y, x: y > -0.5),
    "feature_alpha_dropout": (
        F.feature_alpha_dropout,
        coins_for(4, 6, 1),
        lambda y, x: y > -0.5,
    ),
    "rrelu": (
        lambda x, p, training: F.rrelu(x, 0.1, p, training),
        rrelu_slopes,
        lambda y, x: y / x,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_draw_as_the_functions_here_do(name: str) -> None:
    layer, draw_here, read = LAYERS[name]
    x = np.linspace(-0.7, 0.9, 120, dtype=np.float32).reshape(4, 6, 5)
    torch.manual_seed(11)
    ours = random.Generator().manual_seed(11)
    y = layer(torch.from_numpy(x), 0.3, training=True).numpy()
    drawn = np.broadcast_to(draw_here(ours, x), x.shape)
    np.testing.assert_allclose(read(y, x), drawn, rtol=1e-6)
    assert_in_step(torch.default_generator, ours)


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 2000])
def test_states_pass_from_torch_and_back(drawn: int) -> None:
    theirs, ours = torch.Generator().manual_seed(2**50), random.Generator()
    torch.empty(drawn).uniform_(generator=theirs)
    torch.empty(3).normal_(generator=theirs)
    ours.set_state(theirs.get_state().numpy())
    assert ours.initial_seed() == theirs.initial_seed()
    assert_in_step(theirs, ours)
    check(DRAWS["normal float32"], (theirs, ours), 2)
    random.normal(ours, (5,))
    theirs.set_state(torch.from_numpy(ours.get_state().numpy()))
    check(DRAWS["normal float32"], (theirs, ours), 40)


@pytest.mark.parametrize("seed", [0, 5, 2**32, 2**64 - 1, -1, -(2**63)])
def test_seeds_are_read_alike(seed: int) -> None:
    theirs, ours = pair(seed)
    assert theirs.initial_seed() == ours.initial_seed()
    random.manual_seed(seed)
    assert torch.manual_seed(seed).initial_seed() == random.initial_seed()
    assert torch.Generator().initial_seed() == random.Generator().initial_seed()


def fails(method: str, name: str, *args: float | None) -> Failure:
    """A wrong call of one of the draws."""
    theirs, dtype = dtypes(name)
    ours = random.integers if method == "random" else getattr(random, method)
    return Failure(
        lambda: getattr(torch.empty(3, dtype=theirs), f"{method}_")(*args),
        lambda: ours(random.Generator(), (3,), dtype, *args),
    )


def fails_to_choose(weights: list[float], count: int, replacement: bool) -> Failure:
    """A wrong call of multinomial."""
    return Failure(
        lambda: torch.multinomial(torch.tensor(weights), count, replacement),
        lambda: random.multinomial(
            random.Generator(), np.float32(weights), count, replacement
        ),
    )


def fails_to_seed(seed: object) -> Failure:
    """A seed that is none."""
    return Failure(
        lambda: torch.Generator().manual_seed(seed),
        lambda: random.Generator().manual_seed(seed),
    )


def fails_to_set(state: np.ndarray) -> Failure:
    """A state that is none."""
    return Failure(
        lambda: torch.Generator().set_state(torch.from_numpy(state)),
        lambda: random.Generator().set_state(state),
    )


def fails_to_permute(n: int, name: str) -> Failure:
    """A length that is none."""
    theirs, ours = dtypes(name)
    return Failure(
        lambda: torch.randperm(n, dtype=theirs),
        lambda: random.randperm(random.Generator(), n, ours),
    )


FAILURES = [
    fails("uniform", "float32", 1.0, 0.0),
    fails("uniform", "float32", 0.0, float("nan")),
    fails("uniform", "float16", 0.0, 1e6),
    fails("uniform", "float64", -1.7e308, 1.7e308),
    fails("uniform", "int32"),
    fails("normal", "float32", 0.0, -1.0),
    fails("normal", "int64"),
    fails("log_normal", "float32", 0.0, 0.0),
    fails("log_normal", "int64"),
    fails("exponential", "float32", 0.0),
    fails("exponential", "int64"),
    fails("cauchy", "float32", 0.0, 0.0),
    fails("cauchy", "int64"),
    fails("geometric", "float32", 0.0),
    fails("geometric", "float32", 1.0),
    fails("geometric", "bool", 0.5),
    fails("random", "int64", 5, 5),
    fails("random", "uint8", 0, 257),
    fails("random", "uint8", -1, 3),
    fails("random", "int8", 200, None),
    fails("random", "bool", 0, 3),
    fails("random", "float16", 0, 70000),
    fails("random", "int32", 0, 2**40),
    fails("random", "int64", 0, 2**63),
    fails("random", "int32", -(2**63), None),
    fails("random", "float16", -(2**63), None),
    Failure(
        lambda: torch.empty(3).bernoulli_(1.5),
        lambda: random.bernoulli(random.Generator(), (3,), 1.5),
    ),
    Failure(
        lambda: torch.bernoulli(torch.tensor([0.5, 1.5])),
        lambda: random.bernoulli(random.Generator(), (2,), np.float32([0.5, 1.5])),
    ),
    Failure(
        lambda: torch.bernoulli(torch.tensor([1])),
        lambda: random.bernoulli(random.Generator(), (1,), np.array([1])),
    ),
    fails_to_choose([1.0, 2.0], 3, False),
    fails_to_choose([1.0, 2.0], 0, True),
    fails_to_choose([0.0, 0.0], 2, True),
    fails_to_choose([0.0, 0.0], 1, False),
    fails_to_choose([1.0, -1.0], 2, True),
    fails_to_choose([1.0, float("nan")], 2, False),
    fails_to_choose([1.0, float("inf")], 2, True),
    fails_to_choose([[[1.0]]], 1, True),
    fails_to_permute(-1, "int64"),
    fails_to_permute(129, "int8"),
    fails_to_permute(2050, "float16"),
    fails_to_permute(2, "bool"),
    fails_to_seed(2**64),
    fails_to_seed(-(2**63) - 1),
    fails_to_seed(1.5),
    fails_to_seed(True),
    fails_to_set(np.zeros(5056, np.uint8)),
    fails_to_set(np.zeros(5055, np.uint8)),
    fails_to_set(np.zeros(5056, np.float32)),
    Failure(lambda: torch.Generator("meta"), lambda: random.Generator("meta")),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_are_of_torchs_type(failure: Failure) -> None:
    with pytest.raises(Exception) as theirs:
        failure.theirs()
    with pytest.raises(theirs.type):
        failure.ours()
