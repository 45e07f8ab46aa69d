"""Resizing: the shape of an input and the options of a call, by name."""

from typing import Any

Case = tuple[tuple[int, ...], dict[str, Any]]

CASES: dict[str, Case] = {}


def add(mode: str, shape: tuple[int, ...], **options: Any) -> None:
    """Add a case; its name says everything."""
    words = [mode, "x".join(map(str, shape))]
    words += [f"{name} {value}" for name, value in options.items()]
    CASES[", ".join(words)] = (shape, {"mode": mode, **options})


for mode in ("nearest", "nearest-exact", "area"):
    add(mode, (2, 3, 5), size=8)
    add(mode, (2, 3, 5), size=3)
    add(mode, (2, 3, 4, 5), size=(8, 5))
    add(mode, (2, 3, 4, 5), size=(3, 11))
    add(mode, (2, 3, 4, 5), scale_factor=2)
    add(mode, (2, 3, 4, 5), scale_factor=(1.5, 0.75))
    add(mode, (2, 3, 4, 5), scale_factor=2.5, recompute_scale_factor=True)
    add(mode, (1, 2, 2, 3, 4), size=(3, 2, 9))
    add(mode, (1, 2, 2, 3, 4), scale_factor=3.0)

for mode, (shape, size) in {
    "linear": ((2, 3, 5), (8,)),
    "bilinear": ((2, 3, 4, 5), (7, 3)),
    "bicubic": ((2, 3, 4, 5), (7, 3)),
    "trilinear": ((1, 2, 2, 3, 4), (3, 2, 9)),
}.items():
    for corners in (False, True):
        add(mode, shape, size=size, align_corners=corners)
        add(mode, shape, size=1, align_corners=corners)
        add(mode, (*shape[:2], *(1 for _ in size)), size=3, align_corners=corners)
        add(mode, shape, scale_factor=2, align_corners=corners)
        add(mode, shape, scale_factor=1.75, align_corners=corners)
    add(mode, shape, scale_factor=1.75, recompute_scale_factor=True)
    add(mode, shape, size=shape[2:])

SMOOTH: dict[str, Case] = {
    f"{mode}, {shape} to {size}": (
        (2, 3, *shape),
        {"mode": mode, "size": size, "antialias": True},
    )
    for mode in ("bilinear", "bicubic", "lanczos")
    for shape, size in {
        (9, 14): (4, 5),
        (5, 4): (8, 9),
        (12, 7): (12, 3),
        (6, 6): (1, 7),
    }.items()
}
