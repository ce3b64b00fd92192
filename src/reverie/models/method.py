"""How pictures are made: the denoiser as it is asked, the sampler and its grid, and what the pictures are to be.

Picture i is asked to be as the wish i mod n of n: a class, or values of attributes; without any, nothing is told. Guidance
uncond + scale (cond - uncond) calls the network twice a step (Ho and Salimans 2022).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reverie.denoisers.attributes import Attributes
from reverie.denoisers.conditions import Condition, EncoderStates, Labels
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Guided, check_guidance
from reverie.errors import UsageError, unknown
from reverie.samplers import Sampler

if TYPE_CHECKING:
    from reverie.images import ImageCodec

__all__ = ["ALL", "Method", "Where", "guided", "to_avoid", "wanted"]

Where = Mapping[str, Any] | Sequence[str] | None
"""{"class": "coat"}, {"class": ["coat", "bag"]} for each in turn, or ["class=coat", "class=bag"]; "*" is every class. Of a
model of attributes {"colour": "red", "age": 40}, or ["colour=red", "age=40"]."""

Wanted = Labels | EncoderStates | Attributes

KEY, ALL = "class", "*"
MOST = 100_000
"""Combinations of attributes that one call may ask for."""


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
    wanted: Wanted | None = None

    def condition(self, count: int, first: int = 0) -> Wanted | None:
        """That of pictures first, first + 1, ..., `count` of them."""
        return None if self.wanted is None else self.wanted[torch.arange(first, first + count) % len(self.wanted)]


def wanted(codec: ImageCodec, where: Where, given: Any = None) -> Wanted | None:
    """What pictures are to be, one after the other; None where nothing is said.

    Args:
        codec: of the model, whose classes or attributes these are.
        where: of several values of one attribute each in turn, of several attributes every combination.
        given: a table of wishes, a row for each picture (see images.conditions), or the Attributes themselves.

    Raises UsageError, naming the nearest, for what the model was not trained with, and DataError for such a table.
    """
    if codec.attributes:
        return given if isinstance(given, Attributes) else _of_attributes(codec, where, given)
    if given is not None:
        raise UsageError(
            "this model was trained without a table of attributes, so there is none to be `given`: leave it out."
        )
    return _of_classes(codec.classes, where)


def _of_classes(classes: Sequence[str], where: Where) -> Labels | None:
    if not where:
        return None
    if not classes:
        raise UsageError(
            "this model was trained without classes, so pictures cannot be asked for by class: leave `where` out."
        )
    names = [name for key, value in _pairs(where) for name in _names(key, value)]
    chosen = [name for asked in names for name in (classes if asked == ALL else [asked])]
    for name in chosen:
        if name not in classes:
            raise unknown("class", name, classes)
    return Labels(torch.tensor([classes.index(name) for name in chosen]))


def _of_attributes(codec: ImageCodec, where: Where, given: Any) -> Attributes | None:
    from reverie.images.conditions import condition_of, named, read_wishes

    asked: dict[str, list[Any]] = {}
    for key, value in _pairs(where or {}):
        attribute = named(codec.attributes, key)
        if value is None or (isinstance(value, str | list | tuple) and not value):
            raise UsageError(f"pictures are asked for as {key}=VALUE: say which {key}.")
        several = value if isinstance(value, list | tuple) and attribute.kind != "vector" else [value]
        asked.setdefault(key, []).extend(wish for one in several for wish in attribute.wishes(one))
    values, rows = ({}, 0) if given is None else read_wishes(given, codec.attributes)
    if twice := asked.keys() & values.keys():
        raise UsageError(f"{min(twice)} is said both by `given` and by `where`: leave one out.")
    if (count := math.prod(map(len, asked.values()))) > MOST or (rows and count > 1):
        most = "one" if rows else f"{MOST:,}"
        raise UsageError(f"`where` names {count:,} combinations, and {most} at most can be: ask for fewer.")
    every = list(itertools.product(*asked.values())) * (rows or 1)
    values |= {name: np.stack([np.asarray(wish[i]) for wish in every]) for i, name in enumerate(asked)}
    return condition_of(codec.attributes, values, rows or len(every)) if values else None


def to_avoid(codec: ImageCodec, negative: Where) -> Wanted | None:
    """What `negative` names, one class or one value of each attribute; None where it names none. Raises UsageError as
    `wanted`, and for several."""
    condition = wanted(codec, negative)
    if condition is not None and len(condition) > 1:
        raise UsageError(f"pictures are steered away from one class, and `negative` names {len(condition)}: give one.")
    return condition


def guided(
    denoiser: Denoiser,
    asked: bool,
    guidance: float | None,
    rescale: float,
    interval: tuple[float, float] | None,
    negative: Condition | None = None,
    attributes: Sequence[str] = (),
) -> Denoiser:
    """The denoiser, guided where that is asked for. Raises UsageError where there is nothing to follow.

    Args:
        asked: whether a class is wanted, or any of the `attributes` that can be.
        guidance, rescale, interval, negative: see denoisers.Guided; None for as learned.
    """
    if guidance is None and negative is not None:
        raise UsageError("`negative` is of guidance: say how strong it is to be, e.g. `guidance=3`.")
    if guidance is None and (rescale or interval is not None):
        raise UsageError("`rescale` and `interval` are of guidance: say how strong it is to be, e.g. `guidance=3`.")
    if guidance is None:
        return denoiser
    if not asked and attributes:
        raise UsageError(
            f"guidance follows what is asked for, and nothing was: say what, e.g. `where={attributes[0]}=VALUE`."
        )
    if not asked:
        raise UsageError("guidance follows a class, and none was asked for: say which, as `where=class=NAME`.")
    T = denoiser.process.schedule.end
    check_guidance(guidance)
    ends = (interval,) if isinstance(interval, Real) else () if interval is None else tuple(interval)
    if interval is not None and not (len(ends) == 2 and 0 <= ends[0] <= ends[1] <= T):
        told = ":".join(map(str, ends))
        raise UsageError(f"the guidance interval is low:high with 0 <= low <= high <= {T:g}, not {told}.")
    return Guided(denoiser, guidance, rescale, interval, negative)


def _pairs(where: Mapping[str, Any] | Sequence[str]) -> Iterable[tuple[str, Any]]:
    if isinstance(where, Mapping):
        return ((str(key), _plain(value)) for key, value in where.items())
    if not isinstance(where, str | list | tuple):
        raise UsageError(f"`where` is a mapping or a list, such as {{'class': 3}} or ['class=3'], not {where!r}.")
    texts = [where] if isinstance(where, str) else where
    return ((key.strip(), value.strip() if sign else None) for key, sign, value in (str(t).partition("=") for t in texts))


def _plain(value: Any) -> Any:
    """A value, or several in a list, as Python has them, of arrays, tensors and columns of frames."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, range) or hasattr(value, "to_list") else value


def _names(key: str, value: Any) -> list[str]:
    if key != KEY or value is None or value == []:
        raise UsageError(f"pictures are asked for by their class, as class=NAME, not by {key!r}.")
    return [str(name) for name in value] if isinstance(value, list | tuple) else [str(value)]
