"""PyTorch programs, unchanged: `python -m flambeau SCRIPT` answers their imports.

Under the alias `import torch.nn.functional` gives flambeau's module of that name, and
`import torchvision` flambeau's data sets and transforms beside the models of an
installed torchvision. Nothing of it is active unless asked.
"""

from .finder import install, uninstall
from .run import main, run_module, run_script

__all__ = ["install", "main", "run_module", "run_script", "uninstall"]
