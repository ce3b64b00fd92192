"""Foreign names, foreign pages and callers without a key get nothing; what a browser gets it cannot misuse."""

import pytest

from reverie.errors import DamagedError, UsageError
from reverie.service import keys
from reverie.service.origin_policy import OPEN
from reverie.service.serve import serve
from reverie.service.settings import Settings

JSON = {"content-type": "application/json"}
UNSAFE = [("PUT", "/api/files/a.csv"), ("DELETE", "/api/files/a.csv"), ("POST", "/api/anything")]


HOSTS = [
    ("localhost", 200),
    ("localhost:8000", 200),
    ("127.0.0.1:1", 200),
    ("[::1]:80", 200),
    ("[::1]", 200),
    ("LOCALHOST", 200),
    ("data.example:443", 200),
    ("evil.example", 421),
    ("localhost.evil.example", 421),
    ("evil.example:localhost", 421),
    ("localhost@evil.example", 421),
    ("localhost:80:80", 421),
    ("localhost:x", 421),
    ("127.0.0.2", 421),
    ("2130706433", 421),
    ("", 421),
]


def test_the_server_answers_only_to_its_own_names(serving):
    site = serving(allowed_hosts="data.example")
    for host, status in HOSTS:
        for path in ("/healthz", "/", "/api/files"):
            assert (host, site.call("GET", path, headers={"host": host}).status) == (host, status)


def test_a_request_names_its_host_once(site):
    assert (
        site.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n")[9:12] == b"400"
    )
    assert site.raw(b"GET /healthz HTTP/1.0\r\n\r\n")[9:12] == b"400"


ORIGINS = [
    ({}, True),
    ({"origin": "OWN"}, True),
    ({"origin": "OWN", "sec-fetch-site": "same-origin"}, True),
    ({"sec-fetch-site": "none"}, True),
    ({"origin": "http://evil.example"}, False),
    ({"origin": "null"}, False),
    ({"origin": ""}, False),
    ({"origin": "http://localhost:1"}, False),
    ({"origin": "OWN.evil.example"}, False),
    ({"origin": "ftp://localhost"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-site"}, False),
    ({"origin": "OWN", "sec-fetch-site": "cross-site"}, False),
]


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_only_the_servers_own_page_may_change_something(site, method, path):
    own = f"http://127.0.0.1:{site.port}"
    for headers, allowed in ORIGINS:
        sent = {name: value.replace("OWN", own) for name, value in headers.items()}
        reply = site.call(method, path, b"{}" if method != "DELETE" else None, JSON | sent)
        assert (sent, reply.status != 403) == (sent, allowed)
        assert allowed or reply.json["type"] == "/problems/origin"


def test_a_refused_change_has_changed_nothing(site):
    assert site.call("PUT", "/api/files/a.csv", b"1", {"origin": "http://evil.example"}).status == 403
    assert site.workspace.entries() == []


def test_no_foreign_page_is_given_leave_to_read(site):
    site.call("PUT", "/api/files/a.csv", b"1")
    for method, path in [("OPTIONS", "/api/files/a.csv"), ("GET", "/api/files/a.csv"), ("GET", "/"), ("GET", "/healthz")]:
        reply = site.call(
            method,
            path,
            headers={
                "origin": "http://evil.example",
                "access-control-request-method": "PUT",
                "sec-fetch-site": "cross-site",
            },
        )
        assert not [name for name in reply.headers if name.startswith("access-control-")]
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


def test_what_a_form_can_send_is_refused(site):
    form = "application/x-www-form-urlencoded"
    for kind in (form, "multipart/form-data; boundary=x", "text/plain", "", "application/jsonx"):
        reply = site.call("POST", "/api/files", b"{}", {"content-type": kind})
        assert (reply.status, reply.json["type"]) == (415, "/problems/media-type")


def test_every_answer_carries_the_safe_headers(site):
    site.call("PUT", "/api/files/a.csv", b"1")
    answers = [
        site.call("GET", "/"),
        site.call("GET", "/docs"),
        site.call("GET", "/static/none.js"),
        site.call("GET", "/api/files/a.csv"),
        site.call("GET", "/api/none"),
        site.call("GET", "/healthz", headers={"host": "evil.example"}),
        site.call("GET", "/healthz", headers={"x": "a" * 20_000}),
        site.call("POST", "/api/files", b"{}", {"content-type": "text/plain"}),
        site.call("PATCH", "/healthz"),
    ]
    for reply in answers:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "cache-control" in reply.headers
        assert "server" not in reply.headers
        assert len(reply.headers["x-request-id"]) == 16


def test_files_come_as_attachments_of_strict_types(site):
    page = b"<html><script>alert(1)</script></html>"
    for name, kind in [
        ("a.csv", "text/csv"),
        ("a.png", "image/png"),
        ("a.json", "application/json"),
        ("a b.csv.gz", "application/gzip"),
    ]:
        path = "/api/files/" + name.replace(" ", "%20")
        assert site.call("PUT", path, page).status == 201
        reply = site.call("GET", path)
        assert reply.body == page
        assert reply.headers["content-type"].split(";")[0] == kind
        assert reply.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cache-control"] == "no-store"
    for name in ("a.html", "a.svg", "a.js", "a.xml", "a.pdf", "a", "a.csv.html"):
        assert site.call("PUT", f"/api/files/{name}", page).status == 422


# API keys


@pytest.fixture
def keyed(serving, tmp_path):
    path = tmp_path / "keys.json"
    key = keys.make(path, "alice")
    return serving(keys=path), key, path


def address(path: str) -> str:
    return path.replace("{name}", "a.csv").replace("{id}", "0" * 32).replace("{file}", "a.csv")


def test_every_route_of_the_document_is_denied_without_a_key(keyed):
    site, key, _ = keyed
    document = site.call("GET", "/openapi.json").json
    tried = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = b"{}" if method in ("post", "put") else None
            reply = site.call(method.upper(), address(path), body, JSON)
            if path in OPEN:
                assert operation["security"] == []
                assert reply.status == 200
                continue
            tried += 1
            assert (path, reply.status) == (path, 401)
            assert reply.json["type"] == "/problems/key"
            assert reply.headers["www-authenticate"].startswith("Bearer")
            for wrong in (f"Bearer {key}x", f"Bearer {key[:-1]}", "Bearer ", f"Basic {key}", key, "Bearer \xff"):
                assert site.call(method.upper(), address(path), body, JSON | {"authorization": wrong}).status == 401
    assert tried >= 5
    assert {path for path in document["paths"] if path in OPEN} == {"/healthz", "/readyz"}


def test_routes_that_are_not_in_the_document_are_open_only_as_listed(keyed):
    """Whatever is added to the app later is closed until someone lists it."""
    site, _, _ = keyed
    listed = {route.path for route in site.app.routes if hasattr(route, "path")}
    for path in listed - OPEN:
        if not path.startswith("/static/"):
            assert site.call("GET", address(path)).status == 401
    for path in ("/nothing", "/api/files/../../healthz", "/healthz/", "//healthz", "/HEALTHZ", "/static", "/metrics"):
        assert site.call("GET", path).status == 401


def test_a_key_opens_and_can_be_taken_away_while_the_server_runs(keyed):
    site, key, path = keyed
    entry = {"authorization": f"Bearer {key}"}
    assert site.call("GET", "/api/files", headers=entry).status == 200
    second = {"authorization": f"Bearer {keys.make(path, 'bob')}"}
    assert site.call("GET", "/api/files", headers=second).status == 200
    keys.take_away(path, "alice")
    assert site.call("GET", "/api/files", headers=entry).status == 401
    assert site.call("GET", "/api/files", headers=second).status == 200
    path.unlink()
    assert site.call("GET", "/api/files", headers=second).status == 401


def test_the_file_of_keys_holds_no_key_and_is_its_owners(tmp_path):
    path = tmp_path / "keys.json"
    made = [keys.make(path, name) for name in ("alice", "bob")]
    text = path.read_text()
    assert len(set(made)) == 2
    assert all(len(key) >= 40 and key not in text and key.removeprefix("reverie_") not in text for key in made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.Keys(path).owner(made[1]) == "bob"
    with pytest.raises(UsageError, match="already"):
        keys.make(path, "alice")


def test_keys_are_compared_in_constant_time_and_all_of_them(tmp_path, monkeypatch):
    path = tmp_path / "keys.json"
    first = keys.make(path, "a")
    keys.make(path, "b")
    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda x, y: compared.append(x) or real(x, y))
    assert keys.Keys(path).owner(first) == "a"
    assert len(compared) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"keys": [{"name": "a"}]}', "\x00"])
def test_a_file_that_is_none_of_keys_is_refused(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(DamagedError, match="not a file of API keys"):
        keys.Keys(path)


def test_no_keys_at_all_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        keys.Keys(tmp_path / "none.json")
    path = tmp_path / "keys.json"
    keys.make(path, "a")
    keys.take_away(path, "a")
    with pytest.raises(UsageError, match="holds no key"):
        keys.Keys(path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", ""])
def test_the_server_refuses_to_start_for_other_machines_without_keys(tmp_path, host):
    with pytest.raises(UsageError, match="API keys"):
        serve(Settings(workspace=tmp_path / "new", host=host, port=0), lambda address: None)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host):
    assert Settings(host=host).loopback
