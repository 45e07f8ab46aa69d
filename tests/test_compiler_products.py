"""Matrix products of views, which are read where they lie."""

from math import prod

import numpy as np
import pytest
from compiled import check, kernels, program
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau
from flambeau import Tensor, nn
from flambeau.compiler.program import KernelStep, Program
from flambeau.nn import Module


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
    wanted = ["matmul"] * 2 + ["amax_mul", "loop_mul_sub_exp", "sum"]
    # the loop divides the heads by their sums, and puts them beside each other
    wanted += ["matmul", "loop_div", "matmul"]
    assert [each for each in names if not each.startswith("pack")] == wanted


def _known(layer: Module) -> Module:
    """A layer whose parameters are computed already."""
    flambeau.evaluate(list(layer.parameters()))
    return layer


def _flattened(images: int, channels: int, *sizes: int) -> Tensor:
    """What a convolution and a ReLU make, as rows."""
    kind = nn.Conv2d if len(sizes) == 2 else nn.Conv1d
    conv = _known(kind(3, channels, 3))
    return conv(drawn(images, 3, *(size + 2 for size in sizes))).relu().flatten(1)


@pytest.mark.parametrize(
    "sizes", [(1, 16, 6, 5), (3, 5, 4, 4), (2, 7, 30), (2, 8, 1, 1), (1, 1, 5, 5)]
)
@pytest.mark.parametrize("columns", [1, 10, 33])
def test_images_lie_in_rows_as_they_were_made(
    sizes: tuple[int, ...], columns: int
) -> None:
    layer = _known(nn.Linear(prod(sizes[1:]), columns))
    with flambeau.no_grad():
        y = layer(_flattened(*sizes))
    check(y.node)


def test_the_weight_is_rearranged_and_not_the_image() -> None:
    few, many = (_known(nn.Linear(8 * 36, columns)) for columns in (10, 500))
    with flambeau.no_grad():
        x = _flattened(2, 8, 6, 6)
        made = program(few(x).node)
        assert kinds(made) == ["pack", "convolution", "loop", "dot"]
        assert set(made.prologue) == {0, 2}
        # a large one stays as it is: it would take much memory to save little time
        assert set(program(many(x).node).prologue) == {0}


def kinds(made: Program) -> list[str]:
    """What the kernels of a program do."""
    steps = [each for each in made.steps if isinstance(each, KernelStep)]
    return [each.kernel.name.split("_")[0] for each in steps]


def test_rows_that_others_read_have_their_usual_order() -> None:
    layers = [_known(nn.Linear(8 * 36, columns)) for columns in (10, 4)]
    other, more = drawn(2, 3), drawn(2, 8 * 36)
    with flambeau.no_grad():
        x = _flattened(2, 8, 6, 6)
        first, second = (layer(x) for layer in layers)
        check(first.node, second.node)
        check(first.node, x.node)
        check(first.node, (x * 2).node)
        check(first.node, (x.T @ other).node)
        check((x @ more.exp().T).node)  # with what is computed meanwhile


def test_images_of_integers_are_rows_of_integers() -> None:
    """NumPy computes their products."""
    x = drawn(2, 4, 3, 3).to(memory_format=flambeau.channels_last) * 4
    rows = x.int().flatten(1)
    check((rows @ flambeau.arange(72).view(36, 2).int()).node)
