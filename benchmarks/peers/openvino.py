"""OpenVINO on the CPU, in float32."""

from __future__ import annotations

import openvino

from ..contender import Contender
from ..settings import Settings
from ..step import outputs
from ..tasks import Task
from .graph import onnx_bytes

__all__ = ["NAME", "inference"]

NAME = "OpenVINO"


def inference(task: Task, settings: Settings) -> Contender:
    """Return the contender that infers with OpenVINO."""
    core = openvino.Core()
    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": settings.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = core.compile_model(core.read_model(onnx_bytes(task)), "CPU", options)
    request = model.create_infer_request()

    def run() -> object:
        return request.infer([task.images], share_inputs=True, share_outputs=True)[0]

    return Contender(lambda: outputs(run), run)
