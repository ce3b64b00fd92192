"""MEDS, the Medical Event Data Standard: one stream of events (subject, time, code, value), and metadata beside it.

    subjects <- stays <- events;  codes is a lookup, where metadata/codes.parquet has rows

What is known of a subject once is a column of subjects: MEDS_BIRTH and MEDS_DEATH are birth and death, an event without a
time is a static: SEX//F makes F in the column SEX, HEIGHT with a number that number in HEIGHT. Statics that a subject has
several of, or that are no such pair, are rows of statics. An admission and the discharge after it are a stay
(meds_stays.py). All else are events, long by code.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.linked.standards.meds_files import (
    ABOUT,
    BIRTH,
    CODES,
    DATA,
    DEATH,
    SPLITS,
    TYPES,
    cast,
    description_of,
    events_of,
    shards_of,
    side_of,
)  # fmt: skip
from reverie.records.linked.standards.meds_stays import find_stays, stay_events
from reverie.records.linked.standards.meds_subjects import OWN, subjects_of
from reverie.records.linked.standards.standard import Content, Frames, Parts, Standard, Written, new_folder
from reverie.records.linked.standards.stated import Stated
from reverie.records.places import counted, few
from reverie.records.reading import Bounds

__all__ = ["Meds"]


_SPLIT = pl.DataFrame(schema={"subject_id": pl.Int64, "split": pl.String})


class Meds(Standard):
    """MEDS 0.4."""

    called: ClassVar[str] = "meds"
    title: ClassVar[str] = "MEDS"
    tables: ClassVar[tuple[Stated, ...]] = (
        Stated("subjects", "entities", "subject_id", {}, why="a row for each subject"),
        Stated("statics", "codes", None, {"subject_id": "subjects", "code": "codes"}, ("subjects",), why="without a time"),
        Stated(
            "stays", "events", "stay_id", {"subject_id": "subjects"}, ("subjects",), (("start", "end"),),
            "an admission and the discharge after it",
        ),
        Stated(
            "events", "long", None, {"subject_id": "subjects", "stay_id": "stays", "code": "codes"}, ("stays", "subjects"),
            (("time", None),), "code says what happened, numeric_value or text_value the value",
        ),
        Stated("codes", "lookup", "code", {}, why="what each code stands for"),
    )  # fmt: skip

    def recognises(self, place: str) -> bool:
        path = Path(place)
        files = shards_of(path) if path.is_dir() else []
        return bool(files) and {"subject_id", "time", "code"} <= {*pl.read_parquet_schema(files[0])}

    def read(self, place: str, name: str, most: Bounds = Bounds()) -> Content:
        path = Path(place)
        said = description_of(path, name)
        content = Content({}, [f"It was read as MEDS: its files hold the columns subject_id, time and code{said}."])
        events = events_of(path, name, most, content.notes)
        splits = side_of(path / SPLITS, name, {"subject_id": pl.Int64, "split": pl.String})
        subjects, statics, events = subjects_of(events, splits, content.notes)
        stays, events = find_stays(events, content.notes)
        content.frames = {"subjects": subjects}
        found = {"statics": statics, "stays": stays, "events": events}
        content.frames |= {table: frame for table, frame in found.items() if frame.height}
        codes = side_of(
            path / CODES, name, {"code": pl.String, "description": pl.String, "parent_codes": pl.List(pl.String)}
        )
        if codes is not None and codes.height:
            content.frames["codes"] = _all_codes(codes, [f["code"] for f in (statics, events)], content.notes)
        return content

    def write(self, parts: Parts, place: Path) -> Written:
        try:
            import meds
        except ImportError:
            raise UsageError("to write MEDS, install what checks it: pip install 'reverie[standards]'.") from None
        written, splits, codes, last = Written(), [], None, None
        with new_folder(place, ("*.parquet", "metadata/dataset.json")) as folder:
            (folder / DATA).mkdir()
            (folder / "metadata").mkdir()
            for number, part in enumerate(parts):
                self.fits({table: frame.columns for table, frame in part.items()}, "these tables")
                for table, frame in part.items():
                    written.rows[table] = written.rows.get(table, 0) + frame.height
                _written(_flat(part), folder / DATA / f"{number}.parquet", meds.DataSchema)
                if "split" in part["subjects"].columns:
                    splits.append(part["subjects"].select("subject_id", "split").drop_nulls("split"))
                codes = part.get("codes", codes)
                last = number
            if last is None:
                raise UsageError("there is no part to write: give tables with at least one subject.")
            _written(_described(codes), folder / CODES, meds.CodeMetadataSchema)
            _written(pl.concat([_SPLIT, *splits]), folder / SPLITS, meds.SubjectSplitSchema)
            about = {"etl_name": "reverie", "etl_version": version("reverie"), "meds_version": version("meds")}
            meds.DatasetMetadataSchema.validate(about)
            (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n")
        written.files = last + 4
        written.checked = f"{written.files:,} files held to the schemas of meds {version('meds')}"
        return written


def _all_codes(codes: pl.DataFrame, used: list[pl.Series], notes: list[str]) -> pl.DataFrame:
    """The lookup of codes, with those that the data has and it has not; parents as a list of JSON."""
    parents = [None if each is None else json.dumps(list(each), ensure_ascii=False) for each in codes["parent_codes"]]
    others = [column for column in codes.columns if column not in ("code", "description", "parent_codes")]
    if others:
        notes.append(f"codes: columns besides those of MEDS were left alone: {few(others, 20)}.")
    lookup = codes.select("code", "description").with_columns(parent_codes=pl.Series(parents, dtype=pl.String))
    new = pl.concat(used).unique().sort()
    new = new.filter(~new.is_in(lookup["code"].implode()))
    if new.len():
        notes.append(f"codes: {counted(new.len(), 'code', 'is are')} not described, and was added.")
        lookup = pl.concat([lookup, pl.DataFrame({"code": new})], how="diagonal")
    return lookup


def _flat(part: Frames) -> pl.DataFrame:
    """The events of a part, in the order of MEDS: by subject, then by time, statics first."""
    subjects = part["subjects"]
    rows = [_once(subjects, "birth", BIRTH)]
    for column in (c for c in subjects.columns if c not in OWN):
        there = subjects.select("subject_id", pl.col(column).alias("value")).drop_nulls("value")
        if subjects.schema[column].is_float():  # whole numbers are words: of SEX//1
            rows.append(there.select("subject_id", code=pl.lit(column), numeric_value=pl.col("value").cast(pl.Float32)))
        else:
            rows.append(there.select("subject_id", code=pl.lit(f"{column}//") + pl.col("value").cast(pl.String)))
    rows += [part["statics"]] if "statics" in part else []
    begun, ended = stay_events(part["stays"]) if "stays" in part else (None, None)
    events = part.get("events")
    if events is not None and "stays" in part:
        events = events.drop("stay_id", strict=False)
    rows += [each for each in (begun, events, ended) if each is not None]  # at one time in this order
    rows.append(_once(subjects, "death", DEATH))
    rows = [each for each in rows if each.height]
    if not rows:
        raise DataError("subjects have nothing but their numbers: MEDS keeps subjects by their events, so give them some.")
    flat = pl.concat([cast(frame, TYPES, "events") for frame in rows], how="diagonal_relaxed")
    flat = flat.with_columns(pl.lit(None, dtype).alias(c) for c, dtype in TYPES.items() if c not in flat.columns)
    if (empty := flat["code"].is_null().arg_true()).len() or flat["subject_id"].null_count():
        column = "code" if empty.len() else "subject_id"
        raise DataError(
            f"events: {counted(flat[column].null_count(), 'row', 'has have')} no {column}, which MEDS requires: fill it."
        )
    more = [column for column in flat.columns if column not in TYPES]
    return flat.select(*TYPES, *more).sort("subject_id", "time", maintain_order=True, nulls_last=False)


def _once(subjects: pl.DataFrame, column: str, code: str) -> pl.DataFrame:
    """The births or deaths of subjects."""
    times = pl.col(column) if column in subjects.columns else pl.lit(None, pl.Datetime("us"))
    return subjects.select("subject_id", times.alias("time"), code=pl.lit(code)).drop_nulls("time")


def _described(codes: pl.DataFrame | None) -> pl.DataFrame:
    """The file of codes: what each stands for, and its parents as a list."""
    empty = pl.DataFrame(schema={"code": pl.String, "description": pl.String, "parent_codes": pl.List(pl.String)})
    if codes is None:
        return empty
    parents = [None if each is None else json.loads(each) for each in codes["parent_codes"]]
    lists = pl.Series("parent_codes", parents, dtype=pl.List(pl.String))
    return codes.select(pl.col("code", "description").cast(pl.String)).with_columns(lists)


def _written(frame: pl.DataFrame, path: Path, schema: Any) -> None:
    """Writes a file in the types of a schema of meds, by pyarrow, which its check is for, and has it checked."""
    import pyarrow
    import pyarrow.parquet

    table = frame.to_arrow()
    text = {pyarrow.large_string(): pyarrow.string()}
    stated = schema.schema()
    types = [
        stated.field(field.name).type if field.name in stated.names else text.get(field.type, field.type)
        for field in table.schema
    ]
    table = table.cast(pyarrow.schema(list(zip(table.schema.names, types, strict=True))))
    schema.validate(table)
    pyarrow.parquet.write_table(table, path)
