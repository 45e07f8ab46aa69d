"""ONNX Runtime on the CPU, in float32."""

from __future__ import annotations

import onnxruntime

from ..contender import Contender
from ..settings import Settings
from ..step import outputs
from ..tasks import Task
from .graph import onnx_bytes

__all__ = ["NAME", "inference"]

NAME = "ONNX Runtime"


def inference(task: Task, settings: Settings) -> Contender:
    """Return the contender that infers with ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_bytes(task), options, providers=["CPUExecutionProvider"]
    )
    given = {session.get_inputs()[0].name: task.images}

    def run() -> object:
        return session.run(None, given)[0]

    return Contender(lambda: outputs(run), run)
