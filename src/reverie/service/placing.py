"""How what was written takes its name in a folder of the workspace: nothing is overwritten unless that was asked.

A note beside a job's files has the sign of each file that the job wrote, so that a later attempt knows what is its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from reverie.service import folders
from reverie.service.problems import Problem

__all__ = ["check_depth", "check_target", "give_name", "is_ours", "note", "sign", "take_place", "taken"]


def check_depth(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Raises Problem 422 where a run would stand deeper than before, or less deep."""
    if len(old) != len(new):
        raise Problem(422, "name", f"A run keeps its depth: give it a name with {len(old) - 1} slashes, as it has now.")


def taken(to: str) -> Problem:
    """The answer to who would give a name that something has."""
    return Problem(409, "conflict", f"{to} is there already: choose another name.")


def check_target(folder: int, last: str, overwrite: bool, wanted: int) -> None:
    """Raises Problem 409 where something has the name that may not be overwritten, or is of another kind."""
    found = folders.kind(folder, last)
    if found and found != wanted:
        raise Problem(409, "conflict", f"{last} is there already and is of another kind: choose another name.")
    if found and not overwrite:
        raise Problem(409, "conflict", f"{last} is there already: choose another name, or allow to overwrite it.")


def note(by: Path, last: str) -> Path:
    """Beside a job's files: the sign of the file that it wrote under this name."""
    return by.parent / f"wrote-{last}"


def sign(status: os.stat_result) -> str:
    """What stays of a file when it is renamed, and no other file has."""
    return f"{status.st_dev} {status.st_ino} {status.st_mtime_ns} {status.st_size}"


def is_ours(folder: int, last: str, by: Path | None) -> bool:
    """Whether what has the name was written by an earlier attempt of this job, which died before it could say so."""
    if by is None:
        return False
    with contextlib.suppress(FileNotFoundError):
        return note(by, last).read_text() == sign(os.stat(last, dir_fd=folder, follow_symlinks=False))
    return False


def take_place(folder: int, temporary: str, last: str, overwrite: bool) -> None:
    """Gives the temporary file its name; where nothing may be overwritten, by a link, which fails if the name is taken."""
    if not overwrite:
        try:
            return os.link(temporary, last, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError as error:
            raise taken(last) from error
        except OSError:
            pass  # a file system without hard links
    os.rename(temporary, last, src_dir_fd=folder, dst_dir_fd=folder)


def give_name(file: BinaryIO, private: Path, last: str) -> None:
    """A second name for the open file; where the system gives none, a copy."""
    with folders.opened(private, ()) as folder:
        try:
            os.link(f"/proc/self/fd/{file.fileno()}", last, dst_dir_fd=folder, follow_symlinks=True)
        except OSError:
            with (private / last).open("xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
