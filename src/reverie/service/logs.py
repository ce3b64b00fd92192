"""The log: one line of JSON for each request, and no values.

A line has the request id, the route's template (not the address: it may hold a patient's name), status, time and bytes. Of
an error it has the class and the places in the code, never the message: that may quote a cell of someone's table. For the
same reason nothing of another library's message is written down.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
import traceback
from pathlib import Path, PurePath

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.service.metrics import Metrics
from reverie.service.problems import Problem, answer, of

__all__ = ["Lines", "Observed", "configure", "say", "template"]

OURS = ("reverie.", "uvicorn")
FRAMES = 12
GONE = 499  # the client closed the connection before the answer; seen in logs and metrics only

logger = logging.getLogger("reverie.service")


class Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.startswith(OURS)
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage() if ours else f"message of {record.name}",
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"], line["at"] = _places(record.exc_info[1])
        return json.dumps(line, default=str)


def configure() -> None:
    """Sends the log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)


def say(event: str, level: int = logging.INFO, error: BaseException | None = None, **fields: object) -> None:
    """Writes one line. `event` is a fixed sentence; fields are numbers and names of our own, never a value of a table."""
    logger.log(level, event, exc_info=error, extra={"fields": {k: v for k, v in fields.items() if v is not None}})


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
            route = template(scope)
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


def template(scope: Scope) -> str:
    """The route's pattern, which is of our own making and one of few."""
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or "none"


def _places(error: BaseException) -> tuple[str, list[str]]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return type(error).__name__, [f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in frames]
