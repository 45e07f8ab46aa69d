"""See what is computed: graphs, passes, kernels, their code, and where the time goes.

with flambeau.debug.record() as log:
train_one_step()
print(log.profile())
"""

from .computation import Computation
from .log import Log, explain, record
from .perfmap import write_perf_map
from .profile import Profile, Row

__all__ = [
    "explain",
    "record",
    "Log",
    "Computation",
    "Profile",
    "Row",
    "write_perf_map",
]
