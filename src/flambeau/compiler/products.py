"""Pass: give products the shape of what follows them, which is then their epilogue.

    y = view(a @ b, (n, t, c));  z = x + y   ->   z = view(view(x, (nt, c)) + a @ b, …)
    y = (a @ b).T;  p = w - r * y            ->   p = w - r * (b.T @ a.T)
    y = (exp(x) / s) @ b                     ->   y = (exp(x) @ b) / s

Linear layers compute rows, and see them in more dimensions afterwards; the gradient of
their weight is that of its transpose; attention divides many weights where there are
fewer results. What alone reads the rows is done on them if it is elementwise, and needs
no more than what is there when the product is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node
from ..ops.broadcast import reshape
from ..ops.contract import matmul
from ..ops.elementwise import div
from ..ops.movement import swap
from .kinds import is_elementwise
from .rewriting import users_of, with_inputs

__all__ = ["fit_products"]


def fit_products(roots: Sequence[Node], order: Sequence[Node]) -> list[Node]:
    """Return the nodes that compute `roots` after the pass.

    Args:
        roots: the nodes that are wanted.
        order: the graph, inputs before users.
    """
    users = users_of(roots, order)
    fitted = _Fitted()
    found: dict[int, Node] = {}
    for node in order:
        inputs = [found[id(each)] for each in node.inputs if node.value is None]
        counts = [users[id(each)] for each in node.inputs[: len(inputs)]]
        found[id(node)] = fitted.of(node, inputs, counts)
    return [found[id(each)] for each in roots]


class _Fitted:
    """The nodes so far.

    Attributes:
        latest: the number of the last product behind each node, by its id.
        rows: the number of the product whose epilogue may compute it, by its id.
    """

    def __init__(self) -> None:
        self.latest: dict[int, int] = {}
        self.rows: dict[int, int] = {}
        self._count = 0
        self._views: dict[tuple[int, tuple[int, ...]], Node] = {}
        self._kept: list[Node] = []  # so that no other node has its id

    def of(self, node: Node, inputs: Sequence[Node], users: Sequence[int]) -> Node:
        """Return what computes a node from inputs that are fitted already.

        Args:
            node: the node.
            inputs: its inputs.
            users: how many nodes read each of these.
        """
        if node.value is not None or node.op is None:
            return self._noted(node)
        if node.name == "view":
            return self._view(inputs[0], node.shape)
        alone = users[:1] == [1]
        if alone and node.name == "permute" and _is_turned_product(node, inputs[0]):
            a, b = inputs[0].inputs
            return self._product(matmul(self._turned(b), self._turned(a)))
        if alone and node.name == "matmul" and _are_shares(inputs[0], inputs[1]):
            exponentials, total = inputs[0].inputs
            product = self._product(matmul(exponentials, inputs[1]))
            return self._noted(div(product, total))
        if is_elementwise(node):
            found = self._on_rows(node, inputs, users)
            if found is not None:
                return found
        made = with_inputs(node, inputs)
        return self._product(made) if node.name == "matmul" else self._noted(made)

    def _noted(self, node: Node) -> Node:
        """Note a node that is new."""
        self._kept.append(node)
        reads = node.inputs if node.value is None else ()
        latest = max((self.latest[id(each)] for each in reads), default=-1)
        self.latest.setdefault(id(node), latest)
        return node

    def _product(self, node: Node) -> Node:
        self.latest[id(node)] = self._count
        if node.ndim == 2:
            self.rows[id(node)] = self._count
        self._count += 1
        return self._noted(node)

    def _turned(self, x: Node) -> Node:
        """Return a matrix's transpose."""
        if _turns(x):
            return x.inputs[0]
        return self._noted(swap(x, x.ndim - 2, x.ndim - 1))

    def _view(self, x: Node, shape: tuple[int, ...]) -> Node:
        """Return a node in another shape; of a view, that of its source."""
        if x.value is None and x.name == "view":
            x = x.inputs[0]
        if x.shape == shape:
            return x
        known = self._views.get((id(x), shape))
        if known is None:
            known = self._views[id(x), shape] = self._noted(reshape(x, shape))
        return known

    def _source(self, x: Node) -> Node:
        """The rows of which a node is another shape, or itself."""
        if x.value is None and x.name == "view" and x.ndim > 2:
            (source,) = x.inputs
            if id(source) in self.rows and source.shape[-1] == x.shape[-1]:
                return source
        return x

    def _on_rows(
        self, node: Node, inputs: Sequence[Node], users: Sequence[int]
    ) -> Node | None:
        """Do an elementwise op on the rows of the last product that it reads."""
        sources = [self._source(each) for each in inputs]
        numbers = [
            self.rows.get(id(source), -1) if each.shape == node.shape else -1
            for each, source in zip(inputs, sources)
        ]
        last = max(numbers)
        if last < 0:
            return None
        shape = sources[numbers.index(last)].shape
        operands = []
        for each, source, number, count in zip(inputs, sources, numbers, users):
            if number == last:
                fits = source.shape == shape and (source is each or count == 1)
                operand = source if fits else None
            elif self.latest[id(each)] < last:
                operand = self._operand(each, node, shape, count)
            else:
                operand = None
            if operand is None:
                return None
            operands.append(operand)
        made = with_inputs(node, operands)
        if node.shape != shape:
            made = Node(node.op, tuple(operands), node.params, shape, node.dtype)
        self.rows[id(made)] = last
        return self._view(self._noted(made), node.shape)

    def _operand(
        self, x: Node, node: Node, rows: tuple[int, ...], users: int
    ) -> Node | None:
        """What an op on rows reads in place of an operand, if that can be a view.

        A view is one of memory: an operand that may be computed where it is read is not
        stored for it.
        """
        shape = (1,) * (node.ndim - x.ndim) + x.shape
        if node.shape == rows or x.ndim <= 1:
            return x
        if x.value is None and is_elementwise(x) and (users < 2 or _is_light(x)):
            return None
        if all(size == 1 for size in shape[:-1]):
            return self._view(x, shape[-1:])
        if shape[:-1] == node.shape[:-1]:
            return self._view(x, (rows[0], shape[-1]))
        return None


def _are_shares(x: Node, b: Node) -> bool:
    """Whether exponentials are divided by a number for each row, which b shortens."""
    if x.value is not None or x.name != "div" or x.ndim < 2:
        return False
    above, total = x.inputs
    is_exp = above.value is None and above.name == "exp" and above.shape == x.shape
    return is_exp and total.shape == (*x.shape[:-1], 1) and b.shape[-1] < x.shape[-1]


def _is_light(x: Node) -> bool:
    """Whether an op on one value of its size is done again rather than read back."""
    if x.value is not None or x.name not in ("add", "sub", "mul"):
        return False
    whole = [each for each in x.inputs if each.shape == x.shape]
    return len(whole) == 1


def _is_turned_product(node: Node, product: Node) -> bool:
    return product.value is None and product.name == "matmul" and _turns(node)


def _turns(node: Node) -> bool:
    """Whether a node is a matrix, or some, transposed."""
    if node.value is not None or node.name != "permute":
        return False
    last = node.ndim - 1
    turned = (*range(last - 1), last, last - 1)
    return bool(last > 0 and node.params["dims"] == turned)
