"""Pooling of special values beside torch's."""

from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn

NAN = float("nan")


@pytest.mark.parametrize(
    "layer, options",
    [
        ("MaxPool2d", {"kernel_size": 3, "stride": 1, "return_indices": True}),
        ("AdaptiveMaxPool2d", {"output_size": (3, 2), "return_indices": True}),
        ("AvgPool2d", {"kernel_size": 3, "padding": 1}),
        ("AdaptiveAvgPool2d", {"output_size": (3, 2)}),
    ],
)
@pytest.mark.parametrize("special", [NAN, float("inf"), float("-inf")])
def test_special_values_stay_in_their_windows(
    layer: str, options: dict[str, Any], special: float
) -> None:
    x = np.ones((1, 1, 5, 5))
    x[0, 0, 1, 3] = x[0, 0, 3, 1] = x[0, 0, 3, 3] = special
    pair = []
    for library in (flambeau, torch):
        found = getattr(library.nn, layer)(**options)(library.tensor(x))
        listed = found if isinstance(found, tuple) else (found,)
        pair.append([each.numpy() for each in listed])
    for mine, wanted in zip(*pair, strict=True):
        np.testing.assert_array_equal(mine, wanted)
