"""Classes and probabilities for single pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..autograd import no_grad
from ..nn import Module
from ..nn.functional import softmax
from .config import Images
from .data import preparation

__all__ = ["Guess", "open_picture", "predict"]


@dataclass(frozen=True)
class Guess:
    """One class that a picture may show.

    Attributes:
        name: the class.
        probability: by the model, in [0, 1].
    """

    name: str
    probability: float


def open_picture(path: str | os.PathLike[str]) -> Any:
    """Read a picture file, whole.

    Raises:
        ValueError: there is no such file, or it is no image.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.copy()
    except FileNotFoundError:
        raise ValueError(f"{os.fspath(path)}: there is no such file") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(
            f"{os.fspath(path)} is not an image that can be read: {error}"
        ) from None


def predict(
    model: Module, images: Images, pictures: Sequence[Any], top: int = 3
) -> list[list[Guess]]:
    """Return the most probable classes of each picture, best first.

    Args:
        model: a trained classifier, in evaluation mode.
        images: the kind of images it was trained on.
        pictures: PIL images of any size and mode.
        top: how many classes to give for each.
    """
    prepare = preparation(images)
    results = []
    with no_grad():
        for picture in pictures:
            scores = model(prepare(picture).unsqueeze(0))
            chances = softmax(scores, dim=1)[0]
            best = chances.sort(descending=True).indices[:top].tolist()
            results.append(
                [Guess(images.classes[at], chances[at].item()) for at in best]
            )
    return results
