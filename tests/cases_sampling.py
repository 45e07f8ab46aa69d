"""Records of reading at the places of a grid, and of windows at random places."""

import numpy as np
import reference_sampling
from case import Array, Case, State, chances, grid


def sampled(
    sizes: tuple[int, ...],
    places: tuple[int, ...],
    mode: str = "bilinear",
    padding: str = "zeros",
    aligned: bool = False,
) -> Case:
    x = grid(2, 2, *sizes)
    at = grid(2, *places, len(sizes), seed=7)  # some of the places are outside

    def meaning(state: State, x: Array, at: Array) -> Array:
        return reference_sampling.grid_sample(x, at, mode, padding, aligned)

    options = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
    return Case("grid_sample", (x, at), meaning, options)


def affine(sizes: tuple[int, ...], aligned: bool) -> Case:
    size = (2, 3, *sizes)

    def meaning(state: State, theta: Array) -> Array:
        return reference_sampling.affine_grid(theta, size, aligned)

    theta = grid(2, len(sizes), len(sizes) + 1)
    options = {"size": size, "align_corners": aligned}
    return Case("affine_grid", (theta,), meaning, options)


def fractional(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    counts: tuple[int, ...],
    batch: tuple[int, ...] = (2,),
    given: bool = True,
) -> Case:
    """With the random numbers `given`, or drawn."""
    dims = len(sizes)
    shape = (*batch, 2, *sizes)
    count = int(np.prod(shape))
    order = np.random.default_rng(3).permutation(count)  # no two are equal
    x = ((order - count // 2) / 32).reshape(shape)
    samples = chances(*(batch or (1,)), 2, dims)
    name = f"FractionalMaxPool{dims}d"
    options = {
        "kernel_size": kernel,
        "output_size": counts,
        "return_indices": True,
    }
    if not given:
        return Case(name, (x,), None, options)

    def meaning(state: State, x: Array) -> tuple[Array, ...]:
        images = x.reshape(-1, *shape[-dims - 1 :])
        turned = samples[..., ::-1] if dims == 2 else samples
        found = reference_sampling.fractional_max_pool(images, kernel, counts, turned)
        return tuple(each.reshape(*batch, *each.shape[1:]) for each in found)

    made = options | {"_random_samples": samples}
    return Case(name, (x,), meaning, made)


CASES = {
    "grid_sample": sampled((3, 4), (2, 3)),
    "grid_sample, aligned": sampled((3, 4), (2, 3), aligned=True),
    "grid_sample, border": sampled((3, 4), (2, 3), padding="border"),
    "grid_sample, reflection": sampled((3, 5), (2, 3), padding="reflection"),
    "grid_sample, reflection, aligned": sampled(
        (3, 4), (2, 3), padding="reflection", aligned=True
    ),
    "grid_sample, nearest": sampled((3, 4), (3, 2), "nearest"),
    "grid_sample, nearest, border": sampled((3, 4), (3, 2), "nearest", "border"),
    "grid_sample, bicubic": sampled((3, 4), (2, 3), "bicubic"),
    "grid_sample, bicubic, border": sampled((3, 4), (2, 3), "bicubic", "border"),
    "grid_sample, bicubic, reflection, aligned": sampled(
        (3, 4), (2, 3), "bicubic", "reflection", True
    ),
    "grid_sample of volumes": sampled((2, 3, 2), (2, 1, 3)),
    "grid_sample of volumes, border, aligned": sampled(
        (2, 3, 3), (2, 1, 3), padding="border", aligned=True
    ),
    "grid_sample of volumes, nearest": sampled(
        (2, 3, 2), (2, 1, 3), "nearest", "reflection"
    ),
    "affine_grid": affine((2, 3), False),
    "affine_grid, aligned": affine((2, 3), True),
    "affine_grid of volumes": affine((2, 1, 3), False),
    "fractional_max_pool2d": fractional((5, 6), (2, 3), (3, 2)),
    "fractional_max_pool2d, one image": fractional((6, 5), (2, 2), (1, 3), ()),
    "fractional_max_pool3d": fractional((4, 3, 5), (2, 1, 2), (2, 2, 3)),
    "fractional_max_pool2d, drawn": fractional((5, 6), (2, 2), (3, 2), given=False),
    "fractional_max_pool3d, drawn": fractional(
        (4, 3, 5), (2, 1, 2), (2, 2, 3), given=False
    ),
}
