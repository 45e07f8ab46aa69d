"""Models by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ... import nn
from . import resnet
from .simple_cnn import simple_cnn

__all__ = ["get_image_classifier", "get_model", "list_models"]

_BUILDERS: dict[str, Callable[..., nn.Module]] = {
    builder.__name__: builder
    for builder in (
        simple_cnn,
        resnet.resnet18,
        resnet.resnet34,
        resnet.resnet50,
        resnet.resnet101,
        resnet.resnet152,
        resnet.resnext50_32x4d,
        resnet.resnext101_32x8d,
        resnet.resnext101_64x4d,
        resnet.wide_resnet50_2,
        resnet.wide_resnet101_2,
    )
}


def list_models() -> list[str]:
    """Return the names that `get_model` knows, sorted.

    Example:
        >>> from flambeau.vision.models import list_models
        >>> "simple_cnn" in list_models()
        True
    """
    return sorted(_BUILDERS)


def _builder(name: str) -> Callable[..., nn.Module]:
    found = _BUILDERS.get(name.lower())
    if found is None:
        raise ValueError(f"Unknown model {name!r}; choose from {list_models()}")
    return found


def get_model(name: str, **config: Any) -> nn.Module:
    """Build the model called `name`.

    Args:
        name: one of `list_models()`, in any case.
        config: keyword arguments of the model's function.

    Raises:
        ValueError: no model has that name; the message lists those there are.

    Example:
        >>> from flambeau.vision.models import get_model
        >>> get_model("simple_cnn", num_classes=5).fc1.out_features
        5
    """
    return _builder(name)(**config)


def get_image_classifier(
    name: str, *, num_classes: int, in_channels: int, image_size: tuple[int, int]
) -> nn.Module:
    """Build the model called `name` for images of a given kind.

    The size goes to the models that are built for one size only.

    Args:
        name: one of `list_models()`, in any case.
        num_classes: number of classes.
        in_channels: channels of the images.
        image_size: height and width of the images.

    Raises:
        ValueError: no model has that name; the message lists those there are.

    Example:
        >>> from flambeau.vision.models import get_image_classifier
        >>> net = get_image_classifier(
        ...     "simple_cnn", num_classes=10, in_channels=1, image_size=(28, 28)
        ... )
        >>> net.fc1.in_features
        6272
    """
    builder = _builder(name)
    config: dict[str, Any] = {"num_classes": num_classes, "in_channels": in_channels}
    if "image_size" in inspect.signature(builder).parameters:
        config["image_size"] = image_size
    return builder(**config)
