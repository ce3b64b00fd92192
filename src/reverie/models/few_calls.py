"""What a distilled run can be asked for: pictures in as many calls as it was taught, and nothing else.

It says where the path from a level of noise ends, at a few levels, and has forgotten what all others rest on: the mean of
x_0 at every level. So other samplers and steps, guidance, and whatever changes or judges pictures are its parent's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reverie.config import RunConfig
from reverie.errors import UsageError

__all__ = ["check", "refuse"]


def check(config: RunConfig, sampler: str | None, steps: int | None, spacing: str | None, guidance: Iterable[Any]) -> None:
    """Raises UsageError for settings of sampling that a distilled run has no answer to; None is what was left out, of
    `guidance` also an empty list."""
    distilled, usual = config.distilled, config.sampling
    if distilled is None or usual is None:
        return
    if steps is not None and steps not in distilled.counts:
        calls = "1 call" if distilled.counts == [1] else f"{' or '.join(map(str, distilled.counts))} calls"
        raise UsageError(
            f"this run was distilled to make a picture in {calls} of its network, not in {steps} steps: leave `steps` out, "
            f"or sample {_parent(config)}, which takes any number."
        )
    for name, asked, own in (("sampler", sampler, usual.sampler), ("spacing", spacing, usual.spacing)):
        if asked not in (None, own):
            raise UsageError(
                f"this run was distilled for `{name}={own}` alone, not {asked}: leave `{name}` out, or sample "
                f"{_parent(config)}."
            )
    if any(setting is not None and setting != [] for setting in guidance):
        own = "none" if distilled.guidance is None else f"{distilled.guidance:g}"
        raise UsageError(
            f"the guidance of this run was set when it was distilled ({own}): leave `guidance`, and what goes with "
            f"it, out, or distil {_parent(config)} again with it."
        )


def refuse(config: RunConfig, what: str) -> None:
    """Raises UsageError for a distilled run, which cannot `what`."""
    if config.distilled is not None:
        raise UsageError(
            f"this run was distilled to few calls and answers at no other level of noise, so it cannot {what}: take "
            f"{_parent(config)}."
        )


def _parent(config: RunConfig) -> str:
    return "its parent" if config.parent is None else f"its parent {config.parent.name}"
