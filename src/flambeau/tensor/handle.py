"""The handle behind every tensor: it points at a node, and can be pointed elsewhere.

Nodes are immutable, so nothing that was saved can be corrupted. Writing in place
points the handle at a new node. A view remembers its base and the steps by which it
reads it: writing through the view rewrites the base, and every other view of that
base reads the new version. Memory shared with NumPy is copied whenever an operation
reads it, for as long as the array is alive somewhere else.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import backend
from ..graph import NOTHING, Node, Tape, constant, state
from ..ops.bits import as_memory, bits_view
from ..ops.broadcast import expand_view, reshape, reshape_view
from ..ops.elementwise import cast
from ..ops.movement import alias, detach, put_strided, rebind
from ..ops.op import View
from ..recorder import changes, spoil, writes
from ..shape import Size, contiguous_strides

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "Handle",
    "Layout",
    "Steps",
    "evaluate",
    "evaluate_pending",
    "is_evaluated",
    "layout_of",
    "layout_through",
    "memory_of",
    "noted",
    "owner_of",
    "settle_fill",
    "show",
    "show_in_place",
    "show_steps",
    "shown",
    "wrap",
]

Steps = tuple[tuple[View, dict[str, Any]], ...]
Layout = tuple[tuple[int, ...], int]  # strides and offset, in elements

# A loop that records and never looks is evaluated after this many new tensors.
_LOOK_AFTER = 20_000
_TIDY_AFTER = 500

_SAME_NUMBERS = (alias, detach, expand_view)


class Handle:
    """State that a tensor has besides its node; the public methods are in `Tensor`.

    The class attributes are the values of a plain tensor, so that making one sets
    nothing but its node.
    """

    _public: type[Tensor]
    _node: Node
    _base: Tensor | None = None
    _steps: Steps = ()
    _layout: Layout | None = None
    _base_version: int = 0
    _tracked: bool = True
    _version: int = 0
    _shared: np.ndarray | None = None
    _grad: Tensor | None = None
    _is_view_leaf: bool = False
    _leaf: Handle | None = None  # the view leaf that it is a view of
    _is_storage: bool = False
    _retains_grad: bool = False
    _is_kept: bool = False  # whether somebody may keep its values until a write

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_public" not in Handle.__dict__:
            Handle._public = cls  # type: ignore[assignment]

    # Reading

    @property
    def node(self) -> Node:
        """The graph node that this tensor stands for now."""
        if self._base is not None:
            return self._read_view(self._root())
        if self._shared is not None:
            return self._read_shared()
        return self._node

    def _root(self) -> Tensor:
        """Return the tensor that owns the memory, this one if it is no view."""
        base = self._base
        if base is None:
            return self  # type: ignore[return-value]
        while base._base is not None:  # it was reshaped in place since
            self._base = base = base._base
        return base

    def _read_view(self, base: Tensor) -> Node:
        node = base.node  # first, for it follows what was written to a shared array
        if self._base_version != base._version:
            leaf, steps = self._leaf, self._steps
            if leaf is not None and leaf._is_view_leaf and leaf._base is not None:
                node, steps = leaf.node, steps[len(leaf._steps) :]
            before, state.grad_enabled = state.grad_enabled, self._tracked
            for op, params in steps:
                node = op(node, **params)
            state.grad_enabled = before
            self._base_version = base._version
            self._node = _leaf_of(self, node) if self._is_view_leaf else node
        if sys.getrefcount(base) <= _HELD_ONCE and self._shows_all(base):
            self._base, self._steps = None, ()  # no other alias is left
        return self._node

    def _shows_all(self, base: Handle) -> bool:
        """Whether all memory is here, in its own order, and nobody else asks for it."""
        if base._shared is not None or base._is_storage:
            return False
        whole = self._node.size == base._node.size
        return whole and self._layout == (contiguous_strides(self._node.shape), 0)

    def _read_shared(self) -> Node:
        """Follow what was written to the array since the last read."""
        assert self._shared is not None
        if not np.array_equal(_bytes(self._shared), _bytes(_value(self._node))):
            self._version += 1
            new = constant(self._shared.copy(), self._node.dtype)
            self._node = self._replaced(new)
        self._is_shared(self._shared)
        return self._node

    def _is_shared(self, array: np.ndarray | None) -> bool:
        """Whether anybody else can write to the array; one that nobody can is let go.

        Args:
            array: `self._shared`, which nothing else than the argument may hold.
        """
        if array is None:
            return False
        if array.base is None and sys.getrefcount(self._shared) <= _HELD_ONCE:
            self._shared = None
        return self._shared is not None

    def _replaced(self, new: Node) -> Node:
        """Give `new` the place that this tensor has on the tape."""
        if _is_leaf_tape(self._node):
            return _leaf_of(self, new)
        if self._node.tape is None:
            return new
        before, state.grad_enabled = state.grad_enabled, True
        placed = rebind(self._node, new)
        state.grad_enabled = before
        placed.value = new.value
        return placed

    # Writing

    def write(self, new: Node) -> None:
        """Give the tensor new values, in every alias of it."""
        self.check_writable()
        new = cast(new, self._node.dtype)
        root = self._root()
        root._point_at(new if root is self else self._put(root.node, new))

    def _put(self, node: Node, new: Node) -> Node:
        """Return the base's value after `new` was written through the steps."""
        parents = [node]
        for op, params in self._steps:
            if op.put is None:
                return self._put_by_position(node, new)
            parents.append(op(parents[-1], **params))
        for (op, params), parent in zip(reversed(self._steps), parents[-2::-1]):
            assert op.put is not None
            new = op.put(parent, new, **params)
        return new

    def _put_by_position(self, node: Node, new: Node) -> Node:
        """Write where the strides say, if they show no element twice."""
        self.check_apart()
        strides, offset = layout_of(self)
        memory = node if node.dtype is new.dtype else as_memory(node, new.dtype)
        written = put_strided(memory, new, new.shape, strides, offset)
        if memory is not node:
            written = reshape(as_memory(written, node.dtype), node.shape)
        if any(op is detach for op, _ in self._steps):
            assert detach.put is not None
            return detach.put(node, written)
        return written

    def check_writable(self) -> None:
        """Raise where autograd forbids a write: leaves, and views of them."""
        if not state.grad_enabled:
            return
        if _is_leaf_tape(self.node):
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place "
                "operation. Wrap the write in `with torch.no_grad():`."
            )
        if any(op is detach for op, _ in self._steps):
            return
        if _is_leaf_tape(self._root()._node):
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an "
                "in-place operation."
            )

    def check_apart(self) -> None:
        """Raise where the strides show an element twice, as those of `expand` do."""
        shape = self._node.shape
        if any(size > 1 and not step for size, step in zip(shape, layout_of(self)[0])):
            raise RuntimeError(
                "unsupported operation: more than one element of the written-to "
                "tensor refers to a single memory location (it was expanded to shape "
                f"{shape}). Please clone() the tensor before performing the operation."
            )

    def _point_at(self, new: Node) -> None:
        self._version += 1
        if _is_leaf_tape(self._node) or not state.grad_enabled:
            new = self._replaced(new)
        if self._is_shared(self._shared):
            assert self._shared is not None
            spoil("memory shared with NumPy was written to")
            backend.evaluate([new])
            np.copyto(self._shared, _value(new))
        self._node = new
        self._note_write()
        note_pending(self)

    def set_data(self, new: Node) -> None:
        """Point at other values of any shape and dtype, as assigning `.data` does."""
        if self._base is not None:
            changes.count += 1  # it no longer shows the memory of another tensor
        self._base = self._shared = None
        self._steps, self._layout = (), None
        self._version += 1
        self._node = _leaf_of(self, new) if _is_leaf_tape(self._node) else new
        self._note_write()
        note_pending(self)

    def adopt(self, node: Node) -> None:
        """Stand for `node`, which has the values this tensor has already."""
        self._node = node
        self._note_write()
        note_pending(self)

    def make_leaf(self, requires_grad: bool) -> None:
        """Start or stop collecting gradients here."""
        if not requires_grad:
            node = self.node
            self._is_view_leaf = False
            if node.tape is not None:
                self._node = detach(node)
                self._note_write()
                note_pending(self)
            return
        node = self.node  # which may be all that is left of its base
        self._is_view_leaf = self._base is not None
        self._node = _leaf_of(self, node)
        self._note_write()
        settle_fill(self)
        note_pending(self)

    def keep_values(self) -> bool:
        """Let those who keep its values know of writes; return whether all are seen."""
        root = self._root()
        self._is_kept = root._is_kept = True
        return root._shared is None

    def _note_write(self) -> None:
        """Tell those who keep values: it stands for others, or shares its memory."""
        if self._is_kept:
            writes.note()

    # Values shared with NumPy

    def expose(self) -> np.ndarray:
        """Return an array that shares this tensor's memory, evaluated.

        As long as the array or a view of it is alive, both sides see each other's
        writes.
        """
        base = self._root()
        evaluate([self])  # type: ignore[list-item]
        if base._shared is None:
            backend.evaluate([base.node])
            base._shared = np.array(_value(base.node), order="C")
            base._note_write()
        array = base._shared.view()
        for op, params in self._steps:
            array = op.numpy(array, **params)
        return array

    def share(self, array: np.ndarray) -> None:
        """Let this tensor and a user's array be the same memory."""
        self._shared = array
        self._note_write()


class _Holder:
    """Measures how many references an array has that only a handle holds."""

    def __init__(self) -> None:
        self._shared = np.empty(0)

    def references(self, array: np.ndarray) -> int:
        """Count as `_is_shared` does, called with the array as an argument."""
        return sys.getrefcount(self._shared)


def _probe() -> int:
    holder = _Holder()
    return holder.references(holder._shared)


_HELD_ONCE = _probe()


def _bytes(array: np.ndarray) -> np.ndarray:
    words = np.uint8 if array.nbytes % 8 else np.uint64  # eight are compared as one
    return np.ascontiguousarray(array).reshape(-1).view(words)


def _value(node: Node) -> np.ndarray:
    assert node.value is not None
    return node.value


def _is_leaf_tape(node: Node) -> bool:
    return node.tape is not None and node.tape.leaf is not None


def _leaf_of(handle: Handle, node: Node) -> Node:
    """Return a node with the value of `node` that collects the handle's gradient."""
    value = _known_value(node)
    inputs = () if value is not None else (node,)
    return Node(alias, inputs, NOTHING, node.shape, node.dtype, value, _tape_of(handle))


def _tape_of(handle: Handle) -> Tape:
    """Return the tape of a leaf that the handle is: the one it has, if it is one."""
    known = handle._node.tape
    if known is None or known.leaf is None:
        return Tape(leaf=weakref.ref(handle))
    if known.leaf() is handle:
        return known
    tape = Tape(leaf=weakref.ref(handle))
    tape.hooks = known.hooks
    return tape


def _known_value(node: Node) -> np.ndarray | None:
    """Return the value of a node if it is there, perhaps in what the node detaches.

    A step that computes with a new parameter is then the same as with one that was
    updated. A recorder has to see what it knows.
    """
    while node.value is None and node.op is detach and state.recorder is None:
        (node,) = node.inputs
    return node.value


def settle_fill(tensor: Handle) -> None:
    """Give a tensor that one number fills values of its own, as computed ones are.

    Those that a step changes are so from its second time on. The first step is then the
    same graph, and compiled once. A recorder has to see the number.
    """
    node = source = tensor.node
    while source.value is None and source.op in _SAME_NUMBERS:
        (source,) = source.inputs
    value = source.value
    is_recorded = node.tape is not None and not _is_leaf_tape(node)
    if value is None or any(value.strides) or is_recorded or state.recorder is not None:
        return
    values = np.array(np.broadcast_to(value, node.shape))
    tensor.adopt(tensor._replaced(constant(values, node.dtype)))


def wrap(node: Node) -> Tensor:
    """Return a new tensor that stands for a node."""
    tensor = Handle._public.__new__(Handle._public)
    tensor._node = node
    if node.value is None:
        note_pending(tensor)
    return tensor


def show(x: Handle, op: View, **params: Any) -> Tensor:
    """Return a view of a tensor where strides can express it, else a copy."""
    return show_steps(x, ((op, params),), layout_through(x, op, params))


def show_steps(x: Handle, steps: Steps, layout: Layout | None) -> Tensor:
    """Return what a chain of view ops shows of a tensor.

    Args:
        x: the tensor.
        steps: the ops with their arguments, in order.
        layout: how the result reads the base's memory, or None for a copy.
    """
    node = x.node
    for op, params in steps:
        node = op(node, **params)
    result = wrap(node)
    if layout is not None:
        base = x._root()
        result._base = base
        result._steps = x._steps + steps
        result._layout = layout
        result._base_version = base._version
        result._tracked = state.grad_enabled
        leaf = x if x._is_view_leaf else x._leaf
        if leaf is not None:
            result._leaf = leaf
    return result


def show_in_place(x: Tensor, steps: Steps, layout: Layout) -> Tensor:
    """Let a tensor itself read its memory through more view ops, as `t_` does.

    What it was before becomes a storage of its own, which other views of it then read.
    """
    x.check_writable()
    node = x.node
    for op, params in steps:
        node = op(node, **params)
    if _is_leaf_tape(x._node):
        x.set_data(node)
        return x
    if x._base is None:
        storage = wrap(x._node)
        storage._version, storage._shared = x._version, x._shared
        storage._is_storage = True
        x._base, x._base_version, x._shared = storage, x._version, None
    x._steps, x._layout = x._steps + steps, layout
    x.adopt(node)
    return x


def memory_of(x: Handle) -> Tensor:
    """Return the memory that `x` reads, in its own order, detached if `x` is.

    It has the dtype of `x`, and one dimension if that is another one than its own.
    """
    root = owner_of(x)
    if any(op is detach for op, _ in x._steps):
        root = show(root, detach)
    own, kind = root._node.dtype, x._node.dtype
    if own is not kind:
        flat = show(root, reshape_view, shape=(root._node.size,))
        root = show(flat, bits_view, to=kind, own=own)
    return root


def owner_of(x: Handle) -> Tensor:
    """Return the tensor whose memory `x` reads, `x` itself if it is no view."""
    x.node  # noqa: B018  reading it finds out whether x still is a view
    return x._root()


def layout_through(x: Handle, op: View, params: dict[str, Any]) -> Layout | None:
    """Return how a view of `x` reads the base's memory; None: strides cannot say."""
    strides, offset = layout_of(x)
    return op.layout(x._node.shape, strides, offset, **params)


def layout_of(x: Handle) -> Layout:
    """Return the strides and the offset, in elements, by which `x` reads its base."""
    return x._layout or (contiguous_strides(x._node.shape), 0)


def size_of(x: Handle) -> Size:
    """Return the shape as torch's Size."""
    return Size(x._node.shape)


# Evaluation


def shown(x: Handle) -> np.ndarray | None:
    """Return the values that a tensor has now, or None if they are to be evaluated.

    Of memory shared with NumPy it is an array of its own kind that shows the memory
    itself: whoever reads it must have done so before anybody writes again.
    """
    if x._base is not None:
        return None
    array, value = x._shared, x._node.value
    if array is None or value is None:
        return value
    # of dense arrays with as many elements, strides tell the shape
    same = array.strides == value.strides and array.dtype is value.dtype
    return array.view() if same and array.flags.carray else None


def is_evaluated(x: object) -> bool:
    """Whether something is a tensor on memory of its own, whose values are there."""
    return (
        isinstance(x, Handle)
        and x._node.value is not None
        and x._base is None
        and x._shared is None
    )


def note_pending(handle: Handle) -> None:
    """Remember that a tensor is waiting for its value; look if very many are."""
    pending = state.pending
    pending.append(weakref.ref(handle))
    if not len(pending) % _TIDY_AFTER:
        _tidy()


def _tidy() -> None:
    """Forget the tensors that are gone: each reference is one for the collector."""
    before = len(state.pending)
    state.pending = [each for each in state.pending if each() is not None]
    state.died += before - len(state.pending)
    if state.died + len(state.pending) >= _LOOK_AFTER:
        spoil("very many tensors were made")
        evaluate_pending()


def evaluate(tensors: Iterable[Tensor]) -> list[np.ndarray]:
    """Return the values of `tensors`; all that is pending is in the same plan.

    Raises:
        Whatever an op raises about values it cannot take, such as an index that is
        out of bounds; other pending tensors are then left for later.
    """
    spoil("a value was looked at")
    roots = [each.node for each in tensors]
    values = [each.value for each in roots]
    if any([each is None for each in values]):
        others = _pending_nodes()
        try:
            backend.evaluate(roots + others)
        except Exception:
            if not others:
                raise
            backend.evaluate(roots)
        values = [each.value for each in roots]
    return values  # type: ignore[return-value]


def evaluate_pending() -> None:
    """Compute every value that a living tensor of this thread is waiting for.

    While a function is recorded that waits until its end.
    """
    if state.recorder is not None:
        state.recorder.deferred = True
    else:
        backend.evaluate(_pending_nodes())


def noted() -> list[Tensor]:
    """Return the tensors noted as pending, each where it was noted last.

    What was noted before a step, as new parameters are, does not change its order.
    """
    last = {id(each): each for each in reversed(state.pending)}
    living = [reference() for reference in last.values()]
    return [each for each in reversed(living) if each is not None]


def _pending_nodes() -> list[Node]:
    nodes = [each._node for each in noted()]
    state.pending, state.died = [], 0
    return [node for node in nodes if node.value is None]
