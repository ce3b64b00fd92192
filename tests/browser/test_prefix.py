"""The page below a path of a site: behind a proxy that takes the path off it loads, works, and asks for nothing beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

HERE = "/reverie"
KEPT_APART = {"transfer-encoding", "connection", "date"}


@pytest.fixture
def proxy(address: str) -> Iterator[tuple[str, list[str]]]:
    """Where the proxy answers, and what it was asked for beside the path."""
    port, beside = urlsplit(address).port, []

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            if not self.path.startswith(f"{HERE}/"):
                beside.append(self.path)
                return self.send_error(404)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            server = HTTPConnection("127.0.0.1", port, timeout=60)
            server.request(self.command, self.path.removeprefix(HERE), body or None, dict(self.headers))
            reply = server.getresponse()
            self.send_response(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in KEPT_APART:
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            while piece := reply.read1(65_536):
                self.wfile.write(piece)
            server.close()

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}{HERE}", beside
        running.shutdown()
        thread.join(30)


@pytest.mark.parametrize("size", ["wide"], indirect=True)
def test_the_page_works_below_a_path_of_a_site(page: Page, proxy: tuple[str, list[str]]) -> None:
    site, beside = proxy
    page.goto(f"{site}/#records?step=describe&table=pbc2")
    expect(
        page.get_by_role("cell", name="serBilir").or_(page.get_by_role("rowheader", name="serBilir")).first
    ).to_be_visible()
    page.get_by_role("link", name="The HTTP API").click()
    expect(page.get_by_text("diffusion-statistics").first).to_be_visible()
    assert page.url == f"{site}/docs"
    page.goto(f"{site}/#forward")
    expect(page.locator("canvas").first).to_be_visible()
    assert beside == []
