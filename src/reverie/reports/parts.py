"""The parts of a report on patients, made side by side, a thread each.

One that cannot be made on a table says why and leaves the others standing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

from reverie.evaluation.area import Area, Of
from reverie.evaluation.measure import Section
from reverie.models.shards import in_order

__all__ = ["attempted", "gathered", "made"]


def made(
    areas: Sequence[Area[Of]], tables: Of, update: Callable[[float], None] = lambda share: None
) -> tuple[tuple[Section, ...], list[str]]:
    """The section of each area that these tables allow, and a sentence for each that could not be made; `told` hears the
    share of the time that is over."""
    areas = [area for area in areas if area.given(tables)]
    makes = in_order(lambda number: attempted(areas[number], tables), len(areas))
    done, whole = 0.0, sum(area.weight for area in areas)
    update(0.0)

    def found() -> Iterator[tuple[Area, Section | str]]:
        nonlocal done
        for area, result in zip(areas, makes, strict=True):
            yield area, result
            done += area.weight
            update(done / whole)

    with warnings.catch_warnings():  # parts silence some, each in its own thread, but filters belong to all: restore them
        return gathered(found())


def attempted(area: Area[Of], tables: Of) -> Section | str:
    """The section of an area, or why it could not be made of these tables."""
    try:
        return area(tables)
    except (ValueError, ArithmeticError) as error:  # of data that a method cannot work with; errors of ours too
        return f"{area.title} could not be made on these tables: {error}"


def gathered(found: Iterable[tuple[Area, Section | str]]) -> tuple[tuple[Section, ...], list[str]]:
    """The sections, and a sentence for each that could not be made."""
    sections, failed = [], []
    for area, result in found:
        if isinstance(result, str):
            failed.append(result)
            result = area.unknown(result)
        sections.append(result)
    return tuple(sections), failed
