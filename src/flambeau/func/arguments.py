"""Which arguments of a function are differentiated by."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..tensor import Tensor

__all__ = ["Argnums", "check_outputs", "chosen", "replaced", "split_aux"]

Argnums: TypeAlias = int | tuple[int, ...]


def _positions(argnums: Argnums, count: int) -> tuple[int, ...]:
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(
            f"argnums must be int or Tuple[int, ...], got: {type(argnums)}"
        )
    listed = (argnums,) if isinstance(argnums, int) else argnums
    found = []
    for number in listed:
        if not isinstance(number, int):
            raise RuntimeError(f"argnum must be int, got: {type(number)}")
        if not -count <= number < count:
            raise RuntimeError(
                f"Got argnum={number}, but only {count} positional inputs"
            )
        found.append(number % count)
    if not found:
        raise RuntimeError("argnums must be non-empty")
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(found)}")
    return tuple(found)


def chosen(args: tuple[Any, ...], argnums: Argnums) -> Any:
    """Return the argument of a number, or a tuple of those of several.

    Raises:
        RuntimeError: the numbers are not those of arguments, or are repeated.
    """
    found = tuple(args[number] for number in _positions(argnums, len(args)))
    return found[0] if isinstance(argnums, int) else found


def replaced(args: tuple[Any, ...], argnums: Argnums, new: Any) -> tuple[Any, ...]:
    """Return the arguments with others in the place of those that are chosen."""
    values = (new,) if isinstance(argnums, int) else new
    changed = list(args)
    for number, value in zip(_positions(argnums, len(args)), values, strict=True):
        changed[number] = value
    return tuple(changed)


def split_aux(api: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """Return what a function computed, and what it returned besides.

    Raises:
        RuntimeError: it did not return a pair.
    """
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{api}: output of function f should be a tuple: (output, aux) "
            "if has_aux is True"
        )
    return result


def check_outputs(api: str, outputs: list[Any]) -> None:
    """Raise unless a function returned tensors of floats.

    Raises:
        RuntimeError: it did not.
    """
    if not outputs or (len(outputs) == 1 and outputs[0] is None):
        raise RuntimeError(
            f"{api}: Expected f to be a function that has non-empty output "
            f"(got output = {outputs})"
        )
    for each in outputs:
        if not isinstance(each, Tensor):
            raise RuntimeError(
                f"{api}: expected f(*primals) to return only tensors, "
                f"got unsupported type {type(each)}"
            )
        if not each.is_floating_point():
            raise RuntimeError(
                f"{api.partition('(')[0]}(f, ...): All outputs of f must be "
                f"floating-point or complex Tensors, got Tensor with dtype "
                f"{each.dtype}"
            )
