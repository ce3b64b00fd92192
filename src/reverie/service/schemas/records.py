"""Tables of visits: describing and completing them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from reverie.service.schemas.models import IDENTIFIER, Identifier
from reverie.service.schemas.parts import (
    Reply,
    Request,
    TableName,
    Word,
    example,
)

__all__ = ["Describe", "DescribeReply", "SeriesReply"]

Cell = bool | int | float | Annotated[str, Field(max_length=10_000)] | None


class Describe(Request):
    """Which table, and how it is to be read."""

    model_config = example({"table": "pbc2"})

    table: TableName
    id: Identifier | None = Field(None, description=f"{IDENTIFIER[0].upper()}{IDENTIFIER[1:]}")
    time: Word | None = Field(None, description="The column that says when it was.")
    long: tuple[Word, Word] | None = Field(
        None, description="Where a row is one test: the column that names it, and that of its value."
    )
    date_formats: dict[Annotated[str, Field(max_length=1000)], Annotated[str, Field(max_length=100)]] = Field(
        default={},
        max_length=1000,
        description='Forms of dates by column, where the table does not tell the day from the month; under "" of all.',
        examples=[{"seen": "%d/%m/%Y"}],
    )
    kinds: dict[Word, Literal["categorical", "ordinal", "binary", "text", "number"]] = Field(
        default={}, max_length=1000, description="Kinds of single columns.", examples=[{"stage": "ordinal"}]
    )
    duplicates: Literal["refuse", "keep", "first", "last", "mean"] | None = Field(
        None, description="Rows of one patient at one time."
    )
    null_values: list[Annotated[str, Field(max_length=100)]] = Field(
        default=[], max_length=50, description="What means missing: VALUE, or COLUMN=VALUE in one column."
    )


class DescribeReply(Reply):
    """What each column was taken to be, and why."""

    model_config = example(
        {
            "source": "pbc2",
            "patients": 312,
            "rows": 1945,
            "visits_per_patient": {"min": 1, "median": 5.0, "max": 16},
            "duplicates": "refuse",
            "notes": [],
            "columns": [{"name": "id", "role": "identifier", "kind": "integer", "why": "its name; whole numbers"}],
        }
    )

    source: str
    patients: int
    rows: int
    visits_per_patient: dict[str, float]
    notes: list[str]
    columns: list[dict[str, Any]]


class SeriesReply(Reply):
    """One patient's numbers over time."""

    model_config = example(
        {
            "patient": "2",
            "time": [0.0, 0.498],
            "time_unit": "year",
            "columns": [{"name": "serBilir", "values": [1.1, 0.8], "mean": 3.6, "std": 5.1}],
            "patients": ["1", "2"],
        }
    )

    patient: str
    time: list[float]
    time_unit: str
    columns: list[dict[str, Any]] = Field(description="mean and std are of the cohort: (value - mean) / std is x_0.")
    patients: list[str] = Field(description="The first 1,000 identifiers of the table.")
