"""Names of files in the workspace, as clients may write them.

    name = part/part/...     at most 4 parts of at most 120 characters: letters, digits, marks, space and . _ - + ( )

Relative, without "..", backslash, drive, NUL or control character; no part begins with a dot (the service's own files do) or
a space, or ends with one. Names are kept in one normal form (NFC), so that one name is one file.
"""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

from reverie.service.problems import Problem

__all__ = ["DEPTH", "allowed", "ends", "parts"]

DEPTH = 4
LENGTH = 120
OCTETS = 200  # a temporary name beside it must fit in the 255 of a file system
PUNCTUATION = frozenset(" ._-+()")
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}


def parts(name: str) -> tuple[str, ...]:
    """The parts of a name. Raises Problem 422 with the reason if it cannot be one."""
    if not name or len(name) > DEPTH * (LENGTH + 1):
        raise _refused("it is empty or too long")
    found = tuple(unicodedata.normalize("NFC", name).split("/"))
    if len(found) > DEPTH:
        raise _refused(f"folders go at most {DEPTH - 1} deep")
    for part in found:
        _check(part)
    return found


def allowed(part: str) -> bool:
    """Whether a file found on the disk has a name that a client could write."""
    try:
        _check(part)
    except Problem:
        return False
    return unicodedata.normalize("NFC", part) == part


def ends(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether the name has one of the suffixes, in any case, behind a stem. No suffixes: it is a folder, with any name."""
    last = PurePosixPath(name).name.lower()
    return not suffixes or any(last.endswith(suffix) and len(last) > len(suffix) for suffix in suffixes)


def _check(part: str) -> None:
    if not part:
        raise _refused("it begins or ends with a slash, or has two in a row")
    if part[0] in ". " or part[-1] in ". ":
        raise _refused("no part may begin or end with a dot or a space")
    if len(part) > LENGTH or len(part.encode("utf-8", "replace")) > OCTETS:
        raise _refused(f"a part has at most {LENGTH} characters")
    if not all(letter in PUNCTUATION or unicodedata.category(letter)[0] in "LMN" for letter in part):
        raise _refused("it may hold letters, digits, spaces and . _ - + ( ), with / between folders")
    if part.split(".")[0].rstrip().lower() in DEVICES:
        raise _refused("some systems keep this name for a device")


def _refused(reason: str) -> Problem:
    return Problem(422, "name", f"This name cannot be used: {reason}.")
