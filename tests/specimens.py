"""A few graphs for every family of kernels, so that no test of them leaves one out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from test_compiler_recurrent import GATES, forward_and_back
from test_compiler_windows import image, options, without_dilation

from flambeau import dtypes as dt
from flambeau.compiler.selection import pool_tap
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import index as ix
from flambeau.ops import movement as mv
from flambeau.ops import reduce as rd
from flambeau.ops import window
from flambeau.ops.broadcast import reshape, sum_
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.normalize import moments
from flambeau.ops.order import searchsorted
from flambeau.ops.resample import Rule, resample

__all__ = ["SPECIMENS", "convolved", "values"]


def values(*shape: int, kind: Any = np.float32) -> Node:
    return constant(np.random.default_rng(7).standard_normal(shape).astype(kind))


def positions(size: int, *shape: int) -> Node:
    """Positions that are known only when the graph is evaluated."""
    found = np.random.default_rng(0).integers(0, size, shape)
    return ew.neg(constant(-found))


def convolved(
    channels: int,
    size: int,
    groups: int = 1,
    stride: int = 1,
    batch: int = 2,
    window: int = 3,
    x: Node | None = None,
) -> list[Node]:
    """A convolution with bias and ReLU, its statistics and its gradients."""
    x = values(batch, channels, size, size) if x is None else x
    w = values(channels, channels // groups, window, window)
    options = {"stride": (stride,) * 2, "dilation": (1, 1), "groups": groups}
    options["padding"] = ((window // 2,) * 2,) * 2
    y = conv(x, w, **options)
    out = ew.relu(ew.add(y, values(channels, 1, 1)))
    g = values(*y.shape)
    sides = {"input_size": x.shape[2:]}, {"kernel_size": (window, window)}
    backward = conv_input_grad(g, w, **options, **sides[0])
    gradient = conv_weight_grad(x, g, **options, **sides[1])
    mean, spread = (reshape(each, (channels, 1, 1)) for each in moments(y, (0, 2, 3)))
    normed = ew.mul(ew.sub(y, mean), spread)
    return [out, normed, mean, spread, backward, gradient]


def spoiled() -> list[Node]:
    """Winograd's convolution of an image with NaN and infinity."""
    x = np.array(values(4, 64, 28, 28).value)
    x[1, 3, 5, 5], x[2, 7, 27, 0], x[3, 60, 12, 13] = np.nan, np.inf, -np.inf
    out, *_, backward, gradient = convolved(64, 28, batch=4, x=constant(x))
    return [out, backward, gradient]


def cascaded() -> list[Node]:
    """A convolution and what is done on its bands while they are near."""
    plain = {"stride": (1, 1), "dilation": (1, 1)}
    wide = conv(
        values(1, 8, 40, 40),
        values(32, 8, 1, 1),
        **plain,
        padding=((0, 0),) * 2,
        groups=1,
    )
    deep = conv(
        ew.relu(wide), values(32, 1, 3, 3), **plain, padding=((1, 1),) * 2, groups=32
    )
    return [deep, window.max_pool(ew.relu(wide), **options((40, 40), (2, 2), (2, 2)))]


def functions() -> list[Node]:
    found = []
    for kind in (np.float32, np.float64):
        x = values(3, 37, kind=kind)
        for op in (ew.exp, ew.tanh, ew.sigmoid, ew.erf, ew.sin):
            found.append(op(x))
        found += [ew.log(ew.exp(x)), rd.softmax(x, axis=1), ew.div(x, ew.exp(x))]
    return found


def rare_functions() -> list[Node]:
    found = []
    for kind in (np.float32, np.float64):
        x = values(3, 37, kind=kind)
        for op in (ew.cos, ew.exp2, ew.expm1, ew.logsigmoid, ew.floor):
            found.append(op(x))
        large = ew.exp(x)
        found += [op(large) for op in (ew.log1p, ew.log2, ew.log10)]
        found.append(ew.remainder(x, large))
    return found


def powers() -> list[Node]:
    kinds = (np.float32, np.float64)
    return [ew.power(ew.exp(x), x) for x in (values(3, 37, kind=k) for k in kinds)]


def products() -> list[Node]:
    large = matmul(values(70, 300), values(300, 131))
    few = matmul(values(3, 2000, kind=np.float64), values(2000, 5, kind=np.float64))
    thin = matmul(values(2, 700), mv.permute(values(9, 700), (1, 0)))
    many = matmul(values(4, 30, 17), values(4, 17, 21))
    return [ew.relu(ew.add(large, values(131))), few, thin, many]


def pooled(order: str) -> list[Node]:
    params = options((9, 37), (3, 2), (2, 1), 1)
    x = image((2, 19, 9, 37), np.float32, order)
    best, index = window.max_pool(x, **params), window.max_pool_index(x, **params)
    total = window.sum_pool(x, **without_dilation(params))
    back = window.unpool(ew.neg(best), index, input_size=(9, 37))
    tap = pool_tap(x, **params)
    params = without_dilation(params)
    del params["output_size"]
    spread = window.sum_pool_grad(total, input_size=(9, 37), **params)
    return [best, index, tap, total, back, spread]


def folded() -> list[Node]:
    params = options((9, 37), (3, 2), (2, 1), 1)
    del params["output_size"]
    cols = window.windows(values(2, 3, 9, 37), **params)
    return [cols, window.fold_windows(cols, input_size=(9, 37), **params)]


def indexed() -> list[Node]:
    x, where = values(11, 37), positions(11, 5)
    rows = ix.index(x, where)
    along = ix.gather(x, positions(11, 7, 37), axis=0)
    added = ix.index_add(mv.zeros((11, 37), dt.float32), rows, where)
    new = values(11, 9)
    ops = (
        ix.scatter_add,
        ix.scatter_amax,
        ix.scatter_amin,
        ix.scatter,
        ix.scatter_prod,
    )
    scattered = [op(x, positions(37, 11, 9), new, axis=1) for op in ops]
    put = ix.index_put(x, values(), where)
    return [rows, along, added, put, *scattered]


def walked() -> list[Node]:
    x = values(5, 37)
    ops = (rd.argmax, rd.argmin, rd.cumsum, rd.cumprod)
    found = [op(x, axis=axis) for op in ops for axis in (0, 1)]
    return [*found, rd.prod(x, axis=1, keepdims=False)]


def reduced() -> list[Node]:
    x = ew.exp(values(5, 37, 19))
    axes = [(0,), (1,), (2,), (0, 2), (0, 1, 2)]
    return [sum_(x, axes=each, keepdims=False) for each in axes]


def moved() -> list[Node]:
    """What is only copied to other places."""
    x = ew.exp(values(6, 7, 33))
    turned = mv.permute(x, (2, 0, 1))
    part = mv.slice_update(
        x, values(3, 7, 11), ranges=((0, 3, 2), (0, 7, 1), (4, 11, 2))
    )
    return [reshape(turned, (33, 42)), part, mv.cat(x, ew.neg(x), axis=1)]


def found() -> list[Node]:
    """Places in sorted rows, and resampled axes."""
    row, x = constant(np.arange(9.0)), values(5, 37, kind=np.float64)
    rule = Rule("linear", 37, 19, align_corners=False, antialias=True)
    y = resample(values(5, 37), 1, rule)
    assert y.op is not None
    back = y.op.input_gradient(0, ew.exp(y), y)
    return [searchsorted(row, ew.exp(x), right=False), y, back]


SPECIMENS: dict[str, Callable[[], list[Node]]] = {
    "products": products,
    "convolution": lambda: convolved(17, 9),
    "strided": lambda: convolved(24, 11, stride=2),
    "grouped": lambda: convolved(24, 10, groups=2),
    "depthwise": lambda: convolved(33, 10, groups=33),
    "Winograd": lambda: convolved(64, 28, batch=4),
    "deep Winograd": lambda: convolved(256, 14, batch=4),
    "Winograd with NaN": spoiled,
    "cascades": cascaded,
    "functions": functions,
    "rare functions": rare_functions,
    "powers": powers,
    "pools by rows": lambda: pooled("rows"),
    "pools by channels": lambda: pooled("channels"),
    "folds": folded,
    "positions": indexed,
    "walks": walked,
    "reductions": reduced,
    "copies": moved,
    "searches": found,
    **{
        cell: lambda cell=cell: forward_and_back(
            cell, (2, 5, 19), "float32", True, True
        )
        for cell in sorted(GATES)
    },
}
