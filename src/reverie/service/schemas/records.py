"""Tables of visits, completed."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reverie.service.schemas.models import Spacing
from reverie.service.schemas.parts import (
    FileMade,
    NewTable,
    Overwrite,
    Reply,
    Request,
    RunName,
    Sampler,
    Seed,
    TableName,
    Word,
    example,
)

__all__ = ["Imputation", "ImputationReply", "Rows"]

Cell = bool | int | float | Annotated[str, Field(max_length=10_000)] | None


class Rows(Request):
    """A small table inside the call."""

    columns: list[Word] = Field(min_length=1, max_length=1000)
    rows: list[list[Cell]] = Field(
        min_length=1, max_length=5000, description="Cap: rows x columns is at most 200,000. null is a hole."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        width = len(self.columns)
        if len(set(self.columns)) < width:
            raise ValueError("two columns have one name: rename one")
        if short := next((i for i, row in enumerate(self.rows, 1) if len(row) != width), 0):
            raise ValueError(f"row {short} has {len(self.rows[short - 1])} cells where there are {width} columns")
        if len(self.rows) * width > 200_000:
            raise ValueError("rows x columns is above 200,000: upload the table as a file instead")
        return self


class Imputation(Request):
    """A table with holes, or to be continued."""

    model_config = example({"model": "runs/patients", "table": "pbc2", "draws": 2, "seed": 0})

    model: RunName
    table: TableName | None = None
    rows: Rows | None = Field(None, description="The table itself, instead of its name.")
    draws: int = Field(1, ge=1, le=50, description="How often. Cap: rows x draws is at most 1,000,000.")
    forecast: int | None = Field(None, ge=1, le=100, description="Add so many visits for each patient, instead.")
    columns: list[Word] | None = Field(
        None, min_length=1, max_length=1000, description="Those to fill; all that the model has learned if left out."
    )
    seed: Seed = 0
    sampler: Sampler | None = None
    steps: int | None = Field(None, ge=1, le=1000)
    spacing: Spacing | None = None
    guidance: float | None = Field(None, ge=0, le=10)
    out: NewTable | None = Field(None, description="Left out, the file stays with the job.")
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.table is None) == (self.rows is None):
            raise ValueError("give one table: its name as table, or its cells as rows")
        return self


class ImputationReply(Reply):
    """The completed table, and how sure it is."""

    model_config = example(
        {
            "summary": {
                "patients": 312,
                "rows": 1945,
                "draws": 2,
                "given_values": {"unchanged": 38210, "of": 38210},
                "seed": 0,
            },
            "files": [
                {
                    "name": "completed.csv",
                    "href": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/files/completed.csv",
                    "bytes": 512000,
                }
            ],
            "bands": {
                "1": {
                    "serChol": {
                        "time": [0.0, 0.53],
                        "given": [261.0, None],
                        "median": [261.0, 240.0],
                        "low": [261.0, 190.0],
                        "high": [261.0, 310.0],
                        "low50": None,
                        "high50": None,
                    }
                }
            },
            "shares": {},
            "holes": {"serChol": {"empty": 821, "filled": 821}},
        }
    )

    summary: dict[str, Any]
    files: list[FileMade]
    bands: dict[str, dict[str, Any]] = Field(
        description="Of at most 5 patients and their columns of numbers: the median of the draws, low and high of 80 %, "
        "low50 and high50 of 50 % of them; below 10 draws low and high are the least and the largest, and there is no 50 %."
    )
    shares: dict[str, dict[str, Any]] = Field(description="Of columns of levels: the share of the draws in each level.")
    holes: dict[str, Any] = Field(description="Of each column with empty cells, how many, and how many were filled.")
