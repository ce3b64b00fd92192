"""From what is in common to OMOP CDM v5.4.

No concept is guessed: codes become concepts of the source, numbered from 2,000,000,001 on, which OMOP keeps for such, and
the standard concept is 0, unmapped, until someone with the vocabularies maps them. Only sex, the class of a visit,
comparators and the type of a record have concepts that are known here.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from reverie.errors import UsageError
from reverie.records.linked.standards.between.codings import OHDSI, vocabulary_of
from reverie.records.linked.standards.between.common import EVENTS as KINDS
from reverie.records.linked.standards.between.common import Common, numbered
from reverie.records.linked.standards.between.omop import CLASS, COMPARATOR, EVENTS, GIVEN, ORDERED, SEX
from reverie.records.linked.standards.omop_columns import COLUMNS
from reverie.records.linked.standards.standard import Content
from reverie.records.places import counted

__all__ = ["frames_of"]

_EHR = 32817
"""The type of a record that is of a health record."""
_FIRST = 2_000_000_001
_EVENT = ("id", "person", "visit", "code", "start")
_PLACES = {
    "people": ("person", "sex", "birth", "dead", "death", "race", "ethnicity"),
    "visits": ("visit", "person", "class", "start", "end", "admitted_from", "discharged_to"),
    "conditions": (*_EVENT, "end"),
    "drugs": (*_EVENT, "end", "ordered", "dose", "unit", "route"),
    "procedures": (*_EVENT, "end"),
    "findings": (*_EVENT, "measured", "value", "comparator", "unit", "value_code", "value_text"),
}
"""What OMOP has a place for."""


def frames_of(common: Common, title: str) -> Content:
    """What is in common, as tables of OMOP. Raises UsageError where nobody has a birth, which every person of OMOP must."""
    common.only(_PLACES)
    people = common.frames["people"]
    born = people.drop_nulls("birth")
    if not born.height:
        raise UsageError(f"no patient has a date of birth, without which {title} knows no person: write another standard.")
    if lost := people.height - born.height:
        common.notes.append(
            f"{counted(lost, 'patient', 'was were')} left out with all of theirs, without a birth, which {title} wants."
        )
    persons = numbered(born["person"], "persons", common.notes)
    visits = common.tied("visits", common.started(title), persons)
    stays = numbered(visits["visit"], "visits", common.notes)
    concepts = _Concepts(common.words)
    frames = {"person": _person(born, persons), "visit_occurrence": _visits(visits, persons, stays, common)}
    events = {name: common.tied(name, common.timed(name, title), persons) for name in KINDS}
    measured = pl.coalesce("measured", pl.col("value").is_not_null())
    findings = events.pop("findings")
    events |= {"measurements": findings.filter(measured), "observations": findings.filter(~measured)}
    for name, frame in events.items():
        if frame.height:
            frames[EVENTS[name][0]] = _events(name, frame, persons, stays, concepts, common)
    dead = born.drop_nulls("death")
    common.dead(title)
    if dead.height:
        frames["death"] = dead.select(
            person_id=_at(dead["person"], persons), death_date=pl.col("death").cast(pl.Date), death_datetime="death",
            death_type_concept_id=pl.lit(_EHR, pl.Int64),
        )  # fmt: skip
    if concepts.numbers:
        frames["concept"] = concepts.frame()
        common.notes.append(
            f"Codes that are concepts of the source, numbered from 2,000,000,001 on: {len(concepts.numbers):,}; standard "
            "concepts are 0 until one who has the OHDSI vocabularies maps them."
        )
    return Content(frames, common.said(title))


def _at(cells: pl.Series, numbers: dict[str, int]) -> pl.Series:
    return cells.replace_strict(numbers, default=None, return_dtype=pl.Int64)


class _Concepts:
    """Codes as concepts of the source."""

    def __init__(self, words: dict[str, str]) -> None:
        self.words = words
        self.numbers: dict[str, int] = {}
        self.domains: dict[str, str] = {}

    def columns(self, stem: str, tokens: pl.Series) -> dict[str, pl.Series]:
        """The concept, the source's concept and its value, for codes."""
        known = tokens.drop_nulls().unique(maintain_order=True)
        concept, own, value = [], [], []
        for token in known:
            system, _, code = token.rpartition("|")
            standard = int(code) if system == OHDSI and code.isdecimal() else 0
            concept.append(standard)
            value.append(None if standard else code)
            if not standard and token not in self.numbers:
                self.numbers[token] = _FIRST + len(self.numbers)
                self.domains[token] = stem.capitalize()
            own.append(0 if standard else self.numbers[token])

        def of(values: list[object], dtype: type[pl.DataType], default: int | None) -> pl.Series:
            return tokens.replace_strict(known, pl.Series(values, dtype=dtype), default=default, return_dtype=dtype)

        return {
            f"{stem}_concept_id": of(concept, pl.Int64, 0),
            f"{stem}_source_concept_id": of(own, pl.Int64, 0),
            f"{stem}_source_value": of(value, pl.String, None),
        }

    def frame(self) -> pl.DataFrame:
        named = [vocabulary_of(token) for token in self.numbers]
        none = "No matching concept"  # as the vocabularies have it
        return pl.DataFrame({
            "concept_id": [0, *self.numbers.values()],
            "concept_name": [none, *(self.words.get(token, token) for token in self.numbers)],
            "domain_id": ["Metadata", *(self.domains[token] for token in self.numbers)],
            "vocabulary_id": ["None", *(vocabulary for vocabulary, _ in named)],
            "concept_class_id": ["Undefined"] * (len(named) + 1),
            "concept_code": [none, *(code for _, code in named)],
            "valid_start_date": [date(1970, 1, 1)] * (len(named) + 1),
            "valid_end_date": [date(2099, 12, 31)] * (len(named) + 1),
        })  # fmt: skip


def _person(born: pl.DataFrame, persons: dict[str, int]) -> pl.DataFrame:
    sexes = {name: number for number, name in SEX.items()}
    birth = pl.col("birth")
    return born.select(
        person_id=_at(born["person"], persons),
        gender_concept_id=born["sex"].replace_strict(sexes, default=0, return_dtype=pl.Int64),
        year_of_birth=birth.dt.year().cast(pl.Int64), month_of_birth=birth.dt.month().cast(pl.Int64),
        day_of_birth=birth.dt.day().cast(pl.Int64), birth_datetime=birth,
        race_concept_id=pl.lit(0, pl.Int64), ethnicity_concept_id=pl.lit(0, pl.Int64), person_source_value="person",
        gender_source_value="sex", race_source_value="race", ethnicity_source_value="ethnicity",
    )  # fmt: skip


def _visits(visits: pl.DataFrame, persons: dict[str, int], stays: dict[str, int], common: Common) -> pl.DataFrame:
    classes = {name: number for number, name in CLASS.items()}
    if open_ended := visits["end"].null_count():
        common.notes.append(f"{counted(open_ended, 'visit', 'has have')} no end: the day of the start was taken.")
    start, end = pl.col("start"), pl.col("end")
    return visits.select(
        visit_occurrence_id=_at(visits["visit"], stays), person_id=_at(visits["person"], persons),
        visit_concept_id=visits["class"].replace_strict(classes, default=0, return_dtype=pl.Int64),
        visit_start_date=start.cast(pl.Date), visit_start_datetime=start,
        visit_end_date=pl.coalesce(end, start).cast(pl.Date), visit_end_datetime=end,
        visit_type_concept_id=pl.lit(_EHR, pl.Int64), visit_source_value=_short(visits["class"], classes),
        admitted_from_source_value="admitted_from", discharged_to_source_value="discharged_to",
    )  # fmt: skip


def _short(cells: pl.Series, known: dict[str, int]) -> pl.Series:
    """Codes without their system, where the concept tells it."""
    return cells.replace(list(known), [token.rpartition("|")[2] for token in known])


def _events(
    name: str, frame: pl.DataFrame, persons: dict[str, int], stays: dict[str, int], concepts: _Concepts, common: Common
) -> pl.DataFrame:
    of, stem, start, end = EVENTS[name]
    ids = numbered(frame["id"], name, [])
    columns: dict[str, pl.Series | pl.Expr] = {
        f"{of}_id": _at(frame["id"], ids), "person_id": _at(frame["person"], persons),
        "visit_occurrence_id": _at(frame["visit"], stays), **concepts.columns(stem, frame["code"]),
        f"{start}_date": pl.col("start").cast(pl.Date), f"{start}_datetime": pl.col("start"),
        f"{stem}_type_concept_id": pl.lit(_EHR, pl.Int64),
    }  # fmt: skip
    if end is not None:
        columns |= {f"{end}_date": pl.col("end").cast(pl.Date), f"{end}_datetime": pl.col("end")}
    if name == "drugs":
        columns |= {
            f"{end}_date": pl.coalesce("end", "start").cast(pl.Date),
            "drug_type_concept_id": pl.when("ordered").then(ORDERED).when(~pl.col("ordered")).then(GIVEN).otherwise(_EHR),
            "quantity": pl.col("dose"), "dose_unit_source_value": pl.col("unit"), "route_source_value": pl.col("route"),
        }  # fmt: skip
    elif name == "measurements":
        operators = {sign: number for number, sign in COMPARATOR.items()}
        columns |= {
            "operator_concept_id": frame["comparator"].replace_strict(operators, default=None, return_dtype=pl.Int64),
            "value_as_number": pl.col("value"), "unit_source_value": pl.col("unit"),
            "value_source_value": pl.coalesce("value_code", "value_text"),
        }  # fmt: skip
    elif name == "observations":
        if spare := frame.height - frame["comparator"].null_count():
            common.left["comparator of observations"] += spare
        columns |= {
            "value_as_number": pl.col("value"), "value_as_string": pl.col("value_text"), "unit_source_value": pl.col("unit"),
            "value_source_value": pl.col("value_code"),
        }  # fmt: skip
    return frame.select(**columns).select(c for c in COLUMNS[of] if c in columns)
