"""A table in object storage is the table that the same files in a folder are; what is not there or denied is said."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import read_table
from reverie.records.places import ROW
from reverie.records.reading import blocks, read_source
from reverie.records.streaming import spooled
from reverie.sources import is_table

VISITS = pl.DataFrame({"patient": [i // 3 for i in range(300)], "day": [i % 3 for i in range(300)], "x": range(300)})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3 server of this module alone."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A bucket with the table in folders of Parquet and in parts of CSV."""
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("obstore")
    named = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "AWS_REGION": "us-east-1",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="registry")
    for number in range(3):
        part = VISITS[100 * number : 100 * number + 100]
        for suffix, write in (("parquet", part.write_parquet), ("csv", part.write_csv)):
            write(tmp_path / f"part.{suffix}")
            client.upload_file(str(tmp_path / f"part.{suffix}"), "registry", f"{suffix}/site={number}/part.{suffix}")
    client.put_object(Bucket="registry", Key="parquet/_SUCCESS", Body=b"")
    client.put_object(Bucket="registry", Key="notes/a.docx", Body=b"PK")
    return "s3://registry"


def test_parquet_below_a_prefix_is_one_table(bucket):
    told = pl.Series("site", [str(i // 100) for i in range(300)])
    for address in (f"{bucket}/parquet", f"{bucket}/parquet/"):
        assert is_table(address) and read_source(address).frame.equals(VISITS.with_columns(told))
    one = read_source(f"{bucket}/parquet/site=1/part.parquet")
    assert one.frame.equals(VISITS[100:200]) and one.name == f"{bucket}/parquet/site=1/part.parquet" and one.path is None
    assert len(read_table(f"{bucket}/parquet")) == 100


def test_text_below_a_prefix_is_one_table(bucket, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 200)
    assert read_source(f"{bucket}/csv").frame.equals(VISITS.cast(pl.String))
    assert read_source(f"{bucket}/csv/site=0/part.csv").frame.equals(VISITS[:100].cast(pl.String))


def test_objects_are_spooled_and_found_again_until_they_change(bucket, tmp_path):
    import boto3

    first = spooled(f"{bucket}/parquet", {}, tmp_path / "cache", rows=100)
    rows = pl.concat([first.part(number) for number in range(len(first))]).sort(ROW)
    assert rows.select(VISITS.columns).equals(VISITS) and len(first) > 1
    assert spooled(f"{bucket}/parquet", {}, tmp_path / "cache", rows=100) == first
    VISITS[:99].write_parquet(tmp_path / "other.parquet")
    boto3.client("s3").upload_file(str(tmp_path / "other.parquet"), "registry", "parquet/site=0/part.parquet")
    assert spooled(f"{bucket}/parquet", {}, tmp_path / "cache", rows=100).rows == 299


def test_what_is_not_there_is_said(bucket):
    for address, words in (
        ("s3://nowhere/set", "there is no bucket at s3://nowhere/set"),
        (f"{bucket}/none", "at s3://registry/none there is nothing: give the address of Parquet or CSV files"),
        (f"{bucket}/notes", "at s3://registry/notes there is only 'notes/a.docx'"),
    ):
        with pytest.raises(UsageError, match=words):
            read_source(address)


def test_damage_is_named_by_its_object(bucket):
    import boto3

    boto3.client("s3").put_object(Bucket="registry", Key="bad/b.parquet", Body=b"PAR1 and no more than that PAR1")
    with pytest.raises(DataError, match=r"s3://registry/bad/b\.parquet is not a whole Parquet file"):
        read_source(f"{bucket}/bad")


class Denies(BaseHTTPRequestHandler):
    """Lets nobody in."""

    def do_GET(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"<Error><Code>AccessDenied</Code></Error>")

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_denied_and_unreachable_are_told_apart(bucket, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Denies)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for place, words in (
        (f"http://127.0.0.1:{server.server_port}", r"s3://registry/parquet may not be read with these keys: set AWS_ACCESS"),
        ("http://127.0.0.1:1", "s3://registry/parquet cannot be reached: see to the network, or to AWS_ENDPOINT_URL"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", place)
        with pytest.raises(UsageError, match=words) as caught:
            read_source(f"{bucket}/parquet")
        assert "hush" not in str(caught.value)
    server.shutdown()
    server.server_close()


def test_without_obstore_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[objects\]'"):
        read_source("s3://registry/parquet")
