"""Samples of any size on one machine: python benchmarks/bulk_sampling.py RUN [--largest 10000000] [--rounds 3]

First how much a second worker gives: a dataset by one process of one thread and by two, and a Parquet file by one thread and
by two, in turn. Two rates are told: of the whole call, and from the first files on, when all workers have begun. Then
datasets of 10,000 rows upwards, ten times as many each time, by two workers: seconds, rows a second, and the most memory
that the driver and a worker held. Rows a second and memory should be flat. The figure goes to results/bulk_sampling.png.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

import reverie
from machine import describe
from reverie.drawing import png, sheet
from reverie.models import PatientModel

HERE = Path(__file__).parent / "results"
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
"""One thread each; by polars's own two, one worker has the help of the second core when it decodes."""


def sampled(run: Path, count: int, out: str, workers: int, *more: str) -> dict[str, Any]:
    """The reply of the command line, with the most memory of driver and workers, MiB, and the rate once all had begun."""
    asked = ("--count", count, "--out", out, "--workers", workers, *more, "--json")
    command = [sys.executable, "-m", "reverie", "sample", *map(str, (run, *asked))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for pid in (process.pid, *children(process.pid)):
            peaks[pid] = max(peaks.get(pid, 0), held(pid))
        time.sleep(0.1)
    assert process.returncode == 0 and process.stdout is not None
    told = json.loads(process.stdout.read())
    told["driver"] = peaks.pop(process.pid)
    told["worker"] = max(peaks.values(), default=0)
    told["running"] = running(Path(out), workers) if out.endswith("/") else None
    return told


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def held(pid: int) -> float:
    """The most that a process has held so far, MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def running(folder: Path, workers: int) -> float | None:
    """Rows a second between the end of each worker's first file and the last file; none where there are too few."""
    parts = sorted(folder.glob("part-*"), key=lambda path: path.stat().st_mtime)
    if len(parts) < 2 * workers + 1:
        return None
    rows = sum(pl.scan_parquet(part).select(pl.len()).collect().item() for part in parts[workers:])
    return rows / (parts[-1].stat().st_mtime - parts[workers - 1].stat().st_mtime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--largest", type=int, default=10_000_000, help="rows")
    parser.add_argument("--smallest", type=int, default=10_000, help="rows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pair", type=int, default=200_000, help="rows of the first part")
    parser.add_argument("--shard-size", type=int, help="patients in a file")
    parser.add_argument("--figure", type=Path, default=HERE / "bulk_sampling.png")
    told = parser.parse_args()
    model = reverie.load(told.run)
    assert isinstance(model, PatientModel), "the run is of pictures"
    each = len(model.sample(2048)) / 2048
    more = () if told.shard_size is None else ("--shard-size", str(told.shard_size))
    print(describe(), f"model of {model.config.source.name}, {each:.1f} rows a patient", "", sep="\n")
    pairs(told, each, more)
    sizes(told, each, more)


def pairs(told: argparse.Namespace, each: float, more: tuple[str, ...]) -> None:
    """One worker and two, in turn."""
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(told.rounds):
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                made = sampled(told.run, round(told.pair / each), f"{folder}/d/", workers, *more)
                file = sampled(told.run, round(told.pair / each), f"{folder}/one.parquet", workers)
            rates.setdefault(("processes, whole call", workers), []).append(made["rows_per_second"])
            rates.setdefault(("processes, once begun", workers), []).append(made["running"] or float("nan"))
            rates.setdefault(("threads, whole call", workers), []).append(file["rows_per_second"])
    print(f"| {told.pair:,} rows | 1 worker, rows/s | 2 workers, rows/s | ratio |\n|---|---|---|---|")
    for what in dict.fromkeys(what for what, _ in rates):
        one, two = (statistics.median(rates[what, workers]) for workers in (1, 2))
        print(f"| {what} | {one:,.0f} | {two:,.0f} | {two / one:.2f} |", flush=True)


def sizes(told: argparse.Namespace, each: float, more: tuple[str, ...]) -> None:
    """Ten times as many each time."""
    print("\n| rows | files | seconds | rows a second | driver, MiB | worker, MiB | on disk, MB |")
    print("|---|---|---|---|---|---|---|")
    rows: list[int] = []
    course: dict[str, list[float | None]] = {"seconds": [], "driver": [], "worker": []}
    asked = told.smallest
    while asked <= told.largest:
        with tempfile.TemporaryDirectory() as folder:
            made = sampled(told.run, round(asked / each), f"{folder}/d/", 2, *more)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
        rows.append(made["rows"])
        for name, values in course.items():
            values.append(made[name] or None)  # one file needs no worker
        cells = (f"{made['rows']:,}", f"{made['files']:,}", f"{made['seconds']:.1f}", f"{made['rows_per_second']:,}")
        print(f"| {' | '.join(cells)} | {made['driver']:,.0f} | {made['worker']:,.0f} | {size:,.1f} |", flush=True)
        asked *= 10
    told.figure.parent.mkdir(parents=True, exist_ok=True)
    told.figure.write_bytes(png(sheet(figure(rows, course))))
    print(f"\nfigure: {told.figure}")


def figure(rows: list[int], course: dict[str, list[Any]]) -> dict[str, Any]:
    """Seconds and memory over rows."""
    across = {"kind": "lines", "x": rows, "x_label": "rows", "x_log": True}
    linear = [course["seconds"][-1] * n / rows[-1] for n in rows]
    time_panel = {"title": "Time", "y_label": "seconds", "log": True, "key": True}
    memory = {"title": "The most memory held", "y_label": "MiB", "key": True}
    top = 1.2 * max(held or 1.0 for name in ("driver", "worker") for held in course[name])
    panels = [
        {**across, **time_panel, "series": {"seconds": course["seconds"], "linear": linear}},
        {**across, **memory, "y_range": (0, top), "series": {name: course[name] for name in ("driver", "worker")}},
    ]
    return {"kind": "panels", "title": "Patients sampled to Parquet by two workers", "panels": panels}


if __name__ == "__main__":
    main()
