"""Tensor: a lazy handle with torch's methods.

What a tensor is comes first; then a table of torch's methods, each of them a function
of one of the modules beside this one.
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
from ..ops.movement import detach as detach_op
from ..shape import Size, axis_of, contiguous_strides
from . import convert, creation, pointwise
from . import inplace as writing
from .gradient_edge import GradFn, RemovableHandle
from .handle import Handle, layout_of, show, wrap
from .inplace import inplace

__all__ = ["Tensor"]


class Tensor(Handle):
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
        """Return False: complex numbers are out of scope."""
        return False

    @property
    def device(self) -> Device:
        """The CPU."""
        return Device("cpu")

    is_cuda = False

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

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Return whether the elements lie in row-major order without gaps."""
        wanted = contiguous_strides(self.shape)
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
            RuntimeError: not a float tensor, or not a leaf.
        """
        if requires_grad and not self.is_floating_point():
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients, got "
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
        autograd.backward(self, gradient, retain_graph, create_graph, inputs)

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

    def __index__(self) -> int:
        if self.is_floating_point() or self.numel() != 1:
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

    # Torch's methods

    numpy = convert.numpy
    item = convert.item
    tolist = convert.tolist
    to = convert.to
    type = convert.type_
    clone = convert.clone
    contiguous = convert.contiguous
    __array__ = convert.array_protocol
    __array_wrap__ = convert.array_wrap
    __array_priority__ = 1000  # NumPy arrays leave binary operators to the tensor
    __dlpack__ = convert.dlpack
    __dlpack_device__ = convert.dlpack_device
    __format__ = convert.format_spec

    # pointwise

    exp = pointwise.exp
    exp2 = pointwise.exp2
    expm1 = pointwise.expm1
    log = pointwise.log
    log2 = pointwise.log2
    log10 = pointwise.log10
    log1p = pointwise.log1p
    sqrt = pointwise.sqrt
    rsqrt = pointwise.rsqrt
    reciprocal = pointwise.reciprocal
    sin = pointwise.sin
    cos = pointwise.cos
    tan = pointwise.tan
    sinh = pointwise.sinh
    cosh = pointwise.cosh
    tanh = pointwise.tanh
    asin = pointwise.asin
    acos = pointwise.acos
    atan = pointwise.atan
    erf = pointwise.erf
    erfinv = pointwise.erfinv
    sigmoid = pointwise.sigmoid
    relu = pointwise.relu
    sign = pointwise.sign
    square = pointwise.square
    floor = pointwise.floor
    ceil = pointwise.ceil
    trunc = pointwise.trunc
    round = pointwise.round
    neg = pointwise.neg
    add = pointwise.add
    sub = pointwise.sub
    mul = pointwise.mul
    div = pointwise.div
    floor_divide = pointwise.floor_divide
    remainder = pointwise.remainder
    fmod = pointwise.fmod
    pow = pointwise.pow
    atan2 = pointwise.atan2
    hypot = pointwise.hypot
    lerp = pointwise.lerp
    addcmul = pointwise.addcmul
    addcdiv = pointwise.addcdiv
    eq = pointwise.eq
    ne = pointwise.ne
    lt = pointwise.lt
    le = pointwise.le
    gt = pointwise.gt
    ge = pointwise.ge
    logical_and = pointwise.logical_and
    logical_or = pointwise.logical_or
    logical_xor = pointwise.logical_xor
    logical_not = pointwise.logical_not
    bitwise_and = pointwise.bitwise_and
    bitwise_or = pointwise.bitwise_or
    bitwise_xor = pointwise.bitwise_xor
    bitwise_not = pointwise.bitwise_not
    masked_fill = pointwise.masked_fill
    clamp = pointwise.clamp
    nan_to_num = pointwise.nan_to_num
    abs = absolute = pointwise.absolute
    negative = pointwise.neg
    subtract = pointwise.sub
    multiply = pointwise.mul
    divide = true_divide = pointwise.div
    greater = pointwise.gt
    greater_equal = pointwise.ge
    less = pointwise.lt
    less_equal = pointwise.le
    not_equal = pointwise.ne
    arcsin = pointwise.asin
    arccos = pointwise.acos
    arctan = pointwise.atan
    clip = pointwise.clamp
    fix = pointwise.trunc
    maximum = pointwise.maximum
    minimum = pointwise.minimum
    isnan = pointwise.isnan
    isinf = pointwise.isinf
    isfinite = pointwise.isfinite
    signbit = pointwise.signbit
    isclose = pointwise.isclose
    allclose = pointwise.allclose
    equal = pointwise.equal
    bitwise_left_shift = pointwise.bitwise_left_shift
    bitwise_right_shift = pointwise.bitwise_right_shift

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """Return this tensor where the condition holds, else `other`."""
        return pointwise.where(condition, self, other)

    __add__ = pointwise.add
    __sub__ = pointwise.sub
    __mul__ = pointwise.mul
    __truediv__ = pointwise.div
    __floordiv__ = pointwise.floor_divide
    __mod__ = pointwise.remainder
    __pow__ = pointwise.pow
    __and__ = pointwise.bitwise_and
    __or__ = pointwise.bitwise_or
    __xor__ = pointwise.bitwise_xor
    __lshift__ = pointwise.bitwise_left_shift
    __rshift__ = pointwise.bitwise_right_shift
    __radd__ = pointwise.add
    __rsub__ = pointwise.rsub
    __rmul__ = pointwise.mul
    __rtruediv__ = pointwise.rdiv
    __rfloordiv__ = pointwise.rfloordiv
    __rmod__ = pointwise.rmod
    __rpow__ = pointwise.rpow
    __rand__ = pointwise.bitwise_and
    __ror__ = pointwise.bitwise_or
    __rxor__ = pointwise.bitwise_xor
    __eq__ = pointwise.eq  # type: ignore[assignment]
    __ne__ = pointwise.ne  # type: ignore[assignment]
    __lt__ = pointwise.lt  # type: ignore[assignment]
    __le__ = pointwise.le  # type: ignore[assignment]
    __gt__ = pointwise.gt  # type: ignore[assignment]
    __ge__ = pointwise.ge  # type: ignore[assignment]
    __neg__ = pointwise.neg
    __pos__ = pointwise.positive
    __abs__ = pointwise.absolute
    __invert__ = pointwise.bitwise_not

    # In place

    copy_ = writing.copy_
    fill_ = writing.fill_
    zero_ = writing.zero_
    exp_ = inplace(pointwise.exp)
    exp2_ = inplace(pointwise.exp2)
    expm1_ = inplace(pointwise.expm1)
    log_ = inplace(pointwise.log)
    log2_ = inplace(pointwise.log2)
    log10_ = inplace(pointwise.log10)
    log1p_ = inplace(pointwise.log1p)
    sqrt_ = inplace(pointwise.sqrt)
    rsqrt_ = inplace(pointwise.rsqrt)
    reciprocal_ = inplace(pointwise.reciprocal)
    sin_ = inplace(pointwise.sin)
    cos_ = inplace(pointwise.cos)
    tan_ = inplace(pointwise.tan)
    sinh_ = inplace(pointwise.sinh)
    cosh_ = inplace(pointwise.cosh)
    tanh_ = inplace(pointwise.tanh)
    asin_ = inplace(pointwise.asin)
    acos_ = inplace(pointwise.acos)
    atan_ = inplace(pointwise.atan)
    erf_ = inplace(pointwise.erf)
    erfinv_ = inplace(pointwise.erfinv)
    sigmoid_ = inplace(pointwise.sigmoid)
    relu_ = inplace(pointwise.relu)
    sign_ = inplace(pointwise.sign)
    square_ = inplace(pointwise.square)
    floor_ = inplace(pointwise.floor)
    ceil_ = inplace(pointwise.ceil)
    trunc_ = inplace(pointwise.trunc)
    round_ = inplace(pointwise.round)
    neg_ = inplace(pointwise.neg)
    add_ = inplace(pointwise.add)
    sub_ = inplace(pointwise.sub)
    mul_ = inplace(pointwise.mul)
    div_ = inplace(pointwise.div)
    floor_divide_ = inplace(pointwise.floor_divide)
    remainder_ = inplace(pointwise.remainder)
    fmod_ = inplace(pointwise.fmod)
    pow_ = inplace(pointwise.pow)
    atan2_ = inplace(pointwise.atan2)
    hypot_ = inplace(pointwise.hypot)
    lerp_ = inplace(pointwise.lerp)
    addcmul_ = inplace(pointwise.addcmul)
    addcdiv_ = inplace(pointwise.addcdiv)
    eq_ = inplace(pointwise.eq)
    ne_ = inplace(pointwise.ne)
    lt_ = inplace(pointwise.lt)
    le_ = inplace(pointwise.le)
    gt_ = inplace(pointwise.gt)
    ge_ = inplace(pointwise.ge)
    logical_and_ = inplace(pointwise.logical_and)
    logical_or_ = inplace(pointwise.logical_or)
    logical_xor_ = inplace(pointwise.logical_xor)
    logical_not_ = inplace(pointwise.logical_not)
    bitwise_and_ = inplace(pointwise.bitwise_and)
    bitwise_or_ = inplace(pointwise.bitwise_or)
    bitwise_xor_ = inplace(pointwise.bitwise_xor)
    bitwise_not_ = inplace(pointwise.bitwise_not)
    masked_fill_ = inplace(pointwise.masked_fill)
    clamp_ = inplace(pointwise.clamp)
    nan_to_num_ = inplace(pointwise.nan_to_num)
    abs_ = absolute_ = inplace(pointwise.absolute)
    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __ifloordiv__ = floor_divide_
    __imod__ = remainder_
    __ipow__ = pow_
    __iand__ = bitwise_and_
    __ior__ = bitwise_or_
    __ixor__ = bitwise_xor_
    __ilshift__ = inplace(pointwise.bitwise_left_shift)
    __irshift__ = inplace(pointwise.bitwise_right_shift)


def _rebuild(
    kind: type[Tensor], values: np.ndarray, dtype: dt.dtype, requires_grad: bool
) -> Tensor:
    """Make a tensor again from what was pickled."""
    tensor = kind.__new__(kind)
    tensor._node = creation.constant(values, dtype)
    return tensor.requires_grad_() if requires_grad else tensor
