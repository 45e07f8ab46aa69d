"""Parameters as one vector and back; torch's results are plain concatenation."""

import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn.utils import parameters_to_vector, vector_to_parameters


def test_there_and_back():
    model = nn.ParameterList([torch.ones(2, 3), torch.zeros(()), torch.ones(1) * 5])
    vector = parameters_to_vector(model.parameters())
    assert vector.tolist() == [1.0] * 6 + [0.0, 5.0]
    weights = list(model)
    vector_to_parameters(vector.detach() * 2 + 1, model.parameters())
    assert model[0].tolist() == [[3.0] * 3] * 2
    assert [each.item() for each in weights[1:]] == [1.0, 11.0]
    assert all(each.requires_grad and each.is_leaf for each in weights)


def test_the_vector_is_on_the_tape():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(1, 2))]
    (parameters_to_vector(weights) * torch.arange(4.0)).sum().backward()
    assert [each.grad.tolist() for each in weights] == [[0.0, 1.0], [[2.0, 3.0]]]


def test_a_vector_that_does_not_fit():
    with pytest.raises(ValueError, match="vec has 3 elements, the parameters have 4"):
        vector_to_parameters(torch.ones(3), [torch.ones(2, 2)])
    with pytest.raises(TypeError, match="expected torch.Tensor, but got: list"):
        vector_to_parameters([1.0], [torch.ones(1)])
