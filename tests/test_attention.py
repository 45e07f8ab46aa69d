"""Attention beside the table: masks, padding in evaluation, switches."""

import copy

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.compiler.memory import plan_memory
from flambeau.debug.computation import Recorded
from flambeau.nn import functional as F
from flambeau.nn.attention import SDPBackend, sdpa_kernel


def test_the_hint_that_a_mask_is_causal_changes_nothing() -> None:
    layer = nn.MultiheadAttention(4, 2)
    x = torch.rand(3, 2, 4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    wanted, _ = layer(x, x, x, attn_mask=mask, need_weights=False)
    hinted, _ = layer(x, x, x, attn_mask=mask, need_weights=False, is_causal=True)
    np.testing.assert_allclose(hinted.detach(), wanted.detach(), rtol=1e-5, atol=1e-6)


def test_masks_of_two_types_warn() -> None:
    x = torch.rand(2, 1, 4)
    masks = torch.zeros(1, 2, dtype=torch.bool), True, torch.zeros(2, 2)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        nn.MultiheadAttention(4, 2)(x, x, x, *masks)


@pytest.mark.parametrize("at_end", [True, False])
def test_padding_comes_out_as_zeros_where_it_is_left_out(at_end: bool) -> None:
    """Where gradients are wanted, or padding is between, all is computed."""
    layer = nn.TransformerEncoderLayer(4, 2, 3, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).eval()
    x = torch.rand(2, 3, 4)
    padding = torch.tensor([[False, not at_end, at_end], [False] * 3])
    wanted = encoder(x, src_key_padding_mask=padding).detach().numpy().copy()
    assert wanted[0, 2].all()
    with torch.no_grad():
        found = encoder(x, src_key_padding_mask=padding).numpy()
    if at_end:
        wanted[0, 2] = 0
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_layers_of_a_stack_are_copies() -> None:
    layer = nn.TransformerDecoderLayer(4, 2, 3)
    stack = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(4))
    first, second = stack.layers
    assert first.linear1.weight is not second.linear1.weight
    assert first.linear1.weight.tolist() == layer.linear1.weight.tolist()
    assert copy.deepcopy(stack)(torch.ones(2, 4), torch.ones(3, 4)).shape == (2, 4)


def test_other_encoders_take_the_place_of_the_own() -> None:
    class Same(nn.Module):
        def forward(self, src, **options):
            return src

    class Sum(nn.Module):
        def forward(self, tgt, memory, **options):
            return tgt + memory

    model = nn.Transformer(2, 1, custom_encoder=Same(), custom_decoder=Sum())
    assert model(torch.ones(1, 1, 2), torch.ones(1, 1, 2)).tolist() == [[[2, 2]]]


def test_ways_to_compute_attention_are_accepted() -> None:
    x = torch.rand(2, 3)
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION]):
        found = F.scaled_dot_product_attention(x, x, x)
    assert found.tolist() == F.scaled_dot_product_attention(x, x, x).tolist()
    with pytest.raises(AssertionError, match="instance of SDPBackend"), sdpa_kernel(1):
        pass


def test_a_rate_that_is_no_rate() -> None:
    """As torch's `dropout` says it; torch's attention raises a RuntimeError."""
    with pytest.raises(ValueError, match="dropout probability has to be between"):
        F.scaled_dot_product_attention(*[torch.zeros(2, 3)] * 3, dropout_p=2.0)


QUERIES, KEYS = 1030, 1024


def heads(seed: int) -> tuple[list[torch.Tensor], np.random.Generator]:
    """Queries, keys and values of two heads that have very many weights."""
    draws = np.random.default_rng(seed)
    shapes = ((2, QUERIES, 4), (2, KEYS, 4), (2, KEYS, 3))
    arrays = [draws.standard_normal(each).astype(np.float32) for each in shapes]
    return [torch.from_numpy(each) for each in arrays], draws


@pytest.mark.parametrize("kind", ["plain", "causal", "sees", "row", "added"])
def test_blocks_of_queries_find_what_all_at_once_do(kind: str) -> None:
    (q, k, v), draws = heads(3)
    options = {}
    if kind == "causal":
        options["is_causal"] = True
    elif kind == "sees":
        sees = draws.random((QUERIES, KEYS)) < 0.1
        sees[[0, 500, 1029]] = False
        options["attn_mask"] = torch.from_numpy(sees)
    elif kind in ("row", "added"):
        shape = (1, KEYS) if kind == "row" else (2, QUERIES, KEYS)
        added = draws.standard_normal(shape).astype(np.float32)
        options["attn_mask"] = torch.from_numpy(added)
    in_blocks = F.scaled_dot_product_attention(q, k, v, **options)
    at_once = F.scaled_dot_product_attention(q.requires_grad_(), k, v, **options)
    np.testing.assert_allclose(
        in_blocks.numpy(), at_once.detach().numpy(), rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize("is_causal", [False, True], ids=["plain", "causal"])
def test_few_weights_are_there_at_once_without_gradients(is_causal: bool) -> None:
    tensors, _ = heads(4)
    y = F.scaled_dot_product_attention(*tensors, is_causal=is_causal)
    _, size = plan_memory(Recorded([y.node]).program())
    assert size < 0.4 * 2 * QUERIES * KEYS * 4


def test_training_keeps_weights_and_one_gradient_of_them() -> None:
    tensors, _ = heads(5)
    for each in tensors:
        each.requires_grad_()
    F.scaled_dot_product_attention(*tensors, is_causal=True).sum().backward()
    roots = [each.grad.node for each in tensors if each.grad is not None]
    _, size = plan_memory(Recorded(roots).program())
    assert size < 2.1 * 2 * QUERIES * KEYS * 4
