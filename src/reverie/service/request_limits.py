"""What may come in: bytes are counted while they stream, before anything is parsed.

header fields   at most header_bytes in all, or 431; the address at most 8,000, or 414
body            at most body_bytes (an upload: file_bytes), said or sent in pieces, or 413
silence         at most read_seconds between two pieces, and not under 1,000 bytes a second on the whole, or 408
connections     at most `connections` open at one time, or 503; but whether the server lives is always answered
memory          bodies being read at one time hold at most four times body_bytes, or 503
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.service.origin_policy import UPLOADS
from reverie.service.problems import Problem
from reverie.service.replies import answer
from reverie.service.settings import Settings

__all__ = ["RequestLimits"]

LIVENESS = "/healthz"
ADDRESS = 8_000
FIELDS = 100
SLOWEST = 1_000.0  # bytes a second
DRAIN = 2.0  # seconds in which the rest of a refused body is thrown away, so that its sender reads the answer
STALLED = 60.0  # seconds for which a client may leave a piece of the answer unread


class RequestLimits:
    """Stands between the server and the routes."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.held = 0  # bytes of bodies in memory

    def crowded(self, scope: Scope) -> bool:
        """Whether more connections are open than may be."""
        return scope["app"].state.connections() > self.settings.connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = _Request(self, scope, receive, send)
        try:
            request.check_head()
        except Problem as problem:
            return await request.refuse(problem)
        try:
            await self.app(scope, request.receive, request.send)
        except Exception:
            if not request.refused:
                raise
        finally:
            self.held -= request.held


class _Request:
    def __init__(self, intake: RequestLimits, scope: Scope, receive: Receive, send: Send) -> None:
        self.intake, self.scope, self._receive, self._send = intake, scope, receive, send
        self.upload = scope["method"] == "PUT" and scope["path"].startswith(UPLOADS)
        self.limit = intake.settings.file_bytes if self.upload else intake.settings.body_bytes
        self.waited, self.received, self.held = 0.0, 0, 0
        self.whole = self.started = self.refused = False

    def check_head(self) -> None:
        if self.scope["path"] != LIVENESS and self.intake.crowded(self.scope):
            raise Problem(503, "busy", "Too many connections are open: try again soon.", {"retry-after": "2"})
        fields = self.scope["headers"]
        if (
            len(fields) > FIELDS
            or sum(len(name) + len(value) + 4 for name, value in fields) > self.intake.settings.header_bytes
        ):
            raise Problem(431, "too-large", "The header fields are too many or too long.")
        if len(self.scope.get("raw_path") or b"") + len(self.scope["query_string"]) > ADDRESS:
            raise Problem(414, "too-large", f"An address has at most {ADDRESS:,} characters.")
        headers = Headers(scope=self.scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            raise Problem(400, "invalid", "A body has either a Content-Length or a Transfer-Encoding, not both.")
        said = headers.get("content-length", "0")
        if said.isascii() and said.isdigit() and int(said[:20]) > self.limit:
            raise self._too_large()

    async def receive(self) -> Message:
        if self.whole:
            return await self._receive()  # now it only tells when the client has gone
        if self.refused:
            return {"type": "http.disconnect"}
        try:
            message = await self._in_time()
            self._count(message)
        except Problem as problem:
            await self.refuse(problem)
            return {"type": "http.disconnect"}
        return message

    async def _in_time(self) -> Message:
        allowed = self.intake.settings.read_seconds
        left = allowed + self.received / SLOWEST - self.waited
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(max(0.0, min(allowed, left))):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem(408, "slow", "The body did not arrive in time: send it without pauses.") from error
        self.waited += loop.time() - begun
        return message

    def _count(self, message: Message) -> None:
        size = len(message.get("body", b""))
        self.received += size
        self.whole = message["type"] == "http.disconnect" or not message.get("more_body", False)
        if self.received > self.limit:
            raise self._too_large()
        if not self.upload:
            self.held += size
            self.intake.held += size
            if self.intake.held > 4 * self.intake.settings.body_bytes:
                raise Problem(503, "busy", "Too much is arriving at once: try again soon.", {"retry-after": "2"})

    async def send(self, message: Message) -> None:
        if self.refused:
            return  # the client has its answer
        self.started = self.started or message["type"] == "http.response.start"
        async with asyncio.timeout(STALLED):
            await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answers, lets the sender finish within bounds, and closes the connection."""
        self.refused = True
        if self.started:
            return
        response = answer(problem, self.scope)
        headers = [*response.raw_headers, (b"connection", b"close")]
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await self._send({"type": "http.response.body", "body": bytes(response.body), "more_body": True})
        if not self.whole and problem.status == 413 and "expect" not in Headers(scope=self.scope):
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN):
                    await self._throw_away()
        await self._send({"type": "http.response.body", "body": b""})

    async def _throw_away(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"The body may have at most {self.limit:,} bytes.")
