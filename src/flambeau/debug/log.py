"""Record what is computed, or ask what would be."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..backend import config
from ..compiler.native import structure
from ..graph import Node
from ..runtime import plan
from ..runtime.engine import engine
from ..tensor import Tensor
from .computation import Computation, Recorded, compiled
from .profile import Profile

__all__ = ["Log", "explain", "record"]


class Log:
    """What was computed, and how.

    Attributes:
        computations: each graph and each compiled function once, in order.
    """

    def __init__(self, computations: Iterable[Computation] = ()) -> None:
        self.computations = list(computations)

    def graph(self) -> str:
        """Return the graphs that were computed, a node a line.

        Example:
            >>> import flambeau
            >>> x = flambeau.zeros(2, 3)
            >>> print(flambeau.debug.explain(x.exp().sum()).graph())
            %0 = constant() float32[2, 3]
            %1 = exp(%0) float32[2, 3]
            %2 = sum(%1, axes=(0, 1), keepdims=False) float32[]
        """
        return "\n\n".join(each.graph() for each in self.computations)

    def passes(self) -> str:
        """Return what each pass of the compiler made of the graphs, in order."""
        return "\n\n".join(
            f"{name}\n{text}"
            for each in self.computations
            if each.recorded is not None
            for name, text in each.recorded.passes().items()
        )

    def kernels(self) -> list[str]:
        """Return the names of the kernels, in the order in which they run.

        Example:
            >>> import flambeau
            >>> x = flambeau.rand(100, 50)
            >>> log = flambeau.debug.explain((x * 2 + 1).relu().sum(1))
            >>> [name.rpartition("_")[0] for name in log.kernels()]
            ['sum_mul_add_relu']
        """
        return [each.name for each in self._kernels()]

    def ir(self, name: str) -> str:
        """Return the LLVM IR of the first kernel whose name starts with `name`."""
        return self._kernel(name).ir

    def assembly(self, name: str) -> str:
        """Return the machine code of the first kernel whose name starts with `name`.

        Example:
            >>> import flambeau
            >>> log = flambeau.debug.explain(flambeau.rand(1000).exp())
            >>> "ret" in log.assembly("loop_exp")
            True
        """
        return engine().assembly(self.ir(name))

    def host_calls(self) -> list[str]:
        """Return the ops that have no kernel: NumPy computes them within the plan.

        Example:
            >>> import flambeau
            >>> x = flambeau.rand(4, 5)
            >>> flambeau.debug.explain(x.exp().sort(1).values).host_calls()
            ['argsort int64[4, 5]']
        """
        return [call for each in self.computations for call in each.host_calls()]

    def profile(self) -> Profile:
        """Return how long each kernel and each host call took; print it as a table."""
        return Profile.of(self.computations)

    def _kernels(self) -> list[Any]:
        return [kernel for each in self.computations for kernel in each.kernels()]

    def _kernel(self, name: str) -> Any:
        for each in self._kernels():
            if each.name.startswith(name):
                return each
        known = ", ".join(dict.fromkeys(self.kernels())) or "none"
        raise KeyError(f"no kernel's name starts with {name!r}; there are: {known}")


def explain(*tensors: Tensor) -> Log:
    """Return what the pending graph of some tensors is compiled to; compute nothing.

    Graphs that are small enough for NumPy are compiled here, too.
    """
    nodes = [each.node for each in tensors]
    pending = [each for each in nodes if each.value is None]
    return Log([compiled(pending)] if pending else [])


@contextmanager
def record() -> Iterator[Log]:
    """Record what is computed in a block: graphs, kernels, time.

    Each kernel is run and timed by itself, so a step takes a little longer than
    otherwise. The log keeps the values that the graphs read alive.

    Example:
        >>> import flambeau
        >>> x = flambeau.rand(1000, 500)
        >>> with flambeau.debug.record() as log:
        ...     total = (x * x).sum().item()
        >>> log.host_calls()
        []
    """
    recorder = _Recorder(config.evaluate)
    plan.watchers.append(recorder.note_run)
    config.evaluate = recorder.evaluate
    try:
        yield recorder.log
    finally:
        config.evaluate = recorder.before
        plan.watchers.remove(recorder.note_run)


class _Recorder:
    """Sees the graphs on their way to the backend, and the plans that run.

    Attributes:
        log: what was seen.
        before: what computes graphs.
    """

    def __init__(self, before: Callable[[Iterable[Node]], None]) -> None:
        self.log, self.before = Log(), before
        self._known: dict[Hashable, Computation] = {}
        self._recorded: Recorded | None = None

    def evaluate(self, roots: Iterable[Node]) -> None:
        """Compute a graph, and keep a copy of it."""
        roots = [each for each in roots if each.value is None]
        if not roots:
            return
        self._recorded = Recorded(roots)
        try:
            self.before(roots)
            if self._recorded is not None:  # no plan has run
                key = structure(self._recorded.order, self._recorded.kept)
                self._computation(key, None).runs += 1
        finally:
            self._recorded = None

    def note_run(self, ran: plan.Plan, seconds: plan.Seconds) -> None:
        """Count a run of a plan."""
        self._computation(id(ran), ran.program).add(seconds)
        self._recorded = None

    def _computation(self, key: Hashable, program: Any) -> Computation:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Computation(self._recorded, program)
            self.log.computations.append(found)
        return found
