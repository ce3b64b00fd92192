"""Files that pictures are kept in and that are not read here: what they are, and what to do with them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["hint_of"]

_UNREAD = "no format that is read here: save"
_HINTS = {
    (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"): "a pickle, and reading one can run any code: save its arrays "
    "with numpy.savez, or its tensors with safetensors.torch.save_file",
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


def hint_of(path: Path) -> str | None:
    """What a file is by its name, and the remedy; None for one that is called as no such kind."""
    name = path.name.lower()
    return next((hint for suffixes, hint in _HINTS.items() if name.endswith(suffixes)), None)
