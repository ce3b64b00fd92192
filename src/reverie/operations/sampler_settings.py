"""What may be asked of a sampler, wherever one runs: its flags, and its settings by the names of the library."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.request import Flag
from reverie.samplers.registry import listed

__all__ = ["GUIDANCE", "INTERVAL", "SAMPLER", "SPACING", "Interval", "settings_of"]

SAMPLER = Flag("--sampler", f"{listed()}. The model's usual one if left out.")
SPACING = Flag(
    "--spacing",
    "Where the steps lie: angle (default for pictures), trailing (for patients), leading, linspace, log_snr or karras.",
)
GUIDANCE = "How strongly visits follow the statics, or pictures their class or attributes: 1 as learned, above 1 more."


def between(interval: str) -> tuple[float, float]:
    """What --interval says, "100:800" as (100, 800)."""
    low, _, high = interval.partition(":")

    def number(text: str) -> float:
        return int(text) if text.strip().isdecimal() else float(text)

    try:
        return number(low), number(high)
    except ValueError as error:
        raise UsageError(f"`interval` is LOW:HIGH, two times of the schedule such as 100:800, not {interval!r}.") from error


INTERVAL = Flag(
    "--interval",
    "Guide only at steps LOW:HIGH, e.g. 100:800.",
    read=between,
    write=lambda times: ":".join(f"{t:g}" for t in times),
)
Interval = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], Field(strict=False)]
"""Not strict, for JSON has no tuples; its numbers are."""


def settings_of(request: Any, *more: str) -> dict[str, Any]:
    """What was asked of the sampler, by the names of the library."""
    names = ("sampler", "steps", "spacing", "sigma_min", "sigma_max", "eta", "variance", "where", "guidance")
    names += ("rescale", "interval", "negative", "clip", *more)
    found = {name: getattr(request, name, None) for name in names}
    said = {name: value for name, value in found.items() if value is not None and value != []}  # a 0 is said
    return {name: value for name, value in said.items() if value is not False or name == "clip"}
