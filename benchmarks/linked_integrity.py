"""Linked tables made by the million rows: python benchmarks/linked_integrity.py FOLDER [--patients 1000 9500] [--run RUN]

A run on FOLDER (a small network, trained for a few steps, if none is named: what must hold holds whatever was learned)
makes as many patients as are asked for, one number after the other, each by `reverie sample` in a process of its own, to
files of Parquet. Counted are, over all rows: keys that name no row, keys that stand twice, rows that name another patient
than the row above does, rows outside the time of the row above where no real row is, and rows that break a rule across
tables that every real patient keeps. Beside that the peak memory of each process: it must not grow with the patients.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe
from reverie.evaluation.linked import Hospital, Plan
from reverie.evaluation.linked.logic import untied
from reverie.evaluation.linked.rules import found
from reverie.records.linked import LinkedTables, read_linked
from reverie.records.linked.checks import outside_of

SMALL = ["--steps", "60", "--set", "network.width=32", "--set", "network.layers=1", "--set", "network.heads=2"]


def sampled(run: Path, out: Path, patients: int) -> tuple[float, float]:
    """Seconds, and peak memory in MiB, of a process that makes patients."""
    clock = time.perf_counter()
    command = [sys.executable, "-m", "reverie", "sample", str(run), "--count", str(patients), "--out", f"{out}/"]
    process = subprocess.Popen([*command, "--steps", "2"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("reverie sample failed.")
    return time.perf_counter() - clock, used.ru_maxrss / 1024


def outside(tables: LinkedTables) -> dict[str, int]:
    """By table, the rows that lie outside the time of the row above."""
    counts = {}
    for table in tables.schema.tables:
        tie = table.to(table.parent) if table.parent else None
        if tie is not None and table.parent is not None:
            parent = tables.schema[table.parent]
            counts[table.name] = outside_of(
                tables.frames[table.name], tie.column, table.clock, tables.frames[parent.name], parent
            )[0]
    return counts


def counted(real: LinkedTables, made: LinkedTables) -> tuple[int, list[tuple[str, int]]]:
    """The rows below the patients, and what is wrong with how many of them."""
    plan = Plan.of([real])
    first, ours = Hospital.read(real, plan, "real"), Hospital.read(made, plan, "made")
    wrong = untied(ours)[1]
    contained = {name for name, rows in outside(real).items() if not rows}
    escaped = {name: rows for name, rows in outside(made).items() if name in contained and rows}
    rules = [rule for rule in found([first]) if not rule.kept([first]).rows_breaking]
    broken = {str(rule): rows for rule in rules if (rows := rule.kept([ours]).rows_breaking)}
    told = [
        ("keys that name no row, stand twice or contradict each other", sum(wrong.values())),
        ("rows outside the time of the row above", sum(escaped.values())),
        (f"rows that break one of {len(rules)} rules across tables", sum(broken.values())),
    ]
    return ours.events, told + [(f"  {name}", rows) for name, rows in {**wrong, **escaped, **broken}.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 9500])
    parser.add_argument("--run", type=Path)
    asked = parser.parse_args()
    print(describe())
    real = read_linked(asked.folder)
    with tempfile.TemporaryDirectory() as place:
        run = asked.run
        if run is None:
            run, source = Path(place) / "run", Path(place) / "source"
            source.mkdir()
            for name, frame in real.frames.items():
                frame.write_parquet(source / f"{name}.parquet")
            train = [sys.executable, "-m", "reverie", "train", str(source), "--out", str(run), "--holdout", "0"]
            subprocess.run([*train, *SMALL], check=True, stdout=subprocess.DEVNULL)
        print("| patients | rows | seconds | rows a second | peak memory, MiB |\n|---|---|---|---|---|")
        rows, told = 0, []
        for patients in asked.patients:
            out = Path(place) / str(patients)
            seconds, memory = sampled(run, out, patients)
            made = read_linked(out, real.schema, f"{patients:,} made")
            rows, told = counted(real, made)
            print(f"| {patients:,} | {rows:,} | {seconds:.0f} | {rows / seconds:,.0f} | {memory:,.0f} |", flush=True)
    print(f"\n| of {rows:,} rows | count |\n|---|---|")
    for what, count in told:
        print(f"| {what} | {count:,} |")


if __name__ == "__main__":
    main()
