"""Data sets, samplers, batches, and the loader with its threads."""

import gc
import signal
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flambeau
from flambeau.utils import data
from flambeau.utils.data import dataloader as loading
from flambeau.utils.data import workers

Pair = namedtuple("Pair", ["x", "y"])


class Items(data.Dataset):
    """A data set whose samples a function makes."""

    def __init__(self, make: Callable[[int], Any], size: int = 12) -> None:
        self.make = make
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


class Stream(data.IterableDataset):
    """A stream whose workers share it out."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.size, step))


def loader_threads() -> list[threading.Thread]:
    """The threads of every loader that are alive."""
    return [t for t in threading.enumerate() if t.name.startswith("flambeau-data")]


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Fail a test that leaves a worker behind."""
    yield
    gc.collect()
    for thread in loader_threads():
        thread.join(5)
    assert loader_threads() == []


def lists(batches: Any) -> list[Any]:
    """Every batch as a list."""
    return [batch.tolist() for batch in batches]


# Data sets


def test_tensor_dataset_gives_rows() -> None:
    rows = data.TensorDataset(
        flambeau.tensor([[1, 2], [3, 4]]), flambeau.tensor([5, 6])
    )
    assert len(rows) == 2
    assert [each.tolist() for each in rows[1]] == [[3, 4], 6]
    batches = list(data.DataLoader(rows, batch_size=2))
    assert [each.tolist() for each in batches[0]] == [[[1, 2], [3, 4]], [5, 6]]


def test_tensor_dataset_names_the_lengths_that_differ() -> None:
    with pytest.raises(AssertionError, match=r"Size mismatch.*\[2, 3\]"):
        data.TensorDataset(flambeau.zeros(2), flambeau.zeros(3))


def test_batches_of_tensors_that_require_grad_carry_the_gradient() -> None:
    weights = flambeau.ones(4, requires_grad=True)
    for (batch,) in data.DataLoader(data.TensorDataset(weights), batch_size=2):
        batch.sum().backward()
    assert weights.grad.tolist() == [1, 1, 1, 1]


def test_subset_and_concat_find_their_samples() -> None:
    joined = data.ConcatDataset([Items(str, 3), Items(lambda i: -i, 2)])
    assert joined.cumulative_sizes == [3, 5]
    assert [joined[i] for i in (0, 2, 3, 4, -1, -5)] == ["0", "2", 0, -1, -1, "0"]
    assert list(data.Subset(joined, [4, 0])) == [-1, "0"]
    with pytest.raises(ValueError, match="-6 for length 5"):
        joined[-6]
    with pytest.raises(IndexError, match="index 5"):
        joined[5]


def test_plus_concatenates_data_sets_and_chains_streams() -> None:
    assert len(Items(str, 3) + Items(str, 4)) == 7
    assert list(Stream(2) + Stream(3)) == [0, 1, 0, 1, 2]


def test_concat_and_chain_refuse_each_others_kind() -> None:
    with pytest.raises(AssertionError, match="use ChainDataset"):
        data.ConcatDataset([Stream(2)])
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(data.ChainDataset([Items(str)]))
    with pytest.raises(AssertionError, match="empty"):
        data.ConcatDataset([])


def test_stack_dataset_makes_tuples_or_dicts() -> None:
    assert data.StackDataset(Items(str), Items(int))[3] == ("3", 3)
    named = data.StackDataset(a=Items(str), b=Items(int))
    assert named[3] == {"a": "3", "b": 3}
    assert named.__getitems__([1, 2]) == [{"a": "1", "b": 1}, {"a": "2", "b": 2}]
    for arguments in ([], [Items(str, 2), Items(str, 3)]):
        with pytest.raises(ValueError, match=r"none|\[2, 3\]"):
            data.StackDataset(*arguments)
    with pytest.raises(ValueError, match="both"):
        data.StackDataset(Items(str), b=Items(str))


def test_subset_asks_for_a_batch_at_once_unless_a_subclass_changes_samples() -> None:
    class Whole(Items):
        def __getitems__(self, indices: list[int]) -> list[str]:
            return [f"batch {i}" for i in indices]

    class Changed(data.Subset):
        def __getitem__(self, index: int) -> str:
            return f"changed {super().__getitem__(index)}"

    batch = [0, 1]
    assert data.Subset(Whole(str), [3, 4]).__getitems__(batch) == ["batch 3", "batch 4"]
    changed = Changed(Whole(str), [3, 4]).__getitems__(batch)
    assert changed == ["changed 3", "changed 4"]


def test_a_batch_of_the_wrong_length_is_an_error() -> None:
    class Short(Items):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return indices[1:]

    with pytest.raises(ValueError, match="Expected 2, got 1"):
        data.Subset(Short(str), [3, 4]).__getitems__([0, 1])


def test_random_split_takes_lengths_and_fractions() -> None:
    parts = data.random_split(range(10), [3, 7])
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10))
    thirds = data.random_split(range(11), [0.5, 0.25, 0.25])
    assert [len(part) for part in thirds] == [6, 3, 2]
    with pytest.raises(ValueError, match=r"\[3, 4\] for 10 samples"):
        data.random_split(range(10), [3, 4])
    with pytest.raises(ValueError, match="index 0 is not between 0 and 1: 1.5"):
        data.random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="index 1 is 0"):
        data.random_split(range(2), [0.9, 0.1])


# Samplers


def test_random_sampler_has_torchs_order() -> None:
    # torch.manual_seed(0); s = RandomSampler(range(8)); print(list(s), list(s))
    flambeau.manual_seed(0)
    sampler = data.RandomSampler(range(8))
    assert list(sampler) == [2, 5, 4, 6, 1, 7, 0, 3]
    assert list(sampler) == [2, 0, 5, 3, 1, 4, 7, 6]


@pytest.mark.parametrize(
    "make",
    [
        lambda: data.RandomSampler(range(0)),
        lambda: data.RandomSampler(range(3), num_samples=0),
        lambda: data.RandomSampler(range(3), num_samples=1.5),
        lambda: data.WeightedRandomSampler([1.0], True),
        lambda: data.WeightedRandomSampler([1.0], 1, replacement=1),
        lambda: data.WeightedRandomSampler([[1.0]], 1),
        lambda: data.BatchSampler(range(3), 0, False),
        lambda: data.BatchSampler(range(3), 2, None),
    ],
)
def test_samplers_refuse_with_a_value_error(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="should be a"):
        make()


def test_random_sampler_refuses_a_replacement_that_is_no_bool() -> None:
    with pytest.raises(TypeError, match="replacement=1"):
        data.RandomSampler(range(3), replacement=1)


def test_batch_sampler_lengths() -> None:
    for size in range(1, 8):
        for drop_last in (False, True):
            sampler = data.BatchSampler(range(size), 3, drop_last)
            assert len(sampler) == len(list(sampler))


def test_base_classes_say_what_is_missing() -> None:
    with pytest.raises(TypeError, match="does not define __getitem__"):
        data.Dataset()[0]
    with pytest.raises(TypeError, match="does not define __iter__"):
        iter(data.IterableDataset())
    with pytest.raises(TypeError, match="does not define __iter__"):
        iter(data.Sampler())


# Batches


def test_collate_keeps_structure() -> None:
    sample = {"pair": Pair(1, 2.5), "list": [np.ones(2, np.float32), "a"]}
    batch = data.default_collate([sample, sample])
    assert batch["pair"].x.tolist() == [1, 1]
    assert batch["pair"].y.dtype is flambeau.float64
    assert batch["list"][0].tolist() == [[1, 1], [1, 1]]
    assert batch["list"][1] == ("a", "a")


def test_a_batch_is_concrete_and_its_own() -> None:
    rows = [np.zeros(2), np.ones(2)]
    batch = data.default_collate(rows)
    assert batch.node.value is not None
    rows[0][:] = 5
    assert batch.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([None, None], "found <class 'NoneType'>"),
        ([np.array("a"), np.array("b")], "found <U1"),
        ([[1], [1, 2]], r"equal size, got lengths \[1, 2\]"),
        ([np.zeros(2), np.zeros(3)], r"\[2\] at entry 0 and \[3\] at entry 1"),
    ],
)
def test_collate_says_what_does_not_fit(samples: list, message: str) -> None:
    with pytest.raises((TypeError, RuntimeError), match=message):
        data.default_collate(samples)


def test_convert_turns_arrays_into_tensors_and_nothing_else() -> None:
    converted = data.default_convert({"a": np.arange(2), "b": ("x", 1, None)})
    assert converted["a"].tolist() == [0, 1]
    assert converted["b"] == ["x", 1, None]


def test_containers_that_cannot_be_copied_become_plain_ones() -> None:
    class Fixed(dict):
        def __setitem__(self, key: Any, value: Any) -> None:
            raise TypeError("fixed")

    batch = data.default_collate([Fixed(a=1), Fixed(a=2)])
    assert type(batch) is dict
    assert batch["a"].tolist() == [1, 2]


# The loader


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order(workers: int) -> None:
    turn = threading.Semaphore(1)

    def slow(index: int) -> int:
        if index % 4 == 0:  # let the others overtake
            with turn:
                pass
        return index

    batches = data.DataLoader(Items(slow), batch_size=5, num_workers=workers)
    assert lists(batches) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    assert lists(batches) == lists(batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_drop_last_single_samples_and_batch_sampler(workers: int) -> None:
    items = Items(int, 5)
    cases = [
        ({"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
        ({"batch_sampler": [[4, 0], [1]]}, [[4, 0], [1]]),
        ({"sampler": [3, 1], "batch_size": 2}, [[3, 1]]),
    ]
    for options, expected in cases:
        assert lists(data.DataLoader(items, num_workers=workers, **options)) == expected
    assert list(data.DataLoader(items, batch_size=None)) == [0, 1, 2, 3, 4]


def test_collate_fn_gets_the_samples() -> None:
    assert list(data.DataLoader(range(3), batch_size=2, collate_fn=sum)) == [1, 2]


def test_the_first_batch_that_is_ready_may_come_first() -> None:
    ready = threading.Event()

    def blocked(index: int) -> int:
        if index == 0:
            assert ready.wait(10)
        return index

    options = {"batch_size": None, "num_workers": 2, "in_order": False}
    seen = []
    for index in data.DataLoader(Items(blocked, 9), **options):
        seen.append(index)
        if len(seen) == 7:  # all but 0 and 2, which waits behind it
            ready.set()
    assert seen[-2:] == [0, 2]
    assert sorted(seen) == list(range(9))


def test_workers_fetch_no_further_ahead_than_asked() -> None:
    fetched = []
    batches = data.DataLoader(
        Items(fetched.append, 50),
        batch_size=None,
        num_workers=2,
        prefetch_factor=3,
    )
    iterator = iter(batches)
    next(iterator)
    next(iterator)
    assert 2 <= len(fetched) <= 2 + 6


def test_every_batch_is_an_evaluation_point(monkeypatch: pytest.MonkeyPatch) -> None:
    callers = []
    monkeypatch.setattr(
        loading, "evaluate_pending", lambda: callers.append(threading.current_thread())
    )
    for workers_count in (0, 2):
        callers.clear()
        list(data.DataLoader(range(4), num_workers=workers_count))
        assert callers == [threading.current_thread()] * 5  # and one to find the end


def fails_at_seven(index: int) -> int:
    """Raise for one sample."""
    if index == 7:
        raise ZeroDivisionError("seven is not allowed")
    return index


def test_an_error_in_a_worker_reaches_the_loop() -> None:
    seen = []
    with pytest.raises(ZeroDivisionError) as caught:
        for batch in data.DataLoader(Items(fails_at_seven), 3, num_workers=2):
            seen += batch.tolist()
    assert seen == [0, 1, 2, 3, 4, 5]
    message = str(caught.value)
    assert "Caught ZeroDivisionError in DataLoader worker thread 0" in message
    assert "in fails_at_seven" in message  # the worker's traceback
    assert "seven is not allowed" in message
    assert "while loading sample 7" in message


def test_an_error_in_the_loop_names_the_sample() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        list(data.DataLoader(Items(fails_at_seven), 3))
    assert caught.value.__notes__ == ["DataLoader: while loading sample 7"]


@pytest.mark.parametrize("count", [0, 1])
def test_the_end_of_an_iterator_in_a_sample_does_not_end_the_loop(count: int) -> None:
    items = Items(lambda index: next(iter([])))
    with pytest.raises(RuntimeError, match=r"dataset\[0\] raised StopIteration"):
        list(data.DataLoader(items, num_workers=count))


class PickyError(Exception):
    """An error that cannot be made from a message."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("missing"), KeyError),
        (PickyError(3, "odd"), RuntimeError),
        (OSError("no such file"), OSError),
        (SystemExit("stop"), SystemExit),
    ],
)
def test_errors_keep_their_type_where_they_can(
    error: BaseException, kind: type
) -> None:
    def fail(index: int) -> None:
        raise error

    with pytest.raises(kind) as caught:
        list(data.DataLoader(Items(fail), num_workers=1))
    message = str(caught.value)
    assert f"Caught {type(error).__name__}" in message
    assert message.count("\n") > 3  # lines, not the repr of one
    assert str(error) in message


def test_an_error_in_worker_init_fn_reaches_the_loop() -> None:
    def fail(worker: int) -> None:
        raise ValueError(f"worker {worker} cannot start")

    with pytest.raises(ValueError, match="worker 0 cannot start"):
        list(data.DataLoader(range(4), num_workers=2, worker_init_fn=fail))


def test_an_error_in_collate_fn_reaches_the_loop() -> None:
    with pytest.raises(TypeError, match="worker thread 0"):
        list(data.DataLoader([object()], num_workers=1))


def test_timeout() -> None:
    release = threading.Event()
    items = Items(lambda index: release.wait(10))
    batches = data.DataLoader(items, num_workers=1, timeout=0.01)
    with pytest.raises(RuntimeError, match="timed out after 0.01 seconds"):
        next(iter(batches))
    release.set()


def test_ctrl_c_ends_the_loop_while_a_worker_is_busy() -> None:
    release = threading.Event()
    main = threading.main_thread().ident

    def press_and_wait(index: int) -> int:
        if index == 2:
            signal.pthread_kill(main, signal.SIGINT)
            release.wait(30)
        return index

    batches = data.DataLoader(
        Items(press_and_wait), num_workers=1, persistent_workers=True
    )
    iterator = iter(batches)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(12):
            next(iterator)
    assert iterator.closed
    assert not release.is_set()  # the loop did not wait for the sample
    release.set()


def test_leaving_the_loop_ends_the_threads() -> None:
    for batch in data.DataLoader(range(100), num_workers=3):
        assert batch.tolist() == [0]
        assert len(loader_threads()) == 3
        break
    gc.collect()
    assert loader_threads() == []


def test_the_end_of_the_loop_ends_the_threads_at_once() -> None:
    iterator = iter(data.DataLoader(range(10), num_workers=3))
    assert len(list(iterator)) == 10
    assert loader_threads() == []


def test_close_ends_the_threads() -> None:
    iterator = iter(data.DataLoader(range(100), num_workers=2))
    next(iterator)
    iterator.close()
    assert loader_threads() == []


def test_persistent_workers_stay_and_load_again() -> None:
    started = []
    batches = data.DataLoader(
        range(7),
        batch_size=2,
        num_workers=2,
        persistent_workers=True,
        worker_init_fn=started.append,
    )
    passes = [lists(batches) for _ in range(3)]
    assert passes == [[[0, 1], [2, 3], [4, 5], [6]]] * 3
    assert sorted(started) == [0, 1]
    assert len(loader_threads()) == 2
    next(iter(batches))  # leave a pass early: the next one begins anew
    assert lists(batches) == passes[0]


def test_each_worker_knows_itself_and_has_its_own_copy() -> None:
    infos = []

    def note(worker: int) -> None:
        info = data.get_worker_info()
        info.dataset.size = worker
        infos.append(info)

    items = Items(int, 4)
    list(data.DataLoader(items, num_workers=2, worker_init_fn=note))
    assert sorted(info.id for info in infos) == [0, 1]
    assert {info.num_workers for info in infos} == {2}
    assert infos[0].seed - infos[1].seed == infos[0].id - infos[1].id
    assert items.size == 4
    assert data.get_worker_info() is None


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_stream_is_loaded_once_by_workers_that_share_it(count: int) -> None:
    batches = lists(data.DataLoader(Stream(10), batch_size=3, num_workers=count))
    assert sorted(item for batch in batches for item in batch) == list(range(10))
    assert max(map(len, batches)) == 3


def test_a_stream_that_drops_its_short_batch() -> None:
    batches = data.DataLoader(Stream(8), batch_size=3, drop_last=True)
    assert lists(batches) == [[0, 1, 2], [3, 4, 5]]


def test_an_error_in_a_stream_says_where() -> None:
    class Broken(data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            yield 1
            yield 2
            raise OSError("connection lost")

    with pytest.raises(OSError, match="sample 2 of the stream"):
        list(data.DataLoader(Broken(), num_workers=1))


def test_a_stream_longer_than_it_says_gets_a_warning() -> None:
    class Liar(Stream):
        def __len__(self) -> int:
            return 2

    batches = data.DataLoader(Liar(3))
    assert len(batches) == 2
    with pytest.warns(UserWarning, match="reported to be 2"):
        list(batches)


def test_lengths() -> None:
    assert len(data.DataLoader(range(10), batch_size=3)) == 4
    assert len(data.DataLoader(range(10), batch_size=3, drop_last=True)) == 3
    assert len(data.DataLoader(range(10), batch_size=None)) == 10
    with pytest.raises(TypeError):
        len(data.DataLoader(Stream(3)))


@pytest.mark.parametrize("option", ["shuffle", "sampler", "batch_sampler"])
def test_a_stream_has_no_order(option: str) -> None:
    with pytest.raises(ValueError, match=f"unspecified {option} option"):
        data.DataLoader(Stream(3), **{option: [1]})


def test_attributes_that_are_fixed() -> None:
    batches = data.DataLoader(range(3))
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        batches.batch_size = 2
    assert batches.batch_size == 1


def test_failure_messages_are_checked_by_a_wrong_answer() -> None:
    failure = workers.Failure(ValueError("x"), 3)
    with pytest.raises(ValueError, match="worker thread 3") as caught:
        failure.reraise()
    assert caught.value.__cause__ is None
