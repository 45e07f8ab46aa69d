"""Random graphs: leaves of any layout, and ops on them and on each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from flambeau import dtypes as dt
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import movement as mv
from flambeau.ops import reduce as rd
from flambeau.ops.broadcast import expand, reshape, sum_

Draw = Callable[..., Any]

FLOATS = (dt.float32, dt.float64)
KINDS = (*FLOATS, dt.int32, dt.int64, dt.uint8, dt.bool_)

# ops that stay within a few digits of their operands, so that errors stay small
FLOAT_ONLY = (ew.exp, ew.tanh, ew.sigmoid, ew.relu, ew.floor, ew.sign)
ANY_NUMBER = (ew.neg, ew.absolute, ew.square)
PAIRS = (ew.add, ew.sub, ew.mul, ew.maximum, ew.minimum)
COMPARISONS = (ew.less, ew.greater_equal, ew.equal, ew.not_equal)
BOOLS = (ew.logical_and, ew.logical_or, ew.logical_xor)


@st.composite
def leaves(draw: Draw, kind: dt.dtype, most: int = 40) -> Node:
    """A constant, dense or not, also without elements or dimensions."""
    sizes = st.one_of(st.integers(1, 5), st.integers(0, most))
    shape = tuple(draw(st.lists(sizes, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    wide = tuple(size + draw(st.integers(0, 2)) for size in shape)
    x = values(rng, wide, kind)[(..., *(slice(size) for size in shape))]
    order = draw(st.permutations(range(len(shape))))
    if draw(st.booleans()) and x.size:
        x = x[(..., *(slice(None, None, -1) for _ in shape))]
    return constant(x.transpose(order), kind)


def values(rng: Any, shape: tuple[int, ...], kind: dt.dtype) -> np.ndarray:
    """Numbers from -2 to 2, or small integers."""
    if kind.is_floating_point:
        return np.asarray(rng.uniform(-2, 2, shape)).astype(kind.numpy)
    low = -3 if kind.is_signed else 0
    return np.asarray(rng.integers(low, 4, shape)).astype(kind.numpy)


@st.composite
def graphs(draw: Draw) -> list[Node]:
    """Some nodes of a random graph, whose values are wanted."""
    kind = draw(st.sampled_from(KINDS))
    nodes = [draw(leaves(kind))]
    for _ in range(draw(st.integers(1, 8))):
        nodes.append(draw(one_more(nodes)))
    wanted = draw(st.sets(st.sampled_from(range(len(nodes))), max_size=3))
    found = [nodes[at] for at in sorted(wanted | {len(nodes) - 1})]
    return [each for each in found if each.value is None] or [
        ew.add(nodes[0], nodes[0])
    ]


@st.composite
def one_more(draw: Draw, nodes: list[Node]) -> Node:
    """An op on one of the nodes, and perhaps on others."""
    x = draw(st.sampled_from(nodes))
    makers = [_elementwise, _pair, _view, _view, _reduction, _joined]
    return draw(draw(st.sampled_from(makers))(x, nodes))


@st.composite
def _elementwise(draw: Draw, x: Node, nodes: list[Node]) -> Node:
    if x.dtype is dt.bool_:
        return draw(st.sampled_from((ew.logical_not(x), ew.cast(x, dt.float32))))
    ops = (*ANY_NUMBER, *(FLOAT_ONLY if x.dtype.is_floating_point else ()))
    op = draw(st.sampled_from(ops))
    if op is ew.exp:
        x = ew.minimum(x, ew.const_like(3, x))
    if op is ew.square:
        x = ew.maximum(ew.minimum(x, ew.const_like(3, x)), ew.const_like(0, x))
    return op(x)


@st.composite
def _pair(draw: Draw, x: Node, nodes: list[Node]) -> Node:
    """Broadcast with a node of the same dtype, or with a new leaf."""
    alike = [each for each in nodes if each.dtype is x.dtype and _fits(x, each)]
    shape = tuple(draw(st.sampled_from((1, size))) for size in x.shape)
    shape = shape[draw(st.integers(0, len(shape))) :]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    other = constant(values(rng, shape, x.dtype), x.dtype)
    if alike and draw(st.booleans()):
        other = draw(st.sampled_from(alike))
    if x.dtype is dt.bool_:
        return draw(st.sampled_from(BOOLS))(x, other)
    y = draw(st.sampled_from((*PAIRS, *COMPARISONS)))(x, other)
    if y.dtype is dt.bool_ and draw(st.booleans()):
        return ew.where(y, x, other)
    return _bounded(y)


def _bounded(x: Node) -> Node:
    """Keep products from growing, which would magnify rounding."""
    if not x.dtype.is_floating_point:
        return x
    return ew.maximum(ew.minimum(x, ew.const_like(4, x)), ew.const_like(-4, x))


def _fits(x: Node, other: Node) -> bool:
    pairs = zip(x.shape[::-1], other.shape[::-1], strict=False)
    return all(1 in (a, b) or a == b for a, b in pairs) and other.ndim <= 4


@st.composite
def _view(draw: Draw, x: Node, nodes: list[Node]) -> Node:
    makers = [_permuted, _sliced, _flipped, _expanded, _reshaped, _strided]
    return draw(draw(st.sampled_from(makers))(x))


@st.composite
def _permuted(draw: Draw, x: Node) -> Node:
    return mv.permute(x, tuple(draw(st.permutations(range(x.ndim)))))


@st.composite
def _sliced(draw: Draw, x: Node) -> Node:
    ranges = []
    for size in x.shape:
        step = draw(st.integers(1, 3))
        start = draw(st.integers(0, max(size - 1, 0)))
        most = -(-(size - start) // step)
        ranges.append((start, draw(st.integers(0, most)), step))
    if draw(st.booleans()) or not x.ndim:
        return mv.slice_(x, tuple(ranges))
    rng = np.random.default_rng(0)
    new = values(rng, tuple(count for _, count, _ in ranges), x.dtype)
    return mv.slice_update(x, constant(new, x.dtype), ranges=tuple(ranges))


@st.composite
def _strided(draw: Draw, x: Node) -> Node:
    """A diagonal, or sliding windows."""
    if x.ndim >= 2 and draw(st.booleans()):
        first, second = draw(st.permutations(range(x.ndim)))[:2]
        offset = draw(st.integers(-x.shape[first], x.shape[second]))
        return mv.diagonal(x, offset=offset, first=first, second=second)
    axes = [axis for axis, size in enumerate(x.shape) if size]
    if not axes or x.ndim > 4:
        return mv.flip(x, ())
    axis = draw(st.sampled_from(axes))
    size = draw(st.integers(1, min(x.shape[axis], 4)))
    return mv.sliding(x, axis=axis, size=size, step=draw(st.integers(1, 3)))


@st.composite
def _flipped(draw: Draw, x: Node) -> Node:
    axes = draw(st.sets(st.integers(0, max(x.ndim - 1, 0)), max_size=x.ndim))
    return mv.flip(x, tuple(sorted(axes)))


@st.composite
def _expanded(draw: Draw, x: Node) -> Node:
    shape = tuple(draw(st.integers(1, 4)) if size == 1 else size for size in x.shape)
    more = (draw(st.integers(1, 3)),) if x.ndim < 4 and draw(st.booleans()) else ()
    return expand(x, (*more, *shape))


@st.composite
def _reshaped(draw: Draw, x: Node) -> Node:
    if not x.size or not x.ndim:
        return reshape(x, (*x.shape, 1))
    at = draw(st.integers(0, x.ndim - 1))
    size = x.shape[at]
    divisors = [each for each in range(1, size + 1) if size % each == 0]
    first = draw(st.sampled_from(divisors))
    split = (*x.shape[:at], first, size // first, *x.shape[at + 1 :])
    return reshape(
        x,
        draw(st.sampled_from((split[:5], (x.size,), (x.size, 1))))
        if len(split) <= 5
        else (x.size,),
    )


@st.composite
def _reduction(draw: Draw, x: Node, nodes: list[Node]) -> Node:
    axes = tuple(sorted(draw(st.sets(st.integers(0, max(x.ndim - 1, 0))))))
    axes = axes if x.ndim else ()
    keepdims = draw(st.booleans())
    if x.dtype is dt.bool_:
        op = draw(st.sampled_from((rd.any_, rd.all_)))
    elif any(x.shape[axis] == 0 for axis in axes):
        op = sum_
    else:
        op = draw(st.sampled_from((sum_, rd.amax, rd.amin)))
    if x.dtype.is_floating_point and x.ndim and draw(st.booleans()):
        curve = draw(st.sampled_from((rd.softmax, rd.log_softmax)))
        return curve(x, axis=draw(st.integers(0, x.ndim - 1)))
    y = op(x, axes=axes, keepdims=keepdims)
    return _bounded(y)


@st.composite
def _joined(draw: Draw, x: Node, nodes: list[Node]) -> Node:
    if not x.ndim:
        return reshape(x, (1,))
    alike = [n for n in nodes if n.shape == x.shape and n.dtype is x.dtype]
    parts = draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
    return mv.cat(x, *parts, axis=draw(st.integers(0, x.ndim - 1)))
