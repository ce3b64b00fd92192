"""One sheet of a workbook is a table as a CSV is; nothing of a hostile workbook is unpacked beyond the bounds."""

from __future__ import annotations

import struct
import sys
import zipfile
from datetime import date, datetime
from xml.sax.saxutils import escape

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.records.reading import Bounds, read_source

pytest.importorskip("fastexcel")

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DAY = date(2020, 1, 1)
EPOCH = datetime(1899, 12, 30)

HEADER = ["id", "visit", "at", "lab", "code", "mixed", "ok"]
ROWS = [
    [100 + p, date(2020, 1 + v, 1 + p), datetime(2020, 1, 1 + p, 6 * v), 9.5 + p, f"00{v}", [1, "x", 2.5][v], v == 1]
    for p in range(4)
    for v in range(3)
]


def cell(place, value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, datetime):
        return f'<c r="{place}" s="2"><v>{(value - EPOCH).total_seconds() / 86400}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="1"><v>{(value - EPOCH.date()).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def workbook(path, sheets, *, first=1, extra=b"", shared=None):
    """A small .xlsx: sheets by name as rows of cells, of which the first stands in row `first`."""
    kinds = '<Default Extension="xml" ContentType="application/xml"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types">{kinds}</Types>')
        links = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        book.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>')
        named = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{named}</sheets></workbook>')
        links = "".join(
            f'<Relationship Id="r{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        links += f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
        links += f'<Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>' if shared else ""
        book.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'
        )
        styles = '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/>'
        book.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}"><cellXfs count="3">{styles}</cellXfs></styleSheet>')
        if shared:
            book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}"><si><t>{shared}</t></si></sst>')
        for i, rows in enumerate(sheets.values(), 1):
            content = "".join(
                f'<row r="{r}">{"".join(cell(f"{chr(65 + c)}{r}", value) for c, value in enumerate(row))}</row>'
                for r, row in enumerate(rows, first)
            )
            content = f'<worksheet xmlns="{MAIN}"><sheetData>{content}'.encode() + extra + b"</sheetData></worksheet>"
            book.writestr(f"xl/worksheets/sheet{i}.xml", content)
    return path


def test_cells_have_the_types_of_their_columns(tmp_path):
    read = read_source(workbook(tmp_path / "a.xlsx", {"Data": [HEADER, *ROWS]}))
    kinds = [pl.Int64, pl.Date, pl.Datetime("us"), pl.Float64, pl.String, pl.String, pl.Boolean]
    assert read.frame.columns == HEADER and read.frame.dtypes == kinds and read.notes == ()
    assert read.frame.rows() == [tuple(str(x) if i == 5 else x for i, x in enumerate(row)) for row in ROWS]


@pytest.mark.parametrize("first", [1, 4])
def test_titles_units_blanks_and_totals_are_passed_over_as_in_text(tmp_path, first):
    rows = [["Export of X"], [], HEADER, [None, None, None, "mg/dL"], *ROWS[:5], [], *ROWS[5:], ["Total", None, None, 99.5]]
    read = read_source(workbook(tmp_path / "a.xlsx", {"Data": rows}, first=first))
    assert read.frame["visit"].to_list() == [row[1] for row in ROWS] and read.frame["lab"].to_list() == [
        row[3] for row in ROWS
    ]
    assert read.notes == (
        "1 line above the header was passed over: 'Export of X'.",
        "The row of units under the header was taken out: lab in mg/dL.",
        "1 row without content was passed over.",
        "The last row, 'Total 99.5', is a total and was left out.",
    )


def test_empty_columns_stay_if_they_have_a_name(tmp_path):
    rows = [[*HEADER, None, "note"], *([*row, None, None] for row in ROWS)]
    read = read_source(workbook(tmp_path / "a.xlsx", {"Data": rows}))
    assert read.frame.columns == [*HEADER, "note"] and read.frame["note"].null_count() == 12
    assert read.notes == ("1 column without name and content was left out.",)


def test_the_sheet_with_a_table_is_read_and_of_several_none(tmp_path):
    table = [HEADER, *ROWS]
    read = read_source(workbook(tmp_path / "a.xlsx", {"About": [["hello"], ["you"]], "Data": table, "Empty": []}))
    assert read.frame.height == 12 and read.notes == ("The sheet 'Data' was read; 'About' was left out.",)
    with pytest.raises(DataError, match=r"two\.xlsx has several sheets with tables \('A', 'B'\): save the one"):
        read_source(workbook(tmp_path / "two.xlsx", {"A": table, "B": table}))


def test_column_names_twice_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"several columns named 'lab' \(columns 4 and 5\)"):
        read_source(workbook(tmp_path / "a.xlsx", {"Data": [[*HEADER[:4], "lab", *HEADER[5:]], *ROWS]}))


def test_a_table_is_made_of_it(tmp_path):
    table = read_table(workbook(tmp_path / "a.xlsx", {"Data": [["Export"], HEADER, *ROWS]}), identifier="id", time="visit")
    assert len(table) == 4 and table.notes[0] == "1 line above the header was passed over: 'Export'."


def test_without_the_extra_a_sentence_says_how_to_install_it(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", {"Data": [HEADER, *ROWS]})
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(UsageError, match=r"a\.xlsx is a spreadsheet: to read it, pip install 'reverie\[formats\]'\.$"):
        read_source(path)


# --- workbooks that are small as files and large when read ----------------------------------------------------------------

FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
OFTEN = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (r, r) for r in range(100, 1100))

HOSTILE = {
    # what it is: how the workbook is made, the bounds, what the sentence must hold
    "many rows": ({}, Bounds(rows=12), "12 rows"),
    "many columns": ({}, Bounds(columns=6), "6 columns"),
    "many cells": ({}, Bounds(cells=90), "90 cells"),
    "a cell far away": ({"extra": FAR}, Bounds(), "1,073,741,824 cells"),
    "white space": ({"extra": b" " * 2**24}, Bounds(bytes=2**22), "4,194,304 bytes"),
    "a long text": ({"shared": "x" * 5000}, Bounds(text=1000), "1,000 bytes of text in one cell"),
    "a text for many cells": ({"shared": "x" * 50_000, "extra": OFTEN}, Bounds(bytes=2**22), "4,194,304 bytes"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_above_a_bound_is_refused_before_it_is_unpacked(hostile, tmp_path, monkeypatch):
    import fastexcel

    monkeypatch.setattr(fastexcel, "read_excel", lambda *_: pytest.fail("read"))
    made, most, words = HOSTILE[hostile]
    with pytest.raises(DataError, match=rf"^a\.xlsx has more than the {words}"):
        read_source(workbook(tmp_path / "a.xlsx", {"Data": [HEADER, *ROWS]}, **made), most=most)


def test_a_directory_that_tells_too_small_a_size_is_not_believed(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"Data": [HEADER, *ROWS]}, extra=b" " * 2**24)
    with zipfile.ZipFile(path) as book:
        size = book.getinfo("xl/worksheets/sheet1.xml").file_size
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 900)))
    with pytest.raises(DataError, match="4,194,304 bytes"):
        read_source(path, most=Bounds(bytes=2**22))


def test_a_workbook_that_is_damaged_anywhere_costs_a_sentence_at_most(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"Data": [HEADER, *ROWS]})
    good, refused = path.read_bytes(), 0
    for place in range(4, len(good), 61):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        try:
            read_source(path)
        except DataError as error:
            refused += 1
            assert str(error).startswith("a.xlsx") and str(error).endswith(".")
    assert refused > 10
    path.write_bytes(good[:-100])
    with pytest.raises(DataError, match="not a whole spreadsheet"):
        read_source(path)
