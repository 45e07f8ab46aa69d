"""Every layer and function of the table beside torch's."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from case import Array, Case, results
from cases import CASES

import flambeau.nn

LIBRARIES = (flambeau, torch)
SHARED = {name: case for name, case in CASES.items() if case.in_torch}
LAYERS = {name: case for name, case in SHARED.items() if case.is_module}

cases = pytest.mark.parametrize("case", SHARED.values(), ids=SHARED.keys())
layers = pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())

# torch warns where it takes a slower way
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
]


def made(library: Any, case: Case, *args: str, **more: Any) -> Any:
    """Make a layer of one of the libraries from the same seed."""
    library.manual_seed(4)
    return case.make(library, *args, **more)


def copied(state: dict[str, Any]) -> dict[str, Array]:
    """Return a state as arrays of its own."""
    return {name: each.double().numpy().copy() for name, each in state.items()}


def run(library: Any, case: Case) -> dict[str, Array]:
    """Return results, gradients and the state after a call, in float64."""
    layer = made(library, case)
    if case.is_module and library is torch:
        layer.load_state_dict(double_state(case))
    inputs = case.tensors(library)
    library.manual_seed(7)
    outputs = case.run(library, layer, inputs)
    tensors = {f"output {at}": each.detach() for at, each in enumerate(outputs)}
    sources = [each for each in outputs if each.requires_grad]
    if sources:
        generator = np.random.default_rng(5)
        weights = [generator.standard_normal(tuple(each.shape)) for each in sources]
        pairs = zip(sources, weights, strict=True)
        sum((each * library.tensor(w)).sum() for each, w in pairs).backward()
    tensors |= {f"input gradient {at}": x.grad for at, x in enumerate(inputs)}
    if case.is_module:
        tensors |= {name: each.grad for name, each in layer.named_parameters()}
        tensors |= {f"after: {k}": v for k, v in layer.state_dict().items()}
    tensors["next draw"] = library.rand(3)
    return {k: each.numpy() for k, each in tensors.items() if each is not None}


def double_state(case: Case) -> dict[str, torch.Tensor]:
    """Return flambeau's initial state: normal draws may differ by 4 ulp."""
    state = made(flambeau, case).state_dict()
    return {name: torch.tensor(each.numpy()) for name, each in state.items()}


def check_same(
    mine: dict[str, Array], wanted: dict[str, Array], digits: float = 1e-12
) -> None:
    assert list(mine) == list(wanted)
    for name, each in mine.items():
        assert each.dtype == wanted[name].dtype, name
        assert each.shape == wanted[name].shape, name
        exact = 1e-6 if each.dtype == np.float32 else digits
        np.testing.assert_allclose(
            each, wanted[name], rtol=exact, atol=exact, err_msg=name
        )


@cases
def test_results_gradients_and_state(case: Case) -> None:
    check_same(run(flambeau, case), run(torch, case), case.torch_digits)


@layers
def test_initial_state(case: Case) -> None:
    """Uniform draws have the same bits; those of Embedding are normal."""
    has_dtype = "dtype" in inspect.signature(getattr(torch.nn, case.layer)).parameters
    for dtype in ("float32", "float64", "bfloat16") if has_dtype else ("float32",):
        states = []
        for library in LIBRARIES:
            more = {"dtype": getattr(library, dtype)} if has_dtype else {}
            layer = made(library, case, dtype, **more)
            states.append(copied(layer.state_dict()))
        mine, wanted = states
        assert list(mine) == list(wanted)
        for name, each in mine.items():
            if case.layer == "Embedding":
                tolerance = 1e-2 if dtype == "bfloat16" else 1e-6
                np.testing.assert_allclose(each, wanted[name], tolerance, tolerance)
            else:
                np.testing.assert_array_equal(each, wanted[name])


@layers
def test_draws_leave_the_stream_in_step(case: Case) -> None:
    rest = []
    for library in LIBRARIES:
        made(library, case)
        rest.append(library.rand(3).tolist())
    assert rest[0] == rest[1]


@layers
def test_printed_form(case: Case) -> None:
    assert repr(made(flambeau, case)) == repr(made(torch, case))


@layers
def test_arguments(case: Case) -> None:
    mine, wanted = (
        inspect.signature(getattr(library.nn, case.layer)) for library in LIBRARIES
    )
    if [*wanted.parameters] == ["args", "kwargs"]:
        return  # torch does not say
    assert [*mine.parameters][: len(wanted.parameters)] == [*wanted.parameters]
    for name, each in wanted.parameters.items():
        assert plain(mine.parameters[name].default) == plain(each.default), name
        assert mine.parameters[name].kind == each.kind, name


def plain(default: Any) -> Any:
    """A default to be compared: functions by their names."""
    return default.__name__ if callable(default) else default


def result_types(library: Any, case: Case, dtype: str) -> list[str]:
    """Return the dtypes of the results for inputs of a dtype."""
    layer = made(library, case, dtype)
    found = case.run(library, layer, case.tensors(library, dtype))
    return [repr(each.dtype) for each in found]


@cases
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_floats_keep_their_type(case: Case, dtype: str) -> None:
    try:
        wanted = result_types(torch, case, dtype)
    except NotImplementedError:
        return  # torch has no such kernel
    assert result_types(flambeau, case, dtype) == wanted


@layers
def test_state_moves_between_the_libraries(case: Case) -> None:
    mine, theirs = made(flambeau, case), case.make(torch)
    theirs.load_state_dict(
        {k: torch.tensor(v.numpy()) for k, v in mine.state_dict().items()}
    )
    back = {k: flambeau.tensor(v.numpy()) for k, v in theirs.state_dict().items()}
    case.make(flambeau).load_state_dict(back)
    pair = []
    for library, layer in zip(LIBRARIES, (mine, theirs)):
        library.manual_seed(3)
        pair.append(results(case.run(library, layer, case.tensors(library))))
    for found, wanted in zip(*pair, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_the_check_sees_differences() -> None:
    one = {"a": np.ones(2)}
    check_same(one, {"a": np.ones(2)})
    for other in (
        {"b": np.ones(2)},
        {"a": np.ones(2) + 1e-11},
        {"a": np.ones(2, "f4")},
        {"a": np.ones((1, 2))},
        {},
    ):
        with pytest.raises(AssertionError):
            check_same(one, other)
