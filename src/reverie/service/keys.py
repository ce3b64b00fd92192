"""API keys: 256 random bits, shown once, kept as SHA-256; and what a key may be used for.

    read     look: everything that is fetched
    run      and make: operations, uploads, the end of a job
    manage   and take away: delete and rename

Each scope holds those before it. A key is too long to be guessed, so a plain digest is enough: no salt or slow hash would
add anything. The file is read again when it has changed, so that a key can be taken away while the server runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from reverie.errors import DamagedError, UsageError, unknown
from reverie.files import write_atomically

__all__ = ["SCOPES", "Caller", "Keys", "Scope", "make", "names", "needed", "take_away"]

PREFIX = "reverie_"
Scope = Literal["read", "run", "manage"]
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class Caller:
    """Whose key it is, and the most that it may be used for."""

    name: str
    scope: Scope = "manage"

    def may(self, scope: Scope) -> bool:
        return SCOPES.index(scope) <= SCOPES.index(self.scope)


def needed(method: str, path: str) -> Scope:
    """The scope that a call needs: of every route, those to come too."""
    if method in {"GET", "HEAD", "OPTIONS"} or path.startswith("/api/calls/"):
        return "read"
    if method == "DELETE" or path.endswith("/rename"):
        return "manage"
    return "run"


class Keys:
    """The keys of a file. Raises UsageError if it cannot be read or holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen = _mark(path)
        self._callers = _callers(_read(path), path)
        if not self._callers:
            raise UsageError(f"{path} holds no key: make one with reverie serve key NAME --keys {path}.")

    def caller(self, key: str) -> Caller | None:
        """Whose key this is, or None. All keys are compared, each in constant time."""
        digest = _digest(key)
        found = None
        for known, caller in self._current().items():
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def _current(self) -> dict[str, Caller]:
        with self._lock:
            try:
                mark = _mark(self.path)
                if mark != self._seen:
                    self._callers, self._seen = _callers(_read(self.path), self.path), mark
            except (UsageError, DamagedError):
                return {}  # nobody enters by a file that cannot be read
            return self._callers


def make(path: Path, name: str, scope: str = "manage") -> str:
    """Adds a key to the file and returns it: the only time that it is seen."""
    if not name.isprintable() or not 0 < len(name) <= 60:
        raise UsageError("the name of a key has 1 to 60 printable characters.")
    if scope not in SCOPES:
        raise unknown("scope", scope, SCOPES)
    entries = _read(path) if path.exists() else []
    if any(entry["name"] == name for entry in entries):
        raise UsageError(f"{path} has a key named {name!r} already: choose another name, or take that key away first.")
    key = PREFIX + secrets.token_urlsafe(32)
    made = time.strftime("%Y-%m-%d", time.gmtime())
    _write(path, [*entries, {"name": name, "sha256": _digest(key), "made": made, "scope": scope}])
    return key


def take_away(path: Path, name: str) -> None:
    """Removes a key: it is refused from now on."""
    entries = _read(path)
    left = [entry for entry in entries if entry["name"] != name]
    if len(left) == len(entries):
        raise UsageError(f"{path} has no key named {name!r}. It has: {', '.join(names(path)) or 'none'}.")
    _write(path, left)


def names(path: Path) -> list[str]:
    """The names of the keys of a file."""
    return sorted(entry["name"] for entry in _read(path))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Make it with reverie serve key NAME.") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> list[dict[str, Any]]:
    """The entries of the file; _callers checks them."""
    try:
        entries = json.loads(path.read_text())["keys"]
        _callers(entries, path)
        return entries
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Make it with reverie serve key NAME.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is not a file of API keys: make a new one with reverie serve key NAME.") from error


def _callers(entries: list[dict[str, Any]], path: Path) -> dict[str, Caller]:
    """By digest. A key without a scope was made when there were none, and may do everything."""
    found = {str(entry["sha256"]): Caller(str(entry["name"]), entry.get("scope", "manage")) for entry in entries}
    if strange := sorted({str(caller.scope) for caller in found.values()} - {*SCOPES}):
        raise DamagedError(f"{path} has a key with the scope {strange[0]!r}: there are {', '.join(SCOPES)}.")
    return found


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    write_atomically(path, json.dumps({"keys": sorted(entries, key=lambda entry: entry["name"])}, indent=1) + "\n")
    os.chmod(path, 0o600)  # noqa: PTH101
