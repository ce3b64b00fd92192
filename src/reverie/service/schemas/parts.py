"""What many calls have in common: strict objects, names, seeds, schedules; and caps on what a call may cost."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from reverie.errors import UsageError

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

ScheduleName = Literal["linear", "scaled_linear", "cosine", "squaredcos_cap_v2", "sigmoid", "quadratic", "exponential"]
Sampler = Literal["ddim", "dpmpp", "dpmpp_sde", "heun", "angular", "ancestral"]
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|[\\/~]")


class Request(BaseModel):
    """A body: fields that are not known are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @property
    def arguments(self) -> dict[str, Any]:
        """What the task is told: the fields that were given."""
        return self.model_dump(mode="json", exclude_unset=True)


class Reply(BaseModel):
    """An answer, for the document: the tasks make it."""

    model_config = ConfigDict(extra="allow")


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


def example(value: dict[str, Any]) -> ConfigDict:
    """The model's configuration, with an example for the document."""
    return ConfigDict(json_schema_extra={"examples": [value]})


class Schedule(Request):
    """A noise schedule by its name; settings left out have their defaults, and must belong to the schedule."""

    model_config = example({"name": "linear", "steps": 1000})

    name: ScheduleName = Field("linear", description="Which schedule.")
    steps: int | None = Field(None, ge=1, le=2000, description="T, the number of noising steps.", examples=[1000])
    beta_min: float | None = Field(None, gt=0, lt=1, description="Least variance of a step.", examples=[0.0001])
    beta_max: float | None = Field(None, gt=0, lt=1, description="Largest variance of a step.", examples=[0.02])
    offset: float | None = Field(None, ge=0, lt=1, description="Of cosine.", examples=[0.008])
    max_beta: float | None = Field(None, gt=0, lt=1, description="Of cosine: the cap on beta.", examples=[0.999])
    reach: float | None = Field(None, ge=0.1, le=50, description="Of sigmoid.", examples=[6.0])
    zero_terminal_snr: bool | None = Field(None, description="Rescale so that nothing is left of the signal at T.")

    @property
    def config(self) -> dict[str, Any]:
        """What NoiseSchedule.named takes."""
        return self.model_dump(exclude_none=True)


class FileMade(Reply):
    """A file that a call has written."""

    name: str = Field(description="Its name in the workspace, or among the job's files.", examples=["figures/strip.png"])
    href: str = Field(description="Where to download it.", examples=["/api/files/figures/strip.png"])
    bytes: int = Field(examples=[48213])


def within(what: str, units: float, most: int, remedy: str) -> None:
    """Raises UsageError, naming the cap, where a call would cost more work units than it may."""
    if units > most:
        raise UsageError(f"{what} is {units:,.0f} here, and at most {most:,} in one call: {remedy}.")
