"""What every optimizer shares: parameter groups, state, hooks and the loop of a step.

A rule adds two small methods: `_init_state` gives a parameter its first state, and
`_update` changes one parameter by its gradient. An update is recorded like any other
computation; `step` evaluates everything that is pending once, at its end, so that
forward, backward and update are one plan.
"""

from __future__ import annotations

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any, TypeAlias

from .. import evaluator
from ..autograd import enable_grad, set_grad_enabled
from ..dtypes import dtype as DType
from ..graph import constant, scalar
from ..recorder import is_noted, live, spoil, watched
from ..runtime.memory import pool
from ..tensor import Tensor, evaluate_pending
from ..tensor.creation import tensor
from ..tensor.gradient_edge import RemovableHandle
from ..tensor.handle import wrap

ParamsT: TypeAlias = (
    Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
)
Group: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, Any]
Hook: TypeAlias = Callable[..., Any]


class _Required:
    """The default of an option that every parameter group must state itself."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


# The hooks of all optimizers' steps. Each optimizer has them among its attributes,
# where `flambeau.compile` sees that there are more or fewer.
_EVERY_STEP_PRE: dict[int, Hook] = {}
_EVERY_STEP_POST: dict[int, Hook] = {}


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of any optimizer.

    It may return what a hook of `Optimizer.register_step_pre_hook` may, and runs
    before those.
    """
    return RemovableHandle(_EVERY_STEP_PRE, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of any optimizer."""
    return RemovableHandle(_EVERY_STEP_POST, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Let a `step` method run the hooks, and evaluate what it left pending."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._in_step:  # a subclass calls super().step()
            return step(self, *args, **kwargs)
        self._in_step = True
        try:
            return self._step_between_hooks(step, (self, *args), kwargs)
        finally:
            self._in_step = False

    return hooked


class Optimizer:
    """Base of all optimizers.

    A subclass defines `_update`, and `_init_state` if it keeps any, or brings a
    `step` of its own.

    Args:
        params: the tensors to optimize, (name, tensor) pairs as given by
            `Module.named_parameters`, or dicts that each describe a group by its
            ``"params"`` and the options in which it differs from the others.
        defaults: the options of groups that do not state them.

    Attributes:
        defaults: the options given on construction.
        param_groups: one dict per group: ``"params"`` and every option.
        state: what each parameter carries from one step to the next.

    Raises:
        TypeError: `params` is a single tensor, or holds something that is no tensor.
        ValueError: there are no parameters, a parameter is in two groups, or it is
            not a leaf of the graph.

    Source: torch's page ``torch.optim.Optimizer``.
    """

    # Whether step() ran since a learning rate scheduler first asked; None before.
    _opt_called: bool | None = None
    _in_step = False

    # The state that is one number per parameter, kept in tensors without dimensions.
    _numbers: tuple[str, ...] = ()

    # What `_shared` returned for the group that a step is updating.
    _found: dict[tuple[str, DType], Any] | None = None

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of "
                f"Tensors or dicts, but got {type(params).__name__}; "
                "for a single tensor write [tensor]"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._clear_hooks()
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def _init_state(self, param: Tensor, group: Group) -> State:
        """Return what `param` carries into its first update."""
        return {}

    def _first_state(self, param: Tensor, group: Group) -> State:
        """Return the first state as values in memory, which later ones are.

        The first step is then the same graph as the next ones, compiled once, and may
        write the next state over it.
        """
        state = self._init_state(param, group)
        for each in state.values():
            if isinstance(each, Tensor):
                evaluator.evaluate([each.node])
                assert each.node.value is not None
                each.adopt(constant(pool.copy(each.node.value), each.dtype))
        return state

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        """Change `param` and `state` by one step of the rule."""
        raise NotImplementedError(
            f"{type(self).__name__} must define step() or _update()"
        )

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, and compute all that is pending.

        Args:
            closure: computes the loss again, with its gradients, before the update.

        Returns:
            What `closure` returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with set_grad_enabled(bool(self.defaults.get("differentiable"))):
            for group in self.param_groups:
                self._update_group(group)
        return loss

    def _update_group(self, group: Group) -> None:
        options = watched(group)
        self._found = {}
        try:
            for param in group["params"]:
                grad = param.grad
                if grad is not None:
                    self._update_one(param, grad, options)
        finally:
            self._found = None

    def _shared(self, name: str, number: Any, like: Tensor) -> Any:
        """Return a number as an operand: one node for all parameters of a group.

        Args:
            name: tells it from the group's other numbers.
            number: a Python number, the same for all of the parameters, or a tensor.
            like: has the dtype of the operand.
        """
        if self._found is None or isinstance(number, Tensor):
            return number
        key = name, like.dtype
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = wrap(scalar(number, like.dtype))
        return found

    def _update_one(self, param: Tensor, grad: Tensor, group: Group) -> None:
        grad = -grad if group.get("maximize") else grad
        state = self.state.get(param) or self._first_state(param, group)
        self._update(param, grad, state, group)
        if state:
            self.state[param] = state

    def _step_between_hooks(
        self, step: Hook, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        for hook in [*self._every_pre.values(), *self._step_pre_hooks.values()]:
            changed = hook(self, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"{hook} must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {changed}."
                )
            args, kwargs = changed
        if self._opt_called is not None:
            self._opt_called = True
        result = step(*args, **kwargs)
        for hook in [*self._step_post_hooks.values(), *self._every_post.values()]:
            hook(self, args, kwargs)
        evaluate_pending()
        return result

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Args:
            set_to_none: drop the gradients rather than fill them with zeros. A
                parameter without gradient is skipped by `step`.
        """
        for param in chain.from_iterable(g["params"] for g in self.param_groups):
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                param.grad.detach_().zero_()

    def add_param_group(self, param_group: Group) -> None:
        """Optimize further parameters, such as layers that are no longer frozen.

        Args:
            param_group: ``"params"`` and the options in which the group differs from
                the defaults; the missing ones are filled in.

        Raises:
            TypeError: the group is no dict, its parameters are a set, or one of them
                is no tensor.
            ValueError: a parameter is no leaf or is optimized already, an option is
                missing, or only some of the parameters have names.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _separate_names(param_group)
        for param in param_group["params"]:
            self._check_optimizable(param)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required "
                    f"optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        self._check_apart_from_other_groups(param_group)
        self.param_groups.append(param_group)

    def _check_optimizable(self, param: Any) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(
                "optimizer can only optimize Tensors, "
                f"but one of the params is {type(param).__name__}"
            )
        if param.is_complex():
            raise RuntimeError(
                f"{type(self).__name__} does not support complex parameters: optimize "
                "real ones and join them by torch.complex or torch.view_as_complex"
            )
        differentiable = self.defaults.get("differentiable")
        if not (differentiable or param.is_leaf or param.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    def _check_apart_from_other_groups(self, param_group: Group) -> None:
        named = "param_names" in param_group
        if any(named != ("param_names" in group) for group in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add "
                f"param group {'with' if named else 'without'} names to the optimizer"
            )
        own = {id(param) for param in param_group["params"]}
        if len(own) < len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "each of them is updated more than once in a step",
                stacklevel=5,  # the line that builds the optimizer
            )
        others = chain.from_iterable(g["params"] for g in self.param_groups)
        if any(id(param) in own for param in others):
            raise ValueError("some parameters appear in more than one parameter group")

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the options as plain containers, ready to be saved.

        Parameters are replaced by their position, counted through all groups.

        Returns:
            ``{"state": {position: {...}}, "param_groups": [{..., "params": [...]}]}``
        """
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        positions: dict[int, int] = {}
        for param in chain.from_iterable(g["params"] for g in self.param_groups):
            positions.setdefault(id(param), len(positions))
        groups = []
        for group in self.param_groups:
            packed = {name: group[name] for name in group if name != "params"}
            packed["params"] = [positions[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {positions.get(id(key), key): self.state[key] for key in self.state}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state saved by `state_dict`.

        Parameters are matched by position. Floating point state takes the dtype of
        its parameter, except the count of steps. To continue a schedule too, build
        the scheduler first: building it sets the learning rate.

        Args:
            state_dict: what `state_dict` returned.

        Raises:
            ValueError: the number of groups, or the size of one, is another.
        """
        state_dict = state_dict.copy()
        for hook in self._load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups = deepcopy(state_dict["param_groups"])
        self._check_same_sizes(groups)
        positions = chain.from_iterable(group["params"] for group in groups)
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        at = dict(zip(positions, params))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in at:
                state[at[key]] = _copied_for(at[key], value)
            else:
                state[key] = value
        for group, loaded in zip(self.param_groups, groups):
            loaded["params"] = group["params"]
            if "param_names" in group:
                loaded.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._load_state_dict_post_hooks.values():
            hook(self)

    def _check_same_sizes(self, loaded: list[Group]) -> None:
        if len(loaded) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(loaded)}, the optimizer has {len(self.param_groups)}"
            )
        for index, (group, other) in enumerate(zip(self.param_groups, loaded)):
            if len(group["params"]) != len(other["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match "
                    f"the size of optimizer's group: group {index} has "
                    f"{len(other['params'])} parameters, "
                    f"the optimizer's has {len(group['params'])}"
                )

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step.

        It may return a pair of new args and kwargs for `step`; the first of the args
        is the optimizer itself.
        """
        return RemovableHandle(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return RemovableHandle(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before `state_dict`; `prepend` puts it first."""
        return RemovableHandle(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after `state_dict`.

        It may change the dict or return another; `prepend` puts it first.
        """
        return RemovableHandle(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before `load_state_dict`.

        It may change the (shallow copy of the) dict or return another; `prepend` puts
        it first.
        """
        return RemovableHandle(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after `load_state_dict`; `prepend` puts it first."""
        return RemovableHandle(self._load_state_dict_post_hooks, hook, prepend)

    def _clear_hooks(self) -> None:
        self._every_pre, self._every_post = _EVERY_STEP_PRE, _EVERY_STEP_POST
        self._step_pre_hooks: dict[int, Hook] = {}
        self._step_post_hooks: dict[int, Hook] = {}
        self._state_dict_pre_hooks: dict[int, Hook] = {}
        self._state_dict_post_hooks: dict[int, Hook] = {}
        self._load_state_dict_pre_hooks: dict[int, Hook] = {}
        self._load_state_dict_post_hooks: dict[int, Hook] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Hooks are not copied or pickled, as in torch."""
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_step_pre_hooks" not in self.__dict__:
            self._clear_hooks()
        self.__dict__.update(state)
        for group in self.param_groups:  # an older checkpoint may lack an option
            for name, default in self.defaults.items():
                group.setdefault(name, default)
        for each in self.state.values():  # or keep numbers where tensors are now
            for name in self._numbers:
                if name in each and not isinstance(each[name], Tensor):
                    each[name] = tensor(float(each[name]))

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for index, group in enumerate(self.param_groups):
            text += f"\nParameter Group {index}\n"
            for name in sorted(name for name in group if name != "params"):
                text += f"    {name}: {group[name]}\n"
        return text + ")"


def _separate_names(group: Group) -> None:
    """Make a list of the group's parameters, and another of their names if given."""
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the "
            "ordering of tensors in sets will change between runs. "
            "Please use a list instead."
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [each[0] for each in params if isinstance(each, tuple)]
    if names and len(names) < len(params):
        raise ValueError(
            "all optimizer params should be with/without names. "
            "Some param names are missing"
        )
    group["params"] = [each[1] for each in params] if names else params
    if names:
        group["param_names"] = names


def _copied_for(param: Tensor, value: Any, name: str = "") -> Any:
    """Copy loaded state; what is not the count of steps takes the dtype of `param`."""
    if isinstance(value, dict):
        return {key: _copied_for(param, value[key], key) for key in value}
    if isinstance(value, list | tuple):
        return type(value)(_copied_for(param, each) for each in value)
    if not isinstance(value, Tensor):
        return value
    if name == "step" or not param.is_floating_point():
        return value.clone()
    return value.clone().to(param.dtype)


def check_nonnegative(what: str, value: Any) -> None:
    """Raise torch's error for an option that must not be below zero."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_lr(lr: float | Tensor) -> None:
    """Raise torch's error for a learning rate below zero or with several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_nonnegative("learning rate", lr)


def check_betas(betas: Iterable[float | Tensor]) -> None:
    """Raise torch's error for the rate of a running average outside of [0, 1)."""
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def check_flags(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """Refuse the combinations of implementation flags that torch refuses."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def as_scalar(number: Any) -> Any:
    """A one-element tensor without its dimensions; a Python number as it is."""
    return number.reshape(()) if isinstance(number, Tensor) else number


def lr_of(group: Group) -> Any:
    """Return the learning rate of a group, a number or a tensor without dimensions."""
    return as_scalar(group["lr"])


def next_step(state: State) -> float:
    """Return the number of the step that is being taken."""
    return float(state["step"]) + 1


def count_step(state: State) -> None:
    """Count a step, after the rule has read its number: in a tensor, for checkpoints.

    A replay reads all numbers before the first step, so it cannot count twice.
    """
    if is_noted(state["step"].node):
        spoil("an optimizer took two steps")
    state["step"].fill_(live(lambda: next_step(state)))
