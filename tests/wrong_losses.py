"""Wrong calls of losses, with the error that each gets."""

from wrong_calls import Wrong

LOSS = {
    "cross_entropy, target outside the classes": Wrong(
        lambda torch, nn, F: nn.CrossEntropyLoss()(
            torch.zeros(64, 10), torch.full((64,), 11)
        ),
        IndexError,
        (
            "Target 11 is out of bounds.",
            "cross_entropy: an input of shape (64, 10) has 10 classes",
            "[0, 9]",
            "number the classes from 0",
            "In CrossEntropyLoss()",
        ),
    ),
    "cross_entropy, negative target": Wrong(
        lambda torch, nn, F: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0, -1])),
        IndexError,
        ("Target -1 is out of bounds.",),
    ),
    "cross_entropy, target computed and outside": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.tensor([1, 2]) * 2
        ).item(),
        IndexError,
        ("Target 4 is out of bounds.", "has 3 classes"),
    ),
    "cross_entropy, other batch": Wrong(
        lambda torch, nn, F: F.cross_entropy(torch.zeros(2, 3), torch.tensor([0])),
        ValueError,
        ("Expected input batch_size (2) to match target batch_size (1)",),
    ),
    "cross_entropy, a column of targets": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.zeros(2, 1).long()
        ),
        RuntimeError,
        ("0D or 1D target tensor expected, multi-target not supported", "squeeze"),
    ),
    "cross_entropy, targets of other places": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3, 4), torch.zeros(2, 5).long()
        ),
        RuntimeError,
        ("Expected target size [2, 4], got [2, 5]", "classes in dimension 1"),
    ),
    "cross_entropy, many targets of one sample": Wrong(
        lambda torch, nn, F: F.cross_entropy(torch.zeros(3), torch.tensor([0, 1])),
        ValueError,
        ("For 1D input, 1D target must have size 1, but got target size: 2", "(3,)"),
    ),
    "cross_entropy, targets of one sample in a matrix": Wrong(
        lambda torch, nn, F: F.cross_entropy(torch.zeros(3), torch.zeros(1, 2).long()),
        RuntimeError,
        ("multi-target not supported", "got targets of shape (1, 2)"),
    ),
    "cross_entropy, float classes": Wrong(
        lambda torch, nn, F: F.cross_entropy(torch.zeros(2, 3), torch.zeros(2)),
        RuntimeError,
        ("expected target dtype to be Long or Byte, but got Float", ".long()"),
    ),
    "cross_entropy, whole probabilities": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.zeros(2, 3).long()
        ),
        RuntimeError,
        ("Expected floating point type for target with class probabilities", "(2,)"),
    ),
    "cross_entropy, weights of other classes": Wrong(
        lambda torch, nn, F: nn.CrossEntropyLoss(torch.ones(2))(
            torch.zeros(2, 3), torch.tensor([0, 1])
        ),
        RuntimeError,
        ("either for all 3 classes or no classes", "weight tensor of shape: [2]"),
    ),
    "cross_entropy, weights of another dtype": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.tensor([0, 1]), torch.ones(3).double()
        ),
        RuntimeError,
        ("expected scalar type Float but found Double",),
    ),
    "cross_entropy, reduction by another name": Wrong(
        lambda torch, nn, F: nn.CrossEntropyLoss(reduction="average")(
            torch.zeros(2, 3), torch.tensor([0, 1])
        ),
        ValueError,
        ("average is not a valid value for reduction", "'mean'"),
    ),
    "cross_entropy, too smooth": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.tensor([0, 1]), label_smoothing=1.5
        ),
        RuntimeError,
        ("label_smoothing must be between 0.0 and 1.0. Got: 1.5",),
    ),
    "cross_entropy, probabilities ignored": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3), torch.zeros(2, 3), ignore_index=1
        ),
        RuntimeError,
        ("ignore_index is not supported for floating point target",),
    ),
    "cross_entropy of integers": Wrong(
        lambda torch, nn, F: F.cross_entropy(
            torch.zeros(2, 3).long(), torch.tensor([0, 1])
        ),
        NotImplementedError,
        ("not implemented for 'Long'",),
    ),
    "nll, target outside the classes": Wrong(
        lambda torch, nn, F: nn.NLLLoss()(
            torch.zeros(2, 3, 4, 4), torch.full((2, 4, 4), 3)
        ),
        IndexError,
        ("Target 3 is out of bounds. nll_loss", "In NLLLoss()"),
    ),
    "nll of a number": Wrong(
        lambda torch, nn, F: F.nll_loss(torch.tensor(1.0), torch.tensor(0)),
        ValueError,
        ("Expected 1 or more dimensions (got 0)",),
    ),
    "bce, another shape": Wrong(
        lambda torch, nn, F: nn.BCELoss()(torch.full((2, 1), 0.5), torch.ones(2)),
        ValueError,
        ("Using a target size (torch.Size([2])) that is different to the input size",),
    ),
    "bce of scores": Wrong(
        lambda torch, nn, F: nn.BCELoss()(torch.tensor([2.0]), torch.tensor([1.0])),
        RuntimeError,
        ("all elements of input should be between 0 and 1, got 2.0", "sigmoid"),
    ),
    "bce of computed scores": Wrong(
        lambda torch, nn, F: nn.BCELoss()(
            torch.tensor([2.0]) * 2, torch.tensor([1.0])
        ).item(),
        RuntimeError,
        ("all elements of input should be between 0 and 1, got 4.0",),
    ),
    "bce against labels of 2": Wrong(
        lambda torch, nn, F: nn.BCELoss()(torch.tensor([0.5]), torch.tensor([2.0])),
        RuntimeError,
        ("all elements of target should be between 0 and 1, got 2.0",),
    ),
    "bce against integers": Wrong(
        lambda torch, nn, F: nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1])),
        RuntimeError,
        ("Found dtype Long but expected Float",),
    ),
    "bce, weights that do not broadcast": Wrong(
        lambda torch, nn, F: F.binary_cross_entropy(
            torch.full((2, 3), 0.5), torch.ones(2, 3), torch.ones(4)
        ),
        RuntimeError,
        ("(2, 3)", "(4,)"),
    ),
    "bce with logits, another shape": Wrong(
        lambda torch, nn, F: nn.BCEWithLogitsLoss()(torch.zeros(2, 1), torch.ones(2)),
        ValueError,
        ("Target size (torch.Size([2])) must be the same as input size",),
    ),
    "bce with logits against integers": Wrong(
        lambda torch, nn, F: nn.BCEWithLogitsLoss()(
            torch.zeros(2), torch.ones(2).long()
        ),
        RuntimeError,
        ("can't be cast to the desired output type Long", ".float()"),
    ),
    "mse, shapes that do not broadcast": Wrong(
        lambda torch, nn, F: nn.MSELoss()(torch.zeros(2, 3), torch.zeros(3, 3)),
        RuntimeError,
        ("(2, 3)", "(3, 3)"),
    ),
    "mse of integers": Wrong(
        lambda torch, nn, F: F.mse_loss(torch.arange(3), torch.arange(3)),
        NotImplementedError,
        ("\"mse_cpu\" not implemented for 'Long'",),
    ),
    "mse, weights of another shape": Wrong(
        lambda torch, nn, F: F.mse_loss(
            torch.zeros(2, 3), torch.zeros(2, 3), weight=torch.ones(3)
        ),
        ValueError,
        ("Weights and input must have the same size", "(3,) and (2, 3)"),
    ),
    "mse, reduction by another name": Wrong(
        lambda torch, nn, F: F.mse_loss(
            torch.zeros(2), torch.zeros(2), reduction="avg"
        ),
        ValueError,
        ("avg is not a valid value for reduction",),
    ),
    "smooth l1, negative beta": Wrong(
        lambda torch, nn, F: nn.SmoothL1Loss(beta=-1.0)(torch.zeros(2), torch.zeros(2)),
        RuntimeError,
        ("smooth_l1_loss does not support negative values for beta, got -1.0",),
    ),
    "huber, no delta": Wrong(
        lambda torch, nn, F: nn.HuberLoss(delta=0.0)(torch.zeros(2), torch.zeros(2)),
        RuntimeError,
        ("huber_loss does not support non-positive values for delta, got 0.0",),
    ),
    "kl_div, shapes that do not broadcast": Wrong(
        lambda torch, nn, F: F.kl_div(
            torch.zeros(2, 3), torch.ones(2, 4), reduction="sum"
        ),
        RuntimeError,
        ("(2, 3)", "(2, 4)"),
    ),
}
