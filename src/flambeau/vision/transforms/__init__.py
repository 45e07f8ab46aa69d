"""Transforms of PIL images and tensors, with torchvision's names and draws."""

from . import functional
from .compose import Compose, Lambda
from .convert import (
    ConvertImageDtype,
    Grayscale,
    Normalize,
    PILToTensor,
    ToPILImage,
    ToTensor,
)
from .functional import InterpolationMode
from .geometry import CenterCrop, Pad, Resize
from .randomized import (
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "functional",
]
