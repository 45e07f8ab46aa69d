"""The state of a module: `state_dict`, `load_state_dict`, and the hooks on them."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..autograd import no_grad
from ..tensor import Tensor
from ..tensor.gradient_edge import RemovableHandle
from .hooks import Hooks
from .keys import likely_keys
from .members import Members
from .parameter import Parameter, is_lazy

__all__ = ["IncompatibleKeys", "Stateful"]

_EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What did not match in `load_state_dict`.

    Attributes:
        missing_keys: expected by the module, absent from the state.
        unexpected_keys: in the state, unknown to the module.
    """

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


class Stateful(Members):
    """What a Module is with regard to its state."""

    _version: int = 1
    _state_dict_hooks: Hooks
    _state_dict_pre_hooks: Hooks
    _load_state_dict_pre_hooks: Hooks
    _load_state_dict_post_hooks: Hooks

    # Saving

    def state_dict(
        self, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return the parameters and persistent buffers by their paths.

        The tensors share the module's memory.

        Args:
            destination: the dictionary to fill; None: a new one.
            prefix: put before every path.
            keep_vars: return the parameters themselves, not detached from autograd.

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> model = nn.ParameterList([torch.ones(2)])
            >>> model.state_dict()
            OrderedDict([('0', tensor([1., 1.]))])
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination,
                    prefix=f"{prefix}{name}.",
                    keep_vars=keep_vars,
                )
        for hook in list(self._state_dict_hooks.values()):
            replaced = hook(self, destination, prefix, metadata)
            destination = destination if replaced is None else replaced
        return destination

    def _save_to_state_dict(
        self, destination: Any, prefix: str, keep_vars: bool
    ) -> None:
        """Add this module's own entries, without those of its submodules."""
        for name, member in self._own_state():
            destination[prefix + name] = member if keep_vars else member.detach()
        if _overrides(self, "get_extra_state"):
            destination[prefix + _EXTRA] = self.get_extra_state()

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                yield name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                yield name, buffer

    def get_extra_state(self) -> Any:
        """Return what else belongs into `state_dict`; for subclasses to define.

        Raises:
            RuntimeError: the subclass has not defined it.
        """
        raise RuntimeError(
            f"{type(self).__name__} has no extra state; define get_extra_state() and "
            "set_extra_state() to have one"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` has returned; for subclasses to define.

        Raises:
            RuntimeError: the subclass has not defined it.
        """
        raise RuntimeError(
            f"{type(self).__name__} has no extra state; define get_extra_state() and "
            "set_extra_state() to have one"
        )

    # Loading

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy a state into the parameters and buffers of this module and all below.

        Args:
            state_dict: tensors by path, as `state_dict` returns them.
            strict: the keys must be those of this module's own `state_dict`.
            assign: make the given tensors the parameters and buffers, with their
                dtype, instead of copying.

        Returns:
            The keys that were missing and those that were not expected.

        Raises:
            TypeError: `state_dict` is not a mapping.
            RuntimeError: shapes differ, or keys, if `strict`; it lists them all.

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> model = nn.ParameterList([torch.ones(2)])
            >>> model.load_state_dict({"0": torch.tensor([3., 4.])})
            <All keys matched successfully>
            >>> model[0]
            Parameter containing:
            tensor([3., 4.], requires_grad=True)
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"Expected state_dict to be dict-like, got {type(state_dict)}."
            )
        loading = _Loading(getattr(state_dict, "_metadata", None), assign)
        # A copy, since _load_from_state_dict of a subclass may change it.
        copied = OrderedDict(state_dict)
        if loading.metadata is not None:
            copied._metadata = loading.metadata  # type: ignore[attr-defined]
        loading.load(self, copied, "")
        errors = (
            loading.errors if not strict else [*loading.about_keys(), *loading.errors]
        )
        if errors:
            lines = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}"
            )
        return loading.keys

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own entries, without those of its submodules.

        Subclasses may extend this, to read states that older versions have written.
        `local_metadata["version"]` is the version then. Keys and messages are added to
        the three lists.
        """
        for hook in list(self._load_state_dict_pre_hooks.values()):
            hook(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own = dict(self._own_state())
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, member in own.items():
            if prefix + name in state_dict:
                given = state_dict[prefix + name]
                error = self._load_member(name, prefix + name, member, given, assign)
                error_msgs.extend(error)
            elif strict:
                missing_keys.append(prefix + name)
        self._load_extra(state_dict, prefix, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys.extend(self._unexpected(state_dict, prefix, own))

    def _load_member(
        self, name: str, key: str, member: Tensor, given: Any, assign: bool
    ) -> list[str]:
        """Load one parameter or buffer; return why that cannot be, if so."""
        if not isinstance(given, Tensor):
            return [
                f'While copying the parameter named "{key}", expected torch.Tensor or '
                f"Tensor-like object from checkpoint but received {type(given)}"
            ]
        if is_lazy(member):
            return []  # so is the one given: else the hook has made room for it
        if member.ndim == 0 and given.shape == (1,):
            given = given.squeeze(0)
        if given.shape != member.shape:
            return [
                f"size mismatch for {key}: copying a param with shape {given.shape} "
                "from checkpoint, the shape in current model is "
                f"{member.shape}."
            ]
        try:
            with no_grad():
                self._take(name, member, given, assign)
        except Exception as error:
            return [
                f'While copying the parameter named "{key}", whose dimensions in the '
                f"model are {member.size()} and whose dimensions in the checkpoint are "
                f"{given.size()}, an exception occurred : {error.args}."
            ]
        return []

    def _take(self, name: str, member: Tensor, given: Tensor, assign: bool) -> None:
        if not assign:
            member.copy_(given)
            return
        if isinstance(member, Parameter):
            if isinstance(given, Parameter):
                given.requires_grad_(member.requires_grad)
            else:
                given = Parameter(given, member.requires_grad)
        setattr(self, name, given)

    def _load_extra(
        self,
        state_dict: Any,
        prefix: str,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
    ) -> None:
        key = prefix + _EXTRA
        wanted, given = _overrides(self, "set_extra_state"), key in state_dict
        if wanted and given:
            self.set_extra_state(state_dict[key])
        elif wanted and strict:
            missing_keys.append(key)
        elif given and strict:
            unexpected_keys.append(key)

    def _unexpected(
        self, state_dict: Any, prefix: str, own: dict[str, Tensor]
    ) -> Iterator[str]:
        for key in state_dict:
            if not key.startswith(prefix) or key == prefix + _EXTRA:
                continue
            name, dot, _ = key[len(prefix) :].partition(".")
            if name not in (self._modules if dot else own):
                yield key

    # Hooks

    def register_state_dict_pre_hook(
        self, hook: Callable[..., None]
    ) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state is collected."""
        return RemovableHandle(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(
        self, hook: Callable[..., None]
    ) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` on the whole state.

        The hook may change the dictionary; returning one is an error.
        """
        return RemovableHandle(
            self._state_dict_hooks, functools.partial(_without_result, hook)
        )

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Like `register_state_dict_post_hook`, but may return another dictionary."""
        return RemovableHandle(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., None]
    ) -> RemovableHandle:
        """Call `hook(module, ...)` before this module's own entries are loaded.

        The further arguments are `state_dict, prefix, local_metadata, strict,
        missing_keys, unexpected_keys, error_msgs`; the hook may change all of them.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., None], with_module: bool = False
    ) -> RemovableHandle:
        """Like `register_load_state_dict_pre_hook`, by default without the module."""
        bound = functools.partial(hook, self) if with_module else hook
        return RemovableHandle(self._load_state_dict_pre_hooks, bound)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., None]
    ) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` when this module has been loaded.

        The hook may change the two lists; returning something is an error.
        """
        return RemovableHandle(self._load_state_dict_post_hooks, hook)


class _Loading:
    """One call of `load_state_dict`: what was found on the way."""

    def __init__(self, metadata: Any, assign: bool) -> None:
        self.metadata = metadata
        self.assign = assign
        self.keys = IncompatibleKeys([], [])
        self.errors: list[str] = []

    def load(self, module: Stateful, state: Mapping[str, Any], prefix: str) -> None:
        """Load a module and all below it from the entries that begin with `prefix`."""
        local = {} if self.metadata is None else self.metadata.get(prefix[:-1], {})
        if self.assign:
            local["assign_to_params_buffers"] = True
        missing, unexpected = self.keys
        module._load_from_state_dict(
            state, prefix, local, True, missing, unexpected, self.errors
        )
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                entries = {k: v for k, v in state.items() if k.startswith(below)}
                self.load(child, entries, below)
        for hook in list(module._load_state_dict_post_hooks.values()):
            if hook(module, self.keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are "
                    "not expected to return new values, if incompatible_keys need to "
                    "be modified, it should be done inplace."
                )

    def about_keys(self) -> Iterator[str]:
        """What to tell about the keys that do not match."""
        for word, keys in zip(("Missing", "Unexpected"), self.keys):
            if keys:
                listed = ", ".join(f'"{key}"' for key in keys)
                yield f"{word} key(s) in state_dict: {listed}. "
        yield from likely_keys(*self.keys)


def _overrides(module: Stateful, name: str) -> bool:
    return getattr(type(module), name) is not getattr(Stateful, name)


def _without_result(hook: Callable[..., None], *args: Any) -> None:
    if hook(*args) is not None:  # type: ignore[func-returns-value]
        raise RuntimeError("state_dict post-hook must return None")
