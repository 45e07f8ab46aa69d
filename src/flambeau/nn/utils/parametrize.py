"""Parameters that are computed from others; torch's ``nn.utils.parametrize``.

    module.weight  ->  module.parametrizations.weight()
                         = last(... first(original))

The module gets a class of its own, in which the name is a property: reading it applies
the parametrizations, assigning to it applies their right inverses. The original is the
parameter that is trained and saved.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

from ...autograd import no_grad
from ...recorder import changes
from ...tensor import Tensor
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


class _Cache:
    """What was computed since the outermost `cached` began."""

    depth = 0
    values: dict[tuple[int, str], Tensor]

    def __init__(self) -> None:
        self.values = {}

    def get(self, key: tuple[int, str], compute: Callable[[], Tensor]) -> Tensor:
        """Return the value of a key, computed once only while `cached` is active."""
        if not self.depth:
            return compute()
        changes.count += 1  # the next value may be another one, kept or computed
        if key not in self.values:
            self.values[key] = compute()
        return self.values[key]


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once only inside.

    Source: torch's page ``torch.nn.utils.parametrize.cached``.

    Example:
        >>> from flambeau import nn
        >>> model = register_parametrization(nn.Linear(2, 2), "weight", nn.ReLU())
        >>> with cached():
        ...     model.weight is model.weight
        True
        >>> model.weight is model.weight
        False
    """
    _cache.depth += 1
    changes.count += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        changes.count += 1
        if not _cache.depth:
            _cache.values = {}


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and what they are computed from.

    `register_parametrization` makes it. The original is called ``original``, or
    ``original0``, ``original1``, … if the first right inverse returns several tensors.

    Args:
        modules: the parametrizations.
        original: the parameter or buffer that is parametrized.
        unsafe: do not check that shape and dtype stay.

    Raises:
        ValueError: a right inverse or a parametrization returns what it must not.

    Source: torch's page ``torch.nn.utils.parametrize.ParametrizationList``.
    """

    original: Tensor

    def __init__(
        self, modules: Sequence[Module], original: Tensor, unsafe: bool = False
    ) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, kind = original.shape, original.dtype
        new = self._inverse_of(original)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            self._keep_one(original, new)
        else:
            self._keep_several(original, new)
        if not unsafe:
            _check_kept(
                self(),
                (shape, kind),
                "Registering a parametrization may not change the {what} of the "
                "tensor, unless `unsafe` flag is enabled.\n"
                "unparametrized {what}: {old}\nparametrized {what}: {new}",
            )

    @no_grad()
    def _inverse_of(self, original: Tensor) -> Any:
        """Apply the right inverses there are, the last registered first."""
        new: Any = original
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                with suppress(NotImplementedError):
                    new = module.right_inverse(new)
        if not isinstance(new, Tensor | Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                f"tuple...). Got {type(new).__name__}"
            )
        return new

    def _keep_one(self, original: Tensor, new: Tensor) -> None:
        if original.dtype != new.dtype:
            raise ValueError(
                "When `right_inverse` outputs one tensor, it may not change the "
                f"dtype.\noriginal.dtype: {original.dtype}\n"
                f"right_inverse(original).dtype: {new.dtype}"
            )
        _set(original, new)
        _register(self, "original", original)

    def _keep_several(self, original: Tensor, parts: Sequence[Any]) -> None:
        for index, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors "
                    f"(list, tuple...). Got element {index} of the sequence with type "
                    f"{type(part).__name__}."
                )
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            part.requires_grad_(original.requires_grad)
            _register(self, f"original{index}", part)

    def originals(self) -> list[Tensor]:
        """Return what the first parametrization is given."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{index}") for index in range(self.ntensors)]

    @no_grad()
    def right_inverse(self, value: Any) -> None:
        """Let the originals be what `value` comes from.

        Raises:
            RuntimeError: a parametrization has no right inverse.
            ValueError: one returns another number of tensors, or another dtype.
        """
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(
                    f"parametrization {type(module).__name__} does not implement "
                    "right_inverse."
                )
            value = module.right_inverse(value)
        if self.is_tensor:
            self._assign_one(value)
        else:
            self._assign_several(value)

    def _assign_one(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError(
                f"`right_inverse` should return a tensor. Got {type(value).__name__}"
            )
        if value.dtype != self.original.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} while "
                f"`original` has dtype {self.original.dtype}"
            )
        _set(self.original, value)

    def _assign_several(self, values: Any) -> None:
        wanted = "'right_inverse' must return a sequence of tensors"
        if not isinstance(values, Sequence):
            raise ValueError(f"{wanted}. Got {type(values).__name__}.")
        if len(values) != self.ntensors:
            raise ValueError(
                f"{wanted} of length {self.ntensors}. "
                f"Got a sequence of length {len(values)}."
            )
        for index, (old, new) in enumerate(zip(self.originals(), values)):
            if not isinstance(new, Tensor):
                raise ValueError(
                    f"{wanted} or reference-type opaques. Got element {index} of type "
                    f"{type(new).__name__}."
                )
            if old.dtype != new.dtype:
                raise ValueError(
                    f"Tensor {index} returned by `right_inverse` has dtype {new.dtype} "
                    f"while `original{index}` has dtype {old.dtype}"
                )
            _set(old, new)

    def forward(self) -> Tensor:
        """Compute the parametrized tensor."""
        first, *others = self
        value = first(*self.originals())
        for module in others:
            value = module(value)
        return value


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _set(target: Tensor, value: Tensor) -> None:
    """Give a tensor other values, and if need be another shape."""
    if target is not value:
        target.set_data(value.detach().clone().node)


def _check_kept(found: Any, before: tuple[Any, Any], complaint: str) -> None:
    """Raise unless a parametrization returned a tensor of this shape and dtype."""
    if not isinstance(found, Tensor):
        raise ValueError(
            f"A parametrization must return a tensor. Got {type(found).__name__}."
        )
    shape, kind = before
    for what, old, new in (("dtype", kind, found.dtype), ("shape", shape, found.shape)):
        if old != new:
            raise ValueError(complaint.format(what=what, old=old, new=new))


def register_parametrization(
    module: Module,
    tensor_name: str,
    parametrization: Module,
    *,
    unsafe: bool = False,
) -> Module:
    """Let a parameter or buffer of a module be computed by another module.

    A parametrization may have a method ``right_inverse(value)``, which is asked for
    the original that the present value comes from, and for that of a value assigned
    later. It may return several tensors, if it is the first of its tensor: `forward`
    is then given as many. Further parametrizations are given the result of those that
    are there already.

    Args:
        module: the module.
        tensor_name: the name of the parameter or buffer.
        parametrization: the module that computes it.
        unsafe: let shape and dtype change, and call nothing in order to check.

    Returns:
        The module.

    Raises:
        ValueError: there is no such tensor, or the parametrization or its inverse
            changes the shape or the dtype.

    Source: torch's page ``torch.nn.utils.parametrize.register_parametrization``.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> torch.equal(layer.weight, layer.weight.T)
        True
        >>> [name for name, _ in layer.named_parameters()]
        ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_next(module, tensor_name, parametrization)
        there: Any = module.parametrizations[tensor_name]
        there.append(parametrization)
        there.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_own_class(module)
            module.parametrizations = ModuleDict()
        _add_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized "
            f"element with name '{tensor_name}'"
        )
    return module


def _check_next(module: Module, name: str, parametrization: Any) -> None:
    """Check a parametrization of what is parametrized already."""
    value = getattr(module, name)
    before = value.shape, value.dtype
    found = parametrization(value)
    _check_kept(
        found,
        before,
        "Registering a parametrization may not change the {what} of the tensor, unless "
        f"the `unsafe` flag is enabled.\nmodule.{name}.{{what}}: {{old}}\n"
        f"parametrization(module.{name}).{{what}}: {{new}}",
    )
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(found)
    except NotImplementedError:
        return
    if not isinstance(back, Tensor):
        raise ValueError(
            "parametrization.right_inverse must return a tensor. Got: "
            f"{type(back).__name__}"
        )
    _check_kept(
        back,
        before,
        "The tensor returned by parametrization.right_inverse must have the same "
        f"{{what}} as module.{name}, unless the `unsafe` flag is enabled.\n"
        f"module.{name}.{{what}}: {{old}}\nreturned {{what}}: {{new}}",
    )


def _give_own_class(module: Module) -> None:
    """Derive a class for this module alone, to which properties can be added."""
    base = type(module)
    members: dict[str, Any] = {"__getstate__": _refuse_pickling}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _refuse_pickling(self: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict()."
    )


def _deepcopy(self: Module, memo: dict[int, Any]) -> Any:
    """Copy without the state that pickling would ask for, into a class of its own."""
    if id(self) in memo:
        return memo[id(self)]
    own = type(self)
    copied: Any = own.__new__(type(own.__name__, own.__bases__, {**vars(own)}))
    memo[id(self)] = copied
    copied.__dict__.update(deepcopy(self.__dict__, memo))
    for slot in copyreg._slotnames(type(self)):  # type: ignore[attr-defined]
        if hasattr(self, slot):
            setattr(copied, slot, deepcopy(getattr(self, slot), memo))
    return copied


def _add_property(module: Module, name: str) -> None:
    def read(self: Any) -> Tensor:
        return _cache.get((id(self), name), self.parametrizations[name])

    def assign(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(read, assign))


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a module has a parametrization, of this tensor if one is named.

    Source: torch's page ``torch.nn.utils.parametrize.is_parametrized``.

    Example:
        >>> from flambeau import nn
        >>> model = register_parametrization(nn.Linear(2, 2), "weight", nn.ReLU())
        >>> is_parametrized(model), is_parametrized(model, "bias")
        (True, False)
    """
    there = getattr(module, "parametrizations", None)
    if not isinstance(there, ModuleDict):
        return False
    return len(there) > 0 if tensor_name is None else tensor_name in there


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrized tensor an ordinary one again.

    Args:
        module: the module.
        tensor_name: the name of the tensor.
        leave_parametrized: keep its present value, rather than its original.

    Returns:
        The module.

    Raises:
        ValueError: it is not parametrized, or comes from several originals, none of
            which could be left.

    Source: torch's page ``torch.nn.utils.parametrize.remove_parametrizations``.

    Example:
        >>> from flambeau import nn
        >>> model = register_parametrization(nn.Linear(2, 2), "weight", nn.ReLU())
        >>> remove_parametrizations(model, "weight")
        Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(
            f"Module {module} does not have a parametrization on {tensor_name}"
        )
    there: Any = module.parametrizations[tensor_name]
    if there.is_tensor:
        original = there.original
        if leave_parametrized:
            with no_grad():
                _set(original, getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """Return the class that a module had before it was parametrized.

    Source: torch's page ``torch.nn.utils.parametrize.type_before_parametrizations``.

    Example:
        >>> from flambeau import nn
        >>> model = register_parametrization(nn.Linear(2, 2), "weight", nn.ReLU())
        >>> type(model).__name__, type_before_parametrizations(model).__name__
        ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Let a module have the parametrizations of another one, and their originals.

    Args:
        from_module: the module that has them.
        to_module: the module that is to share them; it gets the tensors it lacks.
        tensor_name: the tensor; all parametrized ones by default.

    Returns:
        `to_module`.

    Source: torch's page
    ``torch.nn.utils.parametrize.transfer_parametrizations_and_params``.

    Example:
        >>> from flambeau import nn
        >>> first = register_parametrization(nn.Linear(2, 2), "weight", nn.ReLU())
        >>> second = transfer_parametrizations_and_params(first, nn.Linear(2, 2))
        >>> (second.weight == first.weight).all().item()
        True
    """
    if not is_parametrized(from_module):
        return to_module
    there: Any = from_module.parametrizations
    for name in list(there) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            value = getattr(from_module, name).detach()
            setattr(to_module, name, Parameter(value))
        for parametrization in there[name]:
            register_parametrization(to_module, name, parametrization)
        made: Any = to_module.parametrizations[name]
        for key in list(made._parameters) + list(made._buffers):
            setattr(made, key, getattr(there[name], key))
    return to_module
