"""Spreadsheets, read by fastexcel, which the extra "formats" installs: one sheet, with what stands above its header.

A workbook is a zip of XML. How much it unpacks to, how far its cells reach, and how much text they refer to is found out
first (workbook.py), for the library that reads it takes all of that at once.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import damaged, shown, twice
from reverie.records.reading import grid
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.frames import with_integers
from reverie.records.reading.workbook import check_workbook

__all__ = ["SHEETS", "read_spreadsheet"]

SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
"""Suffixes of spreadsheets."""

_PLAIN = (pl.Boolean, pl.String, pl.Date, pl.Int64, pl.Float64)


def read_spreadsheet(path: Path, name: str, most: Bounds) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The table of the one sheet that has one, and notes; columns of one type have it, others are text.

    Raises UsageError without fastexcel, DataError for a damaged file, one beyond the bounds, and several sheets with tables.
    """
    try:
        import fastexcel
    except ImportError:
        raise UsageError(f"{name} is a spreadsheet: to read it, pip install 'reverie[formats]'.") from None
    most.check(name, bytes=path.stat().st_size)
    if path.suffix.lower() != ".xls":
        check_workbook(path, name, most)
    try:
        book = fastexcel.read_excel(path)
        sheet, notes = _sheet(book, name)
        text = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
        most.check(name, columns=text.width, rows=text.height, cells=text.width * text.height)
        rows = [["" if cell is None else cell for cell in row] for row in text.head(grid.HEAD).rows()]
        if (head := grid.head_of(rows)) is None:
            raise DataError(f"{name} has no header: one row must hold the names of the columns.")
        content = text.select(pl.any_horizontal(pl.all().str.strip_chars().fill_null("") != "")).to_series()
        data = [i for i, full in enumerate(content) if full and i > head.place and i != head.under]
        last = ["" if cell is None else cell for cell in text.row(data[-1])] if data else []
        total = last if len(data) > 1 and grid.is_total(last, text.width) else None
        data = data if total is None else data[:-1]
        typed = _typed(book, sheet, data, text) if data else text.clear()
    except fastexcel.FastExcelError as error:
        raise damaged(name, "spreadsheet", shown(str(error).split("\n")[0], 120), "save or copy") from error
    cells = text[data]
    columns = [_column(cells[column], typed[column] if column in typed.columns else None) for column in text.columns]
    names, kept, nameless = rows[head.place], [], 0
    for title, column in zip(names, columns, strict=True):
        if title.strip() or column.null_count() < len(column):
            kept.append(column.alias(title))
        else:
            nameless += 1
    if again := next((c for c, count in Counter(column.name for column in kept).items() if count > 1), None):
        raise twice(name, again, [i for i, title in enumerate(names) if title == again])
    blanks = int((~content[head.place :]).sum())
    return with_integers(pl.DataFrame(kept)), (*notes, *grid.notes_of(head, blanks, nameless, total))


def _sheet(book: Any, name: str) -> tuple[str, tuple[str, ...]]:
    """The sheet that holds a table, of two columns and rows or more, and a note on others. Raises DataError for several."""
    sheets = {title: book.load_sheet(title, header_row=None, n_rows=2, dtypes="string") for title in book.sheet_names}
    full = [title for title, sheet in sheets.items() if sheet.width and sheet.height]
    tables = [
        title for title in full if min(sheets[title].width, sheets[title].height) > 1 and sheets[title].visible == "visible"
    ]
    if len(tables) > 1:
        raise DataError(
            f"{name} has several sheets with tables ({', '.join(map(shown, tables))}): save the one that you mean as a file."
        )
    if not tables:
        raise DataError(f"{name} has no rows: a table needs at least one.")
    others = [shown(title) for title in full if title != tables[0]]
    if not others:
        return tables[0], ()
    verb = "was" if len(others) == 1 else "were"
    return tables[0], (f"The sheet {shown(tables[0])} was read; {', '.join(others)} {verb} left out.",)


def _typed(book: Any, sheet: str, data: list[int], text: pl.DataFrame) -> pl.DataFrame:
    """The data rows, of types that fit all rows from the first of them on."""
    empty: dict[str | int, Any] = {i: "string" for i, cells in enumerate(text[data]) if cells.null_count() == len(data)}
    how = {"header_row": None, "schema_sample_rows": None, "dtypes": empty or None}
    typed = book.load_sheet(sheet, skip_rows=data[0], **how)
    if above := typed.height - (text.height - data[0]):  # empty rows above all content are counted here, and not elsewhere
        typed = book.load_sheet(sheet, skip_rows=data[0] + above, **how)
    return typed.to_polars()[[i - data[0] for i in data]]


def _column(text: pl.Series, typed: pl.Series | None) -> pl.Series:
    """Cells with their type, where they have one that a table may have; dates without a time of day are dates."""
    if typed is not None and isinstance(typed.dtype, pl.Datetime):
        days = typed.dt.truncate("1d")
        return typed.dt.date() if days.equals(typed) else typed.cast(pl.Datetime("us"))
    if typed is not None and typed.dtype in _PLAIN and typed.dtype != pl.String:
        return typed
    return text.set(text.str.strip_chars() == "", None)
