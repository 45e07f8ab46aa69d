"""Every layer and function of the table: values, dtypes, derivatives, printed forms."""

from typing import Any

import numpy as np
import pytest
from case import Array, Case, results, tensor
from cases import CASES
from slopes import check_derivatives

import flambeau.nn
from flambeau import Tensor


def selected(*conditions: Any) -> Any:
    """Parametrize a test over the records that meet all conditions."""
    chosen = {k: v for k, v in CASES.items() if all(test(v) for test in conditions)}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen.keys())


def is_determined(case: Case) -> bool:
    return case.meaning is not None


def has_floats(case: Case) -> bool:
    return case.is_module or any(each.dtype == np.float64 for each in case.inputs)


@pytest.fixture(autouse=True)
def seeded_flambeau(seeded: None) -> None:
    flambeau.manual_seed(0)


def state_of(layer: Any) -> dict[str, Array]:
    """Return the parameters and buffers by name, in float64."""
    if not hasattr(layer, "state_dict"):
        return {}
    found = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
    return {k: v.astype(np.float64) for k, v in found.items()}


def relative_error(found: Array, wanted: Array) -> float:
    """Return the L2 distance as a share of the wanted result's norm."""
    distance = np.linalg.norm(found.astype(np.float64) - wanted)
    return float(distance / max(np.linalg.norm(wanted), 1e-3))


def check_values(case: Case, dtype: str, tolerance: float) -> None:
    """Compare a layer of a dtype with its meaning in float64."""
    layer = case.make(flambeau, dtype)
    state = state_of(layer)
    found = results(case.run(flambeau, layer, case.tensors(flambeau, dtype)))
    for mine, wanted in zip(found, case.expected(state), strict=True):
        assert mine.shape == wanted.shape
        if wanted.dtype == np.int64:
            assert mine.dtype == np.int64
            np.testing.assert_array_equal(mine, wanted)
        else:
            made_from_floats = has_floats(case)
            kind = getattr(flambeau, dtype if made_from_floats else "float32")
            assert mine.dtype == kind.numpy
            assert relative_error(mine, wanted) <= tolerance


@selected(is_determined)
def test_values(case: Case) -> None:
    check_values(case, "float64", 1e-13 if has_floats(case) else 1e-7)
    check_values(case, "float32", 1e-6)


@selected(is_determined, has_floats)
@pytest.mark.parametrize("dtype, digits", [("float16", 2e-3), ("bfloat16", 2e-2)])
def test_narrow_floats(case: Case, dtype: str, digits: float) -> None:
    check_values(case, dtype, digits)


@selected(is_determined, has_floats, lambda case: case.smooth)
def test_derivatives(case: Case) -> None:
    layer = case.make(flambeau)
    module = layer if case.is_module else flambeau.nn.Identity()
    inputs = case.tensors(flambeau)
    varied = [at for at, each in enumerate(inputs) if each.requires_grad]
    values = [case.inputs[at] for at in varied]
    values += [each.detach().numpy().copy() for each in module.parameters()]
    owners = [
        (module.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2])
        for name, _ in module.named_parameters()
    ]

    def function(*given: Tensor) -> Tensor:
        for (owner, name), each in zip(owners, given[len(varied) :], strict=True):
            owner._parameters[name] = each  # type: ignore[assignment]
        for at, each in zip(varied, given):
            inputs[at] = each
        return case.run(flambeau, layer, inputs)[0]

    if values and values[0].size and case.options.get("max_norm") is None:
        check_derivatives(function, *values)


def test_the_derivative_check_sees_wrong_derivatives() -> None:
    class Off(flambeau.autograd.Function):
        """x cubed, with a first or a second derivative that is not its own."""

        @staticmethod
        def forward(ctx: Any, x: Tensor, right_once: bool) -> Tensor:
            ctx.save_for_backward(x)
            ctx.right_once = right_once
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (x,) = ctx.saved_tensors
            return (3 * x.detach() ** 2 if ctx.right_once else x) * g, None

    x = np.arange(1.0, 4.0)
    check_derivatives(lambda x: x**3, x)
    for right_once in (False, True):
        with pytest.raises(AssertionError):
            check_derivatives(lambda x, right=right_once: Off.apply(x, right), x)


def test_a_wrong_value_is_seen() -> None:
    relu = CASES["relu"]
    wrong = Case(relu.layer, relu.inputs, lambda state, x: np.maximum(x, 0) + 1e-5)
    with pytest.raises(AssertionError):
        check_values(wrong, "float32", 1e-6)
    shaped = Case(relu.layer, relu.inputs, lambda state, x: np.maximum(x, 0)[None])
    with pytest.raises(AssertionError):
        check_values(shaped, "float64", 1e-13)


def test_a_wrong_dtype_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES["relu"]
    relu = flambeau.nn.functional.relu
    monkeypatch.setattr(
        flambeau.nn.functional, "relu", lambda *args: relu(*args).float()
    )
    with pytest.raises(AssertionError):
        check_values(case, "float64", 1e-6)


def test_inputs_are_exact_in_every_float_type() -> None:
    for name, case in CASES.items():
        for array in case.inputs:
            if array.dtype == np.float64:
                for dtype in ("float16", "bfloat16"):
                    narrow = tensor(flambeau, array, dtype).double().numpy()
                    np.testing.assert_array_equal(narrow, array, err_msg=name)
