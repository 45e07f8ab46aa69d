"""A network as an ONNX file, for the runtimes that read such files."""

from __future__ import annotations

import io
from functools import lru_cache
from warnings import catch_warnings, simplefilter

import torch

from ..tasks import Task
from .torch import model_of

__all__ = ["onnx_bytes"]


@lru_cache(maxsize=1)
def onnx_bytes(task: Task) -> bytes:
    """Return a task's network for inference in ONNX's format."""
    file = io.BytesIO()
    images = torch.from_numpy(task.images)
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # the newer one needs onnxscript
        torch.onnx.export(model_of(task).eval(), (images,), file, dynamo=False)
    return file.getvalue()
