"""Calls of a module with other parameters; torch's ``nn.utils.stateless``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...recorder import changes
from ...tensor import Tensor
from ..module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module as if these tensors were its parameters and buffers.

    Args:
        module: the module, which is left as it was. What it writes to buffers in
            place goes to those that are given.
        parameters_and_buffers: tensors by the names that `named_parameters` and
            `named_buffers` give; the others stay.
        args: the arguments, a tuple or a single one.
        kwargs: the keyword arguments.
        tie_weights: what is given for a parameter is given for its other names, too.
        strict: all names must be given, and no others.

    Raises:
        ValueError: several values for parameters that are tied.
        RuntimeError: `strict`, and names are missing or unknown.

    Source: torch's page ``torch.func.functional_call``.

    Example:
        >>> import flambeau as torch
        >>> layer = torch.nn.Linear(1, 1, bias=False)
        >>> weight = torch.tensor([[3.0]])
        >>> functional_call(layer, {"weight": weight}, torch.tensor([2.0]))
        tensor([6.])
    """
    given = dict(parameters_and_buffers)
    if tie_weights:
        given = _tied(module, given)
    if strict:
        _check_names(module, given)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with _exchanged(module, given):
        return module(*arguments, **(kwargs or {}))


def _members(module: Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _tied(module: Module, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Let all names of a tensor be given, if one of them is."""
    names: dict[int, list[str]] = {}
    for name, member in _members(module):
        names.setdefault(id(member), []).append(name)
    tied = dict(given)
    for group in names.values():
        values = {name: given[name] for name in group if name in given}
        if len({id(value) for value in values.values()}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(values)}, which "
                "are tied. Consider using tie_weights=False"
            )
        if values:
            tied.update(dict.fromkeys(group, next(iter(values.values()))))
    return tied


def _check_names(module: Module, given: Mapping[str, Tensor]) -> None:
    known = {name for name, _ in _members(module)}
    complaints = []
    for kind, names in (
        ("Unexpected", set(given) - known),
        ("Missing", known - set(given)),
    ):
        if names:
            complaints.append(f"{kind} key(s): {', '.join(map(repr, sorted(names)))}.")
    if complaints:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {module._get_name()}:\n\t"
            + "\n\t".join(complaints)
        )


@contextmanager
def _exchanged(module: Module, given: Mapping[str, Tensor]) -> Iterator[None]:
    """Put tensors in the place of members, and those back at the end."""
    before = []
    try:
        for path, value in given.items():
            owner, _, name = path.rpartition(".")
            members = _dictionary(module.get_submodule(owner), name, path)
            before.append((members, name, members[name]))
            members[name] = value
        changes.count += 1
        yield
    finally:
        for members, name, member in reversed(before):
            members[name] = member
        changes.count += 1


def _dictionary(module: Module, name: str, path: str) -> dict[str, Any]:
    """Return the dictionary in which a member is."""
    for members in (module._parameters, module._buffers):
        if name in members:
            return members
    raise AttributeError(f"{module._get_name()} has no parameter or buffer `{path}`")
