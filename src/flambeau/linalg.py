"""Linear algebra: norms, products, equations and QR; torch's ``torch.linalg``."""

from .tensor.contraction import multi_dot
from .tensor.equations import inv, matrix_exp, solve
from .tensor.linalg import matmul, vecdot
from .tensor.matrices import linalg_cross as cross
from .tensor.matrices import qr
from .tensor.norms import linalg_norm as norm
from .tensor.norms import matrix_norm, vector_norm

__all__ = [
    "cross",
    "inv",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "multi_dot",
    "norm",
    "qr",
    "solve",
    "vecdot",
    "vector_norm",
]
