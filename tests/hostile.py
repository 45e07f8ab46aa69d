"""Files as an attacker or a bad disk makes them, and what reading one may do.

A case is the bytes of a file and the ending of its name. `verdict` reads it in all ways
there are, and tells what went wrong, if anything did.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import sys
import tarfile
import tempfile
import time
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

import flambeau
from flambeau import nn
from flambeau.serialization import CheckpointError, save_safetensors
from flambeau.serialization.pickle_writer import PickleWriter

TIMES, BESIDES = 4, 64 << 20  # bytes of memory that a file may need
MOST_LOOKED_AT = 1 << 16  # elements of a tensor whose values are computed

# What Python tells of before it happens. Reading a file opens it, and nothing else.
FORBIDDEN = ("exec", "compile", "import", "os.", "subprocess.", "socket.", "shutil.")
_watching = False
_seen: list[str] = []


class Case(NamedTuple):
    """A file."""

    content: bytes
    ending: str = ".pt"


# What is forbidden


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if not _watching:
        return
    writes = event == "open" and args[1] is not None and set(args[1]) & set("wax+")
    if writes or event.startswith(FORBIDDEN):
        _seen.append(f"{event} {args[:2]}"[:200])


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Note what is done that reading a file must not do."""
    global _watching
    _seen.clear()
    _watching = True
    try:
        yield _seen
    finally:
        _watching = False


# Reading


def look(found: Any, left: int = 1000) -> None:
    """Compute the values of the tensors in what was read, as a user would."""
    waiting, seen = [found], set()
    while waiting and left:
        each = waiting.pop()
        left -= 1
        if isinstance(each, flambeau.Tensor):
            # a list of very many empty lists has no elements either
            if max(each.numel(), *each.shape, 0) <= MOST_LOOKED_AT:
                each.tolist()
        elif isinstance(each, (list, tuple, dict)) and id(each) not in seen:
            seen.add(id(each))
            waiting.extend(each.values() if isinstance(each, dict) else each)


def ways(case: Case, path: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """All ways of reading a case, by name."""
    load, load_weights = flambeau.load, flambeau.load_weights
    if case.ending == ".onnx":
        path.write_bytes(case.content)
        yield "model", lambda: flambeau.onnx.load(path)
        return
    if case.ending == ".pt":
        yield "stream", lambda: load(io.BytesIO(case.content))
    path.write_bytes(case.content)
    yield "path", lambda: load(path, weights_only=False)
    yield "mapped", lambda: load(path, mmap=True)
    yield "weights", lambda: load_weights(path)


def verdict(
    case: Case, folder: Path, memory: bool = False, seconds: float | None = None
) -> str | None:
    """Read a case in all ways; return what went wrong, or None.

    Args:
        case: the file.
        folder: where to write it.
        memory: watch how much is used, which takes its time.
        seconds: how long each way may take, if that counts.
    """
    for name, read in ways(case, folder / f"case{case.ending}"):
        start = time.process_time()
        problem, peak = measured(read) if memory else (_read(read), 0)
        if peak > TIMES * len(case.content) + BESIDES:
            problem = f"{peak} bytes of memory for {len(case.content)}"
        if seconds is not None and time.process_time() - start > seconds:
            problem = f"more than {seconds} s"
        if problem:
            return f"{name}: {problem}"
    return None


def measured(read: Callable[[], Any]) -> tuple[str | None, int]:
    """Return what went wrong, and how much memory was used at the most."""
    tracemalloc.start()
    try:
        return _read(read), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _read(read: Callable[[], Any]) -> str | None:
    with watched() as seen:
        try:
            found = read()
        except CheckpointError as error:
            if str(error.offset) not in str(error) or not error.file:
                return f"an error without a place: {error}"
            found = None
        except NotImplementedError as error:  # of an operator or dtype
            if ".onnx: flambeau has no" not in str(error):
                return f"an error without a place: {error}"
            found = None
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    if seen:
        return f"it did {seen[0]}"
    look(found)
    return None


# Whole files, from which the others are made


def state() -> Any:
    """A checkpoint with a bit of everything."""
    flambeau.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    base = flambeau.arange(12).view(3, 4)
    return {
        "model": net.state_dict(),
        "views": [base, base.t(), base[1:, 2]],
        "kinds": [flambeau.ones(2).to(kind) for kind in flambeau.dtypes.ALL],
        "plain": [1, 300, -5, 1 << 70, 2.5, None, True, "ä text", b"bytes", 1j],
        "more": ({1, 2}, (1, (2,)), {(1, 2): 3}, flambeau.Size([1]), flambeau.int8),
        "parameter": nn.Parameter(flambeau.ones(1)),
        "numpy": None,
    }


def zip_file() -> bytes:
    """torch's format."""
    stream = io.BytesIO()
    flambeau.save(state(), stream)
    return stream.getvalue()


def packed_file() -> bytes:
    """The same, compressed by another program."""
    return rezipped(entries_of(zip_file()), zipfile.ZIP_DEFLATED)


def legacy_file() -> bytes:
    """The format before it."""
    writer = PickleWriter()
    body = writer.write(state())
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    content = b"".join(pickle.dumps(each, 2) for each in parts) + body
    content += pickle.dumps([str(at) for at in range(len(writer.storages))], 2)
    for each in writer.storages:
        values = np.ascontiguousarray(each.detach().numpy())
        lone = each.dtype in flambeau.dtypes.LONE  # their storages count bytes
        count = values.nbytes if lone else values.size
        content += struct.pack("<q", count) + values.tobytes()
    return content


def old_file() -> bytes:
    """The format before it, with pickles that are text where they can be."""
    content = b"".join(
        pickle.dumps(each, 1) for each in (0x1950A86A20F9469CFC6C, 1001, {})
    )
    plain = [1, -300, 1 << 70, 2.5, True, False, None, "\xe4 text", {"a": (1, [2])}]
    content += pickle.dumps([plain, plain], 0)
    return content + pickle.dumps([], 1)


_PARTS = [(8, 7, 2, 4)]  # key, that of the whole, first element, how many


def tar_file(parts: Any = _PARTS) -> bytes:
    """torch's first format, with a list of storages that are parts of others."""
    storages = [pickle.dumps(1, 2), _old_class((7, "cpu"), b"torch\nFloatStorage\n")]
    storages.append(struct.pack("<q", 6) + np.arange(6, dtype=np.float32).tobytes())
    storages.append(pickle.dumps(parts, 2))
    tensors = [pickle.dumps(2, 2)]
    for key, storage, sizes in ((20, 7, (2, 3, 3, 1, 0)), (21, 8, (2, 2, 1, 2, 0))):
        tensors.append(_old_class((key, storage), b"torch\nFloatTensor\n"))
        tensors.append(struct.pack("<i4x5q", 2, *sizes))
    named = b"\x80\x02}(U\x01aU\x0220QU\x01bU\x0221Qu."
    files = {"sys_info": pickle.dumps({}, 2), "pickle": named}
    files |= {"tensors": b"".join(tensors), "storages": b"".join(storages)}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1.5  # told in a header before
            archive.addfile(info, io.BytesIO(content))
    end = len(stream.getvalue().rstrip(b"\0")) // 512 * 512 + 512
    return stream.getvalue()[: end + 512]  # of the zeros that follow, a block is read


def _old_class(values: tuple[Any, ...], name: bytes) -> bytes:
    """A pickled tuple that ends in a class."""
    first, second = (pickle.dumps(each, 2)[2:-1] for each in values)
    return b"\x80\x02" + first + second + b"c" + name + b"\x87."


def script_file() -> bytes:
    """A TorchScript archive of one module with one parameter."""
    entries = entries_of(zip_file())
    tensor = PickleWriter()
    body = tensor.write({"weight": flambeau.ones(2)})[2:-1]
    pickled = b"\x80\x02c__torch__.net\nNet\n)\x81" + body + b"b."
    code = 'class Net(Module):\n  __parameters__ = ["weight", ]\n  __buffers__ = []\n'
    entries["archive/data.pkl"] = pickled
    entries["archive/constants.pkl"] = b"\x80\x02)."
    entries["archive/code/__torch__/net.py"] = code.encode()
    entries["archive/data/0"] = np.ones(2, np.float32).tobytes()
    return rezipped(entries, zipfile.ZIP_DEFLATED)


def module_file() -> bytes:
    """A module of a class that there is not, pickled whole."""
    writer = PickleWriter()
    members = {"_parameters": {"w": flambeau.ones(2)}, "_buffers": {}, "_modules": {}}
    body = writer.write(members)[2:-1]
    entries = entries_of(zip_file())
    entries["archive/data.pkl"] = b"\x80\x02cnet\nNet\n)\x81" + body + b"b."
    entries["archive/data/0"] = np.ones(2, np.float32).tobytes()
    return rezipped(entries)


def safetensors_file(folder: Path) -> bytes:
    """Named tensors."""
    path = folder / "seed.safetensors"
    tensors = OrderedDict(
        (kind.name, flambeau.ones(2, 3).to(kind))
        for kind in flambeau.dtypes.ALL
        if kind is not flambeau.complex128
    )
    save_safetensors(tensors, path, {"note": "hello"})
    return path.read_bytes()


def index_file(folder: Path) -> bytes:
    """An index of two files."""
    places = {"a": "one.safetensors", "b": "two.safetensors"}
    for name, place in places.items():
        save_safetensors({name: flambeau.ones(2)}, folder / place)
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": places}).encode()


def onnx_file(folder: Path) -> bytes:
    """A model with weights, integers and attributes."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Flatten())
    flambeau.onnx.export(net, flambeau.zeros(1, 1, 4, 4), folder / "seed.onnx")
    return (folder / "seed.onnx").read_bytes()


def controlled_file() -> bytes:
    """A model with graphs inside of nodes, attention, and numbers of 8 and 16 bits."""
    return bytes(onnx.parser.parse_model(CONTROLLED).SerializeToString())


CONTROLLED = """<ir_version: 10, opset_import: ["" : 23]>
net (float[2,3] x, int64 n, bool go) => (float y, float z, float w, uint16 u)
<float[3,3] weight = {1,2,3,4,5,6,7,8,9}, float scale = {0.5}, uint8 zero = {3},
 uint16[2] wide = {1, 65535}>
{
  once, all = Loop (n, go, x) <body = turn (int64 i, bool c, float[2,3] v)
      => (bool d, float[2,3] m, float[2,3] r) {
    d = Identity (c)
    m = MatMul (v, weight)
    r = Relu (m)
  }>
  kept, ys = Scan (x, x) <num_scan_inputs = 1, body = step (float[2,3] v, float[3] r)
      => (float[2,3] t, float[3] o) {
    t = Add (v, r)
    o = Neg (r)
  }>
  y = If (go) <then_branch = yes () => (float a) { a = Identity (once) },
      else_branch = no () => (float b) { b = Neg (kept) }>
  q = QuantizeLinear (x, scale, zero)
  z = DequantizeLinear (q, scale, zero)
  w = Attention <q_num_heads = 1, kv_num_heads = 1> (ys, ys, ys)
  u = Add (wide, wide)
}
"""


def divided_file(folder: Path) -> bytes:
    """A model whose weights lie in another file."""
    np.ones(4, np.float32).tofile(folder / "weights.bin")
    model = onnx.parser.parse_model(CONTROLLED)
    for weight in model.graph.initializer[:2]:
        weight.ClearField("float_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weights.bin")
        weight.external_data.add(key="offset", value="4")
    model.graph.initializer[0].dims[:] = [3]
    return bytes(model.SerializeToString())


def entries_of(content: bytes) -> dict[str, bytes]:
    """The entries of a zip file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rezipped(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file of entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def with_pickle(pickled: bytes) -> bytes:
    """A file of torch's with this pickle."""
    entries = entries_of(zip_file())
    entries["archive/data.pkl"] = pickled
    return rezipped(entries)


def seeds(folder: Path) -> list[Case]:
    """Whole files of all formats."""
    made = (
        *(zip_file, packed_file, legacy_file, tar_file, old_file),
        *(script_file, module_file),
    )
    return [
        *(Case(make()) for make in made),
        Case(safetensors_file(folder), ".safetensors"),
        Case(index_file(folder), ".safetensors.index.json"),
        Case(onnx_file(folder), ".onnx"),
        Case(controlled_file(), ".onnx"),
        Case(divided_file(folder), ".onnx"),
    ]


# Changing files


EXTREME = [
    *(0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
    *(1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
]
CODES = (
    b"\x80\x95NJKMGXTUBC()t]lae}su01hjqrcRbQ.\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d"
)
NAMES = [
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
    b"cbuiltins\ngetattr\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n",
    b"ccollections\nOrderedDict\n",
    b"c__builtin__\nset\n",
    b"c_codecs\nencode\n",
    b"cnumpy\ndtype\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"c__builtin__\nbytearray\n",
    b"ctorch\nSize\n",
]


def cut(content: bytearray, rng: random.Random) -> None:
    """Cut the end off."""
    del content[rng.randrange(len(content) + 1) :]


def flip(content: bytearray, rng: random.Random) -> None:
    """Flip some bits."""
    for _ in range(rng.choice([1, 1, 2, 8])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def put_number(content: bytearray, rng: random.Random) -> None:
    """Write an extreme number somewhere."""
    size = rng.choice([1, 2, 4, 8])
    number = rng.choice(EXTREME) & ((1 << 8 * size) - 1)
    at = rng.randrange(len(content))
    content[at : at + size] = number.to_bytes(size, rng.choice(["little", "big"]))


def put_codes(content: bytearray, rng: random.Random) -> None:
    """Write some instructions of pickles somewhere, or a name."""
    new = bytes(rng.choices(CODES, k=rng.choice([1, 1, 2, 5])))
    new = rng.choice([new, new, rng.choice(NAMES)])
    at = rng.randrange(len(content))
    content[at : at + rng.choice([0, len(new)])] = new


def move(content: bytearray, rng: random.Random) -> None:
    """Copy a piece to another place, or remove it."""
    start, at = rng.randrange(len(content)), rng.randrange(len(content))
    piece = content[start : start + rng.choice([1, 4, 16, 100])]
    content[at : at + rng.choice([0, len(piece), 50])] = rng.choice([piece, b""])


def put_text(content: bytearray, rng: random.Random) -> None:
    """Write something that means something in JSON."""
    texts = ["{", "}", "[", "]", ",", ":", "-1", "1e9", "null", "true", '"', "9" * 30]
    at = rng.randrange(len(content))
    new = rng.choice(texts).encode()
    content[at : at + rng.choice([0, len(new)])] = new


CHANGES = [cut, flip, put_number, put_codes, move, put_text]


def changed(case: Case, rng: random.Random) -> Case:
    """A case with some changes; in the pickle of a zip file half of the time."""
    inside = case.content.startswith(b"PK") and rng.random() < 0.5
    entries = entries_of(case.content) if inside else {}
    name = rng.choice(list(entries)) if inside and rng.random() < 0.2 else ""
    name = name or "archive/data.pkl"
    content = bytearray(entries[name] if inside else case.content)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        if content:
            rng.choice(CHANGES)(content, rng)
    if not inside:
        return Case(bytes(content), case.ending)
    entries[name] = bytes(content)
    return Case(rezipped(entries), case.ending)


def drawn_pickle(rng: random.Random) -> Case:
    """A pickle of random instructions that mostly make sense."""
    parts = [b"\x80\x02"]
    for _ in range(rng.choice([3, 10, 40])):
        code = bytes([rng.choice(CODES)])
        lengths = {b"K": 1, b"M": 2, b"J": 4, b"G": 8, b"q": 1, b"h": 1}
        if code == b"c":
            code = rng.choice(NAMES)
        elif code in (b"X", b"B", b"T"):
            code += struct.pack("<I", 3) + b"abc"
        elif code in lengths:
            code += bytes(rng.randrange(4) for _ in range(lengths[code]))
        parts.append(code)
    return Case(with_pickle(b"".join(parts) + b"."))


def folder_of_process() -> Path:
    """A folder in memory if there is one: files are written all the time."""
    parent = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return Path(tempfile.mkdtemp(dir=parent))
