"""From text to typed columns: a column has a type when every one of its cells that is not missing can be read as it.

    whole numbers -> Int64, numbers -> Float64, 2026-01-31 -> Date, 2026-01-31T08:30[:00] -> Datetime, all else -> String

Words that mean "missing" in a column of numbers may be names in one of text: None is how much some people drink, NA is where
others live. In text such a word is a value, unless the user or the schema says that it is missing, or the columns of numbers
or dates of the same table write it, and the column leaves no cell empty: then it is the table's word for "missing".

Numbers written with leading zeros are names (007 is not 7). A column where some cells can be read and some cannot is mixed;
whether that is a fault is decided in infer.py, where the role of the column is known. With a schema, its types are law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.faults import not_one_value
from reverie.records.kinds import Mixed
from reverie.records.places import ROW, at, shown
from reverie.records.schema import NULL_VALUES, Column, Schema

__all__ = ["Parsed", "parse", "reads"]

_NAMES = (
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "String", "Boolean", "Date"),
)

TYPES = {name: getattr(pl, name) for name in _NAMES} | {"Datetime": pl.Datetime("us")}
"""Column types by the name that a schema gives them."""

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"

WORDS = ("NA", "N/A", "n/a", "null", "None")
"""Those of NULL_VALUES that people write too. The others (NaN, NULL, a full stop) only programs write: they are no names."""

MOSTLY_TEXT = 0.05
"""Below this share of cells that can be read as numbers (or dates), a column is text that happens to hold some."""


@dataclass
class Parsed:
    """A typed frame with the numbers of its data rows in the column ROW, its mixed columns, and notes on what was done.

    `null_values` are those of the columns in which not all of the table's mean "missing".
    """

    frame: pl.DataFrame
    mixed: dict[str, Mixed] = field(default_factory=dict)
    null_values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def parse(frame: pl.DataFrame, name: str, null_values: tuple[str, ...] = (), schema: Schema | None = None) -> Parsed:
    """Types every column, by what its cells hold, or as the schema says.

    Args:
        null_values: what stands for a missing value in every column, whatever else the schema or the cells say.

    Raises:
        DataError: a column that cannot be in a table, or a cell that is not of the schema's type; row and column named.
        UsageError: the schema names a type that does not exist.
    """
    rows = frame[ROW] if ROW in frame.columns else pl.Series(ROW, range(1, frame.height + 1), dtype=pl.Int64)
    parsed = Parsed(pl.DataFrame([rows]))
    spaced, zoned = [], []
    given = {cells.name: _plain(cells, name, zoned) for cells in frame.iter_columns() if cells.name != ROW}
    texts = {}
    for column, cells in given.items():
        if cells.dtype == pl.String:
            texts[column] = cells.str.strip_chars()
            if (texts[column] != cells).any():
                spaced.append(column)
    if schema is None:
        nulls = _nulls(texts, null_values, parsed)
    else:
        nulls = {column: (*schema.nulls(column), *null_values) for column in texts}
    columns = []
    for column, cells in given.items():
        if column in texts:
            cells = _emptied(texts[column], nulls[column])
            if schema is None:
                cells, mixed = _typed(cells, rows, zoned)
                parsed.mixed |= {column: mixed} if mixed else {}
        if schema is not None:
            cells = _as_schema(cells, rows, schema[column], name)
        columns.append(cells)
    parsed.frame = pl.DataFrame({cells.name: cells for cells in (rows, *columns)})  # a list would name a nameless one
    _say_nulls(texts, nulls, parsed, schema is None)
    if spaced:
        parsed.notes.append(f"Spaces around values were removed in {_names(spaced)}.")
    if zoned:
        parsed.notes.append(f"Date-times with a time zone were brought to UTC in {_names(zoned)}.")
    return parsed


def _emptied(text: pl.Series, nulls: Sequence[str]) -> pl.Series:
    """The cells without those that mean "missing"."""
    return text.set(text.is_in(["", *nulls]), None)


def _nulls(texts: dict[str, pl.Series], told: tuple[str, ...], parsed: Parsed) -> dict[str, tuple[str, ...]]:
    """What stands for a missing value in each column of text; where that is not all of it, `parsed` keeps it."""
    every = tuple(dict.fromkeys((*NULL_VALUES, *told)))
    found = {}
    of_table: set[str] = set()  # what columns that are no text write
    for column, text in texts.items():
        held = [word for word in WORDS if word not in told and (text == word).any()]
        if held and _is_text(_emptied(text, every)):
            found[column] = held
        else:
            of_table |= set(held)
    for column, held in found.items():
        whole = not texts[column].is_null().any() and not (texts[column] == "").any()
        kept = [word for word in held if not (whole and word in of_table)]
        if kept:
            parsed.null_values[column] = tuple(word for word in every if word not in kept)
    return {column: parsed.null_values.get(column, every) for column in texts}


def _is_text(cells: pl.Series) -> bool:
    """Whether cells without any word for "missing" are names rather than numbers, dates or truth values."""
    if cells.str.to_lowercase().is_in(["true", "false"]).all(ignore_nulls=True) and cells.count():
        return False
    typed, mixed = _typed(cells, pl.Series(range(cells.len())), [])
    return typed.dtype == pl.String and (mixed is None or mixed.read < mixed.text)


def _say_nulls(texts: dict[str, pl.Series], nulls: dict[str, tuple[str, ...]], parsed: Parsed, decided: bool) -> None:
    """Notes on each word that means "missing" in some column, and on each that was `decided` to be a value in one."""
    for word in dict.fromkeys(word for words in (*nulls.values(), NULL_VALUES) for word in words):
        where = {column: int((text == word).sum()) for column, text in texts.items()}
        lost = {c: f"{c} ({_cells(k)})" for c, k in where.items() if k and word in nulls[c]}
        if kept := [f"{c} ({_cells(k)})" for c, k in where.items() if k and c in parsed.null_values and c not in lost]:
            parsed.notes.append(
                f"{word!r} was taken as a value in {_names(kept)}: if it means missing there, say so with --null {word}."
            )
        if lost:
            text = decided and any(parsed.frame.schema[c] == pl.String for c in lost)
            remedy = ": where it is a value, give the column null_values: [] in a schema" if text else ""
            parsed.notes.append(f"{word!r} was read as missing in {_names(list(lost.values()))}{remedy}.")


def _cells(count: int) -> str:
    return f"{count:,} cell{'s'[: count > 1]}"


def reads(cells: pl.Series, what: str) -> pl.Series:
    """Which cells of text can be read as "numbers" or "dates". Bool, null where the cell is missing."""
    if what == "numbers":
        read = cells.cast(pl.Float64, strict=False).is_not_null()
    else:
        read = cells.str.contains(_DATETIME) & cells.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return read.set(cells.is_null(), None)


def _names(columns: list[str]) -> str:
    return ", ".join(columns[:5]) + (f" and {len(columns) - 5} more" if len(columns) > 5 else "")


def _plain(cells: pl.Series, name: str, zoned: list[str]) -> pl.Series:
    """One of the few types that a table can hold; NaN is missing."""
    dtype = cells.dtype
    if dtype.is_float():
        return cells.fill_nan(None)
    if isinstance(dtype, pl.Categorical | pl.Enum) or dtype == pl.Null:
        return cells.cast(pl.String)
    if dtype.is_decimal():
        return cells.cast(pl.Float64)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            zoned.append(cells.name)
            cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return cells.cast(pl.Datetime("us"))
    if str(dtype.base_type()) not in TYPES:
        raise not_one_value(name, cells.name, dtype)
    return cells


def _typed(cells: pl.Series, rows: pl.Series, zoned: list[str]) -> tuple[pl.Series, Mixed | None]:
    """The cells as what all of them can be read as; and which are what, where that is more than one thing."""
    count = cells.len() - cells.null_count()
    for what in ("numbers", "dates") if count else ():
        good = reads(cells, what)
        read = int(good.sum())
        if read == count:
            return (_numbers(cells) if what == "numbers" else _dates(cells, zoned)), None
        if read >= MOSTLY_TEXT * count:
            odd = (~good if 2 * read >= count else good).fill_null(False).arg_true()[0]
            return cells, Mixed(what, read, count - read, rows[odd], cells[odd])
    return cells, None


def _numbers(cells: pl.Series) -> pl.Series:
    if cells.str.contains(r"^[+-]?0\d").any():
        return cells
    if cells.str.contains(r"^[+-]?\d+$").all():
        whole = cells.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == cells.null_count() else cells  # beyond 64 bits: a name
    return cells.cast(pl.Float64).fill_nan(None)


def _dates(cells: pl.Series, zoned: list[str]) -> pl.Series:
    if cells.str.contains(_DATE).all():
        return cells.str.to_date("%Y-%m-%d")
    text = (
        cells.str.replace(" ", "T")
        .str.replace(r"^([^T]+)$", "${1}T00:00")
        .str.replace(r"(T\d{2}:\d{2})(Z|[+-]|$)", "${1}:00${2}")
    )
    if text.str.contains(_ZONE).any():
        zoned.append(cells.name)
        zone = pl.when(pl.col("t").str.contains(_ZONE)).then(pl.col("t").str.replace("Z$", "+00:00"))
        text = pl.DataFrame({"t": text}).select(zone.otherwise(pl.col("t") + "+00:00").alias(cells.name)).to_series()
        moments = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
        moments = moments.dt.replace_time_zone(None)
    else:
        moments = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    return moments if moments.null_count() == cells.null_count() else cells  # 25:61 o'clock: text


def _as_schema(cells: pl.Series, rows: pl.Series, column: Column, name: str) -> pl.Series:
    """The cells in the type that the schema says. Names (levels, identifiers, text) may stay text."""
    if column.type not in TYPES:
        raise UsageError(f"the schema's column {column.name!r} has type {column.type!r}: known are {', '.join(TYPES)}.")
    target = TYPES[column.typed if column.numeric and column.type == "String" else column.type]  # a kind edited by hand
    dtype = target() if isinstance(target, type) else target
    if cells.dtype == dtype:
        return cells
    if cells.dtype == pl.String and dtype == pl.Boolean:
        cast = cells.str.to_lowercase().replace_strict({"true": True, "false": False, "1": True, "0": False}, default=None)
    elif cells.dtype == pl.String and dtype in (pl.Date, pl.Datetime):
        good = reads(cells, "dates")
        cast = _dates(cells.set(~good.fill_null(False), None), []).cast(dtype, strict=False)
    else:
        cast = cells.cast(pl.Float64, strict=False) if cells.dtype == pl.String and dtype.is_numeric() else cells
        if dtype.is_integer() and cells.dtype == pl.String:  # not by way of floats, which end at 2^53
            whole = cells.cast(dtype, strict=False)
            cast = whole if whole.null_count() == cells.null_count() else cast
        if dtype.is_integer() and cast.dtype.is_float():
            cast = cast.set((cast != cast.round(0)) | cast.is_infinite(), None)
        cast = cast.cast(dtype, strict=False)
        cast = cast.fill_nan(None) if dtype.is_float() else cast
    lost = (cast.is_null() & cells.is_not_null()).arg_true()
    if not len(lost):
        return cast
    if cells.dtype == pl.String and not column.numeric:
        return cells
    words = {pl.Date: "a date (2026-01-31)", pl.Datetime: "a date-time (2026-01-31T08:30:00)", pl.Boolean: "true or false"}
    what = (
        words.get(target, "a date-time")
        if not dtype.is_numeric()
        else "a whole number"
        if dtype.is_integer()
        else "a number"
    )
    raise DataError(
        f"{at(name, rows[lost[0]], column.name)}{shown(cells[lost[0]])} is not {what}: correct it, "
        "add it to null_values in the schema, or change the column's type and kind there."
    )
