"""Layers of convolution, pooling and folding beside torch's, over the same records."""

from typing import Any

import numpy as np
import pytest
import torch
from cases_windows import CASES, Case

import flambeau
import flambeau.nn

Array = np.ndarray

SHARED = {name: case for name, case in CASES.items() if case.in_torch}
cases = pytest.mark.parametrize("case", SHARED.values(), ids=SHARED.keys())

# torch warns of the copy it makes where the kernel is even
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def made(library: Any, case: Case, **more: Any) -> Any:
    """Make a layer of one of the libraries from the same seed."""
    library.manual_seed(4)
    return case.make(library.nn, **more)


def run(library: Any, case: Case) -> dict[str, Array]:
    """Return results, and gradients of the input and the parameters, in float64."""
    layer = made(library, case, **double(library, case))
    x = library.tensor(case.input(), requires_grad=True)
    found = layer(x, **case.call)
    first, *others = found if isinstance(found, tuple) else (found,)
    weights = np.random.default_rng(5).standard_normal(tuple(first.shape))
    (first * library.tensor(weights)).sum().backward()
    tensors = {"output": first.detach(), "input gradient": x.grad}
    tensors |= {f"output {at}": each for at, each in enumerate(others, 1)}
    tensors |= {name: each.grad for name, each in layer.named_parameters()}
    return {name: each.numpy() for name, each in tensors.items()}


def double(library: Any, case: Case) -> dict[str, Any]:
    """Parameters of float64 for layers that have any."""
    return {"dtype": library.float64} if case.layer.startswith("Conv") else {}


def check_same(mine: dict[str, Array], wanted: dict[str, Array]) -> None:
    assert list(mine) == list(wanted)
    for name, each in mine.items():
        assert each.dtype == wanted[name].dtype, name
        np.testing.assert_allclose(each, wanted[name], rtol=0, atol=1e-12, err_msg=name)


@cases
def test_results_and_gradients(case: Case) -> None:
    check_same(run(flambeau, case), run(torch, case))


@cases
def test_initial_parameters_have_the_same_bits(case: Case) -> None:
    for options in ({}, {"dtype": "float64"}, {"dtype": "bfloat16"}):
        if options and not case.layer.startswith("Conv"):
            continue
        states = []
        for library in (flambeau, torch):
            more = {key: getattr(library, name) for key, name in options.items()}
            layer = made(library, case, **more)
            states.append({k: v.double() for k, v in layer.state_dict().items()})
        mine, wanted = states
        assert list(mine) == list(wanted)
        for name in mine:
            np.testing.assert_array_equal(mine[name].numpy(), wanted[name].numpy())


@cases
def test_printed_form(case: Case) -> None:
    assert repr(made(flambeau, case)) == repr(made(torch, case))


@cases
def test_state_moves_between_the_libraries(case: Case) -> None:
    mine, theirs = made(flambeau, case), case.make(torch.nn)
    state = {k: torch.tensor(v.numpy()) for k, v in mine.state_dict().items()}
    theirs.load_state_dict(state)
    x = case.input().astype(np.float32)
    results = [
        layer(library.tensor(x), **case.call)
        for library, layer in ((flambeau, mine), (torch, theirs))
    ]
    found, wanted = (each[0] if isinstance(each, tuple) else each for each in results)
    found, wanted = found.detach().numpy(), wanted.detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_the_check_sees_differences() -> None:
    one = {"a": np.ones(2)}
    check_same(one, {"a": np.ones(2)})
    for other in (
        {"b": np.ones(2)},
        {"a": np.ones(2) + 1e-11},
        {"a": np.ones(2, "f4")},
    ):
        with pytest.raises(AssertionError):
            check_same(one, other)


@pytest.mark.parametrize("layer", ["Conv1d", "Conv2d", "ConvTranspose2d"])
def test_draws_leave_the_stream_in_step(layer: str) -> None:
    rest = []
    for library in (flambeau, torch):
        library.manual_seed(11)
        getattr(library.nn, layer)(3, 5, 3)
        rest.append(library.rand(3).tolist())
    assert rest[0] == rest[1]


NAN = float("nan")


@pytest.mark.parametrize(
    "layer, options",
    [
        ("MaxPool2d", {"kernel_size": 3, "stride": 1, "return_indices": True}),
        ("AdaptiveMaxPool2d", {"output_size": (3, 2), "return_indices": True}),
        ("AvgPool2d", {"kernel_size": 3, "padding": 1}),
        ("AdaptiveAvgPool2d", {"output_size": (3, 2)}),
    ],
)
@pytest.mark.parametrize("special", [NAN, float("inf"), float("-inf")])
def test_special_values_stay_in_their_windows(
    layer: str, options: dict[str, Any], special: float
) -> None:
    x = np.ones((1, 1, 5, 5))
    x[0, 0, 1, 3] = x[0, 0, 3, 1] = x[0, 0, 3, 3] = special
    pair = []
    for library in (flambeau, torch):
        found = getattr(library.nn, layer)(**options)(library.tensor(x))
        listed = found if isinstance(found, tuple) else (found,)
        pair.append([each.numpy() for each in listed])
    for mine, wanted in zip(*pair, strict=True):
        np.testing.assert_array_equal(mine, wanted)
