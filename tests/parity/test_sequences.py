"""Recurrent layers and attention with any options, and their gradients."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.rnn
from case import flat
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau
import flambeau.nn
import flambeau.nn.utils.rnn

LIBRARIES = (flambeau, torch)
FLAG = st.booleans()

pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask"),
]


def outcome(library: Any, layer: Any, inputs: list[Any], found: Any) -> list[Any]:
    """Results, the gradients of inputs and parameters, and the next random numbers."""
    outputs = [each for each in flat(found) if each.is_floating_point()]
    sum((each**2).sum() for each in outputs).backward()
    leaves = [each for each in (*inputs, *layer.parameters()) if each.grad is not None]
    arrays = [each.detach().numpy() for each in outputs]
    return [*arrays, *(each.grad.numpy() for each in leaves), library.rand(2).numpy()]


def check(mine: list[Any], theirs: list[Any]) -> None:
    for found, wanted in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["RNN", "LSTM", "GRU"]),
    st.fixed_dictionaries(
        {
            "num_layers": st.sampled_from([2, 3]),
            "bias": FLAG,
            "batch_first": FLAG,
            "dropout": st.sampled_from([0.0, 0.3]),
            "bidirectional": FLAG,
        }
    ),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    FLAG,
    FLAG,
    FLAG,
)
def test_recurrent_layers(
    layer: str,
    options: dict[str, Any],
    lengths: list[int],
    packs: bool,
    begins: bool,
    projects: bool,
) -> None:
    size = 2 if projects and layer == "LSTM" else 4
    more = {"proj_size": 2} if size == 2 else {}
    found = []
    for library in LIBRARIES:
        library.manual_seed(3)
        kind = {"dtype": library.float64}
        made = getattr(library.nn, layer)(3, 4, **options, **more, **kind)
        draws = np.random.default_rng(len(lengths))
        shape = [max(lengths), len(lengths), 3]
        if options["batch_first"]:
            shape[:2] = shape[1::-1]
        count = options["num_layers"] * (1 + options["bidirectional"])
        sizes = [size, 4] if layer == "LSTM" else [size]
        shapes = [shape, *([count, len(lengths), n] for n in sizes if begins)]
        inputs = [library.tensor(draws.standard_normal(each)) for each in shapes]
        x, *states = [each.requires_grad_() for each in inputs]
        given: Any = x
        if packs:
            pack = library.nn.utils.rnn.pack_padded_sequence
            given = pack(x, lengths, options["batch_first"], enforce_sorted=False)
        first = tuple(states) if len(states) > 1 else states[0] if states else None
        found.append(outcome(library, made, inputs, made(given, first)))
    check(*found)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("layer", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_of_16_bits(layer: str, kind: str) -> None:
    """Within some roundings of torch, which rounds every step."""
    found = []
    for library in LIBRARIES:
        library.manual_seed(3)
        made = getattr(library.nn, layer)(4, 16, 2, bidirectional=True)
        made = made.to(getattr(library, kind))
        draws = np.random.default_rng(0).standard_normal((20, 3, 4))
        x = library.tensor(draws).to(getattr(library, kind)).requires_grad_()
        y = made(x)[0]
        y.float().square().sum().backward()
        assert y.dtype == x.grad.dtype == getattr(library, kind)
        found.append([each.detach().float().numpy() for each in (y, x.grad)])
    limit = {"bfloat16": 2e-2, "float16": 4e-3}[kind]
    for mine, other in zip(*found, strict=True):
        assert np.linalg.norm(mine - other) <= limit * np.linalg.norm(other)


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "bias": FLAG,
            "add_zero_attn": FLAG,
            "batch_first": FLAG,
            "dropout": st.sampled_from([0.0, 0.5]),
            "kdim": st.sampled_from([None, 3]),
            "vdim": st.sampled_from([None, 6]),
        }
    ),
    st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(1, 3)),
    FLAG,
    st.sampled_from(["none", "bools", "floats", "heads"]),
    FLAG,
    FLAG,
)
def test_attention(
    options: dict[str, Any],
    sizes: tuple[int, int, int],
    same: bool,
    masked: str,
    padded: bool,
    weights: bool,
) -> None:
    queries, keys, batch = sizes
    same = same and options["kdim"] is None and options["vdim"] is None
    keys = queries if same else keys
    masked = "none" if keys < 2 and masked == "bools" else masked
    found = []
    for library in LIBRARIES:
        library.manual_seed(3)
        made = library.nn.MultiheadAttention(4, 2, dtype=library.float64, **options)
        draws = np.random.default_rng(queries)
        shapes = [(queries, batch, 4)]
        if not same:
            shapes += [(keys, batch, options[name] or 4) for name in ("kdim", "vdim")]
        inputs = []
        for length, count, size in shapes:
            first = (count, length) if options["batch_first"] else (length, count)
            values = library.tensor(draws.standard_normal((*first, size)))
            inputs.append(values.requires_grad_())
        pair = (queries, keys)
        mask = {
            "none": None,
            "bools": np.arange(queries)[:, None] + 1 < np.arange(keys),
            "floats": draws.standard_normal(pair),
            "heads": draws.standard_normal((2 * batch, *pair)),
        }[masked]
        padding = draws.standard_normal((batch, keys)) if padded else None
        y = made(
            *(inputs * 3 if same else inputs),
            key_padding_mask=None if padding is None else library.tensor(padding),
            need_weights=weights,
            attn_mask=None if mask is None else library.tensor(mask),
        )
        found.append(outcome(library, made, inputs, y))
    check(*found)


def scores(scale: float) -> np.ndarray:
    return scale * np.random.default_rng(5).standard_normal((60, 3, 7))


def ctc(library: Any, x: Any, **options: Any) -> Any:
    texts = library.tensor([[1, 2, 2, 6, 5], [3, 3, 3, 1, 1], [4, 1, 2, 5, 1]])
    lengths = library.tensor([60, 41, 50]), library.tensor([5, 4, 0])
    logs = x.log_softmax(2)
    return library.nn.functional.ctc_loss(logs, texts, *lengths, **options)


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_texts_over_many_steps(scale: float) -> None:
    """Also of chances that no float reaches."""
    found = []
    for library in LIBRARIES:
        x = library.tensor(scores(scale)).requires_grad_()
        y = ctc(library, x, reduction="none")
        y.sum().backward()
        found.append([y.detach().numpy(), x.grad.numpy()])
    check(*found)


def test_texts_are_differentiated_once() -> None:
    for library in LIBRARIES:
        x = library.tensor(scores(1.0)).requires_grad_()
        (slope,) = library.autograd.grad(ctc(library, x), x, create_graph=True)
        with pytest.raises(RuntimeError, match="_ctc_loss_backward is not implemented"):
            library.autograd.grad(slope.square().sum(), x)
