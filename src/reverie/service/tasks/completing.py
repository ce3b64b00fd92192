"""Tables with holes, filled or continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reverie.service.schemas.parts import within
from reverie.service.schemas.records import Imputation, Rows
from reverie.service.tasks import inputs, outputs

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["impute"]

CELLS = 1_000_000
"""Rows x draws of one call."""


def impute(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """A completed table, with bands for the first patients."""
    told = Imputation.model_validate(arguments)
    outputs.reserve(work, told.out, inputs.WRITTEN, told.overwrite)
    model = inputs.model(work, told.model)
    from reverie import bands, deliver
    from reverie.records.fitting import fit

    names = ("guidance", "sampler", "steps", "spacing")
    settings = {name: value for name in names if (value := getattr(told, name)) is not None}
    deliver.check_completing(model, told.draws, told.model)
    name = told.table or "the rows"
    cells = _frame(told.rows) if told.table is None else inputs.cells(work, told.table)
    fitted = fit(cells, model.codec.schema, name)
    rows = (fitted.cells.height + (told.forecast or 0) * len(fitted.table)) * told.draws
    within("rows x draws", rows, CELLS, "ask for fewer draws or visits, or give fewer patients")
    done = deliver.complete(
        model,
        fitted,
        told.draws,
        told.forecast,
        told.seed,
        settings,
        work.step,
        columns=told.columns,
        run=told.model,
    )
    suffix = next((s for s in inputs.WRITTEN if (told.out or "").lower().endswith(s)), ".csv")
    made = work.folder / f"completed{suffix}"
    done.write(made)
    file = outputs.deliver(work, made, told.out, inputs.WRITTEN, told.overwrite)
    for sentence in done.notes:
        work.say(sentence)
    return {
        "summary": {**done.summary(made), "out": file["name"]},
        "files": [file],
        "bands": bands.bands(done),
        "shares": bands.shares(done),
        "holes": done.holes,
    }


def _frame(rows: Rows | None) -> Any:
    """The cells as text: what they are is read by the model's schema, as from a file."""
    import polars as pl

    assert rows is not None
    columns = {name: pl.Series([_text(row[i]) for row in rows.rows], dtype=pl.String) for i, name in enumerate(rows.columns)}
    return pl.DataFrame(columns)


def _text(cell: bool | int | float | str | None) -> str | None:
    if cell is None or cell == "":
        return None
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
