"""Samplers by the names that the command line and run folders use."""

from __future__ import annotations

import inspect
from typing import Any

from reverie.errors import unknown
from reverie.samplers.ancestral import Ancestral
from reverie.samplers.angular import Angular
from reverie.samplers.ddim import DDIM
from reverie.samplers.dpm import DPMSolver
from reverie.samplers.heun import Heun
from reverie.samplers.sampler import Sampler

__all__ = ["SAMPLERS", "named"]

SAMPLERS: dict[str, tuple[type, dict[str, Any]]] = {
    "ancestral": (Ancestral, {}),
    "angular": (Angular, {}),
    "ddim": (DDIM, {}),
    "dpmpp": (DPMSolver, {}),
    "dpmpp_sde": (DPMSolver, {"sde": True}),
    "heun": (Heun, {}),
}


def named(name: str, **settings: Any) -> Sampler:
    """A sampler by its name, e.g. named("ddim", eta=0.5). Raises UsageError with the nearest name or setting."""
    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS)
    cls, fixed = SAMPLERS[name]
    known = [key for key in inspect.signature(cls).parameters if key not in fixed]
    for key in settings:
        if key not in known:
            raise unknown(f"setting of the sampler {name!r},", key, known)
    return cls(**fixed, **settings)
