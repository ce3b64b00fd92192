"""Time grids, samplers, and the driver that yields every state.

Each name is imported from its file when it is first used, so that the list of samplers can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reverie.samplers.registry import SAMPLERS, named

if TYPE_CHECKING:
    from reverie.samplers.adams_bashforth import AdamsBashforth
    from reverie.samplers.ancestral import Ancestral
    from reverie.samplers.churn import StochasticHeun
    from reverie.samplers.consistency import Consistency
    from reverie.samplers.ddim import DDIM
    from reverie.samplers.deis import DEIS
    from reverie.samplers.dpm import DPMSolver
    from reverie.samplers.grid import SPACINGS, check_grid, time_grid
    from reverie.samplers.heun import Heun
    from reverie.samplers.inversion import invert
    from reverie.samplers.restart import Restart
    from reverie.samplers.sampler import Point, Sampler, Step, sample, trajectory
    from reverie.samplers.unipc import UniPC

__all__ = [
    "DDIM",
    "DEIS",
    "SAMPLERS",
    "SPACINGS",
    "AdamsBashforth",
    "Ancestral",
    "Consistency",
    "DPMSolver",
    "Heun",
    "Point",
    "Restart",
    "Sampler",
    "Step",
    "StochasticHeun",
    "UniPC",
    "check_grid",
    "invert",
    "named",
    "sample",
    "time_grid",
    "trajectory",
]

FILES = (
    *("sampler", "grid", "ddim", "inversion", "dpm", "unipc", "deis", "adams_bashforth"),
    *("heun", "churn", "restart", "ancestral", "consistency"),
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for file in FILES:
            module = import_module(f"{__name__}.{file}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
