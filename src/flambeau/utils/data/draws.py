"""The random draws of samplers and transforms: in NumPy, in torch's order.

Every draw has the values, and takes the words of the stream, that torch's tensor of
the same draw has; a tensor for each image would cost more than the image.
"""

from __future__ import annotations

import numpy as np

from ...random import Generator, current_generator, integers, randint, uniform

__all__ = ["draw_integer", "draw_seed", "draw_uniform"]


def draw_seed(generator: Generator | None = None) -> int:
    """Draw a seed, as ``empty((), dtype=int64).random_()``."""
    return int(integers(generator or current_generator(), (), np.int64))


def draw_integer(high: int) -> int:
    """Draw from 0 to `high` - 1, as ``randint(0, high, (1,))``."""
    return int(randint(current_generator(), 0, high, ()))


def draw_uniform(low: float = 0.0, high: float = 1.0) -> np.float32:
    """Draw from [low, high), as ``empty(1).uniform_(low, high)``."""
    return uniform(current_generator(), (1,), np.float32, low, high)[0]
