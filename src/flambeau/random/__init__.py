"""PyTorch's CPU random stream: the same seed gives the same numbers.

Everything is drawn from a `Generator`. The functions take one first and return NumPy
arrays; each leaves the stream exactly where torch's function of that name leaves it.
Integers, uniforms, permutations and Bernoulli draws are the same bits as torch's on a
CPU with fused multiply-add, and so are float32 normals; what goes through a float64
logarithm or sine agrees within the accuracy of the C library's.
"""

from .default import (
    current_generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
    use_generator,
)
from .discrete import bernoulli, multinomial
from .generator import Generator
from .integers import integers, randint, randperm
from .normal import log_normal, normal
from .poisson import poisson
from .transforms import cauchy, exponential, geometric
from .truncated import truncated_normal
from .uniform import uniform

__all__ = [
    "Generator",
    "bernoulli",
    "cauchy",
    "current_generator",
    "default_generator",
    "exponential",
    "fork_rng",
    "geometric",
    "get_rng_state",
    "initial_seed",
    "integers",
    "log_normal",
    "manual_seed",
    "multinomial",
    "normal",
    "poisson",
    "randint",
    "randperm",
    "seed",
    "set_rng_state",
    "truncated_normal",
    "uniform",
    "use_generator",
]
