"""The exact mathematics of Gaussian diffusion: pure functions and frozen objects, on torch alone.

Each name is imported from its file when it is first used, so that the list of paths can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reverie.process.registry import path_from_config

if TYPE_CHECKING:
    from reverie.process.gaussian import Gaussian, GaussianProcess
    from reverie.process.path import Level, NoisePath
    from reverie.process.prediction import Prediction
    from reverie.process.randomness import draw, generator, sub_seed
    from reverie.process.rectified_flow import RectifiedFlow
    from reverie.process.schedule import NoiseSchedule, TerminalSNRWarning
    from reverie.process.variance_exploding import EDM, VarianceExploding
    from reverie.process.variance_preserving import ContinuousCosine, LinearRate, LogSNR

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
    "path_from_config",
    "sub_seed",
]

FILES = (
    "randomness", "path", "schedule", "prediction", "gaussian",
    "variance_preserving", "variance_exploding", "rectified_flow",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in __all__:
        for file in FILES:
            module = import_module(f"{__name__}.{file}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
