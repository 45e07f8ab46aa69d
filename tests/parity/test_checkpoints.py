"""Files that torch wrote, read here, and files written here, read by torch."""

import io
import pickle
import warnings
import zipfile
from collections import Counter

import numpy as np
import pytest
import torch
from hostile import old_file, tar_file
from parity.both import values_of

import flambeau
from flambeau.serialization import CheckpointError, RefusedError

FORMATS = {
    "zip": {"_use_new_zipfile_serialization": True},
    "legacy": {"_use_new_zipfile_serialization": False},
    "protocol 1": {"_use_new_zipfile_serialization": False, "pickle_protocol": 1},
}
DTYPES = [str(kind).removeprefix("torch.") for kind in flambeau.dtypes.ALL]


def network():
    """Layers with all kinds of state, from the seed of the test."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(5, 2)
    )


def checkpoint():
    """What training programs save: state dicts, and Python values of all kinds."""
    net = network()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.rand(2, 3, 4, 7)).sum().backward()
    optimizer.step()
    return {
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "parameter": net[0].weight,
        "needed": torch.ones(2, requires_grad=True),
        "plain": [1, -1, 300, 1 << 40, 2.5, None, True, "text", b"bytes", 1j, {1}],
        "torch": (torch.Size([2, 3]), torch.float16, torch.device("cpu")),
        "more": {"counter": Counter("aab"), 3: bytearray(b"x"), (1, "a"): ()},
        "random": torch.get_rng_state(),
    }


def layouts():
    """Tensors that share memory, and others whose memory is in another order."""
    base = torch.arange(24.0).view(2, 3, 4)
    return [
        *(base, base[1:], base.permute(2, 0, 1), base[:, 1], base.view(-1)[5:]),
        torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        *(torch.ones(1).expand(5, 2), torch.zeros(0, 3), torch.tensor(3)),
    ]


def written(obj, name="zip"):
    """A stream with what torch makes of an object."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(obj, stream, **FORMATS[name])
    return io.BytesIO(stream.getvalue())


def facts(tensor):
    """What a tensor is besides its values."""
    layout = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    kept = isinstance(tensor, (torch.nn.Parameter, flambeau.nn.Parameter))
    return str(tensor.dtype), layout, tensor.requires_grad, kept


def assert_same(ours, theirs):
    """Assert that two nested values are the same, tensors in every regard."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, flambeau.Tensor)
        facts = [
            (str(t.dtype), tuple(t.shape), t.stride(), t.storage_offset())
            + (
                t.requires_grad,
                isinstance(t, (torch.nn.Parameter, flambeau.nn.Parameter)),
            )
            for t in (ours, theirs)
        ]
        assert facts[0] == facts[1]
        np.testing.assert_array_equal(values_of(ours), values_of(theirs))
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs)
        assert list(ours) == list(theirs)
        assert getattr(ours, "_metadata", None) == getattr(theirs, "_metadata", None)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert type(ours).__name__ == type(theirs).__name__
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs):
            assert_same(mine, other)
    elif isinstance(theirs, (torch.dtype, torch.device)):
        assert repr(ours) == repr(theirs)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [checkpoint, layouts])
def test_what_torch_writes_is_read(name, make):
    obj = make()
    assert_same(flambeau.load(written(obj, name)), obj)


@pytest.mark.parametrize("make", [checkpoint, layouts])
def test_what_is_written_torch_reads(make):
    ours = flambeau.load(written(make()))
    stream = io.BytesIO()
    flambeau.save(ours, stream)
    theirs = torch.load(io.BytesIO(stream.getvalue()), weights_only=True)
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", DTYPES)
def test_every_dtype_goes_both_ways(name, kind):
    values = torch.tensor([[0, 1, 1], [1, 0, 3]]).to(getattr(torch, kind))
    ours = flambeau.load(written({"x": values}, name))
    assert_same(ours, {"x": values})
    stream = io.BytesIO()
    flambeau.save(ours, stream)
    assert torch.equal(torch.load(io.BytesIO(stream.getvalue()))["x"], values)


@pytest.mark.parametrize("name", FORMATS)
def test_shared_memory_is_shared_in_both_libraries(name):
    ours = flambeau.load(written(layouts(), name))
    stream = io.BytesIO()
    flambeau.save(ours, stream)
    theirs = torch.load(io.BytesIO(stream.getvalue()))
    for each in (ours, theirs):
        each[4][9] = -1  # element 14 of the base
    assert_same(ours[:5], theirs[:5])
    assert theirs[0].view(-1)[14] == -1


@pytest.mark.parametrize("mmap", [False, True])
def test_files_by_their_path(tmp_path, mmap):
    net = network()
    torch.save(net.state_dict(), tmp_path / "torch.pt")
    ours = flambeau.load(tmp_path / "torch.pt", mmap=mmap)
    assert_same(ours, net.state_dict())
    flambeau.save(ours, tmp_path / "ours.pt")
    theirs = torch.load(tmp_path / "ours.pt", mmap=mmap, weights_only=True)
    again = network()
    again.load_state_dict(theirs)
    assert_same(ours, again.state_dict())


def test_bytes_in_the_other_order():
    """What a machine would have written whose numbers begin with the highest byte."""
    stream = io.BytesIO()
    old = zipfile.ZipFile(written(torch.arange(3)))
    with zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("byteorder"):
                content = b"big"
            elif name.endswith("data/0"):
                content = np.frombuffer(content, "<i8").astype(">i8").tobytes()
            new.writestr(name, content)
    content = stream.getvalue()
    assert flambeau.load(io.BytesIO(content)).tolist() == [0, 1, 2]
    assert torch.load(io.BytesIO(content)).tolist() == [0, 1, 2]


def test_checksums_may_be_left_out():
    torch.serialization.set_crc32_options(False)
    try:
        stream = written(torch.arange(3))
    finally:
        torch.serialization.set_crc32_options(True)
    assert flambeau.load(stream).tolist() == [0, 1, 2]


def test_numpys_values_are_read():
    obj = {
        "best": np.float64(0.5),
        "at": np.int32(3),
        "state": np.arange(6).reshape(2, 3),
    }
    ours = flambeau.load(written(obj))
    assert type(ours["best"]) is np.float64
    assert (ours["best"], ours["at"]) == (0.5, 3)
    np.testing.assert_array_equal(ours["state"], obj["state"])
    assert ours["state"].dtype == obj["state"].dtype


# Whole modules and programs


class Own(torch.nn.Module):
    """A module whose class the reader does not have."""

    def __init__(self):
        super().__init__()
        self.net = network()
        self.tied = self.net[2].weight
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.register_buffer("nothing", None)
        self.other = {"tensor": torch.ones(3)}

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("name", FORMATS)
def test_a_pickled_module_gives_its_state_dict(name):
    own = Own()
    stream = written(own, name)
    assert_same(
        {k: v.detach() for k, v in flambeau.load_weights(stream).items()},
        dict(own.state_dict()),
    )
    stream = written({"epoch": 3, "net": own}, name)
    assert list(flambeau.load_weights(stream)) == [f"net.{k}" for k in own.state_dict()]


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_a_pickled_module_is_refused(name, unsafe):
    stream = written(Own(), name)
    # the older protocols call a function of Python's to make an object
    refused = "_reconstructor" if name == "protocol 1" else "Own"
    with pytest.raises(RefusedError, match=rf"names '.*\.{refused}'") as caught:
        flambeau.load(stream, weights_only=not unsafe)
    assert isinstance(caught.value, pickle.UnpicklingError)
    at = caught.value.offset
    assert f"{refused}\n".encode() in stream.getvalue()[at : at + 80]
    assert ("weights_only=False changes nothing" in str(caught.value)) is unsafe


def test_a_script_gives_its_state_dict():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(network(), torch.rand(2, 3, 4, 7))
        stream = io.BytesIO()
        torch.jit.save(script, stream)
    ours = flambeau.load_weights(io.BytesIO(stream.getvalue()))
    assert_same({k: v.detach() for k, v in ours.items()}, dict(script.state_dict()))
    with pytest.raises(CheckpointError, match="TorchScript"):
        flambeau.load(io.BytesIO(stream.getvalue()))


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2).to_sparse(),
        torch.ones(2).to(torch.float8_e4m3fn),
        print,
    ],
    ids=["sparse", "float8", "function"],
)
def test_what_there_is_not_is_refused_by_name(value):
    with pytest.raises(RefusedError, match="not one of the names"):
        flambeau.load(written(value))


def test_the_oldest_files_are_read_as_torch_reads_them(tmp_path):
    for make in (tar_file, old_file):
        path = tmp_path / make.__name__
        path.write_bytes(make())
        theirs = torch.load(path, weights_only=False)
        for mmap in (False, True):
            ours = flambeau.load(path, mmap=mmap)
            if make is tar_file:
                assert_same(ours["a"], theirs["a"])
                assert ours["b"].tolist() == [[2, 4], [3, 5]]
            else:
                assert ours == theirs


# safetensors


def test_safetensors_go_both_ways(tmp_path):
    from safetensors.torch import load_file, save_file

    state = {
        kind: torch.tensor([[0, 1], [1, 3]]).to(getattr(torch, kind))
        for kind in DTYPES
        if kind != "complex128"  # which the files do not have
    }
    save_file(state, tmp_path / "torch.safetensors")
    ours = flambeau.load(tmp_path / "torch.safetensors")
    assert_same({k: ours[k] for k in state}, state)
    flambeau.save(ours, tmp_path / "ours.safetensors")
    theirs = load_file(tmp_path / "ours.safetensors")
    assert_same({k: ours[k] for k in state}, {k: theirs[k] for k in state})
