"""An object store, as obstore speaks it: contents under keys that are written once, and one index that is replaced whole.

    PREFIX/index.json            what there is: replaced only if it is still what was read (a conditional put)
    PREFIX/contents/SHA-RANDOM   one content, never changed; visible to nobody until the index names it
    PREFIX/probe                 nothing: at the start it shows whether the store knows conditional puts

An address is s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://ACCOUNT/CONTAINER/PREFIX; whom to ask, and with what right, is
read by obstore from the variables of that store (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reverie.errors import UsageError
from reverie.service.problems import Problem

__all__ = ["Away", "Store"]

INDEX, PROBE, CONTENTS = "index.json", "probe", "contents"
RETRIES: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=20)}
PIECE = 1 << 23  # bytes of one request: it must be done within obstore's own time for one
ABANDONED = 24 * 3600.0  # seconds after which a content that the index does not name is nobody's: longer than any job


class Away(Problem):
    """The object store does not answer, or not as it should."""

    def __init__(self) -> None:
        sentence = "The object storage cannot be used now: try again in a moment."
        super().__init__(503, "busy", sentence, {"Retry-After": "5"})


class Changed(Exception):
    """The index is not any more what was read."""


class Store:
    """Safe to use from several threads. Every method but the first raises Away where the store cannot be used."""

    def __init__(self, url: str) -> None:
        """Raises UsageError, in one sentence, if the store is not there, denied, or cannot replace an index safely."""
        try:
            import obstore
        except ImportError as error:
            raise UsageError("files in object storage need its client: pip install 'reverie[objects]'.") from error
        self.url, self._obstore, self._errors = url, obstore, obstore.exceptions
        try:
            self._store: Any = obstore.store.from_url(url, retry_config=RETRIES)
        except Exception as error:
            raise UsageError(
                f"{url!r} is no address of object storage: write s3://BUCKET/PREFIX; see REVERIE_OBJECTS."
            ) from error

    def begin(self, first: bytes) -> None:
        """Makes the index if there is none. Raises UsageError if that cannot be, or would not be safe."""
        try:
            self._create(PROBE, b"")
            safe = not self._create(PROBE, b"")
            if safe:
                self._create(INDEX, first)
        except FileNotFoundError as error:
            raise self._unusable("there is no such bucket: make it first") from error
        except (self._errors.PermissionDeniedError, self._errors.UnauthenticatedError) as error:
            raise self._unusable("it denies access: give a key that may read, write, list and delete there") from error
        except Exception as error:
            raise self._unusable("it does not answer: look at the address and at AWS_ENDPOINT_URL") from error
        if not safe:
            raise self._unusable("it replaces what it is asked to keep, so that two workers would lose files")

    def _create(self, key: str, content: bytes) -> bool:
        """Whether there was nothing of this key, and now is."""
        try:
            self._obstore.put(self._store, key, content, mode="create")
        except self._errors.AlreadyExistsError:
            return False
        return True

    def _unusable(self, why: str) -> UsageError:
        return UsageError(f"the object storage {self.url} cannot be used: {why}; see REVERIE_OBJECTS.")

    # the index

    def index(self, known: str | None) -> tuple[str, bytes] | None:
        """The index with its version; None if that is the known one."""
        with self._foreseen():
            try:
                found = self._obstore.get(self._store, INDEX, options={"if_none_match": known} if known else None)
                return found.meta["e_tag"], bytes(found.bytes())
            except self._errors.NotModifiedError:
                return None

    def replace_index(self, version: str, content: bytes) -> str:
        """Returns the new version. Raises Changed if the index is not of the version any more."""
        with self._foreseen():
            try:
                return self._obstore.put(self._store, INDEX, content, mode={"e_tag": version})["e_tag"]
            except (self._errors.PreconditionError, self._errors.AlreadyExistsError) as error:
                raise Changed from error

    # contents

    def put(self, path: Path) -> tuple[str, int]:
        """Uploads a file under a key of its own. Returns the key, which begins with the content's SHA-256, and its bytes."""
        with path.open("rb") as file:
            key, size = f"{hashlib.file_digest(file, 'sha256').hexdigest()}-{secrets.token_hex(4)}", file.tell()
        with self._foreseen():
            self._obstore.put(self._store, f"{CONTENTS}/{key}", path)
        return key, size

    def get(self, key: str, size: int) -> Iterator[memoryview]:
        """The content of so many bytes, in pieces. Raises FileNotFoundError if it is gone."""
        for start in range(0, size, PIECE):
            length = min(PIECE, size - start)
            with self._foreseen(gone=True):
                yield memoryview(self._obstore.get_range(self._store, f"{CONTENTS}/{key}", start=start, length=length))

    def delete(self, keys: Iterable[str]) -> None:
        if paths := [f"{CONTENTS}/{key}" for key in keys]:
            with self._foreseen():
                self._obstore.delete(self._store, paths)

    def abandoned(self) -> list[str]:
        """Keys of contents so old that, if the index does not name them, nobody ever will."""
        before = datetime.now(UTC) - timedelta(seconds=ABANDONED)
        with self._foreseen():
            found = [entry for part in self._obstore.list(self._store, CONTENTS) for entry in part]
        return [entry["path"].rpartition("/")[2] for entry in found if entry["last_modified"] < before]

    @contextmanager
    def _foreseen(self, gone: bool = False) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, self._errors.BaseError, OSError, ValueError) as error:
            if (gone and isinstance(error, FileNotFoundError)) or isinstance(
                error, self._errors.NotModifiedError | self._errors.PreconditionError
            ):
                raise
            raise Away from error


def waiting(seconds: float) -> Iterator[None]:
    """Turns of growing length, for at least so long in all."""
    until, pause = time.monotonic() + seconds, 0.01
    while True:
        yield
        if time.monotonic() > until:
            return
        time.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
        pause = min(2 * pause, 1.0)
