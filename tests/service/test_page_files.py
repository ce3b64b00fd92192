"""The page's files: right types, small on the wire, from the installed packages alone, and nothing foreign in them."""

import gzip
import re
from importlib.metadata import distribution, files
from pathlib import Path

import pytest

import reverie.service
from reverie.giveaway.bundle import needed
from reverie.service.assets import FOREIGN, NAME, SHARED, place

PAGE = Path(reverie.service.__file__).parent / "page"
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
TEXTS = [path for path in FILES if path.suffix in {".html", ".js", ".css", ".svg"}]
GZIP = {"accept-encoding": "gzip, br"}


def name(path: Path) -> str:
    return str(path.relative_to(PAGE))


def test_every_file_of_the_page_is_served_with_its_type(steady):
    types = {
        ".html": "text/html",
        ".css": "text/css",
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
        ".png": "image/png",
    }
    assert FILES
    for path in FILES:
        reply = steady.call("GET", f"/static/{name(path)}")
        assert (name(path), reply.status) == (name(path), 200)
        assert reply.headers["content-type"].split(";")[0] == types[path.suffix]
        assert reply.body == path.read_bytes()
        assert (
            gzip.decompress(steady.call("GET", f"/static/{name(path)}", headers=GZIP).body) == reply.body
            or path.suffix == ".png"
        )
    assert steady.call("GET", "/").body == (PAGE / "index.html").read_bytes()
    assert steady.call("GET", "/docs").body == (PAGE / "docs/index.html").read_bytes()


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix in {".html", ".js"}], ids=name)
def test_what_the_page_asks_for_is_relative_to_where_it_is(path):
    """A proxy may have a path in front: lib/api.js alone knows it, and everything is asked through it."""
    text = path.read_text()
    assert not re.search(r"""(?:src|href)\s*[=:]\s*["'`]/""", text)
    asks = re.findall(r"\bfetch\(|XMLHttpRequest\(|EventSource\(|sendBeacon\(", text)
    assert not asks or name(path) in ("lib/api.js", "docs/start.js")


def test_the_page_in_all_is_under_6_mb(steady):
    names = [name(path) for path in FILES]
    assert sum(len(steady.call("GET", f"/static/{n}", headers=GZIP).body) for n in names) < 6_000_000


@pytest.mark.parametrize("foreign", FOREIGN)
def test_scripts_of_others_come_from_their_packages(steady, foreign):
    package, inside = FOREIGN[foreign]
    (found,) = [f for f in files(package) or [] if str(f) == f"{package}/{inside}"]
    reply = steady.call("GET", f"/static/{foreign}", headers=GZIP)
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < len(gzip.decompress(reply.body)) / 3
    assert gzip.decompress(reply.body) == Path(str(found.locate())).read_bytes()


def test_what_a_browser_has_is_not_sent_again(steady):
    first = steady.call("GET", "/static/swagger-ui-bundle.js", headers=GZIP)
    assert first.headers["cache-control"] == "no-cache"
    assert "accept-encoding" in first.headers["vary"].lower()
    again = steady.call("GET", "/static/swagger-ui-bundle.js", headers=GZIP | {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert steady.call("GET", "/static/swagger-ui-bundle.js", headers=GZIP | {"if-none-match": '"other"'}).status == 200
    assert (
        "content-encoding"
        not in steady.call("GET", "/static/docs/start.js", headers={"accept-encoding": "gzip;q=0"}).headers
    )


def test_head_tells_what_get_would_send(steady):
    assert steady.call("HEAD", "/").status == 200
    assert steady.call("HEAD", "/").body == b""


@pytest.mark.parametrize(
    "asked",
    [
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "",
        "views",
        "views/",
        ".hidden.js",
        "/etc/passwd",
        "//etc/passwd",
        "a\\b.js",
        "lib/../index.html",
        "index.html%00.js",
        "main.js/",
        "docs/../../app.py",
        "INDEX.HTML",
    ],
)
def test_nothing_but_the_page_is_served(steady, asked):
    assert steady.call("GET", f"/static/{asked}").status == 404


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_nothing_foreign_is_in_the_page(path):
    """No address of another machine is loaded or called; a link to read, or a namespace, is not loaded."""
    text = path.read_text()
    assert not re.search(r"""(?:src|srcset|action|data-src)\s*=\s*["']?\s*(?:https?:)?//""", text)
    assert not re.search(r"""<link[^>]*href\s*=\s*["']?\s*(?:https?:)?//""", text)
    assert not re.search(r"""(?:import|from)\s*\(?\s*["'`](?:https?:)?//""", text)
    assert not re.search(
        r"""(?:fetch|EventSource|WebSocket|XMLHttpRequest|Worker|sendBeacon)\s*\(\s*["'`](?:https?:|wss?:)?//""", text
    )
    assert not re.search(r"""@import|url\(\s*["']?\s*(?:https?:)?//""", text)


@pytest.mark.parametrize("path", [p for p in TEXTS if p.suffix == ".html"], ids=name)
def test_no_script_stands_in_a_page(path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text)
    assert not re.search(r"""<[^>]+\son[a-z]+\s*=""", text)
    assert "javascript:" not in text


def test_every_file_has_a_name_that_is_served():
    assert [name(path) for path in FILES if not NAME.fullmatch(name(path))] == []


def test_versions_are_pinned():
    """What the page is made of is one exact version, the one that is tested."""
    lines = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    pinned = dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)
    for package in ("swagger-ui-bundle", "fastapi", "starlette", "uvicorn", "h11", "sqlalchemy", "prometheus-client"):
        assert distribution(package).version == pinned[package]


def test_what_is_asked_for_ahead_is_what_the_first_views_import():
    """A module that was left out is found late; one too many keeps the others waiting."""
    modules = {name(path): path.read_text() for path in FILES if path.suffix == ".js"}
    modules |= {shared: place(shared).read_text() for shared in SHARED}
    shell = {*needed(modules, "main.js")} - {"main.js"}
    assert {*re.findall(r'modulepreload" href="static/([^"]+)"', (PAGE / "index.html").read_text())} == shell
    for view, names in re.findall(r"^    (\w+): [\"`]([^\"`]*)[\"`],", modules["ahead.js"], re.M):
        wanted = {*needed(modules, f"views/{view}.js")} - shell - {"main.js"}
        assert {f"{each}.js" for each in names.split()} == wanted, view
