"""Texts that are answered often and never change, compressed for who takes that."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import lru_cache

from fastapi import Request, Response

__all__ = ["takes_gzip", "text"]

JSON = "application/json"
SMALLEST = 1000
"""Bytes, below which compression gains nothing."""


def text(request: Request, body: bytes, media_type: str = JSON, headers: Mapping[str, str] | None = None) -> Response:
    """The answer `body`, as gzip for a client that takes it."""
    told = {"vary": "accept-encoding", **(headers or {})}
    if len(body) >= SMALLEST and takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(_packed(body), media_type=media_type, headers={**told, "content-encoding": "gzip"})
    return Response(body, media_type=media_type, headers=told)


def takes_gzip(accepted: str) -> bool:
    """What Accept-Encoding says of gzip. Starlette looks for the word alone, and a client may say gzip;q=0."""
    words = [word.replace(" ", "").split(";q=") for word in accepted.lower().split(",")]
    return any(word[0] == "gzip" and word[1:] not in (["0"], ["0.0"], ["0.00"], ["0.000"]) for word in words)


@lru_cache(32)
def _packed(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=6, mtime=0)
