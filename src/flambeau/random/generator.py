"""The random stream: MT19937 words, and the state PyTorch keeps around them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..recorder import spoil

if TYPE_CHECKING:
    from numpy.random import MT19937

DEFAULT_SEED = 67280421310721  # of a new torch.Generator

_WORDS = 624  # MT19937's state size
_STATE = np.dtype(
    [
        ("initial_seed", np.uint64),
        ("left", np.int32),  # words until the next twist, plus one
        ("seeded", np.int32),
        ("next", np.uint64),
        ("key", np.uint64, _WORDS),
        ("unused_x", np.float64),
        ("next_normal", np.float64),
        ("unused_rho", np.float64),
        ("has_next_normal", np.int32),
        ("next_float_normal", np.float32),
        ("has_next_float_normal", np.bool_),
    ],
    align=True,
)


class Generator:
    """PyTorch's CPU random number generator, to the word.

    The engine is MT19937 seeded with the low 32 bits of the seed. NumPy runs the
    same engine in C, so it supplies the words. `words32` and `words64` are the only
    ways the stream advances; the draws of this package are built on them.

    Args:
        device: `"cpu"`, with or without an index.

    Attributes:
        device: always `"cpu"`.
        next_normal: the second value of the last pair of normals drawn one by one,
            waiting to be returned; None if there is none.

    Raises:
        RuntimeError: `device` is not the CPU.

    Example:
        >>> generator = Generator().manual_seed(0)
        >>> generator.words32(2)
        array([2357136044, 2546248239], dtype=uint32)

    Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998);
    torch.Generator.
    """

    # What `get_state` makes of the bytes: an array, or with the tensor layer a tensor.
    present: ClassVar[Callable[[NDArray[np.uint8]], Any]] = staticmethod(np.asarray)
    next_normal: float | None

    def __init__(self, device: object = "cpu") -> None:
        if str(device).partition(":")[0] != "cpu":
            raise RuntimeError(
                f"Generator: device must be 'cpu', but got {str(device)!r}"
            )
        self.device = "cpu"
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Self:
        """Restart the stream at `seed` and return the generator.

        Args:
            seed: from -2**63 to 2**64 - 1; a negative seed stands for `seed + 2**64`.

        Raises:
            RuntimeError: `seed` is not an integer.
            ValueError: `seed` is out of range.
        """
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
            raise RuntimeError(
                f"manual_seed expected an int, but got {type(seed).__name__}"
            )
        if not -(2**63) <= seed < 2**64:
            raise ValueError(
                f"manual_seed: seed must be from -2**63 to 2**64 - 1, but got {seed}"
            )
        self._seed = int(seed) % 2**64
        self._restart()
        return self

    def seed(self) -> int:
        """Restart the stream at a seed from the operating system, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed the stream was last started with, from 0 to 2**64 - 1."""
        return self._seed

    def get_state(self) -> Any:
        """Return the state as a uint8 tensor, laid out as torch lays out its own.

        Shape: (5056,).

        Example:
            >>> generator = Generator()
            >>> state = generator.get_state()
            >>> first = generator.words32(3)
            >>> bool((generator.set_state(state).words32(3) == first).all())
            True
        """
        engine = self._engine.state["state"]
        record = np.zeros((), _STATE)
        record["initial_seed"] = self._seed
        record["left"] = _WORDS + 1 - engine["pos"]
        record["seeded"] = 1
        record["next"] = 0 if self._is_fresh(engine["key"]) else engine["pos"]
        record["key"] = engine["key"]
        if self.next_normal is not None:
            record["next_normal"] = self.next_normal
            record["has_next_normal"] = 1
        return Generator.present(np.frombuffer(record.tobytes(), np.uint8).copy())

    def set_state(self, new_state: ArrayLike) -> Self:
        """Continue from a state of `get_state` or of torch; return the generator.

        Args:
            new_state: uint8, shape (5056,).

        Raises:
            TypeError: `new_state` does not hold bytes.
            RuntimeError: its size is wrong, or it is no state of this generator.
        """
        record = _read_state(np.asarray(new_state))
        self._seed = int(record["initial_seed"])
        self._move_engine(record["key"], _WORDS + 1 - int(record["left"]))
        has_next = bool(record["has_next_normal"])
        self.next_normal = float(record["next_normal"]) if has_next else None
        return self

    def clone_state(self) -> Generator:
        """Return a new generator that continues from the same state."""
        return Generator(self.device).set_state(self.get_state())

    def words32(self, count: int) -> NDArray[np.uint32]:
        """Draw the next `count` words of the stream."""
        spoil("random numbers were drawn")
        return self._engine.random_raw(count).astype(np.uint32)

    def words64(self, count: int) -> NDArray[np.uint64]:
        """Draw `count` words of 64 bits: two of the stream each, the high one first."""
        spoil("random numbers were drawn")
        words = self._engine.random_raw(2 * count)
        return words[0::2] << np.uint64(32) | words[1::2]

    def __getstate__(self) -> dict[str, Any]:
        return {"device": self.device, "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.device = state["device"]
        self.set_state(state["state"])

    @cached_property
    def _engine(self) -> MT19937:
        """NumPy's engine, made at the first draw: numpy.random is slow to import."""
        from numpy.random import MT19937, RandomState

        engine = MT19937(0)
        RandomState(engine).seed(self._seed & 0xFFFFFFFF)
        return engine

    def _restart(self) -> None:
        """Forget the engine and the cached normal; the next draw seeds anew."""
        spoil("a random generator was seeded")
        self.__dict__.pop("_engine", None)
        self.next_normal = None

    def _move_engine(self, key: NDArray[np.uint64], position: int) -> None:
        """Put the engine at word `position` of the given key."""
        spoil("a random generator was set to another state")
        self._engine.state = {
            "bit_generator": "MT19937",
            "state": {"key": key.astype(np.uint32), "pos": position},
        }

    def _is_fresh(self, key: NDArray[np.uint32]) -> bool:
        """Whether nothing was drawn since seeding, which leaves the seed in the key."""
        return int(key[0]) == self._seed & 0xFFFFFFFF


def _read_state(state: NDArray[Any]) -> np.void:
    """Check the bytes of a state and return them as a record."""
    if state.dtype != np.uint8:
        raise TypeError(
            f"set_state: the state must be of dtype uint8, but got {state.dtype}"
        )
    if state.size != _STATE.itemsize:
        raise RuntimeError(
            f"set_state: the state must have {_STATE.itemsize} bytes, "
            f"but got {state.size}"
        )
    record = np.frombuffer(state.tobytes(), _STATE)[0]
    left, position = int(record["left"]), int(record["next"])
    if record["seeded"] != 1 or not 1 <= left <= _WORDS or position > _WORDS:
        raise RuntimeError(
            "set_state: invalid mt19937 state "
            f"(seeded={record['seeded']}, left={left}, next={position})"
        )
    return record
