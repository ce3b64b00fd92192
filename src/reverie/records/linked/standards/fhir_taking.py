"""The elements of a resource taken into a row: each is asked for once, and what was read of alike ones is remembered.

    element -> (cells, what of it no column takes)

Most of what resources hold they hold again and again (codes, units, patients), so that a column (fhir_columns.py) reads it
once. Times, numbers and plain texts differ, and are taken at once where they stand as they should; all else goes the long
way. What is read is the same either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from reverie.records.linked.standards.fhir_columns import Column, Node, Plain, Reference, Seen
from reverie.records.linked.standards.fhir_resources import Resource
from reverie.records.linked.standards.fhir_values import Amount, Time, Value

__all__ = ["Taken", "holds", "left_of"]

Take = Callable[[Any, list[Any], list[str]], None]
"""Of an element that is there: fills the row, and adds the paths of what no column takes."""

_Shape = tuple[tuple[tuple[str, Take], ...], tuple[str, ...]]

_KNOWN, _LONG = 20_000, 400
"""Elements of one name that are remembered, and characters of one; and sets of elements."""
_QUANTITY = {"value", "unit", "code", "system", "comparator"}


class Taken:
    """How the resources of one type are taken apart.

    Attributes:
        places: where the cells of each column stand in a row; the key is the first.
        own: elements that are no column's and no loss.
        roots: elements that are read.
    """

    def __init__(self, declared: Resource, seen: Seen, place: str, own: frozenset[str]) -> None:
        self.places = {name: i for i, name in enumerate(declared.cells)}
        self.own, self.seen, self.place = own, seen, place
        of: dict[str, list[Column]] = {}
        for column in declared.columns:
            for root in column.roots:
                of.setdefault(root, []).append(column)
        self.takes = tuple((root, self._take(root, columns)) for root, columns in of.items())
        self.roots = frozenset(of)
        self.shapes: dict[tuple[str, ...], _Shape] = {}

    def read(self, resource: Node, row: list[Any]) -> list[str]:
        """Fills the row; the paths of what no column takes."""
        elements = tuple(resource)
        try:
            takes, others = self.shapes[elements]
        except KeyError:
            takes, others = self._shape(elements)
        left: list[str] = []
        for root, take in takes:
            if (value := resource[root]) is not None:
                take(value, row, left)
        for key in others:
            if holds(resource[key]):
                left.append(key)
        return left

    def _shape(self, elements: tuple[str, ...]) -> _Shape:
        """Of resources with these elements what is read, in the order of columns, and what is not."""
        takes = tuple((root, take) for root, take in self.takes if root in elements)
        others = tuple(key for key in elements if key not in self.roots and key not in self.own)
        if len(self.shapes) >= _KNOWN:
            self.shapes.clear()
        self.shapes[elements] = takes, others
        return takes, others

    def _take(self, root: str, columns: list[Column]) -> Take:
        if len(columns) == 1:
            column = columns[0]
            if isinstance(column, Plain) and column.path == (root,):
                return _plain(root, self.places[column.name], bool if column.dtype == pl.Boolean else str)
            if isinstance(column, Reference) and column.path == (root,):
                return self._reference(root, column)
            if isinstance(column, Time) and root != column.path[0]:
                return _plain(root, self.places[column.start], str)
            if isinstance(column, Time):
                return self._period(root, column)
            if isinstance(column, Value) and root == "valueString":
                return _plain(root, self.places["value_text"], str)
            if isinstance(column, Value) and (root,) == column.amount.path:
                return self._amount(root, column.amount, self._slowly(root, columns))
        return self._remembered(root, self._slowly(root, columns))

    def _slowly(self, root: str, columns: list[Column]) -> Callable[[Any], tuple[Node, tuple[str, ...], bool]]:
        """What columns read of an element, what is left of it, and whether nothing was told that is to be told each time."""
        seen, place = self.seen, self.place

        def read(value: Any) -> tuple[Node, tuple[str, ...], bool]:
            node, row, told = {root: value}, {}, seen.odd.total()
            for column in columns:
                column.read(node, row, seen, place)
            left = tuple(left_of(root, node[root])) if root in node else ()
            return {name: cell for name, cell in row.items() if cell is not None}, left, told == seen.odd.total()

        return read

    def _remembered(self, root: str, read: Callable[[Any], tuple[Node, tuple[str, ...], bool]]) -> Take:
        known: dict[str, tuple[tuple[tuple[int, Any], ...], tuple[str, ...]]] = {}
        places = self.places

        def take(value: Any, row: list[Any], left: list[str]) -> None:
            mark = repr(value)  # before reading takes it apart
            found = known.get(mark)
            if found is None:
                cells, rest, quiet = read(value)
                found = tuple((places[name], cell) for name, cell in cells.items()), rest
                if quiet and len(mark) < _LONG:
                    if len(known) >= _KNOWN:
                        known.clear()
                    known[mark] = found
            for place, cell in found[0]:
                row[place] = cell
            left += found[1]

        return take

    def _reference(self, root: str, column: Reference) -> Take:
        place, to, seen, name = self.places[column.name], column.to, self.seen, f"{self.place}.{root}"

        def take(value: Any, row: list[Any], left: list[str]) -> None:
            text = value.get("reference") if type(value) is dict else None
            if type(text) is not str:
                left += left_of(root, value)
                return
            kind, key = seen.resolve(text) or ("", "")
            if not key or kind not in ("", to):
                seen.odd[f"{name}: refers to {column.what(text, kind)}, which is not followed"] += 1
                left += left_of(root, value)
                return
            row[place] = key
            if len(value) > 1:
                for part, held in value.items():
                    if part != "reference" and (part != "type" or held != to) and holds(held):
                        left.append(f"{root}.{part}")

        return take

    def _period(self, root: str, column: Time) -> Take:
        start, end = self.places[column.start], self.places[column.end]

        def take(value: Any, row: list[Any], left: list[str]) -> None:
            if type(value) is dict:
                for place, part in ((start, "start"), (end, "end")):
                    if type(value.get(part)) is str:
                        row[place] = value.pop(part)
            if value:
                left += left_of(root, value)

        return take

    def _amount(self, root: str, column: Amount, read: Callable[[Any], tuple[Node, tuple[str, ...], bool]]) -> Take:
        """Of a Quantity all but its number is remembered."""
        known: dict[tuple[Any, ...], tuple[tuple[tuple[int, Any], ...], tuple[str, ...]]] = {}
        number, places = self.places[column.value], self.places
        long = self._remembered(root, read)

        def take(value: Any, row: list[Any], left: list[str]) -> None:
            if type(value) is not dict or type(value.get("value")) not in (int, float):
                return long(value, row, left)
            there = value.get
            words = (there("unit"), there("code"), there("system"), there("comparator"))
            try:
                found = known.get((*value, *words))
            except TypeError:  # an object where a word should be
                return long(value, row, left)
            if found is None:
                plain = value.keys() <= _QUANTITY and all(type(word) is str for word in words if word is not None)
                mark, amount = (*value, *words), float(value["value"])
                cells, rest, quiet = read(value)
                cells[column.value] = amount
                found = tuple((places[name], cell) for name, cell in cells.items() if name != column.value), rest
                if plain and quiet and len(known) < _KNOWN:
                    known[mark] = found
                row[number] = amount
            else:
                row[number] = float(value["value"])
            for place, cell in found[0]:
                row[place] = cell
            left += found[1]

        return take


def _plain(root: str, place: int, kind: type) -> Take:
    def take(value: Any, row: list[Any], left: list[str]) -> None:
        if type(value) is kind:
            row[place] = value
        else:
            left += left_of(root, value)

    return take


def left_of(root: str, value: Any) -> list[str]:
    """The paths of what an element still holds: itself, or those of its parts that hold something."""
    if not holds(value):
        return []
    nodes = value if isinstance(value, list) else [value]
    below = {sub for node in nodes if isinstance(node, dict) for sub, part in node.items() if holds(part)}
    return [f"{root}.{sub}" for sub in sorted(below)] or [root]


def holds(value: Any) -> bool:
    """Whether there is anything in a part of a resource."""
    if isinstance(value, str):
        return True
    if isinstance(value, dict):
        return any(map(holds, value.values()))
    return any(map(holds, value)) if isinstance(value, list) else value is not None
