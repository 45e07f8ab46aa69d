"""The table of layers and functions: a record each, with its meaning in NumPy.

The tests of values, dtypes, derivatives, printed forms and of agreement with torch run
over all records. A family of layers is a module; listing it here is all it needs.
"""

from types import ModuleType

import cases_activation
import cases_attention
import cases_linear
import cases_linear_loss
import cases_loss
import cases_margin
import cases_norm
import cases_padding
import cases_recurrent
import cases_resize
import cases_sampling
import cases_windows
from case import Case

FAMILIES = (
    cases_windows,
    cases_linear,
    cases_activation,
    cases_attention,
    cases_norm,
    cases_recurrent,
    cases_resize,
    cases_sampling,
    cases_linear_loss,
    cases_loss,
    cases_margin,
    cases_padding,
)


def joined(families: tuple[ModuleType, ...]) -> dict[str, Case]:
    """Return the records of all families by name."""
    found: dict[str, Case] = {}
    for family in families:
        twice = found.keys() & family.CASES.keys()
        assert not twice, f"{family.__name__} repeats the names {twice}"
        found |= family.CASES
    return found


CASES = joined(FAMILIES)
