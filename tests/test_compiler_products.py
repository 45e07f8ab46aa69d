"""Matrix products of views, which are read where they lie."""

import numpy as np
from compiled import check, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau
from flambeau import Tensor, nn


def drawn(*shape: int) -> Tensor:
    values = np.random.default_rng(0).standard_normal(shape)
    return flambeau.tensor(values.astype(np.float32))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 70),
    depth=st.sampled_from([1, 3, 17, 64, 300]),
    batch=st.sampled_from([(), (3,), (2, 2)]),
    across=st.tuples(st.booleans(), st.booleans()),
    starts=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_slices_of_any_size(
    rows: int,
    columns: int,
    depth: int,
    batch: tuple[int, ...],
    across: tuple[bool, bool],
    starts: tuple[int, int, int, int],
) -> None:
    operands = []
    sizes = ((rows, depth), (depth, columns))
    for turned, (height, width), (top, left) in zip(
        across, sizes, (starts[:2], starts[2:]), strict=True
    ):
        shape = (top + height + 2, left + width + 1)
        whole = drawn(*batch, *(shape[::-1] if turned else shape))
        whole = whole.mT if turned else whole
        operands.append(whole[..., top : top + height, left : left + width])
    check((operands[0] @ operands[1]).node)


def test_products_of_slices_copy_nothing() -> None:
    x = drawn(4, 20, 48)
    q, k, v = (x[..., at : at + 16] for at in (0, 16, 32))
    assert not any("loop" in each for each in kernels((q @ k.mT).node, (k.mT @ v).node))


def test_attention_to_itself_copies_only_its_result() -> None:
    """Queries, keys and values are read from the product that they are made by."""
    layer = nn.MultiheadAttention(64, 4, batch_first=True)
    x = drawn(2, 20, 64)
    with flambeau.no_grad():
        y, _ = layer(x, x, x, need_weights=False)
    names = [each.removesuffix("_float32") for each in kernels(y.node)]
    wanted = ["matmul"] * 2 + ["amax_mul", "loop_mul_sub_exp", "sum", "loop_div"]
    wanted += ["matmul", "loop", "matmul"]  # the loop puts the heads beside each other
    assert [each for each in names if not each.startswith("pack")] == wanted
