"""The arguments that say where and of which dtype a layer makes its tensors."""

from __future__ import annotations

from typing import Any

__all__ = ["factory_kwargs"]

_KNOWN = ("device", "dtype", "memory_format")


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """Return what of a layer's keyword arguments is meant for its tensors.

    Args:
        kwargs: `device`, `dtype` and `memory_format`, directly or in a dictionary named
            `factory_kwargs`.

    Raises:
        TypeError: another argument, or one that is given twice.

    Source: torch's function "torch.nn.factory_kwargs".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.factory_kwargs({"dtype": torch.float64})
        {'dtype': torch.float64}
    """
    given = dict(kwargs or {})
    found = dict(given.pop("factory_kwargs", {}))
    unknown = given.keys() - set(_KNOWN)
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    for name in _KNOWN:
        if name in given and name in found:
            raise TypeError(
                f"{name} specified twice, in **kwargs and in factory_kwargs"
            )
    return found | given
