"""Files that pictures are kept in and that are not read here: what they are, by their names or by how they begin, and what
to do with them."""

from __future__ import annotations

from pathlib import Path, PurePath

__all__ = ["hint_of", "hint_of_content"]

_UNREAD = "no format that is read here: save"
_PICKLE = (
    "a pickle, and reading one can run any code: save its arrays with numpy.savez, or its tensors with "
    "safetensors.torch.save_file"
)
_HINTS = {
    (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"): _PICKLE,
    (".h5", ".hdf5", ".mat", ".nc", ".tfrecord", ".tfrecords", ".lmdb", ".arrow", ".beton"): f"{_UNREAD} its arrays with "
    "numpy.savez, or its pictures as PNG in a folder",
    (
        ".avif",
        ".heic",
        ".heif",
        ".jp2",
        ".jxl",
        ".svg",
        ".psd",
        ".raw",
        ".dng",
        ".ppm",
        ".pgm",
    ): f"{_UNREAD} it as PNG or JPEG",
    (".dcm", ".nii", ".nii.gz", ".mha", ".nrrd"): f"{_UNREAD} its slices as arrays with numpy.savez, or as PNG",
    (".mp4", ".avi", ".mov", ".mkv"): f"{_UNREAD} its frames as PNG in a folder",
    (".rar", ".7z", ".tar.zst", ".tzst", ".gz", ".bz2", ".xz", ".zst"): "no archive that is read here: unpack it, and "
    "give the folder",
}


_BEGINNINGS = (
    (tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), 0, _PICKLE),
    ((b"ftypavif", b"ftypavis"), 4, "an AVIF picture, which is " + _UNREAD + " it as PNG or JPEG"),
    ((b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), 4, "a HEIC picture, which is " + _UNREAD + " it as PNG or JPEG"),
    ((b"version https://git-lfs",), 0, "a pointer to a picture that Git LFS keeps: fetch it with git lfs pull"),
    ((b"<!doctype html", b"<html"), 0, "a page of the web and no picture: fetch the picture again"),
)


def hint_of(path: PurePath) -> str | None:
    """What a file is by its name, or if it has no suffix and lies on the disk by its content, and the remedy; None for one
    of no such kind."""
    name = path.name.lower()
    if not path.suffix and isinstance(path, Path):
        with path.open("rb") as file:
            return hint_of_content(file.read(_HEAD))
    return next((hint for suffixes, hint in _HINTS.items() if name.endswith(suffixes)), None)


_HEAD = 40
"""Bytes by which the kinds of content are told."""


def hint_of_content(content: bytes) -> str | None:
    """What the content of a file is, and the remedy; None for one of no such kind."""
    head = content[:_HEAD].lstrip().lower()
    return next((hint for magics, at, hint in _BEGINNINGS if head[at:].startswith(magics)), None)
