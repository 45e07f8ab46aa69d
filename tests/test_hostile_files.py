"""A file is read or refused: nothing runs, nothing crashes, little memory and time."""

import io
import os
import pickle
import random
import struct
import zipfile

import numpy as np
import pytest
from hostile import (
    Case,
    changed,
    drawn_pickle,
    entries_of,
    legacy_file,
    measured,
    rezipped,
    safetensors_file,
    seeds,
    tar_file,
    verdict,
    watched,
    with_pickle,
    zip_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau
from flambeau.serialization import CheckpointError, RefusedError

MILLION = 1_000_000
HEADS = [b"", b"PK\3\4", b"\x80\2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def whole(folder):
    return seeds(folder)


def failed(case, folder):
    """The error that a case raises, which every way of reading it must raise."""
    assert verdict(case, folder) is None
    path = folder / f"case{case.ending}"
    path.write_bytes(case.content)
    with pytest.raises(CheckpointError) as caught:
        flambeau.load(path)
    assert caught.value.file == str(path)
    assert 0 <= caught.value.offset <= len(case.content)
    return caught.value


# Files that something broke


@settings(max_examples=1000, deadline=None)
@given(number=st.integers(0, 2**32))
def test_changed_files_are_read_or_refused(whole, folder, number):
    rng = random.Random(number)
    assert verdict(changed(rng.choice(whole), rng), folder) is None


@settings(max_examples=500, deadline=None)
@given(number=st.integers(0, 2**32))
def test_random_pickles_are_read_or_refused(folder, number):
    assert verdict(drawn_pickle(random.Random(number)), folder) is None


@settings(max_examples=300, deadline=None)
@given(
    content=st.binary(max_size=200), head=st.sampled_from([b"", b"PK\3\4", b"\x80\2"])
)
def test_random_bytes_are_refused(folder, content, head):
    failed(Case(head + content), folder)


@settings(max_examples=300, deadline=None)
@given(
    shape=st.lists(st.integers(-(2**70), 2**70) | st.integers(-1, 3), max_size=4),
    stride=st.lists(st.integers(-(2**70), 2**70) | st.integers(-1, 3), max_size=4),
    offset=st.integers(-(2**70), 2**70) | st.integers(-1, 3),
)
def test_any_view_of_a_storage_is_read_or_refused(folder, shape, stride, offset):
    case = Case(with_pickle(tensor(tuple(shape), tuple(stride), offset)))
    assert verdict(case, folder) is None


def test_whole_files_are_read(whole, folder):
    for case in whole:
        assert verdict(case, folder, memory=True) is None


def test_a_file_that_is_cut_anywhere_is_refused(whole, folder):
    for case in whole[:-2]:  # an index or a model may end early
        for length in range(0, len(case.content), 97):
            failed(Case(case.content[:length], case.ending), folder)


# Pickles. Numbers, texts and tuples are written as pickle writes them.


def plain(value):
    """A plain value's instructions alone."""
    return pickle.dumps(value, 2)[2:-1]


def pickled(*parts):
    """A file with a pickle of these instructions."""
    return Case(with_pickle(b"\x80\x02" + b"".join(parts) + b"."))


def tensor(shape, stride, offset=0, count=2, grad=False):
    """A pickle of a tensor on the first storage of the file, whose dtype is float32."""
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\n" + plain("5") + plain("cpu")
    storage += plain(count) + b"tQ"
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"".join(map(plain, (offset, shape, stride, grad, None)))
        + b"tR."
    )


RUNS = {
    "system": b"cos\nsystem\n" + plain(("touch hacked",)) + b"R",
    "eval": b"cbuiltins\neval\n" + plain(("open('hacked', 'w')",)) + b"R",
    "old eval": b"c__builtin__\neval\n" + plain(("1",)) + b"R",
    "newobj": b"csubprocess\nPopen\n" + plain((["touch", "hacked"],)) + b"\x81",
    "stack": plain("os") + plain("system") + b"\x93" + plain(("true",)) + b"R",
    "nested": b"ctorch._utils\n_rebuild_parameter\n(cos\nsystem\n"
    + plain(("true",))
    + b"RtR",
    "loads": b"ctorch.storage\n_load_from_bytes\n" + plain((b"x",)) + b"R",
    "dotted": b"ctorch\nos.system\n" + plain(("true",)) + b"R",
    "import": b"cwebbrowser\nopen\n" + plain(("http://x",)) + b"R",
}


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_run(folder, name):
    error = failed(pickled(RUNS[name]), folder)
    assert isinstance(error, RefusedError)
    assert "was not looked up" in str(error)


DAMAGED = {
    "empty stack": b"R",
    "called number": plain(1) + plain(()) + b"R",
    "called with list": b"ctorch\nSize\n" + plain([1]) + b"R",
    "built dict": plain({}) + plain({"a": 1}) + b"b",
    "built tuple": b"ctorch\nSize\n" + plain(((1,),)) + b"R" + plain({"a": 1}) + b"b",
    "method": b"ccollections\nOrderedDict\n)R" + plain({"items": 1}) + b"b",
    "keyword arguments": b"ctorch\nSize\n)" + plain({"a": 1}) + b"\x92",
    "list as key": plain({}) + plain([]) + plain(1) + b"s",
    "items of a tuple": plain(()) + plain(1) + b"a",
    "unknown memo": b"h\xff",
    "memo out of order": plain(1) + b"r\xff\xff\xff\xff",
    "unknown instruction": b"\xff",
    "extension": b"\x82\x01",
    "persistent text": b"P0\n",
    "foreign id": plain(("module", 1, 2, 3, 4)) + b"Q",
    "short id": plain(("storage",)) + b"Q",
    "long text": b"X\xff\xff\xff\xffa",
    "longer text": b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa",
    "long bytes": b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffa",
    "long number": b"\x8b\xff\xff\xff\x7f1",
    "unended name": b"cos",
    "large bytearray": b"c__builtin__\nbytearray\n" + plain((1 << 40,)) + b"R",
    "encoding": b"c_codecs\nencode\n" + plain(("a", "hex")) + b"R",
    "numpy objects": b"cnumpy\ndtype\n" + plain(("O8", False, True)) + b"R",
    "numpy name": b"cnumpy\ndtype\n" + plain(("f4,(9999999,9999)f8",)) + b"R",
    "device": b"ctorch\ndevice\n" + plain((1,)) + b"R",
    "storage too large": tensor((2,), (1,), count=1 << 62)[2:-1],
    "negative storage": tensor((0,), (1,), count=-1)[2:-1],
    "storage beyond the file": tensor((2,), (1,), 0, 3)[2:-1],
    "view too long": tensor((3,), (1,))[2:-1],
    "view overflows": tensor((2, 1 << 62), (1 << 62, 4))[2:-1],
    "negative size": tensor((-1,), (1,))[2:-1],
    "negative stride": tensor((2,), (-1,), 1)[2:-1],
    "negative offset": tensor((1,), (1,), -1)[2:-1],
    "offset beyond": tensor((1,), (1,), 2)[2:-1],
    "too many elements": tensor((1 << 32, 1 << 32), (0, 0))[2:-1],
    "too many dimensions": tensor((1,) * 65, (0,) * 65)[2:-1],
    "size no number": tensor(("a",), (1,))[2:-1],
    "strides too few": tensor((1, 1), (1,))[2:-1],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_makes_no_sense_is_refused(folder, name):
    failed(pickled(DAMAGED[name]), folder)


def shared(levels):
    """Tuples of tuples, each twice the one below: 2 ** levels leaves in few bytes."""
    return plain(1) + b"".join(b"\x94h" + bytes([at]) + b"\x86" for at in range(levels))


# Numbers with the same hash: multiples of 2 ** 61 - 1.
EQUAL_HASHES = [plain(at * (2**61 - 1)) for at in range(1, 200_000)]


BOMBS = {
    "lists": b"]" * MILLION,
    "dicts": b"}" * MILLION,
    "sets": b"\x8f" * MILLION,
    "nothing": b"N" * MILLION,
    "marks": b"(" * MILLION,
    "nested lists": b"(" * MILLION + b"l" * MILLION,
    "nested tuples": plain(()) + b"\x85" * MILLION,
    "remembered": plain(1) + b"\x94" * MILLION,
    "recalled": plain(1) + b"\x94" + b"h\0" * MILLION,
    "repeated tuples": b"(" + plain(1) * 100_000 + b"t\x94" + b"h\0\x85" * MILLION,
    "copied sizes": b"ctorch\nSize\n(" + plain(1) * 10_000 + b"t\x85\x94"
    b"(" + b"ctorch\nSize\nh\0R" * 10_000 + b"l",
    "ordered dicts": b"ccollections\nOrderedDict\n\x940" + b"h\0)R" * MILLION,
    "wide text": plain("a" * MILLION * 20 + "\U0001f600"),
    "many wide texts": b"\x8c\x08aaaa\xf0\x9f\x98\x80" * (MILLION // 4),
    "shared key": b"}" + shared(200) + plain(1) + b"s",
    "shared element": b"c__builtin__\nset\n(](" + shared(200) + b"etR",
    "equal hashes": b"}(" + b"N".join(EQUAL_HASHES) + b"Nu",
    "equal hashes in a set": b"\x8f(" + b"".join(EQUAL_HASHES) + b"\x90",
    "set of equal hashes": b"c__builtin__\nset\n]("
    + b"".join(EQUAL_HASHES)
    + b"e\x85R",
    "arrays of the same bytes": b"cnumpy\ndtype\n"
    + plain(("u1", False, True))
    + b"R\x940B\x10\x27\0\0"
    + b"x" * 10_000
    + b"\x940cnumpy.core.multiarray\n_reconstruct\n\x940"
    + b"h\4(NNNtR(K\1M\x10\x27\x85h\2\x89h\3tb" * 20_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_do_not_become_large(name):
    content = pickled(BOMBS[name]).content
    problem, peak = measured(lambda: flambeau.load_weights(io.BytesIO(content)))
    assert problem is None
    assert peak < 4 * len(content) + (64 << 20)


def test_shared_tuples_are_not_walked_through(folder):
    case = pickled(b"(" + shared(100) + tensor((2,), (1,))[2:-1] + b"t")
    assert verdict(case, folder) is None
    assert len(flambeau.load(io.BytesIO(case.content))) == 2


# Zip files


def zipped(change):
    """A file of torch's with some bytes changed: (before, after) pairs."""
    content = zip_file()
    for before, after in change:
        assert before in content
        content = content.replace(before, after)
    return Case(content)


def table_line(content, name):
    """Where in the table the line of an entry begins."""
    return content.rindex(name.encode()) - 46


def with_field(name, offset, size, value, where=table_line):
    """A file of torch's with another number in the line of an entry."""
    content = bytearray(zip_file())
    at = where(bytes(content), name) + offset
    content[at : at + size] = value.to_bytes(size, "little")
    return Case(bytes(content))


LINES = {
    "sizes beyond the file": ("archive/data/0", 20, 8, 0x7FFFFFFF_7FFFFFFF),
    "one size": ("archive/data/0", 24, 4, 7),
    "sizes into the next": ("archive/data/0", 20, 8, 0x00000100_00000100),
    "place of another": ("archive/data/0", 42, 4, 0),
    "place beyond": ("archive/data/0", 42, 4, 0xFFFFFFF0),
    "wide place missing": ("archive/data/0", 42, 4, 0xFFFFFFFF),
    "encrypted": ("archive/data/0", 8, 2, 1),
    "method": ("archive/data/0", 10, 2, 93),
    "long name": ("archive/data/0", 28, 2, 0xFFFF),
    "checksum": ("archive/data.pkl", 16, 4, 1),
    "deflated": ("archive/data.pkl", 10, 2, 8),
}


@pytest.mark.parametrize("name", LINES)
def test_a_table_that_lies_is_refused(folder, name):
    failed(with_field(*LINES[name]), folder)


NAMES = ["/etc/passwd", "../../x", "a\\..\\b", "archive/../../x"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(folder, name):
    entries = {**entries_of(zip_file()), name: b"x"}
    assert "leads elsewhere" in str(failed(Case(rezipped(entries)), folder))


@pytest.mark.parametrize("entry", ["archive/data.pkl", "archive/data/0"])
def test_a_zip_bomb_is_not_unpacked(folder, entry):
    entries = {**entries_of(zip_file()), entry: bytes(100 << 20)}
    case = Case(rezipped(entries, zipfile.ZIP_DEFLATED))
    assert len(case.content) < 1 << 20
    assert "more memory" in str(failed(case, folder))


def test_a_zip_file_of_very_many_entries(folder):
    line = struct.Struct("<4s6H3L5H2L").pack(b"PK\1\2", *[0] * 9, 6, *[0] * 6)
    table = b"".join(line + b"%06d" % at for at in range(400_000))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, len(table), 4, 0)
    failed(Case(b"PK\3\4" + table + end), folder)


def test_two_entries_of_one_name(folder):
    content = zip_file().replace(b"archive/data/1", b"archive/data/0")
    assert "there twice" in str(failed(Case(content), folder))


# The older format


def test_storages_that_are_not_those_of_the_pickle(folder):
    content, key = legacy_file(), b"X\1\0\0\x000q"
    assert content.count(key) == 2
    failed(Case(content.replace(key, key.replace(b"0q", b"Zq"), 1)), folder)
    failed(Case(content[:-1]), folder)
    failed(Case(pickle.dumps({"a": 1}, 2)), folder)
    failed(Case(pickle.dumps({"a": 1}, 4)), folder)


@pytest.mark.parametrize(
    "parts",
    [[(8, 6, 2, 4)], [(8, [7], 2, 4)], [(8, 7, 2.0, 4)], [(8, 7, 2)], [7], 7, None],
    ids=["unknown", "no_key", "no_integer", "three", "no_tuple", "no_list", "nothing"],
)
def test_parts_of_storages_that_make_no_sense_are_refused(folder, parts):
    assert "part" in str(failed(Case(tar_file(parts)), folder))


# safetensors


def safetensors(header, data=b"\0" * 8, length=None):
    """A file with this table."""
    text = header.encode()
    length = len(text) if length is None else length
    return Case(struct.pack("<Q", length) + text + data, ".safetensors")


def entry(dtype='"F32"', shape="[2]", offsets="[0, 8]", more=""):
    """A table with one tensor."""
    told = f'"dtype": {dtype}, "shape": {shape}, "data_offsets": {offsets}{more}'
    return f'{{"x": {{{told}}}}}'


TABLES = {
    "no object": "[]",
    "no text": "\ud800".encode("utf-16", "surrogatepass").decode("latin-1"),
    "no tensor": '{"x": 1}',
    "metadata": '{"__metadata__": {"a": 1}}',
    "twice": '{"x": 1, "x": 1}',
    "unknown dtype": entry('"F8_E4M3"'),
    "dtype no text": entry("{}"),
    "more": entry(more=', "a": 1'),
    "negative": entry(shape="[-2]"),
    "no whole number": entry(shape="[2.0]"),
    "true": entry(shape="[true, 2]"),
    "overflow": entry(shape=f"[{2**62}, {2**62}]"),
    "large": entry(shape="[" + "9" * 4000 + "]"),
    "too large": entry(shape="[" + "9" * 5000 + "]"),
    "dimensions": entry(shape="[" + "1," * 64 + "2]"),
    "size": entry(shape="[3]"),
    "turned": entry(offsets="[8, 0]"),
    "beyond": entry(shape="[3]", offsets="[0, 12]"),
    "before": entry(offsets="[-8, 0]"),
    "far": entry(offsets="[" + "9" * 300 + ", 8]"),
    "gap": entry(shape="[1]", offsets="[4, 8]"),
    "rest": entry(shape="[1]", offsets="[0, 4]"),
    "overlap": '{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, '
    '"y": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}',
    "nested": "[" * 100_000,
    "nested objects": '{"a":' * 100_000,
    "many lists": "[" + "[]," * 2 * MILLION + "[]]",
    "many objects": '{"x": [' + "{}," * 2 * MILLION + "{}]}",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_do_not_hold_are_refused(folder, name):
    failed(safetensors(TABLES[name]), folder)


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, 1 << 40, 1000])
def test_a_table_that_is_longer_than_the_file(folder, length):
    failed(safetensors(entry(), length=length), folder)


# What the tests rest on


def test_what_is_forbidden_is_seen(tmp_path):
    with watched() as seen:
        os.listdir(tmp_path)
        exec("1")
        (tmp_path / "x").write_bytes(b"")
    assert [each.split()[0] for each in seen][-1] == "open"
    assert {"exec", "compile", "open", "os.listdir"} <= {e.split()[0] for e in seen}


DEFECTS = {
    "ZeroDivisionError": lambda *args, **options: 1 / 0,
    "it did compile": lambda *args, **options: eval("1"),
    "bytes of memory": lambda *args, **options: np.ones(80 << 20, np.int8),
}


@pytest.mark.parametrize("words", DEFECTS)
def test_a_reader_with_a_defect_is_seen(monkeypatch, tmp_path, words):
    case = Case(safetensors_file(tmp_path), ".safetensors")
    assert verdict(case, tmp_path) is None
    monkeypatch.setattr(flambeau, "load", DEFECTS[words])
    assert words in verdict(case, tmp_path, words == "bytes of memory")


def test_a_slow_reader_is_seen(tmp_path):
    assert verdict(Case(zip_file()), tmp_path, seconds=60) is None
    assert "more than -1 s" in verdict(Case(zip_file()), tmp_path, seconds=-1)
