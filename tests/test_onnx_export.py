"""ONNX files written: what they compute, by onnx's own reference; names and errors."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import flambeau as torch
import flambeau.nn.functional as F
from flambeau import nn

Model = Callable[[torch.Tensor], torch.Tensor]


def recombined(x: torch.Tensor) -> torch.Tensor:
    """Shapes that follow the batch in several places."""
    parts = x.view(x.shape[0], 2, 2, 8, 8).transpose(1, 2)
    return parts.reshape(x.shape[0] * 2, -1)


TOKEN = torch.arange(64.0).view(1, 1, 8, 8)
MODELS: dict[str, Model] = {
    "conv": nn.Conv2d(4, 6, 3, padding=1),
    "conv, options": nn.Conv2d(4, 4, 3, stride=2, dilation=2, groups=2, bias=False),
    "conv, same": nn.Conv2d(4, 4, 4, padding="same"),
    "conv, circular": nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
    "conv, reflected": nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    "conv1d": nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 3, 5, stride=2, padding=2)),
    "conv3d": nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Conv3d(2, 3, (1, 3, 3))),
    "transposed": nn.ConvTranspose2d(4, 4, 3, 2, 1, 1),
    "transposed, groups": nn.ConvTranspose2d(4, 4, 2, 3, groups=4, bias=False),
    "batch norm": nn.BatchNorm2d(4),
    "batch norm, plain": nn.BatchNorm2d(4, affine=False),
    "conv, batch norm": nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)),
    "layer norm": nn.LayerNorm((8, 8)),
    "layer norm, plain": nn.LayerNorm(8, elementwise_affine=False),
    "group norm": nn.GroupNorm(2, 4),
    "instance norm": nn.InstanceNorm2d(4, affine=True),
    "rms norm": nn.RMSNorm(8),
    "local response": nn.LocalResponseNorm(3),
    "linear": nn.Linear(8, 3),
    "linear of rows": nn.Sequential(nn.Flatten(), nn.Linear(256, 5)),
    "max pool": nn.MaxPool2d(3, 2, 1),
    "max pool, ceil": nn.MaxPool2d(3, 2, ceil_mode=True, dilation=2),
    "max positions": lambda x: F.max_pool2d(x, 2, return_indices=True)[1],
    "average pool": nn.AvgPool2d(3, 2, 1),
    "average pool, ceil": nn.AvgPool2d(3, 2, 1, True, count_include_pad=False),
    "adaptive average": nn.AdaptiveAvgPool2d(3),
    "adaptive average of all": nn.AdaptiveAvgPool2d(1),
    "adaptive max": nn.AdaptiveMaxPool2d((4, 3)),
    "norm pool": nn.LPPool2d(2, 2),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nearest, odd": lambda x: F.interpolate(x, size=(5, 11)),
    "bilinear": nn.UpsamplingBilinear2d(scale_factor=2),
    "bicubic": lambda x: F.interpolate(x, (5, 11), mode="bicubic", antialias=True),
    "unfold": nn.Unfold(3, padding=1, stride=2),
    "fold": nn.Sequential(nn.Unfold(3, padding=1), nn.Fold((8, 8), 3, padding=1)),
    "pixel shuffle": nn.PixelShuffle(2),
    "relu6": nn.ReLU6(),
    "leaky relu": nn.LeakyReLU(0.1),
    "prelu": nn.PReLU(4),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "gelu, tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "glu": nn.GLU(1),
    "softmax": nn.Softmax(1),
    "log softmax": nn.LogSoftmax(-1),
    "dropout": nn.Dropout(),
    "mean": lambda x: x.mean((2, 3)),
    "sum, max, prod": lambda x: x.sum(1) + x.amax(1) * x.prod(1),
    "deviation": lambda x: x.std(1),
    "norm": lambda x: x.norm(dim=1, keepdim=True),
    "all, any": lambda x: (x > -2).all(1) & (x > 1).any(1),
    "argmax": lambda x: x.argmax(1),
    "top": lambda x: x.topk(3, -1)[0],
    "running": lambda x: x.cumsum(1),
    "padded": lambda x: F.pad(x, (1, -2, 2, 0), value=0.5),
    "cut": lambda x: x[:, 1:4:2, ::3, -2:],
    "flipped": lambda x: x.flip(2, 3),
    "rolled": lambda x: torch.roll(x, 2, -1),
    "chunk": lambda x: x.chunk(2, 1)[1],
    "stack": lambda x: torch.stack([x[:, 0], x[:, 1]], -1),
    "joined zeros": lambda x: torch.cat([x, torch.zeros(len(x), 1, 8, 8)], 1),
    "joined token": lambda x: torch.cat([x, TOKEN.expand(len(x), -1, -1, -1)], 1),
    "joined tokens": lambda x: torch.cat([x, 2 * TOKEN.repeat(len(x), 1, 1, 1)], 1),
    "picked": lambda x: x[:, [2, 0]],
    "expanded": lambda x: x[:, :1].expand(-1, 4, -1, -1) + x,
    "recombined": recombined,
    "sliding": lambda x: x.unfold(2, 3, 2),
    "triangle": torch.tril,
    "where": lambda x: torch.where(x > 0, x, -2 * x),
    "clamped": lambda x: x.clamp(-0.5, 0.5),
    "product": lambda x: x @ x.transpose(-1, -2),
    "einsum": lambda x: torch.einsum("bchw,bcqw->bhq", x, x),
    "arithmetic": lambda x: (x % 2 - x // 2) / (x.abs() + 1) ** 2,
    "functions": lambda x: x.sin() + x.exp().log1p() - x.expm1() * torch.erf(x),
    "rounding": lambda x: x.floor() + x.ceil() * x.round() - x.trunc() + x.sign(),
    "logic": lambda x: ((x > 0) ^ (x < 1)) | torch.isnan(x),
    "casts": lambda x: (x * 10).int().double() + x.bool().double(),
}


def written(model: Model, path: Path, **options: object) -> onnx.ModelProto:
    """Export a model of images 4x8x8 and read the file with the onnx package."""
    torch.onnx.export(model, torch.zeros(1, 4, 8, 8), path, **options)
    return onnx.load(path)


def check(model: Model, file: onnx.ModelProto, *sizes: int) -> None:
    """Compare a file with the model, which is in evaluation mode, for batch sizes."""
    reference = ReferenceEvaluator(file)
    for size in sizes:
        x = torch.randn(size, 4, 8, 8)
        (found,) = reference.run(None, {"input": x.numpy()})
        expected = model(x).detach().numpy()
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_file_computes_what_the_model_does(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    if isinstance(model, nn.Module):
        model.eval()
        for parameter in model.parameters():
            nn.init.uniform_(parameter, 0.5, 1.5)
    check(model, written(model, tmp_path / "m.onnx"), 1, 3)


def test_the_check_sees_another_result(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(nn.Softmax(2), written(nn.Softmax(1), tmp_path / "m.onnx"), 2)


class Net(nn.Module):
    """A block whose parts have names."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.ModuleDict({"fc": nn.Linear(6 * 8 * 8, 2)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return two numbers."""
        return self.head["fc"](F.relu(self.norm(self.stem(x))).flatten(1))


def test_nodes_and_constants_have_the_names_of_the_model(tmp_path: Path) -> None:
    graph = written(Net(), tmp_path / "m.onnx").graph
    assert [node.name for node in graph.node] == [
        "stem/Conv",
        "norm/BatchNormalization",
        "Relu",
        "Reshape",
        "head.fc/Gemm",
    ]
    constants = {each.name for each in graph.initializer}
    assert {"stem.weight", "norm.running_var", "head.fc.bias"} <= constants
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_batch_norm_is_folded_on_request(tmp_path: Path) -> None:
    net = Net().eval()
    nn.init.uniform_(net.norm.weight, 0.5, 2)
    nn.init.uniform_(net.norm.bias)
    net.norm.running_var.fill_(3)
    net.norm.running_mean.fill_(-1)
    file = written(net, tmp_path / "m.onnx", fold_batch_norm=True)
    kinds = [node.op_type for node in file.graph.node]
    assert kinds == ["Conv", "Relu", "Reshape", "Gemm"]
    check(net, file, 2)


def test_a_fixed_batch_and_names_of_ones_own(tmp_path: Path) -> None:
    file = written(
        nn.ReLU(),
        tmp_path / "m.onnx",
        dynamic_batch=False,
        input_names=["image"],
        output_names=["scores"],
    )
    (x,), (y,) = file.graph.input, file.graph.output
    assert (x.name, y.name) == ("image", "scores")
    assert x.type.tensor_type.shape.dim[0].dim_value == 1


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    def both(x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"total": x + y, "same": x}

    x, y = torch.randn(2, 3), torch.randn(2, 3)
    torch.onnx.export(both, (x, y), tmp_path / "m.onnx")
    file = onnx.load(tmp_path / "m.onnx")
    assert [each.name for each in file.graph.output] == ["total", "same"]
    feeds = {"input_0": x.numpy(), "input_1": y.numpy()}
    total, same = ReferenceEvaluator(file).run(None, feeds)
    np.testing.assert_array_equal(total, (x + y).numpy())
    np.testing.assert_array_equal(same, x.numpy())


RECURRENT = {
    "lstm": nn.LSTM(5, 4, 2, bidirectional=True),
    "lstm, batch first": nn.LSTM(5, 4, batch_first=True, bias=False),
    "gru": nn.GRU(5, 4, 2, batch_first=True, bidirectional=True),
    "rnn": nn.RNN(5, 4, nonlinearity="relu", batch_first=True),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_layers_are_written(name: str, tmp_path: Path) -> None:
    net = RECURRENT[name]
    x = torch.randn(3, 2, 5)
    fixed = not net.batch_first  # dimension 0 is the time
    torch.onnx.export(net, x, tmp_path / "m.onnx", dynamic_batch=not fixed)
    file = onnx.load(tmp_path / "m.onnx")
    kinds = [node.op_type for node in file.graph.node]
    assert kinds.count(type(net).__name__) == net.num_layers
    found = torch.onnx.load(tmp_path / "m.onnx")(x)
    expected, states = net(x)
    states = states if isinstance(states, tuple) else (states,)
    for mine, each in zip(found, (expected, *states), strict=True):
        np.testing.assert_allclose(
            mine.detach().numpy(), each.detach().numpy(), atol=1e-6
        )


def test_the_states_that_a_recurrent_layer_starts_from_are_written(
    tmp_path: Path,
) -> None:
    net = nn.GRU(5, 4, 2)
    x, h = torch.randn(3, 2, 5), torch.randn(2, 2, 4)
    torch.onnx.export(net, (x, h), tmp_path / "m.onnx", dynamic_batch=False)
    found = torch.onnx.load(tmp_path / "m.onnx")(x, h)
    for mine, each in zip(found, net(x, h), strict=True):
        np.testing.assert_allclose(
            mine.detach().numpy(), each.detach().numpy(), atol=1e-6
        )


def test_the_model_is_as_it_was(tmp_path: Path) -> None:
    net = Net()
    net.norm.eval()
    before = {name: each.numpy().copy() for name, each in net.state_dict().items()}
    written(net, tmp_path / "m.onnx")
    assert net.training and not net.norm.training
    assert not any(module._forward_hooks for module in net.modules())
    for name, each in net.state_dict().items():
        np.testing.assert_array_equal(each.numpy(), before[name])


def test_many_weights_lie_beside_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("flambeau.onnx.files._MOST_INSIDE", 1000)
    net = Net().eval()
    torch.onnx.export(net, torch.zeros(1, 4, 8, 8), tmp_path / "m.onnx")
    files = {each.name: each.stat().st_size for each in tmp_path.iterdir()}
    assert files.keys() == {"m.onnx", "m.onnx.data"}
    assert files["m.onnx.data"] == net.head["fc"].weight.numel() * 4
    check(net, onnx.load(tmp_path / "m.onnx"), 2)
    x = torch.randn(2, 4, 8, 8)
    again = torch.onnx.load(tmp_path / "m.onnx")
    np.testing.assert_array_equal(again(x).detach().numpy(), net(x).detach().numpy())


def looks(x: torch.Tensor) -> torch.Tensor:
    """Depend on a value."""
    return x if x.sum() > 0 else -x


WRONG = {
    "value": (looks, {}, RuntimeError, "looks at a value that depends on its inputs"),
    "factor": (
        lambda x: x * len(x),
        {},
        RuntimeError,
        "a constant .* depends on the batch",
    ),
    "size": (lambda x: x[: len(x) // 2], {}, RuntimeError, "no multiple of the batch"),
    "operator": (
        lambda x: torch.atan2(x, x),
        {},
        NotImplementedError,
        "atan2 has no form",
    ),
    "layer": (
        nn.Sequential(nn.Flatten(2), nn.LSTM(64, 4, proj_size=3)),
        {},
        NotImplementedError,
        "of 1 has no form",
    ),
    "result": (lambda x: 3, {}, TypeError, "must return tensors, .* not int"),
    "input names": (
        nn.ReLU(),
        {"input_names": []},
        ValueError,
        "input_names has 0 names, .* 1",
    ),
    "output names": (
        nn.ReLU(),
        {"output_names": ["a", "b"]},
        ValueError,
        "output_names has 2 names",
    ),
}


@pytest.mark.parametrize(
    ("model", "options", "kind", "message"), WRONG.values(), ids=WRONG
)
def test_what_cannot_be_written_is_said(
    model: Model, options: dict, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        written(model, tmp_path / "m.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_wrong_inputs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(ValueError, match="inputs is empty"):
        torch.onnx.export(nn.ReLU(), (), path)
    with pytest.raises(TypeError, match=r"inputs\[0\] must be a Tensor, not float"):
        torch.onnx.export(nn.ReLU(), (1.0,), path)
    with pytest.raises(ValueError, match=r"inputs\[0\] has no dimensions"):
        torch.onnx.export(nn.ReLU(), torch.tensor(1.0), path)


def test_without_the_onnx_package_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flambeau.onnx import library

    library.onnx.cache_clear()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'flambeau\[onnx\]'"):
        written(nn.ReLU(), tmp_path / "m.onnx")
