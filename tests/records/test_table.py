"""A table: patients together, visits in order, nothing lost, and every decision told."""

import gzip
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records.commonest import commonest
from reverie.records.schema import Schema
from reverie.records.table import read_table


@pytest.fixture(scope="module")
def pbc2():
    return read_table("pbc2")


def visits(**columns):
    """A frame of 3 patients, 2 visits each, with more columns."""
    return pl.DataFrame(
        {"id": [1, 1, 2, 2, 3, 3], "time": [0, 1, 0, 1, 0, 2], "x": [1.5, 2.5, 3.5, 1.0, 0.5, 9.25], **columns}
    )


def test_the_bundled_cohort_is_the_trial(pbc2):
    assert (len(pbc2), pbc2.frame.height, pbc2.name) == (312, 1945, "pbc2")
    assert (pbc2.lengths.min(), np.median(pbc2.lengths), pbc2.lengths.max()) == (1, 5, 16)
    assert (Path(read_table.__code__.co_filename).parent / "data" / "CITATION.txt").read_text().count("Fleming") == 1


def test_the_bundled_cohort_is_the_copy_for_development():
    shared = Path(__file__).parents[3] / "shared" / "data" / "pbc2.csv"
    if not shared.exists():
        pytest.skip("the data for development are not beside this checkout")
    assert read_table(shared).fingerprint == read_table("pbc2").fingerprint


def test_patients_are_together_and_their_visits_in_order(pbc2):
    shuffled = pbc2.frame.sample(fraction=1, shuffle=True, seed=3)
    table = read_table(shuffled)
    assert table.frame["id"].unique(maintain_order=True).to_list() == shuffled["id"].unique(maintain_order=True).to_list()
    for first, last in zip(table.offsets[:-1], table.offsets[1:], strict=True):
        assert table.frame["id"][first:last].n_unique() == 1
        assert (table.frame["year"][first:last].diff().drop_nulls() > 0).all()
    assert table.frame.columns == pbc2.frame.columns and table.frame.dtypes == pbc2.frame.dtypes
    assert table.frame.sort("sno.").equals(pbc2.frame.sort("sno."))
    assert any("sorted" in note for note in table.notes) and not any("sorted" in note for note in pbc2.notes)


def test_every_form_of_a_table_reads_alike(pbc2, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pbc2.frame
    frame.write_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes().replace(b"\n", b"\r\n"))
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_csv(tmp_path / "na.csv", null_value="NA")
    files = [tmp_path / name for name in ("a.csv", "a.csv.gz", "bom.csv", "a.parquet", "na.csv")]
    for source in (*files, str(files[0]), frame, pandas.read_csv(files[0])):
        table = read_table(source)
        assert table.fingerprint == pbc2.fingerprint
        assert table.frame.equals(frame)
        assert table.schema.columns == pbc2.schema.columns


def test_pandas_types_become_their_like():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "x": [1.0, float("nan"), 3.5, 2.5],
            "n": pandas.array([1, None, 3, 9], dtype="Int64"),
            "b": pandas.array([True, False, None, True], dtype="boolean"),
            "s": pandas.Categorical(["u", "v", None, "u"]),
            "d": pandas.to_datetime(["2020-01-01", None, "2020-01-03", "2020-02-01"]),
        },
        index=pandas.MultiIndex.from_tuples([(1, 0), (1, 1), (2, 0), (2, 5)], names=["id", "time"]),
    )
    table = read_table(frame)
    assert table.frame.columns == ["id", "time", "x", "n", "b", "s", "d"]
    assert [c.type for c in table.schema.columns] == ["Int64", "Int64", "Float64", "Int64", "Boolean", "String", "Datetime"]
    assert table.frame.row(1) == (1, 1, None, None, False, "v", None)
    assert table.frame["d"][3] == datetime(2020, 2, 1)
    with pytest.raises(DataError, match="several columns named 'x'"):
        read_table(pandas.DataFrame([[1, 2]], columns=["x", "x"]))


def test_a_missing_value_is_null_however_it_was_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,time,x,s\n1,0,NaN,\n1,1, 2.5 ,NULL\n2,0,n/a,b\n2,1,?,a\n")
    table = read_table(path, null_values=("?",))
    assert table.frame["x"].to_list() == [None, 2.5, None, None]
    assert table.frame["s"].to_list() == [None, None, "b", "a"]
    assert "?" in table.schema.null_values
    assert "Spaces around values were removed in x." in table.notes
    floats = visits().with_columns(x=pl.Series([1.5, float("nan"), 2.0, 3.0, 4.0, 5.0]))
    assert read_table(floats).frame["x"].null_count() == 1


def test_identical_rows_are_kept_once_and_told():
    frame = visits()
    table = read_table(pl.concat([frame, frame[:1], frame[4:]]))
    assert table.frame.equals(frame)
    assert "3 rows were identical to another and kept once." in table.notes


def test_different_rows_at_one_time_are_refused_kept_or_the_first_taken():
    twice = pl.concat([visits(), pl.DataFrame({"id": [2], "time": [0], "x": [7.0]})])
    with pytest.raises(DataError, match=r"data row 7, column 'x'.*data row 3, with '3\.5' instead of '7\.0'"):
        read_table(twice)
    both = read_table(twice, duplicates="keep")
    assert both.frame.filter(pl.col("id") == 2)["x"].to_list() == [3.5, 7.0, 1.0]
    first = read_table(twice, duplicates="first")
    assert first.frame.equals(visits()) and any("first was kept; 1 " in note for note in first.notes)
    schema = both.schema.model_copy(update={"duplicates": "first"})
    assert read_table(twice, schema).frame.equals(visits())
    for rule, x in (("last", 7.0), ("mean", 5.2)):  # 5.25, to the precision of the column
        one = read_table(twice, duplicates=rule)
        assert one.frame.filter(pl.col("id") == 2)["x"].to_list() == [pytest.approx(x, abs=0.051), 1.0]
        assert one.frame.filter(pl.col("id") != 2).equals(visits().filter(pl.col("id") != 2))


def test_dates_and_date_times_are_read_from_their_iso_form(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "id,date,at,zoned,born\n1,2020-01-01,2020-01-01 08:30,2020-01-01T08:30:00+02:00,1950-01-31\n"
        "1,2020-01-09,2020-01-01T09:00:15,2020-01-01T08:30:00Z,1950-01-31\n2,2020-02-01,2020-01-02,2020-01-01T08:30Z,1960-06-01\n"
    )
    table = read_table(path, time="date")
    assert table.frame.row(0) == (
        1,
        date(2020, 1, 1),
        datetime(2020, 1, 1, 8, 30),
        datetime(2020, 1, 1, 6, 30),
        date(1950, 1, 31),
    )
    assert table.frame["at"].to_list()[1:] == [datetime(2020, 1, 1, 9, 0, 15), datetime(2020, 1, 2)]
    assert table.frame["zoned"][2] == datetime(2020, 1, 1, 8, 30)
    assert any("UTC in zoned" in note for note in table.notes)


def test_holes_of_a_static_column_are_filled_from_the_patients_other_visits():
    table = read_table(visits(sex=["f", "f", None, "m", "f", "f"]))
    assert table.schema["sex"].role == "static" and table.schema["sex"].missing == 0
    assert table.frame["sex"].to_list() == ["f", "f", "m", "m", "f", "f"]
    assert any("In sex, which is static, 1 empty" in note for note in table.notes)
    whole = read_table(visits(sex=["f", "f", None, None, "m", "m"]))
    assert whole.frame["sex"].to_list() == ["f", "f", None, None, "m", "m"]
    assert whole.schema["sex"].missing == pytest.approx(1 / 3, abs=1e-6)


def test_taking_patients_takes_their_visits(pbc2):
    chosen = pbc2.take([5, 0, 311])
    assert chosen.lengths.tolist() == pbc2.lengths[[5, 0, 311]].tolist()
    expected = [pbc2.frame[pbc2.offsets[p] : pbc2.offsets[p + 1]] for p in (5, 0, 311)]
    assert chosen.frame.equals(pl.concat(expected))
    assert chosen.schema is pbc2.schema and chosen.fingerprint != pbc2.fingerprint
    assert pbc2.take(np.arange(312)).fingerprint == pbc2.fingerprint
    assert len(pbc2.take([])) == 0
    for wrong in ([312], [-1]):
        with pytest.raises(UsageError, match="312 patients"):
            pbc2.take(wrong)


def test_a_split_parts_the_patients_by_the_seed(pbc2):
    rest, aside = pbc2.split(0.2, seed=1)
    whole = set(pbc2.frame["id"])
    assert set(rest.frame["id"]) | set(aside.frame["id"]) == whole and not set(rest.frame["id"]) & set(aside.frame["id"])
    assert (len(rest), len(aside)) == (250, 62) and rest.frame.height + aside.frame.height == 1945
    assert pbc2.split(0.2, seed=1)[1].fingerprint == aside.fingerprint != pbc2.split(0.2, seed=2)[1].fingerprint
    assert len(pbc2.split(0.0001, seed=0)[1]) == 1
    assert len(pbc2.split(0, seed=0)[1]) == 0
    with pytest.raises(UsageError, match="share"):
        pbc2.split(1.0, seed=0)
    with pytest.raises(DataError, match="too few"):
        pbc2.take([0]).split(0.5, seed=0)


def test_a_schema_read_back_gives_the_same_table(pbc2):
    schema = Schema.from_yaml(pbc2.schema.yaml(), "pbc2.yaml")
    assert schema == pbc2.schema
    again = read_table("pbc2", schema)
    assert again.schema == pbc2.schema and again.fingerprint == pbc2.fingerprint
    assert again.notes == tuple(note for note in pbc2.notes if "rules hold" not in note)  # what a schema says is known


def test_a_schema_is_law(pbc2):
    def edited(name, **update):
        columns = tuple(c.model_copy(update=update) if c.name == name else c for c in pbc2.schema.columns)
        return pbc2.schema.model_copy(update={"columns": columns})

    order = ("No edema", "edema no diuretics", "edema despite diuretics")
    assert read_table("pbc2", edited("edema", kind="ordinal", levels=order)).schema["edema"].levels == order
    filled = read_table("pbc2", edited("histologic", kind="categorical", levels=()))
    assert filled.schema["histologic"].levels == ("1", "2", "3", "4")
    text = read_table("pbc2", edited("serBilir", type="String", kind="text"))
    assert text.frame["serBilir"].dtype == pl.String and text.frame["serBilir"][0] == "14.5"
    numbers = read_table(pbc2.frame.with_columns(pl.col("serBilir").cast(pl.String)), edited("serBilir", type="String"))
    assert numbers.frame["serBilir"].equals(pbc2.frame["serBilir"])
    with pytest.raises(UsageError, match="change it there"):
        read_table("pbc2", pbc2.schema, identifier="id")


def test_what_a_schema_only_reports_is_seen_anew(pbc2):
    half = pbc2.frame.with_columns(albumin=pl.when(pl.col("id") < 100).then("albumin"))
    column = read_table(half, pbc2.schema)
    assert column.schema["albumin"].missing == pytest.approx(half["albumin"].null_count() / 1945, abs=1e-6)
    assert column.schema["albumin"].highest == half["albumin"].max()
    assert column.schema["albumin"].lower == pbc2.schema["albumin"].lower


def test_values_that_occur_equally_often_have_an_order():
    cells = pl.Series("x", [str(value) for value in range(400)] + ["7", None, None, None])
    assert commonest(cells).to_list() == ["7", *sorted(str(value) for value in range(400) if value != 7)]
    assert commonest(cells).name == "x"
