"""Files of SAS, SPSS and Stata arrive with their labels, dates and integers; what they declare missing is empty."""

from __future__ import annotations

import contextlib
import runpy
import sys
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.records.reading import Bounds, read_source, statistical

pyreadstat = pytest.importorskip("pyreadstat")

LABELS = {
    "sex": {1: "male", 2: "female"},
    "pain": {3: "none", 2: "some", 1: "much", 9: "refused"},
    "grade": {1: "low", 2: "high"},
    "lab": {999: "lost"},
}


def frame(patients=10):
    return pd.DataFrame(
        {
            "id": [100.0 + p for p in range(patients) for _ in range(3)],
            "visit": [date(2020, 1 + v, 1 + p) for p in range(patients) for v in range(3)],
            "at": pd.to_datetime([f"2020-01-{1 + p:02d} 08:3{v}:00" for p in range(patients) for v in range(3)]),
            "sex": [1.0 + p % 2 for p in range(patients) for _ in range(3)],
            "pain": [[1.0, 2.0, 3.0, 9.0, np.nan][(p + v) % 5] for p in range(patients) for v in range(3)],
            "grade": [1.0 + (p + v) % 3 for p in range(patients) for v in range(3)],
            "lab": [9.5 + p + v / 10 for p in range(patients) for v in range(3)],
            "site": [["Köln", ""][(p // 5) % 2] for p in range(patients) for _ in range(3)],
        }
    )


def spss(path):
    pyreadstat.write_sav(
        frame(),
        path,
        variable_value_labels=LABELS,
        missing_ranges={"pain": [9]},
        variable_measure={"pain": "ordinal", "sex": "nominal"},
    )
    return path


def stata(path):
    table = frame()
    table["pain"] = pd.Series(["a" if x == 9 else x for x in table["pain"]], dtype=object)
    labels = LABELS | {"pain": {3: "none", 2: "some", 1: "much", "a": "refused"}}
    pyreadstat.write_dta(table, path, variable_value_labels=labels, missing_user_values={"pain": ["a"]})
    return path


def sas(path):
    pyreadstat.write_xport(frame(), path, file_format_version=5)
    return path


@pytest.fixture
def here(monkeypatch):
    """Files are read in this process: another takes a second to begin."""

    def run(command, cwd, **_):
        with contextlib.chdir(cwd):
            runpy.run_path(command[-1], run_name="__main__")
        return SimpleNamespace(stderr=b"")

    monkeypatch.setattr(statistical, "subprocess", SimpleNamespace(run=run))


@pytest.mark.parametrize(("write", "name"), [(spss, "v.sav"), (spss, "V.SAV"), (stata, "v.dta"), (sas, "v.xpt")])
def test_numbers_texts_and_dates_have_their_types(tmp_path, write, name):
    read = read_source(write(tmp_path / name)).frame
    kinds = {"id": pl.Int64, "visit": pl.Date, "at": pl.Datetime("us"), "lab": pl.Float64, "site": pl.String}
    assert {column: read.schema[column] for column in kinds} == kinds
    assert read["id"].to_list() == [int(x) for x in frame()["id"]] and read["lab"].to_list() == list(frame()["lab"])
    assert (read["visit"][4], read["at"][4]) == (date(2020, 2, 2), datetime(2020, 1, 2, 8, 31))
    assert read["site"].to_list() == ["Köln"] * 15 + [None] * 15


@pytest.mark.parametrize(("write", "name", "value"), [(spss, "v.sav", "9"), (stata, "v.dta", ".a")])
def test_labels_are_read_where_every_value_has_one_and_declared_missing_values_are_empty(tmp_path, here, write, name, value):
    read = read_source(write(tmp_path / name))
    words = {1.0: "male", 2.0: "female"}
    assert read.frame["sex"].to_list() == [words[x] for x in frame()["sex"]]
    words = {3.0: "none", 2.0: "some", 1.0: "much"}
    assert read.frame["pain"].cast(pl.String).to_list() == [words.get(x) for x in frame()["pain"]]
    assert read.frame["grade"].to_list() == [int(x) for x in frame()["grade"]]
    refused = int((frame()["pain"] == 9).sum())
    assert read.notes == (
        f"In pain, {refused} cells hold what the file declares missing ({value} refused) and were read as empty.",
        "Read by the labels of their values: sex, pain.",
        "The values of grade were kept, for not each has a label of its own (3 has none).",
    )


def test_a_scale_that_the_file_calls_ordinal_keeps_its_order(tmp_path, here):
    read = read_source(spss(tmp_path / "v.sav")).frame
    assert read.schema["pain"] == pl.Enum(["much", "some", "none"]) and read.schema["sex"] == pl.String


def test_a_table_is_made_of_it_and_tells_what_was_decided(tmp_path, here):
    table = read_table(spss(tmp_path / "v.sav"), identifier="id", time="visit")
    assert len(table) == 10 and "Read by the labels of their values: sex, pain." in table.notes


@pytest.mark.parametrize(
    ("write", "name", "most", "words"),
    [
        (spss, "v.sav", Bounds(rows=29), "29 rows"),
        (spss, "v.sav", Bounds(columns=7), "7 columns"),
        (spss, "v.sav", Bounds(cells=200), "200 cells"),
        (spss, "v.sav", Bounds(bytes=1000), "1,000 bytes"),
        (spss, "v.sav", Bounds(text=3), "3 bytes of text in one cell"),
        (stata, "v.dta", Bounds(rows=29), "29 rows"),
        (sas, "v.xpt", Bounds(rows=29), "29 rows"),
    ],
)
def test_the_bounds_hold(tmp_path, here, write, name, most, words):
    with pytest.raises(DataError, match=f"{name} has more than the {words}"):
        read_source(write(tmp_path / name), most=most)


def test_a_long_text_that_is_kept_once_for_many_rows_is_bounded_as_often_as_it_is_read(tmp_path, here):
    path = tmp_path / "long.dta"
    pyreadstat.write_dta(pd.DataFrame({"id": range(200), "note": ["x" * 5000] * 200}), path, version=15)
    with pytest.raises(DataError, match=r"long\.dta has more than the 500,000 bytes"):
        read_source(path, most=Bounds(bytes=500_000))


@pytest.mark.parametrize(
    ("write", "name", "program"),
    [(spss, "v.sav", "SPSS"), (stata, "v.dta", "Stata"), (sas, "v.xpt", "SAS transport"), (sas, "v.sas7bdat", "SAS")],
)
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, write, name, program):
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=rf"{name} is not a whole {program} file \(.*\): write or copy it again\.$"):
        read_source(path)


def test_a_file_at_which_the_library_dies_is_refused_in_a_sentence(tmp_path, monkeypatch):
    dies = tmp_path / "dies.py"
    dies.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(statistical, "_APART", dies)
    with pytest.raises(DataError, match=r"v\.sav is not a whole SPSS file \(the library that reads it failed\): write or"):
        read_source(spss(tmp_path / "v.sav"))


def test_without_the_extra_a_sentence_says_how_to_install_it(tmp_path, monkeypatch):
    path = spss(tmp_path / "v.sav")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"v\.sav is a file of SPSS: to read it, pip install 'reverie\[formats\]'\.$"):
        read_source(path)
