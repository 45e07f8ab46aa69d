"""The programs' data as NumPy arrays, out of files that were fetched once."""

import os
from pathlib import Path

import numpy as np

FETCH = {
    "mnist_5k.npz": "python examples/classify_digits.py",
    "examples/digits.npz": "python examples/classify_speech.py",
}


def read(name):
    """Return the arrays of a file in the folder that $DATA names."""
    folder = Path(os.environ.get("DATA", "~/.cache/flambeau")).expanduser()
    if not (folder / name).exists():
        raise SystemExit(f"no {name} in {folder}: `{FETCH[name]}` fetches it once")
    return np.load(folder / name)


def digits(limit=None):
    """Return images of handwritten digits, uint8 (N, 28, 28), and the digits."""
    arrays = read("mnist_5k.npz")
    order = np.random.RandomState(0).permutation(len(arrays["labels"]))[:limit]
    return arrays["images"][order], arrays["labels"][order]


def recordings(limit=None):
    """Return recordings of spoken digits: arrays of (T, 13) cepstral coefficients."""
    arrays = read("examples/digits.npz")
    values = arrays["X"].astype(np.float32)
    values = (values - values.mean(0)) / values.std(0)
    parts = np.split(values, np.cumsum(arrays["lengths"])[:-1])
    order = np.random.RandomState(0).permutation(len(parts))[:limit]
    return [parts[at] for at in order]
