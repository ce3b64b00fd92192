"""From OMOP CDM v5.4 to what it has in common with others; the way back is omop_made.py.

A concept is the code of its vocabulary where the table of concepts names it, else its number as a code of OHDSI; of concept
0 the source's concept or value is taken.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from reverie.records.linked.standards.between.codings import OHDSI, token_of
from reverie.records.linked.standards.between.common import Common, table, tally
from reverie.records.linked.standards.omop_cells import complete
from reverie.records.linked.standards.omop_columns import COLUMNS
from reverie.records.linked.standards.standard import Frames

__all__ = ["CLASS", "COMPARATOR", "EVENTS", "GIVEN", "ORDERED", "SEX", "common_of"]

SEX = {8532: "female", 8507: "male", 8521: "other", 8551: "unknown"}
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLASS = {9201: f"{_ACT}|IMP", 9202: f"{_ACT}|AMB", 9203: f"{_ACT}|EMER"}
COMPARATOR = {4171756: "<", 4171754: "<=", 4171755: ">=", 4172704: ">"}
_TIME = pl.Datetime("us")
GIVEN, ORDERED = 32818, 32838
"""Types of records: an administration, and a prescription, in a health record."""
EVENTS = {
    "conditions": ("condition_occurrence", "condition", "condition_start", "condition_end"),
    "drugs": ("drug_exposure", "drug", "drug_exposure_start", "drug_exposure_end"),
    "procedures": ("procedure_occurrence", "procedure", "procedure", "procedure_end"),
    "measurements": ("measurement", "measurement", "measurement", None),
    "observations": ("observation", "observation", "observation", None),
}
"""Tables of events: the stem of their codes, and of their times."""


@dataclass
class _Reader:
    """What cells stand for, and which were taken."""

    frames: Frames
    words: dict[str, str] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    taken: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        concepts = self.frames.get("concept", pl.DataFrame(schema=dict.fromkeys(COLUMNS["concept"], pl.String)))
        rows = concepts.select("concept_id", "vocabulary_id", "concept_code", "concept_name").iter_rows()
        self.tokens = {}
        for number, vocabulary, code, name in rows:
            self.tokens[number] = token = token_of(vocabulary, code)
            if name != token and name != code:
                self.words[token] = name

    def take(self, of: str, *columns: str) -> None:
        self.taken.setdefault(of, set()).update(columns)

    def code(self, of: str, stem: str, concept: str = "", known: dict[int, str] | None = None) -> pl.Series:
        """The tokens of a concept and of what it was made of."""
        frame, concept = self.frames[of], concept or f"{stem}_concept_id"
        columns = [c for c in (concept, f"{stem}_source_concept_id", f"{stem}_source_value") if c in frame.columns]
        self.take(of, *columns)
        found = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        for column in columns:
            cells = frame[column]
            if column.endswith("concept_id"):
                numbers = cells.drop_nulls().unique()
                names = [None if n == 0 else (known or {}).get(n) or self.tokens.get(n) or f"{OHDSI}|{n}" for n in numbers]
                cells = cells.replace_strict(
                    numbers, pl.Series(names, dtype=pl.String), default=None, return_dtype=pl.String
                )
            elif known is None and (
                spare := int((found.is_not_null() & cells.is_not_null() & (found.str.split("|").list.last() != cells)).sum())
            ):
                self.left[f"{of}.{column}"] += spare
            found = pl.select(pl.coalesce(found, cells)).to_series()
        return found

    def time(self, of: str, stem: str | None) -> pl.Series:
        """The times of rows; days where no time stands."""
        frame = self.frames[of]
        columns = [c for c in (f"{stem}_datetime", f"{stem}_date") if c in frame.columns]
        self.take(of, *columns)
        cells = [frame[c].cast(_TIME) for c in columns]
        return pl.select(pl.coalesce(cells)).to_series() if cells else pl.repeat(None, frame.height, dtype=_TIME, eager=True)

    def times(self, of: str, start: str, end: str | None) -> dict[str, pl.Series]:
        """Start and end; an end by its day alone that is before the time of the start stands for none."""
        first, last = self.time(of, start), self.time(of, end)
        return {"start": first, "end": last.set((last < first).fill_null(False) & (last == last.dt.truncate("1d")), None)}


def common_of(frames: Frames) -> Common:
    """The tables, in common. Raises as they are read, for cells that are not of their types."""
    frames = {name: complete(frame, name, {}) for name, frame in frames.items()}
    reader = _Reader(frames)
    found = {"people": _people(reader), "visits": _visits(reader)}
    parts = {name: _events(reader, name) for name, (of, *_) in EVENTS.items() if of in frames}
    findings = [parts.pop(name) for name in ("measurements", "observations") if name in parts]
    found |= parts | ({"findings": pl.concat(findings)} if findings else {})
    for name, frame in frames.items():
        if name != "concept":
            types = {c for c in frame.columns if c.endswith("type_concept_id")}
            zeros = [pl.col(c).replace(0, None) for c in frame.columns if c.endswith("concept_id")]
            tally(reader.left, name, frame.with_columns(zeros), reader.taken.get(name, set()) | types)
    return Common.of(found, reader.words, reader.left, [])


def _people(reader: _Reader) -> pl.DataFrame:
    person = reader.frames["person"]
    reader.take("person", "person_id", "year_of_birth", "month_of_birth", "day_of_birth", "birth_datetime")
    known = reader.code("person", "gender", known=SEX)
    sex = known.replace({"F": "female", "M": "male"})
    born = pl.coalesce(
        "birth_datetime",
        pl.datetime("year_of_birth", pl.col("month_of_birth").fill_null(1), pl.col("day_of_birth").fill_null(1)),
    )
    people = table(
        "people", person, person=pl.col("person_id"), sex=sex, birth=born, race=reader.code("person", "race"),
        ethnicity=reader.code("person", "ethnicity"),
    )  # fmt: skip
    odd = ~people["sex"].is_in(list(SEX.values())).fill_null(True)
    reader.left["person.gender_source_value"] += int(odd.sum())
    people = people.with_columns(sex=pl.when(~odd).then(pl.col("sex")).otherwise(pl.lit("other")))
    if "death" in reader.frames:
        reader.take("death", "person_id")
        death = pl.DataFrame(
            {"person": reader.frames["death"]["person_id"].cast(pl.String), "when": reader.time("death", "death")}
        )
        people = people.join(death.unique("person"), on="person", how="left", maintain_order="left")
        people = people.with_columns(death="when", dead=pl.when(pl.col("when").is_not_null()).then(True)).drop("when")
    return people


def _visits(reader: _Reader) -> pl.DataFrame:
    of = "visit_occurrence"
    if of not in reader.frames:
        return table("visits", pl.DataFrame())
    reader.take(of, "visit_occurrence_id", "person_id")
    return table(
        "visits", reader.frames[of], visit=pl.col("visit_occurrence_id"), person=pl.col("person_id"),
        **reader.times(of, "visit_start", "visit_end"),
        admitted_from=reader.code(of, "admitted_from"), discharged_to=reader.code(of, "discharged_to"),
        **{"class": reader.code(of, "visit", known=CLASS)},
    )  # fmt: skip


def _events(reader: _Reader, name: str) -> pl.DataFrame:
    of, stem, start, end = EVENTS[name]
    frame = reader.frames[of]
    reader.take(of, f"{of}_id", "person_id", "visit_occurrence_id")
    about = {
        "id": pl.col(f"{of}_id"), "person": pl.col("person_id"), "visit": pl.col("visit_occurrence_id"),
        "code": reader.code(of, stem), **reader.times(of, start, end),
    }  # fmt: skip
    if name == "drugs":
        reader.take(of, "quantity", "dose_unit_source_value")
        kind = frame["drug_type_concept_id"].replace_strict({GIVEN: False, ORDERED: True}, default=None)
        more = {
            "ordered": kind,
            "dose": frame["quantity"],
            "unit": frame["dose_unit_source_value"],
            "route": reader.code(of, "route"),
        }
        return table("drugs", frame, **about, **more)
    if name not in ("measurements", "observations"):
        return table(name, frame, **about)
    reader.take(of, "value_as_number", "value_as_string", "value_source_value", "operator_concept_id", "value_as_concept_id")
    words = pl.col("value_source_value")  # a code among them has a bar
    text = [pl.col("value_as_string")] if name == "observations" else []
    unit = reader.code(of, "unit").str.split("|").list.last()
    more: dict[str, pl.Expr | pl.Series] = {
        "measured": pl.lit(name == "measurements"), "value": pl.col("value_as_number"),
        "unit": pl.coalesce(frame["unit_source_value"], unit),
        "value_code": pl.coalesce(reader.code(of, "value_as"), pl.when(words.str.contains("|", literal=True)).then(words)),
        "value_text": pl.coalesce(*text, pl.when(~words.str.contains("|", literal=True)).then(words)),
    }  # fmt: skip
    if "operator_concept_id" in frame.columns:
        more["comparator"] = frame["operator_concept_id"].replace_strict(COMPARATOR, default=None, return_dtype=pl.String)
    return table("findings", frame, **about, **more)
