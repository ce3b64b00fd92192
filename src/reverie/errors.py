"""What can go wrong, as sentences.

Every error that a user can cause is one of these. Its text is one sentence that names the file, column, row, key or
argument at fault and says what to do; its `exit_code` is what the command line returns.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["DamagedError", "DataError", "ReverieError", "Undecided", "UsageError", "unknown"]


class ReverieError(Exception):
    """The root of Reverie's own errors."""

    exit_code = 1


class UsageError(ReverieError, ValueError):
    """A setting, name, shape or combination that cannot be used."""

    exit_code = 2


class Undecided(UsageError):
    """A table in which nothing tells what only its owner knows.

    Attributes:
        fault: what is not known, without a remedy, as those need it who do not type options.
        field: the argument of reading that says it, as requests call it.
        choices: what it may be, the likely ones first.
    """

    def __init__(self, fault: str, remedy: str, field: str, choices: Iterable[str]) -> None:
        super().__init__(f"{fault}: {remedy}")
        self.fault, self.field, self.choices = (
            fault,
            field,
            tuple(
                choice
                for choice in dict.fromkeys(choices)
                if "\0" not in choice  # what was made here has a name nobody sees
            ),
        )


class DataError(ReverieError, ValueError):
    """The data given cannot be read or cannot be modelled."""

    exit_code = 3


class DamagedError(ReverieError):
    """A file that Reverie wrote no longer holds what was written."""

    exit_code = 4


def unknown(what: str, name: object, known: Iterable[str]) -> UsageError:
    """The error for a name that is not on a list: suggests the nearest, then lists all."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"unknown {what} {name!r}: {hint}Known: {', '.join(names) or 'none'}.")
