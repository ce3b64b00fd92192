"""Foreign names, foreign pages and callers without a key get nothing; what a browser gets it cannot misuse."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from fastapi import Request

from reverie.errors import DamagedError, UsageError
from reverie.service import keys, wrong_keys
from reverie.service.origin_policy import OPEN
from reverie.service.problems import Problem
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


def test_no_foreign_page_makes_the_server_work_by_fetching(site):
    """Where a request comes from is said by browsers alone, and by them always."""
    for where in (None, "none", "same-origin", "same-site", "cross-site", "strange"):
        said = {} if where is None else {"sec-fetch-site": where}
        own = where in (None, "none", "same-origin")
        for path in ("/api/files", "/api/none", "/metrics"):
            for method in ("GET", "HEAD"):
                assert (path, site.call(method, path, headers=said).status != 403) == (path, own)
        for path in () if own else ("/api/jobs", "/api/models", "/api/diffusion/diffusion-statistics", "/api/files/a.csv"):
            assert site.call("GET", path, headers=said).json["type"] == "/problems/origin"
        for path in ("/", "/docs", "/static/main.js", "/healthz"):  # a link from elsewhere leads to the page
            assert site.call("GET", path, headers=said | {"sec-fetch-mode": "navigate"}).status == 200


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
    site, *_ = keyed
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
    assert tried >= 5
    assert {path for path in document["paths"] if path in OPEN} == {"/healthz", "/readyz"}


def test_what_is_nearly_a_key_is_none(keyed, monkeypatch):
    monkeypatch.setattr(wrong_keys, "FREE", 100)
    site, key, _ = keyed
    for wrong in (f"Bearer {key}x", f"Bearer {key[:-1]}", "Bearer ", f"Basic {key}", key, "Bearer \xff"):
        assert site.call("GET", "/api/files", headers={"authorization": wrong}).status == 401


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


CALLS = [
    ("GET", "/api/files", "read"),
    ("HEAD", "/api/files", "read"),
    ("GET", "/metrics", "read"),
    ("POST", "/api/calls/none", "read"),
    ("PUT", "/api/files/a.csv", "run"),
    ("POST", "/api/none", "run"),
    ("PATCH", "/api/files", "run"),
    ("DELETE", "/api/files/a.csv", "manage"),
    ("POST", "/api/models/runs/a/rename", "manage"),
]


def test_a_key_does_what_its_scope_holds_and_nothing_more(serving, tmp_path):
    path = tmp_path / "keys.json"
    made = {scope: keys.make(path, f"who {scope}s", scope) for scope in keys.SCOPES}
    site = serving(keys=path)
    for has, key in made.items():
        for method, address, needs in CALLS:
            entry = JSON | {"authorization": f"Bearer {key}"}
            reply = site.call(method, address, b"{}" if method in ("POST", "PUT") else None, entry)
            allowed = keys.SCOPES.index(needs) <= keys.SCOPES.index(has)
            assert (has, method, address, reply.status != 403) == (has, method, address, allowed)
            if not allowed:
                detail = f"This needs an API key with the scope {needs}, and the key of who {has}s has {has}: "
                assert reply.json["type"] == "/problems/scope" and reply.json["detail"].startswith(detail)
                assert f"--scope {needs}" in reply.json["detail"]


def test_the_document_names_the_scope_of_every_call(site):
    for path, operations in site.call("GET", "/openapi.json").json["paths"].items():
        for method, operation in operations.items():
            expected = [] if path in OPEN else [{"key": [keys.needed(method.upper(), path)]}, {}]
            assert operation["security"] == expected
            assert (method != "delete" and not path.endswith("/rename")) or expected[0]["key"] == ["manage"]


def test_keys_that_were_made_before_there_were_scopes_do_everything(tmp_path):
    path = tmp_path / "keys.json"
    key = keys.make(path, "alice", "read")
    whole = json.loads(path.read_text())
    del whole["keys"][0]["scope"]
    path.write_text(json.dumps(whole))
    assert keys.Keys(path).caller(key) == keys.Caller("alice", "manage")
    other = keys.make(path, "bob", "run")
    assert keys.Keys(path).caller(key).scope == "manage" and keys.Keys(path).caller(other).scope == "run"
    path.write_text(path.read_text().replace('"run"', '"rule"'))
    with pytest.raises(DamagedError, match="the scope 'rule': there are read, run, manage"):
        keys.Keys(path)
    with pytest.raises(UsageError, match="unknown scope 'all'"):
        keys.make(tmp_path / "more.json", "c", "all")


def test_the_route_knows_who_asks(serving, tmp_path):
    path = tmp_path / "keys.json"
    entry = {"authorization": f"Bearer {keys.make(path, 'alice')}"}

    def who(request: Request) -> dict[str, str | None]:
        return {"who": request.state.caller}

    def prepare(app):
        app.add_api_route("/api/who", who, include_in_schema=False)

    assert serving(prepare, keys=path).call("GET", "/api/who", headers=entry).json == {"who": "alice"}
    assert serving(prepare).call("GET", "/api/who").json == {"who": None}


# Wrong keys


@pytest.fixture
def pauses(monkeypatch):
    """How long answers waited; they do not wait here."""
    found = []

    async def sleep(seconds):
        found.append(seconds)

    monkeypatch.setattr(wrong_keys, "asyncio", SimpleNamespace(sleep=sleep))
    return found


def test_who_sends_wrong_keys_waits_longer_each_time_and_nobody_else_does(keyed, pauses):
    site, key, _ = keyed
    for _ in range(12):
        assert site.call("GET", "/api/files", headers={"authorization": f"Bearer {key}x"}).status == 401
    assert pauses == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 16, 16]
    assert site.call("GET", "/api/files", headers={"authorization": f"Bearer {key}"}).status == 200
    assert site.call("GET", "/api/files").status == 401
    assert len(pauses) == 12  # neither a right key nor none at all waits


def test_answers_that_wait_are_few_and_a_long_silence_is_forgiven(monkeypatch):
    guard, now = wrong_keys.WrongKeys(), [0.0]
    monkeypatch.setattr(wrong_keys.time, "monotonic", lambda: now[0])

    async def guess(address):
        try:
            await guard.wait(address)
        except Problem as problem:
            return problem.status, problem.headers["retry-after"]

    async def story():
        monkeypatch.setattr(wrong_keys, "FREE", 0)
        waiting = [asyncio.create_task(guess("2001:db8::1")) for _ in range(wrong_keys.WAITING)]
        await asyncio.sleep(0)
        assert await guess("2001:db8::ffff") == (429, "16")  # the same network of version 6
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        monkeypatch.setattr(wrong_keys, "FREE", 5)
        monkeypatch.setattr(wrong_keys, "MOST", 0.0)
        now[0] = 2 * wrong_keys.FORGOTTEN
        assert await guess("2001:db8::1") is None
        monkeypatch.setattr(wrong_keys, "KNOWN", 50)
        for i in range(200):
            await guess(f"10.0.0.{i}")
        assert len(guard._by_address) == 50

    asyncio.run(story())


def test_the_file_of_keys_holds_no_key_and_is_its_owners(tmp_path):
    path = tmp_path / "keys.json"
    made = [keys.make(path, name) for name in ("alice", "bob")]
    text = path.read_text()
    assert len(set(made)) == 2
    assert all(len(key) >= 40 and key not in text and key.removeprefix("reverie_") not in text for key in made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.Keys(path).caller(made[1]) == keys.Caller("bob")
    with pytest.raises(UsageError, match="already"):
        keys.make(path, "alice")


def test_keys_are_compared_in_constant_time_and_all_of_them(tmp_path, monkeypatch):
    path = tmp_path / "keys.json"
    first = keys.make(path, "a")
    keys.make(path, "b")
    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda x, y: compared.append(x) or real(x, y))
    assert keys.Keys(path).caller(first) == keys.Caller("a")
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
