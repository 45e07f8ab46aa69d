"""Kill processes that save files: `python tests/killed.py COUNT`.

Each is killed at another moment of `save`; what it leaves is read and checked.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import flambeau as torch

WRITER = """
import sys
import flambeau as torch
path = sys.argv[1]
for number in range(1, 1_000_000):
    torch.save({"number": number, "x": torch.full((200_000,), number)}, path)
    if number == 1:
        print("saved", flush=True)
"""


def check_killed(path: Path, count: int) -> None:
    """Kill `count` processes that save a file all the time; check what each left."""
    for delay in np.random.default_rng(0).uniform(0, 0.05, count):
        left = _killed_while_saving(path, delay)
        assert left["x"].eq(left["number"]).all()


def _killed_while_saving(path: Path, delay: float) -> dict:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout.readline() == b"saved\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
    return torch.load(path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        check_killed(Path(folder) / "file.pt", int(sys.argv[1]))
    print("each left a whole file")
