"""The parts of a report as work in shards: each area is a file, and a function of the tables, the seed and its number.

    file k = AREAS[k](tables), the heaviest first: measures, figures and notes as JSON

The driver counts and samples all rows once, and writes what every part looks at (tables.py) beside the output: at most some
ten thousand patients of each table, whatever their size was. Workers read them there, and load the model that is attacked.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.evaluation.area import Area
from reverie.evaluation.areas import AREAS
from reverie.evaluation.cohort import Cohort, shuffled
from reverie.evaluation.counted import Counted
from reverie.evaluation.fingerprints import Copied
from reverie.evaluation.measure import Measure, Metric, Section, Split
from reverie.evaluation.passes import Counts, Side
from reverie.evaluation.tables import Model, Tables
from reverie.files import write_atomically, writing
from reverie.models import PatientModel, load
from reverie.models.shards import one_thread
from reverie.records import Schema
from reverie.reports.parts import attempted, gathered
from reverie.shards import Engine, complete

__all__ = ["Areas", "made_by"]

FRAMES = ("train", "holdout", "synthetic", "others")
TOLD = "tables.json"


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of a report that these tables allow.

    Attributes:
        folder: where the tables are.
        sha256: of all that is there.
        areas: names, the heaviest first.
        model: the run folder of the model that is attacked, and its digest; none where only tables are known.
    """

    kind = "areas"

    folder: Path
    sha256: str
    areas: tuple[str, ...]
    model: tuple[str, str] | None = None

    @property
    def config(self) -> dict[str, Any]:
        return {"tables": self.sha256, "areas": list(self.areas), "model": None if self.model is None else self.model[1]}

    @property
    def places(self) -> dict[str, str]:
        return {"tables": str(self.folder.resolve()), **({} if self.model is None else {"model": self.model[0]})}

    @property
    def count(self) -> int:
        return len(self.areas)

    def name(self, number: int) -> str:
        return f"{self.areas[number]}.json"

    def make(self, number: int, path: Path) -> dict[str, Any]:
        area = _named()[self.areas[number]]
        with one_thread():
            made = attempted(area, self.tables)
        path.write_text(json.dumps(made if isinstance(made, str) else _told(made), default=lambda value: value.tolist()))
        return {"failed": int(isinstance(made, str))}

    @cached_property
    def tables(self) -> Tables:
        """Read once in each process."""
        model = None
        if self.model is not None:
            attacked = load(self.model[0])
            assert isinstance(attacked, PatientModel)
            model = Model(attacked.losses, attacked.codec, attacked.process)
        return _read(self.folder, model)

    @classmethod
    def of(cls, config: Mapping[str, Any], places: Mapping[str, str]) -> Self:
        """See Work. Raises DataError, naming folder and machine, where the tables or the model are not there."""
        here = socket.gethostname()
        for place in places.values():
            if not Path(place).exists():
                raise DataError(f"{here} has no {place}: put it where every worker sees it, under one name.")
        if config["model"] is not None and load(places["model"]).digest != config["model"]:
            raise DataError(f"the model {places['model']} on {here} is not what was asked for: was it changed? Call again.")
        folder = Path(places["tables"])
        if _digest(folder) != config["tables"]:
            raise DataError(f"the tables in {folder} on {here} are not what was asked for: call again.")
        model = None if config["model"] is None else (places["model"], config["model"])
        return cls(folder, config["tables"], tuple(config["areas"]), model)


def made_by(
    engine: Engine,
    scratch: Path,
    areas: Sequence[Area],
    tables: Tables,
    model: PatientModel | None,
    update: Callable[[float], None] = lambda share: None,
) -> tuple[tuple[Section, ...], list[str]]:
    """What parts.made makes, by an engine whose workers see the folder `scratch`, which is taken away at the end.

    Raises UsageError for a model that was not loaded from a folder; and what the engine raises.
    """
    if model is not None and model.path is None:
        raise UsageError("other processes load the model from a folder: save it, and report on the one that load() gives.")
    areas = [area for area in areas if area.given(tables)]
    folder = scratch / "tables"
    _write(tables, folder)
    heaviest = tuple(area.name for area in sorted(areas, key=lambda area: -area.weight))
    attacked = None if model is None else (str(Path(model.path or "").resolve()), model.digest)
    work = Areas(folder, _digest(folder), heaviest, attacked)
    place = scratch / work.sha256[:16]
    for other in scratch.iterdir():
        if other not in (folder, place):
            shutil.rmtree(other)  # of a call that was killed, and is not called again
    complete(work, place, engine, on_step=lambda done, of: update(done / of))
    found = {name: json.loads((place / work.name(number)).read_text()) for number, name in enumerate(work.areas)}
    shutil.rmtree(scratch)
    return gathered((area, made if isinstance(made := found[area.name], str) else _section(made)) for area in areas)


def _write(tables: Tables, folder: Path) -> None:
    """All that tables are computed from."""
    others = tables.others.frame
    same = others is tables.split.train
    frames = (tables.split.train, tables.split.holdout, tables.drawn, others.clear() if same else others)
    for name, frame in zip(FRAMES, frames, strict=True):
        with writing(folder / f"{name}.arrow") as path:
            frame.write_ipc(path)
    told = {
        "schema": tables.schema.model_dump(mode="json"),
        "seed": tables.seed,
        "seen": tables.split.seen,
        "same": same,
        "counts": _counts_told(tables.counts),
    }
    write_atomically(folder / TOLD, json.dumps(told))


def _read(folder: Path, model: Model | None) -> Tables:
    """The tables that were written."""
    told = json.loads((folder / TOLD).read_text())
    schema, seed = Schema.model_validate(told["schema"]), told["seed"]
    frames = {name: pl.read_ipc(folder / f"{name}.arrow") for name in FRAMES}
    if told["same"]:
        frames["others"] = frames["train"]
    sides = {
        name: Side(frame, Cohort.read(frame, schema, f"{name} table"))
        for name, frame in frames.items()
        if frame.height or name != "holdout"
    }
    real = [sides[name] for name in ("train", "holdout") if name in sides]
    mixed = [shuffled(side.frame, schema, seed) for side in real]
    return Tables(
        Split(frames["train"], frames["holdout"], told["seen"]),
        frames["synthetic"],
        schema,
        seed,
        real[0].cohort,
        real[1].cohort if len(real) == 2 else None,
        sides["synthetic"].cohort,
        mixed[0],
        tuple(Cohort.read(frame, schema) for frame in mixed),
        _counts(told["counts"]),
        sides["others"],
        model,
    )


def _counts_told(counts: Counts) -> dict[str, Any]:
    """Counts as JSON."""
    sides = {name: getattr(counts, name) for name in ("train", "holdout", "synthetic")}
    plain = {name: of and {f.name: getattr(of, f.name) for f in fields(of)} for name, of in sides.items()}
    copied = {name: [of.visits, of.patients, of.pairs] for name, of in counts.copied.items()}
    return {
        **plain,
        "between": counts.between,
        "copied": copied,
        "near": [[*key, *near] for key, near in counts.near.items()],
    }


def _counts(told: Mapping[str, Any]) -> Counts:
    """The inverse."""

    def counted(of: Mapping[str, Any] | None) -> Counted | None:
        if of is None:
            return None
        levels: Any = {name: Counter(counts) for name, counts in of["levels"].items()}
        plain: dict[str, Any] = {name: Counter(value) if isinstance(value, dict) else value for name, value in of.items()}
        return Counted(**{**plain, "levels": levels})

    train, holdout, synthetic = (counted(told[name]) for name in ("train", "holdout", "synthetic"))
    assert train is not None and synthetic is not None
    copied = {
        name: Copied(tuple(visits), tuple(patients), tuple(map(tuple, pairs)))  # pyright: ignore[reportArgumentType]
        for name, (visits, patients, pairs) in told["copied"].items()
    }
    near = {(name, of_patients): (alike, of) for name, of_patients, alike, of in told["near"]}
    return Counts(train, holdout, synthetic, told["between"], copied, near)


def _told(section: Section) -> dict[str, Any]:
    """A section as JSON, with what its measures are measures of."""
    metrics = [m.metric and {f.name: getattr(m.metric, f.name) for f in fields(m.metric)} for m in section.measures]
    return {**section.json(), "metrics": metrics}


def _section(told: dict[str, Any]) -> Section:
    """The inverse."""
    metrics = [of and Metric(**of | {"beside": tuple(of["beside"])}) for of in told.pop("metrics")]
    measures = [
        Measure(**of | {"interval": of["interval"] and tuple(of["interval"]), "metric": metric})
        for of, metric in zip(told["measures"], metrics, strict=True)
    ]
    return Section(**told | {"measures": tuple(measures), "notes": tuple(told["notes"])})


def _digest(folder: Path) -> str:
    """SHA-256 of all tables."""
    sha = hashlib.sha256()
    for name in (TOLD, *(f"{frame}.arrow" for frame in FRAMES)):
        sha.update((folder / name).read_bytes())
    return sha.hexdigest()


def _named() -> dict[str, Area]:
    return {area.name: area for area in AREAS}
