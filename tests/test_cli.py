"""The command line, as a user types it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")

COMMAND = [sys.executable, "-c", "from flambeau.cli import main; main()"]


def flambeau(*arguments, cwd=None):
    """Run the command; output is wide and plain, as in a file."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photos"
    rng = np.random.default_rng(0)
    for number in range(40):
        pixels = rng.integers(0, 100, (6, 6, 3), np.uint8) + 120 * (number % 2)
        kind = folder / ("light" if number % 2 else "dark")
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(kind / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos):
    """A finished run and what training it printed."""
    folder = photos.parent / "run"
    options = ("--epochs", 2, "--batch-size", 8, "--run", folder)
    return folder, flambeau("train", photos, *options)


def test_train_says_what_it_does_and_where_things_are(run):
    folder, done = run
    assert done.returncode == 0, done.stderr
    assert "Training simple_cnn (" in done.stdout
    assert "on 32 images" in done.stdout
    assert "epoch 2/2: loss" in done.stdout
    assert "Best accuracy on the held-out images: 100.00%" in done.stdout
    assert str(folder) in done.stdout


def test_evaluate_prints_a_line_per_class(run):
    done = flambeau("evaluate", run[0])
    assert done.returncode == 0, done.stderr
    assert "light" in done.stdout
    assert "accuracy 100.00%" in done.stdout
    assert "8 images" in done.stdout


def test_evaluate_refuses_other_classes(run, photos, tmp_path):
    other = tmp_path / "other" / "cats"
    other.mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (6, 6)).save(other / f"{number}.png")
    done = flambeau("evaluate", run[0], tmp_path / "other")
    assert done.returncode == 1
    assert "has the classes cats; the model" in done.stderr
    assert "Traceback" not in done.stderr


def test_predict_names_class_and_probability(run, photos):
    done = flambeau("predict", run[0], photos / "light" / "01.png")
    assert done.returncode == 0, done.stderr
    first = next(line for line in done.stdout.splitlines() if "01.png" in line)
    assert "light" in first
    assert "%" in first


def test_predict_goes_on_after_an_unreadable_file(run, photos, tmp_path):
    (tmp_path / "note.png").write_text("hello")
    done = flambeau(
        "predict", run[0], tmp_path / "note.png", photos / "dark" / "00.png"
    )
    assert done.returncode == 1
    assert "00.png" in done.stdout
    assert "note.png is not an image" in done.stderr
    assert "Traceback" not in done.stderr


def test_summary_is_a_table_with_totals():
    done = flambeau("summary", "simple_cnn", "--input", "3,32,32")
    assert done.returncode == 0, done.stderr
    assert "conv1" in done.stdout
    assert "(N, 32, 32, 32)" in done.stdout
    assert "82,826" in done.stdout  # 896 in conv1 and 81,930 in fc1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "no-such-data"), "neither a folder nor a data set"),
        (("train", "digits", "--epochs", "0"), "epochs must be at least 1"),
        (("train", "digits", "--image-size", "big"), "must look like 28 or 28x32"),
        (("train", "--resume", "absent"), "not the folder of a run"),
        (("predict", "absent", "x.png"), "not the folder of a run"),
        (("summary", "simplecnn"), "unknown model 'simplecnn'"),
        (("summary", "simple_cnn", "--input", "3,32"), "must be CHANNELS,HEIGHT,WIDTH"),
    ],
)
def test_mistakes_are_one_readable_line(arguments, message, tmp_path):
    done = flambeau(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(photos, tmp_path):
    folder = tmp_path / "run"
    options = ["--epochs", "100000", "--batch-size", "8", "--run", str(folder)]
    process = subprocess.Popen(
        [*COMMAND, "train", str(photos), *options], stdout=subprocess.PIPE, text=True
    )
    while not (folder / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"flambeau train --resume {folder}" in " ".join(output.split())
    assert (folder / "last.pt").exists()
