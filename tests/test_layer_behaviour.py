"""What layers do beside their values: in place, in training, lazily, with warnings."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from case import Case, tensor
from cases import CASES

import flambeau as torch
from flambeau import Tensor, nn
from flambeau.nn import functional as F

# Laziness

# What only shows its input, or returns it.
IMMEDIATE = ("Identity", "Flatten", "Unflatten", "one_hot")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_recording_computes_nothing(case: Case) -> None:
    layer = case.make(torch)
    inputs = case.tensors(torch)
    first = case.run(torch, layer, inputs)[0]
    returned = any(first is each for each in inputs)
    assert first.node.value is None or returned or case.layer in IMMEDIATE


def test_an_input_that_is_pending_stays_pending() -> None:
    scores = torch.ones(3, 4) * 2
    target = torch.arange(3) * 1
    loss = F.cross_entropy(scores, target, label_smoothing=0.1)
    rows = F.embedding(target, torch.ones(4, 2))
    assert target.node.value is None
    assert loss.item() == pytest.approx(np.log(4))
    assert rows.tolist() == [[1, 1]] * 3


def test_training_without_looking_does_not_grow() -> None:
    norm = nn.BatchNorm1d(2)
    x = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    for _ in range(3):
        norm(x).sum().backward()
        norm.zero_grad()
        torch.evaluate([norm.running_mean, norm.num_batches_tracked])
    assert norm.running_mean.node.inputs == ()
    assert norm.running_mean.node.tape is None


# In place


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(inplace=True),
        nn.ReLU6(inplace=True),
        nn.LeakyReLU(inplace=True),
        nn.ELU(inplace=True),
        nn.SELU(inplace=True),
        nn.SiLU(inplace=True),
        nn.Mish(inplace=True),
        nn.Hardtanh(inplace=True),
        nn.Hardsigmoid(inplace=True),
        nn.Hardswish(inplace=True),
        nn.Dropout(p=1, inplace=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_in_place(layer: Any) -> None:
    base = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])
    row = base[1]
    twin = type(layer)(p=1) if isinstance(layer, nn.Dropout) else type(layer)()
    wanted = twin(row.clone())
    assert layer(row) is row
    assert base[1].tolist() == row.tolist() == wanted.tolist()
    assert base[0].tolist() == [-1, 2]


def test_in_place_functions() -> None:
    for name in ("relu", "elu", "leaky_relu", "hardtanh", "selu"):
        x = torch.tensor([-2.0, 0.5, 3.0])
        wanted = getattr(F, name)(x).tolist()
        assert getattr(F, f"{name}_")(x) is x
        assert x.tolist() == wanted


def test_in_place_is_differentiated() -> None:
    leaf = torch.tensor([-1.0, 2.0], requires_grad=True)
    x = leaf * 3
    nn.ReLU(inplace=True)(x)
    x.sum().backward()
    assert leaf.grad.tolist() == [0, 3]


def test_a_leaf_is_not_written_in_place() -> None:
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        nn.ReLU(inplace=True)(torch.ones(2, requires_grad=True))


# Dropout


def test_dropout_keeps_its_share_and_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.ones(100, 100, requires_grad=True)
    y = nn.Dropout(p=0.3)(x)
    y.sum().backward()
    values = y.detach().numpy()
    assert set(np.unique(values)) == {0, np.float32(1) / np.float32(0.7)}
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_dropout_is_another_each_time_and_the_same_from_a_seed() -> None:
    layer, x = nn.Dropout(), torch.ones(64)
    torch.manual_seed(1)
    first, second = layer(x).tolist(), layer(x).tolist()
    torch.manual_seed(1)
    assert layer(x).tolist() == first != second


@pytest.mark.parametrize("layer, sizes", [("Dropout1d", (5,)), ("Dropout2d", (3, 4))])
def test_channel_dropout_drops_whole_channels(
    layer: str, sizes: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    y = getattr(nn, layer)(p=0.5)(torch.ones(8, 16, *sizes)).numpy()
    flat = y.reshape(8, 16, -1)
    assert (flat == flat[..., :1]).all()
    assert set(np.unique(flat)) == {0, 2}


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    torch.manual_seed(0)
    y = nn.AlphaDropout(p=0.2)(torch.randn(40_000)).numpy()
    assert y.mean() == pytest.approx(0, abs=0.03)
    assert y.var() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout()])
def test_evaluation_returns_the_input(layer: nn.Module) -> None:
    x = torch.ones(2, 3, 2, 2)
    before = torch.get_rng_state().tolist()
    assert layer.eval()(x) is x
    assert torch.get_rng_state().tolist() == before


# Normalisation


def rows() -> Tensor:
    return torch.tensor([[1.0, 2.0], [3.0, 6.0]])


def test_running_statistics_move_with_momentum_and_the_unbiased_variance() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.25)
    norm(rows())
    assert norm.running_mean.tolist() == [0.5, 1]
    assert norm.running_var.tolist() == [0.75 + 0.5, 0.75 + 2]
    assert norm.num_batches_tracked.item() == 1
    norm.eval()(rows())
    assert norm.num_batches_tracked.item() == 1
    assert norm.running_mean.tolist() == [0.5, 1]


def test_without_momentum_running_statistics_are_averages() -> None:
    norm = nn.BatchNorm1d(2, momentum=None, dtype=torch.float64)
    for factor in (1, 2, 6):
        norm(rows().double() * factor)
    np.testing.assert_allclose(norm.running_mean.numpy(), [2 * 3, 4 * 3], rtol=1e-7)


def test_reset_running_stats() -> None:
    norm = nn.BatchNorm1d(2)
    norm(rows())
    norm.reset_running_stats()
    assert norm.running_mean.tolist() == [0, 0]
    assert norm.running_var.tolist() == [1, 1]
    assert norm.num_batches_tracked.item() == 0


def test_a_state_from_before_batches_were_counted_is_loaded() -> None:
    norm = nn.BatchNorm1d(2)
    state = {k: v for k, v in norm.state_dict().items() if "tracked" not in k}
    loaded = nn.BatchNorm1d(2)
    loaded.load_state_dict(state)
    assert loaded.num_batches_tracked.item() == 0


def test_statistics_are_moved_in_place_for_every_alias() -> None:
    mean, var = torch.zeros(2), torch.ones(2)
    shown = mean[:1]
    F.batch_norm(rows(), mean, var, training=True, momentum=1.0)
    assert shown.tolist() == [2]
    assert var.tolist() == [2, 8]


def test_no_gradient_flows_through_statistics() -> None:
    norm = nn.BatchNorm1d(2)
    x = rows().requires_grad_()
    norm(x).sum().backward()
    assert not norm.running_mean.requires_grad
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-6)


def test_an_empty_batch_is_normalised_and_moves_nothing() -> None:
    norm = nn.BatchNorm1d(2)
    assert norm(torch.zeros(0, 2)).shape == (0, 2)
    assert norm.running_mean.tolist() == [0, 0]


def test_narrow_inputs_are_normalised_with_float32_parameters() -> None:
    y = nn.BatchNorm1d(2)(rows().half())
    assert y.dtype is torch.float16
    assert y.tolist() == [[-1, -1], [1, 1]]


# Tables


def test_the_padding_row_is_zero_and_stays() -> None:
    layer = nn.Embedding(5, 3, padding_idx=-2)
    assert layer.weight[3].tolist() == [0, 0, 0]
    layer(torch.tensor([3, 1, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[0] * 3, [2] * 3, [0] * 3, [0] * 3, [0] * 3]


def test_rows_that_are_read_are_bounded_in_place() -> None:
    table = torch.tensor([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]])
    layer = nn.Embedding.from_pretrained(table, max_norm=1.0)
    layer(torch.tensor([0, 2, 0]))
    np.testing.assert_allclose(table.numpy(), [[0.6, 0.8], [6, 8], [0.3, 0.4]], 1e-6)


def test_frequency_divides_the_gradient() -> None:
    layer = nn.Embedding(3, 1, scale_grad_by_freq=True)
    layer(torch.tensor([0, 1, 1, 1])).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), [[1], [1], [0]], rtol=1e-6)


def test_a_pretrained_table_is_frozen_unless_it_is_not() -> None:
    table = torch.ones(2, 2)
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


# Resizing


def test_no_gradient_is_lost_where_the_scale_leaves_the_size() -> None:
    """torch's own gradient is wrong here: it forgets the scale."""
    x = torch.rand(1, 1, 7, dtype=torch.float64, requires_grad=True)

    def resized(x: Tensor) -> Tensor:
        return F.interpolate(x[None], scale_factor=1.1, mode="bicubic")

    assert torch.autograd.gradcheck(resized, x)


def test_bytes_are_resized_by_copying() -> None:
    x = torch.tensor([[[1, 200]]], dtype=torch.uint8)
    found = F.interpolate(x, scale_factor=2)
    assert found.dtype is torch.uint8
    assert found.tolist() == [[[1, 1, 200, 200]]]


# Warnings

WARNINGS: dict[str, tuple[Callable[[], object], type[Warning], str]] = {
    "softmax without a dimension": (
        lambda: F.softmax(torch.zeros(2, 3)),
        UserWarning,
        "Implicit dimension choice for softmax has been deprecated",
    ),
    "log_softmax without a dimension": (
        lambda: nn.LogSoftmax()(torch.zeros(2, 3)),
        UserWarning,
        "Implicit dimension choice for log_softmax has been deprecated",
    ),
    "the deprecated arguments of losses": (
        lambda: nn.CrossEntropyLoss(size_average=False),
        UserWarning,
        "please use reduction='sum' instead",
    ),
    "sizes that broadcast": (
        lambda: F.mse_loss(torch.zeros(2, 3), torch.zeros(3)),
        UserWarning,
        "Using a target size (torch.Size([3])) that is different to the input size "
        "(torch.Size([2, 3]))",
    ),
    "a mean that is no divergence": (
        lambda: nn.KLDivLoss()(torch.zeros(2, 3), torch.ones(2, 3)),
        UserWarning,
        "'batchmean' divides only by the batch size",
    ),
    "channel dropout of sequences": (
        lambda: F.dropout2d(torch.zeros(2, 3, 4)),
        UserWarning,
        "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D",
    ),
    "channel dropout of a matrix": (
        lambda: nn.Dropout3d()(torch.zeros(2, 3)),
        UserWarning,
        "dropout3d: Received a 2-D input to dropout3d, which is deprecated",
    ),
    "channels that are not counted": (
        lambda: nn.InstanceNorm1d(3)(torch.zeros(2, 4, 5)),
        UserWarning,
        "input's size at dim=1 does not match num_features",
    ),
    "a bound by its old name": (
        lambda: nn.Hardtanh(min_value=-2.0),
        FutureWarning,
        "`min_value` is deprecated and renamed to `min_val`",
    ),
}


@pytest.mark.parametrize("call, kind, text", WARNINGS.values(), ids=WARNINGS.keys())
def test_warnings_point_at_the_caller(
    call: Callable[[], object], kind: type[Warning], text: str
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [each.category for each in caught] == [kind]
    assert text in str(caught[0].message)
    assert "functional" not in caught[0].filename


@pytest.mark.parametrize(
    "given, reduction",
    [
        ({"size_average": True}, "mean"),
        ({"size_average": False}, "sum"),
        ({"reduce": True}, "mean"),
        ({"reduce": False}, "none"),
        ({"size_average": False, "reduce": False}, "none"),
    ],
)
@pytest.mark.filterwarnings("ignore:size_average and reduce")
def test_deprecated_arguments_mean_a_reduction(
    given: dict[str, bool], reduction: str
) -> None:
    x, t = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])
    assert nn.MSELoss(**given).reduction == reduction
    wanted = F.mse_loss(x, t, reduction=reduction).tolist()
    assert F.mse_loss(x, t, **given).tolist() == wanted
    assert nn.MSELoss(**given)(x, t).tolist() == wanted


def test_a_table_is_shared_with_what_it_was_made_from() -> None:
    table = tensor(torch, np.zeros((2, 2)), "float32")
    layer = nn.Embedding.from_pretrained(table)
    table[0, 0] = 1
    assert layer.weight[0].tolist() == [1, 0]
