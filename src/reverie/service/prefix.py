"""A path in front of all addresses, for a proxy that gives the server a part of a site: REVERIE_ROOT_PATH=/reverie.

    /reverie/api/jobs    a proxy that passes addresses on as they are
    /api/jobs            one that takes the path off, and whoever asks the server itself
    /reverie             goes to /reverie/, below which the page finds all that it loads

The routes know nothing of it: addresses in replies begin at the service (/api/jobs/ID), and are put behind its address.
What a browser or a client follows by itself, Location, has the path.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Prefix"]


class Prefix:
    """Takes the path off what is asked for."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app, self.root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.root_path:
            return await self.app(scope, receive, send)
        if scope["path"] == self.root_path:
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            return await RedirectResponse(f"{self.root_path}/{query}", 308)(scope, receive, send)
        scope["app_root_path"] = self.root_path  # for request.base_url
        if scope["path"].startswith(f"{self.root_path}/"):
            scope["path"] = scope["path"].removeprefix(self.root_path)
            scope["raw_path"] = (scope.get("raw_path") or b"").removeprefix(self.root_path.encode())

        async def placed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.root_path + headers["location"]
            await send(message)

        await self.app(scope, receive, placed)
