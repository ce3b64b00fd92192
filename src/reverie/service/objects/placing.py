"""Whether new content may take a name of the index: nothing is replaced unless that was asked, or a job made it itself.

Of one job's attempts the latest counts: what it made is not replaced by an earlier one that still runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from stat import S_IFREG
from typing import Any

from reverie.service import folders
from reverie.service.objects.index import Content, Index
from reverie.service.problems import Problem

__all__ = ["all_of", "check", "maker", "usage"]


def maker(by: Path | None) -> tuple[Any, ...]:
    """The job and the attempt whose folder of files this is."""
    return () if by is None else (by.parent.name, int(by.name.rpartition("-")[2]))


def check(index: Index, whole: str, name: str, wanted: int, overwrite: bool, by: Path | None) -> None:
    """Raises Problem 409, or 404 where a folder above is none, if what is there may not be replaced by this job."""
    above = whole.split("/")[:-1]
    if any("/".join(above[: depth + 1]) in index.files for depth in range(len(above))):
        raise folders.missing(name)
    kind = index.kind(whole)
    last = whole.rpartition("/")[2]
    if kind and kind != wanted:
        raise Problem(409, "conflict", f"{last} is there already and is of another kind: choose another name.")
    there = [index.files[whole]] if kind == S_IFREG else [*index.below(whole).values()]
    job, attempt = maker(by) or (None, 0)
    if any(content.job == job and content.attempt > attempt for content in there):
        raise Problem(409, "conflict", f"{last} was made by a later attempt of this job.")
    if there and not overwrite and not all_of(there, job):
        raise Problem(409, "conflict", f"{last} is there already: choose another name, or allow to overwrite it.")


def all_of(contents: Iterable[Content], job: str | None) -> bool:
    return job is not None and all(content.job == job for content in contents)


def usage(files: dict[str, Content], more: int = 0) -> tuple[int, int]:
    """How many files clients have, and the bytes of all."""
    count = sum(not name.startswith(f"{folders.STATE}/") for name in files)
    return count, sum(content.bytes for content in files.values()) + more
