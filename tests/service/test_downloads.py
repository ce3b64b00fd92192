"""A download tells which content it is, comes in parts, and not at all to who has it (RFC 9110)."""

import os
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

CONTENT = bytes(range(256)) * 4
NAME = "/api/files/tables/a.csv"


@pytest.fixture
def file(site):
    """A file of 1,024 bytes, and the answer to a GET of all of it."""
    assert site.call("PUT", NAME, CONTENT).status == 201
    return site.call("GET", NAME)


PARTS = [
    ("bytes=0-9", 206, CONTENT[:10], "bytes 0-9/1024"),
    ("bytes=1000-", 206, CONTENT[1000:], "bytes 1000-1023/1024"),
    ("bytes=-24", 206, CONTENT[1000:], "bytes 1000-1023/1024"),
    ("bytes=-5000", 206, CONTENT, "bytes 0-1023/1024"),
    ("bytes=1023-99999999999", 206, CONTENT[1023:], "bytes 1023-1023/1024"),
    ("BYTES = 5 - 5", 206, CONTENT[5:6], "bytes 5-5/1024"),
    ("bytes=1024-", 416, None, "bytes */1024"),
    ("bytes=-0", 416, None, "bytes */1024"),
    ("bytes=5000-6000", 416, None, "bytes */1024"),
    ("bytes=9-0", 200, CONTENT, None),
    ("bytes=0-1,5-6", 200, CONTENT, None),
    ("rows=0-1", 200, CONTENT, None),
    ("bytes=-", 200, CONTENT, None),
    ("bytes=x-y", 200, CONTENT, None),
    ("bytes=" + "9" * 300 + "-", 200, CONTENT, None),
]


@pytest.mark.parametrize(("asked", "status", "content", "told"), PARTS)
def test_a_part_of_a_file_is_just_that_part(site, file, asked, status, content, told):
    reply = site.call("GET", NAME, headers={"range": asked})
    assert (reply.status, reply.headers.get("content-range")) == (status, told)
    if content is None:
        assert reply.json["type"] == "/problems/range"
    else:
        assert reply.body == content and reply.headers["content-length"] == str(len(content))
        assert reply.headers["etag"] == file.headers["etag"]


def test_parts_of_two_contents_are_never_put_together(site, file):
    tag, date = file.headers["etag"], file.headers["last-modified"]
    for condition, status in ((tag, 206), (date, 206), ('"other"', 200), (f"W/{tag}", 200), ("yesterday", 200)):
        assert site.call("GET", NAME, headers={"range": "bytes=0-1", "if-range": condition}).status == status
    assert site.call("PUT", NAME + "?overwrite=true", CONTENT[::-1]).status == 200
    reply = site.call("GET", NAME, headers={"range": "bytes=0-1", "if-range": tag})
    assert (reply.status, reply.body) == (200, CONTENT[::-1]) and reply.headers["etag"] != tag


def test_who_has_it_is_not_sent_it_again(site, file):
    tag, date = file.headers["etag"], file.headers["last-modified"]
    for headers in (
        {"if-none-match": tag},
        {"if-none-match": f'"x", W/{tag}'},
        {"if-none-match": "*"},
        {"if-modified-since": date},
        {"if-none-match": tag, "range": "bytes=0-1"},
    ):
        reply = site.call("GET", NAME, headers=headers)
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
    for headers in (
        {"if-none-match": '"x"'},
        {"if-none-match": '"x"', "if-modified-since": date},
        {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if-modified-since": "once"},
    ):
        assert site.call("GET", NAME, headers=headers).status == 200


def test_head_is_get_without_the_content_on_every_route_that_has_get(site, file):
    for path, status in (
        (NAME, 200),
        ("/api/files", 200),
        ("/", 200),
        ("/docs", 200),
        ("/static/main.js", 200),
        ("/healthz", 200),
        ("/metrics", 200),
        ("/openapi.json", 200),
        ("/api/files/none.csv", 404),
        ("/api/none", 404),
        ("/api/trainings", 405),
    ):
        got, head = site.call("GET", path), site.call("HEAD", path)
        assert (path, head.status, got.status, head.body) == (path, status, status, b"")
        varying = {"x-request-id", "date", "content-length"}
        assert {k: v for k, v in head.headers.items() if k not in varying} == {
            k: v for k, v in got.headers.items() if k not in varying
        }
    assert site.call("HEAD", NAME).headers["content-length"] == "1024"
    assert site.call("HEAD", NAME, headers={"range": "bytes=0-9"}).headers["content-range"] == "bytes 0-9/1024"


def test_head_of_what_has_no_end_ends(serving):
    from fastapi.responses import StreamingResponse

    async def endless():
        while True:
            yield b": still here\n\n"

    def prepare(app):
        app.add_api_route("/api/endless", lambda: StreamingResponse(endless()), include_in_schema=False)

    assert serving(prepare).call("HEAD", "/api/endless").status == 200


def test_times_are_told_in_one_way(site, file):
    os.utime(site.root / "tables" / "a.csv", (1_700_000_000.25, 1_700_000_000.25))
    (entry,) = site.call("GET", "/api/files").json["files"]
    assert entry["modified"] == "2023-11-14T22:13:20.250+00:00"
    told = parsedate_to_datetime(site.call("GET", NAME).headers["last-modified"])
    assert told == datetime.fromisoformat(entry["modified"]).replace(microsecond=0)


def test_an_empty_file_is_whole_and_has_no_parts(site):
    assert site.call("PUT", "/api/files/none.csv", b"").status == 201
    reply = site.call("GET", "/api/files/none.csv")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")
    assert site.call("GET", "/api/files/none.csv", headers={"range": "bytes=0-"}).status == 416
