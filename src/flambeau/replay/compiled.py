"""A function that is recorded once and then replayed: what `flambeau.compile` makes."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from copy import deepcopy
from functools import partial
from types import MethodType
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..backend import config
from ..graph import state
from ..tensor import Tensor, evaluate
from ..tensor.autocasting import precision
from ..tensor.handle import shown
from .recording import record
from .replay import Changed, Replay
from .structure import flatten
from .watch import is_hooked

__all__ = ["Compiled"]

_MOST_KINDS = 64  # of arguments, the least recently used of which are forgotten
_MOST_REPLAYS = 4  # for one kind of arguments, such as one for training mode
_PATIENCE = 8  # recordings in a row that cannot be used


class _Known:
    """What is known of calls with one kind of arguments.

    Attributes:
        replays: the ways in which the call may go.
        candidate: the last recording, if it may be replayed once another one agrees.
        failures: how many recordings in a row were of no use.
        objects: what was among the arguments, kept because its id is in the key.
    """

    def __init__(self, objects: list[Any]) -> None:
        self.replays: list[Replay] = []
        self.candidate: Replay | None = None
        self.failures = 0
        self.objects = objects


class Compiled:
    """A function that skips its own Python where it would do the same again.

    Attributes:
        replays: how many calls were replayed.
        recordings: how many were recorded.
        reason: why the last recording cannot be replayed, or None.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.__wrapped__ = function
        self.replays = 0
        self.recordings = 0
        self.reason: str | None = None
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()
        self._last: tuple[Hashable, _Known] = (None, _Known([]))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function = self.__wrapped__
        if state.recorder is not None:  # it is part of another recording
            return function(*args, **kwargs)
        tensors: list[Tensor] = []
        objects: list[Any] = []
        values: list[np.ndarray] = []
        key = _key(args, kwargs, tensors, objects, values)
        last, known = self._last  # comparing is quicker than hashing
        if key != last:
            known = self._known.get(key) or self._remember(key, objects)
            self._last = key, known
        for replay in known.replays:
            try:
                result = replay.run(tensors, values)
            except Changed:
                continue
            self.replays += 1
            return result
        if known.failures >= _PATIENCE:
            return function(*args, **kwargs)
        return self._record(known, args, kwargs, tensors)

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        return Compiled(deepcopy(self.__wrapped__, memo))

    def __reduce__(self) -> Any:
        return Compiled, (self.__wrapped__,)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def _remember(self, key: Hashable, objects: list[Any]) -> _Known:
        known = self._known[key] = _Known(objects)
        if len(self._known) > _MOST_KINDS:
            self._known.popitem(last=False)
        return known

    def _record(
        self, known: _Known, args: Any, kwargs: Any, tensors: list[Tensor]
    ) -> Any:
        """Run the function, and replay it once two recordings have agreed."""
        function = self.__wrapped__
        roots = [function, *known.objects]
        result, found = record(lambda: function(*args, **kwargs), roots, tensors)
        self.recordings += 1
        known.failures += 1
        candidate, known.candidate = known.candidate, None
        if isinstance(found, str):
            self.reason = found
        elif candidate is None or not candidate.script.is_like(found.script):
            known.candidate = found
            self.reason = "it has to do the same in two calls, one after the other"
        else:
            known.replays = [found, *known.replays[: _MOST_REPLAYS - 1]]
            known.failures, self.reason = 0, None
        return result


def _key(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tensors: list[Tensor],
    objects: list[Any],
    values: list[np.ndarray],
) -> Hashable:
    """Return what a call depends on besides what its function can reach.

    Args:
        args, kwargs: of the call.
        tensors: where the tensors among them are added.
        objects: where is added what neither is a tensor nor can be compared.
        values: where the tensors' values are added.
    """
    roots = None
    if len(args) == 1 and not kwargs and type(args[0]) is Tensor:
        tensors.append(args[0])
        made: Any = Tensor
        kinds = _kind(args[0], values)
    else:
        made = flatten((args, kwargs), tensors, partial(_keep, objects))
        kinds = tuple([_kind(each, values) for each in tensors])
        if len(tensors) > 1 and any([each._base is not None for each in tensors]):
            memory = [id(each._root()) for each in tensors]
            roots = tuple([memory.index(each) for each in memory])
    return (
        made,
        kinds,
        roots,
        state.grad_enabled,
        state.inference,
        precision.lower,
        dt.get_default_dtype(),
        config.prepare,
        config.options,
    )


def _keep(objects: list[Any], value: Any) -> Any:
    objects.append(value)
    return (type(value), id(value))


def _kind(tensor: Tensor, values: list[np.ndarray]) -> Hashable:
    """Return what matters of an argument besides its value, which is added."""
    value = shown(tensor)
    if value is None:
        [value] = evaluate([tensor])
        node = tensor.node
    else:
        node = tensor._node
    values.append(value)
    tape = node.tape
    role = None if tape is None else (tape.leaf is None, is_hooked(tensor))
    return node.shape, node.dtype, role, value.strides
