"""Pictures, tables of visits or linked tables: the kinds of data, and which options are for only one of them.

A source is asked once which of them it is, where it is opened, and a model knows which it makes. What an option of
training is for is declared here, once for all doors, and so are the sentences that refuse what is for the other kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverie.errors import UsageError

__all__ = [
    "ARCHIVES", "ARRAYS", "DATABASES", "IMAGES", "IMAGE_FILES", "LINKED", "PICTURES", "RECORDS",
    "RESOURCES", "ROWS", "Modality", "asked",
]  # fmt: skip

ROWS = "rows"
"""The folder in a run folder where the rows of a table that is read in parts are kept, unless another is named."""

PICTURES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo", ".webp", ".bmp", ".tif", ".tiff", ".gif",
)  # fmt: skip
"""Of files of one picture; what such a file is is read from its content."""
ARRAYS = (".npy", ".npz", ".safetensors")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
IMAGE_FILES = (*PICTURES, *ARRAYS, *ARCHIVES)
"""The suffixes of files that pictures are read from: one each, arrays of many, archives of files. (IDX files go by their
content, and Parquet files may be tables.)"""

DATABASES = (".duckdb", ".db", ".sqlite", ".sqlite3")
"""The suffixes of files of a database, which are linked tables, or asked with a query."""

RESOURCES = (".ndjson.gz", ".jsonl.gz", ".json.gz", ".ndjson", ".jsonl", ".json")
"""The suffixes of files of resources of FHIR: a Bundle or an array of resources, or a resource a line."""

FIELDS = {"identifier": "id", "schema": "schema_file"}
"""Options that requests call otherwise."""


def asked(option: str) -> str:
    """An option of reading or training as sentences name it: the field of a request, in backquotes, as doors write it."""
    return f"`{FIELDS.get(option, option)}`"


@dataclass(frozen=True)
class Modality:
    """One of the kinds of data.

    Attributes:
        source, model: what a source is, and what a model makes, in words.
        reading: the options of opening a source that only this kind has.
        training: those of training that only this kind has.
        sampled: how many a first sample may be of, and the file for it.
    """

    source: str
    model: str
    reading: tuple[str, ...]
    training: tuple[str, ...]
    sampled: tuple[int, str]

    def check_options(self, name: str, options: Mapping[str, Any]) -> None:
        """Raises UsageError for the first of the given options that is not for a source of this kind, called `name`."""
        own = (*self.reading, *self.training)
        others = [(other, option) for other in (RECORDS, IMAGES) for option in (*other.reading, *other.training)]
        for other, option in others:
            if option not in own and _is_given(options.get(option)):
                raise UsageError(f"{asked(option)} is for {other.source}, and {name} is {self.source}: leave it out.")

    def check_model(self, run: object, wanted: Modality, why: str = "") -> None:
        """Raises UsageError if the models of this kind, one of which is `run`, are not of the kind wanted."""
        if self is not wanted:
            raise UsageError(f"{run} is a model of {self.model}{why}: give a run trained on {wanted.source}.")


def _is_given(value: Any) -> bool:
    """Whether an option says anything: None, a flag that is off and an empty list do not."""
    return value is not None and value is not False and not (isinstance(value, list | tuple | dict) and not value)


IMAGE_READING = ("size", "channels", "bits", "fit", "pad", "classes", "conditions", "file_column")
IMAGES = Modality("pictures", "pictures", IMAGE_READING, ("latent",), (64, "samples.png"))
RECORDS = Modality(
    "a table of visits",
    "patient records",
    ("query", "stream", "schema", "identifier", "time", "long", "duplicates", "null_values", "kinds", "date_formats"),
    ("epsilon",),
    (1000, "new.csv"),
)

LINKED = Modality("linked tables", "linked tables", ("schema",), (), (1000, "new/"))
