"""An open file as a download, whole or in part (RFC 9110, 13 and 14).

    ETag, Last-Modified     which content this is: another file under the same name has another tag
    If-None-Match, If-Modified-Since     304 where the caller has it already
    Range: bytes=A-B        206 with these bytes, 416 where there are none; If-Range keeps parts of two contents apart
    HEAD                    the same head, without the content

Several ranges at once, other units and what cannot be read are answered with the whole file, as the standard allows.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from reverie.service.problems import Problem
from reverie.service.replies import answer

__all__ = ["Download"]

PIECE = 1 << 18
RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class Download(StreamingResponse):
    """The file, as an attachment, so that no browser shows or runs it as a page. It is closed when it is sent."""

    def __init__(self, file: BinaryIO, name: str, kind: str) -> None:
        status = os.fstat(file.fileno())
        self.file, self.size, self.modified = file, status.st_size, int(status.st_mtime)
        self.tag = f'"{hashlib.sha256(f"{status.st_ino} {status.st_mtime_ns} {status.st_size}".encode()).hexdigest()[:32]}"'
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "accept-ranges": "bytes",
            "etag": self.tag,
            "last-modified": formatdate(self.modified, usegmt=True),
        }
        super().__init__((), headers=headers, media_type=kind)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.file:
            asked = Headers(scope=scope)
            if self._known(asked):
                self.status_code = 304
                del self.headers["content-type"]
            else:
                part = self._range(asked)
                if part is not None and not part:
                    return await answer(self._beyond(), scope)(scope, receive, send)
                if part is not None:
                    self.status_code = 206
                    self.headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{self.size}"
                sent = range(self.size) if part is None else part
                self.headers["content-length"] = str(len(sent))
                self.body_iterator = iterate_in_threadpool(_pieces(self.file, sent))
            await super().__call__(scope, receive, send)

    def _known(self, asked: Headers) -> bool:
        if "if-none-match" in asked:
            tags = [tag.strip().removeprefix("W/") for tag in ",".join(asked.getlist("if-none-match")).split(",")]
            return self.tag in tags or "*" in tags
        since = _seconds(asked.get("if-modified-since", ""))
        return since is not None and self.modified <= since

    def _beyond(self) -> Problem:
        detail = f"The file has {self.size:,} bytes, and none of those that are asked for: ask for some of these."
        return Problem(416, "range", detail, {"content-range": f"bytes */{self.size}"})

    def _range(self, asked: Headers) -> range | None:
        """The bytes that are asked for; None for all of them."""
        found = RANGE.fullmatch(asked.get("range", ""))
        if not found or not any(found.groups()):
            return None
        if (condition := asked.get("if-range")) is not None and condition not in (self.tag, self.headers["last-modified"]):
            return None
        first, last = found.groups()
        if not first:
            return range(max(0, self.size - int(last)), self.size)
        if last and int(last) < int(first):
            return None
        return range(min(int(first), self.size), min(int(last) + 1, self.size) if last else self.size)


def _pieces(file: BinaryIO, sent: range) -> Iterator[bytes]:
    file.seek(sent.start)
    left = len(sent)
    while left and (piece := file.read(min(PIECE, left))):
        left -= len(piece)
        yield piece


def _seconds(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
