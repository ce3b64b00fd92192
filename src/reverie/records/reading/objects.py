"""Tables in object storage, s3://bucket/prefix: Parquet read by polars itself, separated text a block at a time.

What is there is listed by obstore. Keys, region and server stand in the variables that all programs of S3 know (AWS_...):
both libraries read them, and nothing here does. A server of another maker is AWS_ENDPOINT_URL, and AWS_ALLOW_HTTP=true if it
speaks plain http.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from reverie.errors import DataError, UsageError
from reverie.records.places import few, shown
from reverie.records.reading.blocks import text_stream
from reverie.records.reading.bounds import Bounds
from reverie.records.reading.folders import SEPARATED
from reverie.records.reading.parquet import parquet_stream
from reverie.records.reading.stream import File, Stream

__all__ = ["in_object_storage", "objects_stream"]

TRIES = 2
WAIT = timedelta(seconds=10)
"""How often a request is repeated, and how long a server may take to begin with an answer."""

_STATUS = re.compile(r"status code: (\d{3})")  # any other number of a message is a port, a time or a part of a name
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_KEYLESS = ("169.254.169.254", "credential")
_AWAY = ("error sending request", "dns error", "connect error", "timed out")


def in_object_storage(place: str) -> bool:
    """Whether a place is an address in object storage."""
    return place.lower().startswith("s3://")


@dataclass(frozen=True)
class _Bucket:
    store: Any
    address: str

    @classmethod
    def of(cls, address: str) -> _Bucket:
        try:
            from obstore.store import from_url
        except ImportError:
            raise UsageError(f"to read {address}, install obstore: pip install 'reverie[objects]'.") from None
        bucket = address.partition("://")[2].partition("/")[0]
        retry: Any = {"max_retries": TRIES, "retry_timeout": 3 * WAIT}
        client: Any = {"connect_timeout": WAIT, "allow_http": True}  # of a server that its own address says to speak it
        with _told(address):
            return cls(from_url(f"s3://{bucket}", client_options=client, retry_config=retry), address)

    def listed(self) -> dict[str, list[Any]]:
        """Of each object at the address, or below it: its size and tag, by its key."""
        key = self.address.partition("://")[2].partition("/")[2]
        with _told(self.address):
            try:
                found = [] if not key or key.endswith("/") else [self.store.head(key)]
            except FileNotFoundError:
                found = []
            found = found or [one for page in self.store.list(f"{key.rstrip('/')}/" * bool(key)) for one in page]
        return {one["path"]: [one["size"], one["e_tag"]] for one in sorted(found, key=lambda one: one["path"])}

    def opened(self, key: str) -> Callable[[], Any]:
        def opened() -> Any:
            import obstore

            with _told(self.address):
                return io.BufferedReader(_Object(obstore.open_reader(self.store, key)), 2**20)

        return opened


class _Object(io.RawIOBase):
    """An object as a file."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = bytes(self._reader.read(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def objects_stream(address: str, name: str, most: Bounds) -> Stream:
    """The rows of an object, or of all those below a prefix, one after the other by key.

    Raises UsageError where nothing is there, or may be read, and what reading of files raises.
    """
    bucket = _Bucket.of(address)
    state = bucket.listed()
    root = f"s3://{address.partition('://')[2].partition('/')[0]}"
    keys = [key for key in state if not any(part[0] in "._" for part in PurePosixPath(key).parts)]
    stored, texts = ([key for key in keys if key.lower().endswith(suffixes)] for suffixes in (".parquet", SEPARATED))
    if not stored and not texts:
        there = f"only {few(map(shown, keys))}" if keys else "nothing"
        raise UsageError(f"at {address} there is {there}: give the address of Parquet or CSV files, or of their folder.")
    prefix = address.partition("://")[2].partition("/")[2].rstrip("/")
    files = [
        File(f"{root}/{key}", key.removeprefix(prefix).lstrip("/"), state[key][0], bucket.opened(key))
        for key in stored or texts
    ]
    return (parquet_stream if stored else text_stream)(files, name, most, bucket.listed, None, _told)


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Turns what libraries raise into a sentence."""
    try:
        yield
    except (UsageError, DataError):
        raise
    except Exception as error:  # obstore has no root of its errors that is public, and polars raises several
        said = str(error)
        status = found[1] if (found := _STATUS.search(said)) else None
        code = said.partition("<Code>")[2].partition("</Code>")[0]
        if "NoSuchBucket" in code:
            raise UsageError(f"there is no bucket at {address}: correct its name.") from error
        if status in ("401", "403") or code in _DENIED or (not status and any(word in said for word in _KEYLESS)):
            raise UsageError(
                f"{address} may not be read with these keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ask for "
                "the right to read it."
            ) from error
        if not status and any(word in said for word in _AWAY):
            raise UsageError(f"{address} cannot be reached: see to the network, or to AWS_ENDPOINT_URL.") from error
        if status == "404" or isinstance(error, FileNotFoundError):
            raise UsageError(f"{address} is not there: correct the address.") from error
        raise DataError(f"{address} cannot be read ({shown(said.splitlines()[0], 160)}): look at it there.") from error
