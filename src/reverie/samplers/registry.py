"""The samplers that there are, one line each: command line, HTTP, page and documents take the list from here.

A sampler's file is imported when it is first asked for, so the list itself needs no torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from reverie.errors import UsageError, unknown

if TYPE_CHECKING:
    from reverie.samplers.sampler import Sampler

__all__ = ["SAMPLERS", "Entry", "SamplerName", "compared", "listed", "named"]


@dataclass(frozen=True)
class Entry:
    """A sampler of the list.

    Attributes:
        place: its class, as module:name.
        about: what it is, in a few words.
        fixed: settings that the name stands for.
        compared: whether it is among those that `study compare` shows where none are named.
    """

    place: str
    about: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = False

    @cached_property
    def kind(self) -> type[Sampler]:
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)

    @property
    def settings(self) -> dict[str, Any]:
        """What can be set, with the defaults."""
        parameters = inspect.signature(self.kind).parameters
        return {name: each.default for name, each in parameters.items() if name not in self.fixed}

    def make(self, **settings: Any) -> Sampler:
        return self.kind(**self.fixed, **settings)

    @property
    def order(self) -> int:
        return self.make().order

    @property
    def stochastic(self) -> bool:
        return self.make().stochastic

    @property
    def calls(self) -> int:
        """Of the denoiser, in a step."""
        return self.make().calls

    def cost(self, steps: int) -> int:
        """Calls of the denoiser in so many steps, at most."""
        return self.make().cost(steps)


SAMPLERS: dict[str, Entry] = {
    "ddim": Entry("reverie.samplers.ddim:DDIM", "first order", compared=True),
    "dpmpp": Entry("reverie.samplers.dpm:DPMSolver", "DPM-Solver++ 2M", compared=True),
    "dpmpp_3m": Entry("reverie.samplers.dpm:DPMSolver", "DPM-Solver++ 3M", {"order": 3, "sde": False}),
    "dpmpp_sde": Entry("reverie.samplers.dpm:DPMSolver", "with noise", {"sde": True}),
    "unipc": Entry("reverie.samplers.unipc:UniPC", "UniPC-2, third order"),
    "deis": Entry("reverie.samplers.deis:DEIS", "exponential Adams-Bashforth, third order"),
    "heun": Entry("reverie.samplers.heun:Heun", "two calls a step", compared=True),
    "edm": Entry("reverie.samplers.churn:StochasticHeun", "Heun with noise renewed"),
    "restart": Entry("reverie.samplers.restart:Restart", "Heun that goes back near the end"),
    "angular": Entry("reverie.samplers.adams_bashforth:AdamsBashforth", "Adams-Bashforth on the angle"),
    "ancestral": Entry("reverie.samplers.ancestral:Ancestral", "DDPM", compared=True),
    "euler_ancestral": Entry("reverie.samplers.ddim:DDIM", "Euler's step and noise, DDIM of eta 1", {"eta": 1.0}),
    "consistency": Entry("reverie.samplers.consistency:Consistency", "for models of few steps"),
}


def named(name: str, **settings: Any) -> Sampler:
    """A sampler by its name, e.g. named("ddim", eta=0.5). Raises UsageError with the nearest name or setting."""
    if name not in SAMPLERS:
        raise unknown("sampler", name, SAMPLERS)
    entry = SAMPLERS[name]
    for key in settings:
        if key not in entry.settings and (others := [other for other in SAMPLERS if key in SAMPLERS[other].settings]):
            raise UsageError(
                f"the sampler {name!r} has no setting {key!r}, which is of {' and '.join(others)}: leave `{key}` out, or "
                f"take `sampler={others[0]}`."
            )
        if key not in entry.settings:
            raise unknown(f"setting of the sampler {name!r},", key, list(entry.settings))
    return entry.make(**settings)


def compared() -> tuple[str, ...]:
    """The samplers that are compared where none are named."""
    return tuple(name for name, entry in SAMPLERS.items() if entry.compared)


def listed() -> str:
    """The names with what they are, for a help text: "ddim (first order), ... or ancestral (DDPM)"."""
    *most, last = (f"{name} ({entry.about})" for name, entry in SAMPLERS.items())
    return f"{', '.join(most)} or {last}"


class _Listed:
    """What a request's field may name: the list is read at each use."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "enum": list(SAMPLERS)}

    @staticmethod
    def check(name: str) -> str:
        if name not in SAMPLERS:
            raise unknown("sampler", name, SAMPLERS)
        return name


SamplerName = Annotated[str, _Listed()]
"""The name of a sampler, as a field of a request."""
