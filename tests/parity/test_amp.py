"""Mixed precision beside live torch: dtypes of results, training, scaled losses."""

import warnings

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES

import flambeau

CALLS = {
    "linear": lambda lib, x: lib.nn.functional.linear(x, x),
    "matmul": lambda lib, x: x @ x.T,
    "mm": lambda lib, x: lib.mm(x, x.T),
    "addmm": lambda lib, x: lib.addmm(x @ x.T, x, x.T),
    "bmm": lambda lib, x: lib.bmm(x[None], x.T[None]),
    "conv1d": lambda lib, x: lib.nn.functional.conv1d(x[None], x[:, :, None]),
    "conv2d": lambda lib, x: lib.conv2d(x[None, None], x[None, None, :2, :2]),
    "add": lambda lib, x: x + x,
    "relu": lambda lib, x: (x @ x.T).relu(),
    "softmax": lambda lib, x: x.softmax(1),
    "mse_loss": lambda lib, x: lib.nn.functional.mse_loss(x @ x.T, x @ x.T),
    "cross_entropy": lambda lib, x: lib.nn.functional.cross_entropy(
        x @ x.T, lib.arange(4)
    ),
    "float64": lambda lib, x: x.double() @ x.T.double(),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", ["bfloat16", "float16", "off"])
def test_dtypes_and_values(name, kind):
    array = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    found = []
    for lib in LIBRARIES:
        x = lib.tensor(array)
        dtype = None if kind == "off" else getattr(lib, kind)
        with lib.autocast("cpu", dtype=dtype, enabled=kind != "off"):
            result = CALLS[name](lib, x)
        found.append((str(result.dtype), result.to(lib.float32).numpy()))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0.02, atol=0.03)


def test_switches():
    for lib in LIBRARIES:
        assert not lib.is_autocast_enabled("cpu")
        with lib.amp.autocast("cpu"):
            assert lib.is_autocast_enabled("cpu")
            assert lib.get_autocast_dtype("cpu") is lib.bfloat16
            with lib.autocast("cpu", enabled=False):
                assert not lib.is_autocast_enabled("cpu")
        assert not lib.is_autocast_enabled("cpu")
        assert lib.amp.is_autocast_available("cpu")
        decorated = lib.autocast("cpu")(lambda x: x @ x)
        assert decorated(lib.ones(2, 2)).dtype is lib.bfloat16
        with pytest.warns(UserWarning, match="Disabling"), lib.autocast("cuda"):
            assert (lib.ones(2, 2) @ lib.ones(2, 2)).dtype is lib.float32


def steps(lib, device):
    """Parameters and factors of a few steps, one of them with an infinite gradient."""
    weight = lib.nn.Parameter(lib.tensor([1.0, -2.0]))
    optimizer = lib.optim.SGD([weight], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scaler = lib.amp.GradScaler(device, init_scale=8.0, growth_interval=2)
    seen = []
    for factor in (1.0, 2.0, float("inf"), 0.5):
        optimizer.zero_grad()
        scaler.scale((weight * weight).sum() * factor).backward()
        if factor == 2.0:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        seen.append((weight.tolist(), scaler.get_scale(), scaler.state_dict()))
    return seen


@pytest.mark.parametrize("device", ["cpu"])
def test_scaled_losses(device):
    assert steps(flambeau, device) == steps(torch, device)


def test_a_scaler_for_gpus_does_nothing():
    for lib in LIBRARIES:
        with pytest.warns(UserWarning, match="Disabling"):
            scaler = lib.amp.GradScaler("cuda")
        assert not scaler.is_enabled() and scaler.state_dict() == {}
        loss = lib.ones(1)
        assert scaler.scale(loss) is loss and scaler.get_scale() == 1.0
