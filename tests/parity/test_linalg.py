"""Products, contractions and norms beside live torch."""

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, Case, Error, check, check_error, names, values_of

rng = np.random.default_rng(0)


def draw(*shape):
    return rng.normal(size=shape)


M, N, V, W = draw(2, 3), draw(3, 4), draw(3), draw(2)
B, C = draw(2, 3, 4), draw(2, 4, 5)
INTS = rng.integers(-3, 4, (2, 3))
POINTS = draw(4, 3)

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
    ((5, 2, 3), (1, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((5, 2, 0), (0, 4)),
    ((0, 2, 3), (3, 4)),
    ((0, 3), (5, 3, 4)),
    ((1, 1), (1, 1)),
]
MATMUL = [
    Case(
        f"matmul {first} {second}",
        lambda lib, a, b: lib.matmul(a, b),
        (draw(*first), draw(*second)),
    )
    for first, second in MATMUL_SHAPES
]
PRODUCTS = [
    Case("@", lambda lib, a, b: a @ b, (M, N)),
    Case("matmul of ints", lambda lib, a: a.matmul(lib.tensor([1, 2, 3])), (INTS,)),
    Case("mm", lambda lib, a, b: a.mm(b), (M, N)),
    Case("bmm", lambda lib, a, b: a.bmm(b), (B, C)),
    Case("mv", lambda lib, a, b: a.mv(b), (M, V)),
    Case("dot", lambda lib, a, b: a.dot(b), (V, N[:, 0].copy())),
    Case("vdot", lambda lib, a, b: lib.vdot(a, b), (V, N[:, 1].copy())),
    Case("dot of ints", lambda lib, a: lib.dot(a, a), (INTS[0].copy(),)),
    Case("vecdot", lambda lib, a, b: lib.linalg.vecdot(a, b, dim=1), (B, B + 1)),
    Case("inner", lambda lib, a, b: lib.inner(a, b), (B, draw(6, 4))),
    Case("inner of vectors", lambda lib, a: lib.inner(a, a), (V,)),
    Case("inner with a number", lambda lib, a, b: lib.inner(a, b), (M, np.array(2.0))),
    Case("outer", lambda lib, a, b: lib.outer(a, b), (V, W)),
    Case("ger, promoted", lambda lib, a, b: lib.ger(a, b), (V, INTS[0].copy())),
    Case("addmm", lambda lib, x, a, b: lib.addmm(x, a, b), (draw(2, 4), M, N)),
    Case(
        "addmm, scaled and broadcast",
        lambda lib, x, a, b: lib.addmm(x, a, b, beta=2, alpha=0.5),
        (draw(4), M, N),
    ),
    Case(
        "addmm without its input",
        lambda lib, x, a, b: x.addmm(a, b, beta=0),
        (np.full((2, 4), np.nan), M, N),
        1,
    ),
    Case("addmm of ints", lambda lib, x: lib.addmm(x, x, x, alpha=2), (INTS[:, :2],)),
    Case("addmv", lambda lib, x, a, b: x.addmv(a, b, alpha=3), (W, M, V)),
    Case("addr", lambda lib, x, a, b: x.addr(a, b, beta=2), (M, W, V)),
    Case("addr, promoted", lambda lib, x, a, b: x.addr(a, b), (INTS, W, V)),
    Case("baddbmm", lambda lib, x, a, b: x.baddbmm(a, b, alpha=2), (draw(5), B, C)),
    Case("addbmm", lambda lib, x, a, b: x.addbmm(a, b, beta=3), (draw(3, 5), B, C)),
    Case("chain_matmul", lambda lib, *m: lib.chain_matmul(*m), (M, N, draw(4, 2), M)),
    Case("multi_dot", lambda lib, *m: lib.linalg.multi_dot(m), (V, N, draw(4, 5))),
    Case("multi_dot to a number", lambda lib, *m: lib.linalg.multi_dot(m), (W, M, V)),
    Case("kron", lambda lib, a, b: lib.kron(a, b), (M, N)),
    Case("kron of other ndims", lambda lib, a, b: lib.kron(a, b), (B, V)),
    Case("cross", lambda lib, a, b: lib.cross(a, b, dim=0), (N, N + draw(3, 4))),
    Case(
        "cross, broadcast", lambda lib, a, b: lib.linalg.cross(a, b), (POINTS, V[None])
    ),
    Case("trace", lambda lib, a: a.trace(), (M,)),
    Case("trace of ints", lambda lib, a: lib.trace(a), (INTS,)),
    Case(
        "bilinear",
        lambda lib, *x: lib.bilinear(*x),
        (draw(5, 2, 3), draw(5, 2, 4), draw(6, 3, 4), draw(6)),
    ),
    Case(
        "bilinear of vectors",
        lambda lib, a, b, w: lib.bilinear(a, b, w, None),
        (V, draw(4), draw(6, 3, 4)),
    ),
    Case("tensordot 2", lambda lib, a, b: lib.tensordot(a, b), (B, draw(3, 4, 2))),
    Case("tensordot 0", lambda lib, a, b: lib.tensordot(a, b, 0), (M, V)),
    Case(
        "tensordot of lists",
        lambda lib, a, b: lib.tensordot(a, b, dims=([0, -1], [2, 0])),
        (B, draw(4, 5, 2)),
    ),
    Case(
        "tensordot with a size of 1",
        lambda lib, a, b: lib.tensordot(a, b, ([1], [1])),
        (M, draw(4, 1)),
    ),
]
CDIST = [
    Case(
        f"cdist {p} {mode}",
        lambda lib, a, b, p=p, m=mode: lib.cdist(a, b, p, m),
        (draw(2, 5, 3), draw(2, 4, 3)),
        1,
    )
    for p in (0, 1, 1.5, 2, 3, np.inf)
    for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
] + [
    Case("cdist of many", lambda lib, a, b: lib.cdist(a, b), (draw(30, 3), POINTS), 1),
    Case("cdist, broadcast", lambda lib, a, b: lib.cdist(a, b), (B, draw(5, 4)), 1),
]

SIZES = {"a": 3, "b": 2, "c": 4, "d": 5, "h": 3, "i": 3, "j": 4, "k": 5, "l": 2}
SIZES |= {"q": 4, "z": 3, "B": 2}
EQUATIONS = [
    *("ij,jk->ik", "ij,jk", "ii", "ii->i", "ij->ji", "i,j->ij", "bij,bjk->bik"),
    *("bij,jk->bik", "...ij,...jk->...ik", "i,i->", "ij,ij->", "ijk->", "...i->..."),
    *("i...->...", "ij,ij->ij", "ij->j", "ijk,jil->kl", "bhqd,bhkd->bhqk", "iij->j"),
    *("ijij->ij", "ab,bc,cd->ad", "ab,b,b->a", "i,i,i->i", "ba,a...", "...,i->i..."),
    *(
        "ij...,jk...->ik...",
        "zi,iz,z",
        "aBc,c->Ba",
        "i , j -> j i",
        "iii->i",
        "b...->b",
    ),
]


def operands(equation):
    """Arrays for an equation; the first ellipsis is (6, 7), the others (1, 7)."""
    for at, term in enumerate(equation.replace(" ", "").split("->")[0].split(",")):
        shape: list[int] = []
        for letter in term.replace("...", "."):
            hidden = [1 if at else 6, 7]
            shape += hidden if letter == "." else [SIZES[letter]]
        yield draw(*shape)


EINSUM = [
    Case(
        f"einsum {equation}",
        lambda lib, *x, equation=equation: lib.einsum(equation, *x),
        tuple(operands(equation)),
        1,
    )
    for equation in EQUATIONS
] + [
    Case("einsum of a list", lambda lib, *x: lib.einsum("ij,jk", [*x]), (M, N)),
    Case("einsum twice", lambda lib, *x: lib.einsum("ij,jk,j->i", *x), (M, N, V)),
    Case("einsum with sizes of 1", lambda lib, *x: lib.einsum("ij,jk", *x), (M, N[:1])),
    Case(
        "einsum of sublists",
        lambda lib, a, b: lib.einsum(a, [0, 1], b, [1, 2], [2, 0]),
        (M, N),
    ),
    Case(
        "einsum of sublists with ellipses",
        lambda lib, a, b: lib.einsum(a, [..., 30, 1], b, [1], [30, ...]),
        (B, draw(4)),
    ),
    Case("einsum of sublists, implicit", lambda lib, a: lib.einsum(a, [3, 1]), (M,)),
    Case("einsum of ints", lambda lib, a: lib.einsum("ij,ij->i", a, a), (INTS,)),
]
CASES = [*MATMUL, *PRODUCTS, *CDIST, *EINSUM]


@pytest.mark.parametrize("case", CASES, **names(CASES))
@pytest.mark.filterwarnings("ignore:.*chain_matmul.*deprecated")
def test_values_and_gradients(case):
    check(case)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 5, 3), (2, 0, 3)])
def test_qr_has_torchs_signs(shape, mode):
    array = draw(*shape)
    ours, theirs = (lib.linalg.qr(lib.tensor(array), mode) for lib in LIBRARIES)
    for mine, other in zip(ours, theirs, strict=True):
        assert tuple(mine.shape) == tuple(other.shape)
        np.testing.assert_allclose(values_of(mine), values_of(other), atol=1e-12)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "int16", "uint8"])
def test_matmul_keeps_the_dtype(kind):
    arrays = rng.integers(0, 9, (4, 8)), rng.integers(0, 9, (8, 3))
    results = []
    for lib in LIBRARIES:
        a, b = (lib.tensor(array).to(getattr(lib, kind)) for array in arrays)
        results.append(a @ b)
    assert str(results[0].dtype) == str(results[1].dtype)
    np.testing.assert_array_equal(*map(values_of, results))


def m(lib, *shape):
    return lib.ones(*shape)


ERRORS = [
    Error("matmul of a number", lambda lib: lib.tensor(1.0) @ m(lib, 2), "0D and 1D"),
    Error(
        "matmul",
        lambda lib: m(lib, 2, 3) @ m(lib, 2, 3),
        "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
    ),
    Error("matmul folded", lambda lib: m(lib, 4, 2, 3) @ m(lib, 2, 3), "mat1 and mat2"),
    Error("matmul of vectors", lambda lib: m(lib, 2) @ m(lib, 3), ""),
    Error("matmul of batches", lambda lib: m(lib, 2, 2, 3) @ m(lib, 3, 3, 2), ""),
    Error(
        "matmul of dtypes", lambda lib: m(lib, 2, 2) @ m(lib, 2, 2).double(), "dtype"
    ),
    Error(
        "matmul of bools", lambda lib: (m(lib, 2, 2) > 0) @ (m(lib, 2, 2) > 0), "'Bool'"
    ),
    Error(
        "mm of a batch",
        lambda lib: m(lib, 2, 2, 2).mm(m(lib, 2, 2)),
        "must be a matrix",
    ),
    Error(
        "mm by a vector",
        lambda lib: m(lib, 2, 2).mm(m(lib, 2)),
        "mat2 must be a matrix",
    ),
    Error(
        "bmm of matrices", lambda lib: m(lib, 2, 2).bmm(m(lib, 2, 2)), "must be a 3D"
    ),
    Error(
        "bmm",
        lambda lib: lib.bmm(m(lib, 2, 2, 3), m(lib, 2, 2, 3)),
        "dimensions of batch2 tensor to be: [2, 3] but got: [2, 2].",
    ),
    Error("mv by a matrix", lambda lib: m(lib, 2, 2).mv(m(lib, 2, 2)), ""),
    Error("dot of matrices", lambda lib: m(lib, 2, 2).dot(m(lib, 2)), "got 2D and 1D"),
    Error("dot", lambda lib: m(lib, 2).dot(m(lib, 3)), "got 2 and 3 elements"),
    Error(
        "dot of dtypes",
        lambda lib: m(lib, 2).dot(m(lib, 2).double()),
        "Float and Double",
    ),
    Error("inner", lambda lib: m(lib, 2).inner(m(lib, 3)), "got shapes [2] and [3]"),
    Error("outer", lambda lib: m(lib, 2).outer(m(lib, 3, 3)), "outer: "),
    Error(
        "addmm input", lambda lib: lib.addmm(m(lib, 3), m(lib, 2, 2), m(lib, 2, 2)), ""
    ),
    Error(
        "addmm dtypes",
        lambda lib: lib.addmm(m(lib, 2).double(), m(lib, 2, 2), m(lib, 2, 2)),
        "must have the same dtype, but got Double and Float",
    ),
    Error(
        "addmm of a batch",
        lambda lib: m(lib, 2).addmm(m(lib, 2, 2, 2), m(lib, 2, 2)),
        "",
    ),
    Error(
        "addr by a fraction",
        lambda lib: lib.tensor(1).addr(lib.tensor([1]), lib.tensor([1]), alpha=0.5),
        "argument alpha must not be a floating point number",
    ),
    Error(
        "multi_dot of one",
        lambda lib: lib.linalg.multi_dot([m(lib, 2, 2)]),
        "at least 2",
    ),
    Error(
        "tensordot -1", lambda lib: lib.tensordot(m(lib, 2), m(lib, 2), -1), "dims=-1"
    ),
    Error("tensordot 2", lambda lib: lib.tensordot(m(lib, 2), m(lib, 2), 2), "dims=2"),
    Error(
        "tensordot sizes",
        lambda lib: lib.tensordot(m(lib, 2), m(lib, 3), 1),
        "contracted dimensions need to match, but first has size 2 in dim",
    ),
    Error(
        "tensordot lists",
        lambda lib: lib.tensordot(m(lib, 2, 2), m(lib, 2, 2), ([0], [0, 1])),
        "both dimension lists should have same length",
    ),
    Error(
        "tensordot dtypes",
        lambda lib: lib.tensordot(m(lib, 2), m(lib, 2).double(), 1),
        "",
    ),
    Error(
        "cross over dim 1",
        lambda lib: lib.cross(m(lib, 3, 2), m(lib, 3, 2), dim=1),
        "linalg.cross: inputs dimension 1 must have length 3. Got 2 and 2",
    ),
    Error(
        "cross", lambda lib: lib.cross(m(lib, 2), m(lib, 2)), "no dimension of size 3"
    ),
    Error(
        "cross ndims",
        lambda lib: lib.linalg.cross(m(lib, 3), m(lib, 2, 3)),
        "same number",
    ),
    Error(
        "trace",
        lambda lib: m(lib, 2, 2, 2).trace(),
        "expected a matrix, but got tensor",
    ),
    Error(
        "bilinear",
        lambda lib: lib.bilinear(m(lib, 4, 2), m(lib, 4, 2), m(lib, 5, 2, 3), None),
        "input2 size does not match weight size: got 2 but expected 3",
    ),
    Error(
        "cdist columns",
        lambda lib: lib.cdist(m(lib, 2, 2), m(lib, 2, 3)),
        "X1: 2 X2: 3",
    ),
    Error(
        "cdist of a vector",
        lambda lib: lib.cdist(m(lib, 2), m(lib, 2, 2)),
        "X1 got: 1D",
    ),
    Error(
        "cdist p",
        lambda lib: lib.cdist(m(lib, 2, 2), m(lib, 2, 2), -1.0),
        "non-negative",
    ),
    Error(
        "qr mode", lambda lib: lib.linalg.qr(m(lib, 2, 2), "x"), "unrecognized mode 'x'"
    ),
    Error(
        "qr of a vector", lambda lib: lib.linalg.qr(m(lib, 2)), "at least 2 dimensions"
    ),
    Error("qr of ints", lambda lib: lib.linalg.qr(lib.tensor([[1]])), "Got Long"),
    Error("einsum", lambda lib: lib.einsum("i1", m(lib, 2, 2)), "must be in [a-zA-Z]"),
    Error(
        "einsum few", lambda lib: lib.einsum("i,j", m(lib, 2)), "fewer operands were"
    ),
    Error(
        "einsum many",
        lambda lib: lib.einsum("i", m(lib, 2), m(lib, 2)),
        "more operands",
    ),
    Error(
        "einsum dims",
        lambda lib: lib.einsum("i", m(lib, 2, 2)),
        "no ellipsis was given",
    ),
    Error(
        "einsum letters",
        lambda lib: lib.einsum("ijk...", m(lib, 2, 2)),
        "einsum(): the",
    ),
    Error(
        "einsum output", lambda lib: lib.einsum("i->j", m(lib, 2)), "output subscript j"
    ),
    Error(
        "einsum twice", lambda lib: lib.einsum("i->ii", m(lib, 2)), "appears more than"
    ),
    Error(
        "einsum sizes",
        lambda lib: lib.einsum("i,i", m(lib, 2), m(lib, 3)),
        "previously seen size 2",
    ),
    Error(
        "einsum diagonal",
        lambda lib: lib.einsum("ii", m(lib, 2, 3)),
        "subscript i is rep",
    ),
    Error("einsum dots", lambda lib: lib.einsum("......", m(lib, 2)), ""),
    Error("einsum numbers", lambda lib: lib.einsum(m(lib, 2), [52]), "range [0, 52)"),
    Error("einsum nothing", lambda lib: lib.einsum("i"), ""),
]


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case):
    check_error(case)


def test_einsum_numbers_letters_as_torch_does():
    """Implicit outputs are in alphabetical order: capitals first."""
    array = draw(2, 3, 4)
    for equation in ("aBc", "bAc", "zYx"):
        ours, theirs = (lib.einsum(equation, lib.tensor(array)) for lib in LIBRARIES)
        np.testing.assert_array_equal(values_of(ours), values_of(theirs))
    assert torch.einsum("aBc", torch.tensor(array)).shape == (3, 2, 4)
