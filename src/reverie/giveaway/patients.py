"""A run of patient records as a page to look at: patients that its model has made, their visits, their numbers over time.

What draws records is more than a network: rules, clocks, patterns of what is missing, each kind of column. No browser gets
all that; it gets patients.
"""

from __future__ import annotations

import html
from string import Template
from typing import TYPE_CHECKING, Any

from reverie.giveaway.document import data, document, too_large
from reverie.giveaway.texts import script, texts
from reverie.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from reverie.models import PatientModel
    from reverie.records import Schema

__all__ = ["PATIENTS", "patients_page"]

PATIENTS = 200
"""How many are made, the first ones of seed 0."""


def patients_page(model: PatientModel, name: str, on_step: Callable[[int, int], None] | None = None) -> str:
    """The page of a model of patient records; `name` is its title.

    Raises UsageError where the table of so many patients is larger than a page may be.
    """
    frame = model.sample(PATIENTS, 0, on_step=on_step)
    about = _about(frame, model.codec.schema)
    count = len(about["patients"])
    sentence = (
        f"{count} patients that a diffusion model made after a table with {len(frame.columns)} columns, "
        "the first ones of seed 0: to look at, not to draw more."
    )
    parts = texts()
    body = Template(parts["patients.html"]).substitute(title=html.escape(name), about=html.escape(sentence), count=count)
    page = document(name, parts["page.css"], body, script("patients.js"), {"about": data(about)})
    too_large(page, f"{PATIENTS} patients with {len(frame)} visits take so much, so give away their table instead")
    return page


def _about(frame: pl.DataFrame, schema: Schema) -> dict[str, Any]:
    """Columns with their roles, rows, and where the rows of each patient begin and end.

    A table in a form of its own (one row for each value, say) has columns that the schema does not know: they vary, and the
    first one says whose the row is.
    """
    known = {column.name: column for column in schema.columns}
    columns = []
    for place, (column, cells) in enumerate(zip(frame.columns, frame.iter_columns(), strict=True)):
        role = known[column].role if column in known else "varying" if place else "identifier"
        numeric = cells.dtype.is_numeric()
        ends = [cells.min(), cells.max()] if numeric and cells.count() else [0, 1]
        columns.append({"name": column, "role": role, "numeric": numeric and cells.count() > 0, "range": plain(ends)})
    whose = next((column["name"] for column in columns if column["role"] == "identifier"), frame.columns[0])
    starts = [i for i, same in enumerate((frame[whose] != frame[whose].shift()).fill_null(True)) if same]
    return {
        "columns": columns,
        "rows": [plain(list(row)) for row in frame.iter_rows()],
        "patients": [list(pair) for pair in zip(starts, [*starts[1:], len(frame)], strict=True)],
    }
