"""Who may ask, and what a browser may do with the answer: stands in front of every route.

Host       one of the names the server is known by, or 421: a foreign name that points here (DNS rebinding) gets nothing.
Origin     on every method that changes something, a browser's origin must be the server's own, or 403. No CORS.
Site       a browser says whose page asks: what is below /api and /metrics works for the server's own pages alone, or 403,
           so that no foreign page makes work by an image or a frame. Programs do not say.
Content    a body of such a method is JSON, or 415, which no form of a foreign page can send. Uploads are of any type.
API key    where keys are set every address needs one, but the page, its documents and health, or 401; and one whose scope
           holds what the call does (keys.needed), or 403. The route finds its name in request.state.caller: None without.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.service.keys import Caller, Keys, needed
from reverie.service.problems import Problem
from reverie.service.replies import answer
from reverie.service.settings import Settings
from reverie.service.wrong_keys import WrongKeys

__all__ = ["OPEN", "UPLOADS", "OriginPolicy", "SafeHeaders"]

SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN = {"/", "/docs", "/openapi.json", "/healthz", "/readyz"}
OPEN_BELOW = "/static/"
WORKS = ("/api/", "/metrics")
UPLOADS = "/api/files/"
EVERYWHERE = {"0.0.0.0", "::", ""}
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class SafeHeaders:
    """Puts the security headers on every answer, the errors too, but those that it has of its own: that of a report's page.
    An answer that does not say may not be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, "cache-control": "no-store"}.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in self.headers if name not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self.app(scope, receive, dressed)


class OriginPolicy:
    """Refuses what may not enter."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys | None) -> None:
        self.app, self.keys, self.wrong_keys = app, keys, WrongKeys()
        own = set() if settings.host in EVERYWHERE else {_bracketed(settings.host.lower())}
        self.hosts = {"localhost", "127.0.0.1", "[::1]"} | own | set(settings.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._check(scope)
            except Problem as problem:
                return await answer(problem, scope)(scope, receive, send)
        await self.app(scope, receive, send)

    async def _check(self, scope: Scope) -> None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        host = self._host(headers)
        if method not in SAFE:
            _check_origin(headers, host)
            _check_content(headers, scope)
        if method not in SAFE or path.startswith(WORKS):
            _check_site(headers)
        scope["state"]["caller"] = None
        if self.keys is not None and not _open(path):
            caller = await self._caller(headers, scope)
            scope["state"]["caller"] = caller.name
            _check_scope(caller, method, path)

    def _host(self, headers: Headers) -> str:
        given = headers.getlist("host")
        if len(given) != 1:
            raise Problem(400, "host", "A request names the host once, in the header Host.")
        host = given[0].strip().lower()
        name, colon, port = host.rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host, "0"
        if name not in self.hosts or not (port.isascii() and port.isdigit()):
            raise Problem(421, "host", "Call the server by a name it knows; more are allowed with --allow-host NAME.")
        return host

    async def _caller(self, headers: Headers, scope: Scope) -> Caller:
        assert self.keys is not None
        given = headers.get("authorization", "")
        scheme, _, key = given.partition(" ")
        caller = self.keys.caller(key.strip()) if scheme.lower() == "bearer" else None
        if caller is None:
            if given:
                await self.wrong_keys.wait((scope.get("client") or ("",))[0])
            detail = "Send an API key: Authorization: Bearer KEY. Whoever runs the server makes one: reverie serve key NAME."
            raise Problem(401, "key", detail, {"www-authenticate": 'Bearer realm="reverie"'})
        return caller


def _check_origin(headers: Headers, host: str) -> None:
    """Programs send no origin; browsers always do with what may change something."""
    origins, own = headers.getlist("origin"), {f"http://{host}", f"https://{host}"}
    if any(origin.lower() not in own for origin in origins) or len(origins) > 1:
        raise _foreign()


def _check_site(headers: Headers) -> None:
    """Programs do not say where a request comes from; browsers do, and no page can keep them from it."""
    if {*headers.getlist("sec-fetch-site")} - {"same-origin", "none"}:
        raise _foreign()


def _foreign() -> Problem:
    return Problem(403, "origin", "Only the server's own page, or a program that is no browser, may ask for this.")


def _check_scope(caller: Caller, method: str, path: str) -> None:
    scope = needed(method, path)
    if not caller.may(scope):
        has = f"This needs an API key with the scope {scope}, and the key of {caller.name} has {caller.scope}"
        raise Problem(403, "scope", f"{has}: whoever runs the server makes one, reverie serve key NAME --scope {scope}.")


def _check_content(headers: Headers, scope: Scope) -> None:
    empty = "transfer-encoding" not in headers and headers.get("content-length", "0").strip() == "0"
    if empty or (scope["method"] == "PUT" and scope["path"].startswith(UPLOADS)):
        return
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "media-type", "Send JSON, with the header Content-Type: application/json.")


def _open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
