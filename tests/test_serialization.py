"""Checkpoints come back as they went: values, kinds, shared memory, whole files."""

import io
import math
import os
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
from killed import check_killed

import flambeau as torch
from flambeau import dtypes as dt
from flambeau import nn
from flambeau.runtime.memory import pool
from flambeau.serialization import (
    CheckpointError,
    atomic_write,
    filling,
    load_safetensors,
    save_safetensors,
    save_sharded,
)

ENDINGS = ("pt", "safetensors")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.pt"


@pytest.fixture
def named(tmp_path):
    return tmp_path / "file.safetensors"


def returned(obj):
    """What comes back through a stream."""
    stream = io.BytesIO()
    torch.save(obj, stream)
    return torch.load(io.BytesIO(stream.getvalue()))


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", dt.ALL, ids=lambda kind: kind.name)
def test_every_dtype_returns_with_its_values(tmp_path, kind, ending, mmap):
    values = torch.tensor([[0, 1], [1, 2]]).to(kind)
    if kind is dt.complex128 and ending == "safetensors":
        with pytest.raises(TypeError, match=r"'x' has dtype torch.complex128, which"):
            torch.save({"x": values}, tmp_path / "file.safetensors")
        return
    torch.save({"x": values}, tmp_path / f"file.{ending}")
    (loaded,) = torch.load(tmp_path / f"file.{ending}", mmap=mmap).values()
    assert loaded.dtype is kind
    assert loaded.shape == (2, 2)
    assert loaded.tolist() == values.tolist()
    loaded += loaded  # the mapped file is not written to
    assert torch.load(tmp_path / f"file.{ending}")["x"].tolist() == values.tolist()


PLAIN = [
    *(None, True, False, 0, 255, 256, -1, 65535, 65536, -(1 << 31), 1 << 31, 1 << 200),
    *(
        2.5,
        math.inf,
        -0.0,
        1j,
        "text",
        "ä\ud800\U0001f600",
        b"\x00\xff",
        bytearray(b"x"),
    ),
    *((), (1,), (1, 2), (1, 2, 3, 4), [], [1, [2]], {}, {1: 2}, {1}, set()),
    *(torch.Size([2, 3]), torch.float32, torch.bool, torch.device("cpu")),
    *(OrderedDict(b=1, a=2), Counter("aab"), {(1, "a"): 2, None: 3, 2.5: 4}),
    [*range(3000)],
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_return(value):
    loaded = returned([value])
    assert loaded == [value]
    assert type(loaded[0]) is type(value)
    assert repr(loaded[0]) == repr(value)


def test_nested_checkpoint_returns_with_types_and_order():
    checkpoint = {
        "model": OrderedDict(b=torch.ones(2), a=torch.zeros(0, 3)),
        "state": {0: {"step": torch.tensor(3.0)}, None: (1, [2.5, "text", None, True])},
        "limits": [math.inf, -math.inf],
    }
    loaded = returned(checkpoint)
    assert list(loaded) == list(checkpoint)
    assert isinstance(loaded["model"], OrderedDict)
    assert list(loaded["model"]) == ["b", "a"]
    assert loaded["model"]["a"].shape == (0, 3)
    assert loaded["state"][0]["step"].item() == 3.0
    assert loaded["state"][None] == (1, [2.5, "text", None, True])
    assert loaded["limits"] == checkpoint["limits"]


def test_containers_that_are_the_same_object_stay_so_and_may_contain_themselves():
    inner, loop = [1], [2]
    loop.append(loop)
    first, second, third = returned([inner, inner, loop])
    assert first is second
    assert third[1] is third


def test_numbers_of_numpy_become_python_numbers():
    assert returned([np.float32(2.5), np.int64(3), np.bool_(True)]) == [2.5, 3, True]


def test_a_state_dict_keeps_the_versions_of_its_modules():
    state = nn.Sequential(nn.BatchNorm2d(2)).state_dict()
    assert returned(state)._metadata == state._metadata


def test_parameters_and_gradients_return():
    kept, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2), False)
    needed = torch.ones(2, requires_grad=True)
    loaded = returned([kept, other, needed, needed * 2])
    assert [type(each) for each in loaded] == [nn.Parameter] * 2 + [torch.Tensor] * 2
    assert [each.requires_grad for each in loaded] == [True, False, True, True]
    assert all(each.is_leaf for each in loaded)


def test_views_share_memory_again():
    base = torch.arange(12.0).reshape(3, 4)
    views = [base[1:], base.t(), base[:, 1], base.diagonal(), base.detach(), base]
    loaded = returned(views)
    for view, again in zip(views, loaded):
        assert again.tolist() == view.tolist()
        assert again.stride() == view.stride()
        assert again.storage_offset() == view.storage_offset()
    loaded[5][1, 1] = 99
    assert loaded[0][0, 1].item() == loaded[1][1, 1].item() == 99
    assert loaded[2][1].item() == loaded[3][1].item() == loaded[4][1, 1].item() == 99


def test_shared_memory_is_written_once(path):
    base = torch.zeros(10_000)
    torch.save([base, base.view(100, 100), base[5:], base.expand(50, -1)], path)
    assert path.stat().st_size < 50_000


def test_tied_parameters_stay_tied():
    one = nn.Linear(2, 2)
    one.other = one.weight
    state = returned(one.state_dict())
    state["weight"][0, 0] = 7
    assert state["other"][0, 0].item() == 7


def test_an_expanded_tensor_has_one_element_in_the_file():
    loaded = returned(torch.ones(1).expand(1000, 1000))
    assert loaded.shape == (1000, 1000)
    assert loaded.stride() == (0, 0)


def test_nan_and_views_survive(path):
    base = torch.tensor([[1.0, math.nan], [3.0, 4.0]])
    torch.save({"column": base.permute(1, 0)}, path)
    loaded = torch.load(path)["column"].numpy()
    np.testing.assert_array_equal(loaded, [[1.0, 3.0], [math.nan, 4.0]])


def test_the_file_is_a_zip_file_with_aligned_storages(path):
    torch.save([torch.ones(3), torch.ones(5)], path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        for each in archive.infolist():
            header = content[each.header_offset :]
            lengths = int.from_bytes(header[26:28], "little"), header[28:30]
            start = each.header_offset + 30 + lengths[0]
            assert (start + int.from_bytes(lengths[1], "little")) % 64 == 0
    assert names[:2] == ["archive/data.pkl", "archive/byteorder"]
    assert "archive/data/1" in names


def test_a_zip_file_that_was_packed_again_is_read(path, tmp_path):
    torch.save([torch.arange(1000), "text"], path)
    again = tmp_path / "again.pt"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert again.stat().st_size < path.stat().st_size
    values, text = torch.load(again)
    assert values.tolist() == [*range(1000)]
    assert text == "text"


def test_the_same_content_makes_the_same_bytes():
    streams = [io.BytesIO(), io.BytesIO()]
    for each in streams:
        torch.save({"x": torch.arange(3), "name": "text"}, each)
    assert streams[0].getvalue() == streams[1].getvalue()


# safetensors


def test_a_state_dict_is_an_ordinary_safetensors_file(named):
    from safetensors.numpy import load_file

    torch.save({"layer.weight": torch.ones(2, 3)}, named)
    loaded = load_file(named)
    assert list(loaded) == ["layer.weight"]
    np.testing.assert_array_equal(loaded["layer.weight"], np.ones((2, 3), np.float32))


def test_metadata_returns(named):
    save_safetensors({"x": torch.ones(1)}, named, {"note": "hello"})
    assert load_safetensors(named)[1] == {"note": "hello"}


@pytest.fixture(params=[True, False], ids=["copied", "read"])
def by_kernel(request, monkeypatch):
    """Whether large tensors are copied by a kernel, or read by threads."""
    monkeypatch.setattr(filling, "can_copy", lambda: request.param)
    return request.param


@pytest.mark.parametrize("ending", ENDINGS)
def test_large_tensors_are_read_by_several_threads(
    tmp_path, ending, monkeypatch, by_kernel
):
    monkeypatch.setattr(filling, "_PIECE", 1 << 18)  # several in a tensor
    monkeypatch.setattr(filling, "_PORTION", 1 << 20)
    path = tmp_path / f"large.{ending}"
    large = {str(at): torch.arange(300_000) + at for at in range(5)}
    torch.save({**large, "flags": large["0"] > 7}, path)
    for _ in range(3):  # into memory that was used before
        loaded = torch.load(path)
        for name, value in large.items():
            assert torch.equal(loaded[name], value)
        assert torch.equal(loaded["flags"], large["0"] > 7)
    with open(path, "r+b"):  # somebody might change it
        assert torch.equal(torch.load(path)["4"], large["4"])
    monkeypatch.delattr(os, "preadv", raising=False)
    assert torch.equal(torch.load(path)["4"], large["4"])


@pytest.mark.skipif(not hasattr(os, "preadv"), reason="reads by other means")
def test_a_file_that_becomes_shorter_meanwhile_is_refused(path, monkeypatch):
    torch.save(torch.arange(300_000), path)
    read = os.preadv

    def read_less(handle, views, offset):
        return 0 if offset > 1 << 20 else read(handle, views, offset)

    monkeypatch.setattr(filling, "can_copy", lambda: False)
    monkeypatch.setattr(os, "preadv", read_less)
    with pytest.raises(CheckpointError, match="became shorter"):
        torch.load(path)


def test_a_file_that_became_shorter_is_not_mapped(path, by_kernel):
    path.write_bytes(bytes(1 << 20))
    with open(path, "rb", buffering=0) as file:
        filler = filling.Filler(str(path), file, 1 << 20)
        found, _ = pool.take(1 << 20)
        filler.add(found, 0)
        os.truncate(path, 1000)
        with pytest.raises(CheckpointError, match="at byte 1000: .* became shorter"):
            filler.fill_all()


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_loaded_outlives_its_file(tmp_path, ending, by_kernel):
    path = tmp_path / f"file.{ending}"
    torch.save({"x": torch.arange(100_000)}, path)
    loaded = torch.load(path)["x"]
    os.truncate(path, 0)
    assert torch.equal(loaded, torch.arange(100_000))


@pytest.mark.parametrize("mmap", [False, True])
def test_foreign_safetensors_file_is_a_dict_of_tensors(named, mmap):
    from safetensors.numpy import save_file

    arrays = {
        "b": np.ones((), np.uint8),
        "w": np.arange(3, dtype=np.int16),
        "none": np.ones((0, 2), np.float64),
    }
    save_file(arrays, named)
    loaded = torch.load(named, mmap=mmap)
    assert {name: each.tolist() for name, each in loaded.items()} == {
        name: each.tolist() for name, each in arrays.items()
    }


def test_sharded_files_are_read_by_their_index(tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    tensors = {f"part.{at}": torch.full((10,), at) for at in range(5)}
    save_sharded(tensors, index, 200, {"note": "hello"})
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == [
        *(f"model-0000{at}-of-00003.safetensors" for at in (1, 2, 3)),
        index.name,
    ]
    assert load_safetensors(tmp_path / names[0])[1] == {"note": "hello"}
    for mmap in (False, True):
        loaded = torch.load(index, mmap=mmap)
        assert list(loaded) == list(tensors)
        assert loaded["part.4"].tolist() == [4] * 10


@pytest.mark.parametrize("place", ["../a.pt", "/etc/a.pt", "..", "", "b.index.json"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path, place):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(f'{{"weight_map": {{"x": "{place}"}}}}')
    with pytest.raises(CheckpointError, match="is no file beside it"):
        torch.load(index)


def test_an_index_that_does_not_hold_is_refused(tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    torch.save({"x": torch.ones(1)}, tmp_path / "a.safetensors")
    index.write_text('{"weight_map": {"x": "a.safetensors", "y": "a.safetensors"}}')
    with pytest.raises(CheckpointError, match="'y' is not in a.safetensors"):
        torch.load(index)
    index.write_text('{"weight_map": {"x": "absent.safetensors"}}')
    with pytest.raises(CheckpointError, match="'absent.safetensors', which the index"):
        torch.load(index)
    with pytest.raises(ValueError, match="must end in"):
        save_sharded({}, tmp_path / "index.json", 10)


# What cannot be saved, or not read


def test_what_cannot_be_saved_is_located(path, named):
    with pytest.raises(TypeError, match=r"model\.layer is a object"):
        torch.save({"model": {"layer": object()}}, path)
    with pytest.raises(TypeError, match="a key of model is a function"):
        torch.save({"model": {test_metadata_returns: 2}}, path)
    with pytest.raises(TypeError, match=r"the object is a Linear.*state_dict"):
        torch.save(nn.Linear(1, 1), path)
    with pytest.raises(TypeError, match=r"0 is a ndarray.*from_numpy"):
        torch.save([np.ones(1)], path)
    with pytest.raises(TypeError, match=r"'epoch' is a int.*such as \.pt"):
        torch.save({"epoch": 3}, named)
    with pytest.raises(TypeError, match="a mapping of tensors, not a list"):
        torch.save([torch.ones(1)], named)
    with pytest.raises(ValueError, match="x is an integer of 513 bytes"):
        torch.save({"x": 1 << 4096}, path)
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested too deeply"):
        torch.save(deep, path)
    assert not path.exists() and not named.exists()


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        torch.load("absent.safetensors")
    with pytest.raises(IsADirectoryError):
        torch.load(tmp_path)
    with pytest.raises(ValueError, match="not a regular file"):
        torch.load("/dev/zero")
    with pytest.raises(TypeError, match="binary mode"):
        torch.load(io.StringIO("text"))
    with pytest.raises(ValueError, match="mmap=True needs the path"):
        torch.load(io.BytesIO(b""), mmap=True)
    with pytest.raises(FileNotFoundError, match="folder .*absent does not exist"):
        torch.save({}, tmp_path / "absent" / "x.pt")


@pytest.mark.parametrize(
    "location", [None, "cpu", torch.device("cpu"), {"cuda:0": "cpu"}]
)
def test_everything_is_on_the_cpu(path, location):
    torch.save(torch.ones(1), path)
    assert torch.load(path, map_location=location).device == torch.device("cpu")
    assert torch.load(path, map_location=lambda storage, place: storage).item() == 1


@pytest.mark.parametrize("location", ["cuda", {"cpu": "cuda:0"}])
def test_another_device_is_refused(path, location):
    torch.save(torch.ones(1), path)
    with pytest.raises(RuntimeError, match="runs on the CPU only"):
        torch.load(path, map_location=location)


def test_load_weights_flattens(path):
    torch.save(
        {
            "epoch": 3,
            "model": OrderedDict(a=torch.ones(1)),
            "l": [1, path.name, torch.zeros(1)],
        },
        path,
    )
    assert {k: v.tolist() for k, v in torch.load_weights(path).items()} == {
        "model.a": [1],
        "l.2": [0],
    }
    torch.save({"epoch": 3}, path)
    with pytest.raises(CheckpointError, match="no tensor can be found"):
        torch.load_weights(path)


# Whole files


def test_a_failed_write_leaves_the_old_file_and_no_other(path):
    path.write_text("old")

    def fail():
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_process_that_is_killed_leaves_a_whole_file(path):
    check_killed(path, 3)
