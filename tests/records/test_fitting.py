"""A table to be completed that differs a little from the one learned from: nothing of it is refused, changed or lost."""

import datetime as dt

import pandas as pd
import polars as pl
import pytest

from reverie.errors import DataError
from reverie.records.fitting import fit
from reverie.records.table import read_table

LEARNED = pl.DataFrame(
    {
        "id": [i for i in range(12) for _ in range(3)],
        "day": [d for _ in range(12) for d in (0, 30, 60)],
        "smoker": [("yes", "no")[i % 2] for i in range(12) for _ in range(3)],
        "vent": [("True", "False")[(i + d) % 2] for i in range(12) for d in range(3)],
        "stage": [("I", "II", "III")[(i + d) % 3] for i in range(12) for d in range(3)],
        "grade": [1 + (i + d) % 3 for i in range(12) for d in range(3)],
        "lab": [round(4 + i / 3 + d / 7, 2) for i in range(12) for d in range(3)],
        "seen": [dt.date(2020, 1 + d, 1 + i) for i in range(12) for d in range(3)],
    }
)


@pytest.fixture(scope="module")
def schema():
    found = read_table(LEARNED).schema
    assert [c.kind for c in found.columns][2:] == ["binary", "binary", "categorical", "ordinal", "real", "date"]
    return found


def drawn(fitted):
    """What a model might have drawn: the same in every empty cell."""
    usual = {"smoker": "no", "vent": "False", "stage": "II", "grade": 2, "lab": 5.25, "seen": dt.date(2021, 1, 1)}
    return fitted.table.frame.with_columns(pl.col(name).fill_null(value) for name, value in usual.items())


def completed(folder, schema, text, typed=False):
    path = folder / "a.csv"
    path.write_text(text)
    fitted = fit(path, schema)
    return fitted, fitted.whole(drawn(fitted), [c.name for c in (*schema.static, *schema.varying)], typed)


def test_a_level_that_is_not_known_stays_and_is_not_seen(tmp_path, schema):
    text = "id,day,smoker,vent,stage,grade,lab,seen\n1,0,maybe,True,IV,9,4.50,2020-01-01\n1,5,,,,,,\n"
    fitted, whole = completed(tmp_path, schema, text)
    seen = fitted.table.frame
    assert [seen[c][0] for c in ("smoker", "vent", "stage", "grade", "lab")] == [None, "True", None, None, 4.5]
    assert whole.row(0) == ("1", "0", "maybe", "True", "IV", "9", "4.50", "2020-01-01")
    assert whole.row(1) == ("1", "5", "no", "False", "II", "2", "5.25", "2021-01-01")
    for value in ("maybe", "IV", "9"):
        assert any(f"1 given value is no level that the model knows ({value!r})" in note for note in fitted.notes)


@pytest.mark.parametrize(("yes", "no"), [("TRUE", "FALSE"), ("true", "false"), ("1", "0"), ("1.0", "0.0"), ("Y", "N")])
def test_a_truth_value_in_another_spelling_is_read_and_written_so(tmp_path, schema, yes, no):
    text = f"id,day,smoker,vent,stage,grade,lab,seen\n1,0,{no},{yes},I,1.0,4.5,\n1,5,{no},,i,,4,\n2,0,,{no},I,2,7,\n"
    fitted, whole = completed(tmp_path, schema, text)
    assert fitted.table.frame["vent"].to_list() == ["True", None, "False"]
    assert fitted.table.frame["smoker"].to_list() == ["no", "no", None] and fitted.table.frame["grade"][0] == 1
    assert whole["vent"].to_list() == [yes, no, no] and whole["smoker"].to_list() == [no, no, no]
    assert whole["stage"].to_list() == ["I", "i", "I"] and whole["grade"].to_list() == ["1.0", "2", "2"]


def test_truth_values_of_typed_frames_are_read_and_kept(schema):
    frame = LEARNED.head(3).with_columns(vent=pl.Series([True, None, False]), smoker=pl.Series([1.0, 1.0, 1.0]))
    fitted = fit(frame, schema)
    assert fitted.table.frame["vent"].to_list() == ["True", None, "False"] and fitted.table.frame["smoker"][0] == "yes"
    whole = fitted.whole(drawn(fitted), ["vent", "smoker"], typed=True)
    assert whole.schema == frame.schema and whole["vent"].to_list() == [True, False, False]
    panda = pd.DataFrame({"id": [1, 1], "day": [0, 1], "vent": [True, False], "lab": [4.5, float("nan")]})
    fitted = fit(panda, schema)
    whole = fitted.whole(drawn(fitted), ["lab"], typed=True)
    assert whole["lab"].to_list() == [4.5, 5.25] and whole["vent"].to_list() == [True, False]


def test_numbers_beyond_a_bound_and_cells_that_are_no_numbers_stay(tmp_path, schema):
    text = "id,day,smoker,vent,stage,grade,lab,seen\n1,0,yes,True,I,1,-3,31.01.2020\n"
    text += "1,5,yes,True,I,1,high,\n1,6,yes,True,I,1,,\n"
    assert schema["lab"].lower == 0
    fitted, whole = completed(tmp_path, schema, text)
    assert fitted.table.frame["lab"].to_list() == [0.0, None, None] and fitted.table.frame["seen"].null_count() == 3
    assert whole["lab"].to_list() == ["-3", "high", "5.25"] and whole["seen"].to_list() == [
        "31.01.2020",
        *["2021-01-01"] * 2,
    ]
    notes = " ".join(fitted.notes)
    assert "In lab, 1 given value is below 0" in notes and "seen by the model as 0" in notes
    assert "In lab, 1 given value is not a number ('high')" in notes and "not a date ('31.01.2020')" in notes
    _, typed = completed(tmp_path, schema, text, typed=True)
    assert typed["lab"].dtype == pl.String and typed["grade"].to_list() == [1, 1, 1]


def test_an_infinite_number_stays_and_is_not_seen(tmp_path, schema):
    text = "id,day,smoker,vent,stage,grade,lab,seen\n1,0,yes,True,I,1,inf,\n"
    text += "1,5,yes,True,I,1,-Infinity,\n1,6,yes,True,I,1,4.5,\n"
    fitted, whole = completed(tmp_path, schema, text)
    assert fitted.table.frame["lab"].to_list() == [None, None, 4.5]
    assert whole["lab"].to_list() == ["inf", "-Infinity", "4.5"]
    frame = LEARNED.head(2).with_columns(lab=pl.Series([float("inf"), 4.5]))
    assert fit(frame, schema).whole(LEARNED.head(2), ["lab"])["lab"].to_list() == [float("inf"), 4.5]


def test_columns_may_be_more_or_fewer_and_rows_keep_their_order(tmp_path, schema):
    text = "note,day,lab,id\nb,60,4.10,2\na,0,,2\n,30, 4.5 ,1\nb,30,,2\n"
    fitted, whole = completed(tmp_path, schema, text)
    assert fitted.table.frame["id"].to_list() == [2, 2, 2, 1] and fitted.table.frame["day"].to_list() == [0, 30, 60, 30]
    assert whole.columns == ["note", "day", "lab", "id", "smoker", "vent", "stage", "grade", "seen"]
    assert whole["lab"].to_list() == ["4.10", "5.25", " 4.5 ", "5.25"] and whole["note"].to_list() == ["b", "a", None, "b"]
    assert whole["seen"].to_list() == ["2021-01-01"] * 4
    assert any("note was a column the model does not know" in note for note in fitted.notes)
    assert any("smoker, vent, stage, grade, seen were columns the model knows" in note for note in fitted.notes)
    assert not any("sorted" in note for note in fitted.notes)


def test_rows_at_one_time_and_rows_alike_and_rows_without_time_all_come_back(tmp_path, schema):
    text = (
        "id,day,smoker,vent,stage,grade,lab,seen\n1,0,yes,True,I,1,4,\n1,0,yes,True,I,2,4,\n1,0,yes,True,I,1,4,\n"
        "1,,yes,True,I,1,,\n,3,yes,True,I,1,,\n1,soon,yes,True,I,1,,\n"
    )
    fitted, whole = completed(tmp_path, schema, text)
    assert fitted.place.tolist() == [0, 1, 0, -1, -1, -1]
    assert whole["seen"].to_list() == ["2021-01-01"] * 3 + [None] * 3 and whole["day"][5] == "soon"
    notes = " ".join(fitted.notes)
    assert "1 row shares patient and time with another row; all were kept" in notes
    assert "3 rows came without id or day" in notes and "1 row was identical" in notes


def test_a_static_with_several_values_stays_and_its_holes_are_the_patients(tmp_path, schema):
    text = "id,day,smoker,vent,stage,grade,lab,seen\n1,0,no,True,I,1,4,\n1,1,yes,True,I,2,4,\n1,2,,True,I,2,4,\n"
    fitted, whole = completed(tmp_path, schema, text)
    assert whole["smoker"].to_list() == ["no", "yes", "no"]
    notes = " ".join(fitted.notes)
    assert "1 patient has several values" in notes and "1 empty cell is filled from other visits" in notes


def test_types_of_frames_stay(schema):
    frame = LEARNED.head(3).with_columns(
        pl.col("lab").cast(pl.Float32),
        pl.col("grade").cast(pl.Int8),
        pl.col("stage").cast(pl.Enum(["I", "II", "III", "IV"])),
    )
    frame = frame.with_columns(pl.when(pl.int_range(3) != 1).then(pl.all()).name.keep()).with_columns(
        LEARNED[:3]["id", "day"]
    )
    fitted = fit(frame, schema)
    whole = fitted.whole(drawn(fitted), ["lab", "grade", "stage"], typed=True)
    assert whole.schema == frame.schema
    assert (whole["lab"][1], whole["grade"][1], whole["stage"][1], whole["seen"][1]) == (5.25, 2, "II", None)


def test_visits_are_added_after_the_last_row_of_each_patient(tmp_path, schema):
    path = tmp_path / "a.csv"
    path.write_text(
        "x,id,day,smoker,vent,stage,grade,lab,seen\na,2,0,Yes,True,I,1,4.10,\nb,1,0,NO,True,I,1,,\nc,2,9,Yes,True,I,1,5,\n"
    )
    fitted = fit(path, schema)
    rows = fitted.table.frame[[0, 1, 1, 2, 2]]  # patient 2, then 1, each with one row more
    new = rows.with_columns(day=pl.Series([0, 9, 40, 0, 50]))
    made = fitted.longer(new, 1)
    assert made["day"].to_list() == ["0", "0", "50", "9", "40"] and made["x"].to_list() == ["a", "b", None, "c", None]
    assert made["lab"].to_list() == ["4.10", None, None, "5", "5.0"]
    assert made["smoker"].to_list() == ["Yes", "NO", "NO", "Yes", "Yes"]
    assert fitted.new(1).to_list() == [False, False, True, False, True]


def test_what_cannot_be_completed_is_one_sentence(schema):
    for frame, words in (
        (LEARNED.rename({"day": "Day"}), "no column 'day' .it has 'Day'., which says when a visit was"),
        (LEARNED.drop("id"), "no column 'id', which says whose visit a row is"),
        (LEARNED.select("id", "day"), "none of the columns that the model has learned"),
        (LEARNED.with_columns(day=pl.lit(None, pl.Int64)), "no row that says whose visit it was and when"),
    ):
        with pytest.raises(DataError, match=words):
            fit(frame, schema)
