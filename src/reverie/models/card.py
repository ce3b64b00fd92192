"""A run in short: what it was made of, how far it came, and how to use it; read from its small files, not its weights.

Of a table it tells the columns, their kinds and levels. Bounds, extremes, constants and reasons are left out: they are
values of patients.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from reverie import config as configs
from reverie.config import RunConfig
from reverie.errors import DamagedError
from reverie.images import ImageCodec
from reverie.models.codec_files import CODEC
from reverie.models.model import WEIGHTS
from reverie.records.schema import Schema
from reverie.training import metrics

__all__ = ["card", "channels", "entry"]

LINES = 5


def entry(run: Path, name: str) -> dict[str, Any]:
    """The run as one line of a list. Raises UsageError if it is no run, DamagedError if it cannot be understood."""
    config = configs.read(run)
    about, codec = _codec(run)
    return {
        "name": name,
        "kind": about,
        "source": config.source.name,
        "steps": config.training.steps,
        "trained": (run / WEIGHTS).is_file(),
        "size": [codec.height, codec.width, codec.channels] if isinstance(codec, ImageCodec) else len(codec),
    }


def card(run: Path, name: str) -> dict[str, Any]:
    """All that is told of a run. Raises as `entry` does, and DamagedError for a weights file of another kind."""
    config = configs.read(run)
    _, codec = _codec(run)
    lines = metrics.read(run)
    numbers = [line for line in lines if "loss" in line]
    judged = [line for line in lines if isinstance(line.get("loss_aside"), int | float)]
    best = min(judged, key=lambda line: line["loss_aside"]) if judged else None
    pictures = isinstance(codec, ImageCodec)
    return {
        **entry(run, name),
        "steps": {"done": max((line["step"] for line in lines), default=0), "of": config.training.steps},
        "best_step": best["step"] if best else None,
        "loss_aside": best["loss_aside"] if best else None,
        "parameters": _parameters(run / WEIGHTS),
        "classes": list(codec.classes) if pictures else [],
        "attributes": [each.outline for each in codec.attributes] if pictures else [],
        "parent": None if config.parent is None else config.parent.name,
        "config": config.told(),
        "image_shape": [codec.height, codec.width, codec.channels] if pictures else None,
        "columns": None if isinstance(codec, ImageCodec) else codec,
        "metrics": numbers[-LINES:],
        "advice": [line["advice"] for line in lines if "advice" in line],
        "how_to": _how_to(name, pictures, config),
    }


def channels(run: Path, pixels: int) -> int:
    """Of the run's codes. Raises DamagedError for a codec that cannot be understood, or of pictures above so many pixels."""
    _, codec = _codec(run)
    if isinstance(codec, ImageCodec):
        if codec.height * codec.width * -(-codec.channels // 4) > pixels:
            raise DamagedError(f"{run / CODEC} is of pictures of {codec.width} x {codec.height}, too large to make here.")
        return codec.channels
    return len(codec)


def _codec(run: Path) -> tuple[str, ImageCodec | list[dict[str, Any]]]:
    """The kind of the run, and what its data look like: pictures, or columns in outline."""
    try:
        about = json.loads((run / CODEC).read_text())
        match about.pop("kind"):
            case "images":
                return "images", ImageCodec.from_config(about)
            case "records":
                return "records", [column.outline for column in Schema.model_validate(about["schema"]).columns]
            case "linked":
                return "linked", [outline for table, of in about["tables"].items() for outline in _outlines(table, of)]
        raise ValueError
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{run / CODEC} cannot be understood: it is not what was written.") from error


def _outlines(table: str, about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The columns of one of several tables, called after it."""
    for column in Schema.model_validate(about["codec"]["schema"]).shown:
        yield column.outline | {"name": column.name if "." in column.name else f"{table}.{column.name}"}


def _parameters(file: Path) -> int | None:
    """The number of weights, from the header alone; None before there are any."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, "numpy") as weights:
            return sum(math.prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{file} is not a safetensors file; weights of other kinds are never loaded.") from error


def _how_to(name: str, pictures: bool, config: RunConfig) -> dict[str, str]:
    """Lines that take samples of it."""
    count, out = (64, "samples.png") if pictures else (1000, "new/" if config.network.of == "linked" else "new.csv")
    how = {
        "cli": f"reverie sample {name} --count {count} --out {out}",
        "python": f'reverie.load("{name}").sample({count})',
        "http": json.dumps({"model": name, "count": count} | ({"out": "new"} if config.network.of == "linked" else {})),
    }
    if config.network.stages and config.network.of == "records":
        how["impute"] = f"reverie impute {name} FILE --out whole.csv"
    return how
