"""Text of separated cells in the forms in which systems and spreadsheets write it: every cell arrives as it stands."""

from __future__ import annotations

import gzip

import pytest

from reverie.errors import DataError
from reverie.records import read_table
from reverie.records.reading import read_source

ROWS = [(f"p{p:02d}", str(v), f"{9 + (7 * p + 3 * v) % 41 / 10:.1f}", "mf"[p % 2]) for p in range(12) for v in range(3)]
HEADER = ("id", "year", "lab", "sex")


def text(separator=",", decimal=".", header=HEADER, rows=ROWS):
    return "".join(f"{separator.join(row)}\n" for row in [header, *([c.replace(".", decimal) for c in row] for row in rows)])


def cells(tmp_path, content, name="visits.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_source(path)


@pytest.mark.parametrize(
    ("name", "separator", "word"),
    [
        ("a.csv", ",", None),
        ("a.csv", ";", "semicolons"),
        ("a.csv", "\t", "tabs"),
        ("a.csv", "|", "bars"),
        ("a.tsv", "\t", "tabs"),
        ("a.tab", "\t", "tabs"),
        ("a.psv", "|", "bars"),
        ("a.txt", ";", "semicolons"),
        ("a.PSV", "|", "bars"),
    ],
)
def test_the_separator_is_found_and_named(tmp_path, name, separator, word):
    read = cells(tmp_path, text(separator), name)
    assert read.frame.columns == list(HEADER) and read.frame.rows() == ROWS
    assert read.notes == (() if word is None else (f"Cells are separated by {word}.",))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "psv", "txt"])
def test_packed_text_is_read_alike(tmp_path, suffix):
    assert cells(tmp_path, gzip.compress(text("|").encode()), f"a.{suffix}.gz").frame.rows() == ROWS


HARD = {
    # text whose separator is not the sign that occurs most often: (text, first data row)
    "decimal commas": (text(";", ","), ("p00", "0", "9,0", "m")),
    "two decimal commas in every row": (
        "id;d;size;lab\n" + "".join(f"{i};0{i % 9 + 1}.03.2019;16{i % 9},6;8,35\n" for i in range(1, 20)),
        ("1", "02.03.2019", "161,6", "8,35"),
    ),
    "decimal commas and tabs": (text("\t", ","), ("p00", "0", "9,0", "m")),
    "commas in the names": (text(";", header=("id", "year", "lab, mg", "sex, m/f")), ROWS[0]),
    "separators in quotes": (text(";").replace("p00", '"p;00; x"'), ("p;00; x", *ROWS[0][1:])),
    "lines in quotes": (text(";").replace("p00", '"p\n00"'), ("p\n00", *ROWS[0][1:])),
    "semicolons in the cells of commas": (text().replace("m\n", "m;1\n").replace("f\n", "f;2\n"), (*ROWS[0][:3], "m;1")),
    "a title with a comma": ("Export, site 3\n" + text(";", ","), ("p00", "0", "9,0", "m")),
    "told to Excel": ("sep=;\r\n" + text(";", ",").replace("\n", "\r\n"), ("p00", "0", "9,0", "m")),
}


@pytest.mark.parametrize("case", HARD)
def test_a_sign_that_occurs_in_cells_is_not_taken_for_the_separator(tmp_path, case):
    content, first = HARD[case]
    frame = cells(tmp_path, content).frame
    assert frame.row(0) == first and frame.width == 4


def test_one_column_has_no_separator(tmp_path):
    read = cells(tmp_path, "sex\nf\nm\n")
    assert read.frame.to_dict(as_series=False) == {"sex": ["f", "m"]} and read.notes == ()


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_a_row_with_too_few_cells_is_named_whatever_separates_them(tmp_path, separator):
    with pytest.raises(
        DataError, match=r"data row 37, column 'lab': the row ends here, it has 2 cells where the header has 4"
    ):
        cells(tmp_path, text(separator, ",") + f"p99{separator}1\n")


# --- letters and lines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "The file is in UTF-16."),
        ("latin-1", "The file is not in UTF-8: it was read as cp1252 (Latin-1), for example 'größe'."),
        ("cp1252", "The file is not in UTF-8: it was read as cp1252 (Latin-1), for example 'größe'."),
    ],
)
def test_letters_are_read_in_the_encoding_of_the_file(tmp_path, encoding, note):
    content = text(header=("id", "year", "größe", "sex")).replace("m\n", "männlich\n").encode(encoding)
    read = cells(tmp_path, content)
    assert read.frame.columns == ["id", "year", "größe", "sex"] and read.frame["sex"][0] == "männlich"
    assert read.notes == (() if note is None else (note,))


def test_what_is_utf8_in_part_is_refused_rather_than_read_as_other_letters(tmp_path):
    content = text(";").replace("m\n", "männlich\n").encode() + "p99;0;9.1;weiß\n".encode("latin-1")
    with pytest.raises(DataError, match=r"data row 37, column 'sex': byte .* \(0xdf\) is not UTF-8"):
        cells(tmp_path, content)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path, end):
    read = cells(tmp_path, text().replace("\n", end).encode())
    assert read.frame.rows() == ROWS and read.notes == ()


# --- what spreadsheets leave around a table ------------------------------------------------------------------------


def test_columns_without_name_and_content_are_left_out(tmp_path):
    read = cells(tmp_path, text().replace("\n", ",, \n"))
    assert read.frame.columns == list(HEADER) and read.frame.rows() == ROWS
    assert read.notes == ("2 columns without name and content were left out.",)


def test_a_column_without_name_that_has_content_stays_and_two_are_refused(tmp_path):
    assert cells(tmp_path, text(header=("", *HEADER[1:]))).frame.columns == ["", *HEADER[1:]]
    with pytest.raises(DataError, match=r"several columns named '' \(columns 1 and 2\)"):
        cells(tmp_path, text(header=("", "", *HEADER[2:])))


def test_empty_cells_behind_a_row_are_no_fault_and_others_are(tmp_path):
    assert cells(tmp_path, text().replace("m\n", "m,,\n")).frame.rows() == ROWS
    with pytest.raises(DataError, match=r"data row 1: the row goes on with 'x', it has 6 cells"):
        cells(tmp_path, text().replace("m\n", "m,x,\n"))


def test_rows_without_content_are_passed_over_and_not_counted(tmp_path):
    lines = text().splitlines()
    read = cells(tmp_path, "\n".join([*lines[:5], "", ",,,", *lines[5:], ",,,", " , ,,"]) + "\n")
    assert read.frame.rows() == ROWS and read.notes == ("4 rows without content were passed over.",)
    with pytest.raises(DataError, match="data row 5, column 'sex'"):
        cells(tmp_path, "\n".join([*lines[:5], "", ",,,", "p9,1,2", *lines[5:]]))


TITLES = {
    "one, filled up with separators": ("Export of study X,,,\n,,,\n", "1 line above the header was", "'Export of study X'"),
    "two, bare": ("Export of X\nMade on 3 May\n\n", "2 lines above the header were", "'Export of X', 'Made on 3 May'"),
    "of two cells": ("Study,X-001,,\nSite,3,,\n", "2 lines above the header were", "'Study X-001', 'Site 3'"),
}


@pytest.mark.parametrize("case", TITLES)
def test_titles_above_the_header_are_passed_over_and_said(tmp_path, case):
    title, lines, told = TITLES[case]
    read = cells(tmp_path, title + text())
    assert read.frame.columns == list(HEADER) and read.frame.rows() == ROWS
    assert read.notes == (f"{lines} passed over: {told}.",)


def test_a_header_that_is_too_short_is_no_title(tmp_path):
    with pytest.raises(DataError, match=r"data row 1: the row goes on with .* 4 cells where the header has 2"):
        cells(tmp_path, text(header=("id", "year")))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",years,mg/dL,", "year in years, lab in mg/dL"),
        (",(years),[10^9/L],m/f", "year in (years), lab in [10^9/L]"),
        (",,%,", "lab in %"),
        ("text,days,mL/min/1.73m2,text", "year in days, lab in mL/min/1.73m2"),
    ],
)
def test_a_row_of_units_is_taken_out_and_said(tmp_path, row, told):
    lines = text().splitlines()
    read = cells(tmp_path, "\n".join([lines[0], row, *lines[1:]]))
    assert read.frame.rows() == ROWS
    assert read.notes == (f"The row of units under the header was taken out: {told}.",)


@pytest.mark.parametrize("row", ["p99,0,high,m", "p99,0,,m", "p99,NA,NA,m", ",0,g,m", "p99,,%,m", "7,1,mg,f"])
def test_a_first_row_that_could_be_data_is_data(tmp_path, row):
    lines = text().splitlines()
    read = cells(tmp_path, "\n".join([lines[0], row, *lines[1:]]))
    assert read.frame.row(0) == tuple(cell or None for cell in row.split(",")) and read.frame.height == 37


def test_a_total_is_left_out_and_a_last_row_that_could_be_data_is_not(tmp_path):
    read = cells(tmp_path, text() + "Total,,345.6,\n")
    assert read.frame.rows() == ROWS and read.notes == ("The last row, 'Total 345.6', is a total and was left out.",)
    for row in ("Total,0,345.6,m", "p12,,345.6,"):
        assert cells(tmp_path, text() + row).frame.height == 37


def test_the_table_tells_what_was_decided_about_its_form(tmp_path):
    path = tmp_path / "visits.csv"
    path.write_bytes(("Export of X\n\n" + text(";")).encode())
    table = read_table(path)
    assert len(table) == 12 and table.notes[:2] == (
        "Cells are separated by semicolons.",
        "1 line above the header was passed over: 'Export of X'.",
    )
