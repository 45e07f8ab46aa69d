"""What programs for older and newer versions of torch ask of autograd and beside it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, Case, Error, check, check_error, names

import flambeau

POINTS = np.linspace(0.5, 2.0, 3)


def penalty(library: Any, x: Any) -> Any:
    """The penalty of a Wasserstein GAN, as most programs write it."""
    (slope,) = library.autograd.grad(
        outputs=x.exp(),
        inputs=x,
        grad_outputs=library.ones_like(x),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )
    return (slope.norm(2) - 1) ** 2


def batched(library: Any, x: Any) -> Any:
    rows = library.eye(3, dtype=library.float64)
    options = {"is_grads_batched": True, "create_graph": True}
    (found,) = library.autograd.grad(x.cumsum(0) ** 2, x, rows, **options)
    return found


def by_name(library: Any, x: Any) -> Any:
    y = x * 2
    found = library.autograd.grad((y * x).sum(), {"x": x, "y": y}, create_graph=True)
    return found["x"], found["y"]


def variable(library: Any, x: Any) -> Any:
    made = library.autograd.Variable(x, requires_grad=True)
    assert isinstance(made, library.autograd.Variable)
    (made * x).sum().backward()
    return made.grad, made.detach() * x


def sizes(library: Any, x: Any) -> Any:
    shape = library.Size([2, 3])
    return [made(shape) * 0 + 1 for made in (library.FloatTensor, library.LongTensor)]


def copies(library: Any, x: Any) -> Any:
    pairs = library.stack((x, -x), 1).detach()
    there = library.view_as_complex_copy(pairs)
    return library.view_as_real_copy(there), library.slice_copy(pairs, 0, 1, None, 2)


def windows(library: Any, x: Any) -> Any:
    options = {"dtype": library.float64}
    return [
        library.kaiser_window(5, **options),
        library.kaiser_window(6, False, 8.0, **options),
        library.kaiser_window(1, **options),
    ]


def ranges(library: Any, x: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            library.range(1, 4),
            library.range(0, 1, 0.25, dtype=library.float64),
            library.range(3, 1, -1, dtype=library.int64),
        ]


def buffers(library: Any, x: Any) -> Any:
    content = bytearray(range(12))
    return [
        library.frombuffer(content, dtype=library.int32),
        library.frombuffer(content, dtype=library.uint8, count=2, offset=3),
    ]


CASES = [
    Case("only_inputs", penalty, (POINTS,)),
    Case("is_grads_batched", batched, (POINTS,), 1),
    Case("inputs by name", by_name, (POINTS,)),
    Case("Variable", variable, (POINTS,), 1),
    Case("sizes", sizes, (POINTS,)),
    Case("copies", copies, (POINTS,)),
    Case("kaiser_window", windows, (POINTS,)),
    Case("range", ranges, (POINTS,)),
    Case("frombuffer", buffers, (POINTS,)),
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
def test_values_and_slopes(case: Case) -> None:
    check(case)


def not_a_number(library: Any) -> Any:
    x = library.zeros(2, requires_grad=True)
    with library.autograd.set_detect_anomaly(True):
        (x.sqrt() * 0).sum().backward()


def not_a_number_of_a_function(library: Any) -> Any:
    class Wrong(library.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * float("nan")

    x = library.zeros(2, requires_grad=True)
    with library.autograd.set_detect_anomaly(True):
        Wrong.apply(x).sum().backward()


def read(library: Any, size: int, **options: Any) -> Any:
    return library.frombuffer(bytearray(size), **options)


ERRORS = [
    Error(
        "NaN",
        not_a_number,
        "Function 'SqrtBackward0' returned nan values in its 0th output.",
    ),
    Error(
        "NaN of a Function",
        not_a_number_of_a_function,
        "Function 'WrongBackward' returned nan values in its 0th output.",
    ),
    Error(
        "Variable",
        lambda library: library.autograd.Variable([1.0]),
        "Variable data has to be a tensor, but got list",
    ),
    Error(
        "both names",
        lambda library: library.autograd.backward(
            library.ones(1, requires_grad=True) * 1,
            library.ones(1),
            grad_variables=library.ones(1),
        ),
        "arguments both passed to",
    ),
    Error(
        "bytes left",
        lambda library: read(library, 3, dtype=library.int32),
        "must be a multiple of element size (4)",
    ),
    Error(
        "offset",
        lambda library: read(library, 3, dtype=library.uint8, offset=9),
        "must be non-negative and no greater than buffer length (3 bytes) minus 1",
    ),
    Error(
        "count",
        lambda library: read(library, 3, dtype=library.uint8, count=9),
        "must not be greater than actual buffer length (3 bytes)",
    ),
    Error(
        "rates",
        lambda library: library.poisson(library.tensor([-1.0])),
        "invalid Poisson rate, expected rate to be non-negative",
    ),
    Error("range", lambda library: library.range(3), "range() missing 1 required"),
    Error(
        "rank",
        lambda library: list(sampler(library)(range(4), 2, 2)),
        "Invalid rank 2, rank should be in the interval [0, 1]",
    ),
]


@pytest.mark.filterwarnings("ignore:Error detected", "ignore:`grad_variables`")
@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case: Error) -> None:
    check_error(case)


def test_anomalies_are_looked_for_inside_only() -> None:
    for library in LIBRARIES:
        with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
            watched = library.autograd.detect_anomaly(check_nan=False)
        with watched:
            assert library.is_anomaly_enabled()
            assert not library.is_anomaly_check_nan_enabled()
        assert not library.is_anomaly_enabled()
        library.autograd.set_detect_anomaly(True)
        assert library.is_anomaly_enabled()
        library.autograd.set_detect_anomaly(False)


def test_what_is_deprecated_warns() -> None:
    for library in LIBRARIES:
        x = library.ones(1, requires_grad=True)
        with pytest.warns(FutureWarning, match="only_inputs argument is deprecated"):
            library.autograd.grad(x * 2, x, only_inputs=False)
        with pytest.warns(FutureWarning, match="`grad_variables` is deprecated"):
            library.autograd.backward(x * 2, grad_variables=library.ones(1))
        with pytest.warns(UserWarning, match="volatile was removed"):
            library.autograd.Variable(x, volatile=True)
        with pytest.warns(UserWarning, match="torch.range is deprecated"):
            library.range(0, 3)


@pytest.mark.parametrize("rate", [0.0, 0.3, 5.0, 10.0, 40.0, 1e4])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_poisson_draws_torchs_counts(rate: float, kind: str) -> None:
    drawn = []
    for library in LIBRARIES:
        library.manual_seed(3)
        rates = library.full((200,), rate, dtype=getattr(library, kind))
        drawn.append(library.poisson(rates).numpy())
    np.testing.assert_array_equal(*drawn)


def sampler(library: Any) -> Any:
    """The sampler for one of several processes."""
    if library is flambeau:
        return flambeau.utils.data.DistributedSampler
    return torch.utils.data.DistributedSampler


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("count", "replicas"), [(11, 3), (12, 4), (2, 5)])
def test_distributed_samplers_go_round(
    count: int, replicas: int, shuffle: bool, drop_last: bool
) -> None:
    for rank in range(replicas):
        visited = []
        for library in LIBRARIES:
            options = (replicas, rank, shuffle, 5, drop_last)
            made = sampler(library)(range(count), *options)
            made.set_epoch(2)
            visited.append((len(made), list(made)))
        assert visited[0] == visited[1]


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("cast", [None, "float32"])
def test_custom_functions_under_autocast(enabled: bool, cast: str | None) -> None:
    seen = []
    for library in LIBRARIES:
        kind = cast and getattr(library, cast)
        inside: list[str] = []

        class Product(library.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            @library.amp.custom_fwd(device_type="cpu", cast_inputs=kind)
            def forward(ctx: Any, a: Any, b: Any) -> Any:
                ctx.save_for_backward(a, b)
                return a.mm(b)

            @staticmethod
            @library.amp.custom_bwd(device_type="cpu")
            def backward(ctx: Any, grad: Any) -> Any:
                a, b = ctx.saved_tensors
                first = grad.mm(b.t())
                inside.append(str(first.dtype))  # noqa: B023
                return first.float(), a.t().mm(grad).float()

        a = library.ones(2, 2, requires_grad=True)
        with library.autocast("cpu", enabled=enabled):
            made = Product.apply(a, a)
        made.float().sum().backward()
        seen.append((str(made.dtype), inside, a.grad.tolist()))
    assert seen[0] == seen[1]


def test_scalers_tell_their_factors() -> None:
    found = []
    for library in LIBRARIES:
        scaler = library.amp.GradScaler("cpu")
        before = [
            getattr(scaler, f"get_{name}")()
            for name in ("growth_factor", "backoff_factor", "growth_interval")
        ]
        scaler.set_growth_factor(3.0)
        scaler.set_backoff_factor(0.25)
        scaler.set_growth_interval(7)
        state = scaler.state_dict()
        found.append((before, state["growth_factor"], state["backoff_factor"]))
        assert state["growth_interval"] == 7
    assert found[0] == found[1]


def test_gradcheck_takes_torchs_options() -> None:
    options = {"nondet_tol": 0.0, "fast_mode": True, "check_undefined_grad": False}
    for library in LIBRARIES:
        x = library.tensor(POINTS).requires_grad_()
        assert library.autograd.gradcheck(library.sin, (x,), **options)
        assert library.autograd.gradgradcheck(library.sin, (x,), **options)


def test_typenames() -> None:
    for library in LIBRARIES:
        assert library.typename(library.ones(1)) == "torch.FloatTensor"
        assert library.typename(3) == "int"
        assert not library.is_inference(library.ones(1))
        assert not library.is_conj(library.ones(1))


def test_default_types_by_their_old_names() -> None:
    flambeau.set_default_tensor_type("torch.DoubleTensor")
    assert flambeau.ones(1).dtype == flambeau.float64
    flambeau.set_default_tensor_type(flambeau.FloatTensor)
    assert flambeau.ones(1).dtype == flambeau.float32
    with pytest.raises(TypeError, match="there is one device, the CPU"):
        flambeau.set_default_tensor_type("torch.cuda.FloatTensor")


def types(library: Any, x: Any) -> Any:
    made = x.type(library.LongTensor), x.type("torch.FloatTensor"), x.type_as(x)
    return [*made, library.nn.Linear(1, 1).type(library.DoubleTensor).weight * 0]


def parts(library: Any, x: Any) -> Any:
    rows = library.stack((x, x * 2))
    found = [*rows.split(split_size=2, dim=1), *rows.split([1, 1])]
    more = library.split(tensor=rows, split_size_or_sections=1)
    return [*found, *more, rows.norm(2, 1, True, library.float64)]


NAMED = [Case("types", types, (POINTS,)), Case("parts", parts, (POINTS,))]


@pytest.mark.parametrize("case", NAMED, **names(NAMED))
def test_arguments_have_torchs_names(case: Case) -> None:
    check(case)


def test_what_is_no_type_is_refused() -> None:
    for library in LIBRARIES:
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            library.ones(1).to(library.LongTensor)
