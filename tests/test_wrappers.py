"""Modules around modules, options of layers, and forms of functions."""

import warnings

import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F


def test_batch_norms_become_synchronized_with_their_parameters():
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3))).eval()
    norm, x = model[1][0], torch.rand(4, 3)
    norm.running_mean.fill_(0.5)
    wanted = model(x)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert converted is model
    assert type(model[1][0]) is nn.SyncBatchNorm
    assert model[1][0].weight is norm.weight
    assert not model[1][0].training
    assert torch.equal(model(x), wanted)
    alone = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm2d(2, affine=False))
    assert alone.weight is None and next(iter(alone.state_dict())) == "running_mean"


def test_data_parallel_runs_its_module():
    model = nn.DataParallel(nn.Linear(2, 1))
    x = torch.rand(3, 2)
    assert torch.equal(model(input=x), model.module(x))
    assert model.device_ids == []
    with pytest.raises(RuntimeError, match="cuda"):
        nn.DataParallel(nn.Linear(2, 1), device_ids=[0])


def test_a_container_has_modules_by_name():
    made = nn.Container(first=nn.Linear(1, 2), second=nn.ReLU())
    assert [name for name, _ in made.named_children()] == ["first", "second"]


def test_factory_kwargs_are_joined():
    given = {"device": "cpu", "factory_kwargs": {"dtype": torch.float64}}
    assert nn.factory_kwargs(given) == {"device": "cpu", "dtype": torch.float64}
    assert nn.factory_kwargs(None) == {}


def test_adaptive_softmax_predicts_the_most_probable_class():
    model = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0)
    x = torch.randn(40, 8) * 4
    logs = model.log_prob(x)
    assert logs.shape == (40, 12)
    assert torch.allclose(logs.exp().sum(1), torch.ones(40))
    head = model.head(x).argmax(1)
    for row, (found, first) in enumerate(zip(model.predict(x).tolist(), head.tolist())):
        assert found == (first if first < 3 else logs[row].argmax().item())
    target = torch.arange(40) % 12
    output, _ = model(x, target)
    assert torch.allclose(output, logs.gather(1, target.unsqueeze(1)).squeeze(1))


@pytest.mark.parametrize(
    "function, arguments",
    [
        (F.celu_, (2.0,)),
        (F.rrelu_, (0.1, 0.3)),
        (F.threshold_, (0.2, -1.0)),
    ],
    ids=["celu", "rrelu", "threshold"],
)
def test_forms_with_an_underscore_write_into_their_input(function, arguments):
    x = torch.tensor([-1.0, 0.1, 2.0])
    wanted = getattr(F, function.__name__[:-1])(x.clone(), *arguments)
    view = x[:2]
    assert function(x, *arguments) is x
    assert torch.equal(x, wanted) and torch.equal(view, wanted[:2])


def test_normalize_writes_where_it_is_told():
    x, out = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    assert F.normalize(x, out=out) is out
    assert torch.allclose(out, torch.tensor([[0.6, 0.8]]))


def test_deprecated_arguments_are_warned_of():
    with pytest.warns(UserWarning, match="`eps` parameter is deprecated"):
        F.gumbel_softmax(torch.zeros(3), eps=1e-3)
    # the table was the first argument once
    table, indices = torch.rand(4, 2), torch.tensor([[0, 3]])
    with pytest.warns(UserWarning, match="Argument order"):
        turned = F.embedding_bag(table, indices, mode="sum")
    assert torch.equal(turned, table[0:1] + table[3:])
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=2)
    loss = nn.LinearCrossEntropyLoss(3, 2, options=options, label_smoothing=0.1)
    with pytest.warns(UserWarning, match="``options`` ignored"):
        loss(torch.rand(4, 3), torch.zeros(4).long())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = nn.LinearCrossEntropyLoss(3, 2, options=options)
        plain(torch.rand(4, 3), torch.zeros(4).long())


def test_bags_that_are_frozen_are_not_trained():
    table = torch.rand(4, 2)
    assert not nn.EmbeddingBag.from_pretrained(table).weight.requires_grad
    bags = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")
    assert bags.weight.requires_grad
    bags(torch.tensor([[0, 0, 3]])).sum().backward()
    assert bags.weight.grad.tolist() == [[2, 2], [0, 0], [0, 0], [1, 1]]
    assert nn.EmbeddingBag(4, 2, padding_idx=1).weight[1].tolist() == [0, 0]
