"""What the names in torch's files stand for. There are no others.

Each is one of our own functions, which makes a plain value or a tensor from plain
values and storages, and checks them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from .. import dtypes as dt
from ..devices import device
from ..shape import Size
from ..tensor import Tensor
from .numpy_values import NUMPY_BUILDS, NUMPY_NAMES
from .pickles import Build, Constructor, Machine
from .storages import Storage, StorageKind, StoragePart, Untyped

__all__ = ["BUILDS", "NAMES"]

_TENSOR_COST, _ITEM_COST = 2000, 110  # bytes of memory


def _ordered_dict(machine: Machine, pairs: Any = ()) -> OrderedDict[Any, Any]:
    made: OrderedDict[Any, Any] = OrderedDict()
    for key, value in pairs:
        machine.check_key(key)
        made[key] = value
    return made


def _counter(machine: Machine, counts: Any = None) -> Counter[Any]:
    if type(counts) not in (dict, type(None)):
        raise TypeError(f"a Counter is made from a dict, not a {type(counts).__name__}")
    machine.charge(_ITEM_COST * len(counts or ()))
    made: Counter[Any] = Counter()
    dict.update(made, counts or {})
    return made


def _set(machine: Machine, items: Any = ()) -> set[Any]:
    made = set()
    for each in items:
        machine.check_key(each)
        made.add(each)
    return made


def _complex(machine: Machine, real: Any, imag: Any = 0.0) -> complex:
    if not {type(real), type(imag)} <= {int, float}:
        raise TypeError("a complex number is made from two numbers")
    return complex(real, imag)


def _encode(machine: Machine, text: Any, encoding: Any = "utf-8") -> bytes:
    """Bytes, as protocol 2 writes them: text whose characters are the bytes."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes are written as text in latin1")
    machine.charge(len(text))
    return text.encode("latin-1")


def _bytearray(machine: Machine, content: Any = b"", encoding: Any = None) -> bytearray:
    if encoding is not None:
        content = _encode(machine, content, encoding)
    if type(content) is not bytes:
        raise TypeError(f"a bytearray is made from bytes, not {type(content).__name__}")
    machine.charge(len(content))
    return bytearray(content)


def _size(machine: Machine, sizes: Any = ()) -> Size:
    machine.charge(8 * len(sizes))
    if not all(type(each) is int for each in sizes):
        raise TypeError("a Size is made from integers")
    return Size(sizes)


def _device(machine: Machine, kind: Any, index: Any = None) -> device:
    """Any device becomes the one there is."""
    if type(kind) is not str:
        raise TypeError(f"a device is named by text, not a {type(kind).__name__}")
    return device("cpu")


def _rebuild_tensor(
    machine: Machine,
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any = False,
    hooks: Any = None,
    metadata: Any = None,
) -> Tensor:
    if type(storage) not in (Storage, StoragePart):
        raise TypeError(f"a tensor reads a storage, not a {type(storage).__name__}")
    made = storage.tensor(offset, size, stride)
    return made.detach().requires_grad_() if requires_grad is True else made


def _rebuild_lone(
    machine: Machine,
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    kind: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor of a dtype that no class of storages is of."""
    if type(storage) is not Untyped or not any(kind is each for each in dt.LONE):
        raise TypeError("a tensor reads bytes as elements that storages can have")
    return storage.of(kind).tensor(offset, size, stride)


def _rebuild_parameter(
    machine: Machine,
    data: Any,
    requires_grad: Any = True,
    hooks: Any = None,
    state: Any = None,
) -> Tensor:
    from ..nn import Parameter

    return Parameter(data, bool(requires_grad))


def _rebuild_from_type(
    machine: Machine, function: Any, kind: Any, args: Any, state: Any
) -> Tensor:
    """A tensor with attributes, which are left out."""
    known = (_REBUILD_TENSOR, _REBUILD_LONE, _REBUILD_PARAMETER)
    if not any(function is each for each in known):
        raise TypeError("a tensor is rebuilt by another function")
    made = function.make(machine, *args)
    return made if kind is not _PARAMETER else _rebuild_parameter(machine, made)


def _bare_tensor(machine: Machine, *args: Any) -> Tensor:
    raise TypeError("a tensor without a storage")


_REBUILD_TENSOR = Constructor(
    "torch._utils._rebuild_tensor_v2", _rebuild_tensor, _TENSOR_COST
)
_REBUILD_LONE = Constructor(
    "torch._utils._rebuild_tensor_v3", _rebuild_lone, _TENSOR_COST
)
_REBUILD_PARAMETER = Constructor(
    "torch._utils._rebuild_parameter", _rebuild_parameter, _TENSOR_COST
)
_PARAMETER = Constructor(
    "torch.nn.parameter.Parameter", _rebuild_parameter, _TENSOR_COST
)

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _complex,
    "builtins.set": _set,
    "collections.Counter": _counter,
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": _size,
    "torch.Tensor": _bare_tensor,
    "torch.device": _device,
    "torch._tensor._rebuild_from_type": _rebuild_from_type,
    "torch._tensor._rebuild_from_type_v2": _rebuild_from_type,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
}

NAMES: dict[str, Any] = {
    **{name: Constructor(name, make, 400) for name, make in _FUNCTIONS.items()},
    **{
        each.name: each
        for each in (_REBUILD_TENSOR, _REBUILD_LONE, _REBUILD_PARAMETER, _PARAMETER)
    },
    **{f"torch.{kind.name}": kind for kind in dt.ALL},
    **{
        f"{module}.{dt.scalar_name(kind)}Storage": StorageKind(kind)
        for kind in dt.ALL
        if kind not in dt.LONE
        for module in ("torch", "torch.cuda")
    },
    "torch.storage.UntypedStorage": StorageKind(None),
    **NUMPY_NAMES,
}


def _set_metadata(machine: Machine, made: OrderedDict[Any, Any], state: Any) -> None:
    """Modules write their versions into an attribute of their state dict."""
    if type(state) is not dict or not set(state) <= {"_metadata"}:
        raise TypeError("an OrderedDict has attributes")
    if state:
        made._metadata = state["_metadata"]  # type: ignore[attr-defined]


BUILDS: dict[type, Build] = {
    OrderedDict: _set_metadata,
    **NUMPY_BUILDS,
}
