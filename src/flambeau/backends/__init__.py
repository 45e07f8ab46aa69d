"""`torch.backends`: the switches of libraries that torch calls and flambeau has not.

A switch can be set and read. It changes nothing: flambeau's kernels are its own, always
deterministic, and in the precision of the tensors they are given.
"""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
