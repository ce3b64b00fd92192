"""What models of few calls can be asked for: runs that were distilled here, and consistency models from elsewhere.

They say where the path from a level of noise ends, and have forgotten what nearly all else rests on: the mean of x_0 given
x_t. So other samplers, and whatever inverts, fills in or judges by that mean, are of the model that they learned from. A run
that was distilled here answers at its few levels alone, so other steps, guidance and pictures made over are so too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reverie.config import RunConfig
from reverie.errors import UsageError

__all__ = ["CONSISTENCY", "check", "ends_the_path", "refuse"]

CONSISTENCY = "consistency"


def ends_the_path(config: RunConfig) -> bool:
    """Whether the network says where the path ends, rather than the mean of x_0 as all others do."""
    return config.distilled is not None or _is_consistency(config)


def check(
    config: RunConfig,
    sampler: str | None,
    steps: int | None = None,
    spacing: str | None = None,
    guidance: Iterable[Any] = (),
) -> None:
    """Raises UsageError for settings of sampling that a model of few calls has no answer to, and for its sampler where the
    model is none; None is what was left out, of `guidance` also an empty list."""
    distilled, usual = config.distilled, config.sampling
    if sampler == CONSISTENCY and not ends_the_path(config):
        raise UsageError(
            f"the sampler {CONSISTENCY} is of models that say where a path ends, and what this one says would be made too "
            "smooth by it: leave `sampler` out."
        )
    if usual is None or not ends_the_path(config):
        return
    if distilled is not None and steps is not None and steps not in distilled.counts:
        calls = "1 call" if distilled.counts == [1] else f"{' or '.join(map(str, distilled.counts))} calls"
        raise UsageError(
            f"this run was distilled to make a picture in {calls} of its network, not in {steps} steps: leave `steps` out, "
            f"or sample {_parent(config)}, which takes any number."
        )
    for name, asked, own in (("sampler", sampler, usual.sampler), ("spacing", spacing, usual.spacing)):
        if asked not in (None, own):
            what = "this run was distilled" if distilled else "this is a consistency model, made"
            raise UsageError(
                f"{what} for `{name}={own}` alone, not {asked}: leave `{name}` out, or sample {_parent(config)}."
            )
    if distilled is None:
        return
    if any(setting is not None and setting != [] for setting in guidance):
        own = "none" if distilled.guidance is None else f"{distilled.guidance:g}"
        raise UsageError(
            f"the guidance of this run was set when it was distilled ({own}): leave `guidance`, and what goes with "
            f"it, out, or distil {_parent(config)} again with it."
        )


def refuse(config: RunConfig, what: str, mean: bool = True) -> None:
    """Raises UsageError for a model that says where the path ends, which cannot `what`; where that asks for no mean of x_0,
    only for one that was distilled here."""
    if config.distilled is not None:
        raise UsageError(
            f"this run was distilled to few calls and answers at no other level of noise, so it cannot {what}: take "
            f"{_parent(config)}."
        )
    if mean and _is_consistency(config):
        raise UsageError(
            "this is a consistency model, which says where a path ends and not the mean of what is there, so it cannot "
            f"{what}: take {_parent(config)}."
        )


def _is_consistency(config: RunConfig) -> bool:
    return config.sampling is not None and config.sampling.boundary is not None


def _parent(config: RunConfig) -> str:
    if config.distilled is None:
        return "the model that it was distilled from"
    return "its parent" if config.parent is None else f"its parent {config.parent.name}"
