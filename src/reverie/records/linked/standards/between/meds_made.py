"""From what is in common to MEDS: every event is a row, whose code begins with what kind of event it is."""

from __future__ import annotations

import polars as pl

from reverie.records.linked.standards.between import codings
from reverie.records.linked.standards.between.common import EVENTS, Common, numbered
from reverie.records.linked.standards.between.meds import BESIDE, MARK, OF_VISITS, STATICS
from reverie.records.linked.standards.standard import Content
from reverie.records.places import counted

__all__ = ["frames_of"]

_EVENT = ("id", "person", "visit", "code", "start", "end")
_PLACES = {
    "people": ("person", "sex", "birth", "dead", "death", *STATICS),
    "visits": ("visit", "person", "class", "start", "end", "discharged_to", *OF_VISITS),
    "conditions": _EVENT,
    "drugs": (*_EVENT, "ordered", "dose", "unit", "route"),
    "procedures": _EVENT,
    "findings": (*_EVENT, "measured", "value", "comparator", "unit", "value_code", "value_text"),
}
"""What MEDS has a place for."""
_SEX = {"female": "F", "male": "M", "other": "OTHER", "unknown": "UNKNOWN"}


def frames_of(common: Common, title: str) -> Content:
    """What is in common, as subjects, stays and events."""
    common.only(_PLACES)
    people, visits = common.frames["people"], common.frames["visits"]
    numbers = numbered(people["person"], "patients", common.notes)
    visits = common.tied("visits", common.started(title), numbers)
    stay_of = {key: number for number, key in enumerate(visits["visit"], 1)}
    words: dict[str, str | None] = {}
    events = pl.concat(_events(common, name, title, numbers, words) for name in EVENTS)
    events = events.with_columns(
        stay_id=pl.col("visit_id").replace_strict(stay_of, default=None, return_dtype=pl.Int64),
        subject_id=pl.col("subject_id").replace_strict(numbers, return_dtype=pl.Int64),
    )
    rounded = events["numeric_value"].cast(pl.Float32)
    short = rounded.cast(pl.String).cast(pl.Float64)
    if lost := int((short != events["numeric_value"]).sum()):
        common.notes.append(f"{counted(lost, 'number', 'was were')} rounded to 32 bits, as {title} keeps them.")
    events = events.with_columns(rounded)
    common.dead(title)
    subjects = _subjects(people, numbers)
    bare = subjects.filter(pl.all_horizontal(pl.exclude("subject_id").is_null()))
    there = pl.concat([events["subject_id"], _at(visits["person"], numbers)]).unique()
    if lost := bare.filter(~pl.col("subject_id").is_in(there.implode())).height:
        common.notes.append(
            f"{counted(lost, 'patient', 'is are')} not told of, for nothing is known of them: {title} has events."
        )
    frames = {"subjects": subjects}
    if visits.height:
        frames["stays"] = _stays(visits, numbers, stay_of)
    if events.height:
        empty = [c for c in BESIDE if events[c].null_count() == events.height]
        first = ["subject_id", *(["stay_id"] if visits.height else []), "time", "code", "numeric_value", "text_value"]
        frames["events"] = events.select(first + [c for c in BESIDE if c not in empty])
        codes = pl.DataFrame([list(words), list(words.values())], schema={"code": pl.String, "description": pl.String})
        frames["codes"] = codes.with_columns(parent_codes=pl.lit(None, pl.String)).unique("code", maintain_order=True)
    return Content(frames, common.said(title))


def _at(cells: pl.Series, numbers: dict[str, int]) -> pl.Series:
    return cells.replace_strict(numbers, default=None, return_dtype=pl.Int64)


def _subjects(people: pl.DataFrame, numbers: dict[str, int]) -> pl.DataFrame:
    sex = people["sex"].replace(_SEX).str.to_uppercase()
    subjects = people.select(
        "birth", "death", SEX=sex, RACE="race", ETHNICITY="ethnicity", MARITAL_STATUS="marital_status"
    ).insert_column(0, _at(people["person"], numbers).alias("subject_id"))
    return subjects.select("subject_id", *(c for c in subjects.columns[1:] if subjects[c].null_count() < subjects.height))


def _stays(visits: pl.DataFrame, numbers: dict[str, int], stay_of: dict[str, int]) -> pl.DataFrame:
    """Admissions and discharges: what came from MEDS keeps its words."""
    more = [c for c in OF_VISITS if visits[c].null_count() < visits.height]

    def coded(column: str, word: str) -> pl.Expr:
        cells = pl.col(column)
        theirs = pl.col("class").str.extract(MARK, 1).fill_null("")
        own = pl.when(cells.str.contains(MARK).fill_null(False)).then(cells)
        return pl.coalesce(own, theirs + f"{word}//" + cells, theirs + word)

    return visits.select(
        stay_id=_at(visits["visit"], stay_of), subject_id=_at(visits["person"], numbers), start="start", end="end",
        admission=coded("class", "ADMISSION"), discharge=coded("discharged_to", "DISCHARGE"), visit_id="visit",
        **{c: pl.col(c) for c in more},
    )  # fmt: skip


def _events(common: Common, name: str, title: str, numbers: dict[str, int], words: dict[str, str | None]) -> pl.DataFrame:
    frame = common.tied(name, common.timed(name, title), numbers)
    word = pl.lit(codings.WORDS.get(name))
    if name == "drugs":
        word = pl.when(pl.col("ordered").fill_null(False)).then(pl.lit(codings.ORDERED)).otherwise(word)
    elif name == "findings":
        measured = pl.coalesce("measured", pl.col("value").is_not_null())
        word = pl.when(measured).then(pl.lit(codings.MEASURED)).otherwise(pl.lit(codings.OBSERVED))
    frame = frame.with_columns(word=word)
    pairs = frame.select("code", "word").unique(maintain_order=True)
    spelled = [codings.to_meds(code, word, name) for code, word in pairs.iter_rows()]
    words |= {code: common.words.get(token) for code, token in zip(spelled, pairs["code"], strict=True)}
    frame = frame.join(
        pairs.with_columns(spelled=pl.Series(spelled, dtype=pl.String)),
        on=["code", "word"],
        how="left",
        maintain_order="left",
    )
    value = {"drugs": pl.col("dose"), "findings": pl.col("value")}.get(name, pl.lit(None, pl.Float64))
    there = set(frame.columns)
    texts = {"text_value": "value_text", **{c: c for c in ("unit", "comparator", "value_code", "route")}}
    return frame.select(
        subject_id="person", time="start", code="spelled", numeric_value=value, visit_id="visit", end_time="end",
        **{to: pl.col(c) if c in there else pl.lit(None, pl.String) for to, c in texts.items()},
    )  # fmt: skip
