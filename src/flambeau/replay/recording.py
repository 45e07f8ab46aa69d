"""Recording a call: run the function, and find out what it read and what it changed.

The function runs as it always does. What it read are the leaves of the graph that it
leaves behind: values of tensors that were there before, constants, and values that a
recorder was told of. What it changed is told by the tensors that point at new nodes
and are still alive at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import backend
from ..backend import Routine
from ..graph import FREED, Node, state, structure, topological
from ..recorder import Recorder
from ..tensor import Tensor, evaluate, evaluate_pending
from ..tensor.handle import noted
from .replay import Replay
from .script import Kind, Made, Outside, Place, Script, View
from .structure import flatten
from .watch import TooMuch, Watch, is_hooked

__all__ = ["Unfit", "record"]


# where a function could itself read what an optimizer reads anew at each replay
_OPTIONS = ("param_groups", "state_dict", "__dict__", "vars")


class Unfit(Exception):
    """A call cannot be replayed; the message says why."""


def record(
    call: Callable[[], Any], roots: Sequence[Any], tensors: Sequence[Tensor]
) -> tuple[Any, Replay | str]:
    """Run a function, and return its result with what does it again, or why not.

    Args:
        call: runs it.
        roots: what it can reach: itself, and its arguments.
        tensors: those among the arguments.
    """
    evaluate_pending()
    try:
        before = _Before(Watch(roots), tensors)
    except TooMuch as reason:
        return call(), str(reason)
    recorder = state.recorder = Recorder()
    try:
        result = call()
    finally:
        state.recorder = None
        if recorder.deferred and recorder.reason is not None:
            evaluate_pending()
    try:
        if recorder.reason is not None:
            raise Unfit(recorder.reason)
        return result, _Analysis(before, recorder, result).replay()
    except Unfit as reason:
        if recorder.deferred:
            evaluate_pending()
        return result, str(reason)


class _Before:
    """The tensors that a function can reach, as they were before it ran.

    Attributes:
        watch: everything else it can reach.
        arguments: how many of the tensors are arguments.
        bound: the arguments that are known from elsewhere, too, by their position.
        tensors: those of the arguments, then the others, without gradients.
        places: where each tensor is, gradients too, by id.
        nodes: the node of each place.
        versions: the version of each place.
        bases: the tensor whose memory each place shows, None for its own.
        holders: the places that have a node, by its id.
        gradients: of each tensor, or None.
    """

    def __init__(self, watch: Watch, arguments: Sequence[Tensor]) -> None:
        self.watch = watch
        self.arguments = len(arguments)
        if any(map(is_hooked, arguments)):
            raise TooMuch("hooks are called on the gradients of its arguments")
        own = {id(each) for each in arguments}
        if any(id(each._root()) in watch.tensors.keys() - own for each in arguments):
            raise TooMuch("the memory of an argument is also known from elsewhere")
        self.bound = {
            at: each for at, each in enumerate(arguments) if id(each) in watch.tensors
        }
        others = [each for key, each in watch.tensors.items() if key not in own]
        self.tensors = [*arguments, *others]
        self.places: dict[int, Place] = {}
        self.nodes: dict[Place, Node] = {}
        self.versions: dict[Place, int] = {}
        self.bases: dict[Place, Tensor | None] = {}
        self.holders: dict[int, list[Place]] = {}
        self.gradients: dict[Place, Tensor | None] = {}
        evaluate([each for each in self.tensors if each._base is None])
        for at, tensor in enumerate(self.tensors):
            self._add(Place(at), tensor)
        for at, tensor in enumerate(self.tensors):
            grad = tensor._grad
            self.gradients[Place(at)] = grad
            if grad is not None:
                if id(grad) in self.places:
                    raise TooMuch("a gradient is known from elsewhere, too")
                self._add(Place(at, is_grad=True), grad)

    def _add(self, place: Place, tensor: Tensor) -> None:
        node = tensor.node
        self.places[id(tensor)] = place
        self.nodes[place] = node
        self.versions[place] = tensor._version
        self.bases[place] = tensor._base
        self.holders.setdefault(id(node), []).append(place)

    def tensor(self, place: Place) -> Tensor:
        """Return the tensor that was at a place."""
        tensor = self.tensors[place.at]
        if not place.is_grad:
            return tensor
        grad = self.gradients[Place(place.at)]
        assert grad is not None
        return grad


class _Analysis:
    """Finds the script of a call that has just run."""

    def __init__(self, before: _Before, recorder: Recorder, result: Any) -> None:
        self.before, self.recorder = before, recorder
        self.script = Script(None, before.tensors[before.arguments :], before.bound)
        self.outside: dict[int, int] = {}
        self.returned: list[Tensor] = []
        self.script.result = flatten(result, self.returned, _refuse)
        self.new: list[Tensor] = []
        self.roots: dict[int, Node] = {}

    def replay(self) -> Replay:
        """Return what does the call again, and compute its values."""
        before, script = self.before, self.script
        self._check_watch()
        script.returns = [self._returned(each) for each in self.returned]
        self._find_given()
        written = self._find_written()
        self._check_nothing_else()
        self._find_roots([*self.new, *written.values()])
        roots = list(self.roots.values())
        order = topological(roots)
        places = {id(node): at for at, node in enumerate(order)}
        self.roots = dict(sorted(self.roots.items(), key=lambda item: places[item[0]]))
        kept = [places[each] for each in self.roots]
        script.graph = structure(order, kept)
        routine = self._routine(order, kept)
        for identity in self.recorder.sources:
            self._outside(self.recorder.constants[identity])
        script.reads = [self._origin(order[at]) for at in routine.leaves]
        self._find_checks([order[at] for at in routine.leaves])
        script.new = [self._made(each._node, None) for each in self.new]
        for place, tensor in written.items():
            self._write(place, tensor)
        for place, grad in before.gradients.items():
            if before.nodes[place].tape is not None:
                script.grads[place] = grad is not None
        backend.evaluate(roots)
        return Replay(script, routine, before.watch, before.arguments)

    def _check_watch(self) -> None:
        watch = self.before.watch
        if not watch.holds():
            raise Unfit("it changes the attributes or lists that it reads")
        if watch.is_hooked():
            raise Unfit("hooks are called on the gradients of its tensors")
        if watch.names.isdisjoint(_OPTIONS):
            watch.ignore_unread(self.recorder.read)

    def _routine(self, order: Sequence[Node], kept: Sequence[int]) -> Routine:
        routine = backend.prepare(order, kept)
        if self.recorder.draws and routine.may_refuse:
            raise Unfit("it draws random numbers, and its positions must be checked")
        return routine

    # What has changed

    def _returned(self, tensor: Tensor) -> Place | int:
        place = self.before.places.get(id(tensor))
        return self._add_new(tensor) if place is None else place

    def _add_new(self, tensor: Tensor) -> int:
        """Add a tensor that the call has made, and the memory that it shows."""
        for at, each in enumerate(self.new):
            if each is tensor:
                return at
        own = vars(tensor)
        if type(tensor) is not Tensor or own.get("_shared") is not None:
            raise Unfit(f"it makes a {type(tensor).__name__}, or shares its memory")
        if tensor._grad is not None or tensor._retains_grad:
            raise Unfit("a tensor that it makes has a gradient")
        node = tensor.node
        if node.tape not in (None, FREED):
            raise Unfit("what it computes is recorded for a backward pass")
        at = len(self.new)
        self.new.append(tensor)
        if tensor._base is not None:
            root = tensor._root()
            base = self._returned(root)
            steps, layout = tensor._steps, tensor._layout
            self.script.views[at] = View(base, steps, layout, tensor._tracked)
        return at

    def _find_given(self) -> None:
        for place, grad in self.before.gradients.items():
            now = self.before.tensor(place)._grad
            if now is grad:
                continue
            if now is not None and id(now) in self.before.places:
                raise Unfit("a tensor that was there before becomes a gradient")
            self.script.gives[place] = None if now is None else self._add_new(now)

    def _find_written(self) -> dict[Place, Tensor]:
        written = {}
        for place, node in self.before.nodes.items():
            tensor = self.before.tensor(place)
            if tensor._base is not self.before.bases[place]:
                raise Unfit("a tensor shows other memory than before")
            if tensor._base is None and tensor._node is not node:
                written[place] = tensor
        return written

    def _check_nothing_else(self) -> None:
        """Check that no other tensor of the call is alive."""
        known = {*self.before.places, *map(id, self.new)}
        for tensor in noted():
            if id(tensor) not in known:
                raise Unfit("a tensor that it makes stays alive, but is not returned")

    def _find_roots(self, changed: Sequence[Tensor]) -> None:
        """Find what is to be computed, in the order in which it was recorded."""
        nodes = {id(each): each._node for each in changed}
        for identity in (*map(id, noted()), *nodes):
            node = nodes.get(identity)
            if node is not None and node.value is None:
                self.roots[id(node)] = node

    # Where values come from

    def _outside(self, node: Node) -> int:
        at = self.outside.get(id(node))
        if at is None:
            assert node.value is not None
            at = self.outside[id(node)] = len(self.script.outside)
            source = self.recorder.sources.get(id(node))
            self.script.outside.append(Outside(node.value, source))
        return at

    def _origin(self, node: Node) -> Place | int:
        """Return where the value of a leaf comes from."""
        if id(node) in self.recorder.constants:
            return self._outside(node)
        places = self.before.holders.get(id(node), ())
        if len(places) != 1:
            raise Unfit("it reads a tensor that is not known, or known twice")
        assert node.value is not None
        self._use(places[0], node, strides=node.value.strides)
        return places[0]

    def _find_checks(self, leaves: Sequence[Node]) -> None:
        """Find what of that which is read was checked, and may be another value."""
        positions = {id(node): at for at, node in enumerate(leaves)}
        recorder = self.recorder
        for node, check in recorder.checks:
            at = positions.get(id(node))
            if id(node) in recorder.constants and id(node) not in recorder.sources:
                continue
            if at is None or id(node) in recorder.sources:
                raise Unfit("it checks a value that it does not read from a tensor")
            self.script.checks.append((at, check))

    def _use(
        self,
        place: Place,
        node: Node,
        strides: tuple[int, ...] | None = None,
        is_written: bool = False,
    ) -> None:
        """Note what a place must be."""
        collects = node.tape is not None
        if node.tape is not None and node.tape.leaf is None:
            raise Unfit("it reads what another call has recorded for a backward pass")
        known = self.script.kinds.get(place)
        if known is not None:
            strides = strides or known.strides
            is_written = is_written or known.is_written
        kind = Kind(node.shape, node.dtype, collects, strides, is_written)
        self.script.kinds[place] = kind

    def _made(self, node: Node, owner: Tensor | None) -> Made:
        """Describe a node that the call has made."""
        tape = node.tape
        is_own_leaf = tape is not None and tape.leaf and tape.leaf() is owner
        if owner is not None and tape is not None and not is_own_leaf:
            raise Unfit("what it computes is recorded for a backward pass")
        at = list(self.roots).index(id(node)) if id(node) in self.roots else -1
        if at < 0:
            if id(node) not in self.recorder.constants:
                raise Unfit("a tensor gets the value of another one")
            at = len(self.roots) + self._outside(node)
        return Made(at, node.op, node.shape, node.dtype, tape is FREED)

    def _write(self, place: Place, tensor: Tensor) -> None:
        if tensor._shared is not None:
            raise Unfit("it writes to memory shared with NumPy")
        self._use(place, self.before.nodes[place], is_written=True)
        growth = tensor._version - self.before.versions[place]
        self.script.writes[place] = (self._made(tensor._node, tensor), growth)


def _refuse(value: Any) -> Any:
    raise Unfit(f"it returns a {type(value).__name__}")
