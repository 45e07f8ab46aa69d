"""ONNX beside ONNX Runtime, and files that torch writes."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import flambeau
from flambeau import nn
from flambeau.vision import models

onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")


def disagreement(model: nn.Module, path: Path, *shape: int) -> float:
    """How far ONNX Runtime is from the model, as relative L2 norm."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = flambeau.randn(*shape)
    (found,) = session.run(None, {"input": x.numpy()})
    expected = model(x).detach().numpy()
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


NETWORKS = {
    "simple_cnn": (models.simple_cnn, (3, 32, 32)),
    "resnet18": (models.resnet18, (3, 64, 64)),
    "resnet50": (models.resnet50, (3, 64, 64)),
    "resnext50_32x4d": (models.resnext50_32x4d, (3, 64, 64)),
}


@pytest.mark.parametrize("fold", [False, True], ids=["plain", "folded"])
@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_computes_what_we_do(
    name: str, fold: bool, tmp_path: Path
) -> None:
    builder, image = NETWORKS[name]
    model = builder().eval()
    path = tmp_path / "m.onnx"
    sample = flambeau.zeros(1, *image)
    flambeau.onnx.export(model, sample, path, fold_batch_norm=fold)
    assert disagreement(model, path, 2, *image) < 1e-4


def test_a_file_that_torch_writes_is_read(tmp_path: Path) -> None:
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.Hardswish(),
        torch.nn.ConvTranspose2d(8, 4, 2, stride=2),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.LayerNorm(16),
        torch.nn.Linear(16, 5),
        torch.nn.Softmax(1),
    ).eval()
    x = torch.randn(2, 3, 16, 16)
    with warnings.catch_warnings(action="ignore"):  # the exporter without onnxscript
        torch.onnx.export(net, (x,), str(tmp_path / "m.onnx"), dynamo=False)
    found = flambeau.onnx.load(tmp_path / "m.onnx")(flambeau.from_numpy(x.numpy()))
    expected = net(x).detach().numpy()
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
