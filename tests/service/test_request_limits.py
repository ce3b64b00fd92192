"""What comes in is counted before it is parsed, and nobody may be slow for ever."""

import resource
import socket
import time

import pytest
from fastapi import Body, FastAPI

from reverie.service.http_timeout import SPARE

MEGABYTES_64 = 64 * 2**20
POST = b"POST /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def echo(app: FastAPI) -> None:
    def length(value: dict = Body()) -> dict:
        return {"keys": len(value)}

    app.add_api_route("/api/echo", length, methods=["POST"])


def pieces(total: int, size: int = 65_536):
    """A body without a length, sent in chunks."""
    for _ in range(total // size):
        yield b" " * size


JSON = {"content-type": "application/json"}


def test_64_mb_with_a_length_are_refused_before_they_are_read(serving):
    site = serving(echo)
    reply = site.call("POST", "/api/echo", b" " * MEGABYTES_64, JSON)
    assert (reply.status, reply.json["type"]) == (413, "/problems/too-large")
    assert reply.headers["connection"] == "close"


def test_64_mb_without_a_length_are_refused_while_they_stream_and_memory_stays_bounded(serving):
    site = serving(echo, body_bytes=4_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        reply = site.call("POST", "/api/echo", pieces(MEGABYTES_64), JSON)
        assert (reply.status, reply.json["type"]) == (413, "/problems/too-large")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MEGABYTES_64 / 2
    assert site.call("POST", "/api/echo", {"a": 1}).json == {"keys": 1}


def test_a_body_of_just_the_limit_is_taken(serving):
    site = serving(echo, body_bytes=10_000)
    body = b'{"a": 1}'
    assert site.call("POST", "/api/echo", body + b" " * (10_000 - len(body)), JSON).status == 200
    assert site.call("POST", "/api/echo", body + b" " * (10_001 - len(body)), JSON).status == 413


def test_an_upload_has_its_own_limit(serving):
    site = serving(body_bytes=1000, file_bytes=100_000)
    assert site.call("PUT", "/api/files/a.csv", b"x" * 100_000).status == 201
    assert site.call("PUT", "/api/files/b.csv", b"x" * 100_001).status == 413
    assert site.call("PUT", "/api/files/b.csv", pieces(262_144, 32_768)).status == 413
    assert [entry.name for entry in site.workspace.entries()] == ["a.csv"]


def test_a_length_that_lies_low_is_counted_all_the_same(serving):
    """What follows the said length would be another request, not more body."""
    site = serving(echo)
    head = POST + b"Content-Length: 2\r\nConnection: close\r\n\r\n"
    assert site.raw(head + b"{}" + b"x" * 1000).startswith(b"HTTP/1.1 200")


HEADS = [
    b"Content-Length: 2\r\nContent-Length: 3\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999999999\r\n",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Bad Name: 1\r\n",
    b"X: a\x00b\r\n",
]


def test_two_readings_of_one_length_are_refused(serving):
    site = serving(echo)
    for head in HEADS:
        reply = site.raw(POST + b"Connection: close\r\n" + head + b"\r\n{}")
        assert (head, reply[9:12]) in [(head, b"400"), (head, b"413"), (head, b"501")]


def test_header_fields_have_a_cap(site):
    assert site.call("GET", "/healthz", headers={"x": "a" * 10_000}).status == 200
    assert site.call("GET", "/healthz", headers={"x": "a" * 17_000}).status == 431
    assert site.call("GET", "/healthz", headers={f"x{i}": "a" for i in range(150)}).status == 431
    assert site.call("GET", "/healthz?" + "a" * 9000).status == 414
    endless = site.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"x: " + b"a" * 200_000)
    assert not endless or endless.startswith(b"HTTP/1.1 400")


def test_a_silent_sender_of_a_body_gets_408(serving):
    site = serving(echo, read_seconds=0.3)
    begun = POST + b"Content-Length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(begun)
        reply = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert reply.startswith(b"HTTP/1.1 408")
    assert b"/problems/slow" in reply


def test_a_sender_of_drops_gets_408_though_it_is_never_silent(serving):
    site = serving(echo, read_seconds=0.5)
    begun = POST + b"Content-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=0.05) as wire:
        wire.sendall(begun)
        reply = b""
        for _ in range(1200):
            try:
                reply = wire.recv(65_536)
                break
            except TimeoutError:
                wire.sendall(b" ")
    assert reply.startswith(b"HTTP/1.1 408")


def test_a_silent_sender_of_a_head_is_closed(serving):
    site = serving(read_seconds=0.3)
    for begun in (b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "):
        with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
            wire.sendall(begun)
            assert wire.recv(100) == b""


def test_a_connection_that_is_kept_is_closed_when_its_next_head_does_not_come(serving):
    site = serving(read_seconds=0.3)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.recv(65_536).startswith(b"HTTP/1.1 200")
        wire.sendall(b"GET /hea")
        rest = b"".join(iter(lambda: wire.recv(65_536), b""))
        assert b"HTTP/1.1" not in rest


def test_slow_senders_do_not_keep_others_waiting(serving):
    site = serving(echo, read_seconds=30)
    begun = POST + b"Content-Length: 100\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(60)]
    try:
        for wire in slow:
            wire.sendall(begun)
        assert site.call("POST", "/api/echo", {"a": 1}).status == 200
        assert site.call("GET", "/healthz").status == 200
        assert site.call("GET", "/api/files").status == 200
    finally:
        for wire in slow:
            wire.close()


def test_bodies_in_memory_are_bounded_all_together(serving):
    site = serving(echo, body_bytes=100_000, read_seconds=30)
    head = POST + b"Content-Length: 100000\r\n\r\n"
    slow = [socket.create_connection(("127.0.0.1", site.port), timeout=60) for _ in range(5)]
    try:
        for wire in slow:
            wire.sendall(head + b" " * 95_000)
        answered = []
        for _ in range(600):
            for wire in slow:
                wire.settimeout(0.02)
                try:
                    answered.append(wire.recv(65_536))
                except TimeoutError:
                    continue
            if answered:
                break
        assert answered[0].startswith(b"HTTP/1.1 503")
        assert b"retry-after" in answered[0].lower()
    finally:
        for wire in slow:
            wire.close()
    for _ in range(600):
        if site.call("POST", "/api/echo", b'{"a": 1}' + b" " * 90_000, JSON).status == 200:
            return
        time.sleep(0.05)
    pytest.fail("the memory of those who left was not given back")


def test_deep_and_broken_json_is_refused_by_a_sentence(serving):
    site = serving(echo)
    for body in (b"[" * 200_000, b'{"a":' * 50_000, b"{", b"\xff\xfe", b'{"a": 1' + b"0" * 10_000 + b"}", b""):
        reply = site.call("POST", "/api/echo", body, JSON)
        assert 400 <= reply.status < 500
        assert reply.headers["content-type"] == "application/problem+json"


def test_more_connections_than_allowed_are_told_so_and_the_server_still_shows_that_it_lives(serving):
    site = serving(connections=5)
    idle = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(6)]
    try:
        refused = site.call("GET", "/api/files")
        assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
        assert "retry-after" in refused.headers and refused.headers["connection"] == "close"
        assert site.call("GET", "/healthz").status == 200, "that it lives is always answered"
    finally:
        for wire in idle:
            wire.close()


def test_connections_that_ask_for_nothing_make_room_for_others_the_oldest_first(serving):
    site = serving(connections=5)
    idle = [socket.create_connection(("127.0.0.1", site.port), timeout=60) for _ in range(5 + SPARE)]
    try:
        assert site.call("GET", "/healthz").status == 200
        assert idle[0].recv(1) == b"", "closed by the server"
        idle[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle[-1].recv(65_536).startswith(b"HTTP/1.1 200")
    finally:
        for wire in idle:
            wire.close()
