"""The reverse walk, grad modes, hooks, custom Functions, gradient checks."""

import gc
import math

import numpy as np
import pytest

import flambeau as torch
from flambeau.autograd import Function, GradcheckError, gradcheck, gradgradcheck


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)


# backward and grad


def test_gradients_of_several_users_are_added(x):
    (x * x + 3 * x).sum().backward()
    assert x.grad.tolist() == [5, 7, 9]


def test_grad_accumulates_in_place(x):
    x.sum().backward()
    first = x.grad
    (2 * x).sum().backward()
    assert x.grad is first
    assert first.tolist() == [3, 3, 3]


def test_grad_returns_without_accumulating(x):
    (g,) = torch.autograd.grad((x**3).sum(), x)
    assert g.tolist() == [3, 12, 27]
    assert x.grad is None


def test_grad_by_an_inner_value(x):
    y = x * 2
    z = (y * y).sum()
    (g,) = torch.autograd.grad(z, y)
    assert g.tolist() == [4, 8, 12]


def test_second_and_third_derivatives(x):
    (first,) = torch.autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    assert second.tolist() == [12, 48, 108]
    assert third.tolist() == [24, 48, 72]


def test_weights_of_a_vector_output(x):
    (x * x).backward(torch.tensor([1.0, 0.0, 10.0], dtype=torch.float64))
    assert x.grad.tolist() == [2, 0, 60]


def test_backward_into_chosen_inputs_only(x):
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (x * w).sum().backward(inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [1, 2, 3]


def test_broadcast_operands_get_summed_gradients():
    a = torch.ones(2, 1, requires_grad=True)
    b = torch.ones(3, requires_grad=True)
    c = torch.tensor(2.0, requires_grad=True)
    (a * b * c).sum().backward()
    assert a.grad.tolist() == [[6], [6]]
    assert b.grad.tolist() == [4, 4, 4]
    assert c.grad.item() == 6


def test_casts_pass_gradients_in_the_input_dtype():
    x = torch.ones(2, requires_grad=True)
    (x.to(torch.float64) * 3).sum().backward()
    assert x.grad.dtype is torch.float32
    assert x.grad.tolist() == [3, 3]


def test_a_graph_of_twenty_thousand_ops():
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0001
    y.backward()
    assert x.grad.item() == pytest.approx(1.0001**20_000, rel=1e-10)
    del y
    gc.collect()


def test_second_backward_needs_retain_graph(x):
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4, 8, 12]
    with pytest.raises(RuntimeError, match="the graph a second time"):
        loss.backward()


def test_errors_of_backward(x):
    with pytest.raises(RuntimeError, match=r"for scalar outputs, got shape \(3,\)"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).backward()
    with pytest.raises(RuntimeError, match=r"grad_output\[0\] has a shape of"):
        (x * 2).backward(torch.ones(2))
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        torch.autograd.grad((x * 2).sum(), torch.ones(1, requires_grad=True))
    with pytest.raises(RuntimeError, match="cannot be empty"):
        x.sum().backward(inputs=[])


def test_unused_inputs_on_request(x):
    other = torch.ones(2, requires_grad=True)
    assert torch.autograd.grad(x.sum(), [other], allow_unused=True) == (None,)
    (zeros,) = torch.autograd.grad(x.sum(), [other], materialize_grads=True)
    assert zeros.tolist() == [0, 0]


# Leaves


def test_only_float_leaves_collect():
    with pytest.raises(RuntimeError, match=r"floating point .* got torch\.int64"):
        torch.ones(2, dtype=torch.int64).requires_grad_()
    y = torch.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="flags of leaf variables"):
        y.requires_grad = False


def test_grad_of_another_shape_is_refused(x):
    with pytest.raises(RuntimeError, match=r"different size: \(2,\) for .* \(3,\)"):
        x.grad = torch.ones(2)


def test_writing_to_a_leaf_needs_no_grad(x):
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1)
    before = x * 2
    with torch.no_grad():
        x.add_(10)
    assert x.is_leaf
    assert x.requires_grad
    assert x.tolist() == [11, 12, 13]
    (x * x).sum().backward()
    assert x.grad.tolist() == [22, 24, 26]
    assert before.tolist() == [2, 4, 6]


def test_writing_through_data_keeps_the_history(x):
    y = x * 2
    y.data.fill_(7)
    assert y.tolist() == [7, 7, 7]
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_assigning_data_keeps_the_leaf(x):
    x.data = torch.zeros(2)
    assert x.shape == (2,)
    assert x.requires_grad
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_saved_values_survive_in_place_writes(x):
    y = x * 1
    z = y.exp()
    y.zero_()
    (g,) = torch.autograd.grad(z.sum(), x)
    np.testing.assert_allclose(g.numpy(), np.exp([1, 2, 3]))


def test_in_place_on_a_result_is_differentiated(x):
    y = x * 2
    y *= y
    y.sum().backward()
    assert x.grad.tolist() == [8, 16, 24]


# Modes


def test_modes_nest_and_restore(x):
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        raise ZeroDivisionError
    assert torch.is_grad_enabled()


def test_modes_decorate(x):
    @torch.no_grad()
    def with_call(value):
        return value * 2

    @torch.no_grad
    def without_call(value):
        return value * 2

    assert not with_call(x).requires_grad
    assert not without_call(x).requires_grad
    assert with_call.__name__ == "with_call"


def test_set_grad_enabled_acts_at_once(x):
    torch.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_inference_mode(x):
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled()
        assert not (x * 2).requires_grad
        with torch.inference_mode(False):
            assert (x * 2).requires_grad
    assert not torch.is_inference_mode_enabled()


def test_detach_shares_memory(x):
    with torch.no_grad():
        x.detach().fill_(5)
    assert x.tolist() == [5, 5, 5]
    assert not x.detach().requires_grad


# Hooks


def test_hooks_on_leaves_and_inner_values(x):
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.tolist()))
    handle = x.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen == [[1, 1, 1]]
    assert x.grad.tolist() == [20, 20, 20]
    handle.remove()
    x.grad = None
    (x * 1).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_leaf_hook_sees_the_whole_gradient_once(x):
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [[5, 5, 5]]


def test_retain_grad(x):
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.retains_grad
    assert y.grad.tolist() == [4, 8, 12]


def test_post_accumulate_hook(x):
    x.register_post_accumulate_grad_hook(lambda leaf: setattr(leaf, "grad", None))
    x.sum().backward()
    assert x.grad is None
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_hooks_need_a_gradient():
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(1).register_hook(print)


def test_grad_fn_names_the_operation(x):
    y = (x * 2).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    assert y.grad_fn.next_functions[0][0].name() == "MulBackward0"
    assert x.grad_fn is None


# Custom functions


class TimesTwo(Function):
    @staticmethod
    def forward(ctx, value, factor):
        ctx.factor = factor
        ctx.save_for_backward(value)
        return value * factor, value + 1

    @staticmethod
    def backward(ctx, first, second):
        (value,) = ctx.saved_tensors
        assert value.requires_grad
        return ctx.factor * first + second, None


def test_function_with_two_outputs(x):
    a, b = TimesTwo.apply(x, 2)
    assert a.grad_fn.name() == "TimesTwoBackward"
    (a.sum() + 10 * b.sum()).backward()
    assert x.grad.tolist() == [12, 12, 12]


def test_function_output_without_gradient_counts_as_zeros(x):
    a, _ = TimesTwo.apply(x, 3)
    a.sum().backward()
    assert x.grad.tolist() == [3, 3, 3]


class Exp(Function):
    @staticmethod
    def forward(value):
        return value.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        (result,) = ctx.saved_tensors
        return g * result


def test_function_with_setup_context_differentiates_twice(x):
    assert gradcheck(Exp.apply, x)
    assert gradgradcheck(Exp.apply, x)


def test_function_records_nothing_without_need():
    assert not Exp.apply(torch.ones(2)).requires_grad


def test_function_errors(x):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"number of gradients \(expected 2"):
        Wrong.apply(x, x).sum().backward()

    class Misshapen(Wrong):
        @staticmethod
        def backward(ctx, g):
            return g, g.sum()

    with pytest.raises(RuntimeError, match=r"invalid gradient at index 1 - got \[\]"):
        Misshapen.apply(x, x).sum().backward()


# Gradient checks can fail


class WrongSine(Function):
    @staticmethod
    def forward(ctx, value):
        ctx.save_for_backward(value)
        return value.sin()

    @staticmethod
    def backward(ctx, g):
        (value,) = ctx.saved_tensors
        return g * value.cos() * 1.01


def test_gradcheck_finds_a_wrong_gradient(x):
    with pytest.raises(GradcheckError, match="output 0 with respect to input 0"):
        gradcheck(WrongSine.apply, x)
    assert not gradcheck(WrongSine.apply, x, raise_exception=False)


def test_gradcheck_needs_a_checked_input():
    with pytest.raises(ValueError, match="at least one input"):
        gradcheck(torch.sin, torch.ones(1))


# Every elementwise op, first and second derivative

INSIDE = {
    "log": (0.5, 2),
    "log2": (0.5, 2),
    "log10": (0.5, 2),
    "log1p": (-0.5, 2),
    "sqrt": (0.5, 2),
    "rsqrt": (0.5, 2),
    "reciprocal": (0.5, 2),
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "erfinv": (-0.9, 0.9),
    "tan": (-1.2, 1.2),
}
UNARY = [
    *INSIDE,
    *("exp", "exp2", "expm1", "sin", "cos", "sinh", "cosh", "tanh", "atan", "erf"),
    *("sigmoid", "relu", "abs", "square", "neg"),
    *("floor", "ceil", "trunc", "round", "sign"),
]


@pytest.mark.parametrize("name", UNARY)
def test_unary_derivatives(name):
    low, high = INSIDE.get(name, (-2, 2))
    # eight points that are no integers, where rounding would jump
    point = torch.tensor(np.linspace(low, high, 8) * 0.991).requires_grad_()
    function = getattr(torch, name)
    assert gradcheck(function, point)
    assert gradgradcheck(function, point)


BINARY = [
    *("add", "sub", "mul", "div", "pow", "atan2", "hypot"),
    *("maximum", "minimum", "fmod", "remainder"),
]


@pytest.mark.parametrize("name", BINARY)
def test_binary_derivatives(name):
    rng = np.random.default_rng(0)
    a = torch.tensor(rng.uniform(0.5, 2, (2, 3))).requires_grad_()
    b = torch.tensor(rng.uniform(2.1, 3, (3,))).requires_grad_()
    assert gradcheck(getattr(torch, name), (a, b))
    assert gradgradcheck(getattr(torch, name), (a, b))


def test_power_gradients_at_zero():
    base = torch.tensor([0.0, 0.0, 2.0], requires_grad=True)
    exponent = torch.tensor([0.0, 2.0, 0.0], requires_grad=True)
    (base**exponent).sum().backward()
    assert base.grad.tolist() == [0, 0, 0]
    assert exponent.grad.tolist() == [0, 0, pytest.approx(math.log(2))]


def test_relu_passes_nan_gradients_as_torch():
    x = torch.tensor([-1.0, 0.0, 1.0, math.nan], requires_grad=True)
    torch.relu(x).backward(torch.ones(4))
    assert x.grad.tolist() == [0, 0, 1, 1]


def test_where_and_clamp_gradients():
    x = torch.tensor([-2.0, -1.0, 0.5, 1.0, 3.0], requires_grad=True)
    x.clamp(-1, 1).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]
    x.grad = None
    torch.where(x > 0, x * x, -x).sum().backward()
    assert x.grad.tolist() == [-1, -1, 1, 2, 6]
