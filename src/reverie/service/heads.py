"""HEAD is GET without the content, wherever there is GET (RFC 9110, 9.3.2): also for events, whose content has no end."""

from __future__ import annotations

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Heads"]


class _Told(Exception):
    """The head is sent, and nothing more is wanted."""


class Heads:
    """Stands right before the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)

        async def head_alone(message: Message) -> None:
            if message["type"] == "http.response.body":
                await send({"type": "http.response.body", "body": b""})
                raise _Told
            await send(message)

        got = {**scope, "method": "GET"}  # a copy: the server asks the first one how to end the answer
        try:
            with suppress(_Told):
                await self.app(got, receive, head_alone)
        finally:
            scope["route"] = got.get("route")  # for the log
