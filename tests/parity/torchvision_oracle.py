"""torchvision, importable beside a torch it was not compiled for.

Its import declares fake versions of two compiled operators, which must exist by then.
None of what is compared here calls them.
"""

import pytest
import torch

_declared = torch.library.Library("torchvision", "DEF")
_declared.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
_declared.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
