"""One table of visits as linked tables: python benchmarks/single_as_linked.py [--data FILE] [--seeds 0,1]

For each seed half of the patients of a table train a model as a table of visits, and the same half as linked tables, in two
forms, each by its own recipe or in the same minutes:

    one     a folder of this one table: patients are those whom it names
    two     patients, with all that stays the same for each of them, and visits, with the rest

As many patients as were held out are made by each, brought back to one table, and scored as records_quality.py does, beside
held-out and shuffled patients; the report's own measures stand below, by part the share of those that are fine. Linked
tables are told which column the time is, as the table of visits found it.

    python benchmarks/single_as_linked.py --keep FOLDER       runs, tables and measures are kept there
    python benchmarks/single_as_linked.py --forms two         these alone, with commas between: table, one, two
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import reverie
from machine import describe
from records_quality import RATED, TAILS, Scores, ceiling, floor, halves, markdown
from reverie.evaluation import Cohort, scores, tail_scores, tails
from reverie.evaluation.areas import AREAS
from reverie.evaluation.measure import Measure, Split
from reverie.evaluation.tables import Tables
from reverie.records.linked import Clock, LinkedSchema, LinkedTables, read_linked
from reverie.records.schema import Schema
from reverie.records.table import Table, read_table
from reverie.reports.parts import made
from reverie.sources import TableSource

KEY = "patient_id"
"""What the patients' key is called in linked tables: other names of it say nothing."""

Maker = Callable[[Table, Path, dict[str, Any]], Callable[[int, int], pl.DataFrame]]
"""(table, run folder, options of the training) -> (count, seed) -> as many patients, as a table of visits."""


def as_table(table: Table, out: Path, options: dict[str, Any]) -> Callable[[int, int], pl.DataFrame]:
    """Trained on as a table of visits."""
    show, TableSource.show = TableSource.show, lambda *_: None  # figures come after the fit
    model: Any = reverie.train(table.frame, out, **options)
    TableSource.show = show
    return lambda count, seed: model.sample(count, seed=seed)


def as_linked(apart: bool) -> Maker:
    """Trained on as linked tables, with the statics in a table of patients or not."""

    def train(table: Table, out: Path, options: dict[str, Any]) -> Callable[[int, int], pl.DataFrame]:
        columns, schema = table.frame.columns, table.schema
        key = schema.identifier.name
        model: Any = reverie.train(linked(table.frame, schema, apart), out, **options)

        def sample(count: int, seed: int) -> pl.DataFrame:
            frames = model.sample(count, seed=seed)
            whole = frames["visits"]
            if apart:
                whole = whole.join(frames["patients"], on=KEY, how="left", maintain_order="left")
            return whole.rename({KEY: key}).select(columns)

        return sample

    return train


def linked(frame: pl.DataFrame, schema: Schema, apart: bool) -> LinkedTables:
    """A table of visits as linked tables."""
    frame = frame.rename({schema.identifier.name: KEY})
    statics = [column.name for column in schema.static]
    tables = {"visits": frame.drop(statics) if apart else frame}
    if apart:
        tables["patients"] = frame.group_by(KEY, maintain_order=True).agg(pl.col(statics).drop_nulls().first())
    found = read_linked(tables)
    clock = Clock(kind="instant", start=schema.time.name)
    told = [t.model_copy(update={"clock": clock}) if t.name == "visits" else t for t in found.schema.tables]
    return read_linked(tables, LinkedSchema(tables=tuple(told)))


MAKERS: dict[str, Maker] = {"table": as_table, "one": as_linked(False), "two": as_linked(True)}


def scored(train: Table, holdout: Table, sample: Callable[[int, int], pl.DataFrame], seed: int) -> Made:
    """What a trained model's patients score, and the measures of the report on them."""
    schema = train.schema
    sample(2, seed)  # what is done once is not part of the rate
    drawn = sample(len(holdout), seed)
    clock = time.perf_counter()
    many = sample(RATED, seed)
    rate = many.height / (time.perf_counter() - clock)
    key = schema.identifier.name
    large = many.filter(pl.col(key).is_in(many[key].unique(maintain_order=True).head(TAILS).implode()))
    real = [Cohort.read(half.frame, schema) for half in (train, holdout)]
    found = scores(train.frame, holdout.frame, drawn, schema, seed)
    found |= tail_scores(tails(real[0].join(real[1]), Cohort.read(large, schema), seed))
    return found | {"rows a second": rate}, measures(train, holdout, drawn, seed), drawn


def measures(train: Table, holdout: Table, drawn: pl.DataFrame, seed: int) -> dict[str, list[Measure]]:
    """Those of a report, by its parts; without those that ask the model itself."""
    tables = Tables.read(Split(train.frame, holdout.frame), drawn, train.schema, seed)
    return {section.name: list(section.measures) for section in made(AREAS, tables)[0]}


Made = tuple[Scores, dict[str, list[Measure]], pl.DataFrame]


def fine(found: dict[str, list[Measure]]) -> Scores:
    """By part of the report, the share of the measures judged that are fine, and how far they are from held-out ones."""
    out: Scores = {}
    for part, of in found.items():
        judged = [m for m in of if m.verdict != "unknown"]
        if judged:
            out[f"report, {part}: fine"] = sum(m.verdict == "fine" for m in judged) / len(judged)
    return out


def one(table: Table, seed: int, minutes: float | None, names: list[str], keep: Path | None) -> dict[str, Scores]:
    """The columns of the table for one seed."""
    train, holdout = halves(table, seed)
    columns: dict[str, Scores] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder if keep is None else keep) / f"{name}-{seed}"
            began, busy = time.perf_counter(), time.process_time()
            sample = MAKERS[name](train, run, {"seed": seed, "minutes": minutes, "holdout": 0, "force": True})
            fitted = {"fit, seconds": time.perf_counter() - began, "of all cores": time.process_time() - busy}
            found, report, drawn = scored(train, holdout, sample, seed)
        columns[name] = found | fine(report) | fitted
        print(f"seed {seed}, {name}: " + ", ".join(f"{k} {found[k]:.3f}" for k in ("accuracy.overall", "auc")), flush=True)
        if keep is not None:
            drawn.write_csv(keep / f"{name}-{seed}.csv")
            told = {part: [m.json() for m in of] for part, of in report.items()}
            (keep / f"{name}-{seed}.json").write_text(json.dumps({"scores": columns[name], "report": told}))
    low = floor(train, holdout, seed)
    for of in columns.values():
        of["nearer.rows, over the floor"] = of["nearer.rows"] - low["nearer.rows"]
    return columns | {"ceiling": ceiling(train, holdout, seed), "floor": low}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="pbc2", help="a table of visits (a file), or pbc2")
    parser.add_argument("--seeds", default="0", help="with commas between")
    parser.add_argument("--minutes", type=float, help="budget of each fit; the steps of its recipe if left out")
    parser.add_argument("--forms", default="table,one,two", help="what is trained, with commas between")
    parser.add_argument("--keep", type=Path, help="a folder for runs, tables and measures")
    told = parser.parse_args()
    table = read_table(told.data)
    print(describe())
    budget = "steps as recipes say" if told.minutes is None else f"{told.minutes:g} minutes each"
    print(f"{table.name}: {len(table)} patients, {table.frame.height} visits, {budget}")
    names = told.forms.split(",")
    runs = [one(table, int(seed), told.minutes, names, told.keep) for seed in told.seeds.split(",")]
    print("\n" + markdown(runs))


if __name__ == "__main__":
    main()
