"""One training loop with interchangeable updates, and what it needs: datasets, validation, checkpoints, metrics, advice."""

from reverie.training.budget import Budget
from reverie.training.dataset import Batch, Dataset
from reverie.training.loop import Callbacks, fit, seconds_per_step
from reverie.training.settings import TrainingSettings
from reverie.training.stopping import Stopped
from reverie.training.update import StepReport, TrainingState, Update
from reverie.training.updates import denoising
from reverie.training.validation import Validator

__all__ = [
    "Batch",
    "Budget",
    "Callbacks",
    "Dataset",
    "StepReport",
    "Stopped",
    "TrainingSettings",
    "TrainingState",
    "Update",
    "Validator",
    "denoising",
    "fit",
    "seconds_per_step",
]
