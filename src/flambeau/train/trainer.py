"""The training loop: epochs of steps, an evaluation after each, and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ..autograd import no_grad
from ..nn import Module
from ..nn.functional import cross_entropy
from ..optim import SGD
from ..optim.lr_scheduler import CosineAnnealingLR
from ..random import manual_seed
from ..serialization import save
from ..tensor import Tensor
from ..tensor.randomness import get_rng_state, set_rng_state
from ..utils.data import DataLoader
from .config import TrainConfig
from .data import loader, measure, open_data
from .interrupt import StopRequest
from .run import RunFolder, build_model, new_run_path

__all__ = ["Averages", "Step", "Trainer", "evaluate_model"]


@dataclass
class Averages:
    """Sums over the images seen so far, and what they say.

    Attributes:
        loss_sum: the losses of all images.
        correct: how many were classified rightly.
        count: how many there were.
    """

    loss_sum: float = 0.0
    correct: int = 0
    count: int = 0

    def add(self, scores: Tensor, targets: Tensor, loss: Tensor) -> None:
        """Add one batch, whose `loss` is a mean."""
        hits = (scores.argmax(1) == targets).sum()
        size = len(targets)
        self.loss_sum += loss.item() * size
        self.correct += int(hits.item())
        self.count += size

    @property
    def loss(self) -> float:
        """The mean loss."""
        return self.loss_sum / max(self.count, 1)

    @property
    def accuracy(self) -> float:
        """The share of images classified rightly."""
        return self.correct / max(self.count, 1)


@dataclass(frozen=True)
class Step:
    """Where training is, told after every step.

    Attributes:
        epoch: from 0.
        batch: steps done in this epoch.
        batches: steps in an epoch.
        averages: over this epoch so far.
        images_per_second: over this epoch, since it was begun or resumed.
        seconds_left: until the last epoch ends, as far as one can tell.
    """

    epoch: int
    batch: int
    batches: int
    averages: Averages
    images_per_second: float
    seconds_left: float


@dataclass
class _Position:
    """How far a run has come; part of its checkpoint."""

    epoch: int = 0
    batch: int = 0
    best: float = -1.0
    averages: Averages = field(default_factory=Averages)


class Trainer:
    """Trains a classifier and keeps its run's folder.

    Args:
        config: the options.
        run: the run's folder.
        on_step: called after every step.
        on_epoch: called after every epoch with its metrics.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: RunFolder,
        on_step: Callable[[Step], None] = lambda step: None,
        on_epoch: Callable[[dict[str, Any]], None] = lambda metrics: None,
    ) -> None:
        _, images = run.read_config()
        self.config, self.run = config, run
        self.on_step, self.on_epoch = on_step, on_epoch
        manual_seed(config.seed)
        self.model = build_model(config.model, images)
        self.optimizer = SGD(
            self.model.parameters(),
            lr=config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        train_data = open_data(config, True, images)
        self.train_images = len(train_data)
        self.train_batches = loader(config, train_data, True)
        self.test_batches = loader(config, open_data(config, False, images), False)
        self.scheduler = CosineAnnealingLR(
            self.optimizer, T_max=config.epochs * len(self.train_batches)
        )
        self.position = _Position()
        self.epoch_start = get_rng_state()
        self.metrics: list[dict[str, Any]] = []

    @staticmethod
    def start(
        config: TrainConfig, path: str | None = None, **listeners: Any
    ) -> Trainer:
        """Begin a new run in `path`, or in a new folder below ``runs``."""
        images = measure(config)
        run = RunFolder.create(path or new_run_path(config), config, images)
        return Trainer(config, run, **listeners)

    @staticmethod
    def resume(path: str, **listeners: Any) -> Trainer:
        """Go on with the run in `path` where its newest checkpoint stands."""
        run = RunFolder.open(path)
        config, _ = run.read_config()
        trainer = Trainer(config, run, **listeners)
        trainer._restore(run.load_last())
        return trainer

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.position.epoch >= self.config.epochs

    def fit(self) -> bool:
        """Train to the end, or until the user presses Ctrl-C.

        Returns:
            Whether all epochs are done. If not, the newest checkpoint is where the
            run stopped.
        """
        with StopRequest() as stop:
            while not self.finished and not stop.wanted:
                if self._train_epoch(stop):
                    self._finish_epoch()
                self.run.save_last(self._state())
        return self.finished

    def _train_epoch(self, stop: StopRequest) -> bool:
        """Run the epoch's remaining steps; False if the user stopped it."""
        position, began = self.position, time.perf_counter()
        already = position.averages.count
        self.model.train()
        for inputs, targets in self._remaining_batches():
            position.averages.add(*self._step(inputs, targets))
            position.batch += 1
            self.on_step(self._report(position.averages.count - already, began))
            if stop.wanted:
                break
        return position.batch == len(self.train_batches)

    def _remaining_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of this epoch that were not trained on before a stop."""
        done = self.position.batch
        now = get_rng_state()
        if done:
            set_rng_state(self.epoch_start)
        else:
            self.epoch_start = now
        batches = iter(self.train_batches)
        for _ in range(done):
            next(batches)
        if done:
            set_rng_state(now)
        return batches

    def _step(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scores = self.model(inputs)
        loss = cross_entropy(scores, targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return scores.detach(), targets, loss.detach()

    def _report(self, seen: int, began: float) -> Step:
        position, size = self.position, self.train_images
        speed = seen / max(time.perf_counter() - began, 1e-9)
        whole = (self.config.epochs - position.epoch) * size
        left = (whole - position.averages.count) / max(speed, 1e-9)
        return Step(
            position.epoch,
            position.batch,
            len(self.train_batches),
            position.averages,
            speed,
            left,
        )

    def _finish_epoch(self) -> None:
        """Evaluate, note the metrics, keep the weights if they are the best."""
        position, train = self.position, self.position.averages
        test = evaluate_model(self.model, self.test_batches)
        self.metrics.append(
            {
                "epoch": position.epoch,
                "train_loss": train.loss,
                "train_accuracy": train.accuracy,
                "test_loss": test.loss,
                "test_accuracy": test.accuracy,
                "lr": self.optimizer.param_groups[0]["lr"],
            }
        )
        self.run.write_metrics(self.metrics)
        if test.accuracy > position.best:
            position.best = test.accuracy
            save(self.model.state_dict(), self.run.best_path)
        self.position = _Position(position.epoch + 1, best=position.best)
        self.on_epoch(self.metrics[-1])

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "position": asdict(self.position),
            "metrics": self.metrics,
            "random": get_rng_state(),
            "random_at_epoch_start": self.epoch_start,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        averages = Averages(**state["position"].pop("averages"))
        self.position = _Position(**state["position"], averages=averages)
        self.metrics = state["metrics"]
        self.epoch_start = state["random_at_epoch_start"]
        set_rng_state(state["random"])


def evaluate_model(
    model: Module,
    batches: DataLoader,
    on_batch: Callable[[Tensor, Tensor], None] = lambda scores, targets: None,
) -> Averages:
    """Return loss and accuracy of a classifier over batches, in evaluation mode.

    Args:
        model: takes a batch of images and gives class scores.
        batches: pairs of images and class numbers.
        on_batch: called with the scores and the class numbers of each batch.
    """
    averages, was_training = Averages(), model.training
    model.eval()
    with no_grad():
        for inputs, targets in batches:
            scores = model(inputs)
            averages.add(scores, targets, cross_entropy(scores, targets))
            on_batch(scores, targets)
    model.train(was_training)
    return averages
