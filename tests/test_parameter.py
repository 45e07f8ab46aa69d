"""Parameter and Buffer: their class, memory, gradients, copies and pickles."""

import copy
import pickle

import pytest

import flambeau as torch
from flambeau import nn


def test_a_parameter_prints_as_torch_prints_it():
    assert repr(nn.Parameter(torch.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )
    fixed = nn.Parameter(torch.ones(1), requires_grad=False)
    assert repr(fixed) == "Parameter containing:\ntensor([1.])"
    assert repr(nn.Parameter()) == (
        "Parameter containing:\ntensor([], requires_grad=True)"
    )


def test_operations_return_plain_tensors():
    parameter = nn.Parameter(torch.ones(2))
    assert isinstance(parameter, torch.Tensor)
    for each in (parameter + 1, parameter.detach(), parameter.data, parameter.clone()):
        assert type(each) is torch.Tensor
    assert type(nn.Parameter(parameter)) is nn.Parameter


def test_memory_is_shared_both_ways():
    values = torch.zeros(2)
    parameter = nn.Parameter(values)
    values.add_(1)
    with torch.no_grad():
        parameter.mul_(5)
    assert parameter.tolist() == values.tolist() == [5.0, 5.0]
    assert not values.requires_grad
    assert values.is_leaf


def test_views_of_a_parameter_collect_its_gradient_after_a_write():
    values = torch.zeros(3)
    parameter = nn.Parameter(values)
    view = parameter.view(3)
    part = view[1:]
    with torch.no_grad():
        parameter.add_(1)
        part.mul_(5)
    values[0] = 2
    assert view.tolist() == [2, 5, 5]
    assert not parameter.detach().requires_grad
    (view.sum() * part.sum()).backward()
    assert parameter.grad.tolist() == [10, 22, 22]
    parameter.data = torch.ones(3)
    values[1] = 7
    assert view.tolist() == [2, 7, 5]


def test_memory_stays_shared_with_another_view_of_a_tensor_that_is_gone():
    values = torch.zeros(2)
    seen, parameter = values.detach(), nn.Parameter(values)
    del values
    for expected in (1.0, 2.0):
        with torch.no_grad():
            parameter.add_(1)
        assert seen.tolist() == parameter.tolist() == [expected, expected]


def test_a_parameter_alone_on_its_memory_is_no_view():
    parameter = nn.Parameter(torch.zeros(2))
    with torch.no_grad():
        parameter.add_(1)
    assert parameter.tolist() == [1.0, 1.0]
    assert parameter._base is None
    assert parameter.requires_grad


def test_gradients_are_collected_also_when_made_under_no_grad():
    with torch.no_grad():
        parameter = nn.Parameter(torch.ones(2))
    (parameter * 3).backward(torch.ones(2))
    assert parameter.grad.tolist() == [3.0, 3.0]
    with torch.no_grad():
        parameter.sub_(parameter.grad)
    (parameter * parameter).backward(torch.ones(2))
    assert parameter.grad.tolist() == [-1.0, -1.0]


def test_a_parameter_of_a_computed_tensor_is_a_leaf():
    source = torch.ones(1, requires_grad=True)
    parameter = nn.Parameter(source * 2)
    (parameter * 3).backward()
    assert parameter.is_leaf
    assert source.grad is None


def test_writing_on_the_tape_is_refused():
    parameter = nn.Parameter(torch.ones(2))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        parameter.add_(1)
    assert parameter.tolist() == [1.0, 1.0]


def test_wrong_data_gets_an_error_with_the_fix():
    with pytest.raises(TypeError, match=r"write Parameter\(torch.tensor\(data\)\)"):
        nn.Parameter([1.0, 2.0])
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(torch.ones(2, dtype=torch.int64))
    whole = nn.Parameter(torch.ones(2, dtype=torch.int64), requires_grad=False)
    assert not whole.requires_grad


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_copies_are_parameters_of_their_own(copied, requires_grad):
    parameter = nn.Parameter(torch.ones(2), requires_grad)
    twin = copied(parameter)
    with torch.no_grad():
        twin.add_(1)
    assert type(twin) is nn.Parameter
    assert twin.requires_grad is requires_grad
    assert (parameter.tolist(), twin.tolist()) == ([1.0, 1.0], [2.0, 2.0])


def test_deepcopy_copies_a_shared_parameter_once_and_drops_its_gradient():
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    first, second = copy.deepcopy([parameter, parameter])
    assert first is second
    assert first.grad is None


def test_attributes_survive_pickling():
    parameter = nn.Parameter(torch.ones(2))
    parameter.group = "slow"
    assert pickle.loads(pickle.dumps(parameter)).group == "slow"


def test_subclasses_extend_new_as_in_torch():
    class Named(nn.Parameter):
        def __new__(cls, data, requires_grad=True, name=""):
            made = super().__new__(cls, data, requires_grad)
            made.name = name
            return made

    named = Named(torch.ones(1), name="gain")
    assert (type(named), named.name, named.requires_grad) == (Named, "gain", True)


def test_a_buffer_is_a_tensor_that_remembers_whether_to_be_saved():
    values = torch.ones(2)
    buffer = nn.Buffer(values, persistent=False)
    values.add_(1)
    assert repr(buffer) == "tensor([2., 2.])"
    assert not buffer.requires_grad
    for each in (copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer))):
        assert isinstance(each, nn.Buffer)
        assert not each.persistent
        assert each.tolist() == [2.0, 2.0]
    assert nn.Buffer().persistent


def test_a_new_parameter_is_a_value_once_what_it_shows_is_computed():
    """A step that reads it is then the same as after an update, and compiled once."""
    layer = nn.Linear(3, 2)
    torch.evaluate()
    torch.optim.SGD(layer.parameters(), lr=0.1)  # reads them: they are no views then
    for each in layer.parameters():
        assert each.node.value is not None
        assert each.is_leaf and each.requires_grad
