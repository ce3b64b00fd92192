"""The page below a path of a site: behind a proxy that takes the path off it loads and works, and asks for nothing else."""

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
def beside() -> list[str]:
    """What the proxy was asked for beside the path."""
    return []


@pytest.fixture
def address(address: str, beside: list[str]) -> Iterator[str]:
    """Where the proxy answers."""
    port = urlsplit(address).port

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
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join(30)


@pytest.mark.parametrize("size", ["wide"], indirect=True)
def test_the_page_works_below_a_path_of_a_site(page: Page, beside: list[str]) -> None:
    page.goto(f"{HERE}/#/records?step=describe&table=pbc2")
    expect(page.get_by_text("serBilir").first).to_be_visible()
    page.get_by_role("link", name="The HTTP API").click()
    expect(page.get_by_text("diffusion-statistics").first).to_be_visible()
    assert page.url.endswith(f"{HERE}/docs")
    page.goto(f"{HERE}/#/forward")
    expect(page.locator("canvas").first).to_be_visible()
    assert beside == []
