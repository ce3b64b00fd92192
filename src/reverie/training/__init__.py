"""The training loop, and what it needs: order of the data, checkpoints, the running average, metrics, advice."""

from reverie.training.examples import Examples
from reverie.training.loop import Listener, fit, seconds_per_step
from reverie.training.objective import Batch
from reverie.training.settings import TrainingSettings
from reverie.training.stopping import Stopped

__all__ = ["Batch", "Examples", "Listener", "Stopped", "TrainingSettings", "fit", "seconds_per_step"]
