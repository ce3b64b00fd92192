"""How a source of data is read, as fields of a request: a table of visits, or pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.fields import reads
from reverie.operations.request import Flag, Of, Request, Served, local, pictures

if TYPE_CHECKING:
    from reverie.records import Schema
    from reverie.records.linked import LinkedSchema

__all__ = ["ImageReading", "SchemaText", "TableReading", "ToldReading", "any_schema_of", "schema_of", "visits"]

visits = Of("a table of visits")
_name = Served((Field(min_length=1, max_length=200),), "a column's name is a line of a page at most")
_long_name = Served((Field(max_length=1000),), "a column's name is a paragraph of a page at most")
_word = Served((Field(max_length=100),), "what stands in a cell for a date, or for nothing, is short")
Column = Annotated[str, _name]
LONGER = "more says nothing that a schema file would not say better"
SchemaText = Annotated[
    str | None,
    visits,
    Served((Field(min_length=1, max_length=4_000_000),), "of a thousand columns with their levels there is less to say"),
    Field(
        description="What the columns are, in place of what would be found: the text of a schema file, as a description "
        "answers it as `schema_text`, edited; YAML or JSON."
    ),
]
SCHEMA = "schema.yaml"
"""What a call that is shown has in the place of that text."""


def schema_of(text: str | None) -> Schema | None:
    """What was said so, if anything. Raises UsageError, naming the column at fault."""
    if text is None:
        return None
    from reverie.records.schema import Schema

    return Schema.from_yaml(text, "the schema")


def any_schema_of(text: str | None) -> Schema | LinkedSchema | None:
    """The same of one table or, where `tables` are what it speaks of, of linked ones."""
    if text is None:
        return None
    from reverie.records.linked import LinkedSchema
    from reverie.records.schema_text import tree_of

    tree = tree_of(text, "the schema", "columns")
    if "columns" in tree or "tables" not in tree:
        return schema_of(text)

    return LinkedSchema.from_yaml(text, "the schema")


DUPLICATES = ("refuse", "keep", "first", "last", "mean")


def pairs(flag: str, value: str) -> Callable[[Sequence[str]], dict[str, str]]:
    """Reads ["a=x", "b=y"] as {"a": "x", "b": "y"}."""

    def read(typed: Sequence[str]) -> dict[str, str]:
        values = {}
        for pair in typed:
            column, sign, word = pair.rpartition("=")
            if not sign:
                raise UsageError(f"{flag} takes COLUMN={value}, not {pair!r}.")
            values[column] = word
        return values

    return read


def written(values: dict[str, str]) -> list[str]:
    """The inverse; what is for all columns stands alone."""
    return [f"{column}={word}" if column else word for column, word in values.items()]


def _date_formats(typed: Sequence[str]) -> dict[str, str]:
    """The forms of dates by column; under "" one for all."""
    formats: dict[str, str] = {}
    for text in typed:
        column, _, form = text.rpartition("=")
        if formats.setdefault(column, form) != form:
            raise UsageError(
                f"--date-format says {formats[column]} and {form} of {column or 'all columns'}: give one of them."
            )
    return formats


def _rule(typed: str) -> str:
    if typed not in DUPLICATES:
        raise UsageError(f"--duplicates is refuse, keep, first, last or mean, not {typed!r}.")
    return typed


class Cached(Request):
    """Where what was read is kept."""

    cache: Annotated[
        str | None,
        Flag(
            "--cache",
            "Keep decoded pictures in this folder, or the rows of a table that is read in parts, to be read at once the "
            "next time; for what is larger than memory.",
            variable="REVERIE_CACHE",
        ),
        local,
    ] = None


class TableReading(Cached):
    """What cannot be seen in a table of visits, or was seen wrongly."""

    query: Annotated[str | None, Flag("--query", metavar="SQL"), visits, local] = Field(
        None,
        description="Take the rows that a SELECT gives, from a DuckDB or SQLite file or an address "
        "postgresql://user@host/database (the password stands in ~/.pgpass or PGPASSWORD); in a file or folder of Parquet "
        "or CSV they are FROM source.",
    )
    stream: Annotated[bool, Flag("--stream"), visits, local] = Field(
        False,
        description="Read the table in parts, which are kept on disk: what is too large for memory is read so anyway.",
    )
    id: Annotated[
        Column | Annotated[list[Column], Served((Field(min_length=2, max_length=5),), LONGER)] | None,
        Flag(
            "--id",
            "The column that says whose visit a row is; again for each that does so with it.",
            read=lambda typed: typed[0] if len(typed) == 1 else typed,
            several=True,
        ),
        visits,
    ] = Field(
        None,
        description="The column that says whose visit a row is, or those that do so together; row where each row "
        "is a patient.",
    )
    time: Annotated[Column | None, visits] = Field(None, description="The column that says when it was.")
    long: Annotated[
        Annotated[tuple[Column, Column], Field(strict=False)] | None, Flag("--long", metavar="NAME VALUE"), visits
    ] = Field(None, description="Where a row is one test: the column that names it, and that of its value.")
    date_formats: Annotated[
        dict[Annotated[str, _long_name], Annotated[str, _word]] | None,
        Flag(
            "--date-format",
            "How dates are written: COLUMN=%d/%m/%Y, or one for all columns. May be repeated.",
            read=_date_formats,
            write=written,
            several=True,
        ),
        visits,
        Served((Field(max_length=1000),), LONGER),
    ] = Field(
        None,
        description='Forms of dates by column, where the table does not tell the day from the month; under "" of all.',
        examples=[{"seen": "%d/%m/%Y"}],
    )
    duplicates: Annotated[
        Literal["refuse", "keep", "first", "last", "mean"] | None,
        Flag("--duplicates", "Rows of one patient at one time: refuse, keep, first, last or mean.", read=_rule),
        visits,
    ] = Field(None, description="Rows of one patient at one time.")
    null_values: Annotated[
        list[Annotated[str, _word]] | None,
        Flag("--null", "VALUE that means missing, or COLUMN=VALUE. May be repeated."),
        visits,
        Served((Field(max_length=50),), LONGER),
    ] = Field(None, description="What means missing: VALUE, or COLUMN=VALUE in one column.")

    @property
    def table_options(self) -> dict[str, Any]:
        """What was said, by the names of records.read_table."""
        options = {
            "query": self.query,
            "identifier": self.id,
            "time": self.time,
            "long": self.long,
            "date_formats": self.date_formats,
            "duplicates": self.duplicates,
            "null_values": None if self.null_values is None else tuple(self.null_values),
        }
        return {name: value for name, value in options.items() if value is not None}


def _sides(size: str) -> int | tuple[int, int]:
    """Of "32" 32, of "24x32" (24, 32), height first."""
    try:
        sides = tuple(int(side) for side in size.split("x"))
    except ValueError:
        sides = ()
    match sides:
        case (side,):
            return side
        case (height, width):
            return height, width
    raise UsageError(f"--size is a side such as 32, or height x width such as 24x32, not {size!r}.")


class ImageReading(Cached):
    """What pictures are brought to."""

    size: Annotated[
        int | tuple[int, int] | None,
        Flag(
            "--size",
            "Bring pictures to this size: 32 for a square, 24x32 for height x width.",
            read=_sides,
            write=lambda size: size if isinstance(size, int) else "x".join(map(str, size)),
        ),
        pictures,
        Served((Field(ge=1, le=256),), "larger ones are trained for hours", type=int | None),
    ] = Field(None, description="Of pictures: bring them to this many pixels a side.")
    fit: Annotated[
        str | None, Flag("--fit", "How: crop to the centre (default), pad with a colour, or stretch."), pictures, local
    ] = None
    pad: Annotated[
        str | None,
        Flag("--pad", "The colour around pictures that are padded: white (default), black, #rrggbb, ..."),
        pictures,
        local,
    ] = None
    classes: Annotated[
        list[str] | None,
        Flag("--classes", "Names for classes that are only numbered, with commas.", commas=True),
        pictures,
        local,
    ] = None
    channels: Annotated[
        int | None,
        Flag("--channels", "1 grey, 3 colour, 4 with alpha, or an array's own number; default grey or colour, as they are."),
        pictures,
        Served(why="pictures are grey or coloured", type=Literal[1, 3] | None),
    ] = Field(None, description="Of pictures: 1 grey, 3 colour.")

    bits: Annotated[
        int | None,
        Flag("--bits", "16 learns pictures of 16 bits a channel as they are; default 8, to which they are brought."),
        pictures,
        local,
    ] = None

    @property
    def image_options(self) -> dict[str, Any]:
        """What was said, by the names of images.read_images."""
        names = ("size", "fit", "pad", "classes", "cache", "channels", "bits", "conditions", "file_column")
        return {name: value for name in names if (value := getattr(self, name, None)) is not None}


class ToldReading(ImageReading):
    """Pictures, and a table that tells their attributes."""

    conditions: Annotated[
        Annotated[str, reads] | None,
        Flag(
            "--conditions",
            "A table that tells attributes of the pictures (levels, numbers, vectors), a row for each: as tables of visits, "
            "or .npy, .npz. Samples are then asked for by them.",
            metavar="FILE",
        ),
        pictures,
    ] = Field(
        None,
        min_length=1,
        description="Of pictures: a table that tells their attributes, a row for each.",
        examples=["tables/pictures.csv"],
    )
    file_column: Annotated[Column | None, pictures] = Field(
        None, description="The column of `conditions` that names the pictures, where it is not found."
    )
