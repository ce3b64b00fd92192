"""The page without its server: one file with all modules and styles, and one empty place for what the server has said."""

import gzip
import re
from pathlib import Path

import reverie.service
from reverie.giveaway import LIMIT
from reverie.service.giveaway import RECORDING, saved_page

PAGE = Path(reverie.service.__file__).parent / "page"


def test_it_holds_every_module_and_loads_nothing():
    page = saved_page()
    views = [path.relative_to(PAGE).as_posix() for path in (PAGE / "views").rglob("*.js")]
    assert all(f'"{name}": (exports) =>' in page for name in ["main.js", "lib/api.js", "lib/randomness.js", *views])
    html = re.sub(r"(?s)(<script[^>]*>).*?</script>|<style>.*?</style>", r"\1", page)
    assert not re.search(r"<link|\ssrc=|\shref=\"/", html)
    assert page.count(f'<script type="application/json" id="{RECORDING}">null</script>') == 1
    assert "connect-src 'none'" in html
    assert all(mark in page.partition("</style>")[0] for mark in ("--paper:", ".transport", ".saved"))
    assert len(page.encode()) < LIMIT / 6, "most of a page is for what the view shows"


def test_it_is_served_to_be_kept(steady):
    reply = steady.call("GET", "/static/saved.html", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(reply.body).decode() == saved_page()
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-disposition"].startswith("attachment")
