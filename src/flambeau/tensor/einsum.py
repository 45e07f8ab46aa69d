"""Einstein summation, composed of diagonals, permutations, matmul and sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import reshape, sum_
from ..ops.contract import contract
from ..ops.movement import diagonal, permute
from .handle import Handle, wrap
from .reduction import accumulating

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["einsum"]

# The letters that torch gives the numbers of the sublist format.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# A label names a dimension: a letter, or "...k" for the k-th from the end of those
# that an ellipsis stands for.
Labels = tuple[str, ...]


class _Term(NamedTuple):
    """A value whose dimensions have labels."""

    node: Node
    labels: Labels


def einsum(*args: Any) -> Tensor:
    """Multiply tensors and sum over the subscripts that the result does not name.

    Each letter names a dimension; operands that share one are multiplied along it, and
    a letter repeated in one operand reads the diagonal. `...` stands for any further
    dimensions, which broadcast. Without `->` the result has those dimensions and then
    the letters that occur once, in alphabetical order. Operands are multiplied from
    left to right.

    Args:
        args: the equation and the operands; or operands, each followed by a list of
            numbers from 0 to 51 or `...`, and optionally the list of the result.

    Raises:
        RuntimeError: the equation is malformed or does not fit the operands.
        ValueError: there are no operands, or a number is outside 0 … 51.

    Source: torch's page "torch.einsum".

    Example:
        >>> import flambeau as torch
        >>> a, b = torch.ones(2, 3), torch.ones(3, 4)
        >>> torch.einsum("ij,jk->ik", a, b).shape
        torch.Size([2, 4])
        >>> torch.einsum("ii", torch.ones(3, 3))
        tensor(3.)
    """
    equation, operands = _arguments(args)
    terms, output = _labelled(equation, operands)
    terms = _without_ones([_diagonals(at, each) for at, each in enumerate(terms)])
    result = terms[0]
    for at, each in enumerate(terms[1:], 1):
        wanted = {label for later in terms[at + 1 :] for label in later.labels}
        result = _multiply(result, each, wanted.union(output))
    result = _sum_out(result, output)
    order = tuple(result.labels.index(label) for label in output)
    return wrap(permute(result.node, order))


# Reading the arguments


def _arguments(args: Sequence[Any]) -> tuple[str, list[Node]]:
    """Return the equation and the operands of either format."""
    if not args:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or "
            "at least one operand and its subscripts list"
        )
    if isinstance(args[0], str):
        listed = args[1] if len(args) == 2 and _is_list(args[1]) else args[1:]
        return args[0], _same_dtype(listed)
    operands, subscripts = args[0 : len(args) - 1 : 2], args[1::2]
    equation = ",".join(_from_sublist(each) for each in subscripts)
    if len(args) % 2:
        equation += "->" + _from_sublist(args[-1])
    return equation, _same_dtype(operands)


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _same_dtype(operands: Iterable[Any]) -> list[Node]:
    nodes = []
    for each in operands:
        if not isinstance(each, Handle):
            raise TypeError(
                f"einsum(): operands must be Tensors, got {type(each).__name__}"
            )
        nodes.append(each.node)
    if not nodes:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand"
        )
    if any(each.dtype is not nodes[0].dtype for each in nodes):
        kinds = ", ".join(each.dtype.name for each in nodes)
        raise RuntimeError(
            f"einsum(): operands must have the same dtype, but got: {kinds}; convert "
            "with .to()"
        )
    return nodes


def _from_sublist(numbers: Iterable[Any]) -> str:
    parts = []
    for each in numbers:
        if each is not Ellipsis and not 0 <= each < len(_LETTERS):
            raise ValueError(
                "einsum(): subscript in subscript list is not within the valid range "
                f"[0, 52), got {each}"
            )
        parts.append("..." if each is Ellipsis else _LETTERS[each])
    return "".join(parts)


def _labelled(equation: str, operands: list[Node]) -> tuple[list[_Term], Labels]:
    """Return the operands with their labels, and the labels of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(operands):
        which = "fewer" if len(operands) < len(texts) else "more"
        raise RuntimeError(
            f"einsum(): {which} operands were provided than specified in the equation: "
            f"{len(operands)} for '{left}'"
        )
    terms = [
        _Term(node, _labels_of(text, node, f"operand {at}"))
        for at, (text, node) in enumerate(zip(texts, operands))
    ]
    hidden = _hidden(label for each in terms for label in each.labels)
    if not arrow:
        return terms, (*hidden, *_once(terms))
    return terms, _output_labels(right, terms, hidden)


def _tokens(text: str, what: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        dots = text[at : at + 3] == "..."
        if not dots and text[at] not in _LETTERS:
            raise RuntimeError(
                f"einsum(): invalid subscript '{text[at]}' given in '{text}' for "
                f"{what}, subscripts must be in [a-zA-Z] or '...'"
            )
        tokens.append("..." if dots else text[at])
        at += 3 if dots else 1
    if tokens.count("...") > 1:
        raise RuntimeError(f"einsum(): found two ellipses in '{text}' for {what}")
    return tokens


def _labels_of(text: str, node: Node, what: str) -> Labels:
    tokens = _tokens(text, what)
    letters = len(tokens) - tokens.count("...")
    if letters > node.ndim or (letters < node.ndim and "..." not in tokens):
        raise RuntimeError(
            f"einsum(): the number of subscripts in '{text}' ({letters}) does not "
            f"match the number of dimensions ({node.ndim}) for {what} of shape "
            f"{node.shape}" + ("" if "..." in tokens else " and no ellipsis was given")
        )
    labels: list[str] = []
    for each in tokens:
        labels += _ellipsis(node.ndim - letters) if each == "..." else [each]
    return tuple(labels)


def _ellipsis(count: int) -> Labels:
    """Number from the end, so that the ellipses of different operands align there."""
    return tuple(f"...{at}" for at in reversed(range(count)))


def _hidden(labels: Iterable[str]) -> Labels:
    return _ellipsis(len({label for label in labels if label.startswith("...")}))


def _once(terms: list[_Term]) -> Labels:
    letters = [label for each in terms for label in each.labels if len(label) == 1]
    return tuple(sorted(each for each in letters if letters.count(each) == 1))


def _output_labels(text: str, terms: list[_Term], hidden: Labels) -> Labels:
    tokens = _tokens(text, "the output")
    known = {label for each in terms for label in each.labels}
    for each in tokens:
        if each != "..." and each not in known:
            raise RuntimeError(
                f"einsum(): output subscript {each} does not appear in the equation "
                "for any input operand"
            )
        if tokens.count(each) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {each} appears more than once in the "
                "output"
            )
    labels: list[str] = []
    for each in tokens:
        labels += hidden if each == "..." else [each]
    return tuple(labels)


# Computing


def _diagonals(at: int, term: _Term) -> _Term:
    """Read the diagonal where a label is repeated."""
    node, labels = term
    for label in labels:
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if node.shape[first] != node.shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {at} but the "
                    f"sizes don't match, {node.shape[first]} != {node.shape[second]}"
                )
            node = diagonal(node, offset=0, first=first, second=second)
            rest = [each for each in (*labels[:first], *labels[first + 1 :])]
            rest.remove(label)
            labels = (*rest, label)
    return _Term(node, labels)


def _without_ones(terms: list[_Term]) -> list[_Term]:
    """Drop sizes of 1 that broadcast against a larger size of another operand."""
    sizes: dict[str, int] = {}
    for at, each in enumerate(terms):
        for label, size in zip(each.labels, each.node.shape):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {size} for operand {at} "
                    "which does not broadcast with previously seen size "
                    f"{known}"
                )
    return [_kept(each, sizes) for each in terms]


def _kept(term: _Term, sizes: dict[str, int]) -> _Term:
    pairs = zip(term.labels, term.node.shape)
    kept = [(label, size) for label, size in pairs if size == sizes[label]]
    shape = tuple(size for _, size in kept)
    return _Term(reshape(term.node, shape), tuple(label for label, _ in kept))


def _sum_out(term: _Term, wanted: Iterable[str]) -> _Term:
    wanted = set(wanted)
    axes = tuple(at for at, each in enumerate(term.labels) if each not in wanted)
    if not axes:
        return term
    labels = tuple(each for each in term.labels if each in wanted)
    node = accumulating(wrap(term.node), None)
    return _Term(sum_(node, axes=axes, keepdims=False), labels)


def _multiply(a: _Term, b: _Term, wanted: set[str]) -> _Term:
    """Multiply two terms and sum over the labels that nothing later asks for."""
    a = _sum_out(a, wanted.union(b.labels))
    b = _sum_out(b, wanted.union(a.labels))
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in wanted]
    summed = [label for label in shared if label not in wanted]
    own_a = [label for label in a.labels if label not in shared]
    own_b = [label for label in b.labels if label not in shared]
    left = _ordered(a, batch + own_a + summed)
    right = _ordered(b, batch + summed + own_b)
    labels = (*batch, *own_a, *own_b)
    if summed:
        return _Term(contract(left, right, len(batch), len(summed)), labels)
    ones = (1,) * len(own_a)
    spread = (*right.shape[: len(batch)], *ones, *right.shape[len(batch) :])
    column = reshape(left, left.shape + (1,) * len(own_b))
    return _Term(ew.mul(column, reshape(right, spread)), labels)


def _ordered(term: _Term, labels: list[str]) -> Node:
    return permute(term.node, tuple(term.labels.index(each) for each in labels))
