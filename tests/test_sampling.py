"""Reading at any places, and random windows, beside the table."""

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F


def test_the_default_of_the_corners_warns() -> None:
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.grid_sample(torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 3, 2))
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.affine_grid(torch.zeros(1, 2, 3), (1, 1, 3, 3))


def test_one_pixel_has_no_corners_to_align() -> None:
    with pytest.warns(UserWarning, match="unit-size grids"):
        grid = F.affine_grid(torch.eye(2, 3)[None], (1, 1, 1, 2), align_corners=True)
    assert grid.tolist() == [[[[-1, 0], [1, 0]]]]


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_the_grid_that_changes_nothing(mode: str, aligned: bool) -> None:
    x = torch.rand(2, 3, 4, 5)
    same = torch.eye(2, 3).expand(2, 2, 3)
    grid = F.affine_grid(same, x.shape, align_corners=aligned)
    found = F.grid_sample(x, grid, mode, align_corners=aligned)
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-5)


def test_places_without_a_number_read_nothing() -> None:
    grid = torch.tensor([[[[float("nan"), 0.0], [float("inf"), 0.0]]]])
    found = F.grid_sample(torch.ones(1, 1, 2, 2), grid, align_corners=False)
    np.testing.assert_array_equal(found, np.zeros((1, 1, 1, 2)))


def test_fractional_pools_can_be_undone() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    maxima, places = nn.FractionalMaxPool2d(2, 2, return_indices=True)(x)
    spread = torch.zeros(16).scatter(0, places.flatten(), maxima.flatten())
    kept = spread != 0
    assert kept.sum().item() == 4
    assert spread[kept].tolist() == x.flatten()[kept].tolist()


def test_fractional_pools_by_a_ratio() -> None:
    x = torch.rand(1, 2, 10, 7)
    assert F.fractional_max_pool2d(x, 2, output_ratio=(0.5, 0.6)).shape == (1, 2, 5, 4)
    pair = F.fractional_max_pool2d_with_indices(x, 2, 3)
    assert [each.shape for each in pair] == [(1, 2, 3, 3)] * 2
    volume = torch.rand(2, 5, 5, 5)
    found = F.fractional_max_pool3d_with_indices(volume, 2, output_ratio=0.5)
    assert found[0].shape == (2, 2, 2, 2)


def test_numbers_for_more_images_than_there_are() -> None:
    x, u = torch.rand(1, 2, 6, 6), torch.rand(3, 2, 2)
    found = F.fractional_max_pool2d(x, 2, 3, _random_samples=u)
    wanted = F.fractional_max_pool2d(x, 2, 3, _random_samples=u[:1])
    assert found.tolist() == wanted.tolist()
