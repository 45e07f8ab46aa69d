"""Training runs: the folder, resuming to the same bits, Ctrl-C, prediction."""

import json
import signal

import numpy as np
import pytest

import flambeau as torch
from flambeau.train import (
    RunFolder,
    StopRequest,
    TrainConfig,
    Trainer,
    open_picture,
    predict,
    summarize,
)
from flambeau.train.data import measure
from flambeau.vision.models import simple_cnn

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 60 small grey pictures: bright ones, and ones with a bright edge."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number in range(60):
        pixels = rng.integers(0, 100, (8, 8), np.uint8)
        if number % 2:
            pixels += 100
        else:
            pixels[0] += 150
        kind = folder / ("bright" if number % 2 else "edge")
        kind.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(kind / f"{number:02}.png")
    return folder


@pytest.fixture
def config(photos):
    return TrainConfig(str(photos), epochs=3, batch_size=8, lr=0.05, shift=1)


def numbers(value):
    """Every tensor of a nested checkpoint, by its path."""
    if isinstance(value, torch.Tensor):
        return {"": value.numpy().tobytes()}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    if not isinstance(value, (dict, list, tuple)):
        return {}
    return {
        f"{key}.{path}": content
        for key, each in items
        if isinstance(each, (dict, list, tuple, torch.Tensor))
        for path, content in numbers(each).items()
    }


def test_a_run_learns_and_leaves_its_folder(config, tmp_path):
    steps, epochs = [], []
    trainer = Trainer.start(
        config, tmp_path / "run", on_step=steps.append, on_epoch=epochs.append
    )
    assert trainer.fit()
    run = RunFolder.open(tmp_path / "run")
    assert sorted(path.name for path in run.path.iterdir()) == [
        "best.safetensors",
        "config.json",
        "last.pt",
        "metrics.jsonl",
    ]
    assert run.read_config()[0] == config
    assert [each["epoch"] for each in run.metrics()] == [0, 1, 2]
    assert run.metrics() == epochs
    assert epochs[-1]["test_accuracy"] == 1.0
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]
    assert len(steps) == 3 * 6
    assert steps[-1].batch == steps[-1].batches == 6
    assert steps[-1].seconds_left == 0


@pytest.mark.parametrize("stop_at", [1, 6, 7, 15])
def test_resuming_gives_the_bits_of_an_uninterrupted_run(config, tmp_path, stop_at):
    whole = Trainer.start(config, tmp_path / "whole")
    whole.fit()
    count = 0

    def interrupt(step):
        nonlocal count
        count += 1
        if count == stop_at:
            signal.raise_signal(signal.SIGINT)

    stopped = Trainer.start(config, tmp_path / "stopped", on_step=interrupt)
    assert not stopped.fit()
    torch.manual_seed(99)
    torch.rand(7)
    resumed = Trainer.resume(tmp_path / "stopped")
    assert resumed.fit()
    first, second = (RunFolder.open(tmp_path / name) for name in ("whole", "stopped"))
    assert numbers(first.load_last()) == numbers(second.load_last())
    assert len(numbers(first.load_last())) > 8
    assert first.metrics() == second.metrics()
    assert first.best_path.read_bytes() == second.best_path.read_bytes()


def test_resuming_a_finished_run_changes_nothing(config, tmp_path):
    Trainer.start(config, tmp_path / "run").fit()
    before = (tmp_path / "run" / "metrics.jsonl").read_text()
    resumed = Trainer.resume(tmp_path / "run")
    assert resumed.finished
    assert resumed.fit()
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == before


def test_runs_do_not_overwrite_each_other(config, tmp_path):
    Trainer.start(config, tmp_path / "run")
    with pytest.raises(FileExistsError, match=r"--resume .*run"):
        Trainer.start(config, tmp_path / "run")


def test_what_is_no_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        Trainer.resume(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="is not a run's configuration"):
        Trainer.resume(tmp_path)


def test_a_run_without_an_epoch_has_no_model_yet(config, tmp_path):
    Trainer.start(config, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="no epoch is finished"):
        RunFolder.open(tmp_path / "run").load_model()
    with pytest.raises(FileNotFoundError, match="no checkpoint to go on from"):
        Trainer.resume(tmp_path / "run")


@pytest.mark.parametrize("option", ["epochs", "batch_size", "workers"])
def test_options_have_limits(option):
    with pytest.raises(ValueError, match=f"{option} must be at least"):
        TrainConfig(**{option: -1})


def test_images_are_measured(photos):
    images = measure(TrainConfig(str(photos)))
    assert (images.channels, images.height, images.width) == (3, 8, 8)
    assert images.classes == ["bright", "edge"]
    assert 0.2 < images.mean[0] < 0.6
    larger = measure(TrainConfig(str(photos), image_size=(12, 10)))
    assert (larger.height, larger.width) == (12, 10)


def test_config_is_readable_json(config, tmp_path):
    images = measure(config)
    config.write(tmp_path / "config.json", images)
    content = json.loads((tmp_path / "config.json").read_text())
    assert content["model"] == "simple_cnn"
    assert TrainConfig.read(tmp_path / "config.json") == (config, images)


def test_prediction(config, photos, tmp_path):
    Trainer.start(config, tmp_path / "run").fit()
    model, _, images = RunFolder.open(tmp_path / "run").load_model()
    picture = open_picture(photos / "bright" / "01.png")
    ((first, second),) = predict(model, images, [picture])
    assert first.name == "bright"
    assert first.probability + second.probability == pytest.approx(1)
    assert predict(model, images, [picture.convert("RGB").resize((20, 9))], top=1)


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"text\.png is not an image"):
        open_picture(tmp_path / "text.png")
    with pytest.raises(ValueError, match="there is no such file"):
        open_picture(tmp_path / "absent.png")


def test_the_first_interrupt_asks_and_the_second_one_ends():
    before = signal.getsignal(signal.SIGINT)
    with StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_summary_counts_parameters_and_multiply_adds():
    layers = summarize(simple_cnn(), (3, 32, 32))
    by_name = {layer.name: layer for layer in layers}
    assert by_name["conv1"].output == (1, 32, 32, 32)
    assert by_name["conv1"].parameters == 32 * 3 * 9 + 32
    assert by_name["conv1"].multiply_adds == 32 * 3 * 9 * 32 * 32
    assert by_name["fc1"].multiply_adds == 32 * 16 * 16 * 10
    assert by_name["pool"].parameters == by_name["relu"].multiply_adds == 0


def test_summary_counts_by_what_a_layer_does():
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv1d(4, 6, 3, groups=2, stride=2),
        nn.ConvTranspose1d(6, 2, 4, stride=2),
    )
    first, second = summarize(model, (4, 21))
    assert first.multiply_adds == 6 * 2 * 3 * 10
    assert second.multiply_adds == 6 * 2 * 4 * 10
    (embedding,) = summarize(nn.Sequential(nn.Embedding(5, 3)), (7,), torch.int64)
    assert embedding.multiply_adds == 0
