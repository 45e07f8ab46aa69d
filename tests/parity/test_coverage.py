"""The list of torch's names is that of live torch."""

import inspect
from collections.abc import Iterator

import torch
import torch.nn.utils.prune

from tools import coverage

# What modules of torch have for their own use, or from elsewhere.
HELPERS = {
    "boolean_dispatch",
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "reproducibility_notes",
    "sparse_support_notes",
    "tf32_notes",
}
OWN = ("torch", "_torch")


def functions(module: object) -> Iterator[str]:
    """The functions that a module of torch offers."""
    for name in dir(module):
        value = getattr(module, name)
        public = not name.startswith("_") and name not in HELPERS
        if public and callable(value) and not inspect.isclass(value):
            home = getattr(value, "__module__", None) or "torch"
            if home.startswith(OWN) and not name.isupper():
                yield name


def classes(module: object) -> Iterator[str]:
    """The classes that a module of torch offers."""
    for name in dir(module):
        value = getattr(module, name)
        if inspect.isclass(value) and value.__module__.startswith("torch.nn"):
            yield name


def live_names() -> dict[str, list[str]]:
    """Torch's public names by the module or class that has them."""
    documented = [
        n for n in functions(torch) if (getattr(torch, n).__doc__ or "").strip()
    ]
    nn, utils, optim = torch.nn, torch.nn.utils, torch.optim
    own = [n for n in dir(utils.prune) if inspect.isclass(getattr(utils.prune, n))]
    prune = [n for n in own if n not in ("ABC", "Iterable")]
    return {
        "torch": sorted(documented),
        "nn": sorted(classes(nn)),
        "nn.functional": sorted(functions(nn.functional)),
        "nn.init": sorted(functions(nn.init)),
        "nn.utils": sorted(utils.__all__),
        "nn.utils.parametrizations": sorted(utils.parametrizations.__all__),
        "nn.utils.parametrize": sorted(utils.parametrize.__all__),
        "nn.utils.prune": sorted([*prune, *functions(utils.prune)]),
        "nn.utils.rnn": sorted(utils.rnn.__all__),
        "optim": sorted(optim.__all__),
        "optim.lr_scheduler": sorted(optim.lr_scheduler.__all__),
        "optim.swa_utils": sorted(optim.swa_utils.__all__),
        "func": sorted(torch.func.__all__),
        "autograd.functional": sorted(torch.autograd.functional.__all__),
        "linalg": sorted(functions(torch.linalg)),
        "fft": sorted(functions(torch.fft)),
        "special": sorted(functions(torch.special)),
        "Tensor": sorted(n for n in dir(torch.Tensor) if not n.startswith("_")),
    }


def test_the_list_of_names_is_torchs() -> None:
    listed = coverage.read_names()
    assert {owner: sorted(names) for owner, names in listed.items()} == live_names()
