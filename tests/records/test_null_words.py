"""A word for "missing" in a column of numbers may be a name in one of text: it is said which, and nothing given is lost."""

import polars as pl
import pytest

from reverie.errors import DataError
from reverie.export import Completed
from reverie.records.conditions import read_statics
from reverie.records.fitting import fit
from reverie.records.schema import Schema
from reverie.records.table import read_table


def table(folder, schema=None, null_values=(), **columns):
    """12 patients of 4 visits, read from a CSV: columns give the cell of patient i at day d."""
    lines = [",".join(["id", "day", "lab", *columns])]
    for i in range(12):
        lines += [",".join(map(str, [i, d, i + d + 0.5, *(cell(i, d) for cell in columns.values())])) for d in range(4)]
    path = folder / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_table(path, schema, null_values=null_values)


def drinks(i, d):
    return ["None", "Moderate", "Heavy"][i % 3]


def event(i, d):
    return ["None", "Rash", ""][(i + d) % 3]


def gappy(i, d):
    return "NA" if (i + d) % 4 == 0 else d + i + 0.25


def sex(i, d):
    return ["M", "F", "NA"][i % 3]


def test_a_word_for_missing_is_a_level_in_a_column_of_text_and_it_is_said(tmp_path):
    read = table(tmp_path, drinks=drinks, event=event, smokes=lambda i, d: ["true", "null"][(i + d) % 2])
    assert read.schema["drinks"].levels == ("Heavy", "Moderate", "None") and read.schema["drinks"].missing == 0
    assert read.schema["event"].levels == ("None", "Rash") and read.frame["event"].null_count() == 16
    assert read.frame["smokes"].null_count() == 24  # "null" is no third truth value
    (note,) = [note for note in read.notes if "'None'" in note]
    assert "drinks (16 cells), event (16 cells)" in note and "`null_values=None`" in note
    said = table(tmp_path, null_values=("None",), drinks=drinks, event=event)
    assert said.schema["drinks"].levels == ("Heavy", "Moderate") and said.frame["event"].null_count() == 32
    assert said.schema["drinks"].null_values is None and "'None' was read as missing in drinks (16 cells)" in said.notes[0]


def test_a_word_that_columns_of_numbers_write_means_missing_in_whole_columns_of_text_too(tmp_path):
    read = table(tmp_path, gappy=gappy, sex=sex)
    assert read.schema["sex"].levels == ("F", "M") and read.frame["sex"].null_count() == 16
    assert any("'NA' was read as missing in gappy (12 cells), sex (16 cells)" in note for note in read.notes)
    alone = table(tmp_path, sex=sex)
    assert alone.schema["sex"].levels == ("F", "M", "NA") and "`null_values=NA`" in alone.notes[0]
    other = table(tmp_path, gappy=gappy, event=lambda i, d: ["NA", "Rash", ""][(i + d) % 3])
    assert other.schema["event"].levels == ("NA", "Rash")  # there an empty cell means missing
    for word in ("NULL", "NaN", "."):  # what only programs write is no name
        assert table(tmp_path, sex=lambda i, d, word=word: ["M", "F", word][i % 3]).schema["sex"].levels == ("F", "M")


def test_the_schema_keeps_what_the_words_mean(tmp_path):
    columns = {
        "drinks": drinks,
        "event": event,
        "gappy": gappy,
        "note": lambda i, d: "None" if d else f"seen {i} {i * d} times",
    }
    read = table(tmp_path, **columns)
    schema = Schema.from_yaml(read.schema.yaml(), "a.yaml")
    assert schema == read.schema
    again = table(tmp_path, schema, **columns)
    assert again.fingerprint == read.fingerprint and again.schema == read.schema
    told = table(tmp_path, schema, null_values=("None",), **columns)
    assert told.frame["drinks"].null_count() == 16 and "None" in told.schema["drinks"].null_values
    statics = read_statics(pl.DataFrame({"drinks": ["None", "NA"]}), schema)
    assert statics["drinks"].to_list() == ["None", None]


def test_a_schema_without_words_for_a_column_reads_by_those_of_the_table(tmp_path):
    read = table(tmp_path, sex=sex)
    plain = [c.model_copy(update={"null_values": None, "levels": ()}) for c in read.schema.columns]
    old = Schema.from_yaml(read.schema.model_copy(update={"columns": tuple(plain)}).yaml(), "old.yaml")
    assert table(tmp_path, old, sex=sex).schema["sex"].levels == ("F", "M")
    none = [c.model_copy(update={"null_values": ()}) if c.name == "sex" else c for c in old.columns]
    kept = Schema.from_yaml(old.model_copy(update={"columns": tuple(none)}).yaml(), "kept.yaml")
    assert table(tmp_path, kept, sex=sex).schema["sex"].levels == ("F", "M", "NA")


def test_nobody_is_called_NA(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,day,lab\nA,1,2.5\nA,2,2.25\nNA,1,3.5\nB,1,3.75\n")
    with pytest.raises(DataError, match=r"data row 3, column 'id'.*empty"):
        read_table(path)


def test_given_values_are_counted_against_the_text_of_the_source(tmp_path):
    """What was given stands as it was spelled; a cell read as missing is filled and no given value; draws are compared."""
    path = tmp_path / "a.csv"
    path.write_text(
        "id,day,lab,sex,seen\n1,0,4.80,M,2020-01-01T09:15:00+02:00\n1,1,NA,M,2020-01-02T09:15:00Z\n"
        "2,0,2.25,None,2020-01-03 10:00\n2,1,,None,2020-01-04\n"
    )
    fitted = fit(path, read_table(path).schema)
    drawn = fitted.table.frame.with_columns(pl.col("lab").fill_null(1.5))
    done = Completed(fitted, [drawn, drawn], ("lab",), 0, 0, 0.0)
    assert done.holes == {"lab": {"empty": 2, "filled": 2}} and done.unchanged == (18, 18)
    for made in done.made():
        assert made["lab"].to_list() == ["4.80", "1.50", "2.25", "1.50"]
        assert made.drop("lab").equals(pl.read_csv(path, infer_schema=False).drop("lab"))
    done.write(tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text().splitlines()[:2] == [
        "draw,id,day,lab,sex,seen",
        "1,1,0,4.80,M,2020-01-01T09:15:00+02:00",
    ]
