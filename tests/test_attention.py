"""Attention beside the table: masks, padding in evaluation, switches."""

import copy

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
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
