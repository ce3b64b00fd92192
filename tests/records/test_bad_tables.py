"""A corpus of broken tables: each gives one sentence with place and remedy, exit code 3, and nothing written."""

import contextlib
import gzip
import io

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from reverie.cli.data import app
from reverie.errors import DataError, UsageError
from reverie.records import footer, reading
from reverie.records.schema import Schema
from reverie.records.table import read_table

GOOD = [["id", "year", "sex", "lab", "stage"]] + [
    [str(p), str(v / 2), "fm"[p % 2], str(10 + (7 * p + 3 * v) % 41), str(1 + (p + v) % 4)]
    for p in range(12)
    for v in range(4)
]
"""12 patients of 4 visits. Data row 4 p + v + 1 is visit v of patient p."""


def text(rows=GOOD, **cells):
    """The CSV of rows, with cells replaced: r7_lab="x" puts x into column lab of data row 7."""
    rows = [list(row) for row in rows]
    for place, value in cells.items():
        row, column = place[1:].split("_", 1)
        rows[int(row)][rows[0].index(column)] = value
    return "\n".join(",".join(row) for row in rows) + "\n"


def line(row, content):
    """The good CSV with one data row replaced by a raw line."""
    lines = text().splitlines()
    lines[row] = content
    return "\n".join(lines) + "\n"


def parquet(frame):
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


GOOD_FRAME = pl.read_csv(text().encode())
MIXED = text(**{f"r{r}_lab": "pending" if r == 31 else f"{r + 0.5}" for r in range(1, 49)})
NESTED = GOOD_FRAME.with_columns(scan=pl.Series([[1, 2]] * 48))

CORPUS = {
    # name of the file, its content, what the sentence must hold
    "no bytes": ("a.csv", b"", ["a.csv is empty"]),
    "header only": ("a.csv", b"id,year,lab\n", ["no rows"]),
    "empty lines only": ("a.csv", b"\n\n\n", ["no header"]),
    "wrong suffix": ("a.doc", text(), ["'.doc'", ".parquet"]),
    "no suffix": ("a", text(), ["no suffix"]),
    "spreadsheet": ("a.xlsx", b"PK\x03\x04rest", ["not a whole spreadsheet"]),
    "spreadsheet called CSV": ("a.csv", b"PK\x03\x04rest", ["not what its suffix says", ".xlsx"]),
    "gzip called CSV": ("a.csv", gzip.compress(text().encode()), ["not what its suffix says", ".csv.gz"]),
    "text called gzip": ("a.csv.gz", text(), ["not what its suffix says", "text"]),
    "text called Parquet": ("a.parquet", text(), ["not what its suffix says", "text"]),
    "truncated Parquet": ("a.parquet", parquet(GOOD_FRAME)[:-100], ["not a whole Parquet file"]),
    "damaged Parquet": ("a.parquet", b"PAR1" + bytes(range(256)) * 4 + b"PAR1", ["not a whole Parquet file"]),
    "Parquet without rows": ("a.parquet", parquet(GOOD_FRAME.clear()), ["no rows"]),
    "nested cells": ("a.parquet", parquet(NESTED), ["column 'scan'", "List"]),
    "truncated gzip": ("a.csv.gz", gzip.compress(text().encode())[:-20], ["not a whole gzip file"]),
    "damaged gzip": ("a.csv.gz", gzip.compress(text().encode())[:30] + b"\xff" * 200, ["not a whole gzip file"]),
    "gzip bomb": ("a.csv.gz", gzip.compress(b"id,year,lab\n" + b"0" * (20 << 20)), ["unpacks to more than"]),
    "Latin-1 in UTF-8": (
        "a.csv",
        text(r4_sex="weiß").encode() + "9,9,weiß,3,2\n".encode("latin-1"),
        ["data row 49", "column 'sex'", "0xdf", "UTF-8"],
    ),
    "Latin-1 header of UTF-8": (
        "a.csv",
        "größe;".encode("latin-1") + text(r5_sex="weiß").replace(",", ";").encode(),
        ["header", "UTF-8"],
    ),
    "half a letter in UTF-16": ("a.csv", text().encode("utf-16")[:-1], ["UTF-16", "UTF-8"]),
    "NUL byte": ("a.csv", text(r9_lab="1\0"), ["data row 9", "column 'lab'", "NUL"]),
    "column names twice": ("a.csv", text().replace("stage", "lab", 1), ["'lab'", "columns 4 and 5"]),
    "row too short between semicolons": (
        "a.csv",
        line(6, "1,0.5,m").replace(",", ";"),
        ["data row 6", "column 'lab'", "3 cells", "semicolons in quotes"],
    ),
    "row too short": ("a.csv", line(6, "1,0.5,m"), ["data row 6", "column 'lab'", "3 cells", "5"]),
    "row too long": ("a.csv", line(6, "1,0.5,m,3,2,9"), ["data row 6", "'9'", "6 cells"]),
    "quote left open": ("a.csv", line(48, '11,1.5,"m,3,2'), ["data row 48", "quote"]),
    "no identifier in a row": ("a.csv", text(r17_id=""), ["data row 17", "column 'id'", "empty"]),
    "no time in a row": ("a.csv", text(r18_year="NA"), ["data row 18", "column 'year'", "empty"]),
    "text in the time": ("a.csv", text(r19_year="soon"), ["data row 19", "column 'year'", "'soon'"]),
    "only text for times": ("a.csv", text(**{f"r{r}_year": f"x{r % 4}" for r in range(1, 49)}), ["data row 1", "'year'"]),
    "infinity": ("a.csv", text(r20_lab="inf"), ["data row 20", "column 'lab'", "infinite"]),
    "infinite time": ("a.csv", text(r20_year="-inf"), ["data row 20", "column 'year'", "infinite"]),
    "same time twice": (
        "a.csv",
        text(r6_year="0.0"),
        ["data row 6", "data row 5", "column 'lab'", "'1'", "duplicates", "leaves out 1 of 48"],
    ),
    "a row for each test": (
        "a.csv",
        "row_id,person_id,what,day,found\n"
        + "".join(f"{k},{9 - k // 8},{['Na', 'K'][k % 2]},{k // 2},{k}.5\n" for k in range(40)),
        [
            "row for each 'what' (Na, K, ...)",
            "20 of its 40 rows",
            "'person_id' and 'day'",
            "`long=what found`",
            "`id`",
            "first",
        ],
    ),
    "numbers and text": ("a.csv", MIXED, ["data row 31", "column 'lab'", "'pending'", "null_values", "categorical"]),
    "nothing to model": ("a.csv", text([row[:2] for row in GOOD]), ["nothing left to model"]),
    "all columns constant": (
        "a.csv",
        text([[*row[:2], row[2] if i == 0 else "x"] for i, row in enumerate(GOOD)]),
        ["nothing left"],
    ),
}


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def is_one_sentence(message):
    return message.endswith(".") and "\n" not in message and ". " not in message.replace("e.g. ", "")


def test_the_good_table_is_good(tmp_path):
    table = read_table(written(tmp_path, "good.csv", text()))
    assert (len(table), table.frame.height) == (12, 48)
    assert [note for note in table.notes if "rule holds" not in note] == []


@pytest.mark.parametrize("fault", CORPUS)
def test_a_broken_table_is_refused_in_one_sentence_with_exit_3_and_nothing_written(fault, tmp_path):
    name, content, words = CORPUS[fault]
    path, schema = written(tmp_path, name, content), tmp_path / "schema.yaml"
    result = CliRunner().invoke(app, [str(path), "--schema", str(schema)])
    assert isinstance(result.exception, DataError), result.exception or result.output
    assert result.exception.exit_code == 3
    message = str(result.exception)
    assert all(word in message for word in words), message
    assert path.name in message and is_one_sentence(message), message
    assert not result.stdout
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_is_a_usage_error(tmp_path):
    for source, words in (
        (tmp_path / "no.csv", "there is no file"),
        (tmp_path, "is a folder"),
        ("pbc3", "did you mean pbc2"),
    ):
        with pytest.raises(UsageError, match=words):
            read_table(source)
    with pytest.raises(UsageError, match="not list"):
        read_table([1, 2])


# --- tables that are small as files and large when read ------------------------------------------------------------------

MOST = reading.Bounds(bytes=40_000, rows=100, columns=20, cells=1000, text=500)


def columns(count):
    return {"id": [1, 1], "year": [0, 1]} | {f"c{i}": [0.5 * i, 1.5] for i in range(count - 2)}


def repeated(text, rows):
    """A dictionary of one text, in pages of a few bytes."""
    frame = pl.DataFrame({"id": np.arange(rows), "year": np.zeros(rows)})
    return parquet(frame.with_columns(note=pl.Series([text]).new_from_index(0, rows)))


HOSTILE = {
    # what it is: name of the file, its content, what the sentence must hold
    "long CSV": ("a.csv", text() + "9,9,f,3,2\n" * 4000, ["40,000 bytes"]),
    "gzip that grows": ("a.csv.gz", gzip.compress(text().encode() + b"9,9,f,3,2\n" * 4000), ["40,000 bytes"]),
    "many rows": ("a.csv", text([["id", "year"], *[["1", "2"]] * 101]), ["100 rows"]),
    "many empty lines": ("a.csv", text() + "\n" * 101, ["100 rows"]),
    "many columns": ("a.csv", pl.DataFrame(columns(21)).write_csv(), ["20 columns"]),
    "many cells": ("a.csv", text([["id", *map(str, range(19))], *[["1"] * 20] * 51]), ["1,000 cells"]),
    "long text": ("a.csv", text(r3_sex="f" * 501), ["500 bytes of text in one cell"]),
    "many rows of runs": ("a.parquet", repeated("x", 101), ["100 rows"]),
    "many columns in Parquet": ("a.parquet", parquet(pl.DataFrame(columns(21))), ["20 columns"]),
    "many cells in Parquet": (
        "a.parquet",
        parquet(pl.DataFrame(columns(20)).sample(52, with_replacement=True)),
        ["1,000 cells"],
    ),
    "long text in pages": ("a.parquet", repeated("x" * 40_001, 1), ["40,000 bytes"]),
    "long text once for many": ("a.parquet", repeated("x" * 501, 60), ["500 bytes of text in one cell"]),
    "text once for many": ("a.parquet", repeated("x" * 500, 100), ["40,000 bytes"]),
    "many values in a cell": (
        "a.parquet",
        parquet(pl.DataFrame({"id": [1], "year": [0], "scan": [[0] * 9999]})),
        ["'scan'"],
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_above_a_bound_is_refused_by_name_and_bound(hostile, tmp_path):
    name, content, words = HOSTILE[hostile]
    path = written(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        reading.read_source(path, most=MOST)
    message = str(caught.value)
    assert name in message and all(word in message for word in words) and is_one_sentence(message), message


@pytest.mark.parametrize(
    "hostile", ["long text in pages", "many rows of runs", "many columns in Parquet", "many values in a cell"]
)
def test_a_parquet_file_is_judged_by_its_footer(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(pl, "read_parquet", lambda *_, **__: pytest.fail("read"))
    name, content, _ = HOSTILE[hostile]
    with pytest.raises(DataError):
        reading.read_source(written(tmp_path, name, content), most=MOST)


def test_a_table_just_within_the_bounds_is_read(tmp_path):
    for name, content in (("a.csv", text(r3_sex="f" * 500)), ("a.parquet", parquet(GOOD_FRAME))):
        assert reading.read_source(written(tmp_path, name, content), most=MOST).frame.shape == (48, 5)


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "uncompressed"])
def test_the_footer_says_how_much_is_unpacked(compression, tmp_path):
    frame = pl.DataFrame({"x": np.arange(10_000.0), "s": ["abc"] * 10_000, "d": [b"\0" * 30] * 10_000})
    sizes = [
        (path := tmp_path / f"{rows}.parquet", frame.write_parquet(path, compression=compression, row_group_size=rows))
        for rows in (500, 10_000)
    ]
    for path, _ in sizes:
        assert 80_000 < footer.unpacked(path, 10_000) < 600_000


def test_a_footer_that_is_changed_anywhere_costs_a_sentence_at_most(tmp_path):
    good = parquet(GOOD_FRAME)
    path = tmp_path / "a.parquet"
    for place in range(len(good) - 8 - int.from_bytes(good[-8:-4], "little"), len(good), 17):
        for byte in (0, 0x7F, 0x80, 0xFF):
            path.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
            with contextlib.suppress(footer.Damaged):
                footer.unpacked(path, 10_000)
    with pytest.raises(footer.Damaged, match="longer than 100 bytes"):
        path.write_bytes(good)
        footer.unpacked(path, 100)


SCHEMA = read_table(GOOD_FRAME, name="good").schema


def changed(schema=SCHEMA, column=None, **update):
    columns = tuple(c.model_copy(update=update) if c.name == column else c for c in schema.columns)
    return schema.model_copy(update={"columns": columns})


WITH_SCHEMA = {
    "unseen level": (text(r7_sex="x"), SCHEMA, ["data row 7", "column 'sex'", "'x'", "f, m"]),
    "unseen code": (text(r8_stage="9"), SCHEMA, ["data row 8", "column 'stage'", "'9'", "1, 2, 3, 4"]),
    "column gone": (text().replace("lab", "labs", 1), SCHEMA, ["no column 'lab'", "'labs'"]),
    "column more": (
        text([[*row, "new"] if i == 0 else [*row, "1"] for i, row in enumerate(GOOD)]),
        SCHEMA,
        ["a column 'new'"],
    ),
    "below its bound": (text(r9_lab="-1"), SCHEMA, ["data row 9", "column 'lab'", "below", "lower"]),
    "above its bound": (text(r9_lab="99"), changed(column="lab", upper=60.0), ["data row 9", "99 is above", "60", "upper"]),
    "static that varies": (text(r6_sex="f"), SCHEMA, ["data row 6", "column 'sex'", "'f' differs from 'm'", "varying"]),
    "text for a number": (text(r9_lab="high"), SCHEMA, ["data row 9", "column 'lab'", "'high' is not a whole number"]),
    "fraction for a whole number": (text(r9_lab="1.5"), SCHEMA, ["data row 9", "'1.5' is not a whole number"]),
    "text for the time": (text(r9_year="late"), SCHEMA, ["data row 9", "column 'year'", "'late' is not a number"]),
    "constant that changes": (text(), changed(column="sex", kind="constant", value="f"), ["data row 5", "'m'", "'f'"]),
    "empty that is filled": (text(), changed(column="lab", kind="empty"), ["data row 1", "column 'lab'", "empty"]),
    "nothing marked to learn": (
        text(),
        changed(changed(changed(column="sex", kind="text"), "lab", kind="text"), "stage", kind="text"),
        ["nothing left to model"],
    ),
}


@pytest.mark.parametrize("fault", WITH_SCHEMA)
def test_a_table_that_breaks_its_schema_is_refused_with_row_and_column(fault, tmp_path):
    content, schema, words = WITH_SCHEMA[fault]
    path, rules = written(tmp_path, "a.csv", content), written(tmp_path, "rules.yaml", schema.yaml())
    result = CliRunner().invoke(app, [str(path), "--using", str(rules)])
    assert isinstance(result.exception, DataError), result.exception or result.output
    message = str(result.exception)
    assert all(word in message for word in ["a.csv", *words]), message
    assert is_one_sentence(message) and not result.stdout


def test_a_schema_that_is_no_schema_is_a_usage_error():
    twice = SCHEMA.yaml().replace("role: time", "role: varying")
    for content, words in (("a: [", "not YAML"), ("columns: 3", "columns"), ("", "."), (twice, "one time column")):
        with pytest.raises(UsageError, match=words):
            Schema.from_yaml(content, "rules.yaml")
    with pytest.raises(UsageError, match="type 'Float99'"):
        read_table(GOOD_FRAME, changed(column="lab", type="Float99"))


def test_frames_have_the_same_faults_as_files():
    with pytest.raises(DataError, match=r"the frame, data row 3, column 'lab'.*infinite"):
        read_table(GOOD_FRAME.with_columns(lab=pl.Series(np.where(np.arange(48) == 2, np.inf, 1.5 * np.arange(48)))))
    with pytest.raises(DataError, match="no rows"):
        read_table(GOOD_FRAME.clear())
    with pytest.raises(DataError, match="'scan'"):
        read_table(NESTED)


def test_a_row_number_counts_data_rows_only(tmp_path):
    """Empty lines and line breaks inside quotes are no rows."""
    lines = text(r9_lab="inf").splitlines()
    lines[3] = '0,1.0,"f\nf",11,3'
    path = written(tmp_path, "a.csv", "\n".join([*lines[:5], "", "", *lines[5:]]))
    with pytest.raises(DataError, match="data row 9, column 'lab'"):
        read_table(path)
