"""Read very many broken files: `python tests/fuzz.py COUNT [FIRST]`.

Each file is made from its number, so that one that shows a defect can be made again.
"""

import random
import shutil
import sys
import time

from hostile import changed, drawn_pickle, folder_of_process, seeds, verdict

SECONDS = 1.0
MEMORY_EVERY = 50  # measuring it takes most of the time


def main(count: int, first: int = 0) -> int:
    """Try `count` files; return how many show a defect."""
    folder, defects, start = folder_of_process(), 0, time.perf_counter()
    whole = seeds(folder)
    for case in whole:
        print(case.ending, len(case.content), verdict(case, folder, True))
    for number in range(first, first + count):
        rng = random.Random(number)
        case = (
            drawn_pickle(rng) if rng.random() < 0.1 else changed(rng.choice(whole), rng)
        )
        problem = verdict(case, folder, number % MEMORY_EVERY == 0, SECONDS)
        if problem:
            defects += 1
            print(f"{number}: {problem}", flush=True)
    shutil.rmtree(folder)
    seconds = time.perf_counter() - start
    print(f"{count} files, {defects} defects, {seconds:.0f} s")
    return defects


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
