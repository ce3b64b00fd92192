"""The exact mathematics of Gaussian diffusion: pure functions and frozen objects, on torch alone."""

from reverie.process.gaussian import Gaussian, GaussianProcess
from reverie.process.prediction import Prediction
from reverie.process.randomness import draw, generator, sub_seed
from reverie.process.schedule import NoiseSchedule, TerminalSNRWarning

__all__ = [
    "Gaussian",
    "GaussianProcess",
    "NoiseSchedule",
    "Prediction",
    "TerminalSNRWarning",
    "draw",
    "generator",
    "sub_seed",
]
