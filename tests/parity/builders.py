"""The builders of networks that installed packages have, and the inputs they take."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A builder by name, its options, and the shape of what the network takes."""

    package: str
    name: str
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Any:
        """Build the network by its package's registry, with nothing random in it."""
        package = importlib.import_module(self.package)
        if self.package == "timm":
            make, absent = package.create_model, {"pretrained": False}
        else:
            make, absent = package.get_model, {"weights": None}
        return quiet(make(self.name, **absent, **self.options))


def quiet(model: Any) -> Any:
    """Let nothing in a network be random."""
    for module in model.modules():
        for name in ("p", "drop_prob", "drop_rate"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
        if type(module).__name__ == "MultiheadAttention":
            module.dropout = 0.0
    return model


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
