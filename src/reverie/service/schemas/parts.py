"""What many calls have in common: strict objects, names, seeds, schedules; and caps on what a call may cost."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from reverie.errors import UsageError
from reverie.operations.fields import FileMade, Sampler, Schedule, ScheduleName
from reverie.operations.request import Reply, Request, example

__all__ = [
    "Count",
    "FileMade",
    "NewFigure",
    "NewTable",
    "Overwrite",
    "PictureName",
    "Reply",
    "Request",
    "RunName",
    "Sampler",
    "Schedule",
    "ScheduleName",
    "Seed",
    "TableName",
    "Word",
    "example",
    "within",
]

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|[\\/~]")


def _relative(name: str) -> str:
    if _DRIVE.match(name):
        inside = re.sub(r"^([A-Za-z]:)?[\\/~]+", "", name).replace("\\", "/")
        raise ValueError(
            f"absolute paths are not read: name the file relative to the workspace, as {inside or 'picture.png'!r}"
        )
    return name


def _name(description: str, example: str) -> Any:
    return Field(description=f"{description} Relative to the workspace.", examples=[example], min_length=1, max_length=484)


def _ends(*suffixes: str) -> AfterValidator:
    def check(name: str) -> str:
        if not name.lower().endswith(suffixes):
            raise ValueError(f"the name must end in {' or '.join(suffixes)}")
        return name

    return AfterValidator(check)


_Relative = AfterValidator(_relative)
PictureName = Annotated[
    str, _Relative, _name("A picture file; or a bundled picture: digits:3, china or flower.", "pictures/photo.jpg")
]
TableName = Annotated[
    str,
    _Relative,
    _name(
        "A table of visits (.csv, .tsv, .psv, .txt, also .gz; .parquet, .xlsx, .sas7bdat, .xpt, .sav, .dta); or pbc2, which "
        "is bundled.",
        "tables/visits.csv",
    ),
]
RunName = Annotated[str, _Relative, _name("The folder of a trained run.", "runs/digits")]
NewFigure = Annotated[str, _Relative, _ends(".png"), _name("Where to write the figure, a .png file.", "figures/strip.png")]
NewTable = Annotated[
    str,
    _Relative,
    _ends(".csv", ".csv.gz", ".parquet"),
    _name("Where to write the table, .csv, .csv.gz or .parquet.", "tables/new.csv"),
]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1, description="The same seed gives the same result.", examples=[0])]
Overwrite = Annotated[bool, Field(description="Replace what is there under the name of an output.", examples=[False])]
Count = Annotated[int, Field(ge=1)]
Word = Annotated[str, Field(min_length=1, max_length=200)]


def within(what: str, units: float, most: int, remedy: str) -> None:
    """Raises UsageError, naming the cap, where a call would cost more work units than it may."""
    if units > most:
        raise UsageError(f"{what} is {units:,.0f} here, and at most {most:,} in one call: {remedy}.")
