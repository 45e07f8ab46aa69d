"""Derivatives along random directions, compared with central differences."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import flambeau
from flambeau import Tensor

Array = np.ndarray
Function = Callable[..., Tensor]


def leaves(arrays: Sequence[Array]) -> list[Tensor]:
    return [flambeau.tensor(each, requires_grad=True) for each in arrays]


def slope(function: Function, arrays: list[Array], along: list[Array]) -> float:
    """Return the central difference of a function that returns one number."""
    eps = 1e-5
    up, down = (
        function(*leaves([a + step * d for a, d in zip(arrays, along)])).item()
        for step in (eps, -eps)
    )
    return (up - down) / (2 * eps)


def derivative(function: Function, inputs: list[Tensor], along: list[Array]) -> Tensor:
    """Return the derivative along a direction, to be differentiated again."""
    found = flambeau.autograd.grad(function(*inputs), inputs, create_graph=True)
    return sum((g * flambeau.tensor(d)).sum() for g, d in zip(found, along))


def check_derivatives(function: Function, *arrays: Array, twice: bool = True) -> None:
    """Compare first and second derivatives of a float64 function with differences.

    Args:
        function: takes a tensor for each array, returns one tensor.
        arrays: where.
        twice: also check second derivatives.
    """
    generator = np.random.default_rng(1)

    def loss(*inputs: Tensor) -> Tensor:
        y = function(*inputs)
        weights = np.random.default_rng(2).standard_normal(tuple(y.shape))
        # squared, so that the second derivative sees every input of a linear function
        return (y * y * flambeau.tensor(weights)).sum()

    first, second = (
        [generator.standard_normal(each.shape) for each in arrays] for _ in range(2)
    )

    def along(*inputs: Tensor) -> Tensor:
        return derivative(loss, list(inputs), first)

    given = list(arrays)
    wanted = slope(loss, given, first)
    assert along(*leaves(given)).item() == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    if twice:
        wanted = slope(along, given, second)
        found = derivative(along, leaves(given), second).item()
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6)
