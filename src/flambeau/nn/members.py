"""What a module has: parameters, buffers and submodules, as attributes and by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..recorder import Counted, changes
from ..tensor import Tensor
from ..tensor.handle import settle_fill
from .hooks import EVERY_MODULE
from .parameter import Buffer, Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module

__all__ = ["Members", "attributes_of"]

_KINDS = ("_parameters", "_buffers", "_modules")


class _Attributed:
    """What has attributes; a class below may say itself what `__dict__` is."""


_own_dict = vars(_Attributed)["__dict__"]

attributes_of: Callable[[Any], dict[str, Any]] = _own_dict.__get__
"""Returns the attributes of a module; asking for them so is no change."""


class Members(_Attributed):
    """What a Module is with regard to its members.

    Each kind has a dictionary by name, in the order of registration; a member may be
    None. Attributes are looked up there after the usual places.

    Who asks for `__dict__` may write to it, which nobody would see: asking is counted
    among the changes.
    """

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    # Attributes

    @property
    def __dict__(self) -> dict[str, Any]:
        """The attributes, to be read and written."""
        changes.count += 1
        return attributes_of(self)

    @__dict__.setter
    def __dict__(self, attributes: dict[str, Any]) -> None:
        _own_dict.__set__(self, attributes)

    def __getattr__(self, name: str) -> Any:
        own = attributes_of(self)
        for kind in _KINDS:
            members = own.get(kind)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(
            f"'{type(self).__name__}' object has no attribute '{name}'"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        own = attributes_of(self)
        if isinstance(value, Parameter):
            self._make_room("parameters", name, keep="_parameters")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            self._refuse(name, value, "parameter", "torch.nn.Parameter")
            self.register_parameter(name, value)
        elif isinstance(value, Members):
            self._make_room("module", name, keep="_modules")
            self._modules[name] = _announced("module", self, name, value)
        elif name in own.get("_modules", ()):
            self._refuse(name, value, "child module", "torch.nn.Module")
            self._modules[name] = _announced("module", self, name, value)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            self._set_buffer(name, value)
        else:
            value = Counted(value) if name in _KINDS else value
            object.__setattr__(self, name, value)
        changes.count += 1

    def _make_room(self, kind: str, name: str, keep: str) -> None:
        """Forget what has the name of a member that is about to be set."""
        own = attributes_of(self)
        if keep not in own:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        own.pop(name, None)
        changes.count += 1
        for each in _KINDS:
            if each != keep:
                own[each].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def _refuse(self, name: str, value: Any, kind: str, wanted: str) -> None:
        if value is not None:
            raise TypeError(
                f"cannot assign '{_typename(value)}' as {kind} '{name}' "
                f"({wanted} or None expected)"
            )

    def _set_buffer(self, name: str, value: Any) -> None:
        if not isinstance(value, Tensor):
            self._refuse(name, value, "buffer", "torch.nn.Buffer, torch.Tensor")
        own = attributes_of(self)
        persistent = name not in own.get("_non_persistent_buffers_set", ())
        if isinstance(value, Buffer):
            persistent = value.persistent
        self.register_buffer(name, value, persistent)

    def __delattr__(self, name: str) -> None:
        own = attributes_of(self)
        for kind in _KINDS:
            if name in own.get(kind, ()):
                del own[kind][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)
        changes.count += 1

    def __dir__(self) -> list[str]:
        names = {*object.__dir__(self)}
        names.update(*(attributes_of(self).get(kind, ()) for kind in _KINDS))
        return sorted(name for name in names if not name[0].isdigit())

    # Registration

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, which becomes the attribute `name`.

        Args:
            name: not empty and without dots.
            param: the parameter; None reserves the name.

        Raises:
            TypeError: `param` is not a Parameter.
            ValueError: `param` was computed by a recorded operation.
            KeyError: the name is taken by something else, or cannot be one.
        """
        self._check_name("parameter", "_parameters", name)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if not param.is_leaf:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model "
                    f"parameters must be created explicitly. To express '{name}' as a "
                    "function of another Tensor, compute the value in the forward() "
                    "method."
                )
            param = _announced("parameter", self, name, param)
        self._parameters[name] = param

    def register_buffer(
        self, name: str, tensor: Tensor | None, persistent: bool = True
    ) -> None:
        """Add a tensor that is part of the state but not trained.

        Args:
            name: the attribute; not empty and without dots.
            tensor: the buffer; None reserves the name.
            persistent: whether the buffer is part of `state_dict`.

        Raises:
            TypeError: `tensor` is not a tensor.
            KeyError: the name is taken by something else, or cannot be one.

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> model = nn.Module()
            >>> model.register_buffer("mean", torch.zeros(1))
            >>> model.state_dict()
            OrderedDict([('mean', tensor([0.]))])
        """
        self._check_name("buffer", "_buffers", name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        if tensor is not None and not is_lazy(tensor):
            settle_fill(tensor)
        self._buffers[name] = _announced("buffer", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule, which becomes the attribute `name`.

        Args:
            name: not empty and without dots.
            module: the submodule; None reserves the name.

        Raises:
            TypeError: `module` is not a Module.
            KeyError: the name is taken by something else, or cannot be one.
        """
        if module is not None and not isinstance(module, Members):
            hint = ""
            if isinstance(module, type) and issubclass(module, Members):
                hint = f" instance but the class; write {module.__name__}(...)"
            raise TypeError(f"{_typename(module)} is not a Module subclass{hint}")
        self._check_name("module", "_modules", name)
        self._modules[name] = _announced("module", self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a submodule: another name of `add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, members: str, name: Any) -> None:
        known = attributes_of(self).get(members)
        if known is None:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if hasattr(self, name) and name not in known:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # By their path

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path such as "encoder.0.conv"; "" is this one.

        Raises:
            AttributeError: there is no such module.
        """
        found: Any = self
        for name in target.split(".") if target else ():
            found = _attribute(found, name)
            if not isinstance(found, Members):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path, in the place of the one that is there.

        Args:
            target: the path; all but its last part must lead to modules.
            module: the new module.
            strict: there must be a module to replace.

        Raises:
            ValueError: the path is empty, or `module` is not a Module.
            AttributeError: the path does not lead to a module.

        Example:
            >>> from flambeau import nn
            >>> model = nn.Sequential(nn.Sequential())
            >>> model.set_submodule("0.head", nn.Sequential())
            >>> model
            Sequential(
              (0): Sequential(
                (head): Sequential()
              )
            )
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Members):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            replaced = _attribute(parent, name)
            if not isinstance(replaced, Members):
                raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as "encoder.0.conv.weight".

        Raises:
            AttributeError: there is no such parameter.
        """
        path, _, name = target.rpartition(".")
        found = _attribute(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path such as "encoder.0.norm.running_mean".

        Raises:
            AttributeError: there is no such buffer.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = _attribute(module, name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    # Walks

    def named_modules(
        self,
        memo: set[Any] | None = None,
        prefix: str = "",
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Module]]:
        """Walk over this module and all below it, with their paths.

        Args:
            memo: modules to leave out; those that were found are added.
            prefix: the path of this module.
            remove_duplicate: name a module that has several paths once only.

        Example:
            >>> from flambeau import nn
            >>> model = nn.Sequential(nn.Sequential(nn.Sequential()))
            >>> [name for name, _ in model.named_modules()]
            ['', '0', '0.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self  # type: ignore[misc]
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, _join(prefix, name), remove_duplicate
                )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Walk over this module and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Walk over the direct submodules, with their names, each of them once."""
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Walk over the direct submodules, each of them once."""
        for _, module in self.named_children():
            yield module

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Walk over the parameters, with their paths.

        Args:
            prefix: put before every path.
            recurse: also those of all submodules.
            remove_duplicate: name a shared parameter once only.
        """
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Walk over the parameters, each of them once: what an optimizer is given.

        Args:
            recurse: also those of all submodules.
        """
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Walk over the buffers, with their paths; see `named_parameters`."""
        return self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Walk over the buffers, each of them once; see `parameters`."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named_members(
        self,
        get_members_fn: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules: Iterable[tuple[str, Any]] = [(prefix, self)]
        if recurse:
            modules = self.named_modules(
                prefix=prefix, remove_duplicate=remove_duplicate
            )
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield _join(path, name), member


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _attribute(module: Any, name: str) -> Any:
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def _announced(kind: str, module: Any, name: str, member: Any) -> Any:
    """Return the member after the hooks on registration; they may replace it."""
    changes.count += 1
    for hook in list(EVERY_MODULE.registration[kind].values()):
        replaced = hook(module, name, member)
        member = member if replaced is None else replaced
    return member


def _typename(value: Any) -> str:
    """What torch calls the type of a value in its messages."""
    if isinstance(value, Tensor):
        return str(value.type())
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return name if module in (None, "builtins") else f"{module}.{name}"
