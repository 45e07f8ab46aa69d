"""Layers that change the shape: flatten and unflatten."""

from __future__ import annotations

from collections.abc import Sequence

from ..tensor import Tensor
from .module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Merge a run of dimensions into one.

    Args:
        start_dim: the first of them; 1 leaves the batch alone.
        end_dim: the last of them.

    Shape: input (*, S_start, …, S_end, *); result (*, their product, *).

    Raises:
        IndexError: of the call: the input does not have these dimensions.

    Source: torch's page "torch.nn.Flatten".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Flatten()(torch.ones(4, 32, 16, 16)).shape
        torch.Size([4, 8192])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, flattened."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the two dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one dimension into several.

    Args:
        dim: the dimension.
        unflattened_size: the sizes it is split into; one of them may be -1.

    Shape: input (*, S, *); result (*, *unflattened_size, *).

    Raises:
        TypeError: the sizes are not ints.
        RuntimeError: of the call: the sizes do not multiply up to the dimension's.

    Source: torch's page "torch.nn.Unflatten"; dimensions have no names here.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Unflatten(1, (32, 16, 16))(torch.ones(4, 8192)).shape
        torch.Size([4, 32, 16, 16])
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                "unflattened_size must be a tuple of ints, but found type "
                f"{type(unflattened_size).__name__}"
            )
        for place, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {place}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with the dimension split."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the dimension and its sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
