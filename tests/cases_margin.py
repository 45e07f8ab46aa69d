"""Records of losses with a margin, of likelihoods and of distances."""

from collections.abc import Callable
from math import exp, log, pi, sqrt
from typing import Any

import numpy as np
import reference
from case import Array, Case, State, chances, classes, grid

WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])
SIGNS = classes(2, 3, 4) * 2 - 1
ROW_SIGNS = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
LABELS = np.array([[3, 0, -1, 1], [1, -1, 2, 2], [-1, 0, 1, 2], [0, 1, 2, 3]])


def loss(
    layer: str,
    inputs: tuple[Array, ...],
    meaning: Callable[..., Any],
    reduction: str = "mean",
    smooth: bool = True,
    **options: Any,
) -> Case:
    """A loss of `meaning(*inputs)`, reduced."""

    def reduced(state: State, *given: Array) -> Array:
        return reference.reduce(np.asarray(meaning(*given)), reduction)

    options = {"reduction": reduction, **options}
    return Case(layer, inputs, reduced, options, smooth=smooth)


# Of one score


def hinge(margin: float, **options: Any) -> Case:
    @reference.each
    def meaning(x: float, t: float) -> float:
        return x if t == 1 else max(0, margin - x)

    inputs = (grid(3, 4), SIGNS)
    return loss("HingeEmbeddingLoss", inputs, meaning, margin=margin, **options)


@reference.each
def soft_margin(x: float, t: float) -> float:
    return log(1 + exp(-t * x))


# Of pairs and triplets


def ranking(margin: float, **options: Any) -> Case:
    @reference.each
    def meaning(a: float, b: float, t: float) -> float:
        return max(0, margin - t * (a - b))

    inputs = (grid(3, 4), grid(3, 4, seed=1), SIGNS)
    return loss("MarginRankingLoss", inputs, meaning, margin=margin, **options)


def cosine(a: Array, b: Array, eps: float = 0) -> float:
    lengths = max(sqrt((a**2).sum()), eps) * max(sqrt((b**2).sum()), eps)
    return float((a * b).sum() / lengths)


def cosine_embedding(rows: int | None, margin: float = 0, **options: Any) -> Case:
    def one(a: Array, b: Array, t: float) -> float:
        return 1 - cosine(a, b) if t == 1 else max(0, cosine(a, b) - margin)

    def meaning(a: Array, b: Array, t: Array) -> Array:
        if a.ndim == 1:
            return np.array(one(a, b, float(t)))
        return np.array([one(*each) for each in zip(a, b, t)])

    shape = (4,) if rows is None else (rows, 4)
    target = ROW_SIGNS.astype(np.int64)[: rows or 1]
    target = target[0] if rows is None else target
    inputs = (grid(*shape), grid(*shape, seed=1), np.asarray(target))
    return loss("CosineEmbeddingLoss", inputs, meaning, margin=margin, **options)


def far(a: Array, b: Array, p: float = 2, eps: float = 1e-6) -> Array:
    return (np.abs(a - b + eps) ** p).sum(-1) ** (1 / p)


def triplet(
    layer: str = "TripletMarginLoss",
    shape: tuple[int, ...] = (5, 4),
    p: float = 2,
    margin: float = 1,
    swap: bool = False,
    **options: Any,
) -> Case:
    def meaning(a: Array, near: Array, away: Array) -> Array:
        distance = far(a, away, p)
        if swap:
            distance = np.minimum(distance, far(near, away, p))
        return np.maximum(0, margin + far(a, near, p) - distance)

    inputs = tuple(grid(*shape, seed=seed) for seed in range(3))
    if layer == "TripletMarginLoss":
        options["p"] = p
    return loss(layer, inputs, meaning, margin=margin, swap=swap, **options)


# Of many classes


def multi_margin(
    p: int = 1, margin: float = 1, weight: Array | None = None, **options: Any
) -> Case:
    def one(x: Array, t: int) -> float:
        short = [max(0, margin - x[t] + x[i]) ** p for i in range(len(x)) if i != t]
        return sum(short) / len(x) * (1 if weight is None else weight[t])

    def meaning(x: Array, t: Array) -> Array:
        if x.ndim == 1:
            return np.array(one(x, int(t)))
        return np.array([one(*each) for each in zip(x, t)])

    inputs = options.pop("inputs", (grid(5, 4), classes(4, 5)))
    options |= {"p": p, "margin": margin, "weight": weight}
    return loss("MultiMarginLoss", inputs, meaning, **options)


def multilabel(inputs: tuple[Array, Array], **options: Any) -> Case:
    def one(x: Array, targets: Array) -> float:
        labels = []
        for each in targets:
            if each < 0:
                break
            labels.append(each)
        others = [i for i in range(len(x)) if i not in labels]
        return sum(max(0, 1 - x[t] + x[i]) for t in labels for i in others) / len(x)

    def meaning(x: Array, t: Array) -> Array:
        if x.ndim == 1:
            return np.array(one(x, t))
        return np.array([one(*each) for each in zip(x, t)])

    return loss("MultiLabelMarginLoss", inputs, meaning, **options)


def multilabel_soft(
    shape: tuple[int, ...], weight: Array | None = None, **options: Any
) -> Case:
    def meaning(x: Array, t: Array) -> Array:
        losses = reference.binary_cross_entropy(reference.sigmoid(x), t)
        return (losses if weight is None else losses * weight).mean(-1)

    inputs = (grid(*shape), chances(*shape))
    return loss("MultiLabelSoftMarginLoss", inputs, meaning, weight=weight, **options)


# Likelihoods


def poisson(
    log_input: bool = True, full: bool = False, eps: float = 1e-8, **options: Any
) -> Case:
    @reference.each
    def meaning(x: float, t: float) -> float:
        rate = exp(x) if log_input else x
        found = rate - t * (x if log_input else log(x + eps))
        if full and t > 1:
            found += t * log(t) - t + log(2 * pi * t) / 2
        return found

    inputs = (grid(3, 4) if log_input else chances(3, 4), chances(3, 4, seed=3) * 8)
    options |= {"log_input": log_input, "full": full, "eps": eps}
    return loss("PoissonNLLLoss", inputs, meaning, **options)


def gaussian(
    shape: tuple[int, ...] = (3, 4), full: bool = False, eps: float = 1e-6, **rest: Any
) -> Case:
    def meaning(x: Array, t: Array, var: Array) -> Array:
        v = np.maximum(var if var.ndim == x.ndim else var[..., None], eps)
        found = (np.log(v) + (x - t) ** 2 / v) / 2
        return found + log(2 * pi) / 2 if full else found

    inputs = (grid(3, 4), grid(3, 4, seed=1), chances(*shape))
    return loss("GaussianNLLLoss", inputs, meaning, full=full, eps=eps, **rest)


def ctc(
    length: int, texts: Array, steps: list[int], lengths: list[int], **options: Any
) -> Case:
    """Minus the logarithm of the summed chances of all paths, one by one."""

    def text_of(path: tuple[int, ...]) -> list[int]:
        kept = [a for i, a in enumerate(path) if i == 0 or path[i - 1] != a]
        return [label for label in kept if label]

    def one(logs: Array, text: list[int]) -> float:
        total = sum(
            exp(sum(logs[step, label] for step, label in enumerate(path)))
            for path in np.ndindex(*(logs.shape[1],) * len(logs))
            if text_of(path) == text
        )
        return -log(total) if total else float("inf")

    def meaning(state: State, logs: Array, texts: Array, *more: Array) -> Array:
        found = np.array(
            [
                one(logs[:count, sample], list(texts[sample, :size]))
                for sample, (count, size) in enumerate(zip(*more))
            ]
        )
        if options.get("zero_infinity"):
            found[np.isinf(found)] = 0
        if options.get("reduction", "mean") == "mean":
            return (found / np.maximum(more[1], 1)).mean()
        return reference.reduce(found, options["reduction"])

    logs = grid(length, len(texts), 3) - 2
    inputs = (logs, texts, np.array(steps), np.array(lengths))
    # torch's slope is that of what the log-softmax is taken of
    return Case("CTCLoss", inputs, meaning, options, smooth=False)


TEXTS = np.array([[1, 2], [2, 2], [1, 1]])


# Distances


def pairwise(shapes: list[tuple[int, ...]], p: float, **options: Any) -> Case:
    def meaning(state: State, a: Array, b: Array) -> Array:
        found = far(a, b, p, options.get("eps", 1e-6))
        return found[..., None] if options.get("keepdim") else found

    inputs = tuple(grid(*shape, seed=seed) for seed, shape in enumerate(shapes))
    return Case("PairwiseDistance", inputs, meaning, {"p": p, **options})


def similarity(shapes: list[tuple[int, ...]], **options: Any) -> Case:
    dim = options.get("dim", 1)

    def meaning(state: State, a: Array, b: Array) -> Array:
        a, b = (np.moveaxis(x, dim, -1) for x in np.broadcast_arrays(a, b))
        found = np.empty(a.shape[:-1])
        for place in np.ndindex(*found.shape):
            found[place] = cosine(a[place], b[place], options.get("eps", 1e-8))
        return found

    inputs = tuple(grid(*shape, seed=seed) for seed, shape in enumerate(shapes))
    # below eps the slope is that of the norm all the same
    smooth = "eps" not in options
    return Case("CosineSimilarity", inputs, meaning, options, smooth=smooth)


def points(p: float) -> Case:
    def meaning(state: State, x: Array) -> Array:
        pairs = [(i, j) for i in range(len(x)) for j in range(i + 1, len(x))]
        return np.array([far(x[i], x[j], p, 0) for i, j in pairs])

    return Case("pdist", (grid(5, 3),), meaning, {"p": p})


def normalized(p: float, dim: int) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return x / (np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p)

    return Case("normalize", (grid(2, 3, 4),), meaning, {"p": p, "dim": dim})


CASES = {
    "hinge embedding": hinge(1.0),
    "hinge embedding, sum": hinge(0.3, reduction="sum"),
    "hinge embedding, none": hinge(2.0, reduction="none"),
    "soft margin": loss("SoftMarginLoss", (grid(3, 4), SIGNS), soft_margin),
    "soft margin, none": loss(
        "SoftMarginLoss", (grid(3, 4), SIGNS), soft_margin, reduction="none"
    ),
    "margin ranking": ranking(0.0),
    "margin ranking, none": ranking(0.7, reduction="none"),
    "cosine embedding": cosine_embedding(5),
    "cosine embedding, none": cosine_embedding(5, 0.3, reduction="none"),
    "cosine embedding, one pair": cosine_embedding(None),
    "triplet": triplet(),
    "triplet, one": triplet(shape=(4,), reduction="none"),
    "triplet, swapped": triplet(p=3, margin=0.7, swap=True, reduction="none"),
    "triplet with a distance": triplet("TripletMarginWithDistanceLoss"),
    "triplet with a distance, swapped": triplet(
        "TripletMarginWithDistanceLoss", swap=True, reduction="sum"
    ),
    "multi margin": multi_margin(),
    "multi margin, squared": multi_margin(2, 0.7, reduction="sum"),
    "multi margin, weighted": multi_margin(weight=WEIGHT, reduction="none"),
    "multi margin, weighted and squared": multi_margin(2, weight=WEIGHT),
    "multi margin, one sample": multi_margin(inputs=(grid(4), classes(4))),
    "multilabel margin": multilabel((grid(4, 4), LABELS)),
    "multilabel margin, none": multilabel((grid(4, 4), LABELS), reduction="none"),
    "multilabel margin, one sample": multilabel((grid(4), LABELS[0])),
    "multilabel soft margin": multilabel_soft((3, 4)),
    "multilabel soft margin, weighted": multilabel_soft(
        (3, 4), WEIGHT, reduction="none"
    ),
    "multilabel soft margin, one sample": multilabel_soft((4,)),
    "poisson nll": poisson(),
    "poisson nll, rates": poisson(log_input=False, eps=0.25, reduction="none"),
    "poisson nll, full": poisson(full=True, reduction="sum"),
    "gaussian nll": gaussian(),
    "gaussian nll, full": gaussian((3, 1), full=True, reduction="sum"),
    "gaussian nll, a variance for each row": gaussian((3,), reduction="none"),
    "gaussian nll, least variance": loss(
        "GaussianNLLLoss",
        (grid(3), grid(3, seed=1), np.array([0.0, 0.25, 4.0])),
        lambda x, t, v: (
            (np.log(np.maximum(v, 0.5)) + (x - t) ** 2 / np.maximum(v, 0.5)) / 2
        ),
        smooth=False,
        eps=0.5,
    ),
    "ctc": ctc(4, TEXTS, [4, 3, 2], [2, 2, 1]),
    "ctc, none": ctc(4, TEXTS, [4, 4, 4], [2, 2, 0], reduction="none"),
    "ctc, sum, texts that do not fit": ctc(
        3, TEXTS, [3, 2, 3], [2, 2, 2], reduction="sum", zero_infinity=True
    ),
    "pairwise distance": pairwise([(5, 4), (5, 4)], 2),
    "pairwise distance, vectors": pairwise([(4,), (4,)], 3, eps=0.25),
    "pairwise distance to one": pairwise([(5, 4), (1, 4)], 1, keepdim=True),
    "cosine similarity": similarity([(5, 4), (5, 4)]),
    "cosine similarity, first dimension": similarity([(4, 3), (4, 3)], dim=0),
    "cosine similarity, broadcast": similarity([(2, 1, 4), (3, 4)], dim=-1),
    "cosine similarity, least norm": similarity([(3, 4), (3, 4)], eps=2.5),
    "pdist": points(2),
    "pdist, cubic": points(3),
    "normalize": normalized(2, 1),
    "normalize, cubic": normalized(3, -1),
}
