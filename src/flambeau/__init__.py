"""flambeau: torch.nn for machines without a GPU."""

from . import autograd
from .tensor import Tensor
