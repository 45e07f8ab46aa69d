"""Every layer of the table, compiled: the evaluator's values, forward and backward."""

import numpy as np
import pytest
from case import Case
from cases import CASES
from compiled import check, host_steps

import flambeau.nn
from flambeau.graph import Node


def graph(case: Case, dtype: str) -> list[Node]:
    """Return the results and the gradients that are still to be computed."""
    flambeau.manual_seed(0)
    layer, inputs = case.make(flambeau, dtype), case.tensors(flambeau, dtype)
    outputs = case.run(flambeau, layer, inputs)
    if outputs[0].requires_grad:
        weights = np.random.default_rng(0).standard_normal(tuple(outputs[0].shape))
        loss = (outputs[0] * flambeau.tensor(weights).to(outputs[0].dtype)).sum()
        leaves = [each for each in inputs if each.requires_grad]
        leaves += list(layer.parameters()) if case.is_module else []
        slopes = flambeau.autograd.grad(
            loss, leaves, allow_unused=True, create_graph=True
        )
        outputs += [each for each in slopes if each is not None]
    nodes = [each.node for each in outputs]
    return [each for each in nodes if each.value is None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_compiled_layers_have_the_evaluator_s_values(case: Case, dtype: str) -> None:
    nodes = graph(case, dtype)
    if nodes:
        check(*nodes)


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "relu6",
        "leaky relu",
        "prelu, channels",
        "gelu, tanh",
        "silu",
        "hardswish",
        "softmax",
        "batch_norm2d",
        "batch_norm2d, evaluated",
        "group_norm",
        "layer_norm",
        "rms_norm",
        "dropout",
        "cross_entropy",
        "cross_entropy, probabilities, all options",
        "mse",
        "huber",
        "pixel_shuffle",
    ],
)
def test_what_is_computed_natively(name: str) -> None:
    assert host_steps(*graph(CASES[name], "float32")) == []
