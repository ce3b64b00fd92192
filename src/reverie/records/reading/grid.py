"""Where the table is in a grid of cells, as spreadsheets hold and export it.

    titles         lines above the header that fill fewer cells than it
    header         the names of the columns
    units          maybe a row under it that names units where the rest of the column is numbers
    data rows      among them rows without content, which are passed over
    total          maybe a last row that is called so

The first line that fills at least half of the columns is the header; nothing is taken for a title, for units or for a total
that could be data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reverie.records.places import shown

__all__ = ["HEAD", "Head", "blank", "head_of", "is_total", "notes_of"]

HEAD = 200
"""Rows that are looked at to find the header."""

_TITLES = 20
"""Rows with content that may stand above a header."""

_NUMBER = re.compile(r"\s*[<>]?=?\s*[-+]?(\d[\d., ']*|[.,]\d+)([eE][-+]?\d+)?\s*%?\s*")
_MISSING = {"na", "n/a", "nan", "null", "none", ".", "-", "--", "?"}
_UNITS = re.compile(
    r"%|‰|°|°?[cfk]|deg(rees?)?|n[mg]|[µμu][mgl]|[mckfpd]?[glm]|mcg|dl|mmol|[µμunpf]mol|mol|m?eq|[mkµμu]?iu|iu|u|mu|"
    r"\d*[ckm]?m[23²³]|mm|hg|mmhg|cmh2o|h2o|k?pa|m?bar|bpm|beats?|breaths?|k?cal|k?j|[mkµμu]?v|hz|w|k?n|lbs?|oz|in(ch(es)?)?|f(oo|ee)?t|"
    r"y(ea)?rs?|y|a|mo(nth)?s?|w(ee)?ks?|d(ay)?s?|h(ou)?rs?|h|min(ute)?s?|s(ec(ond)?s?)?|ms|score|points?|count|cells?|"
    r"jahre?|monate?|tage?|stunden?|ratio|index|fraction|units?|10e?\d*|x?10|\d+"
)
_FORMS = re.compile(r"[\[(]?(text|string|date|datetime|time|code|category|id|yes/no|[mf]/[mf]|[ymdhst.:/\s-]{4,})[\])]?")
_TOTAL = re.compile(r"(grand |sub)?totals?|sum|summe|gesamt|insgesamt|total general|end of (file|report|table|data)")


@dataclass(frozen=True)
class Head:
    """What stands above the data rows; places are counted from 0 in the rows that were looked at.

    Attributes:
        place: of the header.
        titles: the lines with content above it.
        units: by column, the units that the row under the header names; empty without such a row.
        under: the place of the row of units, or None.
    """

    place: int
    titles: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()
    under: int | None = None


def blank(cells: Sequence[str]) -> bool:
    """Whether a row has no content."""
    return not any(map(str.strip, cells))


def head_of(rows: Sequence[Sequence[str]]) -> Head | None:
    """The head of a grid, found in its first rows; None if they have no content at all."""
    filled = [sum(map(bool, map(str.strip, cells))) for cells in rows]
    content = [place for place, count in enumerate(filled) if count]
    if not content:
        return None
    place = _header(rows, filled, content)
    titles = tuple(" ".join(filter(None, map(str.strip, rows[i]))) for i in content if i < place)
    below = [i for i in content if i > place]
    units = _units(rows[place], [rows[i] for i in below])
    return Head(place, titles, units, below[0] if units else None)


def is_total(cells: Sequence[str], names: int) -> bool:
    """Whether the last row of a table of so many columns is its total: called so, and with few other cells filled."""
    first, rest = (cells[0] if cells else "").strip().rstrip(":").lower(), [cell for cell in cells[1:] if cell.strip()]
    return names > 2 and bool(_TOTAL.fullmatch(first)) and 2 * len(rest) <= names - 1


def notes_of(head: Head, blanks: int, nameless: int, total: Sequence[str] | None) -> tuple[str, ...]:
    """What was passed over, one sentence each."""
    notes = []
    if head.titles:
        lines = _were(len(head.titles), "line", "above the header")
        notes.append(f"{lines} passed over: {', '.join(shown(title) for title in head.titles)}.")
    if head.units:
        units = ", ".join(f"{name} in {unit}" for name, unit in head.units)
        notes.append(f"The row of units under the header was taken out: {units}.")
    if blanks:
        notes.append(f"{_were(blanks, 'row', 'without content')} passed over.")
    if nameless:
        notes.append(f"{_were(nameless, 'column', 'without name and content')} left out.")
    if total is not None:
        notes.append(f"The last row, {shown(' '.join(filter(None, total)))}, is a total and was left out.")
    return tuple(notes)


def _were(count: int, noun: str, which: str) -> str:
    return f"1 {noun} {which} was" if count == 1 else f"{count:,} {noun}s {which} were"


def _header(rows: Sequence[Sequence[str]], filled: list[int], content: list[int]) -> int:
    """The place of the header: the first line with content, unless it and others are titles above a header."""
    most, first = max(filled), content[0]
    few = max(1, most // 2)
    if most == 1 or filled[first] > few:
        return first
    place = next(i for i in content if filled[i] > few)
    above = [i for i in content if i < place]
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in rows[place])
    # a line of several cells may be a header that is too short, and then what follows it is data, which has numbers
    allowed = filled[place] // 3 if all(filled[i] == 1 for i in above) else 0
    return place if len(above) <= _TITLES and numbers <= allowed and _name_like(rows[place]) else first


def _name_like(cells: Sequence[str]) -> bool:
    """Whether a row can be the names of columns: all different."""
    names = [cell.strip() for cell in cells if cell.strip()]
    return len(set(names)) == len(names) and not _NUMBER.fullmatch(names[0])


def _units(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    """(column, unit) for each unit that the first row names, or nothing if it is a data row like others."""
    if len(rows) < 2:
        return ()
    units = []
    for place, name in enumerate(names):
        cell, *others = (cells[place].strip() if place < len(cells) else "" for cells in rows)
        others = [other for other in others if other and other.lower() not in _MISSING]
        if not cell:
            continue
        if all(map(_NUMBER.fullmatch, others)) and _is_unit(cell):
            units.append((name, cell))
        elif not _says_form(cell) or cell in others:
            return ()
    return tuple(units)


def _is_unit(cell: str) -> bool:
    if cell.lower() in _MISSING or _NUMBER.fullmatch(cell):
        return False
    bare = re.sub(r"^[\[(]|[\])]$", "", cell).lower()
    parts = [part for part in re.split(r"[/*·.^\s²³⁻¹-]+", bare) if part]
    return bool(parts) and all(map(_UNITS.fullmatch, parts))


def _says_form(cell: str) -> bool:
    """Whether a cell tells how the cells below it, which are no numbers, are written: text, yyyy-mm-dd, m/f."""
    return bool(_FORMS.fullmatch(cell.lower()))
