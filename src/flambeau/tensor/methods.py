"""The table of torch's methods: each is a function of a module beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import (
    activation,
    complex_numbers,
    contraction,
    convert,
    counting,
    creation,
    diagonals,
    extreme,
    factoring,
    facts,
    histograms,
    indexing,
    linalg,
    matrices,
    norms,
    older,
    parts,
    permuting,
    placing,
    pointwise,
    pointwise_rare,
    pointwise_special,
    randomness,
    rearranging,
    reduction,
    scan,
    scattering,
    selecting,
    shaping,
    short_time,
    solving,
    sorting,
    special,
    splitting,
    statistics,
)
from . import inplace as writing
from .inplace import inplace

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Methods"]


class Methods:
    """Torch's methods, a section per family; `Tensor` adds what a tensor is.

    Source: torch's page "torch.Tensor".
    """

    numpy = convert.numpy
    item = convert.item
    tolist = convert.tolist
    to = convert.to
    type = convert.type_
    type_as = convert.type_as
    double = convert.double
    float = convert.float_
    half = convert.half
    bfloat16 = convert.bfloat16
    cfloat = convert.cfloat
    cdouble = convert.cdouble
    long = convert.long
    int = convert.int_
    short = convert.short
    char = convert.char
    byte = convert.byte
    bool = convert.bool_
    cpu = convert.cpu
    cuda = convert.cuda
    clone = convert.clone
    contiguous = convert.contiguous
    new_tensor = creation.new_tensor
    new_zeros = creation.new_zeros
    new_ones = creation.new_ones
    new_empty = creation.new_empty
    new_full = creation.new_full
    new_empty_strided = parts.new_empty_strided
    __array__ = convert.array_protocol
    __array_wrap__ = convert.array_wrap
    __array_priority__ = 1000  # NumPy arrays leave binary operators to the tensor
    __dlpack__ = convert.dlpack
    __dlpack_device__ = convert.dlpack_device
    __format__ = convert.format_spec

    # pointwise

    exp = pointwise.exp
    exp2 = pointwise.exp2
    expm1 = pointwise.expm1
    log = pointwise.log
    log2 = pointwise.log2
    log10 = pointwise.log10
    log1p = pointwise.log1p
    sqrt = pointwise.sqrt
    rsqrt = pointwise.rsqrt
    reciprocal = pointwise.reciprocal
    sin = pointwise.sin
    cos = pointwise.cos
    tan = pointwise.tan
    sinh = pointwise.sinh
    cosh = pointwise.cosh
    tanh = pointwise.tanh
    asin = pointwise.asin
    acos = pointwise.acos
    atan = pointwise.atan
    erf = pointwise.erf
    erfinv = pointwise.erfinv
    sigmoid = pointwise.sigmoid
    relu = pointwise.relu
    sign = pointwise.sign
    square = pointwise.square
    floor = pointwise.floor
    ceil = pointwise.ceil
    trunc = pointwise.trunc
    round = pointwise.round
    neg = pointwise.neg
    add = pointwise.add
    sub = pointwise.sub
    mul = pointwise.mul
    div = pointwise.div
    floor_divide = pointwise.floor_divide
    remainder = pointwise.remainder
    fmod = pointwise.fmod
    pow = pointwise.pow
    atan2 = arctan2 = pointwise.atan2
    hypot = pointwise.hypot
    lerp = pointwise.lerp
    addcmul = pointwise.addcmul
    addcdiv = pointwise.addcdiv
    eq = pointwise.eq
    ne = pointwise.ne
    lt = pointwise.lt
    le = pointwise.le
    gt = pointwise.gt
    ge = pointwise.ge
    logical_and = pointwise.logical_and
    logical_or = pointwise.logical_or
    logical_xor = pointwise.logical_xor
    logical_not = pointwise.logical_not
    bitwise_and = pointwise.bitwise_and
    bitwise_or = pointwise.bitwise_or
    bitwise_xor = pointwise.bitwise_xor
    bitwise_not = pointwise.bitwise_not
    masked_fill = pointwise.masked_fill
    clamp = pointwise.clamp
    nan_to_num = pointwise.nan_to_num
    abs = absolute = pointwise.absolute
    negative = pointwise.neg
    subtract = pointwise.sub
    multiply = pointwise.mul
    divide = true_divide = pointwise.div
    greater = pointwise.gt
    greater_equal = pointwise.ge
    less = pointwise.lt
    less_equal = pointwise.le
    not_equal = pointwise.ne
    arcsin = pointwise.asin
    arccos = pointwise.acos
    arctan = pointwise.atan
    clip = pointwise.clamp
    fix = pointwise.trunc
    maximum = pointwise.maximum
    minimum = pointwise.minimum
    isnan = pointwise.isnan
    isinf = pointwise.isinf
    isfinite = pointwise.isfinite
    signbit = pointwise.signbit
    isclose = pointwise.isclose
    allclose = pointwise.allclose
    equal = pointwise.equal
    bitwise_left_shift = pointwise.bitwise_left_shift
    bitwise_right_shift = pointwise.bitwise_right_shift
    asinh = arcsinh = pointwise_special.asinh
    acosh = arccosh = pointwise_special.acosh
    atanh = arctanh = pointwise_special.atanh
    erfc = pointwise_special.erfc
    logit = pointwise_special.logit
    xlogy = pointwise_special.xlogy
    sinc = pointwise_special.sinc
    deg2rad = pointwise_special.deg2rad
    rad2deg = pointwise_special.rad2deg
    frac = pointwise_special.frac
    copysign = pointwise_special.copysign
    heaviside = pointwise_special.heaviside
    clamp_min = pointwise_special.clamp_min
    clamp_max = pointwise_special.clamp_max
    fmax = pointwise_special.fmax
    fmin = pointwise_special.fmin

    digamma = pointwise_rare.digamma
    digamma_ = inplace(pointwise_rare.digamma)
    float_power = pointwise_rare.float_power
    float_power_ = inplace(pointwise_rare.float_power)
    frexp = pointwise_rare.frexp
    gcd = pointwise_rare.gcd
    gcd_ = inplace(pointwise_rare.gcd)
    isneginf = pointwise_rare.isneginf
    isposinf = pointwise_rare.isposinf
    isreal = complex_numbers.isreal
    lcm = pointwise_rare.lcm
    lcm_ = inplace(pointwise_rare.lcm)
    ldexp = pointwise_rare.ldexp
    ldexp_ = inplace(pointwise_rare.ldexp)
    lgamma = pointwise_rare.lgamma
    lgamma_ = inplace(pointwise_rare.lgamma)
    logaddexp = pointwise_rare.logaddexp
    logaddexp2 = pointwise_rare.logaddexp2
    mvlgamma = pointwise_rare.mvlgamma
    mvlgamma_ = inplace(pointwise_rare.mvlgamma)
    nextafter = pointwise_rare.nextafter
    nextafter_ = inplace(pointwise_rare.nextafter)
    polygamma = pointwise_rare.polygamma_method
    polygamma_ = inplace(pointwise_rare.polygamma_method)
    positive = pointwise.positive
    stft = short_time.stft
    istft = short_time.istft
    i0 = special.i0
    i0_ = inplace(special.i0)
    igamma = special.gammainc
    igamma_ = inplace(special.gammainc)
    igammac = special.gammaincc
    igammac_ = inplace(special.gammaincc)
    real = property(complex_numbers.real)
    imag = property(complex_numbers.imag)
    angle = complex_numbers.angle
    conj = complex_numbers.conj
    conj_physical = complex_numbers.conj_physical
    conj_physical_ = inplace(complex_numbers.conj_physical)
    resolve_conj = complex_numbers.resolve_conj
    resolve_neg = complex_numbers.resolve_neg
    sgn = complex_numbers.sgn
    sgn_ = inplace(complex_numbers.sgn)
    cov = statistics.cov
    corrcoef = statistics.corrcoef
    narrow_copy = statistics.narrow_copy
    nanquantile = statistics.nanquantile
    quantile = statistics.quantile
    renorm = statistics.renorm
    renorm_ = inplace(statistics.renorm)

    def where(self: Any, condition: Tensor, other: Any) -> Tensor:
        """Return this tensor where the condition holds, else `other`."""
        return pointwise.where(condition, self, other)

    # indexing

    __getitem__ = indexing.getitem
    __setitem__ = indexing.setitem
    __iter__ = indexing.iterate
    index_put = indexing.index_put
    index_put_ = inplace(indexing.index_put)
    index_select = selecting.index_select
    gather = selecting.gather
    take = selecting.take
    take_along_dim = selecting.take_along_dim
    masked_select = selecting.masked_select
    nonzero = selecting.nonzero
    nonzero_static = selecting.nonzero_static
    argwhere = selecting.argwhere
    scatter = scattering.scatter
    scatter_ = inplace(scattering.scatter)
    scatter_add = scattering.scatter_add
    scatter_add_ = inplace(scattering.scatter_add)
    scatter_reduce = scattering.scatter_reduce
    scatter_reduce_ = inplace(scattering.scatter_reduce)
    as_strided_scatter = placing.as_strided_scatter
    index_add = placing.index_add
    index_add_ = inplace(placing.index_add)
    index_copy = placing.index_copy
    index_copy_ = inplace(placing.index_copy)
    index_fill = placing.index_fill
    index_fill_ = inplace(placing.index_fill)
    index_reduce = placing.index_reduce
    index_reduce_ = inplace(placing.index_reduce)
    masked_scatter = placing.masked_scatter
    masked_scatter_ = inplace(placing.masked_scatter)
    put = placing.put
    put_ = inplace(placing.put)
    select_scatter = placing.select_scatter
    slice_scatter = placing.slice_scatter

    # order and counts

    sort = sorting.sort
    argsort = sorting.argsort
    msort = sorting.msort
    topk = sorting.topk
    kthvalue = sorting.kthvalue
    median = sorting.median
    nanmedian = sorting.nanmedian
    mode = sorting.mode
    unique = counting.unique
    unique_consecutive = counting.unique_consecutive
    bincount = counting.bincount
    histc = histograms.histc
    histogram = histograms.histogram

    # shape, order of the dimensions, parts

    view = shaping.view
    view_as = shaping.view_as
    reshape = shaping.reshape
    reshape_as = shaping.reshape_as
    flatten = shaping.flatten
    ravel = shaping.ravel
    unflatten = shaping.unflatten
    squeeze = shaping.squeeze
    squeeze_ = shaping.squeeze_
    unsqueeze = shaping.unsqueeze
    unsqueeze_ = shaping.unsqueeze_
    expand = shaping.expand
    expand_as = shaping.expand_as
    broadcast_to = shaping.broadcast_to
    permute = permuting.permute
    transpose = swapdims = permuting.transpose
    transpose_ = swapdims_ = permuting.transpose_
    swapaxes = permuting.swapaxes
    swapaxes_ = permuting.swapaxes_
    t = permuting.t
    t_ = permuting.t_
    T = property(permuting.reversed_dims)
    mT = property(permuting.matrix_transpose)
    H = property(permuting.hermitian)
    mH = property(permuting.adjoint)
    adjoint = permuting.adjoint
    movedim = moveaxis = permuting.movedim
    narrow = parts.narrow
    select = parts.select
    unbind = parts.unbind
    unfold = parts.unfold
    as_strided = parts.as_strided
    as_strided_ = parts.as_strided_
    resize_ = parts.resize_
    resize_as_ = parts.resize_as_
    split = splitting.split_method
    split_with_sizes = splitting.split_with_sizes
    chunk = splitting.chunk
    tensor_split = splitting.tensor_split
    hsplit = splitting.hsplit
    vsplit = splitting.vsplit
    dsplit = splitting.dsplit
    diagonal = diagonals.diagonal
    diagonal_scatter = diagonals.diagonal_scatter
    diag = diagonals.diag
    diagflat = diagonals.diagflat
    diag_embed = diagonals.diag_embed
    fill_diagonal_ = diagonals.fill_diagonal_
    tril = diagonals.tril
    tril_ = inplace(diagonals.tril)
    triu = diagonals.triu
    triu_ = inplace(diagonals.triu)
    repeat = rearranging.repeat
    repeat_interleave = rearranging.repeat_interleave
    tile = rearranging.tile
    flip = rearranging.flip
    fliplr = rearranging.fliplr
    flipud = rearranging.flipud
    roll = rearranging.roll
    rot90 = rearranging.rot90

    # operators

    __add__ = pointwise.add
    __sub__ = pointwise.sub
    __mul__ = pointwise.mul
    __truediv__ = pointwise.div
    __floordiv__ = pointwise.floor_divide
    __mod__ = pointwise.remainder
    __pow__ = pointwise.pow
    __and__ = pointwise.bitwise_and
    __or__ = pointwise.bitwise_or
    __xor__ = pointwise.bitwise_xor
    __lshift__ = pointwise.bitwise_left_shift
    __rshift__ = pointwise.bitwise_right_shift
    __radd__ = pointwise.add
    __rsub__ = pointwise.rsub
    __rmul__ = pointwise.mul
    __rtruediv__ = pointwise.rdiv
    __rfloordiv__ = pointwise.rfloordiv
    __rmod__ = pointwise.rmod
    __rpow__ = pointwise.rpow
    __rand__ = pointwise.bitwise_and
    __ror__ = pointwise.bitwise_or
    __rxor__ = pointwise.bitwise_xor
    __eq__ = pointwise.eq  # type: ignore[assignment]
    __ne__ = pointwise.ne  # type: ignore[assignment]
    __lt__ = pointwise.lt
    __le__ = pointwise.le
    __gt__ = pointwise.gt
    __ge__ = pointwise.ge
    __neg__ = pointwise.neg
    __pos__ = pointwise.positive
    __abs__ = pointwise.absolute
    __invert__ = pointwise.bitwise_not

    # reduction, extreme, scan and norms

    sum = reduction.sum
    nansum = reduction.nansum
    prod = reduction.prod
    count_nonzero = reduction.count_nonzero
    mean = reduction.mean
    nanmean = reduction.nanmean
    var = reduction.var
    std = reduction.std
    all = reduction.all
    any = reduction.any
    logsumexp = reduction.logsumexp
    softmax = reduction.softmax
    log_softmax = reduction.log_softmax
    max = extreme.max
    min = extreme.min
    amax = extreme.amax
    amin = extreme.amin
    aminmax = extreme.aminmax
    argmax = extreme.argmax
    argmin = extreme.argmin
    cummax = extreme.cummax
    cummin = extreme.cummin
    cumsum = scan.cumsum
    cumprod = scan.cumprod
    logcumsumexp = scan.logcumsumexp
    diff = scan.diff
    norm = norms.norm
    dist = norms.dist

    # linalg, contraction and matrices

    matmul = linalg.matmul
    mm = linalg.mm
    bmm = linalg.bmm
    mv = linalg.mv
    dot = linalg.dot
    vdot = linalg.vdot
    inner = linalg.inner
    outer = linalg.outer
    ger = linalg.ger
    addmm = linalg.addmm
    addmv = linalg.addmv
    addr = linalg.addr
    baddbmm = linalg.baddbmm
    addbmm = linalg.addbmm
    apply_ = older.apply_
    map_ = older.map_
    map2_ = older.map2_
    new = older.new
    resize = older.resize
    resize_as = older.resize_as
    hardshrink = activation.hardshrink
    prelu = activation.prelu
    is_nonzero = facts.is_nonzero
    dense_dim = facts.dense_dim
    dim_order = facts.dim_order
    is_distributed = facts.is_distributed
    is_same_size = facts.is_same_size
    sparse_dim = facts.sparse_dim
    to_dense = convert.to_dense
    ndimension = older.ndimension
    sum_to_size = older.sum_to_size
    unsafe_chunk = older.unsafe_chunk
    unsafe_split = older.unsafe_split
    unsafe_split_with_sizes = older.unsafe_split_with_sizes

    geqrf = factoring.geqrf
    lu = factoring.plain_lu
    lu_solve = factoring.plain_lu_solve
    orgqr = factoring.householder_product
    ormqr = factoring.ormqr
    triangular_solve = factoring.triangular_solve
    svd = older.svd
    qr = older.qr
    cholesky = solving.plain_cholesky
    cholesky_inverse = solving.cholesky_inverse
    cholesky_solve = solving.cholesky_solve
    det = solving.det
    inverse = solving.inv
    logdet = solving.logdet
    matrix_exp = solving.matrix_exp
    matrix_power = solving.matrix_power
    pinverse = solving.pinverse
    slogdet = solving.slogdet
    kron = contraction.kron
    cross = matrices.cross
    trace = matrices.trace
    bernoulli = randomness.bernoulli
    multinomial = randomness.multinomial
    __matmul__ = linalg.matmul
    __rmatmul__ = linalg.rmatmul

    # In place

    copy_ = writing.copy_
    fill_ = writing.fill_
    zero_ = writing.zero_
    exp_ = inplace(pointwise.exp)
    exp2_ = inplace(pointwise.exp2)
    expm1_ = inplace(pointwise.expm1)
    log_ = inplace(pointwise.log)
    log2_ = inplace(pointwise.log2)
    log10_ = inplace(pointwise.log10)
    log1p_ = inplace(pointwise.log1p)
    sqrt_ = inplace(pointwise.sqrt)
    rsqrt_ = inplace(pointwise.rsqrt)
    reciprocal_ = inplace(pointwise.reciprocal)
    sin_ = inplace(pointwise.sin)
    cos_ = inplace(pointwise.cos)
    tan_ = inplace(pointwise.tan)
    sinh_ = inplace(pointwise.sinh)
    cosh_ = inplace(pointwise.cosh)
    tanh_ = inplace(pointwise.tanh)
    asin_ = arcsin_ = inplace(pointwise.asin)
    acos_ = arccos_ = inplace(pointwise.acos)
    atan_ = arctan_ = inplace(pointwise.atan)
    erf_ = inplace(pointwise.erf)
    erfinv_ = inplace(pointwise.erfinv)
    sigmoid_ = inplace(pointwise.sigmoid)
    relu_ = inplace(pointwise.relu)
    sign_ = inplace(pointwise.sign)
    square_ = inplace(pointwise.square)
    floor_ = inplace(pointwise.floor)
    ceil_ = inplace(pointwise.ceil)
    trunc_ = fix_ = inplace(pointwise.trunc)
    round_ = inplace(pointwise.round)
    neg_ = negative_ = inplace(pointwise.neg)
    add_ = inplace(pointwise.add)
    sub_ = subtract_ = inplace(pointwise.sub)
    mul_ = multiply_ = inplace(pointwise.mul)
    div_ = divide_ = true_divide_ = inplace(pointwise.div)
    floor_divide_ = inplace(pointwise.floor_divide)
    remainder_ = inplace(pointwise.remainder)
    fmod_ = inplace(pointwise.fmod)
    pow_ = inplace(pointwise.pow)
    atan2_ = arctan2_ = inplace(pointwise.atan2)
    hypot_ = inplace(pointwise.hypot)
    lerp_ = inplace(pointwise.lerp)
    addcmul_ = inplace(pointwise.addcmul)
    addcdiv_ = inplace(pointwise.addcdiv)
    eq_ = inplace(pointwise.eq)
    ne_ = not_equal_ = inplace(pointwise.ne)
    lt_ = less_ = inplace(pointwise.lt)
    le_ = less_equal_ = inplace(pointwise.le)
    gt_ = greater_ = inplace(pointwise.gt)
    ge_ = greater_equal_ = inplace(pointwise.ge)
    logical_and_ = inplace(pointwise.logical_and)
    logical_or_ = inplace(pointwise.logical_or)
    logical_xor_ = inplace(pointwise.logical_xor)
    logical_not_ = inplace(pointwise.logical_not)
    bitwise_and_ = inplace(pointwise.bitwise_and)
    bitwise_or_ = inplace(pointwise.bitwise_or)
    bitwise_xor_ = inplace(pointwise.bitwise_xor)
    bitwise_not_ = inplace(pointwise.bitwise_not)
    masked_fill_ = inplace(pointwise.masked_fill)
    clamp_ = clip_ = inplace(pointwise.clamp)
    nan_to_num_ = inplace(pointwise.nan_to_num)
    abs_ = absolute_ = inplace(pointwise.absolute)
    asinh_ = arcsinh_ = inplace(pointwise_special.asinh)
    acosh_ = arccosh_ = inplace(pointwise_special.acosh)
    atanh_ = arctanh_ = inplace(pointwise_special.atanh)
    erfc_ = inplace(pointwise_special.erfc)
    logit_ = inplace(pointwise_special.logit)
    xlogy_ = inplace(pointwise_special.xlogy)
    sinc_ = inplace(pointwise_special.sinc)
    deg2rad_ = inplace(pointwise_special.deg2rad)
    rad2deg_ = inplace(pointwise_special.rad2deg)
    frac_ = inplace(pointwise_special.frac)
    copysign_ = inplace(pointwise_special.copysign)
    heaviside_ = inplace(pointwise_special.heaviside)
    clamp_min_ = inplace(pointwise_special.clamp_min)
    clamp_max_ = inplace(pointwise_special.clamp_max)
    bitwise_left_shift_ = inplace(pointwise.bitwise_left_shift)
    bitwise_right_shift_ = inplace(pointwise.bitwise_right_shift)
    uniform_ = randomness.uniform_
    normal_ = randomness.normal_
    log_normal_ = randomness.log_normal_
    exponential_ = randomness.exponential_
    cauchy_ = randomness.cauchy_
    geometric_ = randomness.geometric_
    random_ = randomness.random_
    bernoulli_ = randomness.bernoulli_
    cumsum_ = inplace(scan.cumsum)
    cumprod_ = inplace(scan.cumprod)
    addmm_ = inplace(linalg.addmm)
    addmv_ = inplace(linalg.addmv)
    addr_ = inplace(linalg.addr)
    baddbmm_ = inplace(linalg.baddbmm)
    addbmm_ = inplace(linalg.addbmm)
    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __ifloordiv__ = floor_divide_
    __imod__ = remainder_
    __ipow__ = pow_
    __iand__ = bitwise_and_
    __ior__ = bitwise_or_
    __ixor__ = bitwise_xor_
    __ilshift__ = bitwise_left_shift_
    __irshift__ = bitwise_right_shift_
