"""One training step and one inference, written once for torch and flambeau."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .contender import Answer

__all__ = ["Training", "outputs"]

_LEARNING_RATE = 1e-4
_MOMENTUM = 0.9


class Training:
    """Forward, cross-entropy, backward and SGD with momentum.

    Args:
        library: `torch` or `flambeau`.
        model: the network, with its weights.
        images: the batch.
        labels: its classes.
        wrap: what compiles the function from images and labels to the loss.
    """

    def __init__(
        self,
        library: Any,
        model: Any,
        images: Any,
        labels: Any,
        wrap: Callable[[Any], Any] = lambda loss: loss,
    ) -> None:
        self.model, self.images, self.labels = model.train(), images, labels
        self.optimizer = library.optim.SGD(
            model.parameters(), lr=_LEARNING_RATE, momentum=_MOMENTUM, fused=True
        )
        cross_entropy = library.nn.functional.cross_entropy
        self.loss = wrap(lambda x, y: cross_entropy(model(x), y))

    def run(self) -> Any:
        """Do one step and return its loss."""
        self.optimizer.zero_grad()
        loss = self.loss(self.images, self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def answer(self) -> Answer:
        """Do two steps; return loss, running statistics and momenta.

        The momenta are made of both steps' gradients. The second step is the first
        that runs as all later ones do.
        """
        self.run()
        found = {"loss": self.run()}
        for name, parameter in self.model.named_parameters():
            found[name] = self.optimizer.state[parameter]["momentum_buffer"]
        found |= self.model.named_buffers()
        return {name: np.array(each.detach().numpy()) for name, each in found.items()}


def outputs(values: Any) -> Answer:
    """Return what an inference computed as an answer."""
    return {"outputs": np.array(values)}
