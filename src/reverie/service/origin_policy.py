"""Who may ask, and what a browser may do with the answer: stands in front of every route.

Host       one of the names the server is known by, or 421: a foreign name that points here (DNS rebinding) gets nothing.
Origin     on every method that changes something, a browser's origin must be the server's own, or 403. No CORS.
Content    a body of such a method is JSON, or 415, which no form of a foreign page can send. Uploads are of any type.
API key    where keys are set every address needs one, but the page, its documents and health, or 401.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.service.keys import Keys
from reverie.service.problems import Problem, answer
from reverie.service.settings import Settings

__all__ = ["OPEN", "UPLOADS", "OriginPolicy", "SafeHeaders"]

SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN = {"/", "/docs", "/openapi.json", "/healthz", "/readyz"}
OPEN_BELOW = "/static/"
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
        self.app, self.keys = app, keys
        own = set() if settings.host in EVERYWHERE else {_bracketed(settings.host.lower())}
        self.hosts = {"localhost", "127.0.0.1", "[::1]"} | own | set(settings.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except Problem as problem:
                return await answer(problem, scope)(scope, receive, send)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = self._host(headers)
        if scope["method"] not in SAFE:
            _check_origin(headers, host)
            _check_content(headers, scope)
        if self.keys is not None and not _open(scope["path"]):
            scope["state"]["key"] = self._owner(headers, self.keys)

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

    def _owner(self, headers: Headers, keys: Keys) -> str:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        owner = keys.owner(key.strip()) if scheme.lower() == "bearer" else None
        if owner is None:
            detail = "Send an API key: Authorization: Bearer KEY. Whoever runs the server makes one: reverie serve key NAME."
            raise Problem(401, "key", detail, {"www-authenticate": 'Bearer realm="reverie"'})
        return owner


def _check_origin(headers: Headers, host: str) -> None:
    """Programs send no origin; browsers always do with what may change something, and say where the page came from."""
    origins, sites = headers.getlist("origin"), headers.getlist("sec-fetch-site")
    own = {f"http://{host}", f"https://{host}"}
    if any(origin.lower() not in own for origin in origins) or len(origins) > 1 or {*sites} - {"same-origin", "none"}:
        raise Problem(403, "origin", "Only the server's own page, or a program that is no browser, may ask for this.")


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
