"""Records of linear layers, flattening, dropout and tables."""

from typing import Any

import numpy as np
import reference
from case import Array, Case, State, classes, grid


def linear(shape: tuple[int, ...], outputs: int, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference.linear(x, state["weight"], state.get("bias"))

    sizes = {"in_features": shape[-1], "out_features": outputs}
    return Case("Linear", (grid(*shape),), meaning, sizes | options)


def bilinear(batch: tuple[int, ...], sizes: tuple[int, int, int], bias: bool) -> Case:
    first, second, _ = sizes
    names = ("in1_features", "in2_features", "out_features", "bias")
    options = dict(zip(names, (*sizes, bias), strict=True))

    def meaning(state: State, a: Array, b: Array) -> Array:
        return reference.bilinear(a, b, state["weight"], state.get("bias"))

    inputs = (grid(*batch, first), grid(*batch, second, seed=1))
    return Case("Bilinear", inputs, meaning, options)


def reshaped(
    layer: str, shape: tuple[int, ...], gives: tuple[int, ...], **options: Any
) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return x.reshape(gives)

    return Case(layer, (grid(*shape),), meaning, options)


def dropout(layer: str, *shape: int, **options: Any) -> Case:
    """In training; torch draws the same mask."""
    return Case(layer, (grid(*shape),), None, options)


def kept(layer: str, *shape: int, training: bool = True, **options: Any) -> Case:
    """Where nothing is dropped, or everything."""

    def meaning(state: State, x: Array) -> Array:
        return x * (options["p"] != 1 or not training)

    return Case(layer, (grid(*shape),), meaning, options, training=training)


def embedding(shape: tuple[int, ...], **options: Any) -> Case:
    def meaning(state: State, indices: Array) -> Array:
        table = state["weight"].copy()
        limit, order = options.get("max_norm"), options.get("norm_type", 2.0)
        for row in table[np.unique(indices)] if limit else ():
            size = (np.abs(row) ** order).sum() ** (1 / order)
            if size > limit:
                table[(table == row).all(1)] *= limit / (size + 1e-7)
        return table[indices]

    sizes = {"num_embeddings": 7, "embedding_dim": 3}
    # by frequency the gradient is meant to be another than the derivative
    smooth = not options.get("scale_grad_by_freq")
    made = sizes | options
    return Case("Embedding", (classes(7, *shape),), meaning, made, smooth=smooth)


def bags(
    mode: str,
    indices: Array,
    offsets: Array | None = None,
    weights: Array | None = None,
    **options: Any,
) -> Case:
    """Sums, means or maxima of the rows of a table, bag by bag."""
    padding = options.get("padding_idx")

    def of_bag(table: Array, places: Array, scales: Array) -> Array:
        kept = [i for i in range(len(places)) if places[i] != padding]
        rows = table[places[kept]] * scales[kept, None]
        if not kept:
            return np.zeros(table.shape[1])
        return {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, axis=0)

    def meaning(state: State, *given: Array) -> Array:
        scales = np.ones(indices.shape) if weights is None else weights
        pairs = list(zip(indices, scales))
        if offsets is not None:
            starts = [*offsets]
            ends = starts[1:] if options.get("include_last_offset") else None
            ends = ends or [*starts[1:], len(indices)]
            parts = [slice(*each) for each in zip(starts, ends)]
            pairs = [(indices[part], scales[part]) for part in parts]
        return np.array([of_bag(state["weight"], *each) for each in pairs])

    made = {"num_embeddings": 7, "embedding_dim": 3, "mode": mode} | options
    inputs = tuple(each for each in (indices, offsets, weights) if each is not None)
    return Case("EmbeddingBag", inputs, meaning, made)


def one_hot(shape: tuple[int, ...], count: int, **options: Any) -> Case:
    def meaning(state: State, indices: Array) -> Array:
        return np.eye(count, dtype=np.int64)[indices]

    return Case("one_hot", (classes(4, *shape),), meaning, options)


BAG = np.array([2, 0, 6, 1, 2, 3, 3, 6, 5])
OFFSETS = np.array([0, 3, 3, 5])

CASES = {
    "linear": linear((4, 3), 5),
    "linear, no bias": linear((4, 3), 5, bias=False),
    "linear, one sample": linear((3,), 5),
    "linear, more dimensions": linear((2, 3, 2, 4), 3),
    "linear, no samples": linear((0, 3), 5),
    "linear, no features": Case(
        "linear",
        (grid(2, 0), grid(3, 0), grid(3)),
        lambda state, x, w, b: reference.linear(x, w, b),
    ),
    "linear, a vector as weight": Case(
        "linear", (grid(2, 3), grid(3, seed=1)), lambda state, x, w: x @ w
    ),
    "identity": Case("Identity", (grid(2, 3),), lambda state, x: x),
    "bilinear": bilinear((4,), (2, 3, 5), bias=True),
    "bilinear, no bias": bilinear((2, 3), (2, 1, 2), bias=False),
    "flatten": reshaped("Flatten", (2, 3, 4, 2), (2, 24)),
    "flatten, some": reshaped(
        "Flatten", (2, 3, 4, 2), (6, 4, 2), start_dim=0, end_dim=1
    ),
    "unflatten": reshaped(
        "Unflatten", (2, 6, 2), (2, 3, 2, 2), dim=1, unflattened_size=(3, -1)
    ),
    # Dropout
    "dropout": dropout("Dropout", 6, 7, p=0.3),
    "dropout1d": dropout("Dropout1d", 3, 5, 2, p=0.5),
    "dropout1d, one sample": dropout("Dropout1d", 6, 2, p=0.5),
    "dropout2d": dropout("Dropout2d", 3, 5, 2, 3, p=0.25),
    "dropout3d": dropout("Dropout3d", 3, 4, 2, 1, 2, p=0.25),
    "dropout3d, one volume": dropout("Dropout3d", 6, 2, 1, 2, p=0.5),
    "alpha dropout": dropout("AlphaDropout", 6, 7, p=0.3),
    "feature alpha dropout": dropout("FeatureAlphaDropout", 3, 5, 2, p=0.3),
    "dropout of nothing": kept("Dropout", 2, 3, p=0.0),
    "dropout of everything": kept("Dropout", 2, 3, p=1.0),
    "dropout in evaluation": kept("Dropout", 2, 3, p=0.5, training=False),
    "alpha dropout of everything": kept("AlphaDropout", 2, 3, p=1.0),
    "dropout2d in evaluation": kept("Dropout2d", 2, 3, 2, 2, p=0.5, training=False),
    # Tables
    "embedding": embedding((2, 4)),
    "embedding, one index": embedding(()),
    "embedding, no index": embedding((0, 3)),
    "embedding, padded": embedding((3, 5), padding_idx=-2),
    "embedding, by frequency": embedding(
        (3, 5), scale_grad_by_freq=True, padding_idx=1
    ),
    "embedding, bounded": embedding((2, 3), max_norm=0.75, norm_type=3.0),
    "bags, sum": bags("sum", classes(7, 3, 4)),
    "bags, mean": bags("mean", classes(7, 3, 4)),
    "bags, max": bags("max", BAG[:8].reshape(2, 4)),
    "bags at offsets, sum": bags("sum", BAG, OFFSETS),
    "bags at offsets, weighted sum": bags("sum", BAG, OFFSETS, grid(9)),
    "bags at offsets, mean": bags("mean", BAG, OFFSETS, padding_idx=2),
    "bags at offsets, max": bags("max", BAG, OFFSETS, padding_idx=6),
    "bags up to the last offset": bags(
        "mean", BAG, np.array([0, 2, 2, 9]), include_last_offset=True
    ),
    "one_hot": one_hot((2, 3), 4, num_classes=4),
    "one_hot, as many as needed": one_hot((20,), 4),
}
