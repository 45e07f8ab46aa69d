"""The random stream without torch beside it: known numbers, states, and promises.

The numbers of `KNOWN` were printed by torch 2.13.0, generator seeded with 2024, each
list followed by the stream's next word, drawn as `empty((), dtype=int32).random_()`.
"""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flambeau import random
from flambeau.random import Generator
from flambeau.random.fma import fma
from flambeau.random.integers import _shuffle_wide

Draw = Callable[[Generator], np.ndarray]

KNOWN: dict[str, tuple[Draw, list[float], int]] = {
    "uniform": (
        lambda g: random.uniform(g, (4,)),
        [
            0.5317158699035645,
            0.8312679529190063,
            0.9718379974365234,
            0.11930084228515625,
        ],
        808106523,
    ),
    "uniform float64": (
        lambda g: random.uniform(g, (3,), np.float64),
        [0.25372732026738665, 0.7747043317543358, 0.33521823650125215],
        188156350,
    ),
    "scaled uniform": (
        lambda g: random.uniform(g, (4,), np.float32, -0.1, 0.1),
        [
            0.006343174260109663,
            0.06625359505414963,
            0.0943676009774208,
            -0.07613983005285263,
        ],
        808106523,
    ),
    "few normals": (
        lambda g: random.normal(g, (3,)),
        [-0.040429167449474335, 1.7259920835494995, -0.8140387535095215],
        880549673,
    ),
    "many normals": (
        lambda g: random.normal(g, (17,)),
        [
            -1.2262355089187622,
            -2.1806845664978027,
            0.3699551522731781,
            0.4143979847431183,
            1.856718897819519,
            1.977582573890686,
            -0.4321559965610504,
            1.3667176961898804,
            0.7130761742591858,
            -0.04211912304162979,
            1.6579234600067139,
            -1.3084688186645508,
            0.9961832761764526,
            0.9390771389007568,
            1.4147526025772095,
            0.6343358159065247,
            -0.07764512300491333,
        ],
        78801737,
    ),
    "many normals float64": (
        lambda g: random.normal(g, (18,), np.float64)[:3],
        [-0.7040247420378066, 1.3312587303505539, 0.7266241169549239],
        1647286199,
    ),
    "randint": (
        lambda g: random.randint(g, 0, 100, (6,)),
        [12, 50, 84, 60, 23, 80],
        188156350,
    ),
    "wide randint": (
        lambda g: random.randint(g, 0, 2**40, (3,)),
        [587367501306, 415489755776, 118520116772],
        188156350,
    ),
    "integers of int8": (
        lambda g: random.integers(g, (4,), np.int8),
        [8, 122, 96, 0],
        808106523,
    ),
    "randperm": (
        lambda g: random.randperm(g, 10),
        [2, 3, 0, 8, 7, 5, 1, 9, 4, 6],
        2092944511,
    ),
    "bernoulli": (
        lambda g: random.bernoulli(g, (8,), 0.3, np.float32),
        [1, 0, 0, 0, 0, 1, 0, 0],
        2035151781,
    ),
}

# Every draw with the 32-bit words that n numbers take.
WORDS: dict[str, tuple[Callable[[Generator, int], object], Callable[[int], int]]] = {
    "uniform": (lambda g, n: random.uniform(g, (n,)), lambda n: n),
    "uniform float64": (
        lambda g, n: random.uniform(g, (n,), np.float64),
        lambda n: 2 * n,
    ),
    "uniform float16": (lambda g, n: random.uniform(g, (n,), np.float16), lambda n: n),
    "normal": (
        lambda g, n: random.normal(g, (n,)),
        lambda n: 4 * math.ceil(n / 2) if n < 16 else n + 16 * (n % 16 > 0),
    ),
    "normal float16": (
        lambda g, n: random.normal(g, (n,), np.float16),
        lambda n: 4 * math.ceil(n / 2) if n < 16 else 16 * math.ceil(n / 16),
    ),
    "strided normal": (
        lambda g, n: random.normal(g, (n,), contiguous=False),
        lambda n: 4 * math.ceil(n / 2),
    ),
    "log normal": (
        lambda g, n: random.log_normal(g, (n,)),
        lambda n: 4 * math.ceil(n / 2),
    ),
    "exponential": (lambda g, n: random.exponential(g, (n,)), lambda n: 2 * n),
    "cauchy": (lambda g, n: random.cauchy(g, (n,)), lambda n: 2 * n),
    "geometric": (
        lambda g, n: random.geometric(g, (n,), np.int64, 0.5),
        lambda n: 2 * n,
    ),
    "coins": (lambda g, n: random.bernoulli(g, (n,), 0.5), lambda n: 2 * n),
    "unequal coins": (
        lambda g, n: random.bernoulli(g, (n,), np.full(n, 0.5, np.float32)),
        lambda n: n,
    ),
    "randint": (lambda g, n: random.randint(g, 0, 2**28 - 1, (n,)), lambda n: n),
    "wide randint": (lambda g, n: random.randint(g, 0, 2**28, (n,)), lambda n: 2 * n),
    "randperm": (lambda g, n: random.randperm(g, n), lambda n: max(n - 1, 0)),
}

FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)


def start(seed: int = 2024) -> Generator:
    """A generator at the start of a seed."""
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers(name: str) -> None:
    draw, expected, following = KNOWN[name]
    generator = start()
    np.testing.assert_allclose(draw(generator), expected, rtol=3e-7, atol=0)
    assert int(generator.words32(1)[0]) % 2**31 == following


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 32, 33, 1000, 70_001])
def test_draws_take_their_words_and_no_more(name: str, n: int) -> None:
    draw, words = WORDS[name]
    generator, other = start(), start()
    draw(generator, n)
    other.words32(words(n))
    assert np.array_equal(generator.words32(2), other.words32(2))


@pytest.mark.parametrize("name", WORDS)
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    draw, _ = WORDS[name]
    first, second, other = (draw(start(seed), 100) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_engine_is_mersenne_twister() -> None:
    """The word that the C++ standard gives for std::mt19937, seed 5489."""
    assert start(5489).words32(10_000)[-1] == 4123659995


def test_wide_words_are_two_narrow_ones() -> None:
    narrow = start().words32(6).astype(np.uint64)
    wide = start().words64(3)
    assert np.array_equal(wide, narrow[0::2] * 2**32 + narrow[1::2])


def test_the_waiting_normal_is_used_first_and_forgotten_on_seeding() -> None:
    generator = start()
    pieces = [random.normal(generator, (n,), np.float64) for n in (3, 1, 0, 4, 2)]
    whole = random.normal(start(), (10,), np.float64, contiguous=False)
    assert np.array_equal(np.concatenate(pieces), whole)
    random.normal(generator, (1,))
    assert generator.next_normal is not None
    assert generator.manual_seed(0).next_normal is None


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 3000])
def test_a_state_continues_the_stream(drawn: int) -> None:
    generator = start()
    generator.words32(drawn)
    random.normal(generator, (3,))
    state = generator.get_state()
    assert state.shape == (5056,)
    expected = random.normal(generator, (5,)), generator.words32(700)
    other = Generator().set_state(state)
    assert np.array_equal(other.get_state(), state)
    assert other.initial_seed() == 2024
    assert np.array_equal(random.normal(other, (5,)), expected[0])
    assert np.array_equal(other.words32(700), expected[1])


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), Generator.clone_state],
)
def test_copies_continue_on_their_own(duplicate: Callable) -> None:
    generator = start()
    random.normal(generator, (1,))
    other = duplicate(generator)
    assert np.array_equal(other.get_state(), generator.get_state())
    other.words32(1)
    assert not np.array_equal(other.get_state(), generator.get_state())


@pytest.mark.parametrize(
    ("seed", "initial"), [(0, 0), (-1, 2**64 - 1), (2**40 + 5, 2**40 + 5)]
)
def test_seeds(seed: int, initial: int) -> None:
    generator = start(seed)
    assert generator.initial_seed() == initial
    assert generator.words32(1) == start(initial % 2**32).words32(1)


def test_seed_is_unpredictable_and_remembered() -> None:
    generator = Generator()
    first, second = generator.seed(), generator.seed()
    assert first != second
    assert generator.initial_seed() == second


def test_the_default_generator() -> None:
    assert random.manual_seed(3) is random.default_generator
    assert random.initial_seed() == 3
    state = random.get_rng_state()
    with random.fork_rng():
        inside = random.uniform(random.default_generator, (3,))
    assert np.array_equal(random.get_rng_state(), state)
    assert np.array_equal(random.uniform(random.default_generator, (3,)), inside)
    random.set_rng_state(state)
    assert np.array_equal(random.uniform(random.default_generator, (3,)), inside)
    with random.fork_rng(enabled=False):
        random.seed()
    assert random.initial_seed() != 3


def test_a_fork_is_undone_by_an_error_too() -> None:
    state = random.get_rng_state()
    with pytest.raises(KeyError), random.fork_rng():
        random.manual_seed(0)
        raise KeyError
    assert np.array_equal(random.get_rng_state(), state)


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniforms_stay_below_the_upper_bound(dtype: type) -> None:
    drawn = random.uniform(start(), (200_000,), dtype, 1.0, 2.0)
    assert drawn.dtype == dtype
    assert drawn.min() >= 1.0
    assert drawn.max() < 2.0
    assert abs(drawn.astype(np.float64).mean() - 1.5) < 0.01


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (2.5, 4.0), (0.0, math.inf)])
def test_truncated_normals_stay_between_their_bounds(low: float, high: float) -> None:
    """On average they lie at (f(low) - f(high)) / P(low < z < high), f the density."""
    drawn = random.truncated_normal(start(), (100_000,), low=low, high=high)
    assert drawn.min() >= low
    assert drawn.max() <= high
    density = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in (low, high)]
    below = [(1 + math.erf(z / math.sqrt(2))) / 2 for z in (low, high)]
    expected = (density[0] - density[1]) / (below[1] - below[0])
    assert abs(drawn.mean() - expected) < 0.01


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3), (5, 1, 4)])
def test_shapes_are_filled_in_order(shape: tuple[int, ...]) -> None:
    drawn = random.uniform(start(), shape)
    assert drawn.shape == shape
    assert np.array_equal(drawn.reshape(-1), random.uniform(start(), (drawn.size,)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_moments_of_the_normals(dtype: type) -> None:
    drawn = random.normal(start(), (400_000,), dtype, 3.0, 2.0).astype(np.float64)
    z = (drawn - 3.0) / 2.0
    for power, expected in enumerate((0.0, 1.0, 0.0, 3.0), 1):
        assert abs((z**power).mean() - expected) < 0.06


@given(st.integers(0, 40), st.integers(0, 2**32))
def test_permutations_are_permutations(n: int, seed: int) -> None:
    assert sorted(random.randperm(start(seed), n).tolist()) == list(range(n))


def test_long_permutations_are_shuffled_by_wide_words() -> None:
    """What torch does from 214,748,364 numbers on, with a short one."""
    order = np.arange(50)
    _shuffle_wide(start(), order)
    expected: list[int] = []
    for number, word in enumerate(start().words64(50).tolist()):
        expected.append(number)
        place = word % (number + 1)
        expected[number], expected[place] = expected[place], number
    assert order.tolist() == expected


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=8), st.booleans())
def test_choices_are_in_range_and_differ_without_replacement(
    weights: list[float], replacement: bool
) -> None:
    count = len(weights)
    found = random.multinomial(start(), np.array(weights), count, replacement)
    assert found.dtype == np.int64
    assert set(found.tolist()) <= set(range(count))
    assert replacement or len(set(found.tolist())) == count


def test_choices_follow_their_weights() -> None:
    weights = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 0.0]])
    found = random.multinomial(start(), weights, 40_000, replacement=True)
    assert abs((found[0] == 2).mean() - 0.75) < 0.01
    assert not (found[0] == 1).any()
    assert (found[1] == 1).all()


def test_choices_of_no_rows() -> None:
    assert random.multinomial(start(), np.ones((0, 3)), 2).shape == (0, 2)


def rounded(value: Fraction, digits: int) -> Fraction:
    """A positive fraction rounded once, half to even, to a number of binary digits."""
    unit = Fraction(2) ** (math.floor(math.log2(value)) - digits + 1)
    return round(value / unit) * unit


@given(
    st.lists(st.integers(0, 2**24 - 1), min_size=1),
    st.floats(2**-20, 2**20, width=32),
    st.floats(2**-20, 2**20, width=32),
)
def test_fma_rounds_once_in_float32(bits: list[int], a: float, c: float) -> None:
    x = np.float32(bits) / np.float32(2**24)
    expected = [rounded(Fraction(float(v)) * Fraction(a) + Fraction(c), 24) for v in x]
    assert fma(x, a, c).tolist() == [float(value) for value in expected]


@given(
    st.lists(st.integers(0, 2**53 - 1), min_size=1),
    st.floats(2**-30, 2**30),
    st.floats(-(2**30), 2**30),
)
def test_fma_rounds_once_in_float64(bits: list[int], a: float, c: float) -> None:
    x = np.array(bits, np.float64) / 2.0**53
    expected = [float(Fraction(float(v)) * Fraction(a) + Fraction(c)) for v in x]
    assert fma(x, a, c).tolist() == expected


def test_fma_of_halfway_cases() -> None:
    """Sums that round up only because of a bit that float64 cannot hold."""
    x, a = np.float32([1 + 2**-12]), 1 + 2.0**-12  # x * a = 1 + 2**-11 + 2**-24
    assert fma(x, a, 2.0**-60) == np.float32(1 + 2**-11 + 2**-23)
    assert fma(x, a, -(2.0**-60)) == np.float32(1 + 2**-11)


MESSAGES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Generator("cuda"), RuntimeError, "device must be 'cpu', but got 'cuda'"),
    (lambda: start(2**64), ValueError, "but got 18446744073709551616"),
    (lambda: start(0.5), RuntimeError, "expected an int, but got float"),
    (lambda: start().set_state(np.zeros(3)), TypeError, "uint8, but got float64"),
    (
        lambda: start().set_state(np.zeros(3, np.uint8)),
        RuntimeError,
        "5056 bytes, but got 3",
    ),
    (
        lambda: start().set_state(np.zeros(5056, np.uint8)),
        RuntimeError,
        "invalid mt19937 state",
    ),
    (
        lambda: random.uniform(start(), (2,), np.float32, 2.0, 1.0),
        RuntimeError,
        "found from=2.0 > to=1.0",
    ),
    (
        lambda: random.uniform(start(), (2,), np.float16, 0.0, 1e5),
        RuntimeError,
        "to=100000.0 is out of range of float16",
    ),
    (
        lambda: random.normal(start(), (2,), np.int32),
        NotImplementedError,
        "normal_ needs a floating dtype .* but got int32",
    ),
    (
        lambda: random.normal(start(), (2,), std=-1.0),
        RuntimeError,
        "std >= 0.0, but found std -1.0",
    ),
    (
        lambda: random.randint(start(), 3, 3, (2,)),
        RuntimeError,
        "from=3 >= to=3",
    ),
    (
        lambda: random.randint(start(), 0, 300, (2,), np.uint8),
        RuntimeError,
        "to - 1=299 is out of bounds for uint8, which holds 0 to 255",
    ),
    (
        lambda: random.randperm(start(), 300, np.uint8),
        RuntimeError,
        "n=300 is too large for uint8",
    ),
    (
        lambda: random.bernoulli(start(), (2,), 1.5),
        RuntimeError,
        r"p to be in \[0, 1\], but got p=1.5",
    ),
    (
        lambda: random.multinomial(start(), np.ones(3), 4),
        RuntimeError,
        "num_samples=4 from 3 categories",
    ),
    (
        lambda: random.geometric(start(), (2,), np.int64, 1.0),
        RuntimeError,
        r"p to be in \(0, 1\), but got p=1.0",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), MESSAGES)
def test_errors_say_what_is_wrong(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_range_beyond_a_floats_precision_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="not every integer from 0 to 2999"):
        drawn = random.randint(start(), 0, 3000, (100,), np.float16)
    assert drawn.max() < 3000
