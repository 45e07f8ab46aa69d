"""Special functions; torch's ``torch.special``."""

from .tensor.out import taking_out as _taking_out
from .tensor.pointwise import (
    erf,
    erfinv,
    exp2,
    expm1,
    log1p,
    round,
)
from .tensor.pointwise import sigmoid as expit
from .tensor.pointwise_rare import (
    digamma,
    entr,
    ndtr,
    polygamma,
    xlog1py,
)
from .tensor.pointwise_rare import digamma as psi
from .tensor.pointwise_rare import lgamma as gammaln
from .tensor.pointwise_rare import mvlgamma as multigammaln
from .tensor.pointwise_special import erfc, logit, sinc, xlogy
from .tensor.reduction import log_softmax, logsumexp, softmax
from .tensor.special import FUNCTIONS as _FUNCTIONS
from .tensor.special import (
    erfcx,
    gammainc,
    gammaincc,
    i0,
    i0e,
    i1,
    i1e,
    log_ndtr,
    ndtri,
    zeta,
)

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
    *_FUNCTIONS,
]

globals().update(_FUNCTIONS)
globals().update(_taking_out(globals(), __name__))
