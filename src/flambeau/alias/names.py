"""Which of flambeau's modules answers for which of torch's, and what nobody answers.

Everything the alias knows about names stands here; the mechanism is in `finder.py`.
"""

from __future__ import annotations

from ..scope import absence

__all__ = ["VERSIONS", "first_of", "missing", "out_of_scope", "target_of"]

# The versions whose names and numbers flambeau has; programs compare them.
VERSIONS = {
    "torch": "2.13.0+flambeau",
    "torch.version": "2.13.0+flambeau",
    "torchvision": "0.28.0+flambeau",
}

# torch's packages that flambeau has under the same name.
PUBLIC = frozenset(
    {
        "accelerator",
        "amp",
        "autograd",
        "backends",
        "cuda",
        "distributed",
        "fft",
        "func",
        "fx",
        "hub",
        "jit",
        "library",
        "linalg",
        "masked",
        "nn",
        "onnx",
        "optim",
        "overrides",
        "random",
        "serialization",
        "signal",
        "special",
        "types",
        "utils",
        "version",
    }
)

# Modules that flambeau keeps somewhere else. A name stands for all below it.
RENAMED = {
    "torch._C": "flambeau.alias.internals",
    "torch._dynamo.utils": "flambeau.alias.internals",
    "torch._jit_internal": "flambeau.jit",
    "torch.compiler": "flambeau.replay.control",
    "torch.cuda.amp": "flambeau.amp.cuda",
    "torch.mps": "flambeau.accelerator",
    "torch.multiprocessing": "multiprocessing",
    "torch.nn.modules": "flambeau.nn",
    "torch.nn.modules.instancenorm": "flambeau.nn.batchnorm",
    "torch.nn.modules.module": "flambeau.nn.modules.module",
    "torch.nn.modules.utils": "flambeau.nn.modules.utils",
    "torch.utils.data._utils": "flambeau.utils.data",
    "torch.utils.hooks": "flambeau.nn.hooks",
    "torch.xpu": "flambeau.accelerator",
    "torchvision": "flambeau.vision",
    "torchvision.transforms.v2": "flambeau.vision.transforms",
    "torchvision.ops._register_onnx_ops": "flambeau.alias.internals",
}

# What is out of scope: it can be imported, so that programs which may do without it
# run, and raises where something of it is used.
OUT_OF_SCOPE = {
    "torch._dynamo": "this compiler is not here; flambeau.compile is",
    "torch._inductor": "this compiler is not here; flambeau.compile is",
    "torch.ao": "quantization is out of scope",
    "torch.export": "exported programs are out of scope; flambeau.onnx writes ONNX",
    "torch.package": "torch.package is out of scope",
    "torch.quantization": "quantization is out of scope",
    "torch.sparse": "sparse tensors are out of scope",
    "torchvision.models.quantization": "quantization is out of scope",
    "torchvision.prototype": "it is not for programs",
}

# The parts of torchvision for which flambeau answers even where it is installed.
OWN_VISION = ("torchvision.datasets", "torchvision.transforms")


def target_of(name: str) -> str | None:
    """Return flambeau's name for a module of torch or torchvision, if it may have one.

    Example:
        >>> target_of("torch.nn.functional"), target_of("torch.graph")
        ('flambeau.nn.functional', None)
    """
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:end]), parts[end:]
        if head in RENAMED:
            return ".".join([RENAMED[head], *rest])
    if parts[0] == "torch" and (len(parts) == 1 or parts[1] in PUBLIC):
        return ".".join(["flambeau", *parts[1:]])
    return None


def out_of_scope(name: str) -> str | None:
    """Return why nobody answers for a module, or None.

    Example:
        >>> out_of_scope("torch.ao.quantization")
        'quantization is out of scope'
    """
    parts = name.split(".")
    heads = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    if name in RENAMED:
        return None
    return next((OUT_OF_SCOPE[head] for head in heads if head in OUT_OF_SCOPE), None)


def missing(name: str) -> str:
    """Return the message for a name that nobody answers for."""
    owner, _, last = name.removeprefix("torch.").rpartition(".")
    return f"flambeau has no {name}{absence(owner or 'torch', last)}"


def first_of(name: str) -> str:
    """Return who answers first, "flambeau" or the "installed" torchvision."""
    own = not name.startswith("torchvision.") or name in RENAMED
    inside = any(name == each or name.startswith(f"{each}.") for each in OWN_VISION)
    return "flambeau" if own or inside else "installed"
