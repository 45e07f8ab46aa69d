"""Data loading beside torch's: the order of samples, batches, random draws."""

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.utils.data

import flambeau
import flambeau.utils.data

LIBRARIES = (flambeau, torch)
Pair = namedtuple("Pair", ["x", "y"])


def both(run: Callable[[object], object], seed: int = 3) -> list[object]:
    """What a function of the library gives in both, each after the same seed."""
    results = []
    for library in LIBRARIES:
        library.manual_seed(seed)
        results.append(run(library))
    return results


def in_step() -> bool:
    """Whether both default generators go on with the same number."""
    return flambeau.rand(1).item() == torch.rand(1).item()


def plain(batch: object) -> object:
    """A batch with its tensors as lists and their element types."""
    if isinstance(batch, (flambeau.Tensor, torch.Tensor)):
        return str(batch.dtype), batch.tolist()
    if isinstance(batch, dict):
        return type(batch), {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch), [plain(each) for each in batch]
    return batch


def orders(library: object, passes: int = 2, **options: object) -> list[list[int]]:
    """The positions a loader visits, pass by pass."""
    loader = library.utils.data.DataLoader(range(23), batch_size=4, **options)
    return [
        [index for batch in loader for index in batch.tolist()] for _ in range(passes)
    ]


def own_generator(library: object) -> object:
    """A generator that is not the default one."""
    return library.Generator().manual_seed(11)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_shuffled_order(
    workers: int, owned: bool, drop_last: bool, persistent: bool
) -> None:
    options = {"shuffle": True, "num_workers": workers, "drop_last": drop_last}
    options["persistent_workers"] = persistent and workers > 0

    def run(library: object) -> object:
        generator = own_generator(library) if owned else None
        return orders(library, generator=generator, **options)

    ours, theirs = both(run)
    assert ours == theirs
    assert ours[0] != ours[1]
    assert in_step()


def test_a_loader_without_shuffle_draws_what_torch_draws() -> None:
    ours, theirs = both(orders)
    assert ours == theirs
    assert in_step()


SAMPLERS = {
    "sequential": lambda d, g: d.SequentialSampler(range(9)),
    "random": lambda d, g: d.RandomSampler(range(9), generator=g),
    "more": lambda d, g: d.RandomSampler(range(9), num_samples=31, generator=g),
    "fewer": lambda d, g: d.RandomSampler(range(9), num_samples=5, generator=g),
    "replaced": lambda d, g: d.RandomSampler(range(9), True, 70, generator=g),
    "subset": lambda d, g: d.SubsetRandomSampler([5, 1, 8, 2], generator=g),
    "weighted": lambda d, g: d.WeightedRandomSampler([1, 5, 0, 3], 20, generator=g),
    "once": lambda d, g: d.WeightedRandomSampler([1, 5, 0.5, 3], 3, False, generator=g),
    "batches": lambda d, g: d.BatchSampler(d.RandomSampler(range(9)), 4, False),
    "dropped": lambda d, g: d.BatchSampler(d.RandomSampler(range(9)), 4, True),
}


@pytest.mark.parametrize("owned", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name: str, owned: bool) -> None:
    def run(library: object) -> object:
        generator = own_generator(library) if owned else None
        sampler = SAMPLERS[name](library.utils.data, generator)
        return len(sampler), list(sampler), list(sampler)

    ours, theirs = both(run)
    assert ours == theirs
    assert in_step()


@pytest.mark.parametrize("lengths", [[3, 7, 13], [0.5, 0.3, 0.2], [0.9, 0.1]])
@pytest.mark.parametrize("owned", [False, True])
def test_random_split(lengths: list[float], owned: bool) -> None:
    def run(library: object) -> object:
        generator = {"generator": own_generator(library)} if owned else {}
        split = library.utils.data.random_split(range(23), lengths, **generator)
        return [list(part.indices) for part in split]

    ours, theirs = both(run)
    assert ours == theirs
    assert in_step()


SAMPLES = {
    "ints": [1, 2, 3],
    "bools": [True, False],
    "floats": [1.5, 2.0],
    "mixed numbers": [1, 2.5],
    "strings": ["a", "b"],
    "bytes": [b"a", b"b"],
    "numpy numbers": [np.float32(1), np.float32(2)],
    "numpy doubles": [np.float64(1), np.float64(2)],
    "numpy bools": [np.bool_(True), np.bool_(False)],
    "arrays": [np.arange(3), np.arange(3)],
    "arrays without axes": [np.array(3), np.array(4)],
    "tuples": [(1, "a"), (2, "b")],
    "lists": [[1, 2.0], [3, 4.0]],
    "named": [Pair(1, 2.0), Pair(3, 4.0)],
    "dicts": [{"x": 1, "y": (1, 2)}, {"x": 2, "y": (3, 4)}],
    "ordered": [OrderedDict(b=1, a=2), OrderedDict(b=3, a=4)],
    "ranges": [range(2), range(2)],
    "nested": [({"x": [np.ones(2)]}, "a"), ({"x": [np.zeros(2)]}, "b")],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_collate(name: str) -> None:
    ours, theirs = both(
        lambda library: plain(library.utils.data.default_collate(SAMPLES[name]))
    )
    assert ours == theirs


@pytest.mark.parametrize("name", SAMPLES)
def test_convert(name: str) -> None:
    ours, theirs = both(
        lambda library: plain(library.utils.data.default_convert(SAMPLES[name][0]))
    )
    assert ours == theirs


def test_collate_promotes_tensors_of_several_types() -> None:
    def run(library: object) -> object:
        batch = [library.tensor([1, 2]), library.tensor([1.5, 2.5])]
        return plain(library.utils.data.default_collate(batch))

    ours, theirs = both(run)
    assert ours == theirs


WRONG = {
    "objects": [object(), object()],
    "no value": [None, None],
    "arrays of strings": [np.array(["a"]), np.array(["b"])],
    "arrays of objects": [np.array([None]), np.array([None])],
    "sets": [{1}, {2}],
    "lengths": [[1, 2], [3]],
    "shapes": [np.zeros(2), np.zeros(3)],
}


@pytest.mark.parametrize("name", WRONG)
def test_collate_refuses_with_torchs_error(name: str) -> None:
    with pytest.raises((TypeError, RuntimeError)) as theirs:
        torch.utils.data.default_collate(WRONG[name])
    with pytest.raises(theirs.type) as ours:
        flambeau.utils.data.default_collate(WRONG[name])
    assert str(theirs.value).rstrip(".") in str(ours.value)


def noisy(library: object) -> object:
    """A data set whose samples are drawn from the default generator."""

    class Noisy(library.utils.data.Dataset):
        def __len__(self) -> int:
            return 11

        def __getitem__(self, index: int) -> float:
            return index + library.rand(1).item() + library.randint(9, (1,)).item()

    return Noisy()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_samples_that_are_drawn_are_the_same_in_every_worker(workers: int) -> None:
    def run(library: object) -> object:
        loader = library.utils.data.DataLoader(
            noisy(library), batch_size=2, shuffle=True, num_workers=workers
        )
        return [batch.tolist() for _ in range(2) for batch in loader]

    ours, theirs = both(run)
    assert ours == theirs


def stream(library: object) -> object:
    """A stream that its workers share out by their numbers, unevenly."""

    class Stream(library.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            info = library.utils.data.get_worker_info()
            first, step = (0, 1) if info is None else (info.id, info.num_workers)
            return iter([n for n in range(17) if n % 5 % step == first])

    return Stream()


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("batch_size", [None, 1, 3])
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_streams(workers: int, batch_size: int | None, persistent: bool) -> None:
    def run(library: object) -> object:
        loader = library.utils.data.DataLoader(
            stream(library),
            batch_size=batch_size,
            num_workers=workers,
            persistent_workers=persistent and workers > 0,
        )
        return [plain(batch) for _ in range(2) for batch in loader]

    ours, theirs = both(run)
    assert ours == theirs


LENGTHS = [(10, 3, False), (10, 3, True), (9, 3, True), (2, 3, True), (2, None, False)]


@pytest.mark.parametrize(("size", "batch_size", "drop_last"), LENGTHS)
def test_lengths(size: int, batch_size: int | None, drop_last: bool) -> None:
    ours, theirs = both(
        lambda library: len(
            library.utils.data.DataLoader(
                range(size), batch_size=batch_size, drop_last=drop_last
            )
        )
    )
    assert ours == theirs


OPTIONS = [
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"persistent_workers": True},
    {"multiprocessing_context": "fork"},
    {"num_workers": 1, "prefetch_factor": -1},
    {"shuffle": True, "sampler": range(3)},
    {"batch_sampler": [[0]], "batch_size": 2},
    {"batch_sampler": [[0]], "shuffle": True},
    {"batch_sampler": [[0]], "drop_last": True},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": 1.5},
    {"drop_last": 1},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_contradicting_options_raise_torchs_error(options: dict) -> None:
    with pytest.raises(Exception) as theirs:
        torch.utils.data.DataLoader(range(3), **options)
    with pytest.raises(theirs.type):
        flambeau.utils.data.DataLoader(range(3), **options)
