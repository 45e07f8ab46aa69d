"""What may be meant by keys of a state dict that a Module does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["likely_keys"]

_MOST = 5  # keys for which a similar one is looked for
_SIMILAR = 0.8


def likely_keys(missing: Sequence[str], unexpected: Sequence[str]) -> Iterator[str]:
    """Tell what may be wrong with keys: a prefix, or a name that is written otherwise.

    Example:
        >>> print(*likely_keys(["conv.bias"], ["module.conv.bias"]))
        The keys of the state begin with "module.", those of the model do not: load {key.removeprefix("module."): value for key, value in state_dict.items()}.
    """  # noqa: E501
    if not missing or not unexpected:
        return
    given, wanted = _prefix(missing, unexpected), _prefix(unexpected, missing)
    if given:
        yield (
            f'The keys of the state begin with "{given}", those of the model do not: '
            f'load {{key.removeprefix("{given}"): value for key, value in '
            "state_dict.items()}."
        )
    elif wanted:
        yield (
            f'The keys of the model begin with "{wanted}", those of the state do not: '
            f'load {{"{wanted}" + key: value for key, value in state_dict.items()}}.'
        )
    else:
        yield from _similar(missing, unexpected)


def _prefix(short: Sequence[str], long: Sequence[str]) -> str:
    """Return what stands before all short keys in the long ones, or nothing."""
    known = set(long)
    for key in long:
        if key.endswith(f".{short[0]}"):
            prefix = key.removesuffix(short[0])
            if all(prefix + each in known for each in short):
                return prefix
    return ""


def _similar(missing: Sequence[str], unexpected: Sequence[str]) -> Iterator[str]:
    from difflib import get_close_matches

    for key in missing[:_MOST]:
        found = get_close_matches(key, unexpected, 1, _SIMILAR)
        if found:
            yield f'For "{key}" the state has "{found[0]}", which is similar.'
