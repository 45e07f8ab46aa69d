"""Let atheris look for files that take new ways through the readers.

    python tests/fuzz_guided.py COUNT [SEED]

An input is a file with one byte before it, which chooses the ending of its name. Those
that show a defect are kept in the folder that is printed. Needs the atheris package.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flambeau.serialization", "flambeau.onnx"]):
    import flambeau.onnx.load
    import flambeau.serialization.torch_tar  # noqa: F401

from hostile import Case, changed, drawn_pickle, folder_of_process, seeds, verdict

SECONDS = 1.0
MEMORY_EVERY = 50  # measuring it takes most of the time


class Fuzzer:
    """Tries inputs, and counts them.

    Args:
        count: how many there will be.
        seed: where random numbers begin.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self.tried = self.defects = 0
        self.folder = folder_of_process()
        self.found = Path(tempfile.mkdtemp(prefix="defects-"))
        self.whole = seeds(self.folder)
        self.endings = sorted({each.ending for each in self.whole})

    def input_of(self, case: Case) -> bytes:
        """Return the input that makes a case."""
        return bytes([self.endings.index(case.ending)]) + case.content

    def case_of(self, content: bytes) -> Case:
        """Return the case that an input makes."""
        which = (content or b"\0")[0] % len(self.endings)
        return Case(content[1:], self.endings[which])

    def change(self, content: bytes, most: int, seed: int) -> bytes:
        """Return another input: changed by us, who know the formats, or by atheris."""
        rng, case = random.Random(seed), self.case_of(bytes(content))
        if rng.random() < 0.05:
            return self.input_of(drawn_pickle(rng))[:most]
        if rng.random() < 0.5:
            case = case._replace(content=atheris.Mutate(case.content, most - 1))
        else:
            case = _changed(case, rng)
        return self.input_of(case)[:most]

    def attempt(self, content: bytes) -> None:
        """Read an input in all ways."""
        self.tried += 1
        case = self.case_of(content)
        remembers = self.tried % MEMORY_EVERY == 0
        problem = verdict(case, self.folder, remembers, SECONDS)
        if problem:
            self.defects += 1
            path = self.found / f"{self.defects}{case.ending}"
            path.write_bytes(case.content)
            print(f"{path}: {problem}", flush=True)
        if self.tried == self.count:
            print(f"{self.tried} files, {self.defects} defects, in {self.found}")

    def run(self) -> None:
        """Try all inputs; atheris ends the process."""
        corpus = self.folder / "corpus"
        corpus.mkdir()
        for at, each in enumerate(self.whole):
            (corpus / str(at)).write_bytes(self.input_of(each))
        options = [f"-runs={self.count}", f"-seed={self.seed}", "-max_len=20000"]
        options += ["-verbosity=0", "-timeout=60", "-rss_limit_mb=0"]
        atheris.Setup(
            [sys.argv[0], *options, str(corpus)],
            self.attempt,
            custom_mutator=self.change,
        )
        atheris.Fuzz()


def _changed(case: Case, rng: random.Random) -> Case:
    """A case changed by one who knows the formats, if it still is of its format."""
    try:
        return changed(case, rng)
    except Exception:  # a zip file that no reader reads
        return changed(Case(b" " + case.content[:1000], case.ending), rng)


if __name__ == "__main__":
    count, seed = [*map(int, sys.argv[1:]), 1][:2]
    fuzzer = Fuzzer(count, seed)
    try:
        fuzzer.run()
    finally:
        shutil.rmtree(fuzzer.folder, ignore_errors=True)
