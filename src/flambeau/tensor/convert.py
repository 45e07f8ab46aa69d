"""Out of and between tensors: dtypes, Python numbers, lists, NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..devices import check_device
from ..devices import device as Device
from ..graph import state
from ..ops.elementwise import cast
from ..ops.movement import alias
from .creation import from_numpy
from .formatting import format_tensor
from .handle import Handle, evaluate, evaluate_pending, is_evaluated, show, wrap

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "clone",
    "contiguous",
    "item",
    "numpy",
    "text",
    "to",
    "to_dense",
    "to_dlpack",
    "tolist",
    "value_of",
]


def value_of(input: Tensor) -> np.ndarray:
    """Return the computed elements as an array that must not be written to."""
    return evaluate([input])[0]


def compute(*tensors: Tensor | Sequence[Tensor]) -> None:
    """Compute the values of tensors now, and all that is pending, as one plan.

    Args:
        tensors: tensors, or sequences of them; none for all that is pending.

    Raises:
        TypeError: something else.

    Example:
        >>> import flambeau as torch
        >>> x = torch.ones(2) + 1
        >>> torch.evaluate(x)
        >>> x.node.value
        array([2., 2.], dtype=float32)
    """
    if state.recorder is None and tensors and all(map(is_evaluated, tensors)):
        return
    listed: list[Tensor] = []
    for each in tensors:
        for tensor in each if isinstance(each, (list, tuple)) else (each,):
            if not isinstance(tensor, Handle):
                kind = type(tensor).__name__
                raise TypeError(f"evaluate takes tensors, got a {kind}")
            listed.append(tensor)  # type: ignore[arg-type]
    if listed and state.recorder is None:
        evaluate(listed)
    else:
        evaluate_pending()


def item(input: Tensor) -> Any:
    """Return the only element as a Python number.

    Raises:
        RuntimeError: there is not exactly one element.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([2.5]).item()
        2.5
    """
    if input.numel() != 1:
        raise RuntimeError(
            f"a Tensor with {input.numel()} elements cannot be converted to Scalar"
        )
    number = value_of(input).reshape(())
    return (
        number.astype(np.float64).item()
        if number.dtype.kind == "V"
        else (number.item())
    )


def tolist(input: Tensor) -> Any:
    """Return the elements as nested lists, or a number for a 0-d tensor."""
    return _wide(value_of(input)).tolist()


def _wide(values: np.ndarray) -> np.ndarray:
    """NumPy turns bfloat16 into Python numbers only by way of a wider float."""
    return values.astype(np.float32) if values.dtype.kind == "V" else values


def numpy(input: Tensor, *, force: bool = False) -> np.ndarray:
    """Return the elements as an array that shares the tensor's memory.

    Args:
        input: any shape.
        force: also for a tensor that requires a gradient, and then detached.

    Raises:
        RuntimeError: the tensor requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(2)
        >>> x.numpy()[0] = 1
        >>> x
        tensor([1., 0.])
    """
    if input.requires_grad:
        if not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use "
                "tensor.detach().numpy() instead."
            )
        input = input.detach()
    return input.expose()


def array_protocol(
    input: Tensor, dtype: Any = None, copy: bool | None = None
) -> np.ndarray:
    """Let NumPy read a tensor: what `np.asarray(tensor)` calls."""
    array = numpy(input)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


def array_wrap(
    input: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False
) -> Tensor:
    """Make what a NumPy function returns a tensor again."""
    return from_numpy(np.asarray(array))


def dlpack(input: Tensor, **options: Any) -> Any:
    """Hand the memory to another library: what `other.from_dlpack(tensor)` calls."""
    return numpy(input).__dlpack__(**options)


def dlpack_device(input: Tensor) -> tuple[int, int]:
    """Return DLPack's code of the CPU."""
    return np.empty(0).__dlpack_device__()


def from_dlpack(ext_tensor: Any) -> Tensor:
    """Return a tensor on the memory of another library's array."""
    return from_numpy(np.from_dlpack(ext_tensor))


def to_dlpack(tensor: Tensor) -> Any:
    """Return a capsule with the memory of a tensor, for another library."""
    return dlpack(tensor)


# Between dtypes


def to(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Convert dtype and device: `to(dtype)`, `to("cpu")`, `to(other)`.

    Args:
        input: any shape.
        args: a dtype, a device, a device and a dtype, or another tensor.
        kwargs: dtype, device, copy; non_blocking and memory_format have no effect.

    Raises:
        RuntimeError: a device other than the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2).to(torch.int32)
        tensor([1, 1], dtype=torch.int32)
    """
    kind = kwargs.get("dtype")
    check_device(kwargs.get("device"))
    for each in args:
        if isinstance(each, Handle):
            kind = each._node.dtype
        elif isinstance(each, dt.dtype):
            kind = each
        elif isinstance(each, (str, Device)):
            check_device(each)
        elif isinstance(each, int) and not isinstance(each, bool):
            check_device(f"cuda:{each}")
        elif each is not None and not isinstance(each, bool):
            raise TypeError(
                "to() received an invalid combination of arguments: expected a dtype, "
                f"a device or a tensor, but got {each!r}"
            )
    if kind is None or kind is input.dtype:
        return clone(input) if kwargs.get("copy") else input
    return wrap(cast(input.node, kind))


def to_dense(
    input: Tensor, dtype: dt.dtype | None = None, *, masked_grad: bool = True
) -> Tensor:
    """Return the tensor itself, or its elements in a dtype: no tensor is sparse."""
    return input if dtype is None else to(input, dtype)


def _converter(name: str, kind: dt.dtype) -> Callable[[Tensor], Tensor]:
    def convert(input: Tensor, memory_format: object = None) -> Tensor:
        return to(input, kind)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"Return the elements as {kind.name}: `to(torch.{kind.name})`."
    return convert


double = _converter("double", dt.float64)
float_ = _converter("float", dt.float32)
half = _converter("half", dt.float16)
cfloat = _converter("cfloat", dt.complex64)
cdouble = _converter("cdouble", dt.complex128)
bfloat16 = _converter("bfloat16", dt.bfloat16)
long = _converter("long", dt.int64)
int_ = _converter("int", dt.int32)
short = _converter("short", dt.int16)
char = _converter("char", dt.int8)
byte = _converter("byte", dt.uint8)
bool_ = _converter("bool", dt.bool_)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the elements in the dtype of another tensor."""
    return to(input, other.dtype)


def cpu(input: Tensor, memory_format: object = None) -> Tensor:
    """Return the tensor itself: it is on the CPU."""
    return input


def cuda(input: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Raise: there is only the CPU.

    Raises:
        RuntimeError: always.
    """
    return to(input, "cuda" if device is None else device)


def type_(input: Tensor, dtype: Any = None) -> Any:
    """Return the type's name, or the tensor converted to a dtype or such a name.

    Raises:
        ValueError: no dtype has this name.
        TypeError: neither a dtype nor a name of one.
    """
    if dtype is None:
        return _type_name(input.dtype)
    if isinstance(dtype, type):  # torch.LongTensor and its like
        dtype = getattr(dtype, "dtype", dtype)
    if isinstance(dtype, str):
        known = {_type_name(kind): kind for kind in dt.ALL}
        if dtype not in known:
            raise ValueError(f"invalid type: {dtype!r}; known are {', '.join(known)}")
        dtype = known[dtype]
    return to(input, dtype)


def _type_name(kind: dt.dtype) -> str:
    return f"torch.{dt.scalar_name(kind)}Tensor"


def clone(input: Tensor, *, memory_format: object = None) -> Tensor:
    """Return a copy with memory of its own, on the tape of the original.

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(2)
        >>> y = x.clone().add_(1)
        >>> x
        tensor([0., 0.])
    """
    return wrap(alias(input.node))


def contiguous(input: Tensor, memory_format: object = None) -> Tensor:
    """Return the tensor itself where its memory is in row-major order, else a copy."""
    return input if input.is_contiguous() else clone(input)


def alias_of(input: Tensor) -> Tensor:
    """Return another tensor on the same memory."""
    return show(input, alias)


# Printing


def text(input: Tensor) -> str:
    """Return the printed form, as torch prints it."""
    with_parameter = "Parameter containing:\n" if input.is_parameter else ""
    kind = input.dtype
    is_default = dt.real_of(kind) is dt.get_default_dtype()
    shown = None if is_default else repr(kind)
    suffixes = []
    if input.grad_fn is not None:
        suffixes.append(f"grad_fn=<{input.grad_fn.name()}>")
    elif input.requires_grad:
        suffixes.append("requires_grad=True")
    return with_parameter + format_tensor(value_of(input), shown, suffixes)


def format_spec(input: Tensor, spec: str) -> str:
    """Format a 0-d tensor as its number, any other as its printed form."""
    return format(item(input), spec) if not input.ndim else format(text(input), spec)
