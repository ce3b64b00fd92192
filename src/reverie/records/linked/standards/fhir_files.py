"""The resources that lie in files of JSON: a Bundle, a folder of Bundles, an array of resources, lines of NDJSON; each may
be packed (.gz).

Every fault of form is named by the file and the line, or the entry of the Bundle.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from reverie.errors import DataError
from reverie.modality import RESOURCES
from reverie.records.places import shown
from reverie.records.reading import Bounds
from reverie.records.reading.bounds import unzip

__all__ = ["Found", "Source", "files_in", "speaks_of_resources"]

_PATTERNS = tuple(f"*{suffix}" for suffix in RESOURCES)
_LINES = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_OBJECTS = re.compile(rb"\s*\{[^\r\n]*\}\s*[\r\n]\s*\{")
"""How lines of resources begin: a whole object, and another below."""
_TYPE = re.compile(rb'"resourceType"\s*:')
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?$")
_HEAD = 2**16
_USUAL = frozenset({"Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "MedicationAdministration"})
"""Types of resources that a line is told to be at once."""
_KNOWN = 100_000
"""References that are remembered."""


def files_in(place: Path) -> list[Path]:
    """The files of JSON at a place: the file itself, or those of a folder and of the folders in it, by name."""
    if place.is_file():
        return [place] if place.name.lower().endswith(RESOURCES) else []
    found = {path for pattern in _PATTERNS for path in (*place.glob(pattern), *place.glob(f"*/{pattern}"))}
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def speaks_of_resources(path: Path) -> bool:
    """Whether a file names a resource type near its beginning."""
    if path.name.lower().endswith(".gz"):
        try:
            with gzip.open(path) as file:
                return bool(_TYPE.search(file.read(_HEAD)))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return True  # reading it says what is wrong
    with path.open("rb") as file:
        return bool(_TYPE.search(file.read(_HEAD)))


@dataclass(slots=True)
class Found:
    """A resource, where it stands (a file, and which line or entry of it), and its id where it has none of its own."""

    resource: dict[str, Any]
    called: str
    key: str | None = None
    what: str = ""
    number: int = 0

    @property
    def place(self) -> str:
        return f"{self.called}, {self.what} {self.number}" if self.number else self.called


@dataclass
class Source:
    """All resources of some files, one after the other.

    Attributes:
        skipped: files without a resource; and entries of Bundles that hold none.
        empty: Bundles without an entry.
        pages: addresses by which Bundles call themselves.
        next: where Bundles stand that name a next page, and its address.
        urns: what addresses inside a Bundle stand for, as (type, id).
    """

    files: list[Path]
    name: str
    most: Bounds
    skipped: list[str] = field(default_factory=list)
    without: int = 0
    empty: int = 0
    pages: set[str] = field(default_factory=set)
    next: list[tuple[str, str]] = field(default_factory=list)
    urns: dict[str, tuple[str, str]] = field(default_factory=dict)
    known: dict[str, tuple[str, str] | None] = field(default_factory=dict, repr=False)

    def again(self) -> Source:
        """The same from the beginning."""
        return Source(self.files, self.name, self.most)

    def resources(self) -> Iterator[Found]:
        """Raises DataError, naming file and line, for what is no JSON and for what is no resource."""
        size = 0
        for path in self.files:
            called = path.name if len(self.files) == 1 and path.name == self.name else f"{self.name}/{path.name}"
            size += path.stat().st_size
            self.most.check(self.name, bytes=size)
            if not speaks_of_resources(path):
                self.skipped.append(path.name)
            elif path.name.lower().endswith(_LINES):
                yield from self._lines(path, called)
            else:
                self._forget()
                yield from self._text(path, called)

    def _forget(self) -> None:
        """Addresses hold inside one Bundle."""
        self.urns.clear()
        self.known.clear()

    def resolve(self, reference: str) -> tuple[str, str] | None:
        """(type, id) of what a reference names; the type is "" where only an address is given."""
        try:
            return self.known[reference]
        except KeyError:
            if len(self.known) >= _KNOWN:
                self.known.clear()
            found = self.known[reference] = self._resolved(reference)
            return found

    def _resolved(self, reference: str) -> tuple[str, str] | None:
        if reference in self.urns:
            return self.urns[reference]
        if reference.startswith(("urn:uuid:", "urn:oid:")):
            return "", reference.rpartition(":")[2]
        parts = _REFERENCE.search(reference)
        return (parts[1], parts[2]) if parts else None

    def _text(self, path: Path, called: str) -> Iterator[Found]:
        """A resource or a Bundle, an array of them, or lines in a file that is not called so."""
        packed = path.name.lower().endswith(".gz")
        text = unzip(path, called, self.most) if packed else path.read_bytes()
        if _OBJECTS.match(text):
            yield from self._each(text.splitlines(), called)
        elif isinstance(node := _parsed(text, called), list):
            for number, each in enumerate(node, 1):
                yield from self._of(each, called, None, "item", number)
        else:
            yield from self._of(node, called)

    def _lines(self, path: Path, called: str) -> Iterator[Found]:
        self._forget()
        if path.name.lower().endswith(".gz"):
            lines: Any = unzip(path, called, self.most).splitlines()
            yield from self._each(lines, called)
            return
        with path.open("rb") as file:
            yield from self._each(file, called)

    def _each(self, lines: Any, called: str) -> Iterator[Found]:
        for number, line in enumerate(lines, 1):
            if text := line.strip():
                node = _parsed(text, called, number)
                kind = node.get("resourceType") if type(node) is dict else None
                if type(kind) is str and kind in _USUAL:
                    yield Found(node, called, None, "line", number)
                else:
                    yield from self._of(node, called, None, "line", number)

    def _of(self, node: Any, called: str, key: str | None = None, what: str = "", number: int = 0) -> Iterator[Found]:
        """A resource, or all that a Bundle holds."""
        kind = node.get("resourceType") if isinstance(node, dict) else None
        found = Found(node, called, key, what, number)
        if not isinstance(kind, str):
            raise DataError(f"{found.place} is no FHIR resource, for it has no resourceType: correct it, or remove it.")
        if kind != "Bundle":
            yield found
            return
        entries = node.get("entry") or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DataError(f"{found.place}: the entries of its Bundle are no list of objects: write it again.")
        self.empty += not entries
        self._paged(node, found.place)
        whole = [(number, entry) for number, entry in enumerate(entries, 1) if isinstance(entry.get("resource"), dict)]
        self.without += len(entries) - len(whole)
        keys: list[str | None] = []
        for _, entry in whole:
            resource, address = entry["resource"], entry.get("fullUrl")
            given = resource.get("id") or (str(address).rpartition(":")[2] if str(address).startswith("urn:") else None)
            keys.append(given)
            if isinstance(address, str) and given and isinstance(resource.get("resourceType"), str):
                self.urns[address] = resource["resourceType"], str(given)
        self.known.clear()
        place = found.place
        for (inside, entry), given in zip(whole, keys, strict=True):
            yield from self._of(entry.pop("resource"), place, given, "entry", inside)

    def _paged(self, bundle: dict[str, Any], place: str) -> None:
        """Notes which page of a search a Bundle is, and which comes next."""
        links = bundle.get("link")
        for link in links if isinstance(links, list) else ():
            if isinstance(link, dict) and isinstance(address := link.get("url"), str):
                if link.get("relation") == "self":
                    self.pages.add(address)
                elif link.get("relation") == "next":
                    self.next.append((place, address))

    def notes(self) -> Iterator[str]:
        """What was passed over, and what is not there."""
        if missing := [(place, address) for place, address in self.next if address not in self.pages]:
            others = f", and {len(missing) - 1:,} more Bundles name one" if len(missing) > 1 else ""
            yield (
                f"{missing[0][0]} names a next page ({shown(missing[0][1])}) that is not among what was read{others}: what "
                "is on it is missing here. Fetch it, and put it into one folder with the others."
            )
        if self.skipped:
            yield f"Files without FHIR resources were left alone: {', '.join(self.skipped)}."
        if self.without:
            yield f"Entries of Bundles without a resource were passed over: {self.without:,}."
        if self.empty:
            yield f"Bundles without an entry: {self.empty:,}."


def _parsed(text: bytes, called: str, line: int = 0) -> Any:
    """What a text says. Raises DataError for one that is no JSON, naming the file and the line."""
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return _parsed_slowly(text, f"{called}, line {line}" if line else called)


def _parsed_slowly(text: bytes, place: str) -> Any:
    """The same by Python's own reader, which takes some more and says where a fault is."""

    def no_number(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(text, parse_constant=no_number)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{place} is not JSON ({error.msg} at {where}): correct it, or remove it.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{place} is not JSON, for it is no text in UTF-8: write it again.") from error
    except RecursionError as error:
        raise DataError(f"{place} is nested deeper than can be read: remove it.") from error
    except ValueError as error:
        raise DataError(f"{place} is not JSON ({shown(error)}): correct it, or remove it.") from error
