"""Small JSON files that tell whether they are as written: each holds its own digest, and is read in one form only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reverie.errors import DamagedError
from reverie.files import write_atomically

__all__ = ["read", "write"]


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Writes strict JSON with its digest, whole or not at all."""
    write_atomically(path, _canonical(content))


def read(path: Path) -> dict[str, Any] | None:
    """What was written; none where nothing is. Raises DamagedError where it is anything else."""
    try:
        text = path.read_text()
        content = json.loads(text)
        del content["seal"]
        if text == _canonical(content):
            return content
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        pass
    raise DamagedError(f"{path} was changed since it was written: delete it, and call again.")


def _canonical(content: Mapping[str, Any]) -> str:
    own = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "seal": own}, indent=1, sort_keys=True) + "\n"
