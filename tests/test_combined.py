"""Ops that stand for several: one node, with the meaning of their parts."""

import numpy as np
import pytest
from compiled import check, kernels
from slopes import check_derivatives

import flambeau as torch
from flambeau import evaluator
from flambeau.compiler.decompose import decompose
from flambeau.graph import constant, state, topological
from flambeau.ops import elementwise as ew
from flambeau.ops import normalize, updates
from flambeau.ops.op import Combined
from flambeau.tensor.handle import wrap

RNG = np.random.default_rng(5)
CHANNELS = (3, 1, 1)
IMAGE = (2, 3, 4, 5)


def leaf(*shape, kind=np.float64):
    return constant(np.asarray(0.5 + RNG.random(shape), kind))


def _hypotenuse(a, b, *, factor):
    return ew.sqrt(ew.add(ew.mul(a, a), ew.mul(ew.mul(b, b), ew.const_like(factor, b))))


hypotenuse = Combined("hypotenuse", _hypotenuse)

# the op, the shapes of its inputs, its arguments
OPS = [
    (hypotenuse, [(7,), (7,)], {"factor": 2}),
    (updates.blend, [(6,), (1, 6, 1), (), ()], {"factor": 1.5}),
    (updates.add_scaled, [(6,), (6,), ()], {}),
    (updates.sub_scaled, [(6,), (6,), ()], {}),
    (updates.sub_quotient, [(6,), (6,), (6,), (), (), ()], {}),
    (normalize.affine, [IMAGE, (3,), (3,)], {"shape": CHANNELS}),
    (normalize.affine, [(4, 2, 3), (2, 3), (2, 3)], {"shape": (2, 3)}),
    (
        normalize.normalize_by,
        [IMAGE, (3,), (3,), (3,), (3,)],
        {"shape": CHANNELS, "eps": 0.1},
    ),
]
NAMES = [f"{op.name}-{len(shapes[0])}" for op, shapes, _ in OPS]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("op", "shapes", "options"), OPS, ids=NAMES)
def test_one_node_has_the_meaning_of_its_parts(op, shapes, options, kind):
    inputs = [leaf(*shape, kind=kind) for shape in shapes]
    node, parts = op(*inputs, **options), op.parts(*inputs, **options)
    assert node.op is op
    assert node.inputs == tuple(inputs)
    assert (node.shape, node.dtype) == (parts.shape, parts.dtype)
    assert kernels(node) == kernels(parts)
    check(node)
    evaluator.evaluate([node, parts])
    assert np.array_equal(node.value, parts.value)
    assert node.value.dtype == kind


@pytest.mark.parametrize(("op", "shapes", "options"), OPS, ids=NAMES)
def test_the_derivatives_are_those_of_the_parts(op, shapes, options):
    arrays = [0.5 + RNG.random(shape) for shape in shapes]
    check_derivatives(
        lambda *x: wrap(op(*[each.node for each in x], **options)), *arrays
    )


def test_the_meaning_is_that_of_the_formula():
    node = hypotenuse(
        constant(np.array([3.0, 5.0])), constant(np.array([4.0, 12.0])), factor=1
    )
    evaluator.evaluate([node])
    assert node.value.tolist() == [5.0, 13.0]
    x, mean, square = np.array([1.0]), np.array([0.5]), np.array([4.0])
    numbers = [constant(np.array(each)) for each in (0.2, 0.5, 1.0)]
    step = updates.sub_quotient(*map(constant, (x, mean, square)), *numbers)
    evaluator.evaluate([step])
    assert step.value.tolist() == pytest.approx([1 - 0.2 * 0.5 / (2 / 0.5 + 1)])


def test_parts_are_recorded_where_autograd_records():
    x = torch.tensor([3.0], requires_grad=True)
    other = constant(np.array([4.0], np.float32))
    y = wrap(hypotenuse(x.node, other, factor=1))
    assert y.node.name == "sqrt"
    y.backward()
    assert x.grad.tolist() == pytest.approx([0.6])
    with torch.no_grad():
        assert hypotenuse(x.node, other, factor=1).name == "hypotenuse"


def test_parts_are_recorded_where_it_is_asked_for():
    state.combines = False
    try:
        assert hypotenuse(leaf(3), leaf(3), factor=1).name == "sqrt"
    finally:
        state.combines = True


def test_the_compiler_takes_them_apart():
    node = ew.exp(updates.blend(leaf(3), leaf(3), leaf(), leaf()))
    order = topological([node])
    made = topological([decompose(order)[id(node)]])
    assert [each.name for each in made if each.op] == ["mul", "mul", "add", "exp"]


def test_a_batch_norm_and_its_step_are_few_nodes():
    norm = torch.nn.BatchNorm2d(3)
    rule = torch.optim.SGD(norm.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    x = torch.ones(2, 3, 4, 4)
    names = []
    for _ in range(2):
        rule.zero_grad()
        norm(x).sum().backward()
        names = [each.name for each in topological([norm.weight.grad.node])]
        rule.step()
    assert names.count("summed_products") == 1
    assert "mul" not in names
