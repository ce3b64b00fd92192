"""What cannot be: values that no patient can have, beside real patients, of whom none has them.

beyond, unseen, changing    shape.py: values beyond bounds, levels in no real table, statics that change
"""

from __future__ import annotations

from reverie.evaluation.area import Found, area
from reverie.evaluation.measure import Measure, Metric
from reverie.evaluation.shape import kept
from reverie.evaluation.tables import Tables

__all__ = ["logic"]

CLAIM = "logic"


def _count(key: str, title: str, what: str, *beside: str) -> Metric:
    how = f"Number of {what}, exact over all synthetic visits; it should be 0."
    return Metric(f"logic.{key}", title, how, CLAIM, least=0.5, unit="count", ideal=0.0, beside=beside)


BEYOND = _count("beyond", "Values beyond bounds", "values that no patient can have by the bounds of the schema")
UNSEEN = _count("unseen", "Levels that do not exist", "levels that are in no real table", "ceiling")
CHANGING = _count(
    "changing", "Constants that change", "patients whose static column is not the same at all visits", "ceiling"
)
INTRO = "Values that cannot be: beyond the bounds of the schema, of levels that do not exist, of constants that change."


@area("logic", "Logic", INTRO, 0.1, BEYOND, UNSEEN, CHANGING)
def logic(tables: Tables) -> Found:
    """Exact counts over the whole synthetic table."""
    found = kept(tables.synthetic, *tables.real)
    levels = {name: len(new) for name, new in found.unseen.items()}
    return (
        [_counted(*told, tables) for told in ((BEYOND, found.beyond), (UNSEEN, levels), (CHANGING, found.changing))],
        {},
        (),
    )


def _counted(metric: Metric, where: dict[str, int], tables: Tables) -> Measure:
    culprits = f"Found in {', '.join(f'{name} ({count:,})' for name, count in where.items())}." if where else ""
    numbers = {"ceiling": 0.0} if "ceiling" in metric.beside else {}
    return metric.measure(float(sum(where.values())), tables.synthetic.rows, culprits, chance=0.0, **numbers)
