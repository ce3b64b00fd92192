"""The page's files, as they are served: our own, plotly's script and Swagger UI's, each from its installed package.

A file is read and compressed once and kept in memory; if it has changed on the disk it is read again. Nothing is fetched
from anywhere else.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from reverie.service.problems import Problem

__all__ = ["Assets", "reply"]

PAGE = Path(__file__).parent / "page"
NAME = re.compile(r"(?:[a-z0-9_-]+/)*[a-z0-9_-]+\.(?:html|css|js|svg|png|woff2)")
FOREIGN = {
    "plotly.min.js": ("plotly", "package_data/plotly.min.js"),
    "swagger-ui.css": ("swagger_ui_bundle", "vendor/swagger-ui-4.15.5/swagger-ui.css"),
    "swagger-ui-bundle.js": ("swagger_ui_bundle", "vendor/swagger-ui-4.15.5/swagger-ui-bundle.js"),
}
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
PACKED = {".html", ".css", ".js", ".svg"}


@dataclass(frozen=True)
class Asset:
    content: bytes
    packed: bytes | None
    tag: str
    kind: str
    mark: tuple[int, int]


class Assets:
    """The files by their names."""

    def __init__(self) -> None:
        self._kept: dict[str, Asset] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Asset:
        """A file ready to be sent. Raises Problem 404."""
        path = _place(name)
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            kept = self._kept.get(name)
            if kept is None or kept.mark != mark:
                with self._lock:
                    kept = self._kept[name] = _prepared(path, mark)
        except OSError as error:
            raise _missing() from error
        return kept

    def warm(self) -> None:
        """Compresses what is large before someone waits for it."""
        for name in FOREIGN:
            self.get(name)


def reply(asset: Asset, request: Request) -> Response:
    """The file, compressed if the client takes that, or 304 if it has it."""
    headers = {"etag": asset.tag, "cache-control": "no-cache", "vary": "accept-encoding", "content-type": asset.kind}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if asset.tag in known:
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(asset.packed, headers=headers | {"content-encoding": "gzip"})
    return Response(asset.content, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    words = [word.replace(" ", "").split(";q=") for word in accepted.lower().split(",")]
    return any(word[0] == "gzip" and word[1:] not in (["0"], ["0.0"], ["0.00"], ["0.000"]) for word in words)


def _place(name: str) -> Path:
    if name in FOREIGN:
        package, inside = FOREIGN[name]
        spec = importlib.util.find_spec(package)  # where it is, without importing it
        if spec is None or spec.origin is None:
            raise _missing()
        return Path(spec.origin).parent / inside
    if not NAME.fullmatch(name):
        raise _missing()
    return PAGE / name


def _prepared(path: Path, mark: tuple[int, int]) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, 6, mtime=0) if path.suffix in PACKED else None
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    return Asset(content, packed, tag, TYPES[path.suffix], mark)


def _missing() -> Problem:
    return Problem(404, "not-found", "The page has no such file.")
