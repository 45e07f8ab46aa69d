"""Batches of sequences of several lengths; torch's ``torch.nn.utils.rnn``."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ... import dtypes as dt
from ...tensor import Tensor
from ...tensor.creation import as_tensor, full, tensor
from ...tensor.joining import cat, stack

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences without padding, all their first elements, all their second ones, …

    The functions of this module make it; recurrent layers take and return it.

    Attributes:
        data: the elements.
        batch_sizes: how many sequences have each step.
        sorted_indices: which sequence of the batch stands at each place, the longest
            first; None for the order they came in.
        unsorted_indices: the place of each sequence.

    Source: torch's page "torch.nn.utils.rnn.PackedSequence".
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Make one of its parts, or of a pair of data and batch sizes."""
        if batch_sizes is None:
            if not isinstance(data, list | tuple) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequences with their data converted as `Tensor.to` does it."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return PackedSequence(data, *self[1:])

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequences: they are on the CPU."""
        return self

    def double(self) -> PackedSequence:
        """Return the sequences in float64."""
        return self.to(dtype=dt.float64)

    def float(self) -> PackedSequence:
        """Return the sequences in float32."""
        return self.to(dtype=dt.float32)

    def half(self) -> PackedSequence:
        """Return the sequences in float16."""
        return self.to(dtype=dt.float16)

    def long(self) -> PackedSequence:
        """Return the sequences in int64."""
        return self.to(dtype=dt.int64)

    def int(self) -> PackedSequence:
        """Return the sequences in int32."""
        return self.to(dtype=dt.int32)

    def short(self) -> PackedSequence:
        """Return the sequences in int16."""
        return self.to(dtype=dt.int16)

    def char(self) -> PackedSequence:
        """Return the sequences in int8."""
        return self.to(dtype=dt.int8)

    def byte(self) -> PackedSequence:
        """Return the sequences in uint8."""
        return self.to(dtype=dt.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU: never."""
        return False

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory: never."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the order that undoes an order.

    Source: torch's page "torch.nn.utils.rnn.invert_permutation".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import invert_permutation
        >>> invert_permutation(torch.tensor([1, 2, 0]))
        tensor([2, 0, 1])
    """
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[builtins.int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack a batch of padded sequences.

    Args:
        input: the sequences.
        lengths: how long each one is.
        batch_first: the batch is the first dimension, the steps the second.
        enforce_sorted: the longest come first; False sorts them.

    Shape: input (T, N, *), or (N, T, *) with `batch_first`.

    Raises:
        RuntimeError: lengths that do not fit the input, or are not sorted.

    Source: torch's page "torch.nn.utils.rnn.pack_padded_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pack_padded_sequence
        >>> padded = torch.tensor([[1, 2, 3], [4, 5, 0]])
        >>> pack_padded_sequence(padded, [3, 2], batch_first=True).data
        tensor([1, 4, 2, 5, 3])
    """
    counts = as_tensor(lengths).tolist()
    order = None
    if not enforce_sorted:
        ranks = sorted(range(len(counts)), key=counts.__getitem__, reverse=True)
        counts, order = [counts[at] for at in ranks], tensor(ranks, dtype=dt.int64)
        input = input.index_select(0 if batch_first else 1, order)
    x = input.transpose(0, 1) if batch_first else input
    _check_lengths(counts, x)
    sizes = [sum(count > t for count in counts) for t in range(counts[0])]
    data = cat([x[t, :size] for t, size in enumerate(sizes)])
    return PackedSequence(data, tensor(sizes, dtype=dt.int64), order)


def _check_lengths(counts: list[builtins.int], x: Tensor) -> None:
    if len(counts) != x.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} "
            f"(batch_size={x.shape[1]})"
        )
    if not counts:
        raise RuntimeError("Cannot pack empty tensors.")
    if counts != sorted(counts, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` "
            "is True. You can pass `enforce_sorted=False` to pack_padded_sequence "
            "and/or pack_sequence to sidestep this requirement if you do not need "
            "ONNX exportability."
        )
    if counts[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in "
            "'lengths' that is <= 0"
        )
    if counts[0] > x.shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: the longest sequence has {counts[0]} elements, "
            f"but the input of shape {tuple(x.shape)} has {x.shape[0]} steps"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: builtins.int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return a batch of padded sequences, and their lengths.

    Args:
        sequence: what was packed.
        batch_first: let the batch be the first dimension.
        padding_value: what stands behind a sequence.
        total_length: how many steps there are to be; as many as the longest has if
            not given.

    Raises:
        ValueError: the longest sequence has more steps.

    Source: torch's page "torch.nn.utils.rnn.pad_packed_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pack_sequence, pad_packed_sequence
        >>> packed = pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])])
        >>> pad_packed_sequence(packed, batch_first=True)
        (tensor([[1, 2, 3],
                [4, 5, 0]]), tensor([3, 2]))
    """
    data, batch_sizes, _, back = sequence
    sizes = batch_sizes.tolist()
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence "
            f"in input, but got total_length={total_length} and max sequence length "
            f"being {len(sizes)}"
        )
    counts = [sum(size > at for size in sizes) for at in range(sizes[0])]
    places = [t * sizes[0] + at for t, size in enumerate(sizes) for at in range(size)]
    shape = (steps * sizes[0], *data.shape[1:])
    flat = full(shape, padding_value, dtype=data.dtype)
    flat = flat.index_put((tensor(places, dtype=dt.int64),), data)
    padded = flat.reshape(steps, sizes[0], *data.shape[1:])
    lengths = tensor(counts, dtype=dt.int64)
    if back is not None:
        padded, lengths = padded.index_select(1, back), lengths[back]
    return padded.transpose(0, 1) if batch_first else padded, lengths


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences of several lengths, padded to that of the longest.

    Args:
        sequences: tensors (L, *) whose other sizes are the same.
        batch_first: let the batch be the first dimension.
        padding_value: what is added.
        padding_side: where it is added, "right" or "left".

    Shape: result (T, N, *), or (N, T, *) with `batch_first`.

    Raises:
        RuntimeError: no sequences, others sizes that differ, or another side.

    Source: torch's page "torch.nn.utils.rnn.pad_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pad_sequence
        >>> pad_sequence([torch.tensor([1, 2]), torch.tensor([3])], batch_first=True)
        tensor([[1, 2],
                [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    listed: list[Tensor] = list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    _check_alike(listed)
    longest = max(len(each) for each in listed)
    padded = []
    for each in listed:
        shape = (longest - len(each), *each.shape[1:])
        filling = full(shape, padding_value, dtype=each.dtype)
        pair = [filling, each] if padding_side == "left" else [each, filling]
        padded.append(cat(pair))
    return stack(padded, 0 if batch_first else 1)


def _check_alike(sequences: list[Tensor]) -> None:
    wanted = sequences[0].shape[1:]
    for each in sequences:
        for at, (size, other) in enumerate(zip(each.shape[1:], wanted), 1):
            if size != other:
                raise RuntimeError(
                    f"The size of tensor a ({other}) must match the size of tensor b "
                    f"({size}) at non-singleton dimension {at}: sequences may differ "
                    "in their first dimension alone"
                )


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """Return the sequences of a padded batch without what was added.

    Args:
        padded_sequences: the batch.
        lengths: how long each sequence is.
        batch_first: the batch is the first dimension.

    Source: torch's page "torch.nn.utils.rnn.unpad_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import unpad_sequence
        >>> unpad_sequence(torch.tensor([[1, 3], [2, 0]]), torch.tensor([2, 1]))
        [tensor([1, 2]), tensor([3])]
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    pairs = zip(x, as_tensor(lengths).tolist(), strict=True)
    return [each[:count] for each, count in pairs]


def pack_sequence(
    sequences: Sequence[Tensor], enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences of several lengths.

    Args:
        sequences: tensors (L, *) whose other sizes are the same.
        enforce_sorted: the longest come first; False sorts them.

    Raises:
        RuntimeError: no sequences, or not sorted.

    Source: torch's page "torch.nn.utils.rnn.pack_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pack_sequence
        >>> pack_sequence([torch.tensor([1, 2, 3]), torch.tensor([4, 5])]).batch_sizes
        tensor([2, 2, 1])
    """
    lengths = [len(each) for each in sequences]
    return pack_padded_sequence(
        pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted
    )


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences that were packed.

    Source: torch's page "torch.nn.utils.rnn.unpack_sequence".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn.utils.rnn import pack_sequence, unpack_sequence
        >>> unpack_sequence(pack_sequence([torch.tensor([1, 2]), torch.tensor([3])]))
        [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
