"""API keys: 256 random bits, shown once, kept as SHA-256.

A key is too long to be guessed, so a plain digest is enough: no salt or slow hash would add anything. The file is read again
when it has changed, so that a key can be taken away while the server runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from pathlib import Path

from reverie.errors import DamagedError, UsageError
from reverie.files import write_atomically

__all__ = ["Keys", "make", "names", "take_away"]

PREFIX = "reverie_"


class Keys:
    """The keys of a file. Raises UsageError if it cannot be read or holds none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._seen = _mark(path)
        self._digests = _read(path)
        if not self._digests:
            raise UsageError(f"{path} holds no key: make one with reverie serve key NAME --keys {path}.")

    def owner(self, key: str) -> str | None:
        """The name of the key, or None. All keys are compared, each in constant time."""
        digest = _digest(key)
        found = None
        for name, known in self._current().items():
            if hmac.compare_digest(known, digest):
                found = name
        return found

    def _current(self) -> dict[str, str]:
        with self._lock:
            try:
                mark = _mark(self.path)
                if mark != self._seen:
                    self._digests, self._seen = _read(self.path), mark
            except (UsageError, DamagedError):
                return {}  # nobody enters by a file that cannot be read
            return self._digests


def make(path: Path, name: str) -> str:
    """Adds a key to the file and returns it: the only time that it is seen."""
    if not name.isprintable() or not 0 < len(name) <= 60:
        raise UsageError("the name of a key has 1 to 60 printable characters.")
    known = _read(path) if path.exists() else {}
    if name in known:
        raise UsageError(f"{path} has a key named {name!r} already: choose another name, or take that key away first.")
    key = PREFIX + secrets.token_urlsafe(32)
    _write(path, {**known, name: _digest(key)})
    return key


def take_away(path: Path, name: str) -> None:
    """Removes a key: it is refused from now on."""
    known = _read(path)
    if known.pop(name, None) is None:
        raise UsageError(f"{path} has no key named {name!r}. It has: {', '.join(sorted(known)) or 'none'}.")
    _write(path, known)


def names(path: Path) -> list[str]:
    """The names of the keys of a file."""
    return sorted(_read(path))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Make it with reverie serve key NAME.") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> dict[str, str]:
    try:
        entries = json.loads(path.read_text())["keys"]
        return {str(entry["name"]): str(entry["sha256"]) for entry in entries}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Make it with reverie serve key NAME.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is not a file of API keys: make a new one with reverie serve key NAME.") from error


def _write(path: Path, digests: dict[str, str]) -> None:
    made = time.strftime("%Y-%m-%d", time.gmtime())
    old = {e["name"]: e.get("made", made) for e in json.loads(path.read_text())["keys"]} if path.exists() else {}
    entries = [{"name": name, "sha256": digest, "made": old.get(name, made)} for name, digest in sorted(digests.items())]
    write_atomically(path, json.dumps({"keys": entries}, indent=1) + "\n")
    os.chmod(path, 0o600)  # noqa: PTH101
