"""What a layer has recorded before is recorded again without asking the layer.

A layer of this package that is called again with tensors of the same kind records the
same nodes, from other values. Its second call is watched. If all that it did was to
record nodes and to write to tensors of its own, calls like it are recalled: nodes, one
like each of those, and no more Python than that. So are containers of such layers.

    conv(x)  ->  options, checks, shape rules, conv, view, add  ->  y   asked
    conv(x)  ->  conv, view, add                                ->  y   recalled

Where no gradient flows and nothing but a result is made, the nodes are one node until
somebody looks into it (`bundles`).

Whatever a call depends on besides values is compared: the kinds of tensors, modes,
members, hooks, `forward` itself. Modules of other packages are always asked, as they
may do anything.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import FunctionType
from typing import Any, TypeAlias

from .. import dtypes as dt
from ..bundles import Bundle, Content, Pattern, Step
from ..devices import device as Device
from ..graph import RECORDED, Node, state, topological
from ..recorder import Check, Recorder, changes, passes, writes
from ..tensor import Tensor, evaluate_pending, wrap
from ..tensor.autocasting import precision
from .members import attributes_of
from .parameter import Parameter

__all__ = ["UNKNOWN", "Calls", "calls", "calls_of"]

UNKNOWN: Any = object()
"""Stands for the result of a call that is not recalled."""

_OWN = __name__.partition(".")[0]
_PLAIN = (type(None), bool, int, float, complex, str, bytes, dt.dtype, Device)
_MEMBERS = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
_MOST_WATCHED = 16  # calls of a module, until members of some module change
_MOST_CONSTANTS = 1 << 16  # bytes that a recalled call keeps

Forwards: TypeAlias = list[tuple[type, Callable[..., Any], Callable[..., Any]]]
Kind: TypeAlias = tuple[Any, ...]


class Calls:
    """What is known of the calls of one module.

    Args:
        module: the module.
    """

    __slots__ = ("_changes", "_known", "_last", "_left", "_reference")

    def __init__(self, module: Any) -> None:
        self._reference = weakref.ref(module, partial(_forget, id(module)))
        self._changes = -1
        self._start()

    def _start(self) -> None:
        """Begin anew after members or hooks of some module have changed."""
        self._known: dict[Kind, _Recall | None] = {}
        self._last: tuple[Any, _Recall | None] = (None, None)
        self._left = _MOST_WATCHED

    def call(self, module: Any, args: tuple[Any, ...]) -> Any:
        """Return what the module returns, or `UNKNOWN` if it has to be asked."""
        count = changes.count
        if self._changes != count:
            self._changes = count
            self._start()
            return UNKNOWN
        if state.recorder is not None or not (self._left or self._known):
            return UNKNOWN
        # with the count, as another thread may change members and call meanwhile
        key: list[Any] = [count, state.grad_enabled, state.inference, state.combines]
        key += (precision.lower, dt.get_default_dtype())
        nodes: list[Node] = []
        for each in args:
            if type(each) is not Tensor and type(each) is not Parameter:
                return UNKNOWN
            node = each.node
            nodes.append(node)
            key += (node.shape, node.dtype, node.tape is None, each._layout)
        last, recall = self._last  # comparing is quicker than hashing
        if key != last:
            kind = tuple(key)
            found = self._known.get(kind, UNKNOWN)
            if found is UNKNOWN:
                return self._watch(module, args, nodes, kind)
            recall = found
            self._last = key, recall
        if recall is None:
            return UNKNOWN
        result = recall.again(args, nodes)
        if result is UNKNOWN:
            self._known.pop(tuple(key), None)
            self._last = (None, None)
        return result

    def _watch(
        self, module: Any, args: tuple[Any, ...], nodes: list[Node], kind: Kind
    ) -> Any:
        """Ask the module, and find out what it does."""
        if not self._left:
            return UNKNOWN
        forwards = _forwards(module)
        if forwards is None:
            self._left = 0
            return UNKNOWN
        self._left -= 1
        self._known[kind] = None
        watch = _Watch(module, args, nodes)
        result = watch.run()
        self._known[kind] = watch.recall(result, forwards)
        return result


calls: dict[int, Calls] = {}
"""The calls of the modules of this package that were called, by the module's id."""


def calls_of(module: Any) -> Calls | None:
    """Return what is known of a module's calls; None: it is of another package."""
    if not module.__module__.startswith(f"{_OWN}."):
        return None
    return calls.setdefault(id(module), Calls(module))


def _forget(key: int, reference: Any) -> None:
    calls.pop(key, None)


class _Unfit(Exception):
    """A call does more than can be recalled."""


class _Watch:
    """One call of a module, and what it did."""

    def __init__(self, module: Any, args: Sequence[Tensor], nodes: list[Node]) -> None:
        self._module, self._args = module, args
        self._tensors = [*args, *module.parameters(), *module.buffers()]
        others = [each.node for each in self._tensors[len(args) :]]
        self._nodes = nodes + others
        self._versions = [each._root()._version for each in self._tensors]
        self._changes = changes.count
        self._recorder = Recorder()

    def run(self) -> Any:
        """Do the call."""
        state.recorder = self._recorder
        try:
            return self._module.forward(*self._args)
        finally:
            state.recorder = None

    def recall(self, result: Any, forwards: Forwards) -> _Recall | None:
        """Return what does the call again, or None if that cannot be."""
        recorder = self._recorder
        if recorder.deferred:
            evaluate_pending()
        try:
            if recorder.reason or recorder.sources or recorder.deferred:
                raise _Unfit
            if recorder.warned or self._changes != changes.count:
                raise _Unfit
            return self._recall(result, forwards)
        except _Unfit:
            return None

    def _recall(self, result: Any, forwards: Forwards) -> _Recall:
        made = self._written()
        place = next((at for at, each in enumerate(self._args) if each is result), -1)
        if place < 0:
            self._check_new(result)
            made[-1] = result
        noted = {id(each()): at for at, each in enumerate(state.pending)}
        order = sorted(made, key=lambda at: noted.get(id(made[at]), -1))
        roots = [made[at]._node for at in order]
        read, constants, made_nodes = self._sorted(roots)
        members = sorted({at for at in (*read, *order) if at >= len(self._args)})
        nodes = [*self._nodes[: len(self._args)], *(self._nodes[at] for at in members)]
        nodes += constants + made_nodes
        places = {id(node): at for at, node in enumerate(nodes)}
        recall = _Recall()
        recall.forwards = forwards
        recall.members = [
            (weakref.ref(self._tensors[at]), node.shape, node.dtype, node.tape is None)
            for at, node in zip(members, nodes[len(self._args) :])
        ]
        recall.checks = self._checks(places)
        steps = [_step(node, places) for node in made_nodes]
        recall.pattern = Pattern(constants, steps)
        recall.effects = [
            (places[id(self._nodes[at])] if at >= 0 else -1, places[id(root)])
            for at, root in zip(order, roots)
        ]
        recall.writes = any(0 <= at < len(self._args) for at, _ in recall.effects)
        recall.result = place
        recall.version = result._version
        recall.is_bundle = (
            recall.effects == [(-1, len(nodes) - 1)]
            and len(steps) > 1
            and all(step.tape is None for step in steps)
        )
        return recall

    def _checks(self, places: dict[int, int]) -> list[tuple[int, Check]]:
        """What was checked of values that may be others, by their place."""
        found = []
        for node, check in self._recorder.checks:
            if id(node) in self._recorder.constants:
                continue
            if id(node) not in places:
                raise _Unfit
            found.append((places[id(node)], check))
        return found

    def _written(self) -> dict[int, Tensor]:
        """The tensors that were written to, once each, by their place."""
        found = {}
        each = zip(self._tensors, self._nodes, self._versions)
        for at, (tensor, node, version) in enumerate(each):
            now = tensor._root()._version
            if now == version and tensor.node is node:
                continue
            is_own = tensor._base is None and tensor._shared is None
            taped = at >= len(self._args) and node.tape is not None
            if not is_own or taped or now != version + 1:
                raise _Unfit
            found[at] = tensor
        return found

    def _check_new(self, result: Any) -> None:
        """Check that the result is a new tensor that shares nothing."""
        if type(result) is not Tensor or not vars(result).keys() <= _NEW:
            raise _Unfit
        if any(each is result for each in self._tensors):
            raise _Unfit

    def _sorted(
        self, roots: Iterable[Node]
    ) -> tuple[list[int], list[Node], list[Node]]:
        """What some nodes are made of: places of tensors, constants, nodes made."""
        places = {id(node): at for at, node in enumerate(self._nodes)}
        twice = len(places) < len(self._nodes)
        read, constants, made = [], [], []
        for node in topological(roots, lambda node: _reads(node, places)):
            if id(node) in places:
                read.append(places[id(node)])
            elif id(node) in self._recorder.constants:
                constants.append(node)
            elif node.value is None and node.tape in (None, RECORDED):
                made.append(node)
            else:
                raise _Unfit
        if twice or sum(_bytes(each) for each in constants) > _MOST_CONSTANTS:
            raise _Unfit
        return read, constants, made


_NEW = frozenset(("_node", "_version"))  # what a new tensor has


def _reads(node: Node, places: dict[int, int]) -> tuple[Node, ...]:
    known = id(node) in places or node.value is not None
    return () if known else node.inputs


def _bytes(node: Node) -> int:
    return 0 if node.value is None else node.value.nbytes


def _step(node: Node, places: dict[int, int]) -> Step:
    inputs = tuple([places[id(each)] for each in node.inputs])
    return Step(node.op, inputs, node.params, node.shape, node.dtype, node.tape)


class _Recall:
    """What does a call again.

    A list of nodes begins with those of the arguments; those of other tensors follow,
    and then what the pattern adds to them.

    Attributes:
        forwards: the functions that were asked, and those that ask them, of each class.
        members: the other tensors, held weakly as they may know their module, with
            their shape, their dtype and whether they have no tape.
        checks: what must not raise of values that are known, by their node's place.
        pattern: the nodes that are recorded.
        is_bundle: whether they are one until somebody looks into it: nothing but the
            result is given to the outside, and no gradient flows.
        effects: the place of the node of each tensor that is written to, and that of
            its new one; -1 stands for the result.
        writes: whether arguments are written to.
        result: the argument that is returned, or -1.
        version: the version of the result.
    """

    __slots__ = (
        "__weakref__",
        "_kept",
        "checks",
        "effects",
        "forwards",
        "is_bundle",
        "members",
        "pattern",
        "result",
        "version",
        "writes",
    )

    forwards: Forwards
    members: list[tuple[weakref.ref[Tensor], tuple[int, ...], dt.dtype, bool]]
    checks: list[tuple[int, Check]]
    pattern: Pattern
    is_bundle: bool
    effects: list[tuple[int, int]]
    writes: bool
    result: int
    version: int

    def __init__(self) -> None:
        self._kept: tuple[Node, ...] | None = None  # the members', till one is written

    def again(self, args: Sequence[Tensor], nodes: list[Node]) -> Any:
        """Do the call, or return `UNKNOWN` if it would be another one."""
        for kind, call, forward in self.forwards:
            if kind.__call__ is not call or kind.forward is not forward:  # type: ignore
                return UNKNOWN
        members = self._kept
        if members is None:
            members = self._look(args)
            if members is None:
                return UNKNOWN
        if self.checks:
            known = [*nodes, *members]
            if not all(passes(known[at].value, check) for at, check in self.checks):
                return UNKNOWN
        made = len(self.pattern.steps)
        if not made and not self.effects:
            return args[self.result]
        state.died += made
        if self.is_bundle:
            return self._new(Bundle(Content(self.pattern, tuple(nodes), members)))
        nodes += members
        self.pattern.record(nodes)
        return self._affect(args, nodes)

    def _look(self, args: Sequence[Tensor]) -> tuple[Node, ...] | None:
        """Return the other tensors' nodes, if they are like those that were recorded.

        They are kept where they are asked for again and again, as in inference.
        """
        tensors, nodes, count = [*args], [], writes.count
        may_keep = self.is_bundle or not (self.members or self.writes)
        for reference, shape, dtype, is_free in self.members:
            tensor = reference()
            if tensor is None:
                return None
            if self.is_bundle:
                may_keep &= tensor.keep_values()
            node = tensor.node
            if node.dtype is not dtype or node.shape != shape:
                return None
            if (node.tape is None) is not is_free:
                return None
            nodes.append(node)
            tensors.append(tensor)
        if self.writes and _share_memory(tensors):
            return None
        found = tuple(nodes)
        if may_keep:
            self._kept = found
            if found:
                writes.watch(self, count)
        return found

    def forget(self) -> None:
        """Look at the other tensors again: one was written to."""
        self._kept = None

    def _affect(self, args: Sequence[Tensor], nodes: list[Node]) -> Tensor:
        """Write to tensors in order, and return the result."""
        result = args[self.result] if self.result >= 0 else None
        for place, at in self.effects:
            if place < 0:
                result = self._new(nodes[at])
            elif place < len(args):
                args[place].write(nodes[at])
            else:
                tensor = self.members[place - len(args)][0]()
                assert tensor is not None
                tensor.write(nodes[at])
        assert result is not None
        return result

    def _new(self, node: Node) -> Tensor:
        """The result, if it is a new tensor."""
        result = wrap(node)
        if self.version:
            result._version = self.version
        return result


def _share_memory(tensors: Sequence[Tensor]) -> bool:
    """Whether one is read after another one was written, as it shows its memory."""
    return len({id(each._root()) for each in tensors}) < len(tensors)


def _forwards(module: Any) -> Forwards | None:
    """Return what is asked in a call of a module; None: it may do anything."""
    found: Forwards = []
    known: set[type] = set()
    for each in module.modules():
        kind = type(each)
        asked = kind.__call__, kind.forward
        if not (_is_own(kind) and all(map(_is_own_function, asked))):
            return None
        if each._has_hooks() or not _is_settled(attributes_of(each)):
            return None
        if kind not in known:
            known.add(kind)
            found.append((kind, *asked))
    return found


def _is_own(kind: type) -> bool:
    known = (_OWN, "builtins", "typing", "abc")
    return all(each.__module__.partition(".")[0] in known for each in kind.__mro__)


def _is_own_function(function: Any) -> bool:
    """Whether a function is of this package, and so is what it may stand for."""
    while isinstance(function, FunctionType):
        if str(function.__globals__.get("__name__")).partition(".")[0] != _OWN:
            return False
        if not hasattr(function, "__wrapped__"):
            return True
        function = function.__wrapped__
    return False


def _is_settled(attributes: dict[str, Any]) -> bool:
    """Whether attributes change by assignment only, which is counted."""
    options = [
        value
        for name, value in attributes.items()
        if name not in _MEMBERS and not name.endswith("_hooks")
    ]
    return "forward" not in attributes and all(map(_is_constant, options))


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    if isinstance(value, FunctionType):
        return _is_own_function(value)
    if isinstance(value, type):
        return value.__module__.partition(".")[0] == _OWN
    return isinstance(value, _PLAIN)
