"""Model definitions of installed packages, run on flambeau and on torch.

    python -m parity.zoo torchvision [NAME...]    (with PYTHONPATH=tests)
    python -m parity.zoo timm [NAME...]

compares every builder, or those named, and prints a line for each and the counts: what
builds, runs, and agrees.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from parity.borrowed import Borrower

import flambeau

OUTPUT_LIMIT, GRADIENT_LIMIT, EXACT_LIMIT = 1e-4, 1e-3, 1e-9


@dataclass(frozen=True)
class Entry:
    """A builder by name, its options, and the shape of what the network takes."""

    package: str
    name: str
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)


class Distances(dict[str, float]):
    """How far flambeau is from torch, by what is compared: relative, L2."""

    @property
    def agree(self) -> bool:
        """Whether the output and the gradients are within the limits.

        A unit of ReLU that rounding turns on or off moves the gradients of a small
        batch by more: those have to agree in float64.
        """
        gradients = self["gradients"] <= GRADIENT_LIMIT
        exactly = self.get("float64", 1.0) <= EXACT_LIMIT
        return self["output"] <= OUTPUT_LIMIT and (gradients or exactly)


def compare(entry: Entry, borrower: Borrower) -> Distances:
    """Build a network in both libraries with the same weights, run and train it."""
    torch.manual_seed(0)
    theirs = quiet(build(entry))
    images = np.random.default_rng(0).standard_normal(entry.shape).astype(np.float32)
    measure_statistics(theirs, images)
    weights = {k: v.numpy() for k, v in theirs.state_dict().items()}
    with borrower.active():
        ours = quiet(build(entry))
        made = ours.state_dict()
        assert made.keys() == weights.keys()
        made.update({k: flambeau.tensor(v) for k, v in weights.items()})
        ours.load_state_dict(made)
    found = Distances()
    with torch.no_grad():
        expected = values(theirs.eval()(torch.from_numpy(images)))
    with borrower.active(), flambeau.no_grad():
        got = values(ours.eval()(flambeau.tensor(images)))
    found["output"] = distance(got, expected)
    start = {k: v.clone() for k, v in theirs.state_dict().items()}
    found["gradients"] = slope_distance(ours, theirs, images, borrower)
    if found["gradients"] > GRADIENT_LIMIT:
        theirs.load_state_dict(start)
        with borrower.active():
            ours.load_state_dict(made)
        pair = ours.double(), theirs.double()
        found["float64"] = slope_distance(*pair, images.astype(np.float64), borrower)
    return found


def slope_distance(
    ours: Any, theirs: Any, images: np.ndarray, borrower: Borrower
) -> float:
    """Train both for a step; return how far all gradients are apart."""
    expected = train(torch, theirs.train(), images)
    with borrower.active():
        got = train(flambeau, ours.train(), images)
    assert got.keys() == expected.keys()
    whole = np.sqrt(sum(np.sum(np.square(g)) for g in expected.values()))
    apart = sum(np.sum(np.square(got[k] - g)) for k, g in expected.items())
    return float(np.sqrt(apart) / whole)


def measure_statistics(model: Any, images: np.ndarray) -> None:
    """Let batch norms know the statistics of the images, so that nothing fades away."""
    norms = [m for m in model.modules() if getattr(m, "running_var", None) is not None]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.from_numpy(images))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum


def build(entry: Entry) -> Any:
    """Build a network by its package's registry."""
    package = importlib.import_module(entry.package)
    if entry.package == "timm":
        return package.create_model(entry.name, pretrained=False, **entry.options)
    return package.get_model(entry.name, weights=None, **entry.options)


def quiet(model: Any) -> Any:
    """Let nothing in a network be random."""
    for module in model.modules():
        for name in ("p", "drop_prob", "drop_rate"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
        if type(module).__name__ == "MultiheadAttention":
            module.dropout = 0.0
    return model


def tensors(result: Any) -> list[Any]:
    """The tensors of a network's result: one, a tuple, or a dict of them."""
    if isinstance(result, dict):
        return [t for part in result.values() for t in tensors(part)]
    if isinstance(result, tuple | list):
        return [t for part in result if part is not None for t in tensors(part)]
    return [result]


def values(result: Any) -> np.ndarray:
    """All numbers of a network's result."""
    return np.concatenate([t.detach().numpy().ravel() for t in tensors(result)])


def distance(got: np.ndarray, expected: np.ndarray) -> float:
    """The relative distance, L2."""
    assert got.shape == expected.shape
    expected = expected.astype(np.float64)
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


def train(library: Any, model: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Take one step; return each parameter's gradient."""
    optimizer = library.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss = 0.0
    for at, result in enumerate(tensors(model(library.tensor(images)))):
        rng = np.random.default_rng(at)
        weight = rng.standard_normal(tuple(result.shape)).astype(images.dtype)
        loss = loss + (result * library.tensor(weight)).mean()
    loss.backward()
    optimizer.step()
    named = model.named_parameters()
    found = {k: v.grad.numpy() for k, v in named if v.grad is not None}
    model.zero_grad()
    return found


TORCHVISION_VIDEO = ("r3d", "mc3", "r2plus1d", "s3d", "swin3d", "mvit")
TORCHVISION_LEFT_OUT = ("rcnn", "retinanet", "fcos", "ssd", "raft", "quantized")


def torchvision_entries() -> list[Entry]:
    """Every builder of classification, segmentation and video."""
    importlib.import_module("parity.torchvision_oracle")
    names = importlib.import_module("torchvision.models").list_models()
    left_out = TORCHVISION_LEFT_OUT
    return [torchvision_entry(n) for n in names if not any(w in n for w in left_out)]


def torchvision_entry(name: str) -> Entry:
    """A builder of torchvision with a small input."""
    options: dict[str, Any] = {}
    shape: tuple[int, ...] = (2, 3, 64, 64)
    if name.startswith(("inception", "googlenet")):
        options["init_weights"] = False
        shape = (2, 3, 299, 299) if name.startswith("inception") else shape
    elif name.startswith("vit_"):
        size = 2 * int(name.rpartition("_")[2])
        options["image_size"], shape = size, (2, 3, size, size)
    elif name.startswith("maxvit"):
        shape = (1, 3, 224, 224)
    elif name.startswith(("s3d", "mvit")):
        shape = (1, 3, 16, 224, 224)
    elif name.startswith(TORCHVISION_VIDEO):
        shape = (2, 3, 4, 32, 32)
    elif name.startswith(("fcn", "deeplabv3", "lraspp")):
        options["weights_backbone"] = None
    return Entry("torchvision.models", name, shape, options)


# A builder or two of each convolutional family of timm, the smallest ones.
TIMM = """
    resnet10t resnet18 resnet26d resnext50_32x4d seresnext26d_32x4d resnetv2_50
    regnetx_002 regnety_002 regnetz_005 densenet121 efficientnet_b0 efficientnet_lite0
    tf_efficientnet_b0 tf_efficientnetv2_b0 mobilenetv1_100 mobilenetv2_050
    mobilenetv3_small_050 tf_mobilenetv3_large_075 mobilenetv4_conv_small_035
    convnext_atto convnextv2_atto mnasnet_small mnasnet_050 ghostnet_050 ghostnetv2_100
    ghostnetv3_050 dla34 dla46_c dla46x_c hrnet_w18_small inception_v3 inception_v4
    inception_resnet_v2 dm_nfnet_f0 nfnet_l0 eca_nfnet_l0 nf_regnet_b0 nf_resnet50
    repvgg_a0 repvgg_d2se vgg11 vgg11_bn xception41 xception65p legacy_xception
    legacy_seresnet18 legacy_seresnext26_32x4d cspresnet50 cspdarknet53 darknet17
    cs3darknet_s dpn48b dpn68 gernet_s rexnet_100 selecsls42 skresnet18 res2net50_14w_8s
    resnest14d hardcorenas_a fbnetc_100 spnasnet_100 lcnet_035 tinynet_e vovnet39a
"""


def timm_entries() -> list[Entry]:
    """Builders of timm's convolutional families, with small images."""
    known = set(importlib.import_module("timm").list_models())
    return [timm_entry(name) for name in TIMM.split() if name in known]


def timm_entry(name: str) -> Entry:
    """A builder of timm with a small input."""
    size = 128 if name.startswith(("inception", "legacy_xc")) else 64
    return Entry("timm", name, (2, 3, size, size), {"num_classes": 10})


def attempt(entry: Entry, borrower: Borrower, verbose: bool) -> str:
    """Compare, and say in a word how far it got."""
    started = time.perf_counter()
    try:
        found = compare(entry, borrower)
    except Exception as error:
        if verbose:
            traceback.print_exc()
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"{entry.name:36} fails   {text}", flush=True)
        return "fails"
    finally:
        gc.collect()
    word = "agrees" if found.agree else "differs"
    numbers = "  ".join(f"{k} {v:.1e}" for k, v in found.items())
    took = time.perf_counter() - started
    print(f"{entry.name:36} {word:7} {numbers}  {took:.1f} s", flush=True)
    return word


def main() -> None:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", choices=["torchvision", "timm"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    importlib.import_module("parity.torchvision_oracle")
    entries = (
        torchvision_entries() if chosen.package == "torchvision" else timm_entries()
    )
    if chosen.names:
        entries = [e for e in entries if e.name in chosen.names]
    borrower = Borrower("timm")
    counts = Counter(attempt(e, borrower, chosen.verbose) for e in entries)
    print(f"{len(entries)} builders:", dict(counts))


if __name__ == "__main__":
    main()
