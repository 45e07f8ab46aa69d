"""Grids of grey images, for the examples that have something to look at."""

from collections.abc import Sequence

import numpy as np


def save_grid(
    path: str, rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = ()
) -> None:
    """Save rows of images as one picture; without matplotlib, say what is missing.

    Args:
        path: the file; its ending is the format.
        rows: the images of each row, each (H, W); equally many in all rows.
        titles: what stands above the images of the first row.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"for {path}, install matplotlib: pip install matplotlib")
        return
    count = len(rows[0])
    side = max(1.2, 8 / count)  # inches
    figure = Figure((side * count, side * len(rows) + 0.3), layout="constrained")
    grid = figure.subplots(len(rows), count, squeeze=False)
    for axes, images in zip(grid, rows):
        for place, image in zip(axes, images):
            place.imshow(image, cmap="gray", interpolation="nearest")
            place.set(xticks=[], yticks=[])
    for place, title in zip(grid[0], titles):
        place.set_title(title)
    figure.savefig(path)
    print(f"saved {path}")
