"""`backward` and `grad`: the reverse walk, started from tensors.

Written against the handle's few methods (`node`, `from_node`, `grad`), so that it
stays below the tensor itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Node, constant
from ..ops.elementwise import add
from ..ops.movement import stack
from .walk import gradients

__all__ = ["backward", "grad"]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` to the `.grad` of the leaves.

    Args:
        tensors: a tensor or a sequence of them; scalars, unless weights are given.
        grad_tensors: a weight tensor for each of `tensors`, or None for 1.
        retain_graph: keep the graph for another pass; by default as `create_graph`.
        create_graph: record the gradients, so that they can be differentiated.
        grad_variables: torch's older name of `grad_tensors`.
        inputs: add to these tensors only.

    Raises:
        RuntimeError: a tensor has no gradient, or is no scalar and has no weight.

    Source: torch's page "torch.autograd.backward".

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> torch.autograd.backward(x * x)
        >>> x.grad
        tensor(6.)
    """
    if grad_variables is not None:
        grad_tensors = _renamed(grad_tensors, grad_variables)
    roots = _listed(tensors)
    nodes, seeds = _roots(roots, _listed(grad_tensors, len(roots)))
    only = None if inputs is None else _listed(inputs)
    if only is not None and not only:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty.")
    targets = None if only is None else [each.node for each in only]
    found = gradients(
        nodes,
        seeds,
        targets,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    if only is not None:
        for each in only:
            if id(each.node) in found:
                _accumulate(each, found[id(each.node)][1], create_graph)
        return
    for leaf, g in found.values():
        assert leaf.tape is not None
        tensor = leaf.tape.leaf() if leaf.tape.leaf is not None else None
        if tensor is not None:
            _accumulate(tensor, g, create_graph)


def _accumulate(tensor: Any, g: Node, create_graph: bool) -> None:
    """Add to `.grad`: a new tensor where it is recorded, else in place as torch."""
    known = tensor.grad
    if known is None:
        tensor.grad = tensor.from_node(g)
    elif create_graph:
        tensor.grad = tensor.from_node(add(known.node, g))
    else:
        known.detach().write(add(known.node, g))
    tensor.run_post_accumulate_hooks()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """Return the gradients of `outputs` with respect to `inputs`.

    Args:
        outputs: a tensor or a sequence of them.
        inputs: the tensors to differentiate by, or a dict of them.
        grad_outputs: a weight for each output, or None for 1.
        retain_graph: keep the graph for another pass; by default as `create_graph`.
        create_graph: record the gradients, so that they can be differentiated.
        only_inputs: without effect: other leaves collect nothing.
        allow_unused: give None for an input that the outputs do not depend on.
        is_grads_batched: `grad_outputs` have a dimension more, the first one: one
            pass is made for each index in it, and the gradients have it, too.
        materialize_grads: give zeros instead of None.

    Returns:
        A gradient for each input: a tuple, or a dict as `inputs` is one.

    Raises:
        RuntimeError: an input is not used, or does not require a gradient.

    Source: torch's page "torch.autograd.grad".

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> torch.autograd.grad(x ** 2, x)
        (tensor(6.),)
    """
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). "
            "To accumulate gradient for other parts of the graph, please use "
            "torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    is_named = isinstance(inputs, Mapping)
    wanted = list(inputs.values()) if is_named else _listed(inputs)
    roots = _listed(outputs)
    weights = _listed(grad_outputs, len(roots))
    keeps = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        found = _batched(roots, wanted, weights, keeps, create_graph)
    else:
        found = _found(roots, wanted, weights, keeps, create_graph)
    results = []
    for tensor, g in zip(wanted, found, strict=True):
        if g is not None:
            results.append(tensor.from_node(g))
        elif materialize_grads:
            results.append(tensor.from_node(_filled(tensor.node, 0)))
        elif allow_unused:
            results.append(None)
        else:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in "
                "the graph. Set allow_unused=True if this is the desired behavior."
            )
    return dict(zip(inputs, results, strict=True)) if is_named else tuple(results)


def _found(
    roots: Sequence[Any],
    wanted: Sequence[Any],
    weights: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
) -> list[Node | None]:
    """The gradient of each wanted tensor, None where there is none."""
    nodes, seeds = _roots(roots, weights)
    targets = [each.node for each in wanted]
    if any(each.tape is None for each in targets):
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = gradients(
        nodes, seeds, targets, retain_graph=retain_graph, create_graph=create_graph
    )
    return [found[id(node)][1] if id(node) in found else None for node in targets]


def _batched(
    roots: Sequence[Any],
    wanted: Sequence[Any],
    weights: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
) -> list[Node | None]:
    """Differentiate once for each index in the first dimension of the weights."""
    given = [each for each in weights if each is not None]
    count = len(given[0]) if given else 0
    rows = []
    for at in range(count):
        row = [None if each is None else each[at] for each in weights]
        keeps = retain_graph or at + 1 < count
        rows.append(_found(roots, wanted, row, keeps, create_graph))
    return [
        None if column[0] is None else stack([*column], 0)
        for column in zip(*rows, strict=True)
    ]


def _renamed(grad_tensors: Any, grad_variables: Any) -> Any:
    """Return weights that are given under torch's older name."""
    warnings.warn(
        "`grad_variables` is deprecated. Use `grad_tensors` instead.",
        FutureWarning,
        stacklevel=3,
    )
    if grad_tensors is not None:
        raise RuntimeError(
            "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
            "`backward()`. Please only use `grad_tensors`."
        )
    return grad_variables


def _listed(value: Any, length: int = 1) -> list[Any]:
    if value is None:
        return [None] * length
    return list(value) if isinstance(value, Sequence) else [value]


def _filled(like: Node, number: int) -> Node:
    one = np.array(number, like.dtype.numpy)
    return constant(np.broadcast_to(one, like.shape), like.dtype)


def _roots(
    tensors: Sequence[Any], weights: Sequence[Any]
) -> tuple[list[Node], list[Node]]:
    nodes, seeds = [], []
    for tensor, weight in zip(tensors, weights, strict=True):
        node = tensor.node
        if node.tape is None:
            raise RuntimeError(
                "element 0 of tensors does not require grad and does not have a grad_fn"
            )
        nodes.append(node)
        seeds.append(_seed(node, weight))
    return nodes, seeds


def _seed(node: Node, weight: Any) -> Node:
    if weight is None:
        if node.size != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs, got shape "
                f"{node.shape}; pass a gradient of that shape"
            )
        if node.dtype.is_complex:
            raise RuntimeError(
                "grad can be implicitly created only for real scalar outputs but got "
                f"{node.dtype!r}; take .real or .abs(), or pass a gradient"
            )
        return _filled(node, 1)
    if weight.node.shape != node.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {weight.shape} and "
            f"output[0] has a shape of torch.Size({list(node.shape)})."
        )
    return weight.node
