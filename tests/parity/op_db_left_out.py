"""What of torch's table of operators is left out of the comparison, and why.

Entries that flambeau does not have are found by their names, in docs/coverage.md's list
where it has the name. Samples with sparse tensors are found by looking at them.
Everything else that is not compared, or is compared less, stands here.
"""

from __future__ import annotations

from fnmatch import filter as fnfilter
from fnmatch import fnmatchcase

from torch.testing._internal.common_methods_invocations import op_db

ENTRIES = [info.full_name for info in op_db]

WRAPS = "torch subtracts in uint8, which wraps; here losses are computed as floats"
NO_TENSOR = "the table calls a method of a tensor without a tensor"
BELOW_VIEW = "torch reads memory beyond a view; a leaf here has memory of its own"
AT_ZERO = "differs: the second derivative of a product where one element is 0"
UINT8_IMAGE = "differs by one: torch interpolates some images of uint8 in fixed point"
DENSE = "torch fills a result that has its input's strides in the order of memory"
POLE = "torch computes a large number at a pole; here it is infinite"
NOT_MASKED = "torch's slope for the triangle that is not read is not 0"
WRITTEN_OVER = "torch's slope is that of what is written over, not of the rest"
REAL_NUMBERS = "takes real numbers only, and says so of complex ones"
NO_WINDOW = "torch has no slope for a window of complex numbers"
COMPLEX_HALF = "gives complex32, which is out of scope"
ITSELF = "torch refuses the sample"
CANCELS = "what is left of numbers that cancel is rounding, in torch, too"
CORNER = "torch's second derivative of a norm at 0 is NaN; here it is 0"
NO_CHANNELS = "differs: torch takes an image without channels or images, or refuses it"
OVERFLOWS = "torch overflows in float16"
MANY_DIMS = "NumPy has no arrays of 65 dimensions, so that the table's has none here"
TWO_MISTAKES = "the call has two mistakes, of which torch names the other"
OTHER_KIND = "differs: torch raises another kind of error"
STRIDED_SAME = 'beyond torch: `padding="same"` with a stride'
OVERWRITTEN = "beyond torch: a result may be written over what it is made of"
ONES = "differs: torch adds up a dimension of size 1, so that integers become int64"

TAKES_MORE = "beyond torch: dtypes are promoted where torch refuses them"
TAKES_LESS = "differs: torch promotes dtypes that are refused here"
BY_ZERO = "differs: torch looks for a zero among integers that are divided by"

INSIDE = "the inside of torch's own: no public name"

# Entries that flambeau does not have and docs/coverage.md does not list.
ABSENT: dict[str, str] = {
    "_*": INSIDE,
    "torch.*": INSIDE,
    "native_*": INSIDE,
    "slice": INSIDE,
    "grid_sampler_*": INSIDE,
    "constant_pad_nd": INSIDE,
    "max_pool2d_with_indices_backward": INSIDE,
    "hash_tensor": INSIDE,
    "jiterator_*": "kernels written for a GPU",
    "sparse.*": "sparse tensors are out of scope",
    "__rdiv__": "a name of Python 2",
}

# Entries whose samples of complex numbers are refused.
REAL_ONLY = {
    *("cholesky*", "corrcoef", "geqrf", "logaddexp", "logcumsumexp", "logdet"),
    *("logsumexp", "lu", "lu_solve", "matrix_exp", "norm.nuc", "ormqr"),
    *("pca_lowrank", "pinverse", "qr", "svd", "svd_lowrank"),
    *("linalg.cholesky*", "linalg.cond", "linalg.eigh", "linalg.eigvalsh"),
    *("linalg.householder_product", "linalg.ldl_*", "linalg.lstsq*", "linalg.lu*"),
    *("linalg.matrix_rank*", "linalg.pinv*", "linalg.qr", "linalg.slogdet"),
    *("linalg.svd*", "nn.functional.conv*", "nn.functional.l1_loss"),
    *("nn.functional.rms_norm", "nn.functional.unfold"),
    *("nn.functional.triplet_margin_loss", "nn.functional.silu.complex"),
    *("nn.functional.softsign", "masked.logsumexp", "masked.std", "masked.var"),
    *("linalg.norm*", "linalg.matrix_norm"),
}

# Samples by entry, dtype and number, "noncontiguous" behind those; wrong calls by
# entry, "error" and number. `*` stands for anything.
SAMPLES: dict[str, str] = {
    "__radd__ error *": NO_TENSOR,
    "__rand__ error *": NO_TENSOR,
    "__rmul__ error *": NO_TENSOR,
    "__ror__ error *": NO_TENSOR,
    "__rxor__ error *": NO_TENSOR,
    "__rmod__ error *": NO_TENSOR,
    "__rpow__ error *": NO_TENSOR,
    "__rsub__ error *": NO_TENSOR,
    "as_strided float64 * noncontiguous": BELOW_VIEW,
    "as_strided_copy float64 * noncontiguous": BELOW_VIEW,
    "as_strided_scatter float64 * noncontiguous": BELOW_VIEW,
    "as_strided.partial_views * 1": BELOW_VIEW,
    "as_strided.partial_views * 2": BELOW_VIEW,
    "as_strided.partial_views * noncontiguous": BELOW_VIEW,
    "view_as_complex float64 * noncontiguous": ITSELF,
    "view_as_complex float16 *": COMPLEX_HALF,
    "complex float16 *": COMPLEX_HALF,
    "nn.functional.batch_norm float?? 3": NO_CHANNELS,
    "nn.functional.batch_norm float?? 4": NO_CHANNELS,
    "nn.functional.batch_norm bfloat16 4": NO_CHANNELS,
    "nn.functional.max_pool1d error 5": NO_CHANNELS,
    "nn.functional.max_pool3d error 4": NO_CHANNELS,
    "rand_like float64 1 noncontiguous": DENSE,
    "randn_like float64 1 noncontiguous": DENSE,
    "nn.functional.margin_ranking_loss uint8 *": WRAPS,
    "nn.functional.triplet_margin_loss uint8 *": WRAPS,
    "nn.functional.interpolate.bicubic uint8 0": UINT8_IMAGE,
    "nn.functional.interpolate.bicubic uint8 6": UINT8_IMAGE,
    "nn.functional.interpolate.bilinear uint8 9": UINT8_IMAGE,
    "nn.functional.interpolate.bilinear uint8 1?": UINT8_IMAGE,
    "*polygamma.* int16 0": POLE,
    "*polygamma.* int8 0": POLE,
    "matrix_exp float16 *": OVERFLOWS,
    "einsum *int* 10": ONES,
    "amax error 1": MANY_DIMS,
    "amax error 2": MANY_DIMS,
    "amin error 1": MANY_DIMS,
    "amin error 2": MANY_DIMS,
    "aminmax error 1": MANY_DIMS,
    "aminmax error 2": MANY_DIMS,
    "nn.functional.conv3d error 9": STRIDED_SAME,
    "nn.functional.multi_margin_loss error 4": TWO_MISTAKES,
    "multinomial error 6": TWO_MISTAKES,
    "narrow_copy error 1": OTHER_KIND,
    "nn.functional.max_pool1d error 17": NO_CHANNELS,
    "cat error 6": OVERWRITTEN,
    "cat error 7": OVERWRITTEN,
    "cat error 8": OVERWRITTEN,
    "gather error 6": OVERWRITTEN,
    "gather error 7": OVERWRITTEN,
    "kthvalue error 0": OVERWRITTEN,
    "masked_select error 1": OVERWRITTEN,
    "masked_select error 2": OVERWRITTEN,
    "take error 1": OVERWRITTEN,
    "take error 2": OVERWRITTEN,
    "multinomial error 2": TWO_MISTAKES,
    "ormqr error 1": TWO_MISTAKES,
}

# Samples with operands of two dtypes by entry, the dtypes and number.
PROMOTION: dict[str, str] = {
    "cdist *": TAKES_MORE,
    "dist float32 bool *": TAKES_MORE,
    "isin * bool *": TAKES_MORE,
    "isin bool *": TAKES_MORE,
    "ldexp float32 bool *": TAKES_MORE,
    "nn.functional.binary_cross_entropy_with_logits int64 float32 *": TAKES_MORE,
    "nn.functional.binary_cross_entropy_with_logits bfloat16 *": (
        "differs: torch gives the dtype of the target"
    ),
    "nn.functional.embedding_bag *": TAKES_MORE,
    "nn.functional.fractional_max_pool?d *": TAKES_MORE,
    "nn.functional.gaussian_nll_loss int64 *": TAKES_MORE,
    "nn.functional.gaussian_nll_loss * bool *": TAKES_MORE,
    "nn.functional.kl_div *int64 *": TAKES_MORE,
    "nn.functional.kl_div * bool *": TAKES_MORE,
    "nn.functional.l1_loss * bool *": TAKES_MORE,
    "nn.functional.margin_ranking_loss *bool *": TAKES_MORE,
    "nn.functional.margin_ranking_loss uint8 *": WRAPS,
    "nn.functional.multi_margin_loss *": TAKES_MORE,
    "nn.functional.multilabel_soft_margin_loss int64 *": TAKES_MORE,
    "nn.functional.multilabel_soft_margin_loss * bool *": TAKES_MORE,
    "nn.functional.poisson_nll_loss * bool *": TAKES_MORE,
    "nn.functional.triplet_margin_loss *bool *": TAKES_MORE,
    "nn.functional.triplet_margin_loss uint8 *": WRAPS,
    "special.*_polynomial_* *float16 *": TAKES_MORE,
    "special.zeta *float16 *": TAKES_MORE,
    "einsum *": TAKES_LESS,
    "linalg.solve_triangular *": TAKES_LESS,
    "nn.functional.hinge_embedding_loss *int*": TAKES_LESS,
    "nn.functional.linear_cross_entropy.* bfloat16 *": TAKES_LESS,
    "__rmod__ bool *": BY_ZERO,
    "div.*_rounding uint8 bool *": BY_ZERO,
    "floor_divide uint8 bool *": BY_ZERO,
    "fmod uint8 bool *": BY_ZERO,
    "remainder uint8 bool *": BY_ZERO,
}

# Entries whose results are not determined: shapes and dtypes are compared.
SHAPES_ONLY: dict[str, str] = {
    "empty": "its values are what lay in memory",
    "empty_like": "its values are what lay in memory",
    "new_empty": "its values are what lay in memory",
    "new_empty_strided": "its values are what lay in memory",
    "empty_strided": "its values are what lay in memory",
    "empty_permuted": "its values are what lay in memory",
}

# Samples with equal elements, which torch leaves in an order of its own: instead of
# their indices, what these pick is compared.
ANY_ORDER: tuple[str, ...] = (
    "sort bfloat16 0",
    "sort float16 0",
    "sort int8 0",
    "sort uint8 0",
    "sort bool 0",
    "argsort bfloat16 0",
    "argsort float16 0",
    "argsort int8 0",
    "argsort uint8 0",
    "argsort bool 0",
    "kthvalue *int* *",
    "topk *int* *",
    "topk bfloat16 *",
    "mode *int* 6",
    "mode *float16 6",
    "mode bool 6",
)

# Samples by pattern that are differentiated less often than torch's table says.
FEWER: dict[str, tuple[int, str]] = {
    "as_strided_scatter *": (0, WRITTEN_OVER),
    "cholesky_solve float?? [6-9]": (0, NOT_MASKED),
    "cholesky_solve float?? 1?": (0, NOT_MASKED),
    "istft complex* 8": (0, NO_WINDOW),
    "istft complex* 9": (0, NO_WINDOW),
    "renorm complex64 3": (0, CORNER),
    "cov complex128 24": (1, CANCELS),
    "index_reduce.prod float64 8": (1, AT_ZERO),
    "scatter_reduce.prod float64 21": (1, AT_ZERO),
    **{
        f"linalg.norm.subgradients_at_zero float64 {at}": (1, CORNER)
        for at in (0, 2, 4, 7, 8, 9, 10, 12, 14, 16, 19, 20, 21, 22, 36, 37, 45, 46)
    },
    "linalg.norm.subgradients_at_zero * noncontiguous": (1, CORNER),
    "masked.logaddexp *": (
        1,
        "torch's second is NaN where one of two numbers is left out",
    ),
    "nn.functional.linear_cross_entropy.chunked *": (
        1,
        "torch gives zeros for the second",
    ),
    "nn.functional.linear_cross_entropy.chunked_none *": (
        1,
        "torch gives zeros for the second",
    ),
}

# Entries with another tolerance in float64.
LESS_EXACT: dict[str, tuple[float, str]] = {
    "mvlgamma.*": (1e-8, "torch's trigamma has eight digits"),
    "svd_lowrank": (1e-9, "its second derivatives pass through five decompositions"),
    "special.airy_ai": (1e-6, "torch's has eight digits below -2"),
    "special.bessel_??": (1e-5, "torch's has six digits between 5 and 25"),
    "igamma*": (1e-8, "torch's has nine digits where both arguments are large"),
    "special.chebyshev_polynomial_?": (1e-11, "torch computes it by other functions"),
    "nn.functional.binary_cross_entropy": (
        1e-9,
        "torch adds 1e-12 to what it divides by in the second derivative",
    ),
    "nn.functional.hardsigmoid": (1e-7, "torch multiplies by a sixth in float32"),
    "nn.functional.normalize": (1e-11, "the parts of its second derivative cancel"),
}

# What messages say in other words: torch's pattern, and what is meant here.
SAME_MEANING: tuple[tuple[str, str], ...] = (
    (
        "Expected object of scalar type .* for argument 'out'",
        "out tensor to have dtype",
    ),
    (
        r"received an invalid combination of arguments",
        r"must be Tensor, not|cannot be interpreted as an integer",
    ),
    (
        r"must be Tensor, not",
        r"must be Tensor, not",
    ),
    (
        r"non-empty (list of Tensors|TensorList)",
        r"expected a non-empty list of tensors",
    ),
    (
        r"Expected the dtype for input and out to match",
        r"Expected out tensor to have dtype",
    ),
    (
        r"input must have at least 2 dimensions",
        r"must have at least 2 dimensions",
    ),
    (
        r"requiring a storage size",
        r"reach element .* but the storage has",
    ),
    (
        r"Sizes of tensors must match",
        r"sizes of tensors must match",
    ),
    (
        r"Size does not match at dimension|Index tensor "
        r"must have the same number of dimensions as self",
        r"must have as many dimensions as the tensor of shape .* and be no larger",
    ),
    (
        r"Index tensor must have the same number of dimensions as src",
        r"to be no larger than src .* with as many dimensions",
    ),
    (
        r"is out of bounds for dimension",
        r"is out of bounds for a dimension of size",
    ),
    (
        r"source tensor shape must match self tensor shape",
        r"source tensor shape must match self tensor shape",
    ),
    (
        r"masked_scatter_ only supports boolean masks",
        r"masked_scatter only supports boolean masks",
    ),
    (
        r"prob_dist must be 1 or 2 dim",
        r"must be 1-D or 2-D",
    ),
    (
        r"cannot sample n_sample <= 0 samples",
        r"num_samples must be positive",
    ),
    (
        r"cannot sample n_sample > prob_dist",
        r"cannot draw num_samples=.* without replacement",
    ),
    (
        r"probability tensor contains either",
        r"every weight must be finite and >= 0",
    ),
    (
        r"length must be non-negative",
        r"length must be non-negative",
    ),
    (
        r"start \(0\) \+ length \(-1\) exceeds",
        r"length must be non-negative",
    ),
    (
        r"output_size' should contain one int|"
        r"output_size must be|"
        r"output_size.size\(\) must be",
        r"output_size must be an int or . ints",
    ),
    (
        r"Trying to create tensor with negative dimension",
        r"output_size must be greater than or equal to 0",
    ),
    (
        r"non-empty 4D or 5D",
        r"Expected 4D .* or 5D",
    ),
    (
        r"(stride|dilation|kernel_size) must be greater than zero",
        r"(stride|dilation|kernel_size) must be positive",
    ),
    (
        r"non-positive stride is not supported",
        r"stride must be positive",
    ),
    (
        r"dilation should be greater than zero",
        r"dilation must be positive",
    ),
    (
        r"weight should have at least three dimensions"
        r"|-dimensional input for .*-dimensional weight",
        r"weight must have . dimensions",
    ),
    (
        r"abc is not valid",
        r"abc is not a valid value for reduction",
    ),
    (
        r"The size of tensor a .* must match the size of tensor b",
        r"do not broadcast: .* they must be equal or 1",
    ),
    (
        r"Expected 2D or 3D .*got:\[\]|"
        r"Expected 2D or 3D .*got:\[\d+\]|"
        r"Expected 2D or 3D .*got:\[\d+, \d+, \d+, \d+\]",
        r"Expected 2D .* or 3D",
    ),
    (
        r"Expected (2D or 3D|"
        r"3D or 4D) .*0|"
        r"non-batch dimensions to have positive length",
        r"has no pixels",
    ),
    (
        r"Invalid computed output size|Calculated output size",
        r"Kernel size can't be greater than actual input size",
    ),
    (
        r"Not allow zero-dim input",
        r"Mismatch of parameter numbers and input channel size",
    ),
    (
        r"lambda must be in range",
        r"lambda must be greater or equal to 0",
    ),
    (
        r"Index tensor must have the same number of dimensions as input",
        r"must have as many dimensions as the tensor of shape",
    ),
    (
        r"invalid multinomial distribution .sum of probabilities <= 0",
        r"the weights of a row must not all be 0",
    ),
    (
        r"invalid multinomial distribution .encountering",
        r"every weight must be finite and >= 0",
    ),
)


def reason_for(name: str) -> str | None:
    """Return why a sample is left out, if it is."""
    entry, _, rest = name.partition(" ")
    if rest.startswith("complex") and takes_real_numbers_only(entry):
        return REAL_NUMBERS
    return next(
        (why for pattern, why in SAMPLES.items() if fnmatchcase(name, pattern)), None
    )


def is_in_any_order(name: str) -> bool:
    """Whether a sample has equal elements, whose order is not determined."""
    return any(fnmatchcase(name, pattern) for pattern in ANY_ORDER)


def most_orders(name: str) -> int:
    """Return how many times at most a sample is differentiated."""
    found = (most for pattern, (most, _) in FEWER.items() if fnmatchcase(name, pattern))
    return next(found, 2)


def promotion_reason(name: str) -> str | None:
    """Return why a sample of two dtypes is left out, if it is."""
    return next(
        (why for pattern, why in PROMOTION.items() if fnmatchcase(name, pattern)), None
    )


def takes_real_numbers_only(entry: str) -> bool:
    """Whether an entry refuses complex numbers that torch takes."""
    return any(fnmatchcase(entry, pattern) for pattern in REAL_ONLY)


def entries_of(pattern: str) -> set[str]:
    """Return the entries that a pattern of samples may be about."""
    return set(fnfilter(ENTRIES, pattern.split(" ")[0]))


def absence(name: str) -> str | None:
    """Return why an entry is not here that is no public name of the list."""
    return next(
        (why for pattern, why in ABSENT.items() if fnmatchcase(name, pattern)), None
    )


def less_exact(entry: str) -> float | None:
    """Return the tolerance of an entry in float64, if it has its own."""
    return next(
        (
            far
            for pattern, (far, _) in LESS_EXACT.items()
            if fnmatchcase(entry, pattern)
        ),
        None,
    )
