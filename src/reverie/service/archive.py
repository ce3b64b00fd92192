"""A run as one .zip, made while it is sent: nothing is written on the way, and no more than a piece is in memory.

What is in it is a function of the files alone: they come in the order of their names, with one date for all. Weights do
not grow smaller by packing, so nothing is packed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from reverie.service import folders
from reverie.service.problems import Problem
from reverie.service.workspace import RUN, Entry, Workspace

__all__ = ["files_of", "zipped"]

PIECE = 1 << 18
LAYOUTS = (RUN, {"model_index.json"})
"""The files that show that a folder is a model: a run of ours, or one in the layout of diffusers."""
WEIGHTS = "model.safetensors"
CHECKPOINTS, ROWS = "checkpoints/", "rows/"


def files_of(workspace: Workspace, name: str) -> list[Entry]:
    """What an archive of this model holds. Raises Problem 404 for what is none.

    Rows of the source are patients', and no part of the run; checkpoints are no part of one that is trained.
    """
    files = workspace.inside(name)
    there = {file.name for file in files}
    if not any(there >= layout for layout in LAYOUTS):
        raise folders.missing(name)
    left_out = (ROWS, CHECKPOINTS) if WEIGHTS in there else (ROWS,)
    return [file for file in files if not file.name.startswith(left_out)]


def zipped(workspace: Workspace, name: str, files: list[Entry]) -> Iterator[bytes]:
    """The archive, piece by piece; its files are in a folder with the last part of the name.

    Raises Problem 409, in its midst, where a file has not the size any more that it had.
    """
    target = _Pieces()
    above = name.rstrip("/").rpartition("/")[2]
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{above}/{file.name}")
            entry.external_attr = 0o644 << 16
            entry.file_size = file.bytes
            with workspace.open_inside(name, file.name) as source, archive.open(entry, "w") as packed:
                left = file.bytes
                while left and (piece := source.read(min(PIECE, left))):
                    packed.write(piece)
                    left -= len(piece)
                    yield target.taken()
                if left:
                    raise Problem(409, "conflict", f"{file.name} of {name} changed meanwhile: ask once more.")
    yield target.taken()


class _Pieces:
    """A file that is only written, in order, and is taken away as it grows."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        self._written += content
        return len(content)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> bytes:
        found = bytes(self._written)
        self._written.clear()
        return found
