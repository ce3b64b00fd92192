"""Fields that many requests have: names, seeds, samplers, schedules, outputs."""

from __future__ import annotations

import re
import unicodedata
import warnings
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from reverie.errors import unknown
from reverie.operations.request import Flag, Place, Reply, Request, Served, example
from reverie.process.registry import ScheduleName
from reverie.samplers.posterior.registry import METHODS
from reverie.samplers.registry import SamplerName as Sampler

if TYPE_CHECKING:
    from reverie.operations.context import Context
    from reverie.process import NoiseSchedule

__all__ = [
    "FileMade",
    "Guidance",
    "NewFigure",
    "NewRun",
    "NewTable",
    "Overwrite",
    "PictureName",
    "PosteriorMethod",
    "RunName",
    "Sampler",
    "Schedule",
    "ScheduleName",
    "Seed",
    "Spacing",
    "TableName",
    "Word",
    "below",
    "ends",
    "named",
    "reads",
    "schedule_of",
    "writes",
]

Spacing = Literal["trailing", "leading", "linspace", "log_snr", "karras", "angle"]
Word = Annotated[str, Field(min_length=1, max_length=200)]
_ELSEWHERE = re.compile(r"[A-Za-z]:|~|[\\/]{2}")


def below(name: str | None) -> str | None:
    """A name as the workspace has it: /path/to/x.png and path\\to\\x.png are path/to/x.png of the workspace, never of the
    machine. Raises ValueError for a drive, a home and another machine; all else is for the workspace to refuse.
    """
    if name is None:  # a name that may be left out
        return None
    plain = unicodedata.normalize("NFC", name)
    if _ELSEWHERE.match(plain):
        inside = re.sub(r"^(?:[A-Za-z]:)?[\\/~]*", "", plain).replace("\\", "/")
        raise ValueError(f"name the file relative to the workspace, as {inside or 'picture.png'!r}")
    inside = plain.replace("\\", "/").removeprefix("/")
    if plain and not inside:
        raise ValueError("name something inside the workspace, as 'picture.png'")
    return inside


INSIDE = (AfterValidator(below), Field(max_length=484)), "a service reads and writes inside its workspace only"
reads = Place(*INSIDE)
"""A name that a service looks for in its workspace."""
writes = Place(*INSIDE, written=True)
"""A name that a service gives to what it makes; while it does, no other call may write there."""


def ends(*suffixes: str) -> Served:
    """A name that a service wants to end in one of these. (The command line says it with the file's own name.)"""

    def check(name: str | None) -> str | None:
        if name is not None and not name.lower().endswith(suffixes):
            raise ValueError(f"the name must end in {' or '.join(suffixes)}")
        return name

    return Served((AfterValidator(check),))


def named(description: str, example: str) -> Any:
    """A field that names a file."""
    return Field(description=description, examples=[example], min_length=1)


PictureName = Annotated[
    str, reads, named("A picture file; or a bundled picture: digits:3, china or flower.", "pictures/photo.jpg")
]
RunName = Annotated[str, reads, named("The folder of a trained run.", "runs/digits")]
NewRun = Annotated[str, writes, named("The folder of a trained run.", "runs/digits")]
TableName = Annotated[
    str,
    reads,
    named(
        "A table of visits (.csv, .tsv, .psv, .txt, also .gz; .parquet, .xlsx, .sas7bdat, .xpt, .sav, .dta); or pbc2, which "
        "is bundled.",
        "tables/visits.csv",
    ),
]
NewTable = Annotated[
    str,
    writes,
    ends(".csv", ".csv.gz", ".parquet"),
    named("Where to write the table, .csv, .csv.gz or .parquet.", "tables/new.csv"),
]
NewFigure = Annotated[str, writes, ends(".png"), named("Write the figure to this .png file.", "figures/strip.png")]
Seed = Annotated[
    int,
    Field(description="The same seed gives the same result, to the last byte.", ge=0, examples=[0]),
    Served((Field(le=2**31 - 1),), "seeds of a service are those of every client's integers"),
]


def _method(name: str) -> str:
    if name not in METHODS:
        raise unknown("posterior sampler", name, METHODS)
    return name


PosteriorMethod = Annotated[str, AfterValidator(_method), WithJsonSchema({"type": "string", "enum": list(METHODS)})]
"""The name of a posterior sampler, as a field of a request."""
Guidance = Annotated[float, Served((Field(ge=0, le=10),), "a stronger one leaves the range of what can be seen")]
Overwrite = Annotated[
    bool,
    Field(description="Replace what is there under the name of an output.", examples=[False]),
    Flag("--force", "Overwrite the output if it exists."),
]


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
        settings = self.__dict__ | (self.__pydantic_extra__ or {})
        return {name: value for name, value in settings.items() if value is not None}


class AnySchedule(Schedule):
    """As it is written on the command line: any name, any settings. NoiseSchedule.named says what is wrong with them."""

    model_config = ConfigDict(extra="allow", strict=False)

    name: str = "linear"  # pyright: ignore[reportIncompatibleVariableOverride]


def schedule_of(request: Schedule | None, context: Context) -> NoiseSchedule:
    """The schedule, linear if none is asked for. In a service its warning is part of the answer, not of the log."""
    from reverie.process import NoiseSchedule, TerminalSNRWarning

    with warnings.catch_warnings():
        if context.served:
            warnings.simplefilter("ignore", TerminalSNRWarning)
        return NoiseSchedule.linear() if request is None else NoiseSchedule.named(**request.config)


class FileMade(Reply):
    """A file that a call has written."""

    name: str = Field(description="Its name in the workspace, or among the job's files.", examples=["figures/strip.png"])
    href: str = Field(description="Where to download it.", examples=["/api/files/figures/strip.png"])
    bytes: int = Field(examples=[48213])
