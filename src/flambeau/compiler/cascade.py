"""Pass: do convolutions that follow each other, and the pool after one, band by band.

y = relu6(a(x)), z = relu6(b(y)), w = c(z)   ->   w = cascade of a, b, c on x
y = a(x), z = max_pool(y)                    ->   z = cascade of a, max_pool on x

Where channels do not mix, time goes into moving memory: an expansion's result that only
a depthwise convolution reads, and what that makes, need not leave a near cache. Nor
need what only a pool reads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from .codegen.cascade import cascade_kernel, choose_band
from .codegen.correlation import Correlation, correlated
from .codegen.epilogue import OUT, Fused
from .codegen.links import ConvolutionLink, Link, PoolLink
from .codegen.loops import Load
from .codegen.pool import PoolSpec, pooled
from .codegen.program import Epilogue
from .program import KernelStep, Program

__all__ = ["cascade"]

_LEAST = 500_000  # bytes of an image between two convolutions: fewer are near anyway
_MOST_WEIGHTS = 500_000  # bytes of all weights, which each band reads


def cascade(program: Program) -> None:
    """Replace steps on each other's results by cascades."""
    chains = _Chains(program)
    for at in range(len(program.steps)):
        chains.add(at)
    for chain in chains.found:
        if len(chain) > 1:
            program.steps[chain[-1]] = chains.joined(chain)
    gone = {at for chain in chains.found for at in chain[:-1]}
    program.steps = [step for at, step in enumerate(program.steps) if at not in gone]


@dataclass(frozen=True)
class _Convolution:
    """A step that is one."""

    step: KernelStep
    spec: Correlation
    epilogue: Epilogue

    def link(self, slots: tuple[int | None, ...]) -> Link:
        """Return what it is in a cascade."""
        return ConvolutionLink(self.epilogue, slots, self.spec)

    def pays(self, before: _Convolution, size: int, others: int) -> bool:
        """Whether to do it with the convolution before, and perhaps others.

        Args:
            before: that.
            size: the bytes of an image between them.
            others: how many more come before.
        """
        is_light = before.spec.depthwise or self.spec.depthwise
        return is_light and (size >= _LEAST or others > 0)


@dataclass(frozen=True)
class _Pool:
    """A step that is one."""

    step: KernelStep
    spec: PoolSpec
    epilogue: Epilogue

    def link(self, slots: tuple[int | None, ...]) -> Link:
        """Return what it is in a cascade."""
        return PoolLink(self.epilogue, slots, self.spec)

    def pays(self, before: _Convolution, size: int, others: int) -> bool:
        """Whether to do it with the convolution before: it hardly computes."""
        return True


class _Chains:
    """The chains of steps so far; each is a list of positions."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: list[list[int]] = []
        self._users: dict[int, list[int]] = defaultdict(list)
        self._wanted = {program.buffers[number].source for _, number in program.outputs}
        for at, step in enumerate(program.steps):
            if isinstance(step, KernelStep):
                numbers = step.buffers
            else:
                numbers = (*step.inputs, step.output)
            for number in numbers:
                self._users[program.buffers[number].source].append(at)

    def add(self, at: int) -> None:
        """Put a step behind the chain whose result it reads, if that pays."""
        found = self._part(at)
        if found is None:
            return
        for chain in self.found:
            if self._follows(chain, at, found) and self._band([*chain, at]):
                chain.append(at)
                return
        if isinstance(found, _Convolution):
            self.found.append([at])

    def joined(self, chain: list[int]) -> KernelStep:
        """Return the step that does all of a chain."""
        links, numbers = self._links(chain)
        band = choose_band(links)
        steps = [self._known(at).step for at in chain]
        batch = self._batch(chain[0])
        assert band is not None
        kernels = [each.kernel for each in steps]
        return KernelStep(cascade_kernel(links, band, kernels, batch), tuple(numbers))

    def _part(self, at: int) -> _Convolution | _Pool | None:
        """What a step is, if it can be in a chain."""
        step = self.program.steps[at]
        if not isinstance(step, KernelStep):
            return None
        pool = pooled(step.kernel)
        if pool is not None:
            return _Pool(step, *pool) if pool[0].is_channels_last else None
        found = correlated(step.kernel)
        if found is None or len(found[0].spatial) < 2 or found[1].gathers:
            return None
        return _Convolution(step, *found)

    def _known(self, at: int) -> _Convolution | _Pool:
        found = self._part(at)
        assert found is not None
        return found

    def _batch(self, at: int) -> int:
        number = self._known(at).step.buffers[2]
        return int(dict(self.program.constants)[number][0])

    def _follows(self, chain: list[int], at: int, found: _Convolution | _Pool) -> bool:
        """Whether a step alone reads what a chain makes, and should do so at once."""
        before = self._known(chain[-1])
        if not isinstance(before, _Convolution):
            return False
        out = self.program.buffers[before.step.buffers[ConvolutionLink.result]]
        result = self.program.buffers[found.step.buffers[found.link(()).result]]
        return (
            found.step.buffers[0] == out.number
            and out.number not in self._wanted
            and self._users[out.number] == [chain[-1], at]
            and found.step.buffers.count(out.number) == 1
            and found.pays(before, out.nbytes // out.shape[0], len(chain) - 1)
            and out.nbytes >= result.nbytes
            and _stores_once(before.epilogue)
        )

    def _band(self, chain: list[int]) -> bool:
        """Whether there is a height of bands for a chain."""
        links, _ = self._links(chain)
        overlapping = sum(link.overlaps for link in links[1:])
        weights = sum(
            each.weights for each in links if isinstance(each, ConvolutionLink)
        )
        return (
            overlapping <= 1
            and weights <= _MOST_WEIGHTS
            and choose_band(links) is not None
        )

    def _links(self, chain: list[int]) -> tuple[list[Link], list[int]]:
        """The links of a chain, and the buffers of their common table."""
        numbers: list[int] = []
        parts = [self._known(at) for at in chain]
        between = {each.step.buffers[each.link(()).result] for each in parts[:-1]}
        links = []
        for part in parts:
            slots: list[int | None] = []
            for number in part.step.buffers:
                if number in between:
                    slots.append(None)
                    continue
                if number not in numbers:
                    numbers.append(number)
                slots.append(numbers.index(number))
            links.append(part.link(tuple(slots)))
        return links, numbers


def _stores_once(epilogue: Epilogue) -> bool:
    """Whether the result is all that an epilogue stores, and it does not read there."""
    if not isinstance(epilogue, Fused):
        return True
    reads = [each for each in epilogue.expressions if isinstance(each, Load)]
    return [each.slot for each in epilogue.stores] == [OUT] and all(
        each.slot != OUT for each in reads
    )
