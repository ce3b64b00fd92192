"""How pictures are made: the denoiser as it is asked, the sampler and its grid, and the classes the pictures are to be of.

Picture i is asked to be of the class i mod n of the n wanted ones; without any, no class is told. Guidance
uncond + scale (cond - uncond) calls the network twice a step (Ho and Salimans 2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from reverie.denoisers.conditions import Condition, EncoderStates, Labels
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Guided
from reverie.errors import UsageError, unknown
from reverie.samplers import Sampler

__all__ = ["ALL", "Method", "Where", "guided", "to_avoid", "wanted"]

Where = Mapping[str, Any] | Sequence[str] | None
"""{"class": "coat"}, {"class": ["coat", "bag"]} for each in turn, or ["class=coat", "class=bag"]; "*" is every class."""

KEY, ALL = "class", "*"


@dataclass(frozen=True, eq=False)
class Method:
    """A way to make pictures.

    Attributes:
        denoiser, sampler, grid: what samplers.sample takes.
        wanted: what pictures are to be of, one after the other; None for no condition.
    """

    denoiser: Denoiser
    sampler: Sampler
    grid: tuple[float, ...]
    wanted: Labels | EncoderStates | None = None

    def condition(self, count: int, first: int = 0) -> Labels | EncoderStates | None:
        """That of pictures first, first + 1, ..., `count` of them."""
        return None if self.wanted is None else self.wanted[torch.arange(first, first + count) % len(self.wanted)]


def wanted(classes: Sequence[str], where: Where) -> Labels | None:
    """The classes that `where` names, in its order; None where it names none.

    Raises UsageError for a class that is not one of `classes`, with the nearest name, and where there are none.
    """
    if not where:
        return None
    if not classes:
        raise UsageError(
            "this model was trained without classes, so pictures cannot be asked for by class: leave where out."
        )
    names = [name for key, value in _pairs(where) for name in _names(key, value)]
    chosen = [name for asked in names for name in (classes if asked == ALL else [asked])]
    for name in chosen:
        if name not in classes:
            raise unknown("class", name, classes)
    return Labels(torch.tensor([classes.index(name) for name in chosen]))


def to_avoid(classes: Sequence[str], negative: Where) -> Labels | None:
    """The one class that `negative` names; None where it names none. Raises UsageError as `wanted`, and for several."""
    labels = wanted(classes, negative)
    if labels is not None and len(labels) > 1:
        raise UsageError(f"pictures are steered away from one class, and `negative` names {len(labels)}: give one.")
    return labels


def guided(
    denoiser: Denoiser,
    asked: bool,
    guidance: float | None,
    rescale: float,
    interval: tuple[float, float] | None,
    negative: Condition | None = None,
) -> Denoiser:
    """The denoiser, guided where that is asked for. Raises UsageError where there is no class to follow.

    Args:
        asked: whether a class is wanted.
        guidance, rescale, interval, negative: see denoisers.Guided; None for as learned.
    """
    if guidance is None and negative is not None:
        raise UsageError("negative is of guidance: say how strong it is to be, e.g. guidance=3.")
    if guidance is None and (rescale or interval is not None):
        raise UsageError("rescale and interval are of guidance: say how strong it is to be, e.g. guidance=3.")
    if guidance is None:
        return denoiser
    if not asked:
        raise UsageError('guidance follows a class, and none was asked for: say which, e.g. where={"class": "..."}.')
    T = denoiser.process.schedule.end
    if interval is not None and not 0 <= interval[0] <= interval[1] <= T:
        raise UsageError(
            f"the guidance interval is low:high with 0 <= low <= high <= {T:g}, not {interval[0]}:{interval[1]}."
        )
    return Guided(denoiser, guidance, rescale, interval, negative)


def _pairs(where: Mapping[str, Any] | Sequence[str]) -> Iterable[tuple[str, Any]]:
    if isinstance(where, Mapping):
        return where.items()
    texts = [where] if isinstance(where, str) else where
    return ((key.strip(), value.strip() if sign else None) for key, sign, value in (str(t).partition("=") for t in texts))


def _names(key: str, value: Any) -> list[str]:
    if key != KEY or value is None or value == []:
        raise UsageError(f"pictures are asked for by their class, as class=NAME, not by {key!r}.")
    return [str(name) for name in value] if isinstance(value, list | tuple) else [str(value)]
