"""Patients of linked tables, one by one, in time: real ones, and those that were made alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import RunName, reads
from reverie.operations.request import Reply, Request, at_most, example
from reverie.plain import number_of

if TYPE_CHECKING:
    import polars as pl

    from reverie.models import LinkedModel
    from reverie.records.linked import LinkedSchema
    from reverie.records.linked.drawn import Drawn
    from reverie.records.linked.tree import Grown

__all__ = ["timelines"]

SEVERAL = 20
"""Patients of one answer."""


class Timelines(Request):
    """Which patients of which tables."""

    model_config = example({"folder": "hospital", "first": 1, "count": 1})

    folder: Annotated[str, reads] = Field(
        min_length=1, description="Linked tables: a folder, a .zip of one or a database.", examples=["hospital"]
    )
    run: RunName | None = Field(None, description="The run whose tables these are like: they are tied as those were.")
    given: Annotated[Annotated[str, reads] | None, Field(min_length=1)] = Field(
        None,
        description="Of tables that were completed those that were given: what the run drew, rows and cells, is then told.",
        examples=["hospital"],
    )
    first: int = Field(1, ge=1, description="The first patient, counted in the order of their table.", examples=[1])
    count: Annotated[int, at_most(SEVERAL, "more are not looked at together")] = Field(
        1, ge=1, description="How many patients from there on."
    )


class TimelinesReply(Reply):
    """What happened to some patients."""

    model_config = example(
        {
            "source": "hospital",
            "patients": 60,
            "first": 1,
            "timelines": [
                {
                    "patient": "P0001",
                    "facts": {"sex": "female"},
                    "filled": [],
                    "lasts": 4.5,
                    "unit": "day",
                    "tables": [
                        {
                            "table": "stays",
                            "parent": "patients",
                            "shape": "band",
                            "timed": True,
                            "ends": "discharged",
                            "rows": [
                                {
                                    "start": 0.0,
                                    "end": 4.5,
                                    "label": "emergency",
                                    "cells": {"ward": "A"},
                                    "made": False,
                                    "filled": ["ward"],
                                }
                            ],
                            "left": 0,
                        }
                    ],
                }
            ],
        }
    )

    source: str
    patients: int = Field(description="In all.")
    first: int
    timelines: list[dict[str, Any]] = Field(
        description="Times are days since the first row of the patient, or numbers since then. A band is an interval "
        "in which other things happen, a bar one in which none does, a mark all else; left: rows that are not told. Beside "
        "`given`, made is of rows that the run drew, and filled names the cells that it did."
    )


@operation(
    "timelines",
    TimelinesReply,
    route="POST /api/timelines",
    operation_id="get_timelines",
    tag="records",
    about="Of patients that were trained on and of patients that were made alike.",
)
def timelines(request: Timelines, context: Context) -> Outcome:
    """Patients of linked tables, one by one, in time."""
    from reverie.models import LinkedModel
    from reverie.records.linked.growing import grow, placed

    model = None if request.run is None else context.model(request.run)
    if model is not None and not isinstance(model, LinkedModel):
        raise UsageError(f"{request.run} is a model of {model.modality.model}, and not of linked tables: leave it out.")
    if request.given is not None:
        if model is None:
            raise UsageError("`given` is told from what a run drew, and no run is named: give `run` too.")
        return _drawn(request, context, model)
    tables = context.linked(request.folder, None if model is None else model.codec.forms.schema)
    grown = grow(tables) if model is None else placed(model.codec.tree, tables)
    lookups = {name: tables.frames[name] for name in grown.tree.carried}
    return _told(request, tables.name, grown, tables.schema, lookups)


def _drawn(request: Timelines, context: Context, model: LinkedModel) -> Outcome:
    """Completed tables, with what was drawn."""
    from reverie.records.linked.drawn import Drawn

    codec = model.codec
    with context.fitted(request.folder, codec) as now, context.fitted(str(request.given), codec) as given:
        drawn = Drawn.of(now, given, str(codec.forms.schema[codec.tree.root].key))
        return _told(request, now.name, now.grown, codec.forms.schema, codec.lookups, drawn)


def _told(
    request: Timelines,
    source: str,
    grown: Grown,
    schema: LinkedSchema,
    lookups: Mapping[str, pl.DataFrame],
    drawn: Drawn | None = None,
) -> Outcome:
    from reverie.records.linked.timeline import timelines

    if request.first > len(grown):
        raise UsageError(f"`first` is {request.first:,}, and {source} has {number_of(len(grown), 'patient')}.")
    told = timelines(grown, schema, request.first - 1, request.count, lookups, drawn)
    return Outcome({"source": source, "patients": len(grown), "first": request.first, "timelines": told})
