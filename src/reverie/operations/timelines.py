"""Patients of linked tables, one by one, in time: real ones, and those that were made alike."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import RunName, reads
from reverie.operations.request import Reply, Request, at_most, example
from reverie.plain import number_of

__all__ = ["timelines"]

SEVERAL = 20
"""Patients of one answer."""


class Timelines(Request):
    """Which patients of which tables."""

    model_config = example({"folder": "hospital", "first": 1, "count": 1})

    folder: Annotated[str, reads] = Field(min_length=1, description="A folder of linked tables.", examples=["hospital"])
    run: RunName | None = Field(None, description="The run whose tables these are like: they are tied as those were.")
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
                    "lasts": 4.5,
                    "unit": "day",
                    "tables": [
                        {
                            "table": "stays",
                            "parent": "patients",
                            "shape": "band",
                            "timed": True,
                            "rows": [{"start": 0.0, "end": 4.5, "label": "emergency", "cells": {"ward": "A"}}],
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
        "in which other things happen, a bar one in which none does, a mark all else; left: rows that are not told."
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
    from reverie.records.linked.timeline import timelines

    model = None if request.run is None else context.model(request.run)
    if model is not None and not isinstance(model, LinkedModel):
        raise UsageError(f"{request.run} is a model of {model.modality.model}, and not of linked tables: leave it out.")
    tables = context.linked(request.folder, None if model is None else model.codec.forms.schema)
    grown = grow(tables) if model is None else placed(model.codec.tree, tables)
    if request.first > len(grown):
        raise UsageError(f"`first` is {request.first:,}, and {tables.name} has {number_of(len(grown), 'patient')}.")
    lookups = {name: tables.frames[name] for name in grown.tree.carried}
    told = timelines(grown, tables.schema, request.first - 1, request.count, lookups)
    return Outcome({"source": tables.name, "patients": len(grown), "first": request.first, "timelines": told})
