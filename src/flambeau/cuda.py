"""Answers for programs that ask about GPUs: there are none.

Source: torch's page "torch.cuda".
"""

__all__ = [
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "manual_seed_all",
]


def is_available() -> bool:
    """Return False: flambeau runs on the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.device("cuda" if torch.cuda.is_available() else "cpu")
        device(type='cpu')
    """
    return False


def device_count() -> int:
    """Return 0, the number of GPUs."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no GPU to seed, as in torch without one."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no GPUs to seed, as in torch without one."""


def empty_cache() -> None:
    """Do nothing: there is no GPU memory to give back, as in torch without one."""
