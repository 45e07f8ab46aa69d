"""Dimensions named, taken apart and put together by a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from math import prod

from ..tensor import Tensor
from ..tensor.joining import stack

__all__ = ["rearrange"]

Groups = list[list[str]]
_REST, _JOINED = "...", "(...)"  # what is not named, as dimensions or as one
_TOKEN = re.compile(r"\s*(\.\.\.|->|[()]|\w+|\S)")


def rearrange(
    tensor: Tensor | Sequence[Tensor], pattern: str, **axes_lengths: int
) -> Tensor:
    """Return a tensor with its dimensions in another order, split or joined.

    Args:
        tensor: a tensor, or several of one shape, which are stacked first.
        pattern: names of the dimensions before and after `->`. Names in parentheses
            are one dimension together, the last of them the innermost; `...` stands
            for all dimensions that are not named, and `1` or `()` for one of size 1.
        axes_lengths: sizes by name. Of those in parentheses, one may be left out.

    Raises:
        ValueError: a pattern that cannot be read or does not fit the tensor.

    Source: torch's page "torch.func.rearrange"; Rogozhnikov, "Einops" (2022).

    Example:
        >>> import flambeau as torch
        >>> images = torch.ones(2, 4, 6, 3)
        >>> pattern = "n (h a) (w b) c -> n h w (a b c)"
        >>> torch.func.rearrange(images, pattern, a=2, b=2).shape
        torch.Size([2, 2, 3, 12])
    """
    x = tensor if isinstance(tensor, Tensor) else stack([*tensor])
    if pattern.count("->") != 1:
        raise ValueError("Pattern must contain a single '->' separator")
    before, after = map(_groups, pattern.split("->"))
    before, after = _expanded(before, after, x.ndim, pattern)
    _check(before, after, axes_lengths)
    sizes = _sizes(before, x.shape, axes_lengths)
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    apart = x.reshape([sizes[name] for name in names])
    turned = apart.permute([names.index(name) for name in wanted])
    return turned.reshape([prod(sizes[name] for name in group) for group in after])


def _groups(text: str) -> Groups:
    """Read one side of a pattern: the names that each dimension is made of."""
    found: Groups = []
    inside = False
    for token in _TOKEN.findall(text):
        if token == "(":
            if inside:
                raise ValueError(
                    "Axis composition is one-level (brackets inside brackets not "
                    "allowed)"
                )
            inside = True
            found.append([])
        elif token == ")":
            if not inside:
                raise ValueError("Brackets are not balanced")
            inside = False
        else:
            names = [_JOINED] if inside and token == _REST else _names(token)
            found[-1].extend(names) if inside else found.append(names)
    if inside:
        raise ValueError("Brackets are not balanced")
    named = [name for group in found for name in group]
    for name in named:
        if named.count(name) > 1:
            what = "ellipsis" if name in (_REST, _JOINED) else f"dimension {name!r}"
            raise ValueError(f"Indexing expression contains duplicate {what}")
    return found


def _names(token: str) -> list[str]:
    """The name that a word is; none if it stands for a size of 1."""
    if token == "1":
        return []
    if token.isdecimal():
        raise ValueError("rearrange only supports unnamed axes of size 1")
    if token != _REST and (not token.isidentifier() or token[0] == "_" == token[-1]):
        raise ValueError(f"Invalid axis identifier: {token}")
    return [token]


def _expanded(
    before: Groups, after: Groups, ndim: int, pattern: str
) -> tuple[Groups, Groups]:
    """Name the dimensions that `...` stands for."""
    has = _REST in chain.from_iterable(before)
    if not has and {_REST, _JOINED} & {*chain.from_iterable(after)}:
        raise ValueError(
            f"Ellipsis found in right side, but not left side of a pattern {pattern}"
        )
    count = ndim - len(before) + has
    if count < 0 or (count and not has):
        raise ValueError(
            f"Number of dimensions in pattern ({len(before)}) must be equal to the "
            f"number of dimensions in the tensor ({ndim})"
        )
    rest = [f"...{at}" for at in range(count)]

    def expanded(side: Groups) -> Groups:
        found: Groups = []
        for group in side:
            if group == [_REST]:
                found.extend([each] for each in rest)
            else:
                parts = (rest if name == _JOINED else [name] for name in group)
                found.append([*chain.from_iterable(parts)])
        return found

    return expanded(before), expanded(after)


def _check(before: Groups, after: Groups, lengths: dict[str, int]) -> None:
    own, other = (set(chain.from_iterable(side)) for side in (before, after))
    if own != other:
        raise ValueError(
            "Identifiers only on one side of rearrange expression (should be on both): "
            f"{own ^ other}"
        )
    if lengths.keys() - own:
        raise ValueError(
            f"Identifiers not found in rearrange expression: {lengths.keys() - own}"
        )


def _sizes(
    before: Groups, shape: Sequence[int], lengths: dict[str, int]
) -> dict[str, int]:
    """The size of each name."""
    found = dict(lengths)
    for group, size in zip(before, shape, strict=True):
        unknown = [name for name in group if name not in lengths]
        known = prod(lengths[name] for name in group if name in lengths)
        if len(unknown) > 1:
            raise ValueError(f"cannot infer the sizes of {unknown}: give all but one")
        if (size != known) if not unknown else (not known or size % known):
            raise ValueError(
                f"a dimension of size {size} cannot be ({' '.join(group) or 1}) with "
                f"{lengths}"
            )
        if unknown:
            found[unknown[0]] = size // known
    return found
