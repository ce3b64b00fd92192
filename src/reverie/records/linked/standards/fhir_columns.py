"""How parts of a FHIR resource are cells of a row, and cells parts of a resource.

    code {"coding": [{"system": S, "code": C, "display": D}]}   <->   "S|C", and D among the codes
    subject {"reference": "Patient/7"}                          <->   "7"

Reading takes what it understands out of the resource, so that what is left can be counted. A code is a token as FHIR's
searches write it; what is said in words alone has no bar.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from reverie.records.linked.standards.fhir_json import Parts, Path, as_json, each

__all__ = [
    "DATE_TIME", "Coded", "Column", "Node", "Path", "Plain", "Reference", "Seen", "Words", "at_path", "concept", "take",
    "token",
]  # fmt: skip

Node = dict[str, Any]

DATE_TIME = pl.Object
"""What the cells of times are while they are text."""


@dataclass
class Seen:
    """What resources said besides their rows, while they are read.

    Attributes:
        displays, units: the words of codes, and the codes of units.
        odd: sentences about what was decided, and how often.
        resolve: from the text of a reference to (type, id); the type is "" where it is not told.
    """

    displays: dict[str, str | None] = field(default_factory=dict)
    units: dict[str, str | None] = field(default_factory=dict)
    odd: Counter[str] = field(default_factory=Counter)
    resolve: Callable[[str], tuple[str, str] | None] = lambda reference: None

    def display(self, token: str, display: str | None, place: str) -> None:
        known = self.displays.setdefault(token, display)
        if known is None:
            self.displays[token] = display
        elif display is not None and display != known:
            self.odd[f"{place}: other words for a code than where it stood first, which were kept"] += 1


@dataclass(frozen=True)
class Words:
    """What codes and units stand for, while resources are written."""

    displays: dict[str, str | None]
    units: dict[str, str | None]


class Column(ABC):
    """Cells of one part of a resource; `path` leads to it, `names` are those of its columns, each with its type."""

    path: Path

    @property
    @abstractmethod
    def names(self) -> dict[str, Any]: ...

    @abstractmethod
    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        """Moves its part of the resource into the row."""

    @abstractmethod
    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        """Its cells of all rows as parts of resources; the frame has each of its columns."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The elements of the resource that it reads, each by itself: what a later one says counts."""
        return (str(self.path[0]),)


def at_path(node: Any, path: Path) -> Any:
    """What a path leads to, or None."""
    for step in path:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and len(node) > step else None
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node


def take(resource: Node, path: Path) -> Any:
    """What a path leads to, taken out."""
    above = at_path(resource, path[:-1])
    return above.pop(path[-1], None) if isinstance(above, dict) else None


@dataclass(frozen=True)
class Plain(Column):
    """A string, a code of a fixed list, a truth value or a time that stands there as such.

    Attributes:
        unknown: what is written where the cell is empty and FHIR requires one.
    """

    name: str
    path: Path
    dtype: Any = pl.String
    unknown: str | None = None

    @property
    def names(self) -> dict[str, Any]:
        return {self.name: self.dtype}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        value = at_path(resource, self.path)
        if isinstance(value, bool if self.dtype == pl.Boolean else str):
            row[self.name] = take(resource, self.path)

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        cells = frame[self.name]
        return {self.path: as_json(cells if self.unknown is None else cells.fill_null(self.unknown))}


@dataclass(frozen=True)
class Coded(Column):
    """A CodeableConcept, or the first of several; or a Coding alone."""

    name: str
    path: Path
    alone: bool = False

    @property
    def names(self) -> dict[str, Any]:
        return {self.name: pl.String}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        row[self.name] = token(at_path(resource, self.path), seen, f"{place}.{self.path[0]}", self.alone)

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        return {self.path: each(frame[self.name], lambda cell: concept(cell, words, self.alone))}


def token(concept: Any, seen: Seen, place: str, alone: bool = False) -> str | None:
    """The code of a CodeableConcept, or of a Coding `alone`, taken out of it; its words where it has no code."""
    if not isinstance(concept, dict):
        return None
    coding = concept if alone else at_path(concept, ("coding", 0))
    if isinstance(coding, dict) and isinstance(coding.get("code"), str):
        code = coding.pop("code")
        system, display = (coding.pop(part) if isinstance(coding.get(part), str) else None for part in ("system", "display"))
        if display is None or display == concept.get("text"):
            display = concept.pop("text") if isinstance(concept.get("text"), str) else display
        cell = f"{system or ''}|{code}"
        seen.display(cell, display, place)
        return cell
    said = "display" if alone else "text"
    if not isinstance(text := concept.get(said), str):
        return None
    concept.pop(said)
    if "|" in text:
        seen.odd[f"{place}: words with a bar, which was made a stroke"] += 1
    text = text.replace("|", "/")
    seen.display(text, None, place)
    return text


def concept(cell: str, words: Words, alone: bool = False) -> Node:
    """The CodeableConcept, or the Coding `alone`, of a token."""
    if "|" not in cell:
        return {"display": cell} if alone else {"text": cell}
    system, _, code = cell.rpartition("|")
    parts = {"system": system or None, "code": code, "display": words.displays.get(cell)}
    coding = {name: part for name, part in parts.items() if part is not None}
    return coding if alone else {"coding": [coding]}


@dataclass(frozen=True)
class Reference(Column):
    """A reference to a resource of one type: its id."""

    name: str
    path: Path
    to: str

    @property
    def names(self) -> dict[str, Any]:
        return {self.name: pl.String}

    def read(self, resource: Node, row: Node, seen: Seen, place: str) -> None:
        text = at_path(resource, (*self.path, "reference"))
        if not isinstance(text, str):
            return
        kind, key = seen.resolve(text) or ("", "")
        if not key or kind not in ("", self.to):
            seen.odd[f"{place}.{self.path[0]}: refers to {self.what(text, kind)}, which is not followed"] += 1
            return
        take(resource, (*self.path, "reference"))
        if at_path(resource, (*self.path, "type")) == self.to:
            take(resource, (*self.path, "type"))
        row[self.name] = key

    def what(self, text: str, kind: str) -> str:
        """What a reference that is not followed leads to."""
        return "something contained" if text.startswith("#") else f"a {kind}" if kind else "nothing that can be told"

    def write(self, frame: pl.DataFrame, words: Words) -> Parts:
        return {(*self.path, "reference"): as_json(f"{self.to}/" + frame[self.name])}
