"""The commands, their options, and what they print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..train import (
    RunFolder,
    TrainConfig,
    Trainer,
    evaluate_model,
    open_picture,
    predict,
    summarize,
)
from ..train.data import loader, open_data
from ..vision.models import get_image_classifier, list_models
from .progress import TrainingDisplay

__all__ = ["app", "main"]

app = typer.Typer(
    help="flambeau: torch.nn for machines without a GPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)

_DEFAULT = TrainConfig()
_MODELS = "a model's name, such as simple_cnn or resnet18"
DataArgument = Annotated[
    str,
    typer.Argument(
        help="digits, mnist, fashion-mnist, cifar10, cifar100, or a folder of images"
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(help="bring images to this HEIGHTxWIDTH, or one number for both"),
]


@app.command()
def train(
    data: DataArgument = _DEFAULT.data,
    model: Annotated[str, typer.Option(help=_MODELS)] = _DEFAULT.model,
    epochs: Annotated[int, typer.Option(help="passes over the images")] = (
        _DEFAULT.epochs
    ),
    batch_size: Annotated[int, typer.Option(help="images per step")] = (
        _DEFAULT.batch_size
    ),
    lr: Annotated[float, typer.Option(help="highest learning rate")] = _DEFAULT.lr,
    momentum: Annotated[float, typer.Option(help="of SGD")] = _DEFAULT.momentum,
    weight_decay: Annotated[float, typer.Option(help="of SGD")] = (
        _DEFAULT.weight_decay
    ),
    seed: Annotated[int, typer.Option(help="of weights and order")] = _DEFAULT.seed,
    workers: Annotated[int, typer.Option(help="threads that load images")] = (
        _DEFAULT.workers
    ),
    shift: Annotated[
        int, typer.Option(help="pixels by which training images move at random")
    ] = _DEFAULT.shift,
    image_size: SizeOption = None,
    run: Annotated[
        str | None, typer.Option(help="the run's folder; a new one below runs/")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(help="go on with the run in this folder; no other options"),
    ] = None,
) -> None:
    """Train an image classifier and keep the run in a folder."""
    with TrainingDisplay(console) as display:
        listeners = {"on_step": display.on_step, "on_epoch": display.on_epoch}
        if resume is not None:
            trainer = Trainer.resume(resume, **listeners)
        else:
            size = None if image_size is None else _parse_size(image_size)
            config = TrainConfig(
                data,
                model,
                epochs,
                batch_size,
                lr,
                momentum,
                weight_decay,
                seed,
                workers,
                shift,
                size,
            )
            trainer = Trainer.start(config, run, **listeners)
        display.begin(trainer)
        finished = trainer.fit()
    _close(trainer, finished)


def _close(trainer: Trainer, finished: bool) -> None:
    path = trainer.run.path
    if not finished:
        console.print(f"Stopped; go on with: flambeau train --resume {path}")
        raise typer.Exit(130)
    best = max(each["test_accuracy"] for each in trainer.metrics)
    console.print(
        f"Best accuracy on the held-out images: [bold]{best:.2%}[/bold]\n"
        f"Everything is in {path}. Try: flambeau predict {path} IMAGE"
    )


def _parse_size(text: str) -> tuple[int, int]:
    try:
        numbers = [int(part) for part in text.lower().split("x")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise ValueError(f"--image-size must look like 28 or 28x32, got {text!r}")
    return numbers[0], numbers[-1]


@app.command()
def evaluate(
    run: Annotated[str, typer.Argument(help="the folder of a run")],
    data: Annotated[
        str | None, typer.Argument(help="other images; by default the run's own")
    ] = None,
) -> None:
    """Measure a run's best model on held-out images, in all and for each class."""
    model, config, images = RunFolder.open(run).load_model()
    if data is not None:
        config = TrainConfig(**{**vars(config), "data": data})
    held_out = open_data(config, False, images)
    names = [str(name) for name in held_out.classes]
    if names != images.classes:
        raise ValueError(
            f"{config.data} has the classes {', '.join(names)}; the model in {run} "
            f"knows {', '.join(images.classes)}"
        )
    right, total = [0] * len(names), [0] * len(names)

    def count(scores: Any, targets: Any) -> None:
        guesses = scores.argmax(1).tolist()
        for guess, target in zip(guesses, targets.tolist(), strict=True):
            total[target] += 1
            right[target] += guess == target

    averages = evaluate_model(model, loader(config, held_out, False), count)
    table = Table("class", "images", "accuracy")
    for name, hits, seen in zip(names, right, total, strict=True):
        table.add_row(name, str(seen), f"{hits / seen:.2%}" if seen else "-")
    console.print(table)
    console.print(
        f"accuracy [bold]{averages.accuracy:.2%}[/bold], loss {averages.loss:.4f}, "
        f"{averages.count} images"
    )


@app.command("predict")
def predict_command(
    run: Annotated[str, typer.Argument(help="the folder of a run")],
    images: Annotated[list[str], typer.Argument(help="picture files")],
    top: Annotated[int, typer.Option(help="classes to show for each")] = 3,
) -> None:
    """Say what pictures show, with probabilities."""
    model, _, kind = RunFolder.open(run).load_model()
    table = Table("image", "class", "probability")
    unreadable = []
    for path in images:
        try:
            picture = open_picture(path)
        except ValueError as error:
            unreadable.append(str(error))
            continue
        for at, guess in enumerate(predict(model, kind, [picture], top)[0]):
            name = Path(path).name if at == 0 else ""
            table.add_row(name, guess.name, f"{guess.probability:.2%}")
    if table.row_count:
        console.print(table)
    for message in unreadable:
        errors.print(f"[red]error:[/red] {message}", highlight=False)
    if unreadable:
        raise typer.Exit(1)


@app.command()
def summary(
    model: Annotated[str, typer.Argument(help=_MODELS)],
    input: Annotated[
        str, typer.Option("--input", help="CHANNELS,HEIGHT,WIDTH of an image")
    ] = "3,32,32",
    classes: Annotated[int, typer.Option(help="number of classes")] = 10,
) -> None:
    """List a model's layers: output shapes, parameters, multiply-adds."""
    channels, height, width = _parse_input(input)
    if model not in list_models():
        raise ValueError(
            f"unknown model {model!r}; there are {', '.join(list_models())}"
        )
    built = get_image_classifier(
        model, num_classes=classes, in_channels=channels, image_size=(height, width)
    )
    layers = summarize(built, (channels, height, width))
    table = Table("layer", "kind", "output", show_footer=True)
    for title, values in (
        ("parameters", [each.parameters for each in layers]),
        ("multiply-adds", [each.multiply_adds for each in layers]),
    ):
        table.add_column(title, justify="right", footer=f"{sum(values):,}")
    for each in layers:
        shape = ", ".join(["N", *map(str, each.output[1:])])
        numbers = (f"{each.parameters:,}", f"{each.multiply_adds:,}")
        table.add_row(each.name, each.kind, f"({shape})", *numbers)
    console.print(table)


def _parse_input(text: str) -> tuple[int, int, int]:
    try:
        channels, height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--input must be CHANNELS,HEIGHT,WIDTH such as 3,32,32, got {text!r}"
        ) from None
    return channels, height, width


def main() -> None:
    """Run the command line; errors a user can mend are one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        errors.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
