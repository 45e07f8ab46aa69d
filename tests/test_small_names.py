"""Torch's small names: facts of tensors, old types, switches, marks for compilers."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import flambeau as torch
from flambeau import backends, hub, jit, library
from flambeau.nn.functional import plain
from flambeau.utils.checkpoint import checkpoint, checkpoint_sequential


def test_the_functions_of_layers_wait_at_the_top_level() -> None:
    assert list(torch._OF_LAYERS) == plain.__all__
    assert all(getattr(torch, name) is getattr(plain, name) for name in plain.__all__)


def test_tensors_tell_what_they_are() -> None:
    x = torch.ones(2, 3)
    assert x.is_cpu and not x.is_cuda and not x.is_sparse and not x.is_quantized
    assert x.layout is torch.strided and x.get_device() == -1
    assert x.is_signed() and not torch.ones(1, dtype=torch.uint8).is_signed()
    assert x.pin_memory() is x and not x.is_pinned()
    assert x.share_memory_() is x and not x.is_shared()
    assert torch.is_same_size(x, torch.zeros(2, 3))
    assert torch.is_nonzero(torch.tensor(3)) and not torch.is_nonzero(torch.zeros(1))
    with pytest.raises(RuntimeError, match="more than one value"):
        torch.is_nonzero(x)


def test_addresses_tell_memory_apart() -> None:
    x, y = torch.zeros(2, 3), torch.zeros(2, 3)
    assert x.data_ptr() != y.data_ptr()
    assert x.data_ptr() == x.view(6).data_ptr() == x.detach().data_ptr()
    assert x[1].data_ptr() == x.data_ptr() + 3 * 4
    assert x.is_set_to(x.view(2, 3)) and not x.is_set_to(x.view(3, 2))
    assert torch.empty(0).data_ptr() == 0


def test_orders_in_memory() -> None:
    x = torch.zeros(2, 3, 4, 5)
    assert x.is_contiguous() and not x.is_contiguous(memory_format=torch.channels_last)
    laid = torch.zeros(2, 4, 5, 3).permute(0, 3, 1, 2)
    assert laid.is_contiguous(memory_format=torch.channels_last)
    assert not laid.is_contiguous()
    assert not torch.zeros(2).is_contiguous(memory_format=torch.channels_last)
    assert repr(torch.channels_last) == "torch.channels_last"


def test_old_tensor_types_make_and_recognise() -> None:
    assert torch.FloatTensor([1, 2]).dtype is torch.float32
    assert torch.LongTensor(2, 3).shape == (2, 3)
    assert torch.LongTensor(torch.tensor([1.5])).tolist() == [1]
    assert isinstance(torch.ones(1), torch.FloatTensor)
    assert not isinstance(torch.ones(1), torch.DoubleTensor)
    assert not isinstance(np.ones(1), torch.DoubleTensor)


def test_switches_are_kept() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_deterministic_debug_mode() == 1
    torch.set_deterministic_debug_mode("default")
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "highest"
    with pytest.raises(ValueError, match="'low' is none of"):
        torch.set_float32_matmul_precision("low")
    torch.set_default_device("cpu")
    with pytest.raises(RuntimeError, match="runs on the CPU only"):
        torch.set_default_device("cuda")
    assert torch.get_default_device() == torch.device("cpu")


def test_libraries_for_gpus_are_absent() -> None:
    absent = (backends.cudnn, backends.mkl, backends.mkldnn, backends.mps)
    assert not any(each.is_available() for each in absent)
    assert not backends.cuda.is_built() and backends.cudnn.version() is None
    assert backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "DEFAULT")


def test_marks_for_other_compilers_change_nothing() -> None:
    class Layer(torch.nn.Module):
        @jit.export
        def more(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

        @jit.ignore
        def less(self, x: torch.Tensor) -> torch.Tensor:
            return x - 1

    layer = jit.script(Layer())
    assert layer.more(torch.ones(1)).item() == 2 and layer.less(torch.ones(1)) == 0
    assert jit.ignore(drop=True)(len) is len and not jit.is_scripting()
    assert jit.annotations.BroadcastingList2[int] == int | list[int]
    assert library.Library("mine", "DEF").define("op(Tensor x) -> Tensor") == "mine::op"
    assert library.register_fake("mine::op")(len) is len


def test_checkpoints_are_calls() -> None:
    x = torch.tensor([3.0], requires_grad=True)
    y = checkpoint(lambda a, b: a * b, x, b=x, use_reentrant=False)
    y.backward()
    assert x.grad.item() == 6
    twice = checkpoint_sequential([torch.relu, torch.neg], 2, torch.tensor([-1.0, 2.0]))
    assert twice.tolist() == [0, -2]


def test_weights_are_fetched_once_and_checked(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "there.safetensors"
    torch.save({"w": torch.ones(2)}, source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    source.rename(tmp_path / f"net-{digest}.safetensors")
    url = (tmp_path / f"net-{digest}.safetensors").as_uri()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    found = hub.load_state_dict_from_url(url, check_hash=True)
    assert found["w"].tolist() == [1, 1]
    (tmp_path / f"net-{digest}.safetensors").unlink()
    assert hub.load_state_dict_from_url(url, check_hash=True)["w"].tolist() == [1, 1]
    kept = tmp_path / "home" / "hub" / "checkpoints" / f"net-{digest}.safetensors"
    with pytest.raises(RuntimeError, match="invalid hash value"):
        hub.download_url_to_file(kept.as_uri(), tmp_path / "copy", "0" * 64)
    assert not (tmp_path / "copy").exists()


def test_what_needs_a_gpu_raises_and_what_only_asks_is_answered() -> None:
    cuda = torch.cuda
    assert not cuda.is_available() and not cuda.is_initialized()
    assert not cuda.is_bf16_supported() and cuda.device_count() == 0
    assert cuda.memory_allocated() == cuda.max_memory_allocated("cuda:0") == 0
    for needs in (cuda.synchronize, cuda.current_device, cuda.get_device_name):
        with pytest.raises(AssertionError, match="not compiled with CUDA"):
            needs()
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        cuda.set_device(0)


def test_devices_can_be_named_but_hold_no_tensors() -> None:
    gpu = torch.device("cuda:1")
    assert (gpu.type, gpu.index) == ("cuda", 1) and torch.device(0).type == "cuda"
    with pytest.raises(RuntimeError, match="runs on the CPU only"):
        torch.ones(1).to(gpu)
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        torch.device("gpu")
    with torch.device("cpu"):
        assert torch.ones(1).device == torch.device("cpu")
    with pytest.raises(RuntimeError, match="runs on the CPU only"), gpu:
        pass


def test_dtypes_out_of_scope_can_be_named() -> None:
    assert torch.complex32.is_complex and torch.complex32.itemsize == 4
    assert repr(torch.float8_e5m2) == "torch.float8_e5m2"
    for make in (
        lambda: torch.zeros(1, dtype=torch.complex32),
        lambda: torch.ones(1).to(torch.float8_e5m2),
    ):
        with pytest.raises(TypeError, match="is out of scope: tensors hold bool"):
            make()
