"""The exact mathematics of Gaussian diffusion: pure functions and frozen objects, on torch alone."""

from reverie.process.continuous import (
    EDM,
    ContinuousCosine,
    LinearRate,
    LogSNR,
    RectifiedFlow,
    VarianceExploding,
)
from reverie.process.gaussian import Gaussian, GaussianProcess
from reverie.process.path import Level, NoisePath
from reverie.process.prediction import Prediction
from reverie.process.randomness import draw, generator, sub_seed
from reverie.process.schedule import NoiseSchedule, TerminalSNRWarning

__all__ = [
    "EDM",
    "ContinuousCosine",
    "Gaussian",
    "GaussianProcess",
    "Level",
    "LinearRate",
    "LogSNR",
    "NoisePath",
    "NoiseSchedule",
    "Prediction",
    "RectifiedFlow",
    "TerminalSNRWarning",
    "VarianceExploding",
    "draw",
    "generator",
    "sub_seed",
]
