"""What is raised about a file that cannot be read."""

from __future__ import annotations

import pickle

__all__ = ["CheckpointError", "RefusedError"]


class CheckpointError(RuntimeError, ValueError):
    """A file is cut short, damaged, hostile or of another format.

    Attributes:
        file: the file's name.
        offset: the byte at which the problem lies.
        problem: what is wrong there.

    Example:
        >>> from flambeau.serialization import CheckpointError
        >>> raise CheckpointError("model.pt", 12, "the number ends here")
        Traceback (most recent call last):
        ...
        flambeau.serialization.errors.CheckpointError: model.pt: at byte 12: the number ends here
    """  # noqa: E501

    def __init__(self, file: str, offset: int, problem: str) -> None:
        super().__init__(file, offset, problem)
        self.file, self.offset, self.problem = file, offset, problem

    def __str__(self) -> str:
        return f"{self.file}: at byte {self.offset}: {self.problem}"


class RefusedError(CheckpointError, pickle.UnpicklingError):
    """A file names something that reading it would have to run."""
