"""The codec of a model in its folder.

codec.json           what it is, to be read
codec.safetensors    of linked tables, lists of many numbers of its latent classes, each called by where it belongs in
                     "classes" of codec.json, a JSON list of keys; codec.json holds the SHA-256 of the file
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from reverie.errors import DamagedError, UsageError
from reverie.files import write_atomically
from reverie.images import ImageCodec
from reverie.records import RecordCodec
from reverie.records.linked import LinkedCodec

__all__ = ["ARRAYS", "CODEC", "AnyCodec", "codec_of", "write_codec"]

AnyCodec = ImageCodec | RecordCodec | LinkedCodec
CODEC, ARRAYS = "codec.json", "codec.safetensors"
CODECS = {"images": ImageCodec, "records": RecordCodec, "linked": LinkedCodec}
"""By what codec.json calls them."""
FEWEST = 17
"""Numbers of a list from which on it is no longer read by anyone."""


def write_codec(run: Path, codec: AnyCodec) -> list[str]:
    """Writes the codec into the folder, and names the files that hold it."""
    about: dict[str, Any] = {"kind": next(kind for kind, of in CODECS.items() if isinstance(codec, of)), **codec.config}
    arrays: dict[str, np.ndarray] = {}
    if isinstance(codec, LinkedCodec):
        about["classes"] = _without(about["classes"], (), arrays)
    if arrays:
        whole = save(arrays)
        about["arrays"] = hashlib.sha256(whole).hexdigest()
        write_atomically(run / ARRAYS, whole)
    write_atomically(run / CODEC, json.dumps(about, indent=1, allow_nan=False) + "\n")
    if not arrays:
        (run / ARRAYS).unlink(missing_ok=True)
    return [CODEC, ARRAYS] if arrays else [CODEC]


def codec_of(run: Path) -> AnyCodec:
    """The codec of a run folder. Raises DamagedError if it cannot be understood, or is not whole."""
    try:
        about = json.loads((run / CODEC).read_text())
        if (digest := about.pop("arrays", None)) is not None:
            for path, numbers in _arrays(run / ARRAYS, digest):
                _put(about["classes"], path, numbers)
        return CODECS[about.pop("kind")].from_config(about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if isinstance(error, UsageError) else "it is not what was written."
        raise DamagedError(f"{run / CODEC} cannot be understood: {why}") from error


def _arrays(file: Path, digest: str) -> Iterator[tuple[list[str], np.ndarray]]:
    """(where it belongs, numbers) of each list in the file. Raises DamagedError for one that is not what was written."""
    if not file.is_file():
        raise DamagedError(f"{file} is missing: copy the folder again from where it is whole, or make it again.")
    whole = file.read_bytes()
    if hashlib.sha256(whole).hexdigest() != digest:
        raise DamagedError(f"{file} is damaged: it is not what was written with {CODEC}.")
    try:
        return ((json.loads(name), numbers) for name, numbers in load(whole).items())
    except SafetensorError as error:
        raise DamagedError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error


def _without(part: Mapping[str, Any], path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """A part of a config without its lists of many numbers, which are put into `arrays`."""
    out = {}
    for key, value in part.items():
        numbers = np.array(value) if isinstance(value, list) else np.zeros(0)
        if isinstance(value, Mapping):
            out[key] = _without(value, (*path, key), arrays)
        elif numbers.size < FEWEST:
            out[key] = value
        else:
            arrays[json.dumps([*path, key])] = _small(numbers)
    return out


def _small(numbers: np.ndarray) -> np.ndarray:
    """The same numbers, whole ones in as few bytes as hold them."""
    if numbers.dtype.kind != "i":
        return numbers.astype(np.float64)
    low, high = int(numbers.min()), int(numbers.max())
    fits = (kind for kind in (np.int8, np.int16, np.int32) if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return numbers.astype(next(fits, np.int64))


def _put(classes: dict[str, Any], path: list[str], numbers: np.ndarray) -> None:
    *above, last = path
    for key in above:
        classes = classes[key]
    classes[last] = numbers
