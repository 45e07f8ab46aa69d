"""flambeau: torch.nn for machines without a GPU.

`import flambeau as torch` and `import flambeau.nn as nn` are the only lines that a
PyTorch program changes. This file is the table of contents.
"""

from importlib import import_module as _import_module
from math import e, inf, nan, pi
from typing import Any as _Any

from . import autograd, cuda, linalg, optim, special
from .autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .autograd.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from .backend import config
from .devices import device
from .dtypes import ABSENT as _ABSENT_DTYPES
from .dtypes import (
    bfloat16,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .dtypes import bool_ as bool
from .dtypes import complex64 as cfloat
from .dtypes import complex128 as cdouble
from .dtypes import float16 as half
from .dtypes import float32 as float
from .dtypes import float64 as double
from .dtypes import int16 as short
from .dtypes import int32 as int
from .dtypes import int64 as long
from .layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from .limits import finfo, iinfo
from .random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .recorder import later as _later
from .runtime.team import get_num_threads, set_num_threads
from .scope import absence as _absence
from .serialization import load, load_weights, save
from .settings import (
    are_deterministic_algorithms_enabled,
    get_default_device,
    get_deterministic_debug_mode,
    get_float32_matmul_precision,
    get_num_interop_threads,
    is_deterministic_algorithms_warn_only_enabled,
    is_warn_always_enabled,
    set_default_device,
    set_deterministic_debug_mode,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_interop_threads,
    set_warn_always,
    use_deterministic_algorithms,
)
from .shape import Size
from .tensor import Tensor
from .tensor.complex_numbers import (
    angle,
    complex,
    conj,
    conj_physical,
    imag,
    isreal,
    polar,
    real,
    resolve_conj,
    resolve_neg,
    sgn,
    view_as_complex,
    view_as_real,
)
from .tensor.contraction import bilinear, chain_matmul, kron, tensordot
from .tensor.convert import clone, from_dlpack, to_dlpack
from .tensor.convert import compute as evaluate
from .tensor.copies import COPIES as _COPIES
from .tensor.counting import (
    bincount,
    bucketize,
    isin,
    searchsorted,
    unique,
    unique_consecutive,
)
from .tensor.creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    scalar_tensor,
    tensor,
    zeros,
    zeros_like,
)
from .tensor.creation import range_ as range
from .tensor.diagonals import (
    diag,
    diag_embed,
    diagflat,
    diagonal,
    diagonal_scatter,
    tril,
    tril_indices,
    triu,
    triu_indices,
)
from .tensor.einsum import einsum
from .tensor.extreme import (
    amax,
    amin,
    aminmax,
    argmax,
    argmin,
    cummax,
    cummin,
    max,
    min,
)
from .tensor.factoring import geqrf, lu_unpack, ormqr, triangular_solve
from .tensor.factoring import householder_product as orgqr
from .tensor.factoring import plain_lu as lu
from .tensor.factoring import plain_lu_solve as lu_solve
from .tensor.facts import (
    _assert,
    _shape_as_tensor,
    broadcast_shapes,
    can_cast,
    detach,
    is_complex,
    is_conj,
    is_floating_point,
    is_inference,
    is_nonzero,
    is_same_size,
    is_signed,
    is_tensor,
    numel,
    typename,
)
from .tensor.formatting import set_printoptions
from .tensor.histograms import histc, histogram, histogramdd
from .tensor.indexing import (
    index_put,
)
from .tensor.joining import (
    block_diag,
    cat,
    column_stack,
    dstack,
    hstack,
    stack,
    vstack,
)
from .tensor.joining import cat as concat
from .tensor.joining import cat as concatenate
from .tensor.joining import vstack as row_stack
from .tensor.legacy import (
    BFloat16Tensor,
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    set_default_tensor_type,
)
from .tensor.linalg import (
    addbmm,
    addmm,
    addmv,
    addr,
    baddbmm,
    bmm,
    dot,
    ger,
    inner,
    matmul,
    mm,
    mv,
    outer,
    vdot,
)
from .tensor.lowrank import pca_lowrank, svd_lowrank
from .tensor.matrices import cross, trace
from .tensor.norms import cdist, dist, norm
from .tensor.older import (
    qr,
    svd,
    unsafe_chunk,
    unsafe_split,
    unsafe_split_with_sizes,
)
from .tensor.operands import result_type
from .tensor.out import taking_out as _taking_out
from .tensor.parts import (
    as_strided,
    empty_permuted,
    empty_strided,
    narrow,
    select,
    unbind,
)
from .tensor.permuting import (
    adjoint,
    movedim,
    permute,
    swapaxes,
    t,
    transpose,
)
from .tensor.permuting import movedim as moveaxis
from .tensor.permuting import transpose as swapdims
from .tensor.placing import (
    as_strided_scatter,
    fill,
    index_add,
    index_copy,
    index_fill,
    index_reduce,
    masked_scatter,
    put,
    select_scatter,
    slice_scatter,
)
from .tensor.pointwise import (
    absolute,
    acos,
    add,
    addcdiv,
    addcmul,
    allclose,
    asin,
    atan,
    atan2,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    ceil,
    clamp,
    cos,
    cosh,
    div,
    eq,
    equal,
    erf,
    erfinv,
    exp,
    exp2,
    expm1,
    floor,
    floor_divide,
    fmod,
    ge,
    gt,
    hypot,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    lerp,
    log,
    log1p,
    log2,
    log10,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    masked_fill,
    maximum,
    minimum,
    mul,
    nan_to_num,
    ne,
    neg,
    positive,
    pow,
    reciprocal,
    relu,
    remainder,
    round,
    rsqrt,
    rsub,
    sigmoid,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    sub,
    tan,
    tanh,
    trunc,
    where,
)
from .tensor.pointwise import absolute as abs
from .tensor.pointwise import acos as arccos
from .tensor.pointwise import asin as arcsin
from .tensor.pointwise import atan as arctan
from .tensor.pointwise import atan2 as arctan2
from .tensor.pointwise import clamp as clip
from .tensor.pointwise import div as divide
from .tensor.pointwise import div as true_divide
from .tensor.pointwise import ge as greater_equal
from .tensor.pointwise import gt as greater
from .tensor.pointwise import le as less_equal
from .tensor.pointwise import lt as less
from .tensor.pointwise import mul as multiply
from .tensor.pointwise import ne as not_equal
from .tensor.pointwise import neg as negative
from .tensor.pointwise import sub as subtract
from .tensor.pointwise import trunc as fix
from .tensor.pointwise_rare import (
    digamma,
    float_power,
    frexp,
    gcd,
    isneginf,
    isposinf,
    lcm,
    ldexp,
    lgamma,
    logaddexp,
    logaddexp2,
    mvlgamma,
    nextafter,
    polygamma,
)
from .tensor.pointwise_special import (
    acosh,
    asinh,
    atanh,
    clamp_max,
    clamp_min,
    copysign,
    deg2rad,
    erfc,
    fmax,
    fmin,
    frac,
    heaviside,
    logit,
    rad2deg,
    sinc,
    xlogy,
)
from .tensor.pointwise_special import acosh as arccosh
from .tensor.pointwise_special import asinh as arcsinh
from .tensor.pointwise_special import atanh as arctanh
from .tensor.randomness import (
    bernoulli,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from .tensor.rearranging import (
    cartesian_prod,
    combinations,
    flip,
    fliplr,
    flipud,
    meshgrid,
    repeat_interleave,
    roll,
    rot90,
    tile,
)
from .tensor.reduction import (
    all,
    any,
    count_nonzero,
    log_softmax,
    logsumexp,
    mean,
    nanmean,
    nansum,
    prod,
    softmax,
    std,
    std_mean,
    sum,
    var,
    var_mean,
)
from .tensor.scan import (
    cumprod,
    cumsum,
    cumulative_trapezoid,
    diff,
    logcumsumexp,
    trapezoid,
    trapz,
)
from .tensor.scattering import (
    scatter,
    scatter_add,
    scatter_reduce,
)
from .tensor.selecting import (
    argwhere,
    gather,
    index_select,
    masked_select,
    nonzero,
    nonzero_static,
    take,
    take_along_dim,
    unravel_index,
)
from .tensor.shaping import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_tensors,
    broadcast_to,
    flatten,
    ravel,
    reshape,
    squeeze,
    unflatten,
    unsqueeze,
)
from .tensor.short_time import istft, stft
from .tensor.slopes import gradient
from .tensor.solving import (
    cholesky_inverse,
    cholesky_solve,
    det,
    logdet,
    matrix_exp,
    matrix_power,
    pinverse,
    slogdet,
)
from .tensor.solving import inv as inverse
from .tensor.solving import plain_cholesky as cholesky
from .tensor.sorting import (
    argsort,
    kthvalue,
    median,
    mode,
    msort,
    nanmedian,
    sort,
    topk,
)
from .tensor.special import gammainc as igamma
from .tensor.special import gammaincc as igammac
from .tensor.special import i0
from .tensor.splitting import (
    chunk,
    dsplit,
    hsplit,
    split,
    split_with_sizes,
    tensor_split,
    vsplit,
)
from .tensor.statistics import (
    bartlett_window,
    blackman_window,
    corrcoef,
    cov,
    hamming_window,
    hann_window,
    kaiser_window,
    nanquantile,
    narrow_copy,
    quantile,
    renorm,
    vander,
)
from .tensor.written import FUNCTIONS as _WRITTEN

__version__ = "0.1.0"
globals().update(_WRITTEN)
globals().update(_COPIES)
globals().update(_taking_out(globals(), __name__))
globals().update(_ABSENT_DTYPES)
newaxis = None

# Half of the time to import flambeau would go into these: they wait to be named.
_OF_LAYERS = (
    "adaptive_avg_pool1d",
    "adaptive_max_pool1d",
    "alpha_dropout",
    "avg_pool1d",
    "batch_norm",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "dropout",
    "embedding",
    "group_norm",
    "gru",
    "gru_cell",
    "hardshrink",
    "instance_norm",
    "layer_norm",
    "lstm",
    "lstm_cell",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu_",
    "rms_norm",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "threshold",
    "threshold_",
)
_OF_AMP = (
    "GradScaler",
    "autocast",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_dtype",
    "set_autocast_enabled",
)
_LATER = (
    "accelerator",
    "amp",
    "backends",
    "debug",
    "distributed",
    "fft",
    "func",
    "fx",
    "hub",
    "jit",
    "library",
    "masked",
    "nn",
    "onnx",
    "overrides",
    "signal",
    "types",
    "utils",
    "version",
    "vision",
)


def _compile(*args: _Any, **kwargs: _Any) -> _Any:
    return _import_module(".replay", __name__).compile(*args, **kwargs)


_later.compile = _compile


def __getattr__(name: str) -> _Any:
    """Import the packages that come with flambeau when they are first named."""
    if name in _LATER:
        return _import_module(f".{name}", __name__)
    if name in _OF_AMP:
        return getattr(_import_module(".amp", __name__), name)
    if name in _OF_LAYERS:
        return getattr(_import_module(".nn.functional.plain", __name__), name)
    if name == "compile":
        return _import_module(".replay", __name__).compile
    if name == "vmap":
        return _import_module(".func", __name__).vmap
    text = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(text + _absence("torch", name))
