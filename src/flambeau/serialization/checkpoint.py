"""`load`, `load_weights` and `save`: the formats, told apart by what a file holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from ..devices import check_device, device
from ..tensor import Tensor
from ..tensor.handle import evaluate
from .archive_writer import ArchiveWriter
from .atomic import atomic_write
from .modules import find_tensors
from .pickle_writer import PickleWriter
from .safetensors import read_safetensors, save_safetensors
from .sharded import read_sharded
from .source import Source, open_source
from .torch_legacy import load_legacy
from .torch_script import read_script
from .torch_tar import is_tar, load_tar
from .torch_zip import TorchArchive

__all__ = ["load", "load_weights", "save"]

_SAFETENSORS, _INDEX = ".safetensors", ".index.json"
_HEAD = 16  # bytes that tell the formats apart
_ADVICE = (
    "load_weights(path) finds the tensors of such a file where they can be found "
    "without running anything."
)
_WARNING = (
    "weights_only=False changes nothing about that: what a pickle runs is known only "
    "when it has run. "
)


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Save a state dict, or nested containers of plain values and tensors.

    The file is one of torch's: `torch.load` reads it, with the same values and dtypes,
    and tensors that share memory share it there, too. A path is written beside its
    place and then renamed: whatever happens, the old file is there or the new one,
    whole. A name that ends in ``.safetensors`` makes it a safetensors file, which holds
    a flat mapping from names to tensors.

    Args:
        obj: tensors, dicts, lists, tuples, sets, numbers, text, bytes, dtypes and None.
            NumPy's numbers become Python's.
        f: the path, or a binary stream.
        pickle_module: without effect, like the two arguments that follow.
        pickle_protocol: without effect.

    Raises:
        TypeError: a value of another type; says where it is.
        FileNotFoundError: the folder does not exist.

    Example:
        >>> import flambeau as torch, tempfile
        >>> path = tempfile.mkdtemp() + "/run.pt"
        >>> torch.save({"epoch": 3, "model": {"w": torch.ones(1)}}, path)
        >>> torch.load(path)
        {'epoch': 3, 'model': {'w': tensor([1.])}}
    """
    if hasattr(f, "write"):
        _write(obj, f)
        return
    path = os.fspath(f)
    path = os.fsdecode(path) if isinstance(path, bytes) else path
    if path.endswith(_SAFETENSORS):
        if not isinstance(obj, Mapping):
            raise TypeError(
                f"save: a safetensors file holds a mapping of tensors, not a "
                f"{type(obj).__name__}; other values go into a file of another name, "
                "such as .pt"
            )
        save_safetensors(obj, path)
        return
    with atomic_write(path) as file:
        _write(obj, file)


def _write(obj: Any, file: BinaryIO) -> None:
    """Write torch's zip file; see `TorchArchive` for what is in it."""
    pickle = PickleWriter()
    content = pickle.write(obj)
    values = evaluate(pickle.storages)
    archive = ArchiveWriter(file)
    archive.add("archive/data.pkl", content)
    archive.add("archive/byteorder", b"little")
    for number, each in enumerate(values):
        archive.add(f"archive/data/{number}", _little(each))
    archive.add("archive/version", b"3\n")
    archive.close()


def _little(values: np.ndarray) -> memoryview:
    """Return the elements as bytes, in the order of the file."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if sys.byteorder == "big":
        flat = flat.byteswap()
    return flat.view(np.uint8).data


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what torch or `save` wrote, or a safetensors file as a dict of tensors.

    Reads torch's files of all versions, safetensors files, and the index of a state
    dict that is spread over several files (``model.safetensors.index.json``). Nothing
    that a file names is looked up or run: a fixed list of names stands for tensors and
    plain values, and any other is refused. What a file holds takes at most 4 times its
    size and 64 MiB of memory.

    Args:
        f: the path, or a binary stream, which is read to its end.
        map_location: accepted for torch's sake; everything is on the CPU.
        pickle_module: without effect.
        weights_only: accepted for torch's sake; False is no more dangerous than True,
            and reads no more.
        mmap: map the file into memory: what is not used is not read. It must then stay
            as it is as long as its tensors are in use.
        pickle_load_args: without effect, such as the encoding of Python 2's text.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is cut short, damaged or of another format; tells the
            byte.
        RefusedError: the file names something else; a kind of CheckpointError.
        RuntimeError: `map_location` is another device than the CPU.

    Example:
        >>> import flambeau as torch, io
        >>> stream = io.BytesIO()
        >>> torch.save([torch.arange(3), "text"], stream)
        >>> torch.load(io.BytesIO(stream.getvalue()))
        [tensor([0, 1, 2]), 'text']
    """
    _check_location(map_location)
    advice = _ADVICE if weights_only is not False else _WARNING + _ADVICE
    with open_source(f, bool(mmap)) as source:
        return _load(source, bool(mmap), advice=advice)


def load_weights(f: Any, *, mmap: bool = False) -> dict[str, Tensor]:
    """Load the tensors of a file, by name, and nothing else.

    Of a Module that was pickled whole these are its parameters and buffers, under the
    keys of its `state_dict`, and of a TorchScript archive as well. In a dict or another
    object that holds Modules, the key or the attribute comes before their names.
    Nothing that the file names is looked up or run.

    Args:
        f: the path, or a binary stream.
        mmap: map the file into memory; see `load`.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, or no tensor can be found in it.

    Example:
        >>> import flambeau as torch, io
        >>> stream = io.BytesIO()
        >>> torch.save({"epoch": 3, "model": {"w": torch.ones(1)}}, stream)
        >>> torch.load_weights(io.BytesIO(stream.getvalue()))
        {'model.w': tensor([1.])}
    """
    with open_source(f, mmap) as source:
        found = find_tensors(_load(source, mmap, recording=True), source)
        if not found:
            raise source.error(
                source.size, "no tensor can be found without running code of the file"
            )
        return found


def _load(
    source: Source, mapped: bool, recording: bool = False, advice: str = ""
) -> Any:
    """Read an open file by the format that it has; see `Vocabulary`."""
    head = source.read(0, min(source.size, _HEAD))
    if source.name.endswith(_INDEX):
        return read_sharded(source, partial(load_weights, mmap=mapped))
    if head.startswith(b"PK\x03\x04"):
        archive = TorchArchive(source)
        if not archive.is_script:
            return archive.load(recording, advice)
        if recording:
            return read_script(archive)
        raise source.error(
            0,
            "this is a TorchScript archive, which is a program; load_weights(path) "
            "reads its parameters and buffers",
        )
    if source.name.endswith(_SAFETENSORS) or head[8:9] == b"{":
        return read_safetensors(source)[0]
    if head.startswith((b"\x80", b"L")):  # a binary pickle, or one of protocol 1
        return load_legacy(source, recording, advice)
    if is_tar(source):
        return load_tar(source, recording, advice)
    raise source.error(
        0,
        "this is neither a file of torch's nor a safetensors file, or it is cut short",
    )


def _check_location(wanted: Any) -> None:
    """Raise where tensors are to go to a device there is not."""
    if isinstance(wanted, Mapping):
        for each in wanted.values():
            check_device(each)
    elif isinstance(wanted, (str, device)):
        check_device(wanted)
