"""What torch keeps under utils: loading data, and calls that are computed again."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
