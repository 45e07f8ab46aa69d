"""Products beside NumPy, how they are recorded, their gradients and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau as torch
from flambeau.graph import topological

rng = np.random.default_rng(0)


def draw(*shape):
    return rng.normal(size=shape)


def tensors(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


MATMUL_SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 6, 2, 3), (3, 4)),
    ((2, 3), (5, 6, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((0, 2, 3), (3, 4)),
    ((0, 3), (5, 3, 4)),
    ((2, 0), (0, 4)),
]


@pytest.mark.parametrize(("first", "second"), MATMUL_SHAPES)
def test_matmul(first, second):
    a, b = draw(*first), draw(*second)
    found = torch.tensor(a) @ torch.tensor(b)
    assert found.shape == np.matmul(a, b).shape
    np.testing.assert_allclose(found.numpy(), np.matmul(a, b), rtol=1e-12)
    if a.size and b.size:
        assert torch.autograd.gradcheck(torch.matmul, tensors(a, b))


@pytest.mark.parametrize(
    ("first", "second", "batched"),
    [
        ((5, 2, 3), (3, 4), False),
        ((5, 6, 2, 3), (3,), False),
        ((2, 3), (5, 3, 4), False),
        ((3,), (5, 3, 4), False),
        ((5, 2, 3), (5, 3, 4), True),
    ],
)
def test_one_matrix_makes_one_multiplication(first, second, batched):
    """A batch beside a single matrix is one two-dimensional product, backward too."""
    a, b = tensors(draw(*first), draw(*second))
    result = a @ b
    slopes = torch.autograd.grad(result.sum(), [a, b], create_graph=True)
    roots = [each.node for each in (result, *slopes)]
    products = [n for n in topological(roots) if n.name == "matmul"]
    assert len(products) == 3
    assert {node.ndim > 2 for node in products} == {batched}


M, N, V, W = draw(2, 3), draw(3, 4), draw(3), draw(2)
B, C = draw(2, 3, 4), draw(2, 4, 5)
PRODUCTS = {
    "mm": (torch.mm, np.matmul, (M, N)),
    "bmm": (torch.bmm, np.matmul, (B, C)),
    "mv": (torch.mv, np.matmul, (M, V)),
    "dot": (torch.dot, np.dot, (V, N[:, 0].copy())),
    "vecdot": (torch.linalg.vecdot, np.vecdot, (M, V)),
    "inner": (torch.inner, np.inner, (B, draw(6, 4))),
    "outer": (torch.outer, np.outer, (V, W)),
    "kron": (torch.kron, np.kron, (M, N)),
    "kron of other ndims": (torch.kron, np.kron, (V, B)),
    "cross": (lambda a, b: torch.cross(a, b, dim=1), np.cross, (M, draw(2, 3))),
    "trace": (torch.trace, np.trace, (M,)),
    "chain": (
        torch.chain_matmul,
        lambda *m: np.linalg.multi_dot(m),
        (M, N, draw(4, 2), M),
    ),
    "multi_dot": (
        lambda *m: torch.linalg.multi_dot(m),
        lambda *m: np.linalg.multi_dot(m),
        (V, N, draw(4, 5), draw(5)),
    ),
    "addmm": (
        lambda x, a, b: torch.addmm(x, a, b, beta=2, alpha=0.5),
        lambda x, a, b: 2 * x + 0.5 * a @ b,
        (draw(4), M, N),
    ),
    "addmv": (torch.addmv, lambda x, a, b: x + a @ b, (W, M, V)),
    "addr": (torch.addr, lambda x, a, b: x + np.outer(a, b), (M, W, V)),
    "baddbmm": (torch.baddbmm, lambda x, a, b: x + a @ b, (draw(5), B, C)),
    "addbmm": (torch.addbmm, lambda x, a, b: x + (a @ b).sum(0), (draw(3, 5), B, C)),
    "bilinear": (
        torch.bilinear,
        lambda a, b, w, c: np.einsum("bi,oij,bj->bo", a, w, b) + c,
        (draw(5, 3), draw(5, 4), draw(2, 3, 4), W),
    ),
    "tensordot": (
        lambda a, b: torch.tensordot(a, b, ([0, 2], [1, 0])),
        lambda a, b: np.tensordot(a, b, ([0, 2], [1, 0])),
        (B, draw(4, 2, 3)),
    ),
    "tensordot of none": (
        lambda a, b: torch.tensordot(a, b, 0),
        lambda a, b: np.tensordot(a, b, 0),
        (M, V),
    ),
    "cdist": (
        torch.cdist,
        lambda a, b: np.linalg.norm(a[:, None] - b, axis=-1),
        (draw(5, 3), draw(4, 3)),
    ),
    "cdist of many": (
        torch.cdist,
        lambda a, b: np.linalg.norm(a[:, None] - b, axis=-1),
        (draw(30, 3), draw(4, 3)),
    ),
    "cdist 1": (
        lambda a, b: torch.cdist(a, b, 1),
        lambda a, b: np.abs(a[:, None] - b).sum(-1),
        (draw(5, 3), draw(4, 3)),
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name):
    ours, theirs, arrays = PRODUCTS[name]
    leaves = tensors(*arrays)
    found, expected = ours(*leaves), theirs(*arrays)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-11)
    assert torch.autograd.gradcheck(ours, leaves)


def test_beta_0_ignores_the_input():
    nan = torch.full((2, 4), float("nan"))
    found = torch.addmm(nan, *(x.float() for x in tensors(M, N)), beta=0)
    assert found.isfinite().all()


def test_products_in_place():
    x = torch.ones(2, 2)
    assert x.addmm_(torch.ones(2, 3), torch.ones(3, 2), alpha=2) is x
    assert x.tolist() == [[7, 7], [7, 7]]


def test_chains_multiply_in_the_cheapest_order():
    a, b, c = (torch.tensor(draw(*s)) for s in ((2, 50), (50, 3), (3, 60)))
    products = topological([torch.chain_matmul(a, b, c).node])
    assert [n.shape for n in products if n.name == "matmul"] == [(2, 3), (2, 60)]


# Einsum

EQUATIONS = [
    *("ij,jk->ik", "ij,jk", "ii", "ii->i", "ij->ji", "i,j->ij", "bij,bjk->bik"),
    *("bij,jk->bik", "...ij,...jk->...ik", "i,i->", "ijk->", "...i->...", "i...->..."),
    *("ij,ij->ij", "ij->j", "ijk,jil->kl", "iij->j", "ijij->ij", "ab,bc,cd->ad"),
    *("ab,b,b->a", "ba,a...", "...,i->i...", "zi,iz,z", "aBc,c->Ba", " i , j -> j i"),
]
SIZES = dict(zip("aBbcdijklz", (3, 2, 2, 4, 5, 3, 4, 5, 2, 3)))


def operands(equation, sizes=SIZES):
    for at, term in enumerate(equation.replace(" ", "").split("->")[0].split(",")):
        hidden = [1 if at else 6, 7]
        shape = []
        for letter in term.replace("...", "."):
            shape += hidden if letter == "." else [sizes[letter]]
        yield draw(*shape)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation):
    arrays = [*operands(equation)]
    found = torch.einsum(equation, *map(torch.tensor, arrays))
    expected = np.einsum(equation.replace(" ", ""), *arrays)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("ijkl", max_size=4), min_size=1, max_size=3),
    st.dictionaries(st.sampled_from("ijkl"), st.integers(1, 3)),
    st.data(),
)
def test_einsum_of_any_equation(terms, sizes, data):
    letters = sorted(set("".join(terms)))
    output = data.draw(st.permutations(letters)) if letters else []
    output = output[: data.draw(st.integers(0, len(letters)))]
    equation = f"{','.join(terms)}->{''.join(output)}"
    arrays = [*operands(equation, {**dict.fromkeys("ijkl", 2), **sizes})]
    found = torch.einsum(equation, *map(torch.tensor, arrays))
    expected = np.einsum(equation, *arrays)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    "equation", ["bij,jk->bik", "iij,j->i", "...i,i->...", "ij,jk,k"]
)
def test_einsum_gradients(equation):
    arrays = [*operands(equation, dict.fromkeys("bijk", 2))]
    assert torch.autograd.gradcheck(
        lambda *x: torch.einsum(equation, *x), tensors(*arrays)
    )


def test_einsum_reads_numbers_as_letters():
    a, b = torch.tensor(M), torch.tensor(N)
    expected = (M @ N).T
    found = torch.einsum(a, [0, 30], b, [30, 51], [51, 0])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    found = torch.einsum(a, [..., 0], b, [0, 1], [1, ...])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(torch.einsum(a, [9, 3]).numpy(), M.T)


def test_einsum_multiplies_matrices_where_it_can():
    a, b = torch.tensor(draw(4, 2, 3)), torch.tensor(draw(3, 5))
    nodes = topological([torch.einsum("bij,jk->bik", a, b).node])
    assert [n.shape for n in nodes if n.name == "matmul"] == [(8, 5)]


def test_sizes_of_1_stand_for_any_size():
    a, b = torch.tensor(M), torch.tensor(draw(1, 4))
    found = torch.einsum("ij,jk->ik", a, b)
    np.testing.assert_allclose(found.numpy(), M.sum(1)[:, None] * b.numpy(), rtol=1e-12)
    found = torch.tensordot(a, b, ([1], [0]))
    np.testing.assert_allclose(found.numpy(), M.sum(1)[:, None] * b.numpy(), rtol=1e-12)


# Decompositions


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 4, 4)])
@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr(shape, mode):
    array = draw(*shape)
    q, r = torch.linalg.qr(torch.tensor(array), mode)
    np.testing.assert_allclose((q @ r).numpy(), array, atol=1e-13)
    unit = np.broadcast_to(np.eye(q.shape[-1]), (*shape[:-2], *[q.shape[-1]] * 2))
    np.testing.assert_allclose((q.mT @ q).numpy(), unit, atol=1e-13)
    np.testing.assert_array_equal(np.tril(r.numpy(), -1), 0)
    assert torch.linalg.qr(torch.tensor(array), "r").Q.shape == (0,)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
def test_qr_is_differentiated_twice(shape):
    def both(x):
        q, r = torch.linalg.qr(x)
        return q @ (1 + r * r)

    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(both, x)
    assert torch.autograd.gradgradcheck(both, x)


def test_the_whole_q_of_a_tall_matrix_has_no_gradient():
    x = torch.randn(4, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete'"):
        torch.linalg.qr(x, "complete").Q.sum().backward()


# Errors

ONES = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: ONES @ ONES,
            RuntimeError,
            r"\(2x3 and 2x3\): the 3 columns of \(2, 3\)",
        ),
        (
            lambda: torch.ones(4, 2, 3) @ ONES,
            RuntimeError,
            r"the 3 columns of \(4, 2, 3\)",
        ),
        (lambda: ONES @ torch.ones(5, 2, 3), RuntimeError, r"\(2x3 and 2x3\)"),
        (lambda: ONES @ torch.tensor(1.0), RuntimeError, "2D and 0D"),
        (lambda: ONES @ ONES.T.double(), RuntimeError, "float32 != float64; convert"),
        (lambda: ONES.long() @ ONES.T, RuntimeError, "int64 != float32"),
        (lambda: (ONES > 0) @ (ONES.T > 0), NotImplementedError, "'Bool'"),
        (lambda: ONES.mm(torch.ones(3)), RuntimeError, r"mm: mat2 must be a matrix"),
        (lambda: ONES.bmm(ONES), RuntimeError, r"bmm: batch1 must be a 3D tensor"),
        (
            lambda: torch.ones(2, 2, 3).bmm(torch.ones(3, 3, 1)),
            RuntimeError,
            r"\[2, 3\]",
        ),
        (
            lambda: torch.ones(2).dot(torch.ones(3)),
            RuntimeError,
            "got 2 and 3 elements",
        ),
        (lambda: ONES.outer(ONES), RuntimeError, "outer: input must be a vector"),
        (lambda: torch.addmm(ONES, ONES, ONES.T), RuntimeError, "does not broadcast"),
        (lambda: ONES.trace().trace(), RuntimeError, "expected a matrix"),
        (lambda: torch.cross(ONES, ONES[0]), RuntimeError, "got 2 and 1"),
        (lambda: torch.cross(ONES, ONES, dim=0), RuntimeError, "Got 2 and 2"),
        (lambda: torch.tensordot(ONES, ONES, 1), RuntimeError, "size 3 in dim 1"),
        (lambda: torch.tensordot(ONES, ONES, -1), RuntimeError, "dims=-1"),
        (
            lambda: torch.cdist(ONES, ONES, 2.0, "fast"),
            ValueError,
            "fast is not a valid",
        ),
        (lambda: torch.cdist(ONES, ONES.long().T), RuntimeError, "number of columns"),
        (lambda: torch.cdist(ONES, ONES, -1), RuntimeError, "got -1"),
        (lambda: torch.linalg.multi_dot([ONES]), RuntimeError, "but got 1"),
        (
            lambda: torch.linalg.multi_dot([ONES, ONES[0], ONES]),
            RuntimeError,
            "tensor 1",
        ),
        (
            lambda: torch.chain_matmul(ONES, ONES[0]),
            RuntimeError,
            "tensor 1 must be 2D",
        ),
        (lambda: torch.linalg.qr(ONES, "x"), RuntimeError, "mode 'x'"),
        (lambda: torch.einsum("ij", ONES, ONES), RuntimeError, "more operands"),
        (lambda: torch.einsum("ij,jk", ONES), RuntimeError, "fewer operands"),
        (
            lambda: torch.einsum("i", ONES),
            RuntimeError,
            r"\(1\) .* \(2\) for operand 0",
        ),
        (
            lambda: torch.einsum("ij->k", ONES),
            RuntimeError,
            "output subscript k does not",
        ),
        (
            lambda: torch.einsum("ij->ii", ONES),
            RuntimeError,
            "i appears more than once",
        ),
        (lambda: torch.einsum("i-j", ONES), RuntimeError, "invalid subscript '-'"),
        (lambda: torch.einsum("...i...", ONES), RuntimeError, "two ellipses"),
        (lambda: torch.einsum("ii", ONES), RuntimeError, "2 != 3"),
        (
            lambda: torch.einsum("ij,jk", ONES, ONES),
            RuntimeError,
            "subscript j has size 2",
        ),
        (lambda: torch.einsum("ij,jk", ONES, 3), TypeError, "got int"),
        (lambda: torch.einsum(ONES, [0, 52]), ValueError, r"\[0, 52\), got 52"),
    ],
)
def test_errors_come_at_the_call(call, error, words):
    with pytest.raises(error, match=words):
        call()
