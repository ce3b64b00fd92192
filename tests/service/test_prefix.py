"""Behind a proxy that gives the service a part of a site: everything is reached below that path, and nothing beside it."""

import pytest

from reverie.errors import UsageError
from reverie.service import keys, settings

HERE = "/reverie"
JSON = {"content-type": "application/json"}


@pytest.fixture
def placed(serving):
    return serving(root_path=HERE)


def test_what_is_below_the_path_is_what_is_there_without_it(placed):
    """A proxy may pass the path on or take it off, and who watches the server asks it itself."""
    for path in ("/", "/docs", "/static/main.js", "/static/lib/api.js", "/healthz", "/api/files", "/openapi.json"):
        plain, below = placed.call("GET", path), placed.call("GET", HERE + path)
        assert (path, below.status, below.body) == (path, 200, plain.body)
    reply = placed.call("GET", HERE + "?x=1")
    assert (reply.status, reply.headers["location"]) == (308, "/reverie/?x=1")


def test_addresses_in_replies_begin_at_the_service_and_those_that_are_followed_at_the_site(placed):
    reply = placed.call("PUT", f"{HERE}/api/files/a.csv", b"1")
    assert (reply.headers["location"], reply.json["href"]) == ("/reverie/api/files/a.csv", "/api/files/a.csv")
    assert placed.call("GET", reply.headers["location"]).body == placed.call("GET", HERE + reply.json["href"]).body == b"1"
    assert placed.call("GET", "/openapi.json").json["servers"] == [{"url": HERE}]
    asked = f"{HERE}/api/calls/compare_samplers"
    base = f"http://127.0.0.1:{placed.port}"
    for origin in (None, base, base.replace("http:", "https:")):  # only the page knows that the proxy speaks TLS
        headers = JSON | ({"origin": origin} if origin else {})
        curl = placed.call("POST", asked, b"{}", headers).json["curl"]
        assert f"{origin or base}{HERE}/api/comparisons" in curl


def test_what_only_looks_like_the_path_is_not_there(placed):
    for path in (
        "/reverie-two/",
        "/reveries",
        "/Reverie/",
        "//reverie/",
        "/reverie//",
        "/reverie/reverie/",
        "/reverie/../x",
    ):
        assert (path, placed.call("GET", path).status) == (path, 404)


def test_keys_are_asked_for_below_the_path_as_without_it(serving, tmp_path):
    path = tmp_path / "keys.json"
    entry = {"authorization": f"Bearer {keys.make(path, 'alice', 'read')}"}
    site = serving(root_path=HERE, keys=path)
    for asked, status in (("/", 200), ("/healthz", 200), ("/static/main.js", 200), ("/api/files", 401), ("/metrics", 401)):
        assert (asked, site.call("GET", HERE + asked).status) == (asked, status)
    assert site.call("GET", f"{HERE}/api/files", headers=entry).status == 200
    assert site.call("DELETE", f"{HERE}/api/files/a.csv", headers=entry).status == 403


@pytest.mark.parametrize(
    "path", ["reverie", "/a b", "/../x", "/.", "/api", "/api/x", "/static", "/x//y", "/x?y", "https://x/y"]
)
def test_a_path_that_cannot_be_one_is_refused_by_its_name(path):
    with pytest.raises(UsageError, match="root_path"):
        settings.read(root_path=path)


def test_a_slash_at_the_end_changes_nothing():
    for told, path in (("", ""), ("/", ""), ("/reverie/", "/reverie"), ("/a/b", "/a/b")):
        assert settings.read(root_path=told).root_path == path
