"""The generator used when none is named, and the functions of torch that steer it.

All threads share one, except those that were given one of their own: the workers of a
data loader, which stand for torch's processes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import ArrayLike

from .generator import Generator

default_generator = Generator()
default_generator.seed()


class _OfThread(threading.local):
    generator: Generator | None = None


_of_thread = _OfThread()


def current_generator() -> Generator:
    """Return what the calling thread draws from when no generator is named.

    Example:
        >>> current_generator() is default_generator
        True
    """
    return _of_thread.generator or default_generator


def use_generator(generator: Generator | None) -> None:
    """Give the calling thread a default generator of its own; None takes it back."""
    _of_thread.generator = generator


def manual_seed(seed: int) -> Generator:
    """Restart the default generator at `seed` and return it.

    Args:
        seed: anything `int()` accepts; see `Generator.manual_seed` for its range.

    Example:
        >>> manual_seed(0).initial_seed()
        0
    """
    return current_generator().manual_seed(int(seed))


def seed() -> int:
    """Restart the default generator at an unpredictable seed, and return that seed."""
    return current_generator().seed()


def initial_seed() -> int:
    """Return the seed the default generator was last started with."""
    return current_generator().initial_seed()


def get_rng_state() -> Any:
    """Return the state of the default generator; see `Generator.get_state`."""
    return current_generator().get_state()


def set_rng_state(new_state: ArrayLike) -> None:
    """Set the state of the default generator; see `Generator.set_state`."""
    current_generator().set_state(new_state)


@contextmanager
def fork_rng(devices: object = (), enabled: bool = True) -> Iterator[None]:
    """Put the default generator back, on leaving, to where it was on entering.

    Args:
        devices: ignored, as the CPU is the only device.
        enabled: False makes it do nothing.

    Example:
        >>> before = get_rng_state()
        >>> with fork_rng():
        ...     drawn = default_generator.words32(10)
        >>> bool((get_rng_state() == before).all())
        True
    """
    generator = current_generator()
    state = generator.get_state()
    try:
        yield
    finally:
        if enabled:
            generator.set_state(state)
