"""Image data sets, with torchvision's names where it has them."""

from .base import StandardTransform, VisionDataset
from .cifar import CIFAR10, CIFAR100
from .digits import Digits
from .files import cache_dir, check_integrity, download_file
from .folder import (
    IMG_EXTENSIONS,
    DatasetFolder,
    ImageFolder,
    default_loader,
    find_classes,
    has_file_allowed_extension,
    is_image_file,
    make_dataset,
)
from .mnist import KMNIST, MNIST, FashionMNIST, read_idx
from .registry import list_datasets, load

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "IMG_EXTENSIONS",
    "KMNIST",
    "MNIST",
    "DatasetFolder",
    "Digits",
    "FashionMNIST",
    "ImageFolder",
    "StandardTransform",
    "VisionDataset",
    "cache_dir",
    "check_integrity",
    "default_loader",
    "download_file",
    "find_classes",
    "has_file_allowed_extension",
    "is_image_file",
    "list_datasets",
    "load",
    "make_dataset",
    "read_idx",
]
