"""torch.linalg's solutions and decompositions beside live torch, with gradients."""

import numpy as np
import pytest
from parity.both import LIBRARIES, Case, Error, check, check_error, names

rng = np.random.default_rng(0)


def draw(*shape):
    return rng.normal(size=shape)


A = draw(2, 3, 3) + 3 * np.eye(3)
TALL, WIDE = draw(2, 4, 3), draw(2, 3, 4)
SYMMETRIC = A @ np.swapaxes(A, -1, -2) + np.diag([1.0, 2.0, 4.0])
LARGE = 4 * draw(3, 3)
VECTORS = draw(2, 3)


def lower(a):
    return a @ a.mT + 3


def signs_aside(u, s, vh):
    """What of U and Vh does not depend on the signs that LAPACK has chosen."""
    return (
        (u * u).sum(-1),
        s,
        u[..., : s.shape[-1]] @ vh[..., : s.shape[-1], :],
        vh * vh,
    )


CASES = [
    Case("inv", lambda lib, a: lib.linalg.inv(a), (A,)),
    Case("inverse", lambda lib, a: (a.inverse(), lib.inverse(a)), (A,)),
    Case("det", lambda lib, a: (lib.linalg.det(a), a.det()), (A,)),
    Case("det of a singular", lambda lib, a: lib.det(a), (np.ones((2, 2)),), order=0),
    Case("slogdet", lambda lib, a: lib.linalg.slogdet(a).logabsdet, (A,)),
    Case("sign", lambda lib, a: lib.slogdet(a)[0], (-A,), order=0),
    Case("logdet", lambda lib, a: (lib.logdet(a), a.logdet()), (SYMMETRIC,)),
    Case("solve", lambda lib, a, b: lib.linalg.solve(a, b), (A, WIDE)),
    Case("solve one vector", lambda lib, a, b: lib.linalg.solve(a, b), (A, draw(3))),
    Case("solve vectors", lambda lib, a, b: lib.linalg.solve(a, b), (A, VECTORS)),
    Case(
        "solve from the right",
        lambda lib, a, b: lib.linalg.solve(a, b, left=False),
        (A, TALL),
    ),
    Case("solve broadcasts", lambda lib, a, b: lib.linalg.solve(a, b), (A[0], WIDE)),
    *(
        Case(
            f"solve_triangular {upper} {ones} {left}",
            lambda lib, a, b, upper=upper, ones=ones, left=left: (
                lib.linalg.solve_triangular(
                    a.triu() if upper else a.tril(),
                    b if left else b.mT,
                    upper=upper,
                    unitriangular=ones,
                    left=left,
                )
            ),
            (A, WIDE),
            order=1,
        )
        for upper in (False, True)
        for ones in (False, True)
        for left in (False, True)
    ),
    Case("cholesky", lambda lib, a: lib.linalg.cholesky(lower(a)), (A,)),
    Case(
        "cholesky upper",
        lambda lib, a: lib.linalg.cholesky(lower(a), upper=True),
        (A,),
    ),
    Case(
        "cholesky_solve",
        lambda lib, a, b: lib.cholesky_solve(b, lib.linalg.cholesky(a)),
        (SYMMETRIC, WIDE),
        order=0,
    ),
    Case(
        "cholesky_inverse",
        lambda lib, a: lib.cholesky_inverse(lib.linalg.cholesky(a)),
        (SYMMETRIC,),
        order=0,
    ),
    Case("eigvalsh", lambda lib, a: lib.linalg.eigvalsh(a), (SYMMETRIC,), order=0),
    Case(
        "eigh",
        lambda lib, a: (
            lib.linalg.eigh(a + a.mT)[0],
            lib.linalg.eigh(a + a.mT)[1] ** 2,
        ),
        (A,),
        order=1,
    ),
    Case("svdvals", lambda lib, a: lib.linalg.svdvals(a), (TALL,), order=1),
    Case("svd", lambda lib, a: signs_aside(*lib.linalg.svd(a)), (A,), order=1),
    *(
        Case(
            f"svd reduced {name}",
            lambda lib, a: signs_aside(*lib.linalg.svd(a, full_matrices=False)),
            (matrix,),
            order=1,
        )
        for name, matrix in (("tall", TALL), ("wide", WIDE))
    ),
    Case("svd full", lambda lib, a: lib.linalg.svd(a).S, (TALL,), order=0),
    Case("pinv tall", lambda lib, a: lib.linalg.pinv(a), (TALL,)),
    Case("pinv wide", lambda lib, a: a.pinverse(), (WIDE,), order=1),
    Case(
        "pinv cuts",
        lambda lib, a: lib.linalg.pinv(a, rtol=0.5),
        (np.diag([4.0, 1.0, 3.0]),),
        order=0,
    ),
    Case(
        "lstsq",
        lambda lib, a, b: lib.linalg.lstsq(a, b).solution,
        (TALL, TALL),
        order=1,
    ),
    Case("matrix_exp", lambda lib, a: lib.linalg.matrix_exp(a), (A / 5,)),
    Case("matrix_exp of a large one", lambda lib, a: a.matrix_exp(), (LARGE,), order=1),
    *(
        Case(f"matrix_power {n}", lambda lib, a, n=n: lib.matrix_power(a, n), (A,))
        for n in (1, 2, 5, -2)
    ),
    Case("matrix_power 0", lambda lib, a: a.matrix_power(0), (A,), order=0),
    Case(
        "matrix_rank",
        lambda lib, a: (lib.linalg.matrix_rank(a), lib.linalg.matrix_rank(a, atol=3.5)),
        (np.diag([4.0, 1.0, 0.0]),),
        order=0,
    ),
    *(
        Case(f"cond {p}", lambda lib, a, p=p: lib.linalg.cond(a, p), (A,), order=1)
        for p in (None, 2, -2)
    ),
    *(  # torch's own gradient of these raises
        Case(f"cond {p}", lambda lib, a, p=p: lib.linalg.cond(a, p), (A,), order=0)
        for p in (1, "fro", float("inf"))
    ),
    Case("vander", lambda lib, x: lib.linalg.vander(x), (VECTORS,)),
    Case("vander N", lambda lib, x: lib.linalg.vander(x, N=5), (VECTORS,), order=1),
    Case("diagonal", lambda lib, a: lib.linalg.diagonal(a, offset=1), (A,)),
    Case(
        "tensorinv", lambda lib, a: lib.linalg.tensorinv(a), (draw(2, 3, 6),), order=1
    ),
    Case(
        "tensorsolve",
        lambda lib, a, b: lib.linalg.tensorsolve(a, b),
        (draw(2, 3, 6), draw(2, 3)),
        order=1,
    ),
]
ERRORS = [
    Error(
        "no matrix", lambda lib: lib.linalg.inv(lib.ones(2)), "at least 2 dimensions"
    ),
    Error("not square", lambda lib: lib.linalg.det(lib.ones(2, 3)), "square matrices"),
    Error("integers", lambda lib: lib.linalg.inv(lib.ones(2, 2).int()), "Expected"),
    Error(
        "one power", lambda lib: lib.linalg.vander(lib.ones(2), N=1), "greater than 1"
    ),
    Error(
        "solve",
        lambda lib: lib.linalg.solve(lib.eye(2), lib.ones(3, 1)),
        "Incompatible",
    ),
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
def test_both_agree(case):
    check(case)


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_both_refuse(case):
    check_error(case)


@pytest.mark.parametrize("library", LIBRARIES, ids=["flambeau", "torch"])
def test_what_no_matrix_has_is_an_error_of_its_own(library):
    wrong = library.linalg.LinAlgError
    assert issubclass(wrong, RuntimeError)
    with pytest.raises(wrong, match="linalg.inv"):
        library.linalg.inv(library.zeros(2, 2)).tolist()
    with pytest.raises(wrong, match="linalg.cholesky"):
        library.linalg.cholesky(-library.eye(2)).tolist()
    with pytest.raises(wrong, match="linalg.solve"):
        library.linalg.solve(library.zeros(2, 2), library.ones(2)).tolist()


SINGULAR = {
    "square": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "zeros": np.zeros((2, 2)),
    "tall": np.array([[1.0, 2.0], [2.0, 4.0], [4.0, 8.0], [0.5, 1.0]]),
    "wide": np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.5]]),
    "one of three": np.array([np.eye(2), [[1.0, 2.0], [2.0, 4.0]], np.eye(2)]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_singular_factors(name: str) -> None:
    """`lu_factor` refuses them, as does the other with `check_errors`."""
    words = []
    for library in LIBRARIES:
        a = library.tensor(SINGULAR[name])
        with pytest.raises(RuntimeError) as first:
            library.linalg.lu_factor(a).LU.tolist()
        with pytest.raises(RuntimeError) as second:
            library.linalg.lu_factor_ex(a, check_errors=True).LU.tolist()
        words.append([str(first.value), str(second.value)])
    assert words[0] == words[1]
    check(Case(name, lambda lib, a: [*lib.linalg.lu(a)], (SINGULAR[name],), order=0))
    call = lambda lib, a: [*lib.linalg.lu_factor_ex(a)]  # noqa: E731
    check(Case(name, call, (SINGULAR[name],), order=0))
