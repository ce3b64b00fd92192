"""What goes wrong over HTTP, as problem details (RFC 9457).

    {"type": "/problems/<kind>", "title", "status", "detail", "request_id", "errors"?}    application/problem+json

No traceback and no path of the machine leaves; an error that was not foreseen leaves nothing but its request id.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reverie.errors import DamagedError, DataError, ReverieError, Undecided, UsageError
from reverie.memory import ran_out
from reverie.plain import size

__all__ = ["MEDIA_TYPE", "PRIVATE", "Problem", "Unreadable", "from_view", "of", "too_little_memory"]

MEDIA_TYPE = "application/problem+json"
TITLES = {
    "busy": "The server has no room for this now",
    "cancelled": "The job was cancelled",
    "conflict": "Something is there already",
    "damaged": "A file is not what was written",
    "data": "The data cannot be used",
    "deadline": "The job took too long",
    "forbidden": "This is not allowed",
    "host": "The server does not answer to this name",
    "internal": "Something went wrong inside the server",
    "invalid": "The request is not valid",
    "interrupted": "The job was interrupted",
    "key": "An API key is needed",
    "key-reused": "This key named another request",
    "memory": "The work needs more memory than it may have",
    "media-type": "The content type is not accepted",
    "method": "The method is not allowed here",
    "name": "The name cannot be used",
    "not-found": "There is nothing here",
    "origin": "The request came from a foreign page",
    "range": "The file has no such part",
    "scope": "The API key is not for this",
    "slow": "The request came too slowly",
    "stopping": "The server is stopping",
    "storage": "The disk has no room",
    "too-large": "The request is too large",
    "unfinished": "The job has not ended",
    "unreadable": "The file cannot be read",
    "usage": "The request cannot be carried out",
    "wrong-keys": "Too many wrong API keys",
}
FULL = {errno.ENOSPC, errno.EDQUOT}


class Unreadable(DataError):
    """A table whose cells cannot be read, whatever is said of its columns: a page that uploaded it removes it again."""


class Problem(Exception):
    """An answer that is an error: its status, its kind (a word of TITLES or of the caller), and one sentence."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers, self.errors = status, kind, detail, dict(headers or {}), errors

    def view(self, request_id: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": f"/problems/{self.kind}",
            "title": TITLES.get(self.kind, self.kind.replace("-", " ").capitalize()),
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
            "errors": self.errors,
        }
        return {name: value for name, value in found.items() if value is not None}


def from_view(view: Mapping[str, Any]) -> Problem:
    """The problem that has this view."""
    kind = str(view.get("type", "internal")).rsplit("/", 1)[-1]
    return Problem(view.get("status", 500), kind, view.get("detail", ""), errors=view.get("errors"))


def of(error: BaseException, root: Path) -> Problem:
    """The problem that an error is. Paths below `root` are shown relative to it, other paths by their last name."""
    match error:
        case Problem():
            return error
        case Undecided():
            return _undecided(error, root)
        case UsageError():
            return Problem(422, "usage", _relative(str(error), root))
        case Unreadable():
            return Problem(422, "unreadable", _relative(str(error), root))
        case DataError():
            return Problem(422, "data", _relative(str(error), root))
        case DamagedError():
            return Problem(409, "damaged", _relative(str(error), root))
        case ReverieError():
            return Problem(422, "usage", _relative(str(error), root))
        case _ if ran_out(error):
            return Problem(503, "busy", "There is not enough memory for this now: ask for less, or try again later.")
        case OSError() if error.errno in FULL:
            return Problem(507, "storage", "The disk is full: delete files that are not needed any more, then try again.")
    return Problem(500, "internal", "The server's log has more under this request id.")


def _undecided(error: Undecided, root: Path) -> Problem:
    """With the field that decides, and what it may be: a page lets its reader choose."""
    fault = _relative(error.fault, root)
    asked = [{"field": error.field, "message": f"{fault}.", "choices": list(error.choices)}]
    return Problem(422, "usage", f"{fault}: say which it is, as `{error.field}`.", errors=asked)


def too_little_memory(allowed: int | None) -> Problem:
    """How a job ends that needs more memory than its worker has; `allowed` are bytes, None if no limit is known."""
    limit = f"the {size(allowed)} that a worker may have" if allowed is not None else "there is"
    return Problem(422, "memory", f"This needs more memory than {limit}: ask for less, or give smaller files.")


PATH = re.compile(r"(?<![\w./:\-])/(?!(?:api|problems|static)/)(?:[^\s/'\"`<>|:;,()\[\]]+/)+([^\s/'\"`<>|:;,()\[\]]*)")


PRIVATE = re.compile(r"\.reverie/(?:cache/views/[0-9a-f]{32}|made/[0-9a-f]{32}-\d+|held/[0-9a-f]{16})/")
"""Where a folder or a file of the workspace stands on this machine, before its name, while it is read or made."""


def _relative(text: str, root: Path) -> str:
    for known in sorted({str(root), str(root.absolute()), str(root.resolve())}, key=len, reverse=True):
        if known.startswith("/") and known != "/":
            text = re.sub(rf"{re.escape(known)}/", "", text)
            text = re.sub(rf"{re.escape(known)}(?![\w\-]|\.\w)", ".", text)
    return PATH.sub(r"\1", PRIVATE.sub("", text))
