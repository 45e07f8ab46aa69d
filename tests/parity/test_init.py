"""`nn.init` beside live torch: the same numbers, the same place in the stream."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, names, values_of

import flambeau
from flambeau.nn import init

INITS = {flambeau: init, torch: torch.nn.init}
SHAPES = [(3,), (5, 7), (40, 30), (6, 4, 3), (8, 2, 3, 3), (2, 3, 2, 2, 2)]


class Fill(NamedTuple):
    """One way to fill a tensor, and how far it may be from torch's."""

    name: str
    args: tuple[Any, ...] = ()
    ulps: int = 0
    shapes: tuple[tuple[int, ...], ...] = tuple(SHAPES)
    kinds: tuple[str, ...] = ("float32", "float64")


DEEP = tuple(shape for shape in SHAPES if len(shape) > 1)
FLAT = tuple(shape for shape in SHAPES if len(shape) == 2)
KERNELS = tuple(shape for shape in SHAPES if len(shape) > 2)
KAIMING = [
    (),
    (0.2, "fan_out", "leaky_relu"),
    (0, "fan_in", "relu"),
    (0, "FAN_OUT", "tanh"),
    (5**0.5,),
]
FILLS = [
    Fill("uniform_", kinds=("float16", "bfloat16", "float32", "float64")),
    Fill("uniform_", (-2, 3)),
    Fill("normal_", (), 4),
    Fill("normal_", (1, 0.02), 4),
    Fill("trunc_normal_", (), 4),
    Fill("trunc_normal_", (0.5, 2, -1, 1.5), 4),
    Fill("trunc_normal_", (0, 1, 1.5, 2), 4),
    Fill("trunc_normal_", (0, 0.02), 4),
    Fill("constant_", (0.3,)),
    Fill("ones_"),
    Fill("zeros_"),
    Fill("eye_", shapes=FLAT),
    Fill("dirac_", shapes=KERNELS),
    Fill("dirac_", (2,), shapes=KERNELS),
    Fill("xavier_uniform_", shapes=DEEP),
    Fill("xavier_uniform_", (1.7,), shapes=DEEP),
    Fill("xavier_normal_", (1.7,), 4, DEEP),
    *(Fill("kaiming_uniform_", args, 0, DEEP) for args in KAIMING),
    *(Fill("kaiming_normal_", args, 4, DEEP) for args in KAIMING),
    Fill("sparse_", (0.3,), 4, FLAT),
    Fill("sparse_", (1.0, 0.5), 4, FLAT),
]


def drawn(call: Callable[[Any], Any]) -> list[list[np.ndarray]]:
    """What each library makes from one seed, and draws next."""
    results = []
    for lib in LIBRARIES:
        lib.manual_seed(11)
        made = call(lib)
        results.append([values_of(made), values_of(lib.rand(3))])
    return results


@pytest.mark.parametrize("fill", FILLS, ids=lambda fill: f"{fill.name}{fill.args}")
def test_numbers_and_the_stream(fill):
    for shape in fill.shapes:
        for kind in fill.kinds:

            def run(lib, shape=shape, kind=kind):
                x = lib.empty(shape, dtype=getattr(lib, kind)).requires_grad_()
                assert getattr(INITS[lib], fill.name)(x, *fill.args) is x
                assert x.is_leaf and x.requires_grad
                return x

            (ours, after), (theirs, expected_after) = drawn(run)
            np.testing.assert_array_max_ulp(ours, theirs, fill.ulps)
            np.testing.assert_array_equal(after, expected_after)


@pytest.mark.parametrize("shape", [*DEEP, (30, 40), (1, 1), (0, 3)])
@pytest.mark.parametrize("gain", [1, 2.5])
def test_orthogonal_is_torchs_to_rounding(shape, gain):
    for kind, limit in (("float32", 3e-6), ("float64", 1e-13)):

        def run(lib, kind=kind):
            x = lib.empty(shape, dtype=getattr(lib, kind)).requires_grad_()
            return INITS[lib].orthogonal_(x, gain)

        (ours, after), (theirs, expected_after) = drawn(run)
        np.testing.assert_allclose(ours, theirs, atol=limit * gain)
        np.testing.assert_array_equal(after, expected_after)


def test_generator_is_used():
    for name in ("uniform_", "xavier_uniform_", "kaiming_uniform_", "sparse_"):

        def run(lib, name=name):
            generator = lib.Generator().manual_seed(3)
            extra = {"sparsity": 0.5} if name == "sparse_" else {}
            fill = getattr(INITS[lib], name)
            return fill(lib.empty(4, 5), **extra, generator=generator)

        (ours, after), (theirs, expected_after) = drawn(run)
        np.testing.assert_array_max_ulp(ours, theirs, 4)
        np.testing.assert_array_equal(after, expected_after)


@pytest.mark.parametrize(
    ("nonlinearity", "param"),
    [
        *((name, None) for name in ("linear", "conv1d", "conv2d", "conv3d")),
        *((f"conv_transpose{n}d", None) for n in (1, 2, 3)),
        *((name, None) for name in ("sigmoid", "tanh", "relu", "selu", "leaky_relu")),
        *(("leaky_relu", slope) for slope in (0, 0.2, 5**0.5)),
    ],
)
def test_calculate_gain(nonlinearity, param):
    ours = init.calculate_gain(nonlinearity, param)
    assert ours == torch.nn.init.calculate_gain(nonlinearity, param)


class Refused(NamedTuple):
    """A call that both refuse, and words that both messages have."""

    name: str
    call: Callable[[Any, Any], Any]  # call(library, init)
    words: str


REFUSED = [
    Refused("eye_", lambda lib, i: i.eye_(lib.ones(3)), "Only tensors with 2 dim"),
    Refused(
        "dirac_", lambda lib, i: i.dirac_(lib.ones(3, 3)), "Only tensors with 3, 4,"
    ),
    Refused(
        "dirac_ groups", lambda lib, i: i.dirac_(lib.ones(3, 3, 3), 2), "divisible by"
    ),
    Refused(
        "xavier", lambda lib, i: i.xavier_uniform_(lib.ones(3)), "fewer than 2 dim"
    ),
    Refused(
        "kaiming", lambda lib, i: i.kaiming_normal_(lib.ones(3)), "fewer than 2 dim"
    ),
    Refused(
        "mode", lambda lib, i: i.kaiming_normal_(lib.ones(3, 3), 0, "fan"), "Mode fan"
    ),
    Refused(
        "gain", lambda lib, i: i.calculate_gain("abc"), "Unsupported nonlinearity abc"
    ),
    Refused(
        "slope", lambda lib, i: i.calculate_gain("leaky_relu", True), "not a valid num"
    ),
    Refused("orthogonal_", lambda lib, i: i.orthogonal_(lib.ones(3)), "2 or more dim"),
    Refused(
        "sparse_", lambda lib, i: i.sparse_(lib.ones(3), 0.1), "Only tensors with 2"
    ),
]


@pytest.mark.parametrize("case", REFUSED, **names(REFUSED))
def test_errors(case):
    for lib in LIBRARIES:
        with pytest.raises(ValueError, match=case.words):
            case.call(lib, INITS[lib])


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda lib, i: i.kaiming_uniform_(lib.ones(0, 3)), UserWarning, "is a no-op"),
        (lambda lib, i: i.kaiming_normal_(lib.ones(3, 0)), UserWarning, "is a no-op"),
        (
            lambda lib, i: i.trunc_normal_(lib.ones(3), 5),
            UserWarning,
            "more than 2 std",
        ),
        (lambda lib, i: i.constant(lib.ones(3), 5), FutureWarning, "now deprecated in"),
        (
            lambda lib, i: i.xavier_normal(lib.ones(3, 3)),
            FutureWarning,
            "xavier_normal_",
        ),
    ],
)
def test_warnings(call, kind, words):
    for lib in LIBRARIES:
        with pytest.warns(kind, match=words) as caught:
            call(lib, INITS[lib])
        if lib is flambeau:
            assert caught[0].filename == __file__  # the user's line
