"""What is out of scope says so, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import flambeau
from flambeau import nn, scope

WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: flambeau.ones(1).to_sparse(), "out of scope: sparse tensors; leave"),
    (lambda: flambeau.ones(1).coalesce(), "out of scope: sparse tensors; leave"),
    (lambda: flambeau.sparse_coo_tensor([[0]], [1.0]), "sparse tensors; leave"),
    (lambda: flambeau.ones(1).int_repr(), "out of scope: quantization; compute"),
    (lambda: flambeau.quantize_per_tensor, "out of scope: quantization; compute"),
    (lambda: flambeau.qint8, "out of scope: quantization; compute"),
    (lambda: flambeau.ones(1).untyped_storage(), "the inside of torch's own"),
    (
        lambda: flambeau.ones(1).nope,
        "'Tensor' object has no attribute 'nope': docs/cover",
    ),
    (lambda: nn.Parameter(flambeau.ones(1)).nope, "'Parameter' object has no"),
    (
        lambda: flambeau.nope,
        "module 'flambeau' has no attribute 'nope': docs/cover",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_what_is_absent_says_why(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        call()


@pytest.mark.parametrize("name", ["cuda", "xpu", "ipu", "mtia"])
def test_modules_stay_on_the_cpu(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"device '{name}': flambeau runs on the"):
        getattr(nn.Linear(1, 1), name)()


def test_several_processes_are_refused() -> None:
    with pytest.raises(RuntimeError, match="several processes are out of scope; use"):
        nn.parallel.DistributedDataParallel(nn.Linear(1, 1))
    assert scope.absence("distributed", "init_process_group").startswith(
        ": docs/coverage.md tells what there is (out of scope: several processes"
    )


def test_modules_are_compiled_in_place() -> None:
    layer = nn.Linear(2, 1)
    image = flambeau.ones(1, 2)
    expected = layer(image).tolist()
    layer.compile(mode="max-autotune")
    assert list(layer.state_dict()) == ["weight", "bias"]
    with flambeau.no_grad():
        assert [layer(image).tolist() for _ in range(4)] == [expected] * 4
    assert layer.forward.replays == 2
