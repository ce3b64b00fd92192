"""Forms in whole tables: read, kept with the schema, written back by a model, and law for other tables."""

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from reverie.config import resolve
from reverie.errors import DataError, UsageError
from reverie.evaluation.cohort import Cohort
from reverie.models import PatientModel
from reverie.models.model import untrained
from reverie.records import RecordCodec, Schema, Table, read_table
from reverie.records.conditions import Conditions
from reverie.records.output import write_table
from reverie.sources import TableSource

PATIENTS, VISITS = 30, 4
ROWS = PATIENTS * VISITS


def dressed(seed: int = 0) -> pl.DataFrame:
    """A table of text as a spreadsheet of a German ward writes it."""
    draw = np.random.default_rng(seed)
    days = date(2019, 1, 3).toordinal() + 40 * np.tile(np.arange(VISITS), PATIENTS) + draw.integers(0, 30, ROWS)
    seen = [date.fromordinal(int(day)) for day in days]
    level = draw.lognormal(0.5, 1, ROWS)
    return pl.DataFrame(
        {
            "id": [f"{1 + k // VISITS}" for k in range(ROWS)],
            "seen": [f"{day:%d.%m.%Y}" for day in seen],
            "height": [f"{x:.1f}".replace(".", ",") for x in draw.normal(170, 9, ROWS)],
            "spo2": [f"{x}%" for x in draw.integers(88, 101, ROWS)],
            "platelets": [f"{x:,}".replace(",", ".") for x in draw.integers(90_000, 430_000, ROWS)],
            "troponin": ["<0,5" if x < 0.5 else ">5" if x > 5 else f"{x:.2f}".replace(".", ",") for x in level],
            "at": [f"{h:02d}:{m:02d}" for h, m in zip(draw.integers(6, 22, ROWS), draw.integers(0, 60, ROWS), strict=True)],
            "dose": [f"{x} mg" for x in draw.choice([5, 10, 20], ROWS)],
            "lab": [f"{x:.2f}".replace(".", ",") for x in np.round(draw.normal(5, 1, ROWS), 1)],
            "born": [f"{date.fromordinal(700_000 + 211 * (k // VISITS)):%Y%m%d}" for k in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("forms")


def untaught(table: Table) -> PatientModel:
    """A model that has learned nothing: what it makes has the form of the table, and no more."""
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "training.precision": "fp32"}
    config = resolve(TableSource(table).about, 0, "records", settings)
    codec = RecordCodec.fit(table, config.codec)
    network = untrained(config, codec.channels)
    network.module.eval()
    return PatientModel(config, codec, network)


@pytest.fixture(scope="module")
def model() -> PatientModel:
    return untaught(read_table(dressed()))


def test_every_column_is_read_as_what_it_is():
    table = read_table(dressed())
    kinds = {column.name: (column.role, column.kind) for column in table.schema.columns}
    assert kinds == {
        "id": ("identifier", "number"),
        "seen": ("time", "date"),
        "height": ("varying", "real"),
        "spo2": ("varying", "integer"),
        "platelets": ("varying", "integer"),
        "troponin": ("varying", "real"),
        "at": ("varying", "integer"),
        "dose": kinds["dose"],
        "lab": ("varying", "real"),
        "born": ("static", "date"),
    }
    schema = table.schema
    assert (schema["troponin"].lower, schema["troponin"].upper) == (0.49, 5.01)
    assert (schema["at"].lower, schema["at"].upper) == (0, 1439)
    assert "such as 31.12.2019, written back so" in schema["seen"].why
    assert (table.frame["platelets"] >= 90_000).all()


def test_written_and_read_is_the_same_cell_for_cell():
    table = read_table(dressed())
    back = table.schema.spelled(table.schema.unshaped(table.frame))
    assert back.select(pl.all().cast(pl.String)).equals(dressed().with_columns(pl.col("id")))


def test_a_schema_file_keeps_the_forms():
    table = read_table(dressed())
    again = Schema.from_yaml(table.schema.yaml(), "schema.yaml")
    assert again == table.schema
    assert read_table(dressed(), again).frame.equals(table.frame)


def test_what_is_made_is_written_as_the_source_is(model, folder):
    made = model.sample(20, seed=1, steps=3)
    assert made.schema["height"] == made.schema["seen"] == pl.String and made.schema["id"] == pl.Int64
    forms = {"seen": r"^\d\d\.\d\d\.20\d\d$", "height": r"^\d+,\d$", "spo2": r"^\d+%$", "platelets": r"^\d{1,3}(\.\d{3})+$"}
    forms |= {"troponin": r"^(<0,5|>5|\d+,\d\d)$", "at": r"^[012]\d:[0-5]\d$", "dose": r"^\d+ mg$", "lab": r"^-?\d+,\d\d$"}
    for column, form in forms.items():
        assert made[column].str.contains(form).all(), column
    days = made["born"].cast(pl.String).str.to_date("%Y%m%d", strict=False)
    assert made.schema["born"] == pl.Int64 and days.null_count() == 0
    write_table(folder / "made.csv", [made], model.codec.schema.spelled)
    cohort = Cohort.read(pl.read_csv(folder / "made.csv", infer_schema=False), model.codec.schema)
    assert np.isfinite(cohort.numbers["height"]).all() and 100 < cohort.numbers["height"].mean() < 250
    assert np.isfinite(cohort.time).all()


def test_what_was_given_comes_back_as_it_was(model):
    full = dressed(seed=4)
    holes = full.with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col(c)).alias(c)
        for c in ("height", "troponin", "spo2")
    )
    (filled,) = model.impute(holes, seed=2, steps=3)
    written = model.codec.schema.spelled(filled).select(pl.all().cast(pl.String))
    for column in full.columns:
        given = holes[column].is_not_null()
        known = written[column].filter(given) == full[column].filter(given)
        assert known.all(), column
        assert written[column].null_count() == 0


def test_conditions_may_be_written_as_the_source_writes_them(model):
    conditions = Conditions.of(model.codec, ["born<19450101"], None)
    assert conditions.others[0][0].name == "born"
    assert model.codec.schema["born"].typed(pl.Series(["19450101"]))[0] == date(1945, 1, 1)


def test_a_cell_that_is_not_of_the_form_is_named():
    schema = read_table(dressed()).schema
    broken = dressed().with_columns(height=pl.when(pl.int_range(pl.len()) == 6).then(pl.lit("tall")).otherwise("height"))
    with pytest.raises(DataError) as error:
        read_table(broken, schema, "ward.csv")
    assert str(error.value).startswith(
        "ward.csv, data row 7, column 'height': 'tall' is not written as the schema says (numbers with a decimal comma"
    )


def test_a_few_odd_cells_among_dressed_numbers_are_a_fault():
    broken = dressed().with_columns(
        platelets=pl.when(pl.int_range(pl.len()) == 6).then(pl.lit("many")).otherwise("platelets")
    )
    with pytest.raises(DataError, match=r"data row 7, column 'platelets': 'many' is text among 119 numbers"):
        read_table(broken)


def test_dates_are_asked_for_and_told():
    both = pl.DataFrame(
        {"id": [1, 1, 2, 2], "visit": ["04/03/2019", "05/04/2019", "06/03/2019", "07/04/2019"], "lab": [1.5, 2.5, 3.0, 4.5]}
    )
    with pytest.raises(UsageError, match=r"`date_formats=visit=%d/%m/%Y` or `date_formats=visit=%m/%d/%Y`"):
        read_table(both)
    told = read_table(both, date_formats={"visit": "%m/%d/%Y"})
    assert told.frame["visit"][0] == date(2019, 4, 3)
    assert read_table(both, date_formats={"": "%d/%m/%Y"}).frame["visit"][0] == date(2019, 3, 4)
    with pytest.raises(DataError, match=r"data row 1, column 'visit': '04/03/2019' is not of the form %Y-%m-%d"):
        read_table(both, date_formats={"visit": "%Y-%m-%d"})
    with pytest.raises(UsageError, match="vist"):
        read_table(both, date_formats={"vist": "%Y-%m-%d"})


def test_words_for_missing_are_missing_among_dressed_numbers_and_dates():
    words = {"height": "NA", "spo2": "None", "troponin": "null"}
    gaps = [pl.when(pl.int_range(pl.len()) % 9 == 2).then(pl.lit(w)).otherwise(c).alias(c) for c, w in words.items()]
    table = read_table(dressed().with_columns(gaps))
    for column in words:
        assert table.frame[column].dtype.is_numeric() and table.frame[column].null_count() == sum(
            k % 9 == 2 for k in range(ROWS)
        )


def test_identifiers_are_no_dates_and_no_numbers():
    table = read_table(dressed().with_columns(id=pl.Series([str(20190101 + k // VISITS) for k in range(ROWS)])))
    assert table.schema["id"].form is None and table.frame["id"].dtype == pl.Int64
    named = dressed().rename({"id": "whose"}).with_columns(whose=pl.Series([f"{1000 + k // VISITS:,}" for k in range(ROWS)]))
    assert read_table(named, identifier="whose").frame["whose"].dtype == pl.String


def test_a_zone_keeps_the_clock_on_the_wall():
    frame = dressed().with_columns(seen=pl.col("seen").str.to_date("%d.%m.%Y").dt.to_string("%Y-%m-%dT09:15:00+02:00"))
    table = read_table(frame)
    assert table.frame["seen"].dt.hour().unique().to_list() == [9]
    assert table.schema.unshaped(table.frame)["seen"].equals(frame["seen"])


def test_plain_numbers_stay_numbers_in_frames_and_have_the_digits_of_the_source_in_text(folder):
    frame = pl.DataFrame({"id": np.repeat(np.arange(1, 11), 3), "day": np.tile([0, 7, 14], 10)}).with_columns(
        price=pl.Series([f"{k / 10 + 1:.2f}" for k in range(30)]),
        change=pl.Series([f"{k / 10 - 1:+.1f}" for k in range(30)]),
    )
    table = read_table(frame.select(pl.all().cast(pl.String)))
    out = table.schema.unshaped(table.frame)
    assert out.schema["price"] == out.schema["change"] == pl.Float64
    write_table(folder / "out.csv", [out], table.schema.spelled)
    text = pl.read_csv(folder / "out.csv", infer_schema=False)
    assert text["price"].equals(frame["price"]) and text["change"][0] == "-1.0" and text["change"][29] == "+1.9"
    write_table(folder / "out.parquet", [out], table.schema.spelled)
    assert pl.read_parquet(folder / "out.parquet").equals(out)


def stored() -> pl.DataFrame:
    draw = np.random.default_rng(1)
    moments = pl.Series([datetime(2019, 1, 3 + 5 * (k % VISITS), 9, int(draw.integers(0, 60))) for k in range(ROWS)])
    return pl.DataFrame(
        {
            "id": np.repeat(np.arange(1, PATIENTS + 1), VISITS),
            "at": moments.cast(pl.Datetime("ms")).dt.replace_time_zone("Europe/Paris"),
            "price": pl.Series([Decimal(int(x)) / 100 for x in draw.integers(100, 9000, ROWS)], dtype=pl.Decimal(8, 2)),
            "stage": pl.Series(
                draw.choice(["mild", "severe", "moderate"], ROWS), dtype=pl.Enum(["mild", "moderate", "severe", "x"])
            ),
            "ward": pl.Series(draw.choice(["b", "a", "c"], ROWS), dtype=pl.Categorical),
            "clock": pl.Series([time(int(h), 30) for h in draw.integers(6, 22, ROWS)]),
            "stay": pl.Series(draw.integers(1, 90, ROWS) * 3_600_000, dtype=pl.Int64).cast(pl.Duration("ms")),
            "count": pl.Series(draw.integers(0, 200, ROWS), dtype=pl.UInt8),
            "code": pl.Series(draw.choice([2**53 + 1, 2**53 + 2, 2**53 + 3], ROWS), dtype=pl.Int64),
        }
    )


def test_stored_types_come_out_as_they_went_in(folder):
    stored().write_parquet(folder / "stored.parquet")
    table = read_table(folder / "stored.parquet")
    assert table.schema["stage"].kind == "ordinal" and table.schema["stage"].levels == ("mild", "moderate", "severe")
    assert table.schema["at"].role == "time" and table.frame["at"].dt.hour().unique().to_list() == [9]
    assert table.schema.unshaped(table.frame).equals(stored())
    model = untaught(table)
    made = model.sample(10, seed=1, steps=3)
    assert made.schema == stored().schema
    (filled,) = model.impute(stored(), seed=1, steps=3)
    assert filled.schema == stored().schema and filled.equals(stored())


def test_a_pandas_frame_keeps_its_types():
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(1, 11), 3),
            "day": np.tile([0, 7, 14], 10),
            "stage": pd.Categorical(np.resize(["low", "high", "middle"], 30), ["low", "middle", "high"], ordered=True),
            "count": pd.array([None, *range(29)], dtype="UInt8"),
            "flag": pd.array([True, False, None] * 10, dtype="boolean"),
            "lab": pd.array(np.linspace(1, 4, 30).round(1), dtype="Float32"),
        }
    )
    table = read_table(frame)
    assert table.schema["stage"].kind == "ordinal" and table.schema["stage"].levels == ("low", "middle", "high")
    out = table.schema.unshaped(table.frame)
    assert out.schema["stage"] == pl.Enum(["low", "middle", "high"])
    assert (out.schema["count"], out.schema["flag"], out.schema["lab"]) == (pl.UInt8, pl.Boolean, pl.Float32)
