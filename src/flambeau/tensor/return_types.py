"""Named tuples of tensors, printed as torch prints them."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

__all__ = ["named_result"]


@cache
def named_result(name: str, fields: tuple[str, ...]) -> Any:
    """Return the tuple type of a function with several results.

    Args:
        name: the function, as in `torch.return_types.<name>`.
        fields: the names of the results, in order.

    Source: torch's page "torch.return_types".

    Example:
        >>> named_result("max", ("values", "indices"))(3, 1)
        torch.return_types.max(
        values=3,
        indices=1)
    """
    plain: Any = namedtuple(name, fields)  # type: ignore[misc]

    def text(self: Any) -> str:
        values = (f"{field}={value!r}" for field, value in zip(fields, self))
        return f"torch.return_types.{name}(\n" + ",\n".join(values) + ")"

    def reduce(self: Any) -> Any:
        return _rebuild, (name, fields, tuple(self))

    own = {"__slots__": (), "__repr__": text, "__reduce__": reduce}
    return type(name, (plain,), own)


def _rebuild(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Make a result again from what was pickled."""
    return named_result(name, fields)(*values)
