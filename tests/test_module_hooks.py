"""What happens around `forward`: hooks, and the notes that errors get."""

import itertools
import pickle
import traceback
import warnings

import pytest
from modules import Pair, Scale

import flambeau as torch
from flambeau import nn
from flambeau.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from flambeau.tensor.gradient_edge import RemovableHandle


def test_forward_hooks_run_in_order_and_replace():
    heard = []

    def listen(name):
        return lambda *args: heard.append(name)

    pair, one = Pair(), torch.ones(1)
    pair.register_forward_pre_hook(listen("pre"))
    pair.register_forward_pre_hook(listen("first"), prepend=True)
    pair.register_forward_hook(listen("after"), with_kwargs=True)
    pair.register_forward_hook(lambda m, args, output: output[0])
    with (
        register_module_forward_pre_hook(listen("all pre")),
        register_module_forward_hook(listen("all after")),
    ):
        assert pair(one, one, factor=3).item() == 3.0
    assert heard == ["all pre", "first", "pre", "all after", "after"]
    pair.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 5}), with_kwargs=True
    )
    assert pair(one, one).item() == 5.0
    pair.register_forward_pre_hook(lambda m, args, kwargs: 1, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a"):
        pair(one, one)


def test_a_hook_may_remove_itself():
    model, heard = Scale(), []

    def hook(*args):
        heard.append(1)
        handle.remove()

    handle = model.register_forward_hook(hook)
    model.register_forward_hook(lambda *args: heard.append(2))
    for _ in range(2):
        model(torch.ones(2))
    assert heard == [1, 2, 2]


def test_hooks_from_another_process_keep_their_places(monkeypatch):
    model, heard = Scale(), []
    model.register_forward_hook(lambda *args: heard.append("unpickled"))
    numbers = itertools.count(min(model._forward_hooks))  # as a new process counts
    monkeypatch.setattr(RemovableHandle, "_numbers", numbers)
    model.register_forward_hook(lambda *args: heard.append("own"))
    monkeypatch.setattr(RemovableHandle, "_numbers", itertools.count(0))
    with register_module_forward_hook(lambda *args: heard.append("every")):
        model(torch.ones(2))
    assert heard == ["every", "unpickled", "own"]


def test_a_hook_that_always_runs_sees_the_failure():
    heard = []
    model = Pair()
    model.register_forward_hook(lambda *args: heard.append("not this"))
    model.register_forward_hook(
        lambda m, args, output: heard.append(output), always_call=True
    )
    with pytest.raises(TypeError):
        model(1, "a")
    assert heard == [None]

    def fail(*args):
        raise ValueError("from the hook")

    model.register_forward_hook(fail, always_call=True)
    with pytest.warns(UserWarning, match="from the hook"), pytest.raises(TypeError):
        model(1, "a")


def test_backward_hooks_see_what_crosses_the_borders():
    heard = []
    pair = Pair()
    pair.register_full_backward_pre_hook(lambda m, go: heard.append(go))
    pair.register_full_backward_hook(lambda m, gi, go: heard.append(gi))
    a, b = (torch.ones(1, requires_grad=True) for _ in range(2))
    first, second = pair(a, b, factor=3)
    (first * 5 + second * 7).backward()
    [grad_output, grad_input] = heard
    assert [each.item() for each in grad_output] == [5.0, 7.0]
    assert [each.item() for each in grad_input] == [22.0, 7.0]
    assert (a.grad.item(), b.grad.item()) == (22.0, 7.0)


def test_backward_hooks_replace_gradients():
    pair = Pair()
    a, b = (torch.ones(1, requires_grad=True) for _ in range(2))
    pair.register_full_backward_pre_hook(lambda m, go: (go[0] * 2, go[1]))
    pair.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[1] * 10))
    first, second = pair(a, b)
    (first + second).backward()
    assert (a.grad.item(), b.grad.item()) == (3.0, 10.0)


def test_backward_hooks_can_be_differentiated_again():
    model = nn.Sequential(Scale(1))
    model.register_full_backward_hook(lambda m, gi, go: (gi[0] * gi[0],))
    x = torch.ones(1, requires_grad=True)
    (first,) = torch.autograd.grad(model(x) * x, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    # d(y x) with y = w x: the border squares w x, and y adds w x.
    assert first.item() == 2.0
    assert second.item() == 3.0


def test_global_backward_hooks_and_the_old_name():
    heard = []
    model = Scale(1)
    x = torch.ones(1, requires_grad=True)
    with (
        register_module_full_backward_pre_hook(lambda m, go: heard.append("pre")),
        register_module_full_backward_hook(lambda m, gi, go: heard.append("all")),
        model.register_backward_hook(lambda m, gi, go: heard.append("own")),
    ):
        model(x).backward()
    model(x).backward()
    assert heard == ["pre", "all", "own"]


def test_backward_hooks_without_differentiable_inputs():
    heard = []
    model = Scale(1)
    model.register_full_backward_hook(lambda m, gi, go: heard.append((gi, len(go))))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        model(torch.ones(1)).backward()
    assert heard == [((None,), 1)]
    assert model.weight.grad.item() == 1.0
    with torch.no_grad():
        model(torch.ones(1, requires_grad=True))
    model.register_full_backward_hook(lambda m, gi, go: (torch.ones(1),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="should always return None"):
            model(torch.ones(1)).backward()


@pytest.mark.parametrize("kind", ["hook", "pre_hook"])
def test_backward_hooks_return_as_many_gradients_as_they_got(kind):
    model = Scale(1)
    register = getattr(model, f"register_full_backward_{kind}")
    register(lambda *args: (None, None))
    with pytest.raises(RuntimeError, match="invalid number of grad_.*put, got 2"):
        model(torch.ones(1, requires_grad=True)).backward()


def test_a_result_that_is_no_tensor_gets_a_warning():
    class Named(nn.Module):
        def forward(self, x):
            return {"out": x}

    model = Named()
    model.register_full_backward_hook(lambda *args: None)
    with pytest.warns(UserWarning, match="Tensor or a tuple of Tensors"):
        assert list(model(torch.ones(1, requires_grad=True))) == ["out"]


# Errors


class Picky(nn.Module):
    """Raises the error it is given."""

    def forward(self, error):
        raise error

    def extra_repr(self):
        return "choosy=True"


def test_an_error_names_the_innermost_module_and_its_path():
    inner = nn.Sequential(nn.Sequential(Picky()))
    model = nn.ModuleDict({"head": inner})
    model.forward = lambda x: model["head"](x)
    error = ValueError("the message", 3)
    with pytest.raises(ValueError) as caught:
        model(error)
    assert caught.value is error
    assert error.args == ("the message", 3)
    assert error.__notes__ == ["In head.0.0 of ModuleDict: Picky(choosy=True)"]
    assert "In head.0.0 of ModuleDict" in traceback.format_exception(error)[-1]
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_a_module_alone_and_one_outside_the_tree_are_named_too():
    class Hidden(nn.Module):
        def forward(self, x):
            return [Picky()][0](x)

    for model in (Picky(), Hidden()):
        error = KeyError("key")
        with pytest.raises(KeyError):
            model(error)
        assert error.__notes__ == ["In Picky(choosy=True)"]


def test_the_error_of_an_operation_keeps_type_and_message():
    model = nn.Sequential(Scale(3))
    with pytest.raises(RuntimeError, match="size") as alone:
        torch.ones(2) * model[0].weight
    with pytest.raises(RuntimeError) as inside:
        model(torch.ones(2))
    assert str(inside.value) == str(alone.value)
    assert inside.value.__notes__ == ["In 0 of Sequential: Scale(3)"]


def test_a_module_without_forward_or_init_gets_its_error():
    with pytest.raises(NotImplementedError, match="Module .Module. is missing the req"):
        nn.Module()(1)

    class Unready(nn.Module):
        def __init__(self):
            """Forget super().__init__()."""

        def extra_repr(self):
            return self.unknown

    with pytest.raises(AttributeError, match="'Unready' object has no attribute"):
        Unready()(1)
