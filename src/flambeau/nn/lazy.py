"""Modules that take the sizes of their parameters from the first input."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from ..autograd import no_grad
from .parameter import is_lazy

if TYPE_CHECKING:
    from .module import Module
else:
    Module = object

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin(Module):
    """What makes a module lazy, put in front of its base class.

    The module has uninitialised parameters. Before the first call,
    `initialize_parameters` is called with the arguments of `forward` and gives them
    their shape; then the module becomes one of the class `cls_to_become`. A state that
    is loaded gives shapes, too.

    Source: torch's page "torch.nn.modules.lazy.LazyModuleMixin".
    """

    cls_to_become: ClassVar[type[Any] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Give uninitialised parameters the shapes of those that are loaded."""
        for name, member in chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if is_lazy(member) and given is not None and not is_lazy(given):
                with no_grad():
                    member.materialize(given.shape)  # type: ignore[union-attr]

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes; for subclasses to define.

        Args:
            args, kwargs: what the module is called with.

        Raises:
            NotImplementedError: the subclass has not defined it.
        """
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or a buffer has no shape yet."""
        members = chain(self._parameters.values(), self._buffers.values())
        return any(map(is_lazy, members))

    def _infer_parameters(
        self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
    ) -> None:
        """Initialise, once, before the first call."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"module {self._get_name()} has not been fully initialized"
            )
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
