"""State dicts that are spread over several files, with an index of which is where.

    {"metadata": {"total_size": 8},
     "weight_map": {"layer.weight": "model-00001-of-00002.safetensors", …}}

Source: the page "Serialization" of Hugging Face Hub's documentation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..tensor import Tensor
from .atomic import atomic_write
from .safetensors import save_safetensors, without_doubles
from .source import Source

__all__ = ["read_sharded", "save_sharded"]

_COST = 400  # bytes of memory of an entry
_FILE = re.compile(r"[^\0/\\:]+\.(safetensors|bin|pt|pth)")


def save_sharded(
    tensors: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    shard_size: int,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named tensors to several safetensors files and an index of them.

    The index, which names the files, is written last.

    Args:
        tensors: a flat mapping from names to tensors, such as a state dict.
        path: the index, such as ``model.safetensors.index.json``.
        shard_size: how many bytes of tensors a file holds at the most; a tensor that
            has more gets a file of its own.
        metadata: text to keep in each file.

    Raises:
        ValueError: the name of the index ends in something else, or `shard_size` is
            not above 0.

    Example:
        >>> import flambeau as torch, os, tempfile
        >>> from flambeau.serialization import save_sharded
        >>> folder = tempfile.mkdtemp()
        >>> index = folder + "/model.safetensors.index.json"
        >>> save_sharded({"a": torch.ones(2), "b": torch.ones(3)}, index, 12)
        >>> sorted(os.listdir(folder))[0]
        'model-00001-of-00002.safetensors'
        >>> torch.load(index)
        {'a': tensor([1., 1.]), 'b': tensor([1., 1., 1.])}
    """
    target, ending = Path(path), ".safetensors.index.json"
    if not target.name.endswith(ending) or shard_size <= 0:
        raise ValueError(
            f"save_sharded: the name of the index must end in {ending} and shard_size "
            f"be above 0, got {target.name!r} and {shard_size}"
        )
    shards = _shards(tensors, shard_size)
    stem, places = target.name.removesuffix(ending), {}
    for number, shard in enumerate(shards, 1):
        name = f"{stem}-{number:05}-of-{len(shards):05}.safetensors"
        save_safetensors(shard, target.with_name(name), metadata)
        places.update(dict.fromkeys(shard, name))
    total = sum(_bytes(each) for each in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    with atomic_write(target) as file:
        file.write(json.dumps(index, indent=2).encode())


def _shards(tensors: Mapping[str, Tensor], most: int) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    used = 0
    for name, tensor in tensors.items():
        size = _bytes(tensor)
        if shards[-1] and used + size > most:
            shards.append({})
            used = 0
        shards[-1][name] = tensor
        used += size
    return shards


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.dtype.itemsize


def read_sharded(
    source: Source, read: Callable[[str], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """Return the tensors that an index names, in its order.

    Args:
        source: the index.
        read: returns the tensors of a file, by its path.

    Raises:
        CheckpointError: the index is damaged, names a file that does not lie beside
            it, or a tensor that its file has not.
    """
    places = _places(source)
    folder = os.path.dirname(source.name)
    files: dict[str, Mapping[str, Tensor]] = {}
    for place in dict.fromkeys(places.values()):
        try:
            files[place] = read(os.path.join(folder, place))
        except OSError as error:
            raise source.error(
                0, f"{place[:200]!r}, which the index names: {error.strerror}"
            ) from None
    for name, place in places.items():
        if name not in files[place]:
            raise source.error(
                0, f"tensor {name[:200]!r} is not in {place}, as the index says"
            )
    return {name: files[place][name] for name, place in places.items()}


def _places(source: Source) -> dict[str, str]:
    """Return the name of the file by that of the tensor."""
    text = source.read(0, source.size)
    signs = sum(text.count(sign) for sign in (b"{", b"[", b",", b":"))
    source.charge(signs * _COST, 0)
    try:
        places: Any = json.loads(text.decode(), object_pairs_hook=without_doubles)
        places = places["weight_map"]
        if not all(type(each) is str for each in places.values()):
            raise TypeError("weight_map holds something else than names of files")
    except Exception as error:
        told = f"{type(error).__name__}: {error}"[:200]
        raise source.error(0, f"the index is damaged: {told}") from None
    for name in dict.fromkeys(places.values()):
        if os.path.basename(name) != name or not _FILE.fullmatch(name):
            raise source.error(
                0, f"the index names {name[:200]!r}, which is no file beside it"
            )
    return places
