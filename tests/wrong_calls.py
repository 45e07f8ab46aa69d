"""Wrong calls of layers and functions, with the error that each gets, as in torch."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """A call that is refused.

    Attributes:
        call: `call(torch, nn, F)` with the modules of one of the libraries.
        error: the type of the error.
        told: what the message and its notes say.
    """

    call: Callable[[Any, Any, Any], Any]
    error: type[Exception]
    told: tuple[str, ...]


ACTIVATION = {
    "relu of bools": Wrong(
        lambda torch, nn, F: nn.ReLU()(torch.tensor([True])),
        RuntimeError,
        ("Boolean inputs not supported for relu",),
    ),
    "relu6 of bools": Wrong(
        lambda torch, nn, F: nn.ReLU6()(torch.tensor([True])),
        RuntimeError,
        ("Bool inputs not supported for hardtanh",),
    ),
    "relu of a list": Wrong(
        lambda torch, nn, F: F.relu([1.0]),
        TypeError,
        ("relu: input must be a Tensor, got list",),
    ),
    "leaky relu of integers": Wrong(
        lambda torch, nn, F: nn.LeakyReLU()(torch.arange(3)),
        NotImplementedError,
        ("\"leaky_relu_cpu\" not implemented for 'Long'", ".float()"),
    ),
    "gelu by another name": Wrong(
        lambda torch, nn, F: nn.GELU("exact")(torch.zeros(2)),
        RuntimeError,
        ("approximate argument must be either none or tanh", "'exact'"),
    ),
    "gelu of integers": Wrong(
        lambda torch, nn, F: F.gelu(torch.arange(3)), NotImplementedError, ("Gelu",)
    ),
    "hardtanh, bounds exchanged": Wrong(
        lambda torch, nn, F: nn.Hardtanh(1, -1),
        AssertionError,
        ("max_val (-1) must be greater than min_val (1)",),
    ),
    "hardtanh, bounds exchanged, as a function": Wrong(
        lambda torch, nn, F: F.hardtanh(torch.zeros(2), 1, -1),
        ValueError,
        ("min_val cannot be greater than max_val", "1 and -1"),
    ),
    "prelu, other channels": Wrong(
        lambda torch, nn, F: nn.PReLU(4)(torch.zeros(2, 3)),
        RuntimeError,
        ("parameter numbers = 4 and channel size = 3", "(2, 3)"),
    ),
    "prelu, a matrix": Wrong(
        lambda torch, nn, F: F.prelu(torch.zeros(2, 3), torch.zeros(1, 3)),
        RuntimeError,
        ("prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2",),
    ),
    "prelu, other dtype": Wrong(
        lambda torch, nn, F: nn.PReLU()(torch.zeros(2, 3).double()),
        RuntimeError,
        ("prelu: Type promoting not supported. Got Double and Float",),
    ),
    "glu, odd": Wrong(
        lambda torch, nn, F: nn.GLU()(torch.zeros(2, 3)),
        RuntimeError,
        ("Halving dimension must be even, but dimension 1 is size 3", "(2, 3)"),
    ),
    "glu of a number": Wrong(
        lambda torch, nn, F: F.glu(torch.tensor(1.0)),
        RuntimeError,
        ("glu does not support scalars",),
    ),
    "softmax over a dimension that is not there": Wrong(
        lambda torch, nn, F: nn.Softmax(dim=2)(torch.zeros(2, 3)),
        IndexError,
        ("Dimension out of range (expected to be in range of [-2, 1], but got 2)",),
    ),
    "softmax of integers": Wrong(
        lambda torch, nn, F: F.softmax(torch.arange(3), 0),
        NotImplementedError,
        ("not implemented for 'Long'",),
    ),
    "softmax2d of a matrix": Wrong(
        lambda torch, nn, F: nn.Softmax2d()(torch.zeros(2, 3)),
        ValueError,
        ("Softmax2d: expected input to be 3D or 4D, got 2D instead",),
    ),
}

LINEAR = {
    "linear, other features": Wrong(
        lambda torch, nn, F: nn.Linear(8192, 10)(torch.zeros(64, 7200)),
        RuntimeError,
        (
            "mat1 and mat2 shapes cannot be multiplied (64x7200 and 8192x10)",
            "Linear expects 8192 input features (weight is 10 x 8192)",
            "got an input of shape (64, 7200)",
            "in_features=7200",
            "In Linear(in_features=8192",
        ),
    ),
    "linear, a smaller image flattened": Wrong(
        lambda torch, nn, F: nn.Linear(8192, 10)(
            torch.ones(64, 32, 15, 15).mul(2).flatten(1)
        ),
        RuntimeError,
        (
            "flattened from (64, 32, 15, 15), where 8192 features are those of "
            "(64, 32, 16, 16)",
        ),
    ),
    "linear, flattened from what no image gives": Wrong(
        lambda torch, nn, F: nn.Linear(96, 10)(
            torch.ones(2, 16, 3, 3).mul(2).flatten(1)
        ),
        RuntimeError,
        ("shape (2, 144), flattened from (2, 16, 3, 3); make the layer",),
    ),
    "linear, a number": Wrong(
        lambda torch, nn, F: F.linear(torch.tensor(1.0), torch.zeros(2, 1)),
        RuntimeError,
        ("both arguments to linear need to be at least 1D, but they are 0D and 2D",),
    ),
    "linear, other dtype": Wrong(
        lambda torch, nn, F: nn.Linear(3, 2)(torch.zeros(4, 3).double()),
        RuntimeError,
        ("to have the same dtype", ".to()"),
    ),
    "linear, three dimensions of weight": Wrong(
        lambda torch, nn, F: F.linear(torch.zeros(2, 3), torch.zeros(2, 4, 3)),
        RuntimeError,
        ("linear: weight must have 1 or 2 dimensions, got shape (2, 4, 3)",),
    ),
    "linear, bias of another size": Wrong(
        lambda torch, nn, F: F.linear(
            torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(5)
        ),
        RuntimeError,
        ("a bias of shape (5,) does not fit the result of shape (2, 4)", "(4,)"),
    ),
    "linear, bias of another dtype": Wrong(
        lambda torch, nn, F: F.linear(
            torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(4).double()
        ),
        RuntimeError,
        ("same dtype, but got Double and Float",),
    ),
    "bilinear, no features": Wrong(
        lambda torch, nn, F: nn.Bilinear(0, 2, 3),
        ValueError,
        ("in1_features must be > 0, but got (in1_features=0)",),
    ),
    "bilinear, other features": Wrong(
        lambda torch, nn, F: nn.Bilinear(2, 3, 4)(torch.zeros(5, 2), torch.zeros(5, 2)),
        RuntimeError,
        ("input2 size does not match weight size: got 2 but expected 3",),
    ),
    "flatten, no such dimension": Wrong(
        lambda torch, nn, F: nn.Flatten()(torch.zeros(3)), IndexError, ("out of range",)
    ),
    "unflatten to an int": Wrong(
        lambda torch, nn, F: nn.Unflatten(1, 6),
        TypeError,
        ("unflattened_size must be a tuple of ints, but found type int",),
    ),
    "unflatten to half a size": Wrong(
        lambda torch, nn, F: nn.Unflatten(1, (2, 1.5)),
        TypeError,
        ("found element of type float at pos 1",),
    ),
    "unflatten to other sizes": Wrong(
        lambda torch, nn, F: nn.Unflatten(1, (2, 2))(torch.zeros(2, 6)),
        RuntimeError,
        ("[2, 2]", "6"),
    ),
    "dropout, no probability": Wrong(
        lambda torch, nn, F: nn.Dropout(1.5),
        ValueError,
        ("dropout probability has to be between 0 and 1, but got 1.5",),
    ),
    "dropout, negative": Wrong(
        lambda torch, nn, F: F.dropout(torch.zeros(2), -0.1),
        ValueError,
        ("dropout probability has to be between 0 and 1, but got -0.1",),
    ),
    "dropout of integers": Wrong(
        lambda torch, nn, F: F.dropout(torch.arange(3)),
        RuntimeError,
        ("result type Float can't be cast to the desired output type Long",),
    ),
    "dropout1d of images": Wrong(
        lambda torch, nn, F: nn.Dropout1d()(torch.zeros(2, 3, 4, 5)),
        RuntimeError,
        ("dropout1d: Expected 2D or 3D input, but received a 4D input",),
    ),
    "embedding, index too large": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3)(torch.tensor([1, 5])),
        IndexError,
        (
            "index out of range in self: embedding got index 5",
            "table of 5 x 3 has rows 0 to 4",
            "In Embedding(5, 3)",
        ),
    ),
    "embedding, negative index": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3)(torch.tensor(-1)),
        IndexError,
        ("index out of range in self: embedding got index -1",),
    ),
    "embedding, index computed and too large": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3)(torch.tensor([1, 2]) * 3).tolist(),
        IndexError,
        ("embedding got index 6",),
    ),
    "embedding by floats": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3)(torch.zeros(2)),
        RuntimeError,
        ("scalar types: Long, Int; but got torch.FloatTensor", ".long()"),
    ),
    "embedding, no table": Wrong(
        lambda torch, nn, F: F.embedding(torch.tensor(1), torch.zeros(3)),
        RuntimeError,
        ("'weight' must be 2-D, got shape (3,)",),
    ),
    "embedding, padded outside": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3, padding_idx=5),
        AssertionError,
        ("Padding_idx must be within num_embeddings", "padding_idx=5 for 5"),
    ),
    "embedding, table of another shape": Wrong(
        lambda torch, nn, F: nn.Embedding(5, 3, _weight=torch.zeros(3, 5)),
        AssertionError,
        ("Shape of weight does not match num_embeddings and embedding_dim",),
    ),
    "embedding from a vector": Wrong(
        lambda torch, nn, F: nn.Embedding.from_pretrained(torch.zeros(3)),
        AssertionError,
        ("Embeddings parameter is expected to be 2-dimensional",),
    ),
    "one_hot, class too large": Wrong(
        lambda torch, nn, F: F.one_hot(torch.tensor([0, 3]), 3),
        RuntimeError,
        ("smaller than num_classes", "3 with num_classes=3"),
    ),
    "one_hot, negative class": Wrong(
        lambda torch, nn, F: F.one_hot(torch.tensor([0, -1])),
        RuntimeError,
        ("Class values must be non-negative", "-1"),
    ),
    "one_hot of floats": Wrong(
        lambda torch, nn, F: F.one_hot(torch.zeros(2)),
        RuntimeError,
        ("one_hot is only applicable to index tensor of type LongTensor",),
    ),
    "one_hot of nothing": Wrong(
        lambda torch, nn, F: F.one_hot(torch.zeros(0).long()),
        RuntimeError,
        ("Can not infer total number of classes from empty tensor",),
    ),
}

NORM = {
    "batch_norm, one image without a batch": Wrong(
        lambda torch, nn, F: nn.BatchNorm2d(3)(torch.zeros(3, 4, 4)),
        ValueError,
        (
            "expected 4D input (got 3D input)",
            "BatchNorm2d takes (N, C, H, W), not shape (3, 4, 4)",
            "unsqueeze(0)",
        ),
    ),
    "batch_norm1d of images": Wrong(
        lambda torch, nn, F: nn.BatchNorm1d(3)(torch.zeros(2, 3, 4, 4)),
        ValueError,
        ("expected 2D or 3D input (got 4D input)",),
    ),
    "batch_norm, other channels": Wrong(
        lambda torch, nn, F: nn.BatchNorm2d(3)(torch.zeros(2, 4, 5, 5)),
        RuntimeError,
        (
            "running_mean should contain 4 elements not 3",
            "the input of shape (2, 4, 5, 5) has 4 channels in dimension 1",
            "In BatchNorm2d(3, ",
        ),
    ),
    "batch_norm, one value": Wrong(
        lambda torch, nn, F: nn.BatchNorm1d(3)(torch.zeros(1, 3)),
        ValueError,
        (
            "Expected more than 1 value per channel when training, got input size "
            "torch.Size([1, 3])",
            "eval()",
        ),
    ),
    "batch_norm, no statistics": Wrong(
        lambda torch, nn, F: F.batch_norm(torch.zeros(2, 3), None, None),
        RuntimeError,
        ("running_mean must be defined in evaluation mode",),
    ),
    "batch_norm, eps of 0": Wrong(
        lambda torch, nn, F: F.batch_norm(
            torch.zeros(2, 3), None, None, training=True, eps=0.0
        ),
        ValueError,
        ("batch_norm eps must be positive during training, but got 0",),
    ),
    "batch_norm of a vector": Wrong(
        lambda torch, nn, F: F.batch_norm(torch.zeros(3), None, None, training=True),
        IndexError,
        ("shape (3,) has no dimension 1",),
    ),
    "batch_norm of integers": Wrong(
        lambda torch, nn, F: F.batch_norm(
            torch.zeros(2, 3).long(), None, None, training=True
        ),
        NotImplementedError,
        ("\"batch_norm\" not implemented for 'Long'",),
    ),
    "batch_norm, other dtype": Wrong(
        lambda torch, nn, F: nn.BatchNorm1d(3)(torch.zeros(2, 3).double()),
        RuntimeError,
        ("mixed dtype (CPU)", "scalar type of Double", "weight is Float"),
    ),
    "instance_norm, one place": Wrong(
        lambda torch, nn, F: nn.InstanceNorm1d(3)(torch.zeros(2, 3, 1)),
        ValueError,
        ("Expected more than 1 spatial element when training", "[2, 3, 1]"),
    ),
    "instance_norm of rows": Wrong(
        lambda torch, nn, F: nn.InstanceNorm2d(3)(torch.zeros(2, 3)),
        ValueError,
        ("expected 3D or 4D input (got 2D input)", "InstanceNorm2d"),
    ),
    "instance_norm, other channels": Wrong(
        lambda torch, nn, F: nn.InstanceNorm1d(3, affine=True)(torch.zeros(2, 4, 5)),
        ValueError,
        ("input's size at dim=1 to match num_features (3), but got: 4",),
    ),
    "instance_norm, no statistics": Wrong(
        lambda torch, nn, F: F.instance_norm(
            torch.zeros(2, 3, 4), use_input_stats=False
        ),
        RuntimeError,
        ("Expected running_mean and running_var to be defined",),
    ),
    "group_norm, groups that do not divide": Wrong(
        lambda torch, nn, F: nn.GroupNorm(3, 4),
        ValueError,
        ("num_channels (4) must be divisible by num_groups (3)",),
    ),
    "group_norm, other channels": Wrong(
        lambda torch, nn, F: nn.GroupNorm(2, 4)(torch.zeros(2, 6, 3)),
        RuntimeError,
        ("got weight of shape [4] and input of shape [2, 6, 3]",),
    ),
    "group_norm, channels that do not divide": Wrong(
        lambda torch, nn, F: F.group_norm(torch.zeros(2, 3), 2),
        RuntimeError,
        ("to be divisible by num_groups", "[2, 3] and num_groups=2"),
    ),
    "group_norm of a vector": Wrong(
        lambda torch, nn, F: F.group_norm(torch.zeros(4), 2),
        RuntimeError,
        ("Expected at least 2 dimensions for input tensor but received 1",),
    ),
    "group_norm, one value": Wrong(
        lambda torch, nn, F: F.group_norm(torch.zeros(1, 2, 1), 2),
        ValueError,
        ("Expected more than 1 value per channel when training",),
    ),
    "layer_norm, other sizes": Wrong(
        lambda torch, nn, F: nn.LayerNorm(3)(torch.zeros(2, 4)),
        RuntimeError,
        (
            "Given normalized_shape=[3], expected input with shape [*, 3], but got "
            "input of size[2, 4]",
        ),
    ),
    "layer_norm, no sizes": Wrong(
        lambda torch, nn, F: F.layer_norm(torch.zeros(2, 4), []),
        RuntimeError,
        ("Expected normalized_shape to be at least 1-dimensional",),
    ),
    "layer_norm, weight of other sizes": Wrong(
        lambda torch, nn, F: F.layer_norm(torch.zeros(2, 3), [3], torch.zeros(4)),
        RuntimeError,
        ("got weight of shape [4] and normalized_shape = [3]",),
    ),
    "layer_norm of integers": Wrong(
        lambda torch, nn, F: F.layer_norm(torch.zeros(2, 3).long(), [3]),
        NotImplementedError,
        ("not implemented for 'Long'",),
    ),
    "local_response_norm of rows": Wrong(
        lambda torch, nn, F: nn.LocalResponseNorm(3)(torch.zeros(2, 4)),
        ValueError,
        ("Expected 3D or higher dimensionality", "(got 2 dimensions)"),
    ),
    "local_response_norm of no channels": Wrong(
        lambda torch, nn, F: F.local_response_norm(torch.zeros(2, 4, 3), 0),
        RuntimeError,
        ("kernel_size must be positive, got (0, 1)",),
    ),
    "rms_norm, other sizes": Wrong(
        lambda torch, nn, F: nn.RMSNorm(3)(torch.zeros(2, 4)),
        RuntimeError,
        ("Given normalized_shape=[3]", "size[2, 4]"),
    ),
}

RESIZE = {
    "interpolate without a size": Wrong(
        lambda torch, nn, F: nn.Upsample()(torch.zeros(1, 2, 3)),
        ValueError,
        ("either size or scale_factor should be defined",),
    ),
    "interpolate to two sizes": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), 2, 2),
        ValueError,
        ("only one of size or scale_factor should be defined",),
    ),
    "interpolate, sizes for other dimensions": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), (2, 2)),
        ValueError,
        ("spatial dimensions of [3] and output size of (2, 2)",),
    ),
    "interpolate, scales for other dimensions": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), scale_factor=(2, 2)),
        ValueError,
        ("spatial dimensions of [3] and scale_factor of shape (2, 2)",),
    ),
    "interpolate, mode for other dimensions": Wrong(
        lambda torch, nn, F: nn.Upsample(8, mode="bilinear")(torch.zeros(1, 2, 3)),
        NotImplementedError,
        ("Got 3D input, but bilinear mode needs 4D input", "use 'linear'"),
    ),
    "interpolate, unknown mode": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), 2, mode="best"),
        NotImplementedError,
        ("Only 3D, 4D and 5D input Tensors supported (got 3D)", "(got best)"),
    ),
    "interpolate a matrix": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(2, 3), 2),
        NotImplementedError,
        ("Only 3D, 4D and 5D input Tensors supported (got 2D)",),
    ),
    "interpolate, nearest and aligned": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), 2, align_corners=True),
        ValueError,
        ("align_corners option can only be set with the interpolating modes",),
    ),
    "interpolate, nearest and smooth": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), 2, antialias=True),
        ValueError,
        ("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes",),
    ),
    "interpolate, lanczos alone": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3, 3), 2, mode="lanczos"),
        ValueError,
        ("Lanczos mode requires antialias=True",),
    ),
    "interpolate to nothing": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3), scale_factor=0.1),
        RuntimeError,
        ("Input and output sizes should be greater than 0", "(3,) and output (0,)"),
    ),
    "interpolate no channels": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 0, 3), 2),
        RuntimeError,
        ("Non-empty 3D data tensor expected", "[1, 0, 3]"),
    ),
    "interpolate integers": Wrong(
        lambda torch, nn, F: F.interpolate(torch.zeros(1, 2, 3).long(), 2),
        NotImplementedError,
        ("not implemented for 'Long'", ".float()"),
    ),
    "interpolate, a size as a scale": Wrong(
        lambda torch, nn, F: F.interpolate(
            torch.zeros(1, 2, 3), 2, recompute_scale_factor=True
        ),
        ValueError,
        ("recompute_scale_factor is not meaningful with an explicit size",),
    ),
    "pixel_shuffle, channels that do not divide": Wrong(
        lambda torch, nn, F: nn.PixelShuffle(2)(torch.zeros(1, 7, 3, 3)),
        RuntimeError,
        ("input.size(-3)=7 is not divisible by 4",),
    ),
    "pixel_shuffle by 0": Wrong(
        lambda torch, nn, F: F.pixel_shuffle(torch.zeros(1, 7, 3, 3), 0),
        RuntimeError,
        ("pixel_shuffle expects a positive upscale_factor, but got 0",),
    ),
    "pixel_shuffle of a matrix": Wrong(
        lambda torch, nn, F: F.pixel_shuffle(torch.zeros(3, 3), 2),
        RuntimeError,
        ("at least 3 dimensions, but got input with 2 dimension(s)",),
    ),
    "pixel_unshuffle, width that does not divide": Wrong(
        lambda torch, nn, F: nn.PixelUnshuffle(2)(torch.zeros(1, 4, 5)),
        RuntimeError,
        ("expects width to be divisible by downscale_factor", "size(-1)=5"),
    ),
    "channel_shuffle, channels that do not divide": Wrong(
        lambda torch, nn, F: nn.ChannelShuffle(2)(torch.zeros(1, 5, 3, 3)),
        RuntimeError,
        ("divisible by groups. Got 5 channels and 2 groups",),
    ),
    "channel_shuffle, no groups": Wrong(
        lambda torch, nn, F: F.channel_shuffle(torch.zeros(1, 4, 3, 3), 0),
        RuntimeError,
        ("must be positive. Value of groups:0",),
    ),
    "channel_shuffle of a matrix": Wrong(
        lambda torch, nn, F: F.channel_shuffle(torch.zeros(1, 4), 2),
        RuntimeError,
        ("expects input with > 2 dims, but got input with sizes [1, 4]",),
    ),
}
