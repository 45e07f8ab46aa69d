"""Wrong calls of losses with a linear layer, and of bags of vectors."""

from wrong_calls import Wrong

LINEAR_LOSS = {
    "linear cross_entropy, other features": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2)(
            torch.zeros(4, 5), torch.zeros(4).long()
        ),
        RuntimeError,
        ("last dimensions (in_features), got 5 and 3, respectively",),
    ),
    "linear cross_entropy, three dimensions": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2)(
            torch.zeros(4, 5, 3), torch.zeros(4).long()
        ),
        RuntimeError,
        ("expected input with dimensionality 1 or 2, got 3",),
    ),
    "linear cross_entropy, a vector as weight": Wrong(
        lambda torch, nn, F: F.linear_cross_entropy(
            torch.zeros(4, 3), torch.zeros(3), torch.zeros(4).long()
        ),
        RuntimeError,
        ("expected linear_weight with dimensionality at least 2, got 1",),
    ),
    "linear cross_entropy, another bias": Wrong(
        lambda torch, nn, F: F.linear_cross_entropy(
            torch.zeros(4, 3),
            torch.zeros(2, 3),
            torch.zeros(4).long(),
            linear_bias=torch.zeros(3),
        ),
        RuntimeError,
        ("expected linear_bias shape (2,), got (3,)",),
    ),
    "linear cross_entropy, one sample with places": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2, out_features=(4,))(
            torch.zeros(3), torch.zeros(4).long()
        ),
        RuntimeError,
        ("requires batched input, (N, 3), got unbatched input with shape",),
    ),
    "linear cross_entropy, ignoring a class of probabilities": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2, ignore_index=1)(
            torch.zeros(4, 3), torch.zeros(4, 2)
        ),
        RuntimeError,
        ("ignore_index cannot be specified when target contains probabilities",),
    ),
    "linear cross_entropy, other weights": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2, weight=torch.ones(3)),
        RuntimeError,
        ("expected weight shape to be (2,), got (3,)",),
    ),
    "linear cross_entropy, smoothed too much": Wrong(
        lambda torch, nn, F: nn.LinearCrossEntropyLoss(3, 2, label_smoothing=2.0),
        RuntimeError,
        ("expected label_smoothing to be in range [0, 1], got 2.0",),
    ),
    "adaptive softmax without cutoffs": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, []),
        ValueError,
        ("cutoffs should be a sequence of length larger than 0",),
    ),
    "adaptive softmax, cutoffs that decrease": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5, 3]),
        ValueError,
        ("unique, positive integers sorted in an increasing order", "[5, 3]"),
    ),
    "adaptive softmax, cutoff at the end": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5, 10]),
        ValueError,
        ("where each value is between 1 and n_classes-1",),
    ),
    "adaptive softmax, target outside": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(
            torch.zeros(2, 8), torch.tensor([3, 10])
        ),
        RuntimeError,
        ("Target values should be in [0, 9]", "10 was found"),
    ),
    "adaptive softmax, other batch": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(
            torch.zeros(2, 8), torch.tensor([3])
        ),
        RuntimeError,
        ("should have the same size in the batch dimension, got 2 and 1",),
    ),
    "adaptive softmax, a matrix of targets": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(
            torch.zeros(2, 8), torch.zeros(2, 1).long()
        ),
        RuntimeError,
        ("0D or 1D target tensor expected, multi-target not supported",),
    ),
    "adaptive softmax, one target for rows": Wrong(
        lambda torch, nn, F: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(
            torch.zeros(2, 8), torch.tensor(1)
        ),
        RuntimeError,
        ("0D target tensor expects 1D input tensors, but found inputs with size",),
    ),
    "bags without offsets": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3)(torch.tensor([1, 2])),
        ValueError,
        ("offsets has to be a 1D Tensor but got None",),
    ),
    "bags in rows and offsets": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3)(
            torch.tensor([[1, 2]]), torch.tensor([0])
        ),
        ValueError,
        ("if input is 2D, then offsets has to be None",),
    ),
    "bags in three dimensions": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3)(torch.zeros(1, 1, 1).long()),
        ValueError,
        ("input has to be 1D or 2D Tensor, but got Tensor of dimension 3",),
    ),
    "bags of another mode": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3, mode="min")(torch.tensor([[1]])),
        ValueError,
        ("mode has to be one of sum, mean or max",),
    ),
    "bags, largest by frequency": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3, mode="max", scale_grad_by_freq=True)(
            torch.tensor([[1]])
        ),
        ValueError,
        ("max mode does not support scaling the gradient by the frequency",),
    ),
    "bags, weighted means": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3)(
            torch.tensor([[1, 2]]), per_sample_weights=torch.ones(1, 2)
        ),
        NotImplementedError,
        ("per_sample_weights is only supported for mode='sum' (got mode='mean')",),
    ),
    "bags, weights of other samples": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3, mode="sum")(
            torch.tensor([[1, 2]]), per_sample_weights=torch.ones(2)
        ),
        ValueError,
        ("then it must have the same shape as the input",),
    ),
    "bags, offsets that begin late": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3)(
            torch.tensor([1, 2]), torch.tensor([1])
        ),
        RuntimeError,
        ("offsets[0] has to be 0", "However, got 1"),
    ),
    "bags, padding outside": Wrong(
        lambda torch, nn, F: nn.EmbeddingBag(7, 3, padding_idx=7),
        AssertionError,
        ("must be within num_embeddings",),
    ),
    "sync batch norm of a vector": Wrong(
        lambda torch, nn, F: nn.SyncBatchNorm(3)(torch.zeros(3)),
        ValueError,
        ("expected at least 2D input (got 1D input)",),
    ),
    "cross map lrn of a matrix": Wrong(
        lambda torch, nn, F: nn.CrossMapLRN2d(3)(torch.zeros(3, 3)),
        ValueError,
        ("CrossMapLRN2d: Expected input to be 4D, got 2D instead.",),
    ),
    "factory kwargs, unknown": Wrong(
        lambda torch, nn, F: nn.factory_kwargs({"size": 3}),
        TypeError,
        ("unexpected kwargs {'size'}",),
    ),
    "factory kwargs, twice": Wrong(
        lambda torch, nn, F: nn.factory_kwargs(
            {"dtype": 1, "factory_kwargs": {"dtype": 2}}
        ),
        TypeError,
        ("dtype specified twice, in **kwargs and in factory_kwargs",),
    ),
}
