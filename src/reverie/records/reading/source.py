"""From a file or a frame to columns of text or typed columns, with every fault of form named by data row and column.

A CSV is read as text: what a cell means is decided later (typing.py), when all of its column is known. Accepted are .csv,
.csv.gz and .parquet, in UTF-8; polars and pandas frames; and the name "pbc2" of the bundled cohort.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError, unknown
from reverie.records.faults import shown
from reverie.records.reading.bounds import Bounds, check_text, unzip
from reverie.records.reading.frames import from_pandas
from reverie.records.reading.parquet import read_parquet
from reverie.records.reading.separated import read_separated

__all__ = ["BUNDLED", "place_of", "read_source"]

BUNDLED = {"pbc2": Path(__file__).parents[1] / "data" / "pbc2.csv"}
"""Cohorts that ship with the package, by name."""

_MAGIC = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz", b"PK\x03\x04": ".xlsx or .zip"}


def read_source(source: Any, name: str | None = None, most: Bounds = Bounds()) -> tuple[pl.DataFrame, str]:
    """The cells of a source, of a file at most so many, and what messages call it.

    Returns:
        A frame whose rows are the data rows in order (from a CSV all columns are String, empty cells null), and a name.

    Raises:
        UsageError: there is no such file, or the source is of a kind that cannot be read.
        DataError: the content is at fault.
    """
    if isinstance(source, pl.DataFrame):
        frame, name = source, name or "the frame"
    elif type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        name = name or "the frame"
        frame = from_pandas(source, name)
    elif isinstance(source, str | Path):
        path = BUNDLED.get(str(source)) or Path(source)
        name = name or (str(source) if str(source) in BUNDLED else path.name)
        frame = _from_file(path, name, str(source), most)
    else:
        raise UsageError(f"a table is a file, a polars frame or a pandas frame, not {type(source).__name__}.")
    if bad := next((c for c in frame.columns if "\0" in c), None):
        raise DataError(f"{name}: the column name {shown(bad)} holds a NUL byte: rename the column.")
    if not frame.width or not frame.height:
        raise DataError(f"{name} has no rows: a table needs one row for each patient and time.")
    return frame, name


def place_of(source: Any) -> Path | None:
    """Where a source is kept, so that it can be read again from anywhere; None for what is bundled, and for frames."""
    return Path(source).resolve() if isinstance(source, str | Path) and str(source) not in BUNDLED else None


def _from_file(path: Path, name: str, given: str, most: Bounds) -> pl.DataFrame:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give one .csv, .csv.gz or .parquet file.")
    if not path.exists():
        hint = "" if path.suffix else f" {unknown('cohort', given, BUNDLED)}"
        raise UsageError(f"there is no file {path}.{hint}")
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file: give one .csv, .csv.gz or .parquet file.")
    suffix = "".join(path.suffixes[-2:]).lower()
    suffix = suffix if suffix == ".csv.gz" else path.suffix.lower()
    if suffix not in (".csv", ".csv.gz", ".parquet"):
        raise DataError(
            f"{name} ends in {path.suffix or 'no suffix'!r}: a table is a .csv, .csv.gz or .parquet file; save it as one."
        )
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise DataError(f"{name} is empty: a table needs a header and one row for each patient and time.")
    looks = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if looks != suffix and (looks or suffix != ".csv"):
        raise DataError(
            f"{name} is not what its suffix says, it looks like {looks or 'text'}: rename it or save it anew as CSV."
        )
    if suffix == ".parquet":
        frame = read_parquet(path, name, most)
    elif suffix == ".csv":
        most.check(name, bytes=path.stat().st_size)
        frame = read_separated(path.read_bytes(), name, most)
    else:
        frame = read_separated(unzip(path, name, most), name, most)
    check_text(frame, name, most)
    return frame
