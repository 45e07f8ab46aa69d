"""`vmap`: a function of one example, for a batch of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..tensor.joining import stack
from .tree import Structure, flatten, spread, unflatten

__all__ = ["vmap"]

_RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that does for a batch what a function does for one example.

    The function is recorded for each example: that is exact whatever it does, also
    with values it looks at, and what it computes from nothing but unbatched arguments
    is computed once. It is meant for batches of moderate size.

    Args:
        func: the function.
        in_dims: the dimension of each argument that counts examples, None where all
            have the same: one for all arguments, or in their structure.
        out_dims: the dimension of each output that is to count examples.
        randomness: whether random draws are "different" or the "same" for all
            examples, or an "error".
        chunk_size: accepted: examples are recorded one by one.

    Raises:
        ValueError: `in_dims` or `out_dims` do not fit.
        RuntimeError: there are random draws, and `randomness` is "error".

    Source: torch's page ``torch.func.vmap``.

    Example:
        >>> import flambeau as torch
        >>> rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> vmap(torch.dot)(rows, rows)
        tensor([ 5., 25.])
    """
    if randomness not in _RANDOMNESS:
        raise RuntimeError(
            f"Only allowed values for randomness are {', '.join(_RANDOMNESS)}. "
            f"Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(
            f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})"
        )
    name = _name(func)

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        _check_out_dims(name, out_dims)
        leaves, structure = flatten(args)
        dims = _dims_of(name, in_dims, args, leaves, structure)
        results = []
        for index in _examples(_size(dims, leaves), randomness):
            example = [
                leaf if dim is None else leaf.select(dim, index)
                for leaf, dim in zip(leaves, dims)
            ]
            results.append(func(*unflatten(example, structure), **kwargs))
        return _joined(name, results, out_dims)

    return mapped


def _name(func: Callable[..., Any]) -> str:
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


def _check_out_dims(name: str, out_dims: Any) -> None:
    for each in flatten(out_dims)[0]:
        if not (isinstance(each, int) or each is None):
            raise ValueError(
                f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, "
                "None or a python collection of ints representing where in the outputs "
                "the vmapped dimension should appear."
            )


def _dims_of(
    name: str,
    in_dims: Any,
    args: tuple[Any, ...],
    leaves: list[Any],
    structure: Structure,
) -> list[int | None]:
    """Return the batch dimension of each tensor among the arguments."""
    call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"{call}expected `in_dims` to be int or a (potentially nested) tuple "
            f"matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, "
            "or you are trying to vmap over a function with no inputs. The latter is "
            "unsupported."
        )
    dims = spread(in_dims, structure)
    if dims is None:
        raise ValueError(
            f"{call}in_dims is not compatible with the structure of `inputs`. in_dims "
            f"has structure {flatten(in_dims)[1]} but inputs has structure {structure}."
        )
    for dim, leaf in zip(dims, leaves):
        _check_dim(call, dim, leaf)
    return dims


def _check_dim(call: str, dim: Any, leaf: Any) -> None:
    if dim is None:
        return
    if not isinstance(dim, int):
        raise ValueError(
            f"{call}Got in_dim={dim} for an input but in_dim must be either an integer "
            "dimension or None."
        )
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{call}Got in_dim={dim} for an input but the input is of type "
            f"{type(leaf)}. We cannot vmap over non-Tensor arguments, please use None "
            "as the respective in_dim"
        )
    if not -leaf.dim() <= dim < leaf.dim():
        raise ValueError(
            f"{call}Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {leaf.dim()} so expected in_dim to satisfy "
            f"-{leaf.dim()} <= in_dim < {leaf.dim()}."
        )


def _size(dims: list[int | None], leaves: list[Any]) -> int:
    sizes = [leaf.shape[dim] for dim, leaf in zip(dims, leaves) if dim is not None]
    if not sizes:
        raise ValueError("vmap: at least one in_dim must be an integer")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, "
            f"got sizes {sizes} for the mapped dimension"
        )
    if sizes[0] == 0:
        raise ValueError(
            "vmap: the mapped dimension has size 0, and without an example the shape "
            "of the result is not known"
        )
    return int(sizes[0])


def _examples(size: int, randomness: str) -> Any:
    """Go through the examples, with the random state that each is to see."""
    start = get_rng_state()
    for index in range(size):
        yield index
        if randomness == "same" and index + 1 < size:
            set_rng_state(start)
        if randomness == "error" and index == 0:
            _check_not_drawn(start)


def _check_not_drawn(start: Tensor) -> None:
    if (get_rng_state() != start).any():
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please "
            "either use the 'same' or 'different' randomness flags on vmap or perform "
            "the randomness operation out of vmap"
        )


def _joined(name: str, results: list[Any], out_dims: Any) -> Any:
    """Stack the results of all examples."""
    flat = [flatten(each) for each in results]
    structure = flat[0][1]
    dims = spread(out_dims, structure)
    if dims is None and isinstance(results[0], Tensor) and len(out_dims) == 1:
        dims = list(out_dims)
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not "
            "compatible with the structure of `outputs`. out_dims has structure "
            f"{flatten(out_dims)[1]} but outputs has structure {structure}."
        )
    joined = []
    for at, dim in enumerate(dims):
        parts = [leaves[at] for leaves, _ in flat]
        joined.append(parts[0] if dim is None else _stacked(name, parts, dim))
    return unflatten(joined, structure)


def _stacked(name: str, parts: list[Any], dim: int) -> Tensor:
    for each in parts:
        if not isinstance(each, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type "
                f"{type(each)}. Did you mean to set out_dims= to None for output?"
            )
    return stack(parts, dim)
