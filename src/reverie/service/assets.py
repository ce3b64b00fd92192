"""The page's files, as they are served: our own, those that pages to give away have too, and Swagger UI's from its installed
package. Nothing comes from elsewhere.

A browser keeps a file but asks each time whether it has changed (ETag); texts are compressed for who takes that.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from reverie.service.compressed import takes_gzip
from reverie.service.problems import Problem

__all__ = ["FOREIGN", "NAME", "PAGE", "SHARED", "Assets", "place"]

PAGE = Path(__file__).parent / "page"
NAME = re.compile(r"(?:[a-z0-9_-]+/)*[a-z0-9_-]+\.(?:html|css|js|svg|png|woff2)")
SHARED = {"lib/randomness.js": ("reverie.giveaway", "drawn/randomness.js")}
"""What pages to give away have too: where it is, beside them."""
FOREIGN = {
    "swagger-ui.css": ("swagger_ui_bundle", "vendor/swagger-ui-4.15.5/swagger-ui.css"),
    "swagger-ui-bundle.js": ("swagger_ui_bundle", "vendor/swagger-ui-4.15.5/swagger-ui-bundle.js"),
}


class Assets(StaticFiles):
    """The files by their names, which are spelled in one way alone: any other spelling is answered 404."""

    path = "/static/{name}"  # what logs and metrics call the route

    def __init__(self) -> None:
        super().__init__(directory=PAGE)
        self._packed = GZipMiddleware(super().__call__, minimum_size=1, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        packed = takes_gzip(Headers(scope=scope).get("accept-encoding", ""))
        await (self._packed if packed else super().__call__)(scope, receive, send)

    def get_path(self, scope: Scope) -> str:
        name = scope["path"].removeprefix(scope.get("root_path", "") + "/")
        if not NAME.fullmatch(name):
            raise _missing()
        return name

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if path not in FOREIGN and path not in SHARED:
            return super().lookup_path(path)
        file = place(path)
        return str(file), file.stat()

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response


def place(name: str) -> Path:
    """Where a file of the page is. Raises Problem 404 where its package is not installed."""
    if name not in FOREIGN and name not in SHARED:
        return PAGE / name
    package, inside = FOREIGN.get(name) or SHARED[name]
    spec = importlib.util.find_spec(package)  # where it is, without importing it
    if spec is None or spec.origin is None:
        raise _missing()
    return Path(spec.origin).parent / inside


def _missing() -> Problem:
    return Problem(404, "not-found", "The page has no such file.")
