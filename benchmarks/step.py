"""One training step and one inference, written once for torch and flambeau."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .contender import Answer

__all__ = ["Training", "Wrap", "outputs"]

# So small that what one step rounds is not amplified by the next ones: with 1e-4 the
# gradients of ShuffleNet in float32 are off by 8 % after four steps, with 1e-6 by 1 %.
_LEARNING_RATE = 1e-6
_MOMENTUM = 0.9
_CALLS = 4  # before a result counts: the first ones are recorded or compiled

Wrap: TypeAlias = Callable[[Any], Any]


class Training:
    """Forward, cross-entropy, backward and SGD with momentum.

    Args:
        library: `torch` or `flambeau`.
        model: the network, with its weights.
        images: the batch.
        labels: its classes.
        wrap_loss: what compiles the function from images and labels to the loss.
        wrap_step: what compiles the whole step, a function of the same.
    """

    def __init__(
        self,
        library: Any,
        model: Any,
        images: Any,
        labels: Any,
        wrap_loss: Wrap = lambda loss: loss,
        wrap_step: Wrap = lambda step: step,
    ) -> None:
        self.model, self.images, self.labels = model.train(), images, labels
        self.optimizer = library.optim.SGD(
            model.parameters(), lr=_LEARNING_RATE, momentum=_MOMENTUM, fused=True
        )
        cross_entropy = library.nn.functional.cross_entropy
        self._loss = wrap_loss(lambda x, y: cross_entropy(model(x), y))
        self._step = wrap_step(self._plain_step)

    def _plain_step(self, images: Any, labels: Any) -> Any:
        self.optimizer.zero_grad()
        loss = self._loss(images, labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self) -> Any:
        """Do one step and return its loss."""
        return self._step(self.images, self.labels)

    def answer(self) -> Answer:
        """Do some steps; return the last loss, running statistics and momenta.

        The momenta are made of all steps' gradients.
        """
        found = {"loss": [self.run() for _ in range(_CALLS)][-1]}
        for name, parameter in self.model.named_parameters():
            found[name] = self.optimizer.state[parameter]["momentum_buffer"]
        found |= self.model.named_buffers()
        return {name: np.array(each.detach().numpy()) for name, each in found.items()}


def outputs(run: Callable[[], Any]) -> Answer:
    """Infer some times and return what the last time gave."""
    return {"outputs": np.array([run() for _ in range(_CALLS)][-1])}
