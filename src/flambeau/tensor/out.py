"""Torch's `out=`: functions that write what they compute into tensors that are given.

A table of contents wraps its functions by `taking_out`; methods have no `out`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..graph import state
from .handle import Handle
from .inplace import check_castable
from .parts import resize_

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["taking_out"]

# What is computed is cast to the dtype of `out`, if that is not of a lower category.
_CASTING = """
    acos acosh add addcdiv addcmul addr airy_ai angle arccos arccosh arcsin arcsinh
    arctan arctan2 arctanh asin asinh atan atan2 atanh bessel_j0 bessel_j1 bessel_y0
    bessel_y1 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    cat chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v
    chebyshev_polynomial_w cholesky_inverse cholesky_solve clamp clamp_max clamp_min
    clip column_stack concat concatenate cond copysign cos cosh deg2rad digamma div
    divide dstack entr eq erf erfc erfcx erfinv exp exp2 expit expm1 fft fft2 fftn
    floor_divide fmax fmin fmod gammainc gammaincc gammaln gcd ge geqrf ger greater
    greater_equal gt hermite_polynomial_h hermite_polynomial_he hfft hfft2 hfftn
    householder_product hstack hypot i0 i0e i1 i1e ifft ifft2 ifftn igamma igammac ihfft
    ihfft2 ihfftn irfft irfft2 irfftn kron laguerre_polynomial_l lcm ldexp le
    legendre_polynomial_p lerp less less_equal lgamma log log10 log1p log2 log_ndtr
    logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logsumexp
    lstsq lt matrix_power matrix_rank maximum minimum modified_bessel_i0
    modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 mul multigammaln multiply
    mvlgamma ndtr ndtri ne nextafter not_equal orgqr outer pinv polygamma pow psi
    rad2deg reciprocal remainder rfft rfft2 rfftn row_stack rsqrt
    scaled_modified_bessel_k0 scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t
    shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
    shifted_chebyshev_polynomial_w sigmoid sin sinc sinh spherical_bessel_j0 sqrt square
    stack std sub subtract tan tanh tensorinv tensorsolve true_divide var vstack xlog1py
    xlogy zeta
"""

# `out` has to have the dtype of what is computed.
_EXACT = """
    abs absolute addbmm addmm addmv alias_copy all amax amin aminmax any argmax argmin
    argsort as_strided_copy baddbmm bernoulli bitwise_not bmm bucketize ceil
    chain_matmul cholesky cholesky_ex complex conj_physical cross cummax cummin det
    detach_copy diag diagonal_copy diff dot eig eigh eigvals eigvalsh expand_copy fix
    float_power floor frac frexp gather heaviside histc histogram index_add index_copy
    index_reduce index_select inner inv inv_ex inverse isin isneginf isposinf kthvalue
    ldl_factor ldl_factor_ex ldl_solve log_softmax logcumsumexp lu lu_factor
    lu_factor_ex lu_solve lu_unpack masked_select matmul matrix_norm max median min mm
    mode msort multi_dot multinomial mv nan_to_num nanmedian nanquantile narrow_copy neg
    negative nonzero norm normal ormqr permute_copy polar qr quantile renorm round
    scatter scatter_add scatter_reduce searchsorted select_copy sgn sign signbit
    slice_scatter slogdet softmax solve solve_ex solve_triangular sort split_copy
    split_with_sizes_copy squeeze_copy svd svdvals t_copy take take_along_dim tensordot
    topk transpose_copy triangular_solve tril triu trunc unbind_copy unfold_copy
    unsqueeze_copy vdot vecdot vector_norm view_copy where
"""

# The dtype of `out` is the one to compute in, as if it were given as `dtype`.
_FOLLOWING = """
    arange cumprod cumsum empty eye full linspace logspace mean nanmean nansum ones prod
    rand randint randn randperm sum zeros
"""

_NAMES_IN_C = {
    "int8": "signed char",
    "uint8": "unsigned char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
}


def taking_out(functions: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return those functions of a module that torch gives an `out`, with `out`.

    Args:
        functions: functions by their names.
        owner: the module's name.

    Example:
        >>> import flambeau as torch
        >>> x = torch.empty(2)
        >>> torch.add(torch.ones(2), 1, out=x) is x, x
        (True, tensor([2., 2.]))
    """
    checks = {_CASTING: check_castable, _EXACT: _check_same, _FOLLOWING: check_castable}
    return {
        name: _with_out(functions[name], name, owner, check, names is _FOLLOWING)
        for names, check in checks.items()
        for name in names.split()
        if name in functions
    }


def _with_out(
    function: Callable[..., Any],
    name: str,
    owner: str,
    check: Callable[[dt.dtype, dt.dtype], None],
    follows: bool,
) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, out: Any = None, **options: Any) -> Any:
        if out is None:
            return function(*args, **options)
        if follows and isinstance(out, Handle):
            options["dtype"] = _dtype_of(out, options.get("dtype"))
        made = function(*args, **options)
        single = isinstance(made, Handle)
        parts, places = ((made,), (out,)) if single else (made, out)
        _check_places(name, parts, places, single)
        for part, place in zip(parts, places):
            check(part.dtype, place.dtype)
            _write(name, part, place)
        if single:
            return out
        return made._make(out) if hasattr(made, "_make") else tuple(out)

    run.__module__, run.__name__, run.__qualname__ = owner, name, name
    return run


def _dtype_of(out: Any, asked: dt.dtype | None) -> dt.dtype:
    """Return the dtype to compute in: that of `out`, and no other may be asked for."""
    kind: dt.dtype = out.dtype
    if asked not in (None, kind):
        raise RuntimeError(
            f"dtype {dt.scalar_name(asked)} does not match dtype of out parameter "
            f"({dt.scalar_name(kind)})"
        )
    return kind


def _check_same(kind: dt.dtype, wanted: dt.dtype) -> None:
    if kind is not wanted:
        names = (_NAMES_IN_C.get(each.name, each.name) for each in (kind, wanted))
        raise RuntimeError(
            "Expected out tensor to have dtype {}, but got {} instead".format(*names)
        )


def _check_places(name: str, parts: Any, places: Any, single: bool) -> None:
    """Raise where there is not one tensor to write to for each result."""
    several = isinstance(places, tuple | list) and len(places) == len(parts)
    if several and all(isinstance(each, Handle) for each in places):
        return
    wanted = "Tensor" if single else f"tuple of {len(parts)} Tensors"
    given = type(places[0] if single else places).__name__
    raise TypeError(f"{name}(): argument 'out' must be {wanted}, not {given}")


def _write(name: str, made: Tensor, out: Any) -> None:
    """Let a tensor have the size and the values of what was computed."""
    if state.grad_enabled and (made.requires_grad or out.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )
    out.check_apart()
    if out._node.shape != made.node.shape:
        _resize(out, made.node.shape)
    out.write(made.node)


def _resize(out: Any, shape: tuple[int, ...]) -> None:
    if out.numel():
        warnings.warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(out.shape)}, which does not match the required output shape "
            f"{list(shape)}. This behavior is deprecated, and in a future PyTorch "
            "release outputs will not be resized unless they have zero elements. You "
            "can explicitly reuse an out tensor t by resizing it, inplace, to zero "
            "elements with t.resize_(0).",
            stacklevel=4,
        )
    resize_(out, shape)
