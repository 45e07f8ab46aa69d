"""How each op is written as ONNX nodes, in a table per family."""

from .elementwise import ELEMENTWISE
from .movement import MOVEMENT
from .reductions import REDUCTIONS
from .whole import WHOLE
from .windows import WINDOWS

__all__ = ["RULES", "WHOLE"]

RULES = {**ELEMENTWISE, **MOVEMENT, **REDUCTIONS, **WINDOWS}
