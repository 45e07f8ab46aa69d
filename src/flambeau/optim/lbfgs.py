"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import enable_grad, no_grad
from ..tensor import Tensor, evaluate
from ..tensor.creation import zeros_like
from ..tensor.joining import cat
from .line_search import Point, Search
from .optimizer import Optimizer, ParamsT, State, check_lr

# A change of the gradient along the step below this says nothing about curvature.
_LEAST_CURVATURE = 1e-10


class LBFGS(Optimizer):
    """L-BFGS: Newton's steps, with a Hessian estimated from the last gradients.

    A step of it makes several iterations, and evaluates the loss several times. Each
    goes along d = −H g, where H comes from the `history_size` last changes of the
    parameters and of the gradient.

    All parameters are in one group, without options of their own.

    Args:
        params: the parameters.
        lr: the length of a step, or of the first one that a line search tries.
        max_iter: the most iterations in a step.
        max_eval: the most evaluations in a step; by default 1.25 times `max_iter`.
        tolerance_grad: a largest element of the gradient that is small enough.
        tolerance_change: a change of loss or parameters that is too small to go on.
        history_size: how many changes are remembered.
        line_search_fn: "strong_wolfe" to search along d, or None for steps of `lr`.

    Raises:
        ValueError: an option is outside its range, or there are several groups.
        RuntimeError: in a step: there is no such line search.

    Source: torch's page ``torch.optim.LBFGS``; Nocedal, "Updating Quasi-Newton
    Matrices with Limited Storage", 1980.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = LBFGS([weight], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((weight - 3) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure)
        tensor(8., grad_fn=<SumBackward0>)
        >>> weight
        tensor([3., 3.], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups)"
            )

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:
        """Make up to `max_iter` iterations.

        Args:
            closure: computes the loss again, with its gradients.

        Returns:
            What `closure` returned at first.
        """
        params = self.param_groups[0]["params"]
        state = self.state[params[0]]  # all state is there, as in torch
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        problem = _Problem(params, enable_grad()(closure))
        first = problem.evaluate()
        if _largest(problem.gradient) > self.param_groups[0]["tolerance_grad"]:
            self._iterate(problem, state)
        state["func_evals"] += problem.evaluations
        return first

    def _iterate(self, problem: _Problem, state: State) -> None:
        group = self.param_groups[0]
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            gradient, loss = problem.gradient, problem.loss
            direction = _direction(state, gradient, group["history_size"])
            step = float(group["lr"])
            if state["n_iter"] == 1:
                step *= min(1.0, 1.0 / float(gradient.abs().sum()))
            state["d"], state["t"] = direction, step
            state["prev_flat_grad"], state["prev_loss"] = gradient, loss
            slope = float(gradient.dot(direction))
            if slope > -group["tolerance_change"]:
                return
            last = iteration == group["max_iter"]
            step = state["t"] = self._move(problem, direction, step, slope, last)
            if last or problem.evaluations >= group["max_eval"]:
                return
            if _largest(problem.gradient) <= group["tolerance_grad"]:
                return
            if _largest(direction) * step <= group["tolerance_change"]:
                return
            if abs(problem.loss - loss) < group["tolerance_change"]:
                return

    def _move(
        self,
        problem: _Problem,
        direction: Tensor,
        step: float,
        slope: float,
        last: bool,
    ) -> float:
        """Move the parameters, and return by what part of `direction`."""
        group = self.param_groups[0]
        if group["line_search_fn"] is None:
            problem.move(direction, step)
            if not last:  # with random batches, looking again would be of no use
                problem.evaluate()
            return step
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        start = Point(0.0, problem.loss, problem.gradient, slope)
        limit = group["max_eval"] - problem.evaluations
        search = Search(problem.along(direction), start, limit)
        found = search.run(step, _largest(direction))
        problem.loss, problem.gradient = found.loss, found.gradient
        problem.move(direction, found.step)
        return found.step


class _Problem:
    """Parameters as one vector, with the loss and the gradient where they are.

    Attributes:
        loss: the loss at the last evaluation.
        gradient: its derivatives by all parameters, as one vector.
        evaluations: how many there were.
    """

    def __init__(self, params: list[Tensor], closure: Callable[[], Any]) -> None:
        self._params, self._closure = params, closure
        self.loss, self.gradient = 0.0, params[0]
        self.evaluations = 0

    def evaluate(self) -> Any:
        """Evaluate where the parameters are, and return what the closure returned."""
        result = self._closure()
        self.evaluations += 1
        parts = [zeros_like(p) if p.grad is None else p.grad for p in self._params]
        self.gradient = cat([part.detach().reshape(-1) for part in parts])
        self.loss = float(result)
        return result

    def move(self, direction: Tensor, step: float) -> None:
        """Add a part of a vector to the parameters."""
        at = 0
        for param in self._params:
            part = direction[at : at + param.numel()].reshape(param.shape)
            param.add_(step * part)
            at += param.numel()

    def along(self, direction: Tensor) -> Callable[[float], Point]:
        """Return what evaluates some way along a vector, and comes back."""
        here = [param.clone() for param in self._params]

        def at(step: float) -> Point:
            self.move(direction, step)
            self.evaluate()
            for param, before in zip(self._params, here):
                param.copy_(before)
            slope = float(self.gradient.dot(direction))
            return Point(step, self.loss, self.gradient, slope)

        return at


def _largest(vector: Tensor) -> float:
    return float(vector.abs().max())


def _direction(state: State, gradient: Tensor, size: int) -> Tensor:
    """Return −H g, after the last change was added to what H is made of."""
    if state["n_iter"] == 1:
        state["old_dirs"], state["old_stps"], state["ro"] = [], [], []
        state["H_diag"] = 1
        return -gradient
    _remember(state, gradient - state["prev_flat_grad"], state["d"] * state["t"], size)
    changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
    factors = state.setdefault("al", [None] * size)
    vector = -gradient
    # Each pass looks at its vector: so all passes, however many, are the same graph.
    for at in reversed(range(len(changes))):
        factors[at] = steps[at].dot(vector) * inverses[at]
        vector = _computed(vector - factors[at] * changes[at])
    vector = vector * state["H_diag"]
    for at in range(len(changes)):
        back = changes[at].dot(vector) * inverses[at]
        vector = _computed(vector + (factors[at] - back) * steps[at])
    return vector


def _remember(state: State, change: Tensor, step: Tensor, size: int) -> None:
    """Note how the gradient changed with a step, and forget the oldest note."""
    curvature = change.dot(step)
    if float(curvature) <= _LEAST_CURVATURE:
        return
    if len(state["old_dirs"]) == size:
        for name in ("old_dirs", "old_stps", "ro"):
            state[name].pop(0)
    state["old_dirs"].append(change)
    state["old_stps"].append(step)
    state["ro"].append(1.0 / curvature)
    state["H_diag"] = curvature / change.dot(change)


def _computed(vector: Tensor) -> Tensor:
    evaluate([vector])
    return vector
