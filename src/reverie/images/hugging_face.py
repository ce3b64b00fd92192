"""The names of classes where data sets of Hugging Face keep them: beside the columns of a Parquet file, or in the README.

Parquet, under the key huggingface: {"info": {"features": {COLUMN: {"names": [...], "_type": "ClassLabel"}}}}
README.md, in YAML between lines of ---:  dataset_info.features[name=COLUMN].dtype.class_label.names
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

__all__ = ["class_names"]

_LONGEST, _BRACKETS = 1_000_000, 1000  # characters of a README, and brackets, over which YAML takes ever longer


def class_names(path: Path, column: str, folder: Path) -> tuple[str, ...]:
    """The names of the classes that a column of a Parquet file counts from 0; none where they are not clear."""
    readmes = (place / "README.md" for place in path.parents if place == folder or folder in place.parents)
    for lists in (_in_file(path, column), *(_in_readme(readme, column) for readme in readmes)):
        names = {tuple(names) for names in lists if names and all(isinstance(name, str) for name in names)}
        if names:
            return names.pop() if len(names) == 1 else ()
    return ()


def _in_file(path: Path, column: str) -> Iterator[list[Any]]:
    try:
        names = json.loads(pl.read_parquet_metadata(path)["huggingface"])["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError, RecursionError, OSError, pl.exceptions.PolarsError):
        return
    if isinstance(names, list):
        yield names


def _in_readme(path: Path, column: str) -> Iterator[list[Any]]:
    """The names by each configuration of the set."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST).split("---")[1]
        if text.count("[") + text.count("{") > _BRACKETS:
            return
        infos = yaml.safe_load(text)["dataset_info"]
    except (OSError, UnicodeDecodeError, IndexError, KeyError, TypeError, RecursionError, ValueError, yaml.YAMLError):
        return
    for info in infos if isinstance(infos, list) else [infos]:
        try:
            (kind,) = (feature["dtype"] for feature in info["features"] if feature["name"] == column)
            names = kind["class_label"]["names"]
            yield [names[str(i)] for i in range(len(names))] if isinstance(names, dict) else list(names)
        except (KeyError, TypeError, ValueError):
            continue
