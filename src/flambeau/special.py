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

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "log1p",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
]

globals().update(_taking_out(globals(), __name__))
