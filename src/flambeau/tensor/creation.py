"""Making tensors: from data, filled, and ranges."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import ceil, floor, isfinite
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..devices import check_device
from ..devices import device as Device
from ..graph import Node, constant, scalar
from ..ops.elementwise import cast
from .handle import Handle, evaluate, wrap
from .operands import Number, check_fits, is_number

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "made",
    "new_empty",
    "new_full",
    "new_ones",
    "new_tensor",
    "new_zeros",
    "ones",
    "ones_like",
    "range_",
    "scalar_tensor",
    "sizes_of",
    "tensor",
    "zeros",
    "zeros_like",
]

DeviceLike = str | Device | None


def made(
    node: Node, requires_grad: bool, device: DeviceLike, dtype: dt.dtype | None = None
) -> Tensor:
    """Return the new tensor that a creation function was asked for."""
    check_device(device)
    result = wrap(node if dtype is None else cast(node, dtype))
    if requires_grad:
        result.requires_grad_()
    return result


def sizes_of(size: Sequence[Any]) -> tuple[int, ...]:
    """Accept sizes as separate ints or as one sequence.

    Raises:
        RuntimeError: a size is negative.
        TypeError: a size is not an int.
    """
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)):
        size = size[0]
    try:
        sizes = tuple(int(each.__index__()) for each in size)
    except (AttributeError, TypeError):
        raise TypeError(f"sizes must be ints, got {size!r}") from None
    if any(each < 0 for each in sizes):
        raise RuntimeError(
            "Trying to create tensor with negative dimension "
            f"{min(sizes)}: {list(sizes)}"
        )
    return sizes


# From data


def tensor(
    data: Any,
    *,
    dtype: dt.dtype | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Return a new tensor with a copy of `data`.

    Args:
        data: a number, nested sequences, an array or a tensor.
        dtype: the element type; by default what the data has, floats in the default.
        device: only the CPU.
        requires_grad: collect gradients in it.
        pin_memory: without effect.

    Raises:
        ValueError: nested sequences of different lengths.
        RuntimeError: an integer dtype does not reach as far as a number.

    Source: torch's page "torch.tensor".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 2], [3, 4]]).shape
        torch.Size([2, 2])
    """
    return made(_data_node(data, dtype), requires_grad, device, dtype)


def _data_node(data: Any, dtype: dt.dtype | None) -> Node:
    if isinstance(data, Handle):
        evaluate([data])  # type: ignore[list-item]
        assert data.node.value is not None
        return constant(data.node.value, data.node.dtype)
    if is_number(data) and not isinstance(data, np.generic):
        kind = dtype or dt.of_python(data)
        _check_number(data, kind)
        return scalar(data, kind)
    if isinstance(data, (np.ndarray, np.generic)):
        return constant(_native(np.array(data)))
    return constant(_nested(data, dtype))


def _native(array: np.ndarray) -> np.ndarray:
    kind = dt.from_numpy_dtype(array.dtype)
    return array.astype(kind.numpy, copy=False)


def _nested(data: Sequence[Any], dtype: dt.dtype | None) -> np.ndarray:
    """Turn nested sequences into an array of torch's default dtype for them."""
    plain = _plain(data)
    try:
        array = np.array(plain)
    except ValueError as error:
        raise ValueError(
            f"expected sequences of equal lengths in every dimension: {error}"
        ) from None
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"tensor: cannot make a tensor from elements of type "
            f"{_first_leaf(data).__class__.__name__}"
        )
    if dtype is not None:
        for each in _decisive(array):
            _check_number(each, dtype)
    if array.dtype.kind in "fc" and not _holds_numpy(data):
        kind = dt.of_python(array.dtype.type(0).item())
        with np.errstate(over="ignore"):
            array = np.array(plain, _reached(dtype or kind, array.dtype).numpy)
    if not array.size and array.dtype == np.float64:
        array = array.astype(dt.get_default_dtype().numpy)
    return _native(array)


def _decisive(array: np.ndarray) -> Sequence[Any]:
    """The numbers that tell whether a dtype reaches all."""
    if not array.size or array.dtype == np.bool_:
        return ()
    if array.dtype.kind == "c":
        return (array.flat[np.argmax(abs(array.imag))],)
    return array.min(), array.max()


def _reached(kind: dt.dtype, held: np.dtype) -> dt.dtype:
    """The dtype for nested numbers; complex ones need a complex dtype at first."""
    return dt.complex128 if held.kind == "c" and not kind.is_complex else kind


def _check_number(number: Any, kind: dt.dtype) -> None:
    """Raise if a dtype does not reach so far; floats become infinite."""
    if not kind.is_inexact or isinstance(number, (complex, np.complexfloating)):
        check_fits(number, kind)


def _plain(data: Any) -> Any:
    if isinstance(data, Handle):
        return data.numpy()  # type: ignore[attr-defined]
    if isinstance(data, (list, tuple)) and any(
        isinstance(each, (list, tuple, Handle)) for each in data
    ):
        return [_plain(each) for each in data]
    return data


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def _holds_numpy(data: Any) -> bool:
    return isinstance(_first_leaf(data), (np.ndarray, np.generic, Handle))


def as_tensor(
    data: Any, dtype: dt.dtype | None = None, device: DeviceLike = None
) -> Tensor:
    """Return `data` as a tensor, sharing memory where that is possible."""
    check_device(device)
    if isinstance(data, Handle):
        return data if dtype is None else data.to(dtype)  # type: ignore
    if isinstance(data, np.ndarray):
        shared = from_numpy(data)
        return shared if dtype is None else shared.to(dtype)
    return tensor(data, dtype=dtype)


def asarray(
    obj: Any,
    *,
    dtype: dt.dtype | None = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `obj` as a tensor, and say whether its memory may or must be shared.

    Args:
        obj: a tensor, an array, a number or nested sequences.
        dtype: the element type; by default what the data has.
        device: only the CPU.
        copy: True for memory of its own, False for shared memory, None for sharing
            where that is possible.
        requires_grad: collect gradients in it.

    Raises:
        ValueError: `copy` is False and the memory cannot be shared.

    Source: torch's page "torch.asarray".

    Example:
        >>> import flambeau as torch
        >>> torch.asarray([1, 2], dtype=torch.float32)
        tensor([1., 2.])
    """
    result = as_tensor(obj, device=device)
    shares = isinstance(obj, (Handle, np.ndarray))
    if copy is False and not shares:
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if copy is False and dtype not in (None, result.dtype):
        raise ValueError(
            f"can't alias a tensor of dtype {result.dtype!r} as dtype {dtype!r}; "
            "leave copy=False out"
        )
    if dtype is not None or (copy and shares):
        result = result.to(dtype or result.dtype, copy=bool(copy and shares))
    return result.requires_grad_() if requires_grad else result


def scalar_tensor(
    s: Number,
    *,
    dtype: dt.dtype | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a number as a 0-d tensor, in the default float dtype unless told.

    Example:
        >>> import flambeau as torch
        >>> torch.scalar_tensor(3)
        tensor(3.)
    """
    return _filled(
        s, (), {"dtype": dtype, "device": device, "requires_grad": requires_grad}
    )


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor that shares the memory of a NumPy array.

    Raises:
        TypeError: not an array, or of a dtype without counterpart.

    Example:
        >>> import flambeau as torch, numpy as np
        >>> a = np.zeros(2)
        >>> t = torch.from_numpy(a)
        >>> a[0] = 1
        >>> t
        tensor([1., 0.], dtype=torch.float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    result = wrap(
        constant(np.array(array, order="C"), dt.from_numpy_dtype(array.dtype))
    )
    result.share(array)
    return result


# Filled


def full(
    size: Sequence[int],
    fill_value: Number,
    *,
    dtype: dt.dtype | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    **ignored: Any,
) -> Tensor:
    """Return a tensor of `size` filled with a number.

    Raises:
        RuntimeError: the dtype does not reach as far as the number.

    Example:
        >>> import flambeau as torch
        >>> torch.full((2,), 7)
        tensor([7, 7])
    """
    check_fits(_number(fill_value), dtype or dt.of_python(_number(fill_value)))
    return _full(size, fill_value, dtype, device, requires_grad)


def _full(
    size: Sequence[int],
    fill_value: Number,
    dtype: dt.dtype | None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    **ignored: Any,
) -> Tensor:
    """The same where 16-bit floats may be infinite."""
    number = _number(fill_value)
    kind = dtype or dt.of_python(number)
    check_fits(number, kind, halves=False)
    with np.errstate(over="ignore"):
        one = np.array(number).astype(kind.numpy)
    node = constant(np.broadcast_to(one, sizes_of((size,))), kind)
    return made(node, requires_grad, device)


def _number(value: Any) -> Any:
    """A number as it is, a 0-d tensor as its number."""
    return value.item() if isinstance(value, Handle) else value  # type: ignore


def _filled(number: Number, size: Sequence[Any], options: dict[str, Any]) -> Tensor:
    options["dtype"] = options.get("dtype") or dt.get_default_dtype()
    size = options.pop("size", None) if not size and "size" in options else size
    return _full(sizes_of(size or ()), number, **options)


def zeros(*size: Any, **options: Any) -> Tensor:
    """Return zeros.

    Args:
        size: the sizes, as ints or one sequence.
        options: dtype, device and requires_grad.
    """
    return _filled(0, size, options)


def ones(*size: Any, **options: Any) -> Tensor:
    """Return ones.

    Args:
        size: the sizes, as ints or one sequence.
        options: dtype, device and requires_grad.
    """
    return _filled(1, size, options)


def empty(*size: Any, **options: Any) -> Tensor:
    """Return a tensor to be filled; it holds zeros, so that nothing is random."""
    options.pop("memory_format", None)
    return _filled(0, size, options)


def _like(input: Tensor, number: Number, options: dict[str, Any]) -> Tensor:
    options.pop("memory_format", None)
    options["dtype"] = options.get("dtype") or input.dtype
    return full(input.shape, number, **options)


def zeros_like(input: Tensor, **options: Any) -> Tensor:
    """Return zeros of the shape and dtype of `input`."""
    return _like(input, 0, options)


def ones_like(input: Tensor, **options: Any) -> Tensor:
    """Return ones of the shape and dtype of `input`."""
    return _like(input, 1, options)


def empty_like(input: Tensor, **options: Any) -> Tensor:
    """Return a tensor to be filled, of the shape and dtype of `input`."""
    return _like(input, 0, options)


def full_like(input: Tensor, fill_value: Number, **options: Any) -> Tensor:
    """Return a tensor filled with a number, of the shape and dtype of `input`."""
    return _like(input, fill_value, options)


# Beside another tensor, with its dtype unless told


def new_tensor(
    input: Tensor, data: Any, *, dtype: dt.dtype | None = None, **options: Any
) -> Tensor:
    """Return a copy of `data` in the dtype of `input`.

    Args:
        input: gives the dtype.
        data: a number, nested sequences, an array or a tensor.
        dtype: another dtype.
        options: device and requires_grad.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(1).new_tensor([1, 2])
        tensor([1., 2.])
    """
    return tensor(data, dtype=dtype or input.dtype, **options)


def new_zeros(input: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return zeros in the dtype of `input`; the sizes as for `zeros`."""
    return _filled(0, size, _in_dtype_of(input, options))


def new_ones(input: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return ones in the dtype of `input`; the sizes as for `ones`."""
    return _filled(1, size, _in_dtype_of(input, options))


def new_empty(input: Tensor, *size: Any, **options: Any) -> Tensor:
    """Return a tensor to be filled, in the dtype of `input`; it holds zeros."""
    return _filled(0, size, _in_dtype_of(input, options))


def new_full(
    input: Tensor, size: Sequence[int], fill_value: Number, **options: Any
) -> Tensor:
    """Return a tensor of `size` filled with a number, in the dtype of `input`."""
    return full(size, fill_value, **_in_dtype_of(input, options))


def _in_dtype_of(input: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    return options | {"dtype": options.get("dtype") or input.dtype}


def eye(n: int, m: int | None = None, **options: Any) -> Tensor:
    """Return ones on the diagonal of an n x m matrix, zeros elsewhere."""
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    node = constant(np.eye(n, m, dtype=kind.numpy), kind)
    return made(node, options.get("requires_grad", False), options.get("device"))


# Ranges


def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: dt.dtype | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, … below end.

    Raises:
        RuntimeError: a step of 0, or of the wrong sign.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(1, 7, 2)
        tensor([1, 3, 5])
    """
    if end is None:
        start, end = 0, start
    numbers = start, end, step = [_number(each) for each in (start, end, step)]
    if not all(map(isfinite, numbers)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            "upper bound and lower bound inconsistent with step sign: arange("
            f"{start}, {end}, {step})"
        )
    whole = all(isinstance(each, (int, np.integer)) for each in numbers)
    kind = dtype or (dt.int64 if whole else dt.get_default_dtype())
    count = ceil((end - start) / step) if not whole else -(-(end - start) // step)
    if not kind.is_floating_point and not whole:
        start, end, step = (int(each) for each in numbers)
        if kind is dt.int64:
            if not step:
                raise ValueError("step must be nonzero")
            count = -(-(end - start) // step)
    working = np.float64 if kind.is_floating_point and not whole else np.int64
    values = working(start) + np.arange(count, dtype=working) * working(step)
    return made(constant(values.astype(kind.numpy), kind), requires_grad, device)


def range_(
    start: Number = 0, end: Number | None = None, step: Number = 1, **options: Any
) -> Tensor:
    """Return start, start + step, … up to end, which is among them: floats.

    torch has given this up for `arange`, and warns; so does this.

    Args:
        start: the first number.
        end: the last one, if a whole number of steps leads there.
        step: from one to the next.
        options: dtype and requires_grad.

    Raises:
        TypeError: no end is given.
        RuntimeError: a step of 0, or of the wrong sign.

    Source: torch's page "torch.range".

    Example:
        >>> import flambeau as torch, warnings
        >>> warnings.simplefilter("ignore")
        >>> torch.range(1, 4)
        tensor([1., 2., 3., 4.])
    """
    if end is None:
        raise TypeError('range() missing 1 required positional arguments: "end"')
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its "
        "behavior is inconsistent with Python's range builtin. Instead, use "
        "torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            "upper bound and lower bound inconsistent with step sign: range("
            f"{start}, {end}, {step})"
        )
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    count = floor((end - start) / step) + 1
    values = start + np.arange(count) * step
    node = constant(values.astype(kind.numpy), kind)
    return made(node, options.get("requires_grad", False), options.get("device"))


def frombuffer(
    buffer: Any,
    *,
    dtype: dt.dtype,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of the bytes of an object, one dimension, copied.

    Args:
        buffer: such as `bytes` or a `bytearray`.
        dtype: of the elements.
        count: how many elements; -1 for all.
        offset: how many bytes to leave out at the start.
        requires_grad: whether it collects gradients.

    Raises:
        ValueError: the bytes do not reach, or are no whole number of elements.

    Source: torch's page "torch.frombuffer".

    Example:
        >>> import flambeau as torch
        >>> torch.frombuffer(b"abc", dtype=torch.uint8, offset=1)
        tensor([98, 99], dtype=torch.uint8)
    """
    size, width = memoryview(buffer).nbytes, dtype.itemsize
    if size == 0 or count == 0:
        raise ValueError(
            f"both buffer length ({size}) and count ({count}) must not be 0"
        )
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer "
            f"length ({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % width:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must "
            f"be a multiple of element size ({width})"
        )
    if count > 0 and offset + count * width > size:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} "
            f"bytes) must not be greater than actual buffer length ({size} bytes)"
        )
    values = np.frombuffer(buffer, dtype.numpy, count, offset).copy()
    return made(constant(values, dtype), requires_grad, None)


def linspace(start: Number, end: Number, steps: int, **options: Any) -> Tensor:
    """Return `steps` numbers evenly spaced from start to end, both included.

    Example:
        >>> import flambeau as torch
        >>> torch.linspace(0, 1, 5)
        tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    ends = _ends("linspace", start, end, steps, kind)
    node = constant(_linspace(*ends, steps, kind.numpy), kind)
    return made(node, options.get("requires_grad", False), options.get("device"))


def _ends(
    name: str, start: Any, end: Any, steps: int, kind: dt.dtype
) -> tuple[Number, Number]:
    """Return the ends as numbers, whole ones for integers.

    Raises:
        RuntimeError: a tensor with dimensions, or a negative number of steps.
        TypeError: a number of steps that is no int.
    """
    if index(steps) < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    ndims = [each.node.ndim if isinstance(each, Handle) else 0 for each in (start, end)]
    if any(ndims):
        raise RuntimeError(
            f"{name} only supports 0-dimensional start and end tensors, but got start "
            f"with {ndims[0]} dimension(s) and end with {ndims[1]} dimension(s)."
        )
    first, last = _number(start), _number(end)
    return (first, last) if kind.is_inexact else (int(first), int(last))


def _linspace(start: Number, end: Number, steps: int, kind: np.dtype) -> np.ndarray:
    """Count up from the start and, in the second half, down from the end, as torch."""
    if steps == 1:
        return np.array([start]).astype(kind)
    if kind.kind == "c":
        working = kind
    else:
        narrow = kind.itemsize <= 4 and kind.kind == "f"
        working = np.dtype(np.float32 if narrow else np.float64)
    first, last = np.array([start, end]).astype(working)
    gap = ((last - first) / max(steps - 1, 1)).astype(working)
    up = np.arange(steps).astype(working)
    rising = first + gap * up
    falling = last - gap * (steps - 1 - up)
    return np.where(np.arange(steps) < steps // 2, rising, falling).astype(kind)


def logspace(
    start: Number, end: Number, steps: int, base: float = 10.0, **options: Any
) -> Tensor:
    """Return `base` to the power of evenly spaced exponents."""
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    exponents = np.linspace(*_ends("logspace", start, end, steps, kind), steps)
    powers = np.power(complex(base) if kind.is_complex else float(base), exponents)
    node = constant(powers.astype(kind.numpy), kind)
    return made(node, options.get("requires_grad", False), options.get("device"))
