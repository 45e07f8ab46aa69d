"""Printed tensors beside live torch, over shapes, dtypes, magnitudes, options."""

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flambeau.tensor.formatting import format_tensor, set_printoptions

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]
SPECIAL = [0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e-4, 1e8]


def to_numpy(tensor):
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def formatted(tensor, suffixes=()):
    name = None if tensor.dtype == torch.float32 else str(tensor.dtype)
    return format_tensor(to_numpy(tensor), name, suffixes)


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 9), max_size=4))
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    low = draw(st.integers(-10, 10))
    magnitude = 10.0 ** rng.uniform(low, low + draw(st.integers(0, 6)), shape)
    values = np.asarray(magnitude * rng.choice([-1.0, 1.0], shape))
    if draw(st.booleans()):
        values = np.rint(values)
    special = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 1.0]))
    values = np.where(special, rng.choice(SPECIAL, shape), values)
    if not dtype.is_floating_point:
        values = np.nan_to_num(values, posinf=0, neginf=0).clip(-1e9, 1e9)
        return torch.tensor(values.astype(np.int64)).to(dtype)
    return torch.tensor(values).to(dtype)


print_options = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.sampled_from(["default", "short", "full"]),
        "precision": st.integers(0, 8),
        "threshold": st.integers(0, 300),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(10, 120),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


@pytest.fixture(autouse=True)
def _default_options():
    yield
    for set_options in (set_printoptions, torch.set_printoptions):
        set_options(profile="default")


@given(tensors(), print_options)
def test_same_text_as_torch(tensor, chosen):
    for set_options in (set_printoptions, torch.set_printoptions):
        set_options(profile="default")
        set_options(**chosen)
    assert formatted(tensor) == repr(tensor)


@pytest.mark.parametrize("size", [1, 10, 12, 13, 14, 30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_suffixes_as_torch(size, dtype):
    leaf = torch.arange(size, dtype=dtype).requires_grad_()
    value = leaf.detach()
    assert formatted(value, ["requires_grad=True"]) == repr(leaf)
    assert formatted(value, ["grad_fn=<MulBackward0>"]) == repr(leaf * 1)


def test_parameter_as_torch():
    parameter = torch.nn.Parameter(torch.eye(3))
    text = formatted(parameter.detach(), ["requires_grad=True"])
    assert "Parameter containing:\n" + text == repr(parameter)


@pytest.mark.parametrize("shape", [(1001,), (40, 40), (4, 5, 60), (1100, 1), (0, 3)])
def test_summary_as_torch(shape):
    tensor = torch.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    assert formatted(tensor) == repr(tensor)
