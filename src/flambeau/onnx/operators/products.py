"""Products of matrices, and losses."""

from __future__ import annotations

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []


@operator("MatMul")
def matmul(call: Call) -> Tensor:
    """Multiply matrices, or batches of them."""
    return fl.matmul(call[0], call[1])


@operator("Gemm")
def gemm(call: Call) -> Tensor:
    """Return alpha A B + beta C, each matrix transposed if asked for."""
    a = call[0].T if call.get("transA", 0) else call[0]
    b = call[1] if call.get("transB", 0) else call[1].T
    alpha, beta, c = call.get("alpha", 1.0), call.get("beta", 1.0), call.optional(2)
    if alpha == beta == 1 and c is not None and c.ndim == 1 and c.numel() == len(b):
        return F.linear(a, b, c)
    product = F.linear(a, b)
    product = product if alpha == 1 else product * alpha
    return product if c is None else product + (c if beta == 1 else c * beta)


@operator("Einsum")
def einsum(call: Call) -> Tensor:
    """Sum products over the letters that the result lacks."""
    return fl.einsum(call.get("equation"), *call.tensors())


@operator("Det")
def det(call: Call) -> Tensor:
    """Return determinants."""
    return fl.linalg.det(call[0])


@operator("NegativeLogLikelihoodLoss")
def nll_loss(call: Call) -> Tensor:
    """Return the negative log-likelihood of the targets."""
    ignored = call.get("ignore_index", -100)
    reduction = call.get("reduction", "mean")
    weight = call.optional(2)
    return F.nll_loss(
        call[0], call[1].long(), weight, ignore_index=ignored, reduction=reduction
    )


@operator("SoftmaxCrossEntropyLoss")
def cross_entropy(call: Call) -> tuple[Tensor, Tensor] | Tensor:
    """Return the cross-entropy of scores, and the log-probabilities."""
    logs = F.log_softmax(call[0], 1)
    loss = F.nll_loss(
        logs,
        call[1].long(),
        call.optional(2),
        ignore_index=call.get("ignore_index", -100),
        reduction=call.get("reduction", "mean"),
    )
    return loss if call.outputs == 1 else (loss, logs)
