"""A schema that is inferred from some rows is made true of all of them."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from reverie.errors import DamagedError, DataError
from reverie.records import RecordCodec, read_table
from reverie.records.codes import CodecSettings
from reverie.records.gathering import Gathering
from reverie.records.streaming import spooled
from reverie.records.streaming import table as streaming
from reverie.records.streaming.table import survey

REPORTED = {"why"}  # the reasons speak of the rows that were looked at first


def registry(patients: int = 500, visits: int = 8) -> pl.DataFrame:
    """Row numbers, text identifiers, dates, numbers of two decimals and of none, levels, a rule, a sum, a question that is
    asked of women alone; the rows of different patients mixed."""
    r = np.random.default_rng(0)
    n = patients * visits
    sex = np.repeat(r.choice(["F", "M"], patients), visits).tolist()
    day = np.tile(np.arange(visits) * 30, patients) + r.integers(0, 20, n)
    pregnant = [cell if who == "F" else None for who, cell in zip(sex, r.choice(["yes", "no"], n).tolist(), strict=True)]
    frame = pl.DataFrame(
        {
            "pid": [f"P{i // visits:05d}" for i in range(n)],
            "date": [dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in day],
            "sex": sex,
            "pregnant": pregnant,
            "crp": np.round(r.lognormal(0, 1, n), 2),
            "z": r.normal(size=n),
            "stage": r.choice(["a", "b", "c"], n),
            "dose": r.integers(0, 100, n) * 5,
        }
    ).with_columns((pl.col("dose") * 2 + 1).alias("units"))
    return frame[np.argsort(np.tile(np.arange(visits), patients) + r.random(n), kind="stable")].with_row_index("row", 1)


def streamed(frame, folder, rows=500, **options):
    frame.write_parquet(folder / "t.parquet")
    return survey(spooled(folder / "t.parquet", options, folder / "cache", rows=rows), options)


def fields(schema, without=REPORTED):
    return [{k: v for k, v in c.items() if k not in without} for c in schema.model_dump()["columns"]], set(schema.rules)


def test_parts_have_the_schema_rows_and_order_of_the_whole(tmp_path):
    frame = registry()
    whole, parts = read_table(frame), streamed(frame, tmp_path)
    assert len(parts.spool) > 4 and parts.schema == whole.schema
    every = parts.take(range(len(parts)))
    assert every.frame.equals(whole.frame) and every.rows.tolist() == whole.rows.tolist()
    assert parts.take([7, 3]).frame.equals(whole.take([3, 7]).frame)


@pytest.mark.parametrize(
    "planted",
    [
        {},
        {"stage": "d"},
        {"dose": 7.5},
        {"crp": -1.0},
        {"crp": 1.2345},
        {"crp": None},
        {"sex": "M"},
        {"pregnant": "yes", "sex": "M"},
        {"units": 3},
        {"z": None},
        {"dose": 100_000},
    ],
    ids=str,
)
def test_what_one_patient_alone_has_is_known(planted, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "SAMPLE", 500)
    frame = registry()
    if isinstance(planted.get("dose"), float):
        frame = frame.with_columns(pl.col("dose").cast(pl.Float64))
    last = frame.height - 1
    assert frame["pid"][last] not in set(streaming._sample(_spool(frame, tmp_path))["pid"])
    frame = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == last)
        .then(pl.lit(value, frame.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
        for column, value in planted.items()
    )
    whole, parts = read_table(frame), streamed(frame, tmp_path)
    assert fields(parts.schema) == fields(whole.schema)


def _spool(frame, folder):
    frame.write_parquet(folder / "before.parquet")
    return spooled(folder / "before.parquet", {}, folder / "cache", rows=500)


def test_a_text_among_numbers_is_found_wherever_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "SAMPLE", 500)
    frame = registry().with_columns(pl.col("crp").cast(pl.String))
    cells = pl.when(pl.int_range(pl.len()) == frame.height - 1).then(pl.lit("high")).otherwise(pl.col("crp"))
    with pytest.raises(DataError, match=rf"data row {frame.height}, column 'crp': 'high' is text"):
        streamed(frame.with_columns(cells.alias("crp")), tmp_path)


@pytest.mark.parametrize(("column", "value", "said"), [("date", None, "nothing says when"), ("z", np.inf, "infinite")])
def test_what_no_schema_allows_is_refused_by_its_row(column, value, said, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "SAMPLE", 500)
    frame = registry()
    cells = pl.when(pl.int_range(pl.len()) == 3000).then(pl.lit(value, frame.schema[column])).otherwise(pl.col(column))
    with pytest.raises(DataError, match=f"data row 3001, column '{column}': .*{said}"):
        streamed(frame.with_columns(cells.alias(column)), tmp_path)


def test_a_stated_schema_is_checked_in_all_rows_and_its_broken_rules_are_counted(tmp_path):
    frame = registry()
    schema = read_table(frame).schema.model_copy(update={"rules": ("units = 2 * dose + 1", "crp < 3")})
    whole, parts = read_table(frame, schema), streamed(frame, tmp_path, schema=schema)
    assert fields(parts.schema, ()) == fields(whole.schema, ())
    assert [note for note in parts.notes if "crp < 3" in note] == [note for note in whole.notes if "crp < 3" in note]
    wrong = frame.with_columns(pl.when(pl.col("row") == 3210).then(pl.lit("q")).otherwise("stage").alias("stage"))
    with pytest.raises(DataError, match="data row 3210, column 'stage': 'q' is not one of the schema's levels"):
        streamed(wrong, tmp_path, schema=schema)


@pytest.mark.parametrize(
    "settings", [CodecSettings(), CodecSettings(numbers="box-cox", levels="one-hot", statics="repeated", stages=False)]
)
def test_a_codec_gathered_from_parts_is_that_of_the_whole(settings, tmp_path):
    frame = registry()
    whole, parts = read_table(frame), streamed(frame, tmp_path)
    gathering = Gathering(parts.schema, settings)
    for _, part in parts.parts():
        gathering.add(part)
    assert RecordCodec.gathered(gathering).config == RecordCodec.fit(whole, settings).config


def test_other_shapes_are_brought_into_form_part_by_part(tmp_path, monkeypatch):
    r, n = np.random.default_rng(0), 1200
    tests, days = np.tile(["alb", "bili", "crp"], n // 3), np.repeat(np.arange(n // 3) % 4 * 30, 3)
    measured = {
        "patient": np.repeat(np.arange(n // 12), 12),
        "day": days,
        "test": tests,
        "value": r.normal(5, 1, n).round(2),
    }
    sites = {
        "site": np.repeat(["A", "B"], n // 2),
        "id": np.tile(np.repeat(np.arange(n // 8), 4), 2),
        "x": r.integers(0, 9, n),
    }
    sites["day"] = np.tile(np.arange(4), n // 4)
    monkeypatch.setattr(streaming, "SAMPLE", 200)
    for name, cells, options in (
        ("long", measured, {}),
        ("joined", sites, {"identifier": ("site", "id"), "time": "day"}),
        ("alone", {"sex": r.choice(["F", "M"], n), "bmi": r.normal(25, 4, n).round(1)}, {}),
    ):
        (tmp_path / name).mkdir()
        whole = read_table(pl.DataFrame(cells), **options)
        parts = streamed(pl.DataFrame(cells), tmp_path / name, rows=150, **options)
        assert parts.schema.shapes == whole.schema.shapes and fields(parts.schema) == fields(whole.schema)
        assert parts.take(range(len(parts))).frame.equals(whole.frame)


def test_rows_that_no_shape_reads_are_counted(tmp_path):
    n = 1200
    cells = {"patient": np.repeat(np.arange(n // 12), 12), "day": np.repeat(np.arange(n // 3) % 4, 3)}
    cells |= {"test": np.tile(["alb", "bili", "crp"], n // 3), "value": np.arange(n) % 97 / 10}
    frame = pl.DataFrame(cells)
    schema = read_table(frame).schema
    odd = frame.with_columns(pl.when(pl.int_range(pl.len()) % 400 == 7).then(pl.lit("xyz")).otherwise("test").alias("test"))
    notes = streamed(odd, tmp_path, rows=150, schema=schema).notes
    assert "3 rows were of what the schema does not name: nothing is made of them." in notes


def test_a_survey_is_taken_once_for_the_same_options_and_damage_is_found(tmp_path, monkeypatch):
    frame = registry(80)
    first = streamed(frame, tmp_path)
    monkeypatch.setattr(streaming, "Survey", None)  # nobody is to ask for another
    again = streamed(frame, tmp_path)
    assert again.schema == first.schema and again.notes == first.notes and (again.lengths == first.lengths).all()
    with pytest.raises(TypeError):
        streamed(frame, tmp_path, null_values=("7",))
    (place,) = tmp_path.glob("cache/schema-*/schema.json")
    place.write_text(place.read_text().replace("dose", "dosis"))
    with pytest.raises(DamagedError, match=r"schema\.json is damaged"):
        streamed(frame, tmp_path)
