"""The `flambeau` command: train, evaluate, predict, summary."""

from .app import main

__all__ = ["main"]
