"""A folder of shards that knows what it should hold, however often its making was killed.

    part-00000.parquet ...   the shards
    _shards/work.json        what is made: kind and config, before the first shard
    _shards/00000.json ...   of each shard its name, bytes, SHA-256 and facts: its record
    _manifest.json           all of it, once all shards are there: a folder without it is not whole

A shard is written under a temporary name in _shards/, its record next, and only then it takes its own name: one that is
there without its record, or unlike it, was changed by someone else. Readers of datasets pass over names that begin with an
underscore.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import DamagedError, DataError, UsageError
from reverie.files import flush_folder
from reverie.shards import sealed
from reverie.shards.full import full_disk_told
from reverie.shards.share import Share
from reverie.shards.work import Work, digest

if TYPE_CHECKING:
    from reverie.shards.engines import Engine

__all__ = ["MANIFEST", "RECORDS", "Whole", "begun", "complete", "make"]

MANIFEST = "_manifest.json"
RECORDS = "_shards"
WORK = "work.json"


@dataclass(frozen=True)
class Whole:
    """How far a folder has come.

    Attributes:
        shards: in all.
        kept, made: shards of this share that were there, and that were made now.
        missing: shards of all shares that are not there yet; 0 where the folder is whole and has its manifest.
        totals: the facts of all shards, added up; of this share's where others are missing.
        new: the facts of those that were made now.
    """

    shards: int
    kept: int
    made: int
    missing: int
    totals: dict[str, Any]
    new: dict[str, Any]


def complete(
    work: Work,
    folder: Path,
    engine: Engine,
    share: Share | None = None,
    force: bool = False,
    on_step: Callable[[int, int], None] | None = None,
) -> Whole:
    """Makes the shards that are missing in the folder; those that are there and whole are kept.

    Args:
        share: of the shards only these, for tasks that share a folder; whichever finds all there writes the manifest.
        force: throw away first what an earlier call made there.
        on_step: called with (shards there, in all), of this share.

    Raises UsageError for a folder of something else or a share without shards, DamagedError for a shard that is not what was
    made, DataError where the disk is full; and what the engine raises.
    """
    share = share or Share()
    mine = share.numbers(work.count)
    _open(work, folder, force)
    left = [number for number in mine if not _there(work, number, folder)]
    if left:
        (folder / MANIFEST).unlink(missing_ok=True)
    _sweep(left, folder)
    done = len(mine) - len(left)
    if on_step:
        on_step(done, len(mine))
    for number, _ in engine.run(work, folder, left) if left else ():
        if not _there(work, number, folder):
            raise DataError(f"{folder / work.name(number)} was made and is not here: give all workers the same folder.")
        done += 1
        if on_step:
            on_step(done, len(mine))
    _sweep(left, folder)
    present = {path.name for path in folder.iterdir()}
    missing = sum(work.name(number) not in present for number in range(work.count))
    found = {number: _record(work, number, folder) for number in (mine if missing else range(work.count))}
    records = {number: record for number, record in found.items() if record}
    totals = _sum(record["facts"] for record in records.values())
    if len(records) == work.count:
        manifest = {"kind": work.kind, "config": work.config, "shards": [*records.values()], "totals": totals}
        if sealed.read(folder / MANIFEST) != manifest:
            for number in sorted({*records} - {*mine}):
                _there(work, number, folder)
            sealed.write(folder / MANIFEST, manifest)
    made = _sum(records[number]["facts"] for number in left)
    return Whole(work.count, len(mine) - len(left), len(left), missing, totals, made)


def begun(folder: Path) -> bool:
    """Whether a folder is one that `complete` has opened."""
    return (folder / RECORDS / WORK).is_file()


def make(work: Work, number: int, folder: Path) -> dict[str, Any]:
    """Makes one shard of a folder that `complete` has opened, and returns its record: what every engine calls.

    Raises DataError where the disk is full, or another process makes the same shard; then it is not there half.
    """
    path = folder / work.name(number)
    with full_disk_told(folder):
        handle, name = tempfile.mkstemp(dir=folder / RECORDS, prefix=f".{number:05d}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            facts = work.make(number, temporary)
            entry = _entry(temporary, flush=True)
            temporary.chmod(0o644)
            record = {"name": path.name, **entry, "work": digest(work), "facts": facts}
            sealed.write(_record_of(number, folder), record)
            temporary.replace(path)
            flush_folder(folder)
        except FileNotFoundError as error:
            if temporary.exists():
                raise
            raise DataError(f"another process makes {path} too: give each task its own --shard i/n.") from error
        finally:
            temporary.unlink(missing_ok=True)
    return record


def _open(work: Work, folder: Path, force: bool) -> None:
    """Makes the folder one of this work. Raises UsageError where it is one of anything else."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder for the shards, with a slash at its end.")
    if force and folder.exists():
        _clear(folder)
    there = sealed.read(folder / RECORDS / WORK)
    known = {MANIFEST, RECORDS, *(work.name(number) for number in range(work.count))} if there else set()
    asked = {"kind": work.kind, "config": work.config}
    if there is not None and there != asked:
        raise UsageError(
            f"{folder} holds shards of something else ({_difference(there, asked)}): name another folder, or start again "
            "with --force."
        )
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in known and p.name[0] != ".") if folder.exists() else []
    if foreign:
        more = f" and {len(foreign) - 1:,} more" if len(foreign) > 1 else ""
        raise UsageError(f"{folder} holds {foreign[0]}{more}, not made by this: name an empty folder, or a new one.")
    with full_disk_told(folder):
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        if there is None:
            sealed.write(folder / RECORDS / WORK, asked)


def _sweep(numbers: Sequence[int], folder: Path) -> None:
    """Takes away what processes that were killed have begun of these shards."""
    mine = {f"{number:05d}" for number in numbers}
    for stale in (folder / RECORDS).glob(".*"):
        if stale.name[1:].partition(".")[0] in mine:
            shutil.rmtree(stale, ignore_errors=True) if stale.is_dir() else stale.unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Takes away what an earlier call made: its manifest first, and only shards that have a record."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in sorted((folder / RECORDS).glob("[0-9]*.json")):
        record = sealed.read(path)
        if record is not None:
            (folder / Path(record["name"]).name).unlink(missing_ok=True)
    shutil.rmtree(folder / RECORDS, ignore_errors=True)


def _there(work: Work, number: int, folder: Path) -> bool:
    """Whether a shard is there. Raises DamagedError where it is, but not as it was made."""
    path, record = folder / work.name(number), _record(work, number, folder)
    if record is not None and any(record[key] != value for key, value in _entry(path).items()):
        raise DamagedError(f"{path} was changed since it was made: delete it, and call again.")
    return record is not None


def _record(work: Work, number: int, folder: Path) -> dict[str, Any] | None:
    """The record of a shard that is there; its bytes are not looked at. Raises DamagedError for a shard without one."""
    path = folder / work.name(number)
    if not path.exists():
        return None
    record = sealed.read(_record_of(number, folder))  # written before the shard took its name
    if record is None:
        raise DamagedError(f"{path} has no record, so it may not be whole: delete it, and call again.")
    if record["work"] != digest(work) or record["name"] != path.name:
        raise DamagedError(f"{path} is of another folder: delete it, and call again.")
    return record


def _record_of(number: int, folder: Path) -> Path:
    return folder / RECORDS / f"{number:05d}.json"


def _entry(path: Path, flush: bool = False) -> dict[str, Any]:
    if flush:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _difference(there: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """What is not the same, the first of it: "seed 0 there, 1 asked for"."""
    if there["kind"] != asked["kind"]:
        return f"{there['kind']} there, {asked['kind']} asked for"
    old, new = there["config"], asked["config"]
    name = next(name for name in sorted({*old, *new}) if old.get(name) != new.get(name))
    was, now = (config.get(name, "none") for config in (old, new))
    if name == "model":
        return "the model is another, or was trained since"
    return f"{name} {was} there, {now} asked for"


def _sum(facts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers, and mappings of numbers, added up; all else is left to the shards."""
    total: dict[str, Any] = {}
    for found in facts:
        for name, value in found.items():
            if isinstance(value, Mapping):
                total[name] = _sum([total.get(name, {}), value])
            elif isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total
