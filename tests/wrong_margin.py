"""Wrong calls of losses with a margin, of likelihoods, distances and paddings."""

from wrong_calls import Wrong

MARGIN = {
    "hinge embedding, unknown reduction": Wrong(
        lambda torch, nn, F: nn.HingeEmbeddingLoss(reduction="average")(
            torch.zeros(2), torch.ones(2)
        ),
        ValueError,
        ("average is not a valid value for reduction",),
    ),
    "margin ranking, other dimensions": Wrong(
        lambda torch, nn, F: nn.MarginRankingLoss()(
            torch.zeros(2), torch.zeros(2), torch.ones(2, 1)
        ),
        RuntimeError,
        ("All input tensors should have same dimension but got sizes: input1",),
    ),
    "cosine embedding, a matrix of targets": Wrong(
        lambda torch, nn, F: nn.CosineEmbeddingLoss()(
            torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(2, 1)
        ),
        RuntimeError,
        ("0D or 1D target tensor expected, multi-target not supported",),
    ),
    "cosine embedding, one target for rows": Wrong(
        lambda torch, nn, F: nn.CosineEmbeddingLoss()(
            torch.zeros(2, 3), torch.zeros(2, 3), torch.tensor(1)
        ),
        RuntimeError,
        ("0D target tensor expects 1D input tensors", "[2, 3] and [2, 3]"),
    ),
    "triplet, no margin": Wrong(
        lambda torch, nn, F: nn.TripletMarginLoss(margin=0),
        ValueError,
        ("expected margin to be greater than 0, got 0",),
    ),
    "triplet, other dimensions": Wrong(
        lambda torch, nn, F: nn.TripletMarginLoss()(
            torch.zeros(2), torch.zeros(2), torch.zeros(2, 2)
        ),
        RuntimeError,
        ("the same number of dimensions, but got: anchor 1D, positive 1D", "2D"),
    ),
    "triplet with a distance, negative margin": Wrong(
        lambda torch, nn, F: F.triplet_margin_with_distance_loss(
            torch.zeros(2), torch.zeros(2), torch.zeros(2), margin=-1
        ),
        ValueError,
        ("margin must be greater than 0, got -1",),
    ),
    "multi margin, cubic": Wrong(
        lambda torch, nn, F: nn.MultiMarginLoss(p=3),
        ValueError,
        ("only p == 1 and p == 2 supported",),
    ),
    "multi margin, a matrix of weights": Wrong(
        lambda torch, nn, F: nn.MultiMarginLoss(weight=torch.ones(2, 2)),
        ValueError,
        ("expected weight to be None or 1D tensor, got 2D instead",),
    ),
    "multi margin, other weights": Wrong(
        lambda torch, nn, F: nn.MultiMarginLoss(weight=torch.ones(2))(
            torch.zeros(2, 3), torch.tensor([0, 1])
        ),
        RuntimeError,
        ("inconsistent weight size, expected 3",),
    ),
    "multi margin, other targets": Wrong(
        lambda torch, nn, F: nn.MultiMarginLoss()(torch.zeros(2, 3), torch.tensor([0])),
        RuntimeError,
        ("Expected target size [2], but got [1]. Input has shape [2, 3]",),
    ),
    "multi margin, target outside": Wrong(
        lambda torch, nn, F: nn.MultiMarginLoss()(torch.zeros(1, 3), torch.tensor([3])),
        RuntimeError,
        ("target out of range", "got 3 for 3 classes"),
    ),
    "multilabel margin, other targets": Wrong(
        lambda torch, nn, F: nn.MultiLabelMarginLoss()(
            torch.zeros(2, 3), torch.zeros(2, 2).long()
        ),
        RuntimeError,
        ("inconsistent target size: [2, 2] for input of size: [2, 3]",),
    ),
    "gaussian nll, negative variance": Wrong(
        lambda torch, nn, F: nn.GaussianNLLLoss()(
            torch.zeros(2), torch.zeros(2), torch.tensor([1.0, -1.0])
        ),
        ValueError,
        ("var has negative entry/entries",),
    ),
    "gaussian nll, computed negative variance": Wrong(
        lambda torch, nn, F: nn.GaussianNLLLoss()(
            torch.zeros(2), torch.zeros(2), -torch.ones(2)
        ).item(),
        ValueError,
        ("var has negative entry/entries: -1.0",),
    ),
    "gaussian nll, other variances": Wrong(
        lambda torch, nn, F: nn.GaussianNLLLoss()(
            torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(3)
        ),
        ValueError,
        ("var is of incorrect size", "(3,)"),
    ),
    "ctc, lengths of other samples": Wrong(
        lambda torch, nn, F: nn.CTCLoss()(
            torch.zeros(4, 2, 3), torch.ones(2, 2).long(), (4,), (2, 2)
        ),
        RuntimeError,
        ("input_lengths must be of size batch_size",),
    ),
    "ctc, too many steps": Wrong(
        lambda torch, nn, F: nn.CTCLoss()(
            torch.zeros(4, 2, 3), torch.ones(2, 2).long(), (5, 4), (2, 2)
        ),
        RuntimeError,
        ("Expected input_lengths to have value at most 4", "got value 5"),
    ),
    "ctc, texts shorter than their length": Wrong(
        lambda torch, nn, F: nn.CTCLoss()(
            torch.zeros(4, 2, 3), torch.ones(2, 2).long(), (4, 4), (2, 3)
        ),
        RuntimeError,
        ("Expected target_lengths to have value at most 2", "got value 3"),
    ),
    "ctc, blank outside": Wrong(
        lambda torch, nn, F: nn.CTCLoss(blank=3)(
            torch.zeros(4, 1, 3), torch.ones(1, 2).long(), (4,), (2,)
        ),
        RuntimeError,
        ("blank must be in label range",),
    ),
    "ctc of integers": Wrong(
        lambda torch, nn, F: nn.CTCLoss()(
            torch.zeros(4, 1, 3).long(), torch.ones(1, 2).long(), (4,), (2,)
        ),
        NotImplementedError,
        ("\"ctc_loss_cpu\" not implemented for 'Long'",),
    ),
    "cosine similarity of integers": Wrong(
        lambda torch, nn, F: nn.CosineSimilarity()(
            torch.ones(2, 3).long(), torch.ones(2, 3).long()
        ),
        RuntimeError,
        ("expected common dtype to be floating point, yet common dtype is Long",),
    ),
    "pdist of a vector": Wrong(
        lambda torch, nn, F: F.pdist(torch.zeros(3)),
        RuntimeError,
        ("pdist only supports 2D tensors, got: 1D",),
    ),
    "pdist, negative norm": Wrong(
        lambda torch, nn, F: F.pdist(torch.zeros(3, 2), -1),
        RuntimeError,
        ("pdist only supports non-negative p values",),
    ),
    "softshrink, negative": Wrong(
        lambda torch, nn, F: nn.Softshrink(-1)(torch.zeros(2)),
        RuntimeError,
        ("lambda must be greater or equal to 0, but found to be -1",),
    ),
    "hardshrink of integers": Wrong(
        lambda torch, nn, F: nn.Hardshrink()(torch.arange(3)),
        NotImplementedError,
        ("\"hardshrink_cpu\" not implemented for 'Long'",),
    ),
    "threshold of bools": Wrong(
        lambda torch, nn, F: nn.Threshold(0, 1)(torch.tensor([True])),
        NotImplementedError,
        ("\"threshold_cpu\" not implemented for 'Bool'",),
    ),
    "celu without alpha": Wrong(
        lambda torch, nn, F: nn.CELU(0)(torch.zeros(2)),
        RuntimeError,
        ("alpha cannot be 0 for CELU",),
    ),
    "rrelu, bounds exchanged": Wrong(
        lambda torch, nn, F: nn.RReLU(0.5, 0.25)(torch.zeros(2)),
        RuntimeError,
        ("Lower bound should be less than or equal to the upper bound",),
    ),
    "circular pad of a vector": Wrong(
        lambda torch, nn, F: nn.CircularPad1d(1)(torch.zeros(3)),
        ValueError,
        ("expected 2D or 3D input (got 1D input)", "(N, C, *)"),
    ),
    "reflection pad, too much": Wrong(
        lambda torch, nn, F: nn.ReflectionPad1d(3)(torch.zeros(1, 2, 3)),
        RuntimeError,
        ("Padding size should be less than the corresponding input dimension",),
    ),
}
