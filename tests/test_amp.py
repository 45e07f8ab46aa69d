"""Mixed precision: what autocast lowers and keeps, and how losses are scaled."""

from __future__ import annotations

import threading

import pytest

import flambeau as torch
from flambeau.nn import functional as F


def test_products_are_lowered_and_losses_kept() -> None:
    x = torch.rand(4, 4)
    with torch.autocast("cpu"):
        product = x @ x
        assert product.dtype is F.linear(x, x).dtype is torch.bfloat16
        assert (x + x).dtype is torch.float32
        assert F.cross_entropy(product, torch.arange(4)).dtype is torch.float32
        with torch.autocast("cpu", enabled=False):
            assert (x @ x).dtype is torch.float32
        with torch.autocast("cpu", dtype=torch.float16):
            assert (x @ x).dtype is torch.float16
    assert (x @ x).dtype is torch.float32
    expected = (x.bfloat16() @ x.bfloat16()).float()
    assert torch.equal(product.float(), expected)


def test_gradients_reach_float32_weights() -> None:
    layer = torch.nn.Linear(3, 2)
    with torch.autocast("cpu"):
        loss = F.mse_loss(layer(torch.ones(1, 3)), torch.zeros(1, 2))
    loss.backward()
    assert layer.weight.grad.dtype is torch.float32
    assert (layer.weight.grad != 0).any()


def test_the_switch_belongs_to_the_thread() -> None:
    seen = []
    with torch.autocast("cpu"):
        thread = threading.Thread(
            target=lambda: seen.append(torch.is_autocast_enabled("cpu"))
        )
        thread.start()
        thread.join()
        assert torch.is_autocast_enabled("cpu") and torch.is_autocast_cpu_enabled()
    assert seen == [False] and not torch.is_autocast_enabled("cpu")


def test_what_cannot_be_done_is_warned_about() -> None:
    with pytest.warns(UserWarning, match="only the CPU"):
        torch.autocast("cuda")
    with pytest.warns(UserWarning, match="not supported"):
        torch.autocast("cpu", dtype=torch.float64)
    with pytest.warns(UserWarning, match="only the CPU"):
        assert not torch.GradScaler().is_enabled()


def test_a_step_with_an_infinite_gradient_is_left_out() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1)
    scaler.scale((weight * float("inf")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == 1 and scaler.get_scale() == 2
    optimizer.zero_grad()
    scaler.scale(weight.sum()).backward()
    assert weight.grad.item() == 2
    scaler.unscale_(optimizer)
    assert weight.grad.item() == 1
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == 0.5 and scaler.get_scale() == 4
    other = torch.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 4
