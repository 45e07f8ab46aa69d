"""Rules that say which elements of a parameter are held at zero."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, Self

from ...tensor import Tensor
from ...tensor.creation import ones_like, zeros_like
from ...tensor.randomness import rand, rand_like
from ...tensor.sorting import kthvalue, topk
from ..module import Module
from .weight_norm import hooks_of, remove_hook

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
]


class BasePruningMethod(ABC):
    """Base of the rules, which are also the hooks of the modules they prune.

    A subclass says what it prunes by `PRUNING_TYPE` ("unstructured": elements,
    "structured": channels along its `dim`, "global": any) and defines `compute_mask`.

    Source: torch's page ``torch.nn.utils.prune.BasePruningMethod``.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the new mask.

        Args:
            t: what decides.
            default_mask: the mask there is already.
        """

    def apply_mask(self, module: Module) -> Tensor:
        """Return the pruned parameter of a module."""
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Prune a parameter of a module.

        Args:
            module: the module.
            name: the name of the parameter.
            args: what the rule is made with.
            importance_scores: what decides; the parameter by default.
            kwargs: what the rule is made with.

        Returns:
            The hook: the rule, or a container of it and those before it.

        Raises:
            AssertionError: the scores have another shape, or there are several hooks.
        """
        method = cls._joined(module, name, cls(*args, **kwargs))
        value = getattr(module, name)
        scores = value if importance_scores is None else importance_scores
        if scores.shape != value.shape:
            raise AssertionError(
                "importance_scores should have the same shape as parameter "
                f"{name} of {module}, got {scores.shape} vs {value.shape}"
            )
        is_first = not isinstance(method, PruningContainer)
        if is_first:
            before = ones_like(value.detach())
        else:
            before = getattr(module, name + "_mask").detach().clone()
        mask = method.compute_mask(scores.detach(), before)
        if is_first:
            module.register_parameter(name + "_orig", value)
            del module._parameters[name]
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    @staticmethod
    def _joined(
        module: Module, name: str, method: BasePruningMethod
    ) -> BasePruningMethod:
        """Put a rule behind the one that prunes the parameter already."""
        method._tensor_name = name
        there = [
            hook
            for hook in hooks_of(module, BasePruningMethod)
            if hook._tensor_name == name
        ]
        if len(there) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of "
                f"module {module}. Use a PruningContainer."
            )
        if not there:
            return method
        remove_hook(module._forward_pre_hooks, there[0])
        container = there[0]
        if not isinstance(container, PruningContainer):
            container = PruningContainer(container)
        container.add_pruning_method(method)
        return container

    def prune(
        self,
        t: Tensor,
        default_mask: Tensor | None = None,
        importance_scores: Tensor | None = None,
    ) -> Tensor:
        """Return a tensor with its pruned elements at zero.

        Args:
            t: the tensor.
            default_mask: the mask there is already.
            importance_scores: what decides; the tensor by default.

        Raises:
            AssertionError: the scores have another shape.
        """
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t, "
                f"got {scores.shape} vs {t.shape}"
            )
        before = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=before)

    def remove(self, module: Module) -> None:
        """Make the pruned parameter an ordinary one."""
        name = self._tensor_name
        value = self.apply_mask(module).detach()
        if hasattr(module, name):
            delattr(module, name)
        original: Any = module._parameters.pop(name + "_orig")
        original.data = value
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several rules on one parameter; the last one prunes what the others left.

    Args:
        args: the rules.

    Source: torch's page ``torch.nn.utils.prune.PruningContainer``.
    """

    PRUNING_TYPE = "global"

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a rule for the same parameter.

        Raises:
            TypeError: it is no rule.
            ValueError: it is for another parameter.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. "
                f"Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask after the last rule, which sees what is not pruned yet."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype).clone()
        left = _left(method, t, default_mask)
        part = method.compute_mask(t[left], default_mask=default_mask[left])
        mask[left] = part.to(dtype=mask.dtype)
        return mask


def _left(method: BasePruningMethod, t: Tensor, mask: Tensor) -> Any:
    """Return the index of what a rule may still prune."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    index: list[Any] = [slice(None)] * t.dim()
    if method.PRUNING_TYPE == "global":
        return tuple(index)
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute '
            "`dim` defined."
        )
    dim = method.dim + t.dim() if method.dim < 0 else method.dim
    if dim < 0:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {t.dim()}")
    others = [axis for axis in range(t.dim()) if axis != dim]
    index[dim] = mask.sum(dim=others) != 0
    return tuple(index)


class Identity(BasePruningMethod):
    """Prunes nothing.

    Source: torch's page ``torch.nn.utils.prune.Identity``.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask there is."""
        return default_mask


class _ByAmount(BasePruningMethod):
    """Prunes a number of elements or channels, or a part of them."""

    def __init__(self, amount: float) -> None:
        check_amount(amount)
        self.amount = amount

    def _count(self, size: int) -> int:
        """Return how many of `size` are pruned."""
        if not isinstance(self.amount, Integral):
            return round(self.amount * size)
        if self.amount > size:
            raise ValueError(
                f"amount={self.amount} should be smaller than the number of "
                f"parameters to prune={size}"
            )
        return int(self.amount)


class RandomUnstructured(_ByAmount):
    """Prunes elements drawn at random.

    Args:
        amount: how many elements, or which part of them.

    Source: torch's page ``torch.nn.utils.prune.RandomUnstructured``.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask with further zeros where the largest of random numbers are."""
        count = self._count(t.numel())
        if count == 0:
            return default_mask.clone()
        return _zeroed(default_mask, topk(rand_like(t).reshape(-1), count))

    @classmethod
    def apply(cls, module: Module, name: str, amount: float) -> Self:  # type: ignore[override]
        """Prune a parameter of a module."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(_ByAmount):
    """Prunes the elements of smallest magnitude.

    Args:
        amount: how many elements, or which part of them.

    Source: torch's page ``torch.nn.utils.prune.L1Unstructured``.
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask with further zeros where the smallest elements are."""
        count = self._count(t.numel())
        if count == 0:
            return default_mask.clone()
        return _zeroed(default_mask, topk(t.abs().reshape(-1), count, largest=False))

    @classmethod
    def apply(  # type: ignore[override]
        cls,
        module: Module,
        name: str,
        amount: float,
        importance_scores: Tensor | None = None,
    ) -> Self:
        """Prune a parameter of a module."""
        return super().apply(
            module, name, amount=amount, importance_scores=importance_scores
        )


class _ByChannel(_ByAmount):
    """Prunes whole channels."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _channels(self, t: Tensor) -> tuple[int, int]:
        """Return how many channels there are, and how many are pruned."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. "
                f"Found tensor of shape {t.shape} with {t.dim()} dims"
            )
        if self.dim >= t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        size = t.shape[self.dim]
        return size, self._count(size)

    def _with_channels(self, t: Tensor, default_mask: Tensor, kept: Any) -> Tensor:
        """Return the mask where channels are kept, and 0 elsewhere."""
        mask = zeros_like(t)
        index: list[Any] = [slice(None)] * t.dim()
        index[self.dim] = kept
        mask[tuple(index)] = 1
        return mask * default_mask.to(dtype=mask.dtype)


class RandomStructured(_ByChannel):
    """Prunes whole channels drawn at random.

    Args:
        amount: how many channels, or which part of them.
        dim: the dimension that counts channels.

    Source: torch's page ``torch.nn.utils.prune.RandomStructured``.
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask that drops the channels of the smallest random numbers."""
        size, count = self._channels(t)
        if count == 0:
            return default_mask
        draws = rand(size)
        kept = draws > kthvalue(draws, count).values
        return self._with_channels(t, default_mask, kept)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, dim: int = -1
    ) -> Self:
        """Prune a parameter of a module."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_ByChannel):
    """Prunes the channels of smallest norm.

    Args:
        amount: how many channels, or which part of them.
        n: the order of the norm.
        dim: the dimension that counts channels.

    Source: torch's page ``torch.nn.utils.prune.LnStructured``.
    """

    def __init__(self, amount: float, n: float, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask that keeps the channels of the largest norms."""
        size, count = self._channels(t)
        others = [axis for axis in range(t.dim()) if axis != self.dim % t.dim()]
        norms = t.norm(self.n, others)
        kept: Any = topk(norms, size - count)
        if count == 0:
            return default_mask
        return self._with_channels(t, default_mask, kept.indices)

    @classmethod
    def apply(  # type: ignore[override]
        cls,
        module: Module,
        name: str,
        amount: float,
        n: float,
        dim: int,
        importance_scores: Tensor | None = None,
    ) -> Self:
        """Prune a parameter of a module."""
        return super().apply(
            module,
            name,
            amount=amount,
            n=n,
            dim=dim,
            importance_scores=importance_scores,
        )


class CustomFromMask(BasePruningMethod):
    """Prunes where a mask is 0.

    Args:
        mask: the mask.

    Source: torch's page ``torch.nn.utils.prune.CustomFromMask``.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask there is, with further zeros.

        Raises:
            AssertionError: the shapes differ.
        """
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match "
                f"self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def _zeroed(mask: Tensor, chosen: Any) -> Tensor:
    """Return a mask with zeros at some positions, counted through all elements."""
    flat = mask.reshape(-1).clone()
    flat[chosen.indices] = 0
    return flat.reshape(mask.shape)


def check_amount(amount: Any) -> None:
    """Raise torch's error for what says neither how many elements nor which part."""
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, Integral)
    if float(amount) < 0 or (not whole and float(amount) > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a "
            "non-negative integer"
        )
