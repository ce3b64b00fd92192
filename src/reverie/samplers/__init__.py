"""Time grids, samplers, and the driver that yields every state."""

from reverie.samplers.ancestral import Ancestral
from reverie.samplers.angular import Angular
from reverie.samplers.ddim import DDIM, InversionError, invert
from reverie.samplers.dpm import DPMSolver
from reverie.samplers.grid import SPACINGS, check_grid, time_grid
from reverie.samplers.heun import Heun
from reverie.samplers.names import SAMPLERS, named
from reverie.samplers.sampler import Point, Sampler, State, sample, trajectory

__all__ = [
    "DDIM",
    "SAMPLERS",
    "SPACINGS",
    "Ancestral",
    "Angular",
    "DPMSolver",
    "Heun",
    "InversionError",
    "Point",
    "Sampler",
    "State",
    "check_grid",
    "invert",
    "named",
    "sample",
    "time_grid",
    "trajectory",
]
