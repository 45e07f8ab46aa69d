"""Every test starts from the same random state."""

import random

import numpy as np
import pytest

import flambeau


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Seed the generators that a test may draw from."""
    random.seed(0)
    np.random.seed(0)
    flambeau.manual_seed(0)
