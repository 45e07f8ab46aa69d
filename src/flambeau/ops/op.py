"""What an op is: one record with its shape rule, gradient rules and NumPy meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..dtypes import dtype, from_numpy_dtype, scalar_name
from ..graph import Node, record, state, topological

__all__ = [
    "COMPLEX_RULES",
    "Combined",
    "Gradient",
    "Infer",
    "Op",
    "View",
    "refuse_complex",
    "records",
    "same_as_input",
]

# The ops that take complex numbers; the meaning of all others is for real ones.
_WITH_DERIVATIVES = (
    "neg add sub mul div pow reciprocal square sqrt rsqrt exp exp2 expm1 log log2 "
    "log10 log1p sigmoid sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh "
    "sum prod cumsum cumprod matmul linalg_inv linalg_det linalg_solve "
)
_OWN_RULES = (
    "cast conj modulus angle sgn view_as_real view_as_complex fft_c2c fft_c2r eq ne "
    "isnan isinf isfinite logical_and logical_or logical_xor logical_not any all "
    "linalg_eig linalg_eigvals "
)
_MOVING = (
    "alias rebind detach bits view expand permute slice slice_update "
    "view_put view_add "
    "as_strided diagonal unfold cat flip index index_put index_add gather scatter "
    "scatter_add"
)
_TAKE_COMPLEX = frozenset((_WITH_DERIVATIVES + _OWN_RULES + _MOVING).split())
COMPLEX_RULES = frozenset(_OWN_RULES.split())  # their gradients are complex as they are

Infer = Callable[..., tuple[tuple[int, ...], dtype]]
"""`infer(*inputs, **params) -> (shape, dtype)`; raises the errors users see."""

Gradient = Callable[..., Node]
"""`gradient(g, y, *inputs, **params) -> Node`: what reaches one input.

`g` is the gradient that arrives at the op's output `y`. The rule is written with
ops, so that it can be differentiated again.
"""


def refuse_complex(name: str, kind: dtype) -> NoReturn:
    """Raise the error of what is for real numbers only."""
    raise NotImplementedError(
        f"\"{name}\" not implemented for '{scalar_name(kind)}': it takes real "
        "numbers; convert the tensor with .real, .imag or .abs()"
    )


class Op:
    """One primitive operation, called with nodes to record a node.

    Attributes:
        name: how printed graphs and error messages call it.
        infer: the shape-and-dtype rule.
        numpy: the meaning, `numpy(*arrays, **params) -> array`. It works in the
            precision of the arrays it is given; the evaluator casts the result to
            the node's dtype. It may return a view of an input, never write to one.
        gradients: a rule per input, with None where no gradient flows; or one
            function `(index, g, y, *inputs, **params)` for ops with any number of
            inputs; or None for an op that is not differentiable at all.
        torch_name: what torch calls the backward node, shown by `grad_fn`.
    """

    __slots__ = ("gradients", "infer", "name", "numpy", "torch_name")

    def __init__(
        self,
        name: str,
        infer: Infer,
        numpy: Callable[..., np.ndarray],
        gradients: Sequence[Gradient | None] | Gradient | None = None,
        torch_name: str | None = None,
    ) -> None:
        self.name = name
        self.infer = infer
        self.numpy = numpy
        self.gradients = gradients
        self.torch_name = torch_name or name.title().replace("_", "")

    def __call__(self, *inputs: Node, **params: Any) -> Node:
        if inputs and inputs[0].dtype.is_complex and self.name not in _TAKE_COMPLEX:
            refuse_complex(self.name, inputs[0].dtype)
        shape, kind = self.infer(*inputs, **params)
        return record(self, inputs, params, shape, kind)

    def input_gradient(self, index: int, g: Node, node: Node) -> Node | None:
        """Return what reaches input `index` of `node` when `g` arrives at it."""
        if callable(self.gradients):
            return self.gradients(index, g, node, *node.inputs, **node.params)
        rule = self.gradients[index] if self.gradients else None
        return None if rule is None else rule(g, node, *node.inputs, **node.params)

    def __repr__(self) -> str:
        return f"Op({self.name})"


class View(Op):
    """An op that shows its input's elements in another way: the basis of aliasing.

    Attributes:
        put: `put(parent, new, **params) -> Node`: the parent's value after `new` has
            been written through the view; None where the view shows an element more
            than once, so that this view alone does not say what a write means.
        layout: `layout(shape, strides, offset, **params) -> (strides, offset)`: how
            the view reads the parent's memory, in elements, or None where no strides
            can express it and torch would copy.
    """

    __slots__ = ("layout", "put")

    def __init__(
        self,
        name: str,
        infer: Infer,
        numpy: Callable[..., np.ndarray],
        gradients: Sequence[Gradient | None] | None,
        *,
        put: Callable[..., Node] | None,
        layout: Callable[..., tuple[tuple[int, ...], int] | None],
        torch_name: str | None = None,
    ) -> None:
        super().__init__(name, infer, numpy, gradients, torch_name)
        self.put = put
        self.layout = layout


def same_as_input(
    x: Node, *others: Node, **params: Any
) -> tuple[tuple[int, ...], dtype]:
    """The shape rule of ops whose result looks like their first input."""
    return x.shape, x.dtype


class Combined(Op):
    """What other ops compute, recorded as one node: fewer nodes cost less Python.

    The compiler puts the parts in the node's place. The parts are recorded themselves
    for complex numbers and, without gradient rules, wherever autograd records.

    Attributes:
        parts: `parts(*inputs, **params) -> Node`: computes it by other ops.
    """

    __slots__ = ("parts",)

    def __init__(
        self,
        name: str,
        parts: Callable[..., Node],
        gradients: Sequence[Gradient | None] | None = None,
        infer: Infer = same_as_input,
        torch_name: str | None = None,
    ) -> None:
        super().__init__(name, infer, self._meaning, gradients, torch_name)
        self.parts = parts

    def __call__(self, *inputs: Node, **params: Any) -> Node:
        apart = not state.combines or inputs[0].dtype.is_complex
        if apart or (not self.gradients and records(inputs)):
            return self.parts(*inputs, **params)
        shape, kind = self.infer(*inputs, **params)
        return record(self, inputs, params, shape, kind)

    def _meaning(self, *arrays: np.ndarray, **params: Any) -> np.ndarray:
        given = [
            Node(None, (), {}, each.shape, from_numpy_dtype(each.dtype), each)
            for each in arrays
        ]
        made = self.parts(*given, **params)
        for node in topological([made]):
            if node.op is not None:
                values = [each.value for each in node.inputs]
                found = np.asarray(node.op.numpy(*values, **node.params))
                node.value = found.astype(node.dtype.numpy, copy=False)
        assert made.value is not None
        return made.value


def records(inputs: Sequence[Node]) -> bool:
    """Whether autograd records what is computed from some nodes."""
    if state.grad_enabled:
        for each in inputs:
            if each.tape is not None:
                return True
    return False
