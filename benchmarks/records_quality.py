"""How good synthetic patients are: python benchmarks/records_quality.py [--data FILE] [--seeds 5] [--minutes M]

For each seed half of the patients train a model, half are held out, and as many patients as were held out are sampled and
scored. Beside it stand the ceiling (the held-out patients scored as if they were synthetic; for "nearer" they are cut in
two, one part in the place of the synthetic patients and the other still held out) and the floor (the held-out patients,
every column shuffled by itself; for "nearer" the training patients, who then copy nobody and yet lie nearer to where their
values came from). Tails are those of TAILS synthetic patients: of fewer, chance would decide. Mean and deviation over the
seeds, as a markdown table.

    python benchmarks/records_quality.py --score TRAIN HOLDOUT SYNTHETIC       scores files, without any model
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from machine import describe
from reverie.evaluation import nearness, scores, shuffled, tail_scores, tails
from reverie.records.schema import Schema
from reverie.records.table import Table, read_table
from reverie.sources import TableSource

Scores = dict[str, float]

RATED = 8192
"""Patients in the sample whose rate is measured: a few hundred come out of one shard, in one thread."""


TAILS = 2000
"""Patients whose tails are scored."""


def halves(table: Table, seed: int) -> tuple[Table, Table]:
    """Two random halves of the patients."""
    order = np.random.default_rng(seed).permutation(len(table))
    middle = len(table) // 2
    return table.take(np.sort(order[:middle])), table.take(np.sort(order[middle:]))


def ceiling(train: Table, holdout: Table, seed: int) -> Scores:
    """The held-out patients in the place of synthetic ones."""
    found = scores(train.frame, holdout.frame, holdout.frame, train.schema, seed)
    first, second = halves(holdout, seed)
    near = nearness(train.frame, second.frame, first.frame, train.schema, seed)
    apart = {"nearer.rows": near.rows, "nearer.patients": near.patients}
    return found | apart | {"nearer.copied": near.copied_rows - near.copied_holdout}


def floor(train: Table, holdout: Table, seed: int) -> Scores:
    """The held-out patients with every column shuffled; how near training patients lie when theirs are."""
    schema = train.schema
    mixed = (shuffled(table.frame, schema, seed) for table in (holdout, train))
    apart, own = next(mixed), next(mixed)
    near = nearness(train.frame, holdout.frame, own, schema, seed)
    found = scores(train.frame, holdout.frame, apart, schema, seed)
    return found | {"nearer.rows": near.rows, "nearer.patients": near.patients}


def one(table: Table, seed: int, minutes: float | None, settings: Mapping[str, Any], keep: Path | None) -> dict[str, Scores]:
    """The three columns of the table for one seed."""
    import reverie

    train, holdout = halves(table, seed)
    with tempfile.TemporaryDirectory() as folder:
        show, TableSource.show = TableSource.show, lambda *_: None  # figures come after the fit
        clock = time.perf_counter()
        model = reverie.train(train.frame, Path(folder) / "run", seed=seed, minutes=minutes, settings=settings, holdout=0)
        fitted = time.perf_counter() - clock
        TableSource.show = show
        model.sample(2, seed=seed)  # what is done once is not part of the rate
        drawn = model.sample(len(holdout), seed=seed)
        clock = time.perf_counter()
        many = model.sample(RATED, seed=seed)
        sampled = time.perf_counter() - clock
    assert isinstance(drawn, pl.DataFrame)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        for name, frame in (("train", train.frame), ("holdout", holdout.frame), ("synthetic", drawn)):
            frame.write_csv(keep / f"{name}-{seed}.csv")
    key, schema = table.schema.identifier.name, table.schema
    ours = scores(train.frame, holdout.frame, drawn, schema, seed)
    large = many.filter(pl.col(key).is_in(many[key].unique(maintain_order=True).head(TAILS).implode()))
    ours |= tail_scores(tails(train.frame, holdout.frame, large, schema, seed))
    low = floor(train, holdout, seed)
    ours |= {f"{name}, over the floor": ours[name] - low[name] for name in ("nearer.rows", "nearer.patients")}
    return {
        "synthetic": ours | {"fit, seconds": fitted, "rows a second": many.height / sampled},
        "ceiling": ceiling(train, holdout, seed),
        "floor": low,
    }


def markdown(runs: list[dict[str, Scores]]) -> str:
    """Mean and deviation over the runs."""
    columns = list(runs[0])
    lines = [f"| measure | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for measure in runs[0][columns[0]]:
        cells = (_cell([run[column][measure] for run in runs if measure in run[column]]) for column in columns)
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    digits = 3 if np.nanmax(np.abs(values)) < 10 else 0
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def score_files(train: str, holdout: str, synthetic: str, schema: Schema | None, seed: int) -> str:
    """The table for three files.

    The schema is read off both real files together, unless it is given.
    """
    frames = [pl.read_parquet(n) if n.endswith(".parquet") else _read_csv(n, schema) for n in (train, holdout, synthetic)]
    schema = schema or read_table(pl.concat(frames[:2], how="vertical_relaxed")).schema
    real = [read_table(frame, schema) for frame in frames[:2]]
    ours = scores(real[0].frame, real[1].frame, frames[2], schema, seed)
    return markdown([{"synthetic": ours, "ceiling": ceiling(real[0], real[1], seed), "floor": floor(*real, seed)}])


def _read_csv(name: str, schema: Schema | None) -> pl.DataFrame:
    nulls = schema.null_values if schema else Schema.model_fields["null_values"].default
    return pl.read_csv(name, infer_schema_length=None, null_values=list(nulls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="pbc2", help="a table of visits (a file), or pbc2")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="budget of a fit")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the training")
    parser.add_argument("--keep", type=Path, help="a folder for the tables of each seed")
    parser.add_argument("--schema", type=Path, help="a schema file")
    parser.add_argument("--score", nargs=3, metavar=("TRAIN", "HOLDOUT", "SYNTHETIC"))
    told = parser.parse_args()
    schema = Schema.from_yaml(told.schema.read_text(), told.schema.name) if told.schema else None
    if told.score:
        print(score_files(*told.score, schema, seed=0))
        return
    settings = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in told.set)}
    table = read_table(told.data, schema)
    print(describe())
    print(f"{table.name}: {len(table)} patients, {table.frame.height} visits, settings: {settings or 'default'}")
    runs = []
    for seed in range(told.seeds):
        runs.append(one(table, seed, told.minutes, settings, told.keep))
        ours = runs[-1]["synthetic"]
        first = ", ".join(f"{name} {ours[name]:.3f}" for name in ("accuracy.overall", "auc", "nearer.rows"))
        print(f"\nseed {seed}: {first}", flush=True)
    print("\n" + markdown(runs))


if __name__ == "__main__":
    main()
