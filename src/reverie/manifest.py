"""A folder that knows what it should hold: manifest.json lists each file with its size and SHA-256.

The manifest holds its own digest too and is read back only in the one form it is written in, so a changed byte is found and
named wherever it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from reverie.errors import DamagedError
from reverie.files import write_atomically

__all__ = ["MANIFEST", "seal", "verify"]

MANIFEST = "manifest.json"


def seal(folder: Path, names: Iterable[str]) -> None:
    """Writes the manifest of the named files of the folder."""
    write_atomically(folder / MANIFEST, _canonical({name: _entry(folder / name) for name in sorted(names)}))


def verify(folder: Path) -> set[str]:
    """The names in the manifest. Raises DamagedError, naming the file, unless every one is there as it was sealed."""
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
        entries = json.loads(text)["files"]
        if text != _canonical(entries).encode():
            raise ValueError
        expected = {folder / str(name): (entry["bytes"], entry["sha256"]) for name, entry in entries.items()}
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing, so the files beside it cannot be trusted.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged: it is not what was written.") from error
    for file, (size, digest) in expected.items():
        if not file.is_file():
            raise DamagedError(f"{file} is missing: copy the folder again from where it is whole, or make it again.")
        found = _entry(file)
        if found["bytes"] != size or found["sha256"] != digest:
            raise DamagedError(f"{file} is damaged: its content is not what was written ({found['bytes']} bytes of {size}).")
    return set(entries)


def _entry(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _canonical(entries: object) -> str:
    own = hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
    return json.dumps({"files": entries, "sha256": own}, indent=1, sort_keys=True) + "\n"
