"""How attention is computed; torch's `torch.nn.attention`. There is one way here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(IntEnum):
    """torch's ways to compute attention.

    Source: torch's page "torch.nn.attention.SDPBackend".
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[Any]:
    """Say in which ways attention may be computed: it has no effect.

    Args:
        backends: the ways.
        set_priority: try them in this order.

    Raises:
        AssertionError: what is given names no way (torch's type).

    Source: torch's page "torch.nn.attention.sdpa_kernel".

    Example:
        >>> from flambeau.nn.attention import SDPBackend, sdpa_kernel
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     pass
    """
    listed = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(listed, list) or not all(
        isinstance(each, SDPBackend) for each in listed
    ):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend "
            f"instances, got {backends!r}"
        )
    yield {}
