"""Files of SAS, SPSS and Stata, read by pyreadstat, which the extra "formats" installs, in a process of its own (apart.py).

Cells are read by the labels of their values where every value that occurs has a label of its own. What a file declares to be
missing is read as empty, and counted in a note. These formats know one type of number: what is whole becomes an integer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.plain import number_of
from reverie.records.places import damaged
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.frames import with_integers

__all__ = ["STATISTICAL", "read_statistical"]

_READERS = {
    ".sas7bdat": ("SAS", "read_sas7bdat"),
    ".xpt": ("SAS transport", "read_xport"),
    ".sav": ("SPSS", "read_sav"),
    ".zsav": ("SPSS", "read_sav"),
    ".dta": ("Stata", "read_dta"),
}
STATISTICAL = tuple(_READERS)
"""Suffixes of files of statistical packages."""

_APART = Path(__file__).with_name("apart.py")


def read_statistical(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table, and notes. What the file says of its size is compared with the bounds before its cells are read.

    Raises UsageError without pyreadstat, DataError for a damaged file and one beyond the bounds.
    """
    program, reader = _READERS[path.suffix.lower()]
    if find_spec("pyreadstat") is None:
        raise UsageError(f"{name} is a file of {program}: to read it, pip install 'reverie[formats]'.")
    with TemporaryDirectory() as out:
        answer = _read_apart(Path(out), {"reader": reader, "path": str(path.resolve()), "most": asdict(most)})
        if "error" in answer:
            raise damaged(name, f"{program} file", " ".join(answer["error"].split())[:120])
        most.check(name, **answer.get("beyond", {}))
        parts = [pl.read_parquet(Path(out) / f"{part}.parquet") for part in range(answer["parts"])]
    frame = pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame()
    labels = {column: dict(map(tuple, pairs)) for column, pairs in answer["labels"].items()}
    frame = frame.with_columns(
        pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)),
        pl.col(pl.Time).dt.to_string("%H:%M:%S"),
        *(pl.col(column).cast(pl.Float64) for column in answer["missing"] if frame.schema[column] == pl.Null),
    )
    frame, said = _labelled(frame, labels, answer["measures"])
    missing = [_declared(column, counts, labels.get(column, {})) for column, counts in answer["missing"].items()]
    return with_integers(frame), (*missing, *said)


def _read_apart(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of apart.py, run in this folder. Raises MemoryError for want of memory."""
    (folder / "request.json").write_text(json.dumps(request))
    done = subprocess.run([sys.executable, "-I", str(_APART)], cwd=folder, capture_output=True)
    answer = folder / "answer.json"
    if answer.exists():
        return json.loads(answer.read_text())
    if b"MemoryError" in done.stderr:
        raise MemoryError
    return {"error": "the library that reads it failed"}


def _declared(column: str, counts: list[tuple[Any, int]], labels: Mapping[Any, str]) -> str:
    """A note on cells that are empty because the file declares their values missing."""
    kinds, total = ", ".join(_with_label(value, labels) for value, _ in counts), sum(count for _, count in counts)
    holds, were = ("holds", "was") if total == 1 else ("hold", "were")
    return (
        f"In {column}, {number_of(total, 'cell')} {holds} what the file declares missing ({kinds}) and {were} read as empty."
    )


def _with_label(value: Any, labels: Mapping[Any, str]) -> str:
    text = f".{value}" if isinstance(value, str) else f"{value:g}"
    return f"{text} {labels[value]}" if value in labels else text


def _labelled(
    frame: pl.DataFrame, labelled: Mapping[str, Mapping[Any, str]], measures: Mapping[str, str]
) -> tuple[pl.DataFrame, list[str]]:
    """The frame with labels in the place of values where all that occur have one, and notes.

    A scale that the file calls ordinal becomes an Enum, in the order of its values.
    """
    read, notes = [], []
    for column, labels in labelled.items():
        if column not in frame.columns or frame.schema[column].is_temporal():
            continue
        values = sorted(frame[column].drop_nulls().unique().to_list())
        label_of = {value: str(labels[value]).strip() for value in values if value in labels}
        if not label_of:
            continue
        if len(label_of) < len(values) or len(set(label_of.values())) < len(label_of) or not all(label_of.values()):
            lacking = [f"{value:g}" if isinstance(value, float) else str(value) for value in values if value not in label_of]
            none = f"{', '.join(lacking[:3])} ha{'s' if len(lacking) == 1 else 've'} none"
            why = none if lacking else "two are alike"
            notes.append(f"The values of {column} were kept, for not each has a label of its own ({why}).")
            continue
        ordinal = measures.get(column) == "ordinal"
        ordered = dict.fromkeys(
            str(label).strip() for value, label in sorted(labels.items(), key=_order) if value in label_of
        )
        frame = frame.with_columns(
            pl.col(column).replace_strict(label_of, return_dtype=pl.Enum(list(ordered)) if ordinal else pl.String)
        )
        read.append(column)
    if read:
        notes.insert(0, f"Read by the labels of their values: {', '.join(read)}.")
    return frame, notes


def _order(item: tuple[Any, str]) -> tuple[bool, Any]:
    return isinstance(item[0], str), item[0]
