"""A folder of files of text, one for each patient, is one table; a folder of pictures is none."""

from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest
from PIL import Image

from reverie.config import Source
from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.records.reading import Bounds, read_source
from reverie.sources import is_table


def folder(tmp_path, patients=20, name="set", header="HR|Temp|hour", files=None):
    place = tmp_path / name
    place.mkdir()
    for p in range(patients):
        rows = "".join(f"{60 + p + v}|{36 + v / 10}|{v}\n" for v in range(1 + p % 4))
        (place / f"p{p:06d}.psv").write_text(f"{header}\n{rows}")
    for file, content in (files or {}).items():
        (place / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def test_the_name_of_a_file_says_whose_rows_it_holds(tmp_path):
    read = read_source(folder(tmp_path))
    owners = [f"p{p:06d}" for p in range(20) for _ in range(1 + p % 4)]
    assert read.frame.columns == ["patient", "HR", "Temp", "hour"] and read.frame["patient"].to_list() == owners
    assert read.frame.row(3) == ("p000002", "62", "36.0", "0")
    assert read.notes[0] == "20 files were read as one table; the column 'patient' holds their names, as 'p000000'."


def test_the_table_is_found_again_by_the_path_that_it_keeps(tmp_path):
    place = folder(tmp_path)
    table = read_table(place, time="hour")
    assert table.schema.identifier.name == "patient" and table.path == place.resolve() and len(table) == 20
    again = read_table(Source(name=table.name, path=str(table.path)).path, table.schema)
    assert again.fingerprint == table.fingerprint


@pytest.mark.parametrize("unlike", ["none", "quotes", "packed", "title", "units", "blank", "letters"])
def test_a_file_in_another_form_makes_no_other_table(tmp_path, unlike):
    """One file that is not plain makes all be read one by one."""
    rows = "60|36.0|0\n61|36.5|1\n62|36.1|2\n63|36.4|3\n"
    content = {
        "none": f"HR|Temp|hour\n{rows}",
        "quotes": f'"HR"|Temp|hour\n"60"|{rows[3:]}',
        "packed": gzip.compress(f"HR|Temp|hour\n{rows}".encode()),
        "title": f"Monitor 7\nHR|Temp|hour\n{rows}",
        "units": f"HR|Temp|hour\nbpm|°C|h\n{rows}",
        "blank": f"HR|Temp|hour\n{rows}||\n\n",
        "letters": f"HR|Temp|hour\n{rows}".encode("utf-16"),
    }[unlike]
    place = folder(tmp_path, 3, files={"p9.psv.gz" if unlike == "packed" else "p9.psv": content})
    frame = read_source(place).frame
    assert frame.height == 1 + 2 + 3 + 4
    assert frame.filter(patient="p9").rows() == [("p9", *row.split("|")) for row in rows.splitlines()]


def test_a_column_that_says_the_same_is_the_identifier(tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    for p in range(3):
        (place / f"{p}.csv").write_text("stay,hour,HR\n" + "".join(f"{p},{v},{60 + v}\n" for v in range(3)))
    read = read_source(place)
    assert read.frame.columns == ["stay", "hour", "HR"]
    assert read.notes[0] == "3 files were read as one table; each has its name in the column 'stay'."


def test_a_name_that_is_taken_is_not_given_twice(tmp_path):
    frame = read_source(folder(tmp_path, header="patient|Temp|hour")).frame
    assert frame.columns == ["patient_id", "patient", "Temp", "hour"] and frame["patient"][0] == "60"


def test_a_file_with_other_columns_is_named(tmp_path):
    cases = {
        "HR|Temp\n60|36\n": r"set/q\.psv has no column 'hour', which p000000\.psv has",
        "HR|Temp|hour|x\n60|36|0|1\n": r"set/q\.psv has a column 'x', which p000000\.psv has not",
        "Temp|HR|hour\n36|60|0\n": r"set/q\.psv has its columns in another order",
        "HR|Temp|hour\n60|36\n": r"set/q\.psv, data row 1, column 'hour': the row ends here",
    }
    place = folder(tmp_path)
    for content, words in cases.items():
        (place / "q.psv").write_text(content)
        with pytest.raises(DataError, match=words):
            read_source(place)


def test_other_files_are_left_out_and_said(tmp_path):
    read = read_source(folder(tmp_path, files={"README.txt": "hello", "codes.xlsx": b"PK\3\4", ".hidden.csv": "x"}))
    assert read.frame["patient"].n_unique() == 20 and "In the folder README.txt, codes.xlsx were left out." in read.notes


def test_a_folder_of_one_or_of_two_of_a_name_or_of_none_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"one table, p000000\.psv: give that file"):
        read_source(folder(tmp_path, 1, "one"))
    with pytest.raises(DataError, match="several files called p000000"):
        read_source(folder(tmp_path, 2, "two", files={"p000000.csv": "a,b\n1,2\n"}))
    with pytest.raises(UsageError, match="is a folder without files of separated text"):
        read_source(folder(tmp_path, 0, "none"))
    with pytest.raises(UsageError, match="its tables lie below it, in one, two: put them into one folder"):
        read_source(tmp_path)


@pytest.mark.parametrize("most", [Bounds(rows=40), Bounds(cells=100), Bounds(bytes=400)])
def test_the_bounds_hold_for_the_sum(tmp_path, most):
    with pytest.raises(DataError, match=r"set has more than the"):
        read_source(folder(tmp_path), most=most)


def test_a_folder_is_a_table_only_if_it_has_tables_and_no_pictures(tmp_path):
    picture = Image.fromarray(np.zeros((4, 4), np.uint8))
    assert is_table(folder(tmp_path)) and is_table(str(tmp_path / "set"))
    classes = tmp_path / "classes" / "cat"
    classes.mkdir(parents=True)
    picture.save(classes / "1.png")
    (tmp_path / "classes" / "labels.csv").write_text("file,label\n1.png,cat\n")
    assert not is_table(tmp_path / "classes")
    stored = tmp_path / "stored"
    stored.mkdir()
    pl.DataFrame({"image": [b"x"]}).write_parquet(stored / "a.parquet")
    (stored / "labels.csv").write_text("a,b\n1,2\n")
    assert not is_table(stored) and not is_table(tmp_path / "absent")
    assert is_table(stored_table(tmp_path / "visits")) and not is_table(stored_table(tmp_path / "classes"))


def stored_table(place):
    """A folder with a table in Parquet, besides what it has."""
    place.mkdir(exist_ok=True)
    for file in place.glob("*.csv"):
        file.unlink()
    pl.DataFrame({"patient": [1, 1], "day": [0, 1]}).write_parquet(place / "labels.parquet")
    return place
