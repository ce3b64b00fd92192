"""The parts of a report on patients, made side by side, a thread each.

One that cannot be made on a table says why and leaves the others standing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence

from reverie.evaluation.area import Area
from reverie.evaluation.measure import Section
from reverie.evaluation.tables import Tables
from reverie.models.shards import in_order

__all__ = ["made"]


def made(
    areas: Sequence[Area], tables: Tables, update: Callable[[float], None] = lambda share: None
) -> tuple[tuple[Section, ...], list[str]]:
    """The section of each area that these tables allow, and a sentence for each that could not be made; `told` hears the
    share of the time that is over."""
    areas = [area for area in areas if area.given(tables)]

    def make(number: int) -> Section | str:
        area = areas[number]
        try:
            return area(tables)
        except (ValueError, ArithmeticError) as error:  # of data that a method cannot work with; errors of ours too
            return f"{area.title} could not be made on these tables: {error}"

    sections, failed = [], []
    done, whole = 0.0, sum(area.weight for area in areas)
    update(0.0)
    with warnings.catch_warnings():  # parts silence some, each in its own thread, but filters belong to all: restore them
        for area, result in zip(areas, in_order(make, len(areas), os.cpu_count() or 1), strict=True):
            if isinstance(result, str):
                failed.append(result)
                result = area.unknown(result)
            sections.append(result)
            done += area.weight
            update(done / whole)
    return tuple(sections), failed
