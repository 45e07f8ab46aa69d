"""Parameters as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ...tensor import Tensor
from ...tensor.joining import cat

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all elements of several parameters in one vector, on their tape.

    Args:
        parameters: the parameters, in the vector's order.

    Shape: the sum of all sizes.

    Source: torch's page ``torch.nn.utils.parameters_to_vector``.

    Example:
        >>> import flambeau
        >>> parameters_to_vector([flambeau.ones(2), flambeau.zeros(1, 2)])
        tensor([1., 1., 0., 0.])
    """
    return cat([each.reshape(-1) for each in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Replace the values of several parameters by successive parts of a vector.

    Args:
        vec: the new values.
        parameters: the parameters, in the vector's order.

    Raises:
        TypeError: `vec` is no tensor.
        ValueError: the vector is shorter than the parameters together.

    Source: torch's page ``torch.nn.utils.vector_to_parameters``.

    Example:
        >>> import flambeau
        >>> weight = flambeau.zeros(1, 2)
        >>> vector_to_parameters(flambeau.tensor([3., 4.]), [weight])
        >>> weight
        tensor([[3., 4.]])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    needed = sum(each.numel() for each in parameters)
    if vec.numel() < needed:
        raise ValueError(
            f"vector_to_parameters: vec has {vec.numel()} elements, the parameters "
            f"have {needed}"
        )
    start = 0
    for each in parameters:
        each.data = vec.narrow(0, start, each.numel()).view(each.shape).data
        start += each.numel()
