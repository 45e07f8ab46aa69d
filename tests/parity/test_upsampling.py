"""Resizing and shuffling beside torch's: values, gradients, picks, errors, layers."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional
from parity import both

import flambeau
import flambeau.nn.functional

Array = np.ndarray


def images(shape: tuple[int, ...], kind: str = "float64") -> Array:
    return np.random.default_rng(0).uniform(-2, 2, shape).astype(kind)


def resize(library: Any, x: Any, **options: Any) -> Any:
    return library.nn.functional.interpolate(x, **options)


def compared(kind: str, order: int, shape: tuple[int, ...], **options: Any) -> None:
    """Compare one call in a dtype; squared, so that second gradients are not 0."""

    def call(library: Any, x: Any) -> Any:
        y = resize(library, x.to(getattr(library, kind)), **options)
        return y * y if order else y

    both.check(both.Case("interpolate", call, (images(shape),), order))


MODES: dict[str, tuple[int, dict[str, Any]]] = {
    "nearest": (1, {"mode": "nearest"}),
    "nearest, images": (2, {"mode": "nearest"}),
    "nearest-exact": (3, {"mode": "nearest-exact"}),
    "area": (2, {"mode": "area"}),
    "linear": (1, {"mode": "linear"}),
    "linear, aligned": (1, {"mode": "linear", "align_corners": True}),
    "bilinear": (2, {"mode": "bilinear"}),
    "bilinear, aligned": (2, {"mode": "bilinear", "align_corners": True}),
    "bilinear, smooth": (2, {"mode": "bilinear", "antialias": True}),
    "bicubic": (2, {"mode": "bicubic"}),
    "bicubic, aligned": (2, {"mode": "bicubic", "align_corners": True}),
    "bicubic, smooth": (2, {"mode": "bicubic", "antialias": True}),
    "trilinear": (3, {"mode": "trilinear"}),
    "trilinear, aligned": (3, {"mode": "trilinear", "align_corners": True}),
    "lanczos": (2, {"mode": "lanczos", "antialias": True}),
}

modes = pytest.mark.parametrize("dims, options", MODES.values(), ids=MODES.keys())


@modes
def test_many_sizes(dims: int, options: dict[str, Any]) -> None:
    for n in (1, 2, 3, 6):
        shape = (1, 2, *range(n, n + dims))
        for size in (1, 2, 4, 9):
            compared("float64", 2, shape, size=size, **options)
            compared("float32", 0, shape, size=size, **options)


@modes
def test_many_factors(dims: int, options: dict[str, Any]) -> None:
    for factor in (0.5, 0.75, 1.0, 1.5, 1.7, 2, 3.25):
        for recompute in (None, True):
            options = options | {"recompute_scale_factor": recompute}
            shape = (1, 2, *range(3, 3 + dims))
            compared("float64", 2, shape, scale_factor=factor, **options)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_narrow_floats(kind: str) -> None:
    for dims, options in MODES.values():
        if not options.get("antialias"):  # torch does not filter 16-bit floats
            compared(kind, 0, (2, 3, *range(4, 4 + dims)), size=7, **options)


@pytest.mark.parametrize("size", [(4, 9), (13, 5), (1, 30)])
@pytest.mark.parametrize(
    "mode, antialias",
    [
        ("nearest", False),
        ("nearest-exact", False),
        ("bilinear", False),
        ("bilinear", True),
        ("bicubic", False),
        ("bicubic", True),
    ],
)
def test_bytes(mode: str, antialias: bool, size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 7, 8)).astype(np.uint8)
    options = {"size": size, "mode": mode, "antialias": antialias}
    found, wanted = (resize(lib, lib.tensor(x), **options) for lib in both.LIBRARIES)
    assert str(found.dtype) == str(wanted.dtype)
    # torch weighs in 16-bit fixed point, so that what lies between two may fall apart
    apart = np.abs(found.long().numpy() - wanted.long().numpy())
    assert apart.max() <= (1 if mode.startswith("bi") else 0)
    assert apart.mean() <= 0.1


# not float64: torch rounds places otherwise in each dimension and in the gradient
@pytest.mark.parametrize("kind", ["float32", "uint8", "bfloat16"])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_the_same_samples_are_nearest(mode: str, kind: str) -> None:
    given: list[Any] = [
        (out, None) for out in (1, 2, 3, 5, 7, 10, 33, 64, 101, 150, 300)
    ]
    given += [(None, by) for by in (0.3, 0.5, 0.7, 1.1, 1.37, 2, 2.3, 2.5, 3.7, 7.1)]
    for n in range(4, 100, 3):
        for size, by in given:
            found, wanted = (
                resize(
                    lib,
                    lib.arange(n).to(getattr(lib, kind)).view(1, 1, n, 1),
                    size=size and (size, 1),
                    scale_factor=by and (by, 1),
                    mode=mode,
                )
                for lib in both.LIBRARIES
            )
            assert found.long().tolist() == wanted.long().tolist(), (n, size, by)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
def test_factors_that_leave_a_size(mode: str) -> None:
    options = {"mode": mode, "scale_factor": (1.1, 2.5)}
    compared("float64", 2, (1, 2, 7, 4), **options)
    if mode.startswith("bi"):  # torch's gradient is that of another function here
        compared("float64", 0, (1, 2, 7, 4), **options, antialias=True)


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_deprecated_names(name: str) -> None:
    x, pair = images((1, 2, 3, 4)), []
    for library in both.LIBRARIES:
        with pytest.warns(UserWarning, match=f"{name}` is deprecated") as info:
            function = getattr(library.nn.functional, name)
            pair.append(function(library.tensor(x), scale_factor=2).numpy())
        assert info[0].filename == __file__
    both.assert_close(*pair, "torch.float64")


SHUFFLES = [
    both.Case(
        f"{name}({value}) of {shape}",
        lambda library, x, name=name, value=value: getattr(library.nn.functional, name)(
            x, value
        ),
        (images(shape),),
    )
    for name in ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
    for shape, value in [((1, 4, 4, 2), 2), ((9, 3, 6), 3), ((2, 1, 4, 4, 4), 1)]
]


@pytest.mark.parametrize("case", SHUFFLES, **both.names(SHUFFLES))
def test_shuffles(case: both.Case) -> None:
    both.check(case)


def interpolation(name: str, words: str, *shape: int, **options: Any) -> both.Error:
    return both.Error(
        name, lambda lib: resize(lib, lib.zeros(*shape), **options), words
    )


def shuffle(
    name: str, words: str, function: str, value: Any, *shape: int
) -> both.Error:
    return both.Error(
        name,
        lambda lib: getattr(lib.nn.functional, function)(lib.zeros(*shape), value),
        words,
    )


ONLY = "Only 3D, 4D and 5D input Tensors supported"
ERRORS = [
    interpolation("neither", "either size or scale_factor", 1, 1, 4),
    interpolation("both", "only one of size", 1, 1, 4, size=2, scale_factor=2),
    interpolation("size", "output size of (2,)", 1, 1, 4, 5, size=(2,)),
    interpolation("factor", "shape (2, 2)", 1, 1, 4, scale_factor=(2, 2)),
    interpolation("no batch", "same number of spatial", 3, 4, 5, size=(2, 2)),
    interpolation("float size", "", 1, 1, 4, size=2.5),
    interpolation("float in size", "", 1, 1, 4, 4, size=(2, 2.5)),
    interpolation("text factor", "", 1, 1, 4, scale_factor=("a",)),
    interpolation("infinite factor", "", 1, 1, 4, scale_factor=float("inf")),
    interpolation("undefined factor", "", 1, 1, 4, scale_factor=float("nan")),
    interpolation("size 0", "sizes should be greater than 0", 1, 1, 4, size=0),
    interpolation("size -1", "sizes should be greater than 0", 1, 1, 4, size=-1),
    interpolation("small", "sizes should be greater than 0", 1, 1, 4, scale_factor=0.1),
    interpolation("negative", "greater than 0", 1, 1, 4, scale_factor=-1),
    interpolation("no pixels", "greater than 0", 1, 1, 0, size=2),
    interpolation("no channels", "Non-empty 3D data tensor", 1, 0, 4, size=2),
    interpolation("mode", ONLY, 1, 1, 4, size=2, mode="cubic"),
    interpolation("1-d", ONLY, 4, scale_factor=2),
    interpolation("2-d", ONLY, 4, 4, scale_factor=2),
    interpolation("6-d", ONLY, 1, 1, 1, 1, 1, 4, scale_factor=2),
    interpolation("3-d bilinear", "needs 4D", 1, 1, 4, size=2, mode="bilinear"),
    interpolation("4-d linear", "needs 3D", 1, 1, 4, 4, size=2, mode="linear"),
    interpolation("4-d trilinear", "needs 5D", 1, 1, 4, 4, size=2, mode="trilinear"),
    interpolation("3-d bicubic", "", 1, 1, 4, size=2, mode="bicubic"),
    interpolation("corners", "align_corners", 1, 1, 4, size=2, align_corners=True),
    interpolation("scale", "not meaningful", 1, 1, 4, size=2, recompute_scale_factor=1),
    interpolation("smooth nearest", "Anti-alias", 1, 1, 4, 4, size=2, antialias=True),
    interpolation("lanczos", "requires antialias", 1, 1, 4, 4, size=2, mode="lanczos"),
    both.Error(
        "integers",
        lambda library: resize(library, library.arange(4).view(1, 1, 4), size=2),
        "not implemented for",
    ),
    shuffle("channels", "square of upscale_factor", "pixel_shuffle", 3, 1, 8, 4, 6),
    shuffle("dimensions", "at least 3 dimensions", "pixel_shuffle", 2, 4, 6),
    shuffle("factor 0", "positive upscale_factor", "pixel_shuffle", 0, 1, 8, 4, 6),
    shuffle("float factor", "", "pixel_shuffle", 2.0, 1, 8, 4, 6),
    shuffle("height", "expects height", "pixel_unshuffle", 3, 1, 4, 6),
    shuffle("width", "expects width", "pixel_unshuffle", 4, 1, 4, 6),
    shuffle("factor -1", "positive downscale_factor", "pixel_unshuffle", -1, 1, 4, 6),
    shuffle("groups", "divisible by groups", "channel_shuffle", 3, 1, 8, 4),
    shuffle("no groups", "must be positive", "channel_shuffle", 0, 1, 8, 4),
    shuffle("no image", "> 2 dims", "channel_shuffle", 2, 8, 4),
]


@pytest.mark.parametrize("case", ERRORS, **both.names(ERRORS))
def test_errors(case: both.Error) -> None:
    both.check_error(case)


LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Upsample", (), {"scale_factor": 2}),
    ("Upsample", (None, (2, 1.5), "bicubic", True, True), {}),
    ("Upsample", ((5, 6),), {"mode": "area"}),
    ("Upsample", (3, None, "bilinear"), {"align_corners": False}),
    ("UpsamplingNearest2d", (7,), {}),
    ("UpsamplingNearest2d", ((7, 5), None), {}),
    ("UpsamplingBilinear2d", (), {"scale_factor": 3}),
    ("UpsamplingBilinear2d", (None, (2, 3)), {}),
    ("PixelShuffle", (2,), {}),
    ("PixelUnshuffle", (2,), {}),
    ("ChannelShuffle", (4,), {}),
]


@pytest.mark.parametrize("name, given, options", LAYERS)
def test_layers(name: str, given: tuple[Any, ...], options: dict[str, Any]) -> None:
    mine, other = (getattr(lib.nn, name)(*given, **options) for lib in both.LIBRARIES)
    assert repr(mine) == repr(other)
    public = {k: v for k, v in vars(other).items() if not k.startswith("_")}
    assert {k: vars(mine)[k] for k in public} == public
    x = images((2, 8, 4, 6))
    found, wanted = mine(flambeau.tensor(x)), other(torch.tensor(x))
    both.assert_close(found.numpy(), wanted.numpy(), "torch.float64")
