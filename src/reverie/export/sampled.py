"""New patients and pictures, to a file or a folder, and a summary of what was made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.images import check_animation, check_output, save_animation, save_images, side_by_side
from reverie.models import PatientModel, PictureModel
from reverie.records.output import check_table_output, write_table
from reverie.shards import Whole

__all__ = ["OnStep", "Preview", "dataset", "patients", "pictures", "speed"]

MOVING = 64
"""Pictures at most in an animation."""

OnStep = Callable[[int, int], None]


def patients(
    model: PatientModel,
    count: int | None,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    hear: Callable[[pl.DataFrame], None] = lambda frame: None,
) -> dict[str, Any]:
    """New patients to a table at `out`, written as they are made, and a summary of what was made.

    `settings` are those of PatientModel.shards; `hear` is shown each part. Raises UsageError and DataError as that does.
    """
    check_table_output(out)
    options = dict(settings or {})
    totals: Counter[str] = Counter()
    clipped: Counter[str] = Counter()
    broken: Counter[str] = Counter()

    def frames() -> Iterator[pl.DataFrame]:
        for shard in model.shards(count, seed, on_step=on_step, **options):
            totals.update(patients=shard.patients, drawn=shard.drawn, kept=shard.kept)
            clipped.update(shard.clipped)
            broken.update(shard.broken)
            hear(shard.frame)
            yield shard.frame

    began = time.monotonic()
    rows = write_table(out, frames(), model.codec.schema.spelled)
    seconds = time.monotonic() - began
    facts = {**totals, "rows": rows, "clipped": clipped, "broken": broken}
    return {"out": str(out), **_of_patients(model, facts, options), "seed": seed, **speed(rows, seconds, "rows")}


def dataset(
    model: PictureModel | PatientModel,
    count: int | None,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    **how: Any,
) -> tuple[dict[str, Any], Whole]:
    """New patients or pictures as Parquet files in the folder `out`: a summary, and how far the folder has come.

    `how` are the arguments of Model.sample_to that say how they are made. Raises what that does.
    """
    options = dict(settings or {})
    began = time.monotonic()
    whole = model.sample_to(out, count, seed, on_step=on_step, **how, **options)
    what = {"files": whole.shards, "kept": whole.kept, "made": whole.made, "missing": whole.missing or None}
    if isinstance(model, PatientModel):
        told = _of_patients(model, whole.totals, options)
    else:
        told = {"pictures": whole.totals.get("pictures", 0), **_of_pictures(model, options)}
    pace = {}
    for name in {"rows", "pictures"} & whole.new.keys():
        pace = speed(whole.new[name], time.monotonic() - began, name)
    return {"out": str(out), **what, **told, "seed": seed, **pace}, whole


def _of_patients(model: PatientModel, facts: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of patients that were made, from their number, rows, drawn, kept, clipped and broken."""
    rejected = facts.get("drawn", 0) > facts.get("kept", 0)
    return {
        "patients": facts.get("patients", 0),
        "rows": facts.get("rows", 0),
        "drawn": facts["drawn"] if rejected else None,
        "accepted_share": round(facts["kept"] / facts["drawn"], 4) if rejected else None,
        "rules": len(model.codec.schema.rules),
        "rules_broken": dict(facts.get("broken", {})),
        "clipped": {column: number for column, number in facts.get("clipped", {}).items() if number},
        **{name: options.get(name, usual) for name, usual in model.usual.items()},
    }


def _of_pictures(model: PictureModel, options: Mapping[str, Any]) -> dict[str, Any]:
    how = {name: options.get(name) or getattr(model.usual, name) for name in ("sampler", "steps")}
    return how | {name: options[name] for name in ("guidance", "rescale", "interval") if options.get(name)}


def speed(made: float, seconds: float, what: str) -> dict[str, Any]:
    """What is told of how long it took to make so many of something."""
    return {"seconds": round(seconds, 2), f"{what}_per_second": round(made / max(seconds, 1e-9))}


class Preview:
    """Hears parts of a table and keeps its first rows."""

    def __init__(self, rows: int) -> None:
        self._rows, self._parts = rows, []

    def hear(self, frame: pl.DataFrame) -> None:
        missing = self._rows - sum(map(len, self._parts))
        if missing > 0:
            self._parts.append(frame.head(missing))

    @property
    def table(self) -> dict[str, Any]:
        """{"columns": names, "rows": lists of cells}."""
        frame = pl.concat(self._parts)
        return {"columns": frame.columns, "rows": [list(row) for row in frame.iter_rows()]}


def pictures(
    model: PictureModel,
    count: int | None,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    animate: Path | None = None,
) -> tuple[dict[str, Any], np.ndarray]:
    """New pictures to `out` in the form that its suffix names; a summary, and the pictures.

    An .npz has their classes or attributes too, where they were asked for. `settings` are those of PictureModel.sample;
    `animate` is where the making of the first of them is written, see images.save_animation. Raises UsageError as these do.
    """
    check_output(out, model.codec.channels)
    if animate is not None:
        check_animation(animate)
    options = dict(settings or {})
    method = model.method(**options)
    count = len(method.wanted or ()) if count is None else count
    asked = model.asked(method.condition(count))
    asked = asked if model.codec.attributes else asked.select(labels=pl.col("^label$").cast(pl.String))
    beside = {cells.name: _array(cells) for cells in asked.iter_columns()}
    began = time.monotonic()
    pixels = model.sample(count, seed, on_step=on_step, **options)
    seconds = time.monotonic() - began
    save_images(pixels, out, beside or None)
    if animate is not None:
        frames = (side_by_side(now, clean) for _, now, clean in model.walk(min(count, MOVING), seed, **options))
        save_animation(frames, animate)
    how = _of_pictures(model, options)
    moving = {} if animate is None else {"animation": str(animate)}
    return {"out": str(out), **moving, "count": count, **how, "seed": seed, "seconds": round(seconds, 2)}, pixels


def _array(cells: pl.Series) -> np.ndarray:
    """Cells as an array that holds no objects: what are no numbers as text, empty where missing."""
    if cells.dtype.is_numeric() or isinstance(cells.dtype, pl.Array):
        return cells.to_numpy()
    return np.array(cells.cast(pl.String).fill_null("").to_list())
