"""A source read once, from front to back, into a spool.

chunks -> numbered, hashed -> blocks of each part appended to its bucket -> each bucket brought together as one Parquet file

What is held in memory is a chunk, what waits to be appended (PENDING bytes), and one bucket. A bucket that grew larger than
expected, for nobody knew how many rows would come, is cut again in the same way. All goes to a folder with a temporary
name, which is renamed when the manifest is in it: a spooling that was killed leaves nothing that is taken for whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from reverie.errors import DataError
from reverie.files import flush_folder, write_atomically
from reverie.manifest import MANIFEST, seal
from reverie.records.places import ROW, not_one_value
from reverie.records.reading.stream import Stream
from reverie.records.streaming.buckets import HASH, KEY, Buckets, blocks, keyed
from reverie.records.streaming.spool import FIRST, SPOOL, Part, Spool

__all__ = ["HEAD", "ROWS", "spool", "temporary"]

ROWS = 250_000
"""Of a part, about."""
HEAD = 50_000
"""Rows that are looked at before any is kept: what the columns are for is read off them."""
BUCKETS = 64
"""Parts where nobody knows how many rows will come."""
MOST = 4096
"""Parts at most: a block of each is appended at a time."""
VERSION = 1

OnStep = Callable[[int, int | None], None]


def spool(
    stream: Stream,
    roles: Callable[[pl.DataFrame], Sequence[str]],
    cache: Path,
    on_step: OnStep = lambda done, of: None,
    rows: int = ROWS,
) -> Spool:
    """The spool of a stream in the folder `cache`: one that is there already, or else a new one.

    Args:
        roles: from the first rows to the columns that say whose a row is; none if each row is a patient of its own.
        on_step: receives how many rows were read, and of how many where that is known.
        rows: of a part, about.

    Raises DataError for a source without rows or with columns that cannot be modelled, one that changes while it is read,
    and what reading and `roles` raise; OSError where the disk is full.
    """
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(cache):
        return _spool(stream, roles, cache, on_step, rows)


def _spool(stream: Stream, roles: Callable[[pl.DataFrame], Sequence[str]], cache: Path, on_step: OnStep, rows: int) -> Spool:
    before = stream.state()
    chunks = stream.chunks()
    head = list(_head(chunks, stream.name))
    identifier = tuple(roles(pl.concat(head)))
    key = (
        None
        if before is None
        else cache / f"{_digest(VERSION, str(stream.path or stream.name), before, identifier, rows)}.json"
    )
    if key and (found := _found(key, stream)):
        return found
    _sweep(cache)
    with temporary(cache, stream.name) as folder:
        buckets = Buckets(folder, _count(stream.rows, rows))
        digest, read = None, 0
        for chunk in itertools.chain(head, chunks):
            digest = digest or hashlib.sha256(repr([(n, str(t)) for n, t in chunk.schema.items()]).encode())
            digest.update(_text(chunk).encode())
            buckets.add(keyed(chunk, identifier, read, rows))
            read += chunk.height
            on_step(read, stream.rows)
        assert digest is not None
        if (after := stream.state()) != before:
            raise DataError(
                f"{stream.name} changed while it was read ({_changed(before, after)}): wait until it is written."
            )
        fingerprint = digest.hexdigest()
        name = f"table-{_digest(VERSION, fingerprint, identifier, rows)}"
        if not (cache / name / MANIFEST).is_file():
            _bring_together(folder, buckets, rows, {"rows": read, "fingerprint": fingerprint, "identifier": identifier})
            with contextlib.suppress(OSError):  # another process was as fast
                folder.rename(cache / name)
            flush_folder(cache)
    if key:
        write_atomically(key, json.dumps({"folder": name, "notes": stream.notes()}, indent=1))
    return Spool.open(cache / name, stream.name, tuple(stream.notes()), stream.path, stream.query)


def _head(chunks: Iterator[pl.DataFrame], name: str) -> Iterator[pl.DataFrame]:
    """The first chunks, with HEAD rows or all. Raises DataError."""
    rows = 0
    for chunk in chunks:
        for column, dtype in chunk.schema.items():
            if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
                raise not_one_value(name, column, dtype)
        rows += chunk.height
        yield chunk
        if rows >= HEAD:
            break
    if not rows:
        raise DataError(f"{name} has no rows: a table needs at least one.")


def _text(chunk: pl.DataFrame) -> str:
    """The cells row by row, as they are hashed; of spans of time their number of units."""
    return chunk.with_columns(pl.selectors.duration().to_physical()).write_csv(include_header=False)


def _count(rows: int | None, of_part: int) -> int:
    return BUCKETS if rows is None else min(MOST, -(-rows // of_part) or 1)


def _digest(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:20]


def _changed(before: Any, after: Any) -> str:
    """The name of the first file that is not what it was."""
    if isinstance(before, dict) and isinstance(after, dict):
        return next((n for n in [*before, *after] if before.get(n) != after.get(n)), "its content")
    return "its content"


def _found(key: Path, stream: Stream) -> Spool | None:
    """The spool of the files as they are, if there is one."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        said = json.loads(key.read_text())
        folder = key.parent / said["folder"]
        if (folder / MANIFEST).is_file():
            return Spool.open(folder, stream.name, tuple(said["notes"]), stream.path, stream.query)
    return None


def _bring_together(folder: Path, buckets: Buckets, rows: int, facts: dict[str, Any]) -> None:
    """Writes the parts and the manifest, and removes the buckets."""
    parts: list[Part] = []
    with (folder / FIRST).open("wb") as first:

        def bring(level: Buckets, cut: bool = True) -> None:
            level.flush()
            for height, paths in level.groups(rows):
                content = itertools.chain.from_iterable(map(blocks, paths))
                if height <= 2 * rows or not cut:
                    parts.append(_part(folder, len(parts), pl.concat(content), first))
                else:
                    smaller = Buckets(folder, min(MOST, -(-height // rows)), level.level * level.count)
                    for block in content:
                        smaller.add(block)
                    bring(smaller, cut=False)
                for path in paths:
                    path.unlink()

        bring(buckets)
        os.fsync(first.fileno())
    about = {**facts, "parts": [asdict(part) for part in parts]}
    write_atomically(folder / SPOOL, json.dumps(about, indent=1))
    seal(folder, [SPOOL, FIRST])


def _part(folder: Path, number: int, frame: pl.DataFrame, first: BinaryIO) -> Part:
    frame = frame.sort(ROW)
    firsts = frame.group_by(KEY).agg(pl.col(ROW).min())[ROW].sort().to_numpy()
    first.write(firsts.astype("<i8").tobytes())
    content = io.BytesIO()
    frame.drop(KEY, HASH).rechunk().write_parquet(content, compression="zstd")
    part = Part(f"part-{number:05}.parquet", frame.height, len(firsts), len(content.getbuffer()), "")
    with (folder / part.file).open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    return replace(part, sha256=hashlib.sha256(content.getbuffer()).hexdigest())


_PREFIX = ".reading-"


@contextmanager
def temporary(cache: Path, name: str) -> Iterator[Path]:
    """A folder that is removed if it was not renamed; it is locked as long as this process lives."""
    folder = Path(tempfile.mkdtemp(dir=cache, prefix=_PREFIX))
    lock = _locked(folder)
    try:
        yield folder
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(
                error.errno,
                f"no space is left to keep the rows of {name} (--cache may name another folder)",
                str(cache),
            ) from error
        raise
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One spooling at a time in a folder: of the processes of one training the first does it, and the others find it."""
    handle = os.open(cache, os.O_RDONLY)
    try:
        with contextlib.suppress(ImportError, OSError):  # not on every system, nor in every file system
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int | None:
    """A handle that holds the lock of a folder; None where another process holds it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        import fcntl  # not on every system

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        os.close(handle)
        return None
    return handle


def _sweep(cache: Path) -> None:
    """Removes what spoolings left that were killed: nobody holds the lock of it any more."""
    for folder in cache.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # one that was made just now may not be locked yet
            if time.time() - folder.stat().st_mtime < 60:
                continue
        if (lock := _locked(folder)) is not None:
            os.close(lock)
            shutil.rmtree(folder, ignore_errors=True)
