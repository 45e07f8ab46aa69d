"""What the normalising layers share: a learned scale and shift."""

from __future__ import annotations

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor.creation import empty
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Affine", "parameter_names"]


class Affine(Module):
    """A weight, at first 1, and a bias, at first 0; either may be None."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_parameters(
        self,
        sizes: tuple[int, ...],
        names: tuple[str, ...],
        device: str | Device | None,
        dtype: DType | None,
    ) -> None:
        """Make the parameters that are named; the others are None."""
        for name in ("weight", "bias"):
            param = None
            if name in names:
                param = Parameter(empty(sizes, device=device, dtype=dtype))
            self.register_parameter(name, param)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


def parameter_names(affine: bool, bias: bool) -> tuple[str, ...]:
    """Return the parameters that a layer's two options ask for."""
    return (("weight", "bias") if bias else ("weight",)) if affine else ()
