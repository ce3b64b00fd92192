"""Every request has an id, an answer, and a line in the log; and a span, where they are wanted."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.service.logs import say
from reverie.service.metrics import Metrics
from reverie.service.problems import Problem
from reverie.service.replies import answer, of
from reverie.service.telemetry import Telemetry, tell

__all__ = ["Observed", "Traced"]

GONE = 499  # the client closed the connection before the answer; seen in logs and metrics only


class Observed:
    """Gives each request its id, and sees to it that each is answered, measured and logged, whatever happens inside."""

    def __init__(self, app: ASGIApp, root: Path, metrics: Metrics) -> None:
        self.app, self.root, self.metrics = app, root, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        begun, status, sent = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", request_id.encode())]}
            sent += len(message.get("body", b""))
            await send(message)

        failed: BaseException | None = None
        self.metrics.open.inc()
        try:
            await self.app(scope, receive, counted)
        except ClientDisconnect:
            status = status or GONE
        except asyncio.CancelledError:
            if not status:  # the server stops: even so, a call that was accepted gets an answer
                await answer(Problem(503, "stopping", "Try again soon.", {"retry-after": "5"}), scope)(
                    scope, receive, counted
                )
        except Exception as error:
            problem = of(error, self.root)
            failed = error if problem.status >= 500 else None
            if not status:
                await answer(problem, scope)(scope, receive, counted)
        finally:
            self.metrics.open.dec()
            seconds = time.perf_counter() - begun
            route = _template(scope)
            self.metrics.request(scope["method"], route, status, seconds)
            say(
                "failed" if failed else "answered",
                logging.ERROR if failed else logging.INFO,
                failed,
                request_id=request_id,
                method=scope["method"] if scope["method"].isalpha() else "?",
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                bytes=sent,
                caller=scope["state"].get("caller"),
            )


class Traced:
    """Around the app: each call is a span, which jobs find in request.state.trace."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app, self.telemetry = app, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        method, status = scope["method"] if scope["method"].isalpha() else "?", 0

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with self.telemetry.call(Headers(scope=scope)) as (span, kept):
            scope.setdefault("state", {})["trace"] = kept
            try:
                await self.app(scope, receive, seen)
            finally:
                tell(span, method, _template(scope), status)


def _template(scope: Scope) -> str:
    """The route's pattern, which is of our own making and one of few."""
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or "none"
