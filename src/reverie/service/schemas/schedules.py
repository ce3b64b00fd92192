"""Schedules, bundled pictures, and what there is at all."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from reverie.operations.fields import ScheduleName
from reverie.operations.request import Reply, Request, example
from reverie.operations.studies.schedules import TableName

__all__ = ["About", "PictureList", "ShapeReply", "StatisticsQuery", "TablesQuery"]


class ScheduleQuery(Request):
    """Settings of a schedule in an address; each must belong to it."""

    model_config = ConfigDict(strict=False)  # what stands in an address is text

    steps: int | None = Field(None, ge=1, le=2000, description="T.", examples=[1000])
    beta_min: float | None = Field(None, gt=0, lt=1, examples=[0.0001])
    beta_max: float | None = Field(None, gt=0, lt=1, examples=[0.02])
    offset: float | None = Field(None, ge=0, lt=1, description="Of cosine.")
    max_beta: float | None = Field(None, gt=0, lt=1, description="Of cosine.")
    reach: float | None = Field(None, ge=0.1, le=50, description="Of sigmoid.")
    zero_terminal_snr: bool | None = None

    @property
    def config(self) -> dict[str, Any]:
        """Those that were given."""
        return self.model_dump(exclude_none=True)


class TablesQuery(ScheduleQuery):
    """Which tables: settings of the schedule, and a step."""

    t: int | None = Field(None, ge=0, description="This step alone; all of 0..T if left out.")
    only: TableName | None = Field(None, description="This table alone; all of them if left out.")

    @property
    def config(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude={"t", "only"})


class StatisticsQuery(ScheduleQuery):
    """A schedule in an address."""

    name: ScheduleName = Field("linear", description="Which schedule.")


class PictureList(Reply):
    """The bundled pictures."""

    model_config = example(
        {"pictures": [{"name": "digits:3", "title": "handwritten digit 3", "width": 8, "height": 8, "channels": 1}]}
    )

    pictures: list[dict[str, Any]]


class ShapeReply(Reply):
    """An example of points."""

    model_config = example({"name": "two-moons", "points": [[0.5, -1.0]]})

    name: str
    points: list[list[float]] = Field(description="x and y of each, from -2.5 to 2.5.")


class About(Reply):
    """Names that calls understand, and limits."""

    model_config = example(
        {
            "version": "0.1.0",
            "samplers": [{"name": "ddim", "order": 1, "stochastic": False, "settings": {"eta": 0.0}}],
            "spacings": ["trailing"],
            "schedules": {"cosine": {"steps": 1000, "offset": 0.008, "max_beta": 0.999}},
            "paths": {"edm": {"about": "sigma is the time", "settings": {"sigma_max": 80.0}}},
            "recipes": {"records": "records", "pictures": "images"},
            "pictures": ["digits:0", "china"],
            "tables": ["pbc2"],
            "predictions": ["noise", "clean", "velocity"],
            "shapes": ["two-moons"],
            "mistakes": [
                {
                    "number": "5a",
                    "wrong": "...",
                    "right": "...",
                    "says": "Each step adds noise without making room for it.",
                    "place": "sampling",
                    "needs": {"sampler": "ancestral"},
                }
            ],
            "limits": {"base64_bytes": 16000000},
        }
    )

    version: str
    samplers: list[dict[str, Any]]
    spacings: list[str]
    schedules: dict[str, dict[str, Any]] = Field(description="Each with its settings and their defaults.")
    paths: dict[str, dict[str, Any]] = Field(
        description="What schedule.name of a training may be: the schedules, and paths in continuous time, each with its "
        "settings and their defaults."
    )
    recipes: dict[str, str] = Field(description="Each with the kind of data that it is for.")
    pictures: list[str]
    tables: list[str]
    predictions: list[str] = Field(description="What a network of the playground can say.")
    shapes: list[str] = Field(description="Examples of the playground.")
    mistakes: list[dict[str, Any]] = Field(
        description="Those that can be switched on there; needs: settings without which the mistake cannot be made."
    )
    limits: dict[str, Any]
