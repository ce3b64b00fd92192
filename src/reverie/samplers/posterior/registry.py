"""The posterior samplers that there are, one line each: command line, HTTP, study and documents take the list from here.

A method's file is imported when it is first asked for, so the list itself needs no torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reverie.errors import unknown

if TYPE_CHECKING:
    from reverie.samplers.posterior.method import PosteriorSampler

__all__ = ["LEARNED", "METHODS", "USUAL", "Entry", "listed", "named"]


@dataclass(frozen=True)
class Entry:
    """A method of the list.

    Attributes:
        place: its class, as module:name.
        about: what it is, in a few words.
        fixed: settings that the name stands for.
        shared: whether all draws are one population, of one measurement and one generator.
    """

    place: str
    about: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = False

    @cached_property
    def kind(self) -> type[PosteriorSampler]:
        module, _, name = self.place.partition(":")
        return getattr(import_module(f"reverie.samplers.posterior.{module}"), name)

    @property
    def settings(self) -> dict[str, Any]:
        """What can be set, with the defaults."""
        parameters = inspect.signature(self.kind).parameters
        return {name: each.default for name, each in parameters.items() if name not in self.fixed}


METHODS: dict[str, Entry] = {
    "mmps": Entry("mmps:MMPS", "moment matching"),
    "tmpd": Entry("tmpd:TMPD", "projected moments"),
    "pigdm": Entry("pigdm:PiGDM", "pseudo-inverse"),
    "diffpir": Entry("diffpir:DiffPIR", "proximal steps"),
    "dps": Entry("dps:DPS", "gradient of the distance"),
    "twisted": Entry("twisted:Twisted", "sequential Monte Carlo"),
    "twisted_shared": Entry("twisted:Twisted", "the same, of one population", {"particles": 1, "shared": True}, True),
    "gibbs": Entry("gibbs:SplitGibbs", "moment matching, then split Gibbs", {"shared": False}),
    "gibbs_shared": Entry(
        "gibbs:SplitGibbs", "split Gibbs of one population", {"shared": True, "most": 3.0, "least": 0.1}, True
    ),
    "repaint": Entry("repaint:RePaint", "replacement, steps done again; holes only"),
}

LEARNED = "learned"
"""Of records, no posterior sampler: what is given is given to the network, which was trained for that."""

USUAL = "mmps"
"""Of the list, the one that measures best at equal cost (`reverie study posterior`)."""


def named(name: str, **settings: Any) -> PosteriorSampler:
    """A method by its name, e.g. named("mmps", iterations=2). Raises UsageError with the nearest name or setting."""
    if name not in METHODS:
        raise unknown("posterior sampler", name, METHODS)
    entry = METHODS[name]
    for key in settings:
        if key not in entry.settings:
            raise unknown(f"setting of the posterior sampler {name!r},", key, list(entry.settings))
    return entry.kind(**{**entry.fixed, **settings})


def listed() -> str:
    """The names with what they are, for a help text."""
    *most, last = (f"{name} ({entry.about})" for name, entry in METHODS.items())
    return f"{', '.join(most)} or {last}"
