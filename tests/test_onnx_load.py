"""ONNX files read: onnx's own cases for single operators, weights, damaged files."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

import flambeau as torch
import flambeau.nn.functional as F
from flambeau import nn
from flambeau.onnx.control import CONTROL
from flambeau.onnx.operators import OPERATORS, as_tensor, recurrent
from flambeau.onnx.operators.narrow import narrow
from flambeau.serialization import CheckpointError
from flambeau.tensor.convert import value_of

# Operators of the cases that flambeau does not have, and why.
ABSENT = {
    "no part of networks for images, sound or text": (
        "Adagrad Adam ArrayFeatureExtractor Binarizer BitCast Gradient ImageDecoder "
        "LabelEncoder MelWeightMatrix Momentum TensorScatter TfIdfVectorizer "
        "TreeEnsemble Unique"
    ),
    "strings, sequences, optional values": (
        "ConcatFromSequence Optional OptionalGetElement OptionalHasElement "
        "RegexFullMatch SequenceAt SequenceConstruct SequenceEmpty SequenceInsert "
        "SequenceLength SequenceMap SplitToSequence StringConcat StringNormalizer "
        "StringSplit"
    ),
    "newer than opset 22, or drafts": (
        "CausalConvWithState FlexAttention LinearAttention SwiGLU"
    ),
    "random numbers, which no case can compare": "RandomUniformLike",
}
MISSING = {name for names in ABSENT.values() for name in names.split()}

# The element types that flambeau has: their numbers in the file.
KINDS = {
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.INT8,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.UINT16,
    TensorProto.UINT32,
    TensorProto.UINT64,
    TensorProto.BOOL,
    *(each for each in TensorProto.DataType.values() if narrow(each)),
}

# Cases left out, and why.
LEFT_OUT = {
    "random": ("bernoulli", "training_dropout"),
    # zeros of the case's answer are rounding, 1.9e-7, which it compares with 1e-7
    "rounding": ("test_dft_inverse",),
    # each step is rounded to 16 bits in the case's answer, and in kernels the last
    "scan before opset 9": ("test_scan_sum",),
    "16 bits": (
        "attention_3d_causal_bf16",
        "attention_4d_attn_mask_causal_bf16",
        "attention_4d_causal_bf16",
        "attention_4d_causal_fp16",
        "attention_4d_causal_padded_kv_bf16",
        "attention_4d_padded_kv_bf16",
    ),
}


def inner_nodes(nodes: Any) -> Iterator[Any]:
    """All nodes, those of inner graphs too."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            yield from inner_nodes(attribute.g.node)


def element_types(case: Any) -> set[int]:
    """The element types that a case uses."""
    graph = case.model.graph
    values = [*graph.input, *graph.output]
    kinds = {each.type.tensor_type.elem_type for each in values}
    for node in inner_nodes(graph.node):
        kinds |= {a.i for a in node.attribute if a.name == "to"}
        kinds |= {a.t.data_type for a in node.attribute if a.name == "value"}
    return kinds


def is_left_out(case: Any) -> bool:
    """Tell whether a list above leaves a case out."""
    if any(part in case.name for part in LEFT_OUT["random"]):
        return "zero_ratio" not in case.name and "default_ratio" not in case.name
    listed = ("16 bits", "scan before opset 9", "rounding")
    left = [part for reason in listed for part in LEFT_OUT[reason]]
    return any(part in case.name for part in left)


with warnings.catch_warnings(action="ignore"):  # casts that overflow on purpose
    EVERY = collect_testcases(None)
CASES = {
    case.name: case
    for case in EVERY
    if element_types(case) <= KINDS
    and not any(n.op_type in MISSING for n in inner_nodes(case.model.graph.node))
    and not is_left_out(case)
}


def tensor(value: Any) -> torch.Tensor:
    """A value of a case as a tensor."""
    if isinstance(value, TensorProto):
        value = numpy_helper.to_array(value)
    return as_tensor(np.array(value))


def saved(model: Any, folder: Path) -> Path:
    """Write a model's file."""
    onnx.save(model, folder / "m.onnx")
    return folder / "m.onnx"


@pytest.mark.parametrize("name", CASES)
def test_operators_compute_what_onnx_says(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    module = torch.onnx.load(saved(case.model, tmp_path))
    for inputs, outputs in case.data_sets:
        found = module(*map(tensor, inputs))
        found = [found] if isinstance(found, torch.Tensor) else found
        assert len(found) == len(outputs)
        for mine, expected in zip(found, map(tensor, outputs)):
            assert mine.dtype is expected.dtype
            assert mine.shape == expected.shape
            np.testing.assert_allclose(
                value_of(mine.detach().double()),
                value_of(expected.double()),
                rtol=case.rtol,
                atol=case.atol,
            )


def test_the_lists_of_what_is_left_out_are_true() -> None:
    used = {n.op_type for case in EVERY for n in inner_nodes(case.model.graph.node)}
    assert sorted(used - OPERATORS.keys() - CONTROL.keys() - MISSING) == []
    assert sorted(MISSING & (OPERATORS.keys() | CONTROL.keys())) == []
    assert len(CASES) >= 1694


# Modules


def test_a_file_that_was_exported_comes_back(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU6()).eval()
    torch.onnx.export(net, torch.zeros(1, 1, 6, 6), tmp_path / "m.onnx")
    again = torch.onnx.load(tmp_path / "m.onnx")
    kept = {key for key in net.state_dict() if "num_batches" not in key}
    assert again.state_dict().keys() == kept
    assert [name for name, _ in again.named_buffers()] == [
        "1.running_mean",
        "1.running_var",
    ]
    x = torch.randn(2, 1, 6, 6)
    np.testing.assert_array_equal(again(x).detach().numpy(), net(x).detach().numpy())


def test_a_model_that_was_read_can_be_trained(tmp_path: Path) -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)
    )
    torch.onnx.export(net, torch.zeros(1, 1, 6, 6), tmp_path / "m.onnx")
    again = torch.onnx.load(tmp_path / "m.onnx").train()
    optimizer = torch.optim.SGD(again.parameters(), lr=0.1)
    x, y = torch.randn(8, 1, 6, 6), torch.randint(0, 2, (8,))
    losses = []
    before = dict(again.named_buffers())["1.running_mean"].numpy().copy()
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.cross_entropy(again(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert (dict(again.named_buffers())["1.running_mean"].numpy() != before).any()


def graph_of(*nodes: Any, constants: Any = (), opset: int = 18) -> Any:
    """A model with the input x, the output y and the nodes given."""
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"
    )
    graph = helper.make_graph(nodes, "test", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def test_the_wrong_number_of_inputs_is_told(tmp_path: Path) -> None:
    module = torch.onnx.load(
        saved(graph_of(helper.make_node("Relu", ["x"], ["y"])), tmp_path)
    )
    with pytest.raises(TypeError, match=r"takes 1 inputs \(x\), got 2"):
        module(torch.zeros(1), torch.zeros(1))


def test_names_that_a_module_cannot_have_are_kept_apart(tmp_path: Path) -> None:
    constants = [
        numpy_helper.from_array(np.array([number], np.float32), name)
        for number, name in ((1, "forward"), (2, "a.b"), (4, "a"))
    ]
    nodes = [
        helper.make_node("Add", ["x", "forward"], ["t"]),
        helper.make_node("Add", ["t", "a.b"], ["u"]),
        helper.make_node("Add", ["u", "a"], ["y"]),
    ]
    module = torch.onnx.load(saved(graph_of(*nodes, constants=constants), tmp_path))
    assert module(torch.zeros(1)).tolist() == [7]
    assert len(list(module.parameters())) == 3


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_run_by_their_kernels(
    layer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = layer(3, 4, bidirectional=True)
    torch.onnx.export(net, torch.zeros(5, 2, 3), tmp_path / "m.onnx")
    monkeypatch.delattr(recurrent, "_run")  # what goes step by step
    x = torch.randn(5, 2, 3)
    for found, expected in zip(torch.onnx.load(tmp_path / "m.onnx")(x), _flat(net(x))):
        np.testing.assert_allclose(
            found.detach().numpy(), expected.detach().numpy(), atol=1e-6
        )


def _flat(found: Any) -> list[torch.Tensor]:
    """The output and the last states of a layer."""
    output, last = found
    return [output, *(last if isinstance(last, tuple) else [last])]


# Files that are wrong


def test_operators_that_are_absent_are_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Unique", ["x"], ["t"]),
        helper.make_node("Odd", ["t"], ["y"], domain="my.own"),
    ]
    path = saved(graph_of(*nodes), tmp_path)
    with pytest.raises(NotImplementedError, match=r"m.onnx: .*Unique, my.own.Odd"):
        torch.onnx.load(path)


def test_a_dtype_that_is_absent_is_named(tmp_path: Path) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.COMPLEX64)
    module = torch.onnx.load(saved(graph_of(node), tmp_path))
    with pytest.raises(NotImplementedError, match="no dtype for ONNX's COMPLEX64"):
        module(torch.zeros(1))


def test_weights_of_few_bits_are_constants(tmp_path: Path) -> None:
    weights = [
        helper.make_tensor("w", TensorProto.INT4, [3], [-8, 7, 1]),
        helper.make_tensor("s", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("f", TensorProto.FLOAT8E4M3FN, [3], [0.1, 448, 3]),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["a"]),
        helper.make_node("DequantizeLinear", ["f", "s"], ["b"]),
        helper.make_node("Sum", ["x", "a", "b"], ["y"]),
    ]
    path = saved(graph_of(*nodes, constants=weights, opset=21), tmp_path)
    module = torch.onnx.load(path)
    assert not list(module.parameters())
    assert module(torch.zeros(3)).tolist() == [-4 + 0.05078125, 3.5 + 224, 0.5 + 1.5]


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (TensorProto.COMPLEX64, NotImplementedError, "no dtype COMPLEX64, .* 'w' has"),
        (TensorProto.STRING, NotImplementedError, "no dtype STRING, .* 'w' has"),
        (0, CheckpointError, "'w' is of type 0, which there is not"),
        (99, CheckpointError, "'w' is of type 99, which there is not"),
    ],
)
def test_weights_of_other_types_are_named(
    number: int, error: Any, message: str, tmp_path: Path
) -> None:
    weight = TensorProto(name="w", data_type=number, dims=[1], raw_data=bytes(8))
    node = helper.make_node("Add", ["x", "w"], ["y"])
    path = saved_raw(graph_of(node, constants=[weight]), tmp_path)
    with pytest.raises(error, match=f"m.onnx: .*{message}"):
        torch.onnx.load(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08\x12", bytes(64)])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"m.onnx: at byte 0: no ONNX model"):
        torch.onnx.load(path)


def outside(location: str, offset: str = "0", size: int = 2) -> Any:
    """A model whose weight lies in another file."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset)):
        weight.external_data.add(key=key, value=value)
    node = helper.make_node("Add", ["x", "w"], ["y"])
    return graph_of(node, constants=[weight])


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    np.array([0, 3, 4], np.float32).tofile(tmp_path / "weights.bin")
    module = torch.onnx.load(saved_raw(outside("weights.bin", "4"), tmp_path))
    assert module(torch.zeros(2)).tolist() == [3, 4]


def test_a_place_that_is_no_text_is_refused(tmp_path: Path) -> None:
    content = outside("place").SerializeToString().replace(b"place", b"pl\xffce")
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"m.onnx: .*damaged"):
        torch.onnx.load(tmp_path / "m.onnx")


def test_packed_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"xx\x21\x0f")
    model = outside("weights.bin", "2", 3)
    model.graph.initializer[0].data_type = TensorProto.INT4
    path = saved_raw(model, tmp_path)
    assert torch.onnx.load(path)(torch.zeros(3)).tolist() == [1, 2, -1]


def saved_raw(model: Any, folder: Path) -> Path:
    """Write a model's file without a look at its weights."""
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return folder / "m.onnx"


@pytest.mark.parametrize(
    ("location", "offset", "size", "message"),
    [
        ("../weights.bin", "0", 2, "no file in the model's folder"),
        ("/etc/hostname", "0", 1, "no file in the model's folder"),
        ("absent.bin", "0", 2, "no file in the model's folder"),
        ("a\0b", "0", 2, "no file in the model's folder"),
        ("a" * 5000, "0", 2, "no file in the model's folder"),
        ("weights.bin", "4", 2, "bytes 4 to 12 are not in the file"),
        ("weights.bin", "-4", 1, "bytes -4 to 0 are not in the file"),
        ("weights.bin", "x", 1, "invalid literal"),
        ("weights.bin", "0", -1, "has sizes .-1."),
        ("weights.bin", "0", 2**62, "are not in the file"),
    ],
)
def test_weights_elsewhere_are_refused(
    location: str, offset: str, size: int, message: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for each in (tmp_path, folder):
        np.zeros(2, np.float32).tofile(each / "weights.bin")
    path = saved_raw(outside(location, offset, size), folder)
    message = f"m.onnx: at byte [0-9]+: the constant 'w' .*{message}"
    with pytest.raises(CheckpointError, match=message):
        torch.onnx.load(path)


def test_a_constant_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    weight = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=b"12"
    )
    node = helper.make_node("Add", ["x", "w"], ["y"])
    path = saved_raw(graph_of(node, constants=[weight]), tmp_path)
    with pytest.raises(CheckpointError, match="constant 'w' is damaged"):
        torch.onnx.load(path)


def test_a_value_that_nothing_makes_is_named(tmp_path: Path) -> None:
    path = saved_raw(graph_of(helper.make_node("Relu", ["z"], ["y"])), tmp_path)
    with pytest.raises(CheckpointError, match="a Relu node reads 'z', which nothing"):
        torch.onnx.load(path)
    path = saved_raw(graph_of(helper.make_node("Relu", ["x"], ["z"])), tmp_path)
    with pytest.raises(CheckpointError, match="the outputs name 'y', which nothing"):
        torch.onnx.load(path)


def seed_file() -> bytes:
    """A small model with weights, attributes and an inner graph."""
    weight = numpy_helper.from_array(np.ones((2, 1, 1, 1), np.float32), "w")
    text = helper.make_tensor_value_info("t", TensorProto.FLOAT, None)
    branch = helper.make_graph(
        [helper.make_node("Relu", ["c"], ["t"])], "b", [], [text]
    )
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[0, 0, 1, 1]),
        helper.make_node("Constant", [], ["yes"], value_int=1),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
    ]
    return graph_of(*nodes, constants=[weight]).SerializeToString()


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read(data: st.DataObject) -> None:
    content = bytearray(seed_file())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(content)))
    content = content[:kept] if data.draw(st.booleans()) else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.onnx"
        path.write_bytes(content)
        with suppress(CheckpointError, NotImplementedError):
            torch.onnx.load(path)
