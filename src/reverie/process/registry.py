"""The paths of noise levels that there are, one line each: settings of a run, command line, HTTP and documents take the list
from here.

A path is a table of T + 1 steps (schedule.py), or runs in continuous time (continuous.py). Its file is imported when it is
first asked for, so the list itself needs no torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

from reverie.errors import UsageError, unknown

if TYPE_CHECKING:
    from reverie.process.path import NoisePath

__all__ = [
    "ALIASES",
    "CONTINUOUS",
    "PATHS",
    "TABLES",
    "Entry",
    "PathName",
    "ScheduleName",
    "learned",
    "named",
    "path_from_config",
    "served",
]


@dataclass(frozen=True)
class Entry:
    """A path of the list.

    Attributes:
        place: what makes it, as module:name.
        about: what it is, in a few words.
        whole: whether it is a table.
    """

    place: str
    about: str
    whole: bool = True

    @cached_property
    def make(self) -> Any:
        module, _, name = self.place.partition(":")
        return attrgetter(name)(import_module(module))

    @property
    def settings(self) -> dict[str, Any]:
        """What can be set, with the defaults; what must be set is not among them."""
        parameters = inspect.signature(self.make).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}


def _table(constructor: str, about: str) -> Entry:
    return Entry(f"reverie.process.schedule:NoiseSchedule.{constructor}", about)


def _continuous(path: str, about: str) -> Entry:
    return Entry(f"reverie.process.{path}", about, False)


PATHS: dict[str, Entry] = {
    "linear": _table("linear", "beta grows evenly"),
    "scaled_linear": _table("scaled_linear", "sqrt(beta) does"),
    "cosine": _table("cosine", "alpha_bar follows a squared cosine"),
    "squaredcos_cap_v2": _table("squaredcos_cap_v2", "cosine by its other name"),
    "sigmoid": _table("sigmoid", "beta follows a logistic curve"),
    "quadratic": _table("quadratic", "beta follows a parabola"),
    "exponential": _table("exponential", "log(beta) grows evenly"),
    "from_betas": _table("from_betas", "any variances"),
    "linear_rate": _continuous("variance_preserving:LinearRate", "the linear table's limit"),
    "continuous_cosine": _continuous("variance_preserving:ContinuousCosine", "the cosine table's limit"),
    "log_snr": _continuous("variance_preserving:LogSNR", "log-SNR falls evenly"),
    "variance_exploding": _continuous(
        "variance_exploding:VarianceExploding", "noise grows geometrically over data that stay"
    ),
    "edm": _continuous("variance_exploding:EDM", "sigma is the time, drawn log-normally in training"),
    "rectified_flow": _continuous("rectified_flow:RectifiedFlow", "the straight line from the data to the noise"),
}

ALIASES = {"vp": "linear_rate", "ve": "variance_exploding", "flow": "rectified_flow"}
"""What else they are called."""

TABLES: tuple[str, ...] = tuple(name for name, entry in PATHS.items() if entry.whole)
CONTINUOUS: tuple[str, ...] = tuple(name for name, entry in PATHS.items() if not entry.whole)


def named(name: str, **settings: Any) -> NoisePath:
    """A path by its name, e.g. named("edm", sigma_data=0.6) or named("cosine", steps=500).

    Raises UsageError with the nearest name for an unknown path or setting.
    """
    name = ALIASES.get(name, name)
    if name not in PATHS:
        raise unknown("schedule", name, [*PATHS, *ALIASES])
    entry = PATHS[name]
    if entry.whole:
        from reverie.process.schedule import NoiseSchedule

        return NoiseSchedule.named(name, **settings)
    for key in settings:
        if key not in entry.settings:
            raise unknown(f"setting of the schedule {name!r},", key, list(entry.settings))
    return entry.make(**settings)


def path_from_config(config: Mapping[str, Any]) -> NoisePath:
    """The inverse of `path.config`: {"name": "cosine", "steps": 1000}. Raises UsageError as `named`."""
    if not isinstance(config.get("name"), str):
        raise UsageError(f"a schedule is asked for by its name, e.g. cosine or edm, not {config.get('name')!r}.")
    return named(**config)


@dataclass(frozen=True)
class _Listed:
    """What a request's field may name."""

    names: Callable[[], tuple[str, ...]]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.literal_schema(list(self.names()))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.names())}


def served() -> tuple[str, ...]:
    """Tables that a request names; variances one by one are for the library."""
    return tuple(name for name in TABLES if name != "from_betas")


def learned() -> tuple[str, ...]:
    """Paths that a training names: tables, and those in continuous time, also by what else they are called."""
    return (*served(), *CONTINUOUS, *ALIASES)


ScheduleName = Annotated[str, _Listed(served)]
"""The name of a table that needs no settings, as a field of a request."""
PathName = Annotated[str, _Listed(learned)]
"""The name of a path to train on, as a field of a request."""
