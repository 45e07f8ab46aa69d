"""Where the project's files are, and which modules the package has."""

import pkgutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "flambeau"

# `python -m flambeau` and the like run when imported, so they are left out.
MODULES = [
    "flambeau",
    *sorted(
        found.name
        for found in pkgutil.walk_packages([str(PACKAGE)], "flambeau.")
        if not found.name.endswith("__main__")
    ),
]
