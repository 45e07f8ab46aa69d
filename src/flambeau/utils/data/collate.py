"""Samples into batches.

A batch is stacked in NumPy and has its value at once: loading records nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ...dtypes import from_numpy_dtype, promote_types
from ...tensor import Tensor
from ...tensor.convert import value_of
from ...tensor.creation import as_tensor, tensor
from ...tensor.joining import stack
from .values import tensor_over

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Turn a list of samples into one batch, with a new first axis.

    Tensors and arrays are stacked, numbers become a tensor (floats one of float64),
    strings and bytes stay a list. Dicts, named tuples and sequences are taken apart
    and put together again around the batches of their items.

    Args:
        batch: the samples, all alike.

    Raises:
        TypeError: samples that are none of these.
        RuntimeError: samples of different shapes or lengths.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import default_collate
        >>> default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
        {'x': tensor([1, 2]), 'name': ['a', 'b']}
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stack_tensors(batch)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "SUO":
            raise TypeError(_no_batch(first.dtype))
        return _stack([np.asarray(each) for each in batch])
    if isinstance(first, (np.bool_, np.number)):
        return tensor_over(np.asarray(batch))
    if isinstance(first, float):
        return tensor_over(np.asarray(batch, np.float64))
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (Mapping, Sequence)):
        return _collate_container(first, batch)
    raise TypeError(_no_batch(type(first)))


def _no_batch(found: Any) -> str:
    return (
        "default_collate: batch must contain tensors, numpy arrays, numbers, "
        f"dicts or lists; found {found}"
    )


def _collate_container(first: Any, batch: Sequence[Any]) -> Any:
    """Batch each item of dicts, named tuples or sequences on its own."""
    if isinstance(first, Mapping):
        items = {key: default_collate([each[key] for each in batch]) for key in first}
        return _alike(first, items)
    if any(len(each) != len(first) for each in batch):
        raise RuntimeError(
            "each element in list of batch should be of equal size, got lengths "
            f"{[len(each) for each in batch]}"
        )
    return _alike(first, [default_collate(column) for column in zip(*batch)])


def _alike(original: Any, items: dict[Any, Any] | list[Any]) -> Any:
    """`items` in a container like `original`; a plain one if that cannot be made.

    A mutable container is copied and filled, which keeps its other attributes; a
    tuple becomes a list, as in torch.
    """
    kind = type(original)
    if isinstance(original, tuple):
        return kind(*items) if hasattr(original, "_fields") else items
    try:
        if not isinstance(original, (MutableMapping, MutableSequence)):
            return kind(items)
        filled: Any = copy.copy(original)
        pairs = items.items() if isinstance(items, dict) else enumerate(items)
        for key, item in pairs:
            filled[key] = item
        return filled
    except TypeError:
        return items


def _stack_tensors(batch: Sequence[Tensor]) -> Tensor:
    """Stack tensors; by an op only if a gradient must flow through."""
    if any(each.requires_grad for each in batch):
        return stack(list(batch))
    return _stack([value_of(each) for each in batch])


def _stack(arrays: list[np.ndarray]) -> Tensor:
    """Stack arrays of one shape, promoted to a common type by torch's rules."""
    shape = arrays[0].shape
    for place, each in enumerate(arrays):
        if each.shape != shape:
            raise RuntimeError(
                "stack expects each tensor to be equal size, but got "
                f"{list(shape)} at entry 0 and {list(each.shape)} at entry {place}; "
                "bring the samples to one size with a transform, or pass a collate_fn"
            )
    kinds = {each.dtype for each in arrays}
    common = reduce(promote_types, map(from_numpy_dtype, kinds))
    return tensor_over(np.array(arrays, common.numpy))


def default_convert(data: Any) -> Any:
    """Turn the arrays in one sample into tensors and leave everything else.

    Args:
        data: the sample; dicts, named tuples and sequences are searched.

    Source: torch's page "torch.utils.data".

    Example:
        >>> import numpy as np
        >>> from flambeau.utils.data import default_convert
        >>> default_convert([np.arange(2), "a"])
        [tensor([0, 1]), 'a']
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, Mapping):
        return _alike(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _alike(data, [default_convert(each) for each in data])
    return data
