"""Networks for images, with torchvision's names, keys and initial weights."""

from .registry import get_image_classifier, get_model, list_models
from .resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from .simple_cnn import SimpleCNN, simple_cnn

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "ResNet",
    "SimpleCNN",
    "get_image_classifier",
    "get_model",
    "list_models",
    "resnet101",
    "resnet152",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnext50_32x4d",
    "simple_cnn",
    "wide_resnet101_2",
    "wide_resnet50_2",
]
