"""Training image classifiers: the loop, its run folder, evaluation, prediction."""

from .config import Images, TrainConfig
from .interrupt import StopRequest
from .predict import Guess, open_picture, predict
from .run import RunFolder
from .summary import Layer, summarize
from .trainer import Averages, Step, Trainer, evaluate_model

__all__ = [
    "Averages",
    "Guess",
    "Images",
    "Layer",
    "RunFolder",
    "Step",
    "StopRequest",
    "TrainConfig",
    "Trainer",
    "evaluate_model",
    "open_picture",
    "predict",
    "summarize",
]
