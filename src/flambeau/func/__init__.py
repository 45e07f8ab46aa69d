"""Functions made from functions: derivatives, and maps over batches; ``torch.func``."""

from .calls import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .derivatives import grad, grad_and_value, hessian, jacfwd, jacrev
from .products import jvp, linearize, vjp
from .rearrange import rearrange
from .vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
