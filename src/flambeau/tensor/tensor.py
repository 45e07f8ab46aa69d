"""Tensor: a lazy handle with torch's methods.

This file holds what a tensor is. Torch's methods, each of them a function of one of the
modules beside this one, are the table in `methods.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import autograd
from .. import dtypes as dt
from ..devices import device as Device
from ..graph import RECORDED, Node, Tape
from ..layouts import channels_last, channels_last_3d, memory_format, strided
from ..ops.movement import detach as detach_op
from ..scope import absence
from ..shape import Size, axis_of, contiguous_strides
from . import convert, creation
from .gradient_edge import GradFn, RemovableHandle
from .handle import Handle, layout_of, show, wrap
from .methods import Methods

__all__ = ["Tensor"]


class Tensor(Methods, Handle):
    """An n-dimensional array whose values are computed when someone looks.

    `Tensor(2, 3)` makes an empty tensor and `Tensor([1, 2])` one with data, both in
    the default float dtype; `flambeau.tensor` is the usual way.

    Source: torch's page "torch.Tensor".

    Example:
        >>> import flambeau as torch
        >>> (torch.tensor([1., 2.]) * 2).sum().item()
        6.0
    """

    is_parameter = False

    def __getattr__(self, name: str) -> Any:
        """Say what is missing, and why."""
        text = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(text + absence("Tensor", name))

    def __init__(self, *data: Any) -> None:
        kind = dt.get_default_dtype()
        if all(isinstance(each, int) for each in data):
            self._node = creation.empty(*(data or (0,))).node
        elif isinstance(data[0], Size):
            self._node = creation.empty(*data[0]).node
        else:
            self._node = creation.tensor(data[0]).to(kind).node

    @staticmethod
    def from_node(node: Node) -> Tensor:
        """Return a tensor that stands for a graph node."""
        return wrap(node)

    # What it is

    @property
    def shape(self) -> Size:
        """The sizes."""
        return Size(self._node.shape)

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[axis_of(dim, self.ndim)]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._node.shape)

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self._node.size

    nelement = numel

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._node.shape[0]

    @property
    def dtype(self) -> dt.dtype:
        """The element type."""
        return self._node.dtype

    def is_floating_point(self) -> bool:
        """Return whether the element type is a float."""
        return self._node.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Return whether the element type is complex."""
        return self._node.dtype.is_complex

    @property
    def device(self) -> Device:
        """The CPU."""
        return Device("cpu")

    is_cpu = True
    is_cuda = is_mps = is_xpu = is_meta = is_mkldnn = is_nested = False
    is_quantized = is_sparse = is_sparse_csr = False
    layout = strided

    @property
    def names(self) -> tuple[None, ...]:
        """None for each dimension: named dimensions are not supported."""
        return (None,) * self.ndim

    def get_device(self) -> int:
        """Return -1, which stands for the CPU."""
        return -1

    def is_signed(self) -> bool:
        """Return whether the element type has negative values."""
        return self.dtype.is_signed

    def is_inference(self) -> bool:
        """Return False: there are no tensors that only inference mode can make."""
        return False

    def is_conj(self) -> bool:
        """Return False: conjugates are computed, not marked."""
        return False

    def is_neg(self) -> bool:
        """Return False: negatives are computed, not marked."""
        return False

    def is_pinned(self) -> bool:
        """Return False: no memory is prepared for a GPU."""
        return False

    def pin_memory(self) -> Tensor:
        """Return the tensor itself: there is no GPU to copy to."""
        return self

    def is_shared(self) -> bool:
        """Return False: threads share all memory, and nothing else does."""
        return False

    def share_memory_(self) -> Tensor:
        """Return the tensor itself: threads share all memory."""
        return self

    def is_set_to(self, tensor: Tensor) -> bool:
        """Return whether two tensors read the same memory in the same way."""
        same = self.shape == tensor.shape and layout_of(self) == layout_of(tensor)
        return same and self._root() is tensor._root()

    def data_ptr(self) -> int:
        """Return the address of the first element; nobody may write there.

        It is good for telling tensors apart while both live, which is what programs
        ask it for.
        """
        if not self.numel():
            return 0
        address = convert.value_of(self._root()).ctypes.data
        return address + self.storage_offset() * self.itemsize

    const_data_ptr = data_ptr

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self._node.dtype.itemsize

    def element_size(self) -> int:
        """Return the bytes per element."""
        return self._node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.numel() * self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return the steps between elements, or that of one dimension."""
        strides = layout_of(self)[0]
        return strides if dim is None else strides[axis_of(dim, self.ndim)]

    def storage_offset(self) -> int:
        """Return where in its base's memory the first element lies."""
        return layout_of(self)[1]

    def is_contiguous(self, memory_format: memory_format | None = None) -> bool:
        """Return whether the elements lie in row-major order without gaps.

        Args:
            memory_format: or in the order of another format.
        """
        wanted = contiguous_strides(self.shape)
        if memory_format in (channels_last, channels_last_3d):
            if self.ndim != (4 if memory_format is channels_last else 5):
                return False
            batch, channels, *places = self.shape
            inner = contiguous_strides((batch, *places, channels))
            wanted = (inner[0], inner[-1], *inner[1:-1])
        found = layout_of(self)[0]
        return 0 in self.shape or all(
            size == 1 or mine == dense
            for size, mine, dense in zip(self.shape, found, wanted, strict=True)
        )

    @property
    def data(self) -> Tensor:
        """The same memory, without history."""
        return show(self, detach_op)

    @data.setter
    def data(self, new: Tensor) -> None:
        self.set_data(new.node)

    # Autograd

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow here; may be set on leaves."""
        return self.node.tape is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop collecting gradients in this leaf, and return it.

        Raises:
            RuntimeError: not a float or complex tensor, or not a leaf.
        """
        if requires_grad and not self.dtype.is_inexact:
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require "
                "gradients, got "
                f"{self.dtype!r}"
            )
        if not self.is_leaf and not requires_grad:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you "
                "want to use a computed variable in a subgraph that doesn't require "
                "differentiation use var_no_grad = var.detach()."
            )
        if requires_grad != self.requires_grad:
            self.make_leaf(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this tensor."""
        tape = self.node.tape
        return tape is None or tape.leaf is not None

    @property
    def grad_fn(self) -> GradFn | None:
        """The recorded operation that made this tensor; None for a leaf."""
        return None if self.is_leaf else GradFn(self.node)

    @property
    def grad(self) -> Tensor | None:
        """What backward passes have added up for this leaf."""
        return self._grad

    @grad.setter
    def grad(self, new: Tensor | None) -> None:
        if new is not None and new.shape != self.shape:
            raise RuntimeError(
                f"assigned grad has data of a different size: {tuple(new.shape)} for "
                f"a tensor of shape {tuple(self.shape)}"
            )
        self._grad = new

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add this tensor's gradients to the `.grad` of the leaves.

        Args:
            gradient: the weight of each element; may be left out for a scalar.
            retain_graph: keep the graph for another pass.
            create_graph: record the gradients, so that they can be differentiated.
            inputs: add to these tensors only.

        Example:
            >>> import flambeau as torch
            >>> x = torch.tensor([1., 2.], requires_grad=True)
            >>> (x * x).sum().backward()
            >>> x.grad
            tensor([2., 4.])
        """
        autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """Return the same memory as a tensor that no gradient flows through."""
        return show(self, detach_op)

    def detach_(self) -> Tensor:
        """Make this tensor a leaf that requires no gradient."""
        if self.requires_grad:
            self.make_leaf(False)
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in `.grad` after a backward pass."""
        if not self.is_leaf and not self._retains_grad:
            self._retains_grad = True
            me = weakref.ref(self)

            def keep(g: Node) -> None:
                tensor = me()
                if tensor is not None:
                    tensor._grad = wrap(g)

            self._own_tape().hooks[-1] = keep

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this non-leaf."""
        return self._retains_grad

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook` with the gradient whenever it is computed; it may replace it.

        Raises:
            RuntimeError: no gradient flows here.

        Example:
            >>> import flambeau as torch
            >>> x = torch.ones(1, requires_grad=True)
            >>> handle = x.register_hook(lambda grad: grad * 10)
            >>> (2 * x).backward()
            >>> x.grad
            tensor([20.])
        """
        if not self.requires_grad:
            raise RuntimeError(
                "cannot register a hook on a tensor that doesn't require gradient"
            )

        def run(g: Node) -> Node | None:
            result = hook(wrap(g))
            return None if result is None else result.node

        return RemovableHandle(self._own_tape().hooks, run)

    def register_post_accumulate_grad_hook(
        self, hook: Callable[[Tensor], None]
    ) -> RemovableHandle:
        """Call `hook` with this leaf whenever its `.grad` has been added to."""
        if not self.requires_grad or not self.is_leaf:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        hooks = self.__dict__.setdefault("_after_hooks", {})
        return RemovableHandle(hooks, hook)

    def run_post_accumulate_hooks(self) -> None:
        """Tell the listeners that `.grad` has been added to."""
        for hook in list(self.__dict__.get("_after_hooks", {}).values()):
            hook(self)

    def _own_tape(self) -> Tape:
        node = self.node
        if node.tape is RECORDED:
            node.tape = Tape()
        assert node.tape is not None
        return node.tape

    # Python's own protocols

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError(
                "Boolean value of Tensor with "
                f"{'no values' if not self.numel() else 'more than one value'} is "
                "ambiguous"
            )
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.is_inexact or self.numel() != 1:
            raise TypeError(
                "only integer tensors of a single element can be converted to an index"
            )
        return int(self.item())

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __repr__(self) -> str:
        return convert.text(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support "
                "the deepcopy protocol at the moment; use .detach().clone()"
            )
        copied = self.__class__.__new__(self.__class__)
        memo[id(self)] = copied
        copied._node = detach_op(self.node)
        if self.requires_grad:
            copied.make_leaf(True)
        if self.grad is not None:
            copied._grad = self.grad.clone().detach()
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        values = convert.value_of(self)
        return _rebuild, (type(self), values, self.dtype, self.requires_grad)


def _rebuild(
    kind: type[Tensor], values: np.ndarray, dtype: dt.dtype, requires_grad: bool
) -> Tensor:
    """Make a tensor again from what was pickled."""
    tensor = kind.__new__(kind)
    tensor._node = creation.constant(values, dtype)
    return tensor.requires_grad_() if requires_grad else tensor
