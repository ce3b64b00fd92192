"""Posterior samplers: x_0 given a measurement y = A(x_0) + n, from a denoiser of x_0 alone.

    measurement = Measurement(Mask(known), x_0)                  what was seen
    x = named("mmps").sample(denoiser, measurement, grid, noise, generator)

How far each is from the exact posterior is measured by `reverie study posterior`. Each name is imported from its file when
it is first used, so that the list of methods can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reverie.samplers.posterior.registry import METHODS, named

if TYPE_CHECKING:
    from reverie.samplers.posterior.diffpir import DiffPIR
    from reverie.samplers.posterior.dps import DPS
    from reverie.samplers.posterior.gibbs import SplitGibbs
    from reverie.samplers.posterior.measurement import GaussianNoise, Measurement, PoissonNoise
    from reverie.samplers.posterior.method import PosteriorSampler
    from reverie.samplers.posterior.mmps import MMPS
    from reverie.samplers.posterior.operators import Function, Linear, Mask, Operator, Separable, blur, downsampling
    from reverie.samplers.posterior.pigdm import PiGDM
    from reverie.samplers.posterior.repaint import RePaint
    from reverie.samplers.posterior.tmpd import TMPD
    from reverie.samplers.posterior.twisted import Twisted

__all__ = [
    "DPS",
    "METHODS",
    "MMPS",
    "TMPD",
    "DiffPIR",
    "Function",
    "GaussianNoise",
    "Linear",
    "Mask",
    "Measurement",
    "Operator",
    "PiGDM",
    "PoissonNoise",
    "PosteriorSampler",
    "RePaint",
    "Separable",
    "SplitGibbs",
    "Twisted",
    "blur",
    "downsampling",
    "named",
]

FILES = ("measurement", "operators", "method", "mmps", "tmpd", "pigdm", "diffpir", "dps", "twisted", "gibbs", "repaint")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for file in FILES:
            module = import_module(f"{__name__}.{file}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
