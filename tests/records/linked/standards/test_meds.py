"""MEDS: what is read of it is stated, and what is written its own library takes; there and back nothing changes."""

import json
from datetime import datetime

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records.linked import is_linked, read_linked
from reverie.records.linked.standards import STANDARDS, parts_of

pytest.importorskip("meds")


def changed(place, change):
    """Rewrites the first shard."""
    shard = place / "data" / "train" / "0.parquet"
    change(pl.read_parquet(shard)).write_parquet(shard)


def test_events_are_told_apart_into_subjects_stays_and_events(meds):
    assert is_linked(meds)
    tables = read_linked(meds)
    assert tables.standard == "meds" and len(tables) == 4
    subjects = tables.frames["subjects"]
    assert subjects["SEX"].to_list() == ["F", "M", "F", None] and subjects["HEIGHT"].to_list() == [1.75, None, None, None]
    assert subjects["birth"][0] == datetime(1960, 5, 1) and subjects["death"][2] == datetime(2026, 1, 20)
    assert subjects["split"].to_list() == ["train", "train", "held_out", None]
    assert tables.frames["statics"]["code"].sort().to_list() == ["ALLERGY//milk", "ALLERGY//nuts"]
    stays = tables.frames["stays"]
    assert stays["end"].to_list() == [datetime(2026, 1, 3), datetime(2026, 1, 9)]
    events = tables.frames["events"].sort("subject_id", "time")
    # the second sodium was taken between two stays; an admission that nothing ended is no stay
    assert events["stay_id"].to_list() == [1, 1, None, None, None, None]
    assert events["code"].to_list()[4] == "HOSPITAL_ADMISSION//ER" and events["unit"][0] == "mmol/L"
    schema = {table.name: table for table in tables.schema.tables}
    assert {name: table.parent for name, table in schema.items()} == {
        "subjects": None, "statics": "subjects", "stays": "subjects", "events": "subjects", "codes": None,
    }  # fmt: skip
    assert schema["stays"].clock.kind == "interval" and schema["events"].kind == "long"
    assert tables.notes == (
        "It was read as MEDS: its files hold the columns subject_id, time and code (ward, 0.4).",
        "Columns besides those of MEDS are kept with the events: unit.",
        "stays: HOSPITAL_ADMISSION and the HOSPITAL_DISCHARGE after it are one (2).",
        "events: 1 admissions and discharges have no other half, and are no stays.",
        "codes: 5 codes are not described, and was added.",
    )


def test_meds_goes_out_and_back(meds, tmp_path, there_and_back):
    _, written = there_and_back(meds, tmp_path / "out", patients=1)
    assert written.rows["events"] == 6 and written.checked.startswith("7 files held to the schemas of meds")
    rows = pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")
    first = pl.read_parquet(meds / "data" / "*" / "*.parquet")
    columns = first.columns
    assert rows.select(columns).sort(columns).equals(first.sort(columns))  # to the row what it was
    for shard in (tmp_path / "out" / "data").iterdir():
        part = pl.read_parquet(shard)
        assert part["subject_id"].n_unique() == 1 and part["time"].is_sorted()
    first = pl.read_parquet(tmp_path / "out" / "data" / "0.parquet").filter(pl.col("time").is_not_null())
    assert first["code"].to_list()[:3] == ["MEDS_BIRTH", "HOSPITAL_ADMISSION//ER", "LAB//Na"]
    about = json.loads((tmp_path / "out" / "metadata" / "dataset.json").read_text())
    assert about["etl_name"] == "reverie"


def test_what_a_stay_carries_goes_with_it(meds, tmp_path, there_and_back):
    """As MIMIC has the number of the admission on each of its rows."""
    codes = pl.col("code").str.contains("ADMISSION|DISCHARGE")
    for shard in (meds / "data").rglob("*.parquet"):
        frame = pl.read_parquet(shard)
        number = pl.when(codes).then(pl.col("time").dt.day() // 5 + 70).cast(pl.Int64)
        frame.with_columns(hadm_id=number).write_parquet(shard)
    tables, _ = there_and_back(meds, tmp_path / "out")
    assert tables.frames["stays"]["hadm_id"].to_list() == [70, 71]
    changed(meds, lambda frame: frame.with_columns(hadm_id=pl.col("hadm_id") + pl.col("time").dt.day()))
    assert "stays" not in read_linked(meds).frames  # an admission and a discharge of two numbers
    changed(meds, lambda frame: frame.rename({"hadm_id": "stay_id"}))
    tables, _ = there_and_back(meds, tmp_path / "own")
    assert "Stays were not looked for: the events have a column stay_id of their own." in tables.notes


def test_what_lies_beside_it_can_be_missing(meds, tmp_path, there_and_back):
    for name in ("codes.parquet", "subject_splits.parquet", "dataset.json"):
        (meds / "metadata" / name).unlink()
    tables, _ = there_and_back(meds, tmp_path / "out")
    assert "codes" not in tables.frames and "split" not in tables.frames["subjects"].columns


def test_rows_without_a_code_and_zones_are_told(meds):
    def change(frame):
        odd = frame[:2].with_columns(code=pl.Series([None, ""]), time=datetime(2026, 1, 2))
        zoned = pl.concat([frame, odd]).with_columns(pl.col("time").dt.replace_time_zone("Europe/Paris"))
        return zoned.with_columns(tags=pl.Series([["x"]] * zoned.height))

    changed(meds, change)
    (meds / "data" / "held_out" / "0.parquet").unlink()
    tables = read_linked(meds)
    assert tables.notes[1:4] == (
        "2 rows were left out, without a code.",
        "Times with a time zone were brought to UTC.",
        "Columns whose cells hold several values were left alone: tags.",
    )
    assert tables.frames["subjects"]["birth"][0] == datetime(1960, 4, 30, 23)
    assert "1 subject has a split and no event, and was left out." in tables.notes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.drop("time"), "meds/data/train/0.parquet has no column time, which MEDS requires: add it"),
        (lambda f: f.with_columns(subject_id=pl.lit("x")), "column 'subject_id': cells of type String are no Int64"),
    ],
)
def test_a_shard_that_is_not_of_meds_is_refused(meds, change, sentence):
    changed(meds, change)
    with pytest.raises(DataError, match=sentence):
        STANDARDS["meds"].read(str(meds), "meds")


def test_keys_that_stand_twice_and_damaged_files_are_refused(meds):
    splits = meds / "metadata" / "subject_splits.parquet"
    pl.DataFrame({"subject_id": [1, 1], "split": ["train", "tuning"]}).write_parquet(splits)
    with pytest.raises(DataError, match=r"subject_splits.parquet: subject_id is its key, and 1 stands in several rows"):
        read_linked(meds)
    splits.write_bytes(splits.read_bytes()[:100])
    with pytest.raises(DataError, match=r"subject_splits.parquet is not a whole Parquet file"):
        read_linked(meds)


def test_a_model_may_leave_columns_out_and_may_not_invent_tables(meds, tmp_path):
    frames = dict(read_linked(meds).frames)
    frames = {"subjects": frames["subjects"].drop("split"), "events": frames["events"].drop("unit", "text_value")}
    STANDARDS["meds"].write([frames], tmp_path / "out")
    assert set(read_linked(tmp_path / "out").frames["events"]["code"]) == set(frames["events"]["code"])
    with pytest.raises(UsageError, match="it has wards, and not the tables subjects, "):
        STANDARDS["meds"].write([{**frames, "wards": pl.DataFrame({"x": [1]})}], tmp_path / "more")
    lost = frames["events"].with_columns(code=pl.lit(None, pl.String))
    with pytest.raises(DataError, match="events: 6 rows have no code, which MEDS requires"):
        STANDARDS["meds"].write([{**frames, "events": lost}], tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_what_is_written_replaces_only_what_was_written(meds, tmp_path):
    tables = read_linked(meds)
    place = tmp_path / "out"
    for patients in (1, 4):
        STANDARDS["meds"].write(parts_of(tables, patients), place)
    assert len(list((place / "data").iterdir())) == 1  # no shard of the first is left
    (place / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match=r"holds thesis.docx, which was not made by this command: choose another name"):
        STANDARDS["meds"].write(parts_of(tables), place)
    assert (place / "thesis.docx").exists() and (place / "data").exists()
