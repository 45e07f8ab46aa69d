"""Checkpoints come back as they went, and damaged files say what is wrong."""

import math
from collections import OrderedDict

import numpy as np
import pytest

import flambeau as torch
from flambeau import dtypes as dt
from flambeau.serialization import atomic_write, load_safetensors, save_safetensors


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


@pytest.mark.parametrize("kind", dt.ALL, ids=lambda kind: kind.name)
def test_every_dtype_returns_with_its_values(path, kind):
    values = torch.tensor([[0, 1], [1, 2]]).to(kind)
    torch.save({"x": values}, path)
    (loaded,) = torch.load(path).values()
    assert loaded.dtype is kind
    assert loaded.shape == (2, 2)
    assert loaded.tolist() == values.tolist()


def test_nested_checkpoint_returns_with_types_and_order(path):
    checkpoint = {
        "model": OrderedDict(b=torch.ones(2), a=torch.zeros(0, 3)),
        "state": {0: {"step": torch.tensor(3.0)}, None: (1, [2.5, "text", None, True])},
        "limits": [math.inf, -math.inf],
    }
    torch.save(checkpoint, path)
    loaded = torch.load(path)
    assert list(loaded) == list(checkpoint)
    assert isinstance(loaded["model"], OrderedDict)
    assert list(loaded["model"]) == ["b", "a"]
    assert loaded["model"]["a"].shape == (0, 3)
    assert loaded["state"][0]["step"].item() == 3.0
    assert loaded["state"][None] == (1, [2.5, "text", None, True])
    assert loaded["limits"] == checkpoint["limits"]


def test_nan_and_views_survive(path):
    base = torch.tensor([[1.0, math.nan], [3.0, 4.0]])
    torch.save({"column": base.permute(1, 0)}, path)
    loaded = torch.load(path)["column"].numpy()
    np.testing.assert_array_equal(loaded, [[1.0, 3.0], [math.nan, 4.0]])


def test_a_state_dict_is_an_ordinary_safetensors_file(path):
    from safetensors.numpy import load_file

    torch.save({"layer.weight": torch.ones(2, 3)}, path)
    loaded = load_file(path)
    assert list(loaded) == ["layer.weight"]
    np.testing.assert_array_equal(loaded["layer.weight"], np.ones((2, 3), np.float32))


def test_metadata_returns(path):
    save_safetensors({"x": torch.ones(1)}, path, {"note": "hello"})
    assert load_safetensors(path)[1] == {"note": "hello"}


def test_foreign_safetensors_file_is_a_dict_of_tensors(path):
    from safetensors.numpy import save_file

    save_file({"w": np.arange(3, dtype=np.int16)}, path)
    assert torch.load(path)["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("length", [0, 4, 8, 40, -1])
def test_truncated_file_is_named(path, length):
    torch.save({"x": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"file\.safetensors is not a whole"):
        torch.load(path)


def test_file_of_another_format_is_named(path):
    path.write_bytes(b"PK\x03\x04" + b"not tensors" * 10)
    with pytest.raises(ValueError, match="of another format"):
        torch.load(path)


@pytest.mark.parametrize("text", ["{}", '{"dict": 3}', "[", '{"tensor": "absent"}'])
def test_damaged_structure_is_named(path, text):
    save_safetensors({"x": torch.ones(1)}, path, {"flambeau": text})
    with pytest.raises(ValueError, match="structure is damaged"):
        torch.load(path)


def test_missing_file():
    with pytest.raises(FileNotFoundError):
        torch.load("absent.safetensors")


def test_what_cannot_be_saved_is_located(path):
    with pytest.raises(TypeError, match=r"model\.layer is a object"):
        torch.save({"model": {"layer": object()}}, path)
    with pytest.raises(TypeError, match="a key of model is a tuple"):
        torch.save({"model": {(1,): 2}}, path)
    assert not path.exists()


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


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder .*absent does not exist"):
        torch.save({}, tmp_path / "absent" / "x.safetensors")
