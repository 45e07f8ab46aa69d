"""Wrong calls of what reads at any places, with the error that each gets."""

from wrong_calls import Wrong

SAMPLING = {
    "grid_sample, another mode": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 3, 2), "cubic"
        ),
        ValueError,
        ("expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: 'cubic'",),
    ),
    "grid_sample, another padding": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 3, 2), padding_mode="circular"
        ),
        ValueError,
        ("expected padding_mode to be 'zeros', 'border', or 'reflection'",),
    ),
    "grid_sample, other batch": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2), torch.zeros(2, 3, 3, 2)
        ),
        RuntimeError,
        ("expected grid and input to have same batch size", "[2, 3, 3, 2]"),
    ),
    "grid_sample, other coordinates": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2), torch.zeros(1, 3, 3, 3)
        ),
        RuntimeError,
        ("expected grid to have size 2 in last dimension, but got grid with sizes",),
    ),
    "grid_sample of sequences": Wrong(
        lambda torch, nn, F: F.grid_sample(torch.zeros(1, 1, 2), torch.zeros(1, 3, 1)),
        RuntimeError,
        ("expected 5D input and grid with same number of dimensions",),
    ),
    "grid_sample of volumes, bicubic": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2, 2), torch.zeros(1, 3, 3, 3, 3), "bicubic"
        ),
        RuntimeError,
        ("bicubic interpolation only supports 4D input",),
    ),
    "grid_sample of nothing": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 0, 2), torch.zeros(1, 3, 3, 2)
        ),
        RuntimeError,
        ("expected input to have non-empty spatial dimensions", "dimension 2"),
    ),
    "grid_sample, other dtype": Wrong(
        lambda torch, nn, F: F.grid_sample(
            torch.zeros(1, 1, 2, 2).double(), torch.zeros(1, 3, 3, 2)
        ),
        RuntimeError,
        ("expected scalar type Double but found Float",),
    ),
    "affine_grid of integers": Wrong(
        lambda torch, nn, F: F.affine_grid(torch.zeros(1, 2, 3).long(), (1, 1, 3, 3)),
        ValueError,
        ("Expected theta to have floating point type, but got torch.int64",),
    ),
    "affine_grid, other matrices": Wrong(
        lambda torch, nn, F: F.affine_grid(torch.zeros(1, 3, 3), (1, 1, 3, 3)),
        ValueError,
        ("Expected a batch of 2D affine matrices of shape Nx2x3 for size",),
    ),
    "affine_grid, other batch": Wrong(
        lambda torch, nn, F: F.affine_grid(torch.zeros(1, 2, 3), (2, 1, 3, 3)),
        RuntimeError,
        (),
    ),
    "affine_grid of sequences": Wrong(
        lambda torch, nn, F: F.affine_grid(torch.zeros(1, 2, 3), (1, 1, 3)),
        NotImplementedError,
        ("affine_grid only supports 4D and 5D sizes",),
    ),
    "affine_grid of nothing": Wrong(
        lambda torch, nn, F: F.affine_grid(torch.zeros(1, 2, 3), (1, 1, 3, 0)),
        ValueError,
        ("Expected non-zero, positive output size. Got (1, 1, 3, 0)",),
    ),
    "fractional pool, neither size nor ratio": Wrong(
        lambda torch, nn, F: F.fractional_max_pool2d(torch.zeros(1, 1, 4, 4), 2),
        ValueError,
        ("requires specifying either an output_size or an output_ratio",),
    ),
    "fractional pool, too many windows": Wrong(
        lambda torch, nn, F: F.fractional_max_pool2d(torch.zeros(1, 1, 4, 4), 2, 4),
        RuntimeError,
        ("pool height 2 too large relative to input height 4",),
    ),
    "fractional pool, other samples": Wrong(
        lambda torch, nn, F: F.fractional_max_pool2d(
            torch.zeros(1, 1, 4, 4), 2, 2, _random_samples=torch.zeros(1, 1, 3)
        ),
        RuntimeError,
        ("Expect _random_samples.size(2) equals to 2; got 3",),
    ),
    "fractional pool layer, neither size nor ratio": Wrong(
        lambda torch, nn, F: nn.FractionalMaxPool3d(2),
        ValueError,
        ("requires specifying either an output size, or a pooling ratio",),
    ),
    "fractional pool layer, both": Wrong(
        lambda torch, nn, F: nn.FractionalMaxPool2d(2, 3, 0.5),
        ValueError,
        ("only one of output_size and output_ratio may be specified",),
    ),
    "fractional pool layer, another ratio": Wrong(
        lambda torch, nn, F: nn.FractionalMaxPool2d(2, output_ratio=1.5),
        ValueError,
        ("output_ratio must be between 0 and 1 (got 1.5)",),
    ),
}
