"""How long a report takes, and how much memory: on PBC2, and on a table of so many rows made by a model of PBC2.

    python benchmarks/report_speed.py [--rows 100000] [--minutes 1]

Synthetic patients are sampled first; `reverie report` is then timed as a process of its own, start and page included. The
model of the large table is trained for a few steps only: how good it is does not change what is computed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import reverie
from machine import describe


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=1.0)
    told = parser.parse_args()
    print(describe(), "", sep="\n")
    print(
        "| table | rows | patients | seconds | of processors | peak memory, MiB | page, MB |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = reverie.train("pbc2", folder / "pbc2", minutes=told.minutes)
        synthetic = folder / "synthetic.csv"
        model.sample(225, seed=1).write_csv(synthetic)
        timed("PBC2", folder / "pbc2", synthetic, "pbc2", 1945)
        large = folder / "large.csv"
        visits = model.sample(round(told.rows / 6.2), seed=2).head(told.rows)
        visits.write_csv(large)
        other = reverie.train(large, folder / "large", steps=60)
        other.sample(visits["id"].n_unique() * 4 // 5, seed=3).write_csv(synthetic)
        timed("made by its model", folder / "large", synthetic, large, visits.height)


def timed(title: str, run: Path, synthetic: Path, source: str | Path, rows: int) -> None:
    """One line of the table: a report made by a process of its own."""
    command = [
        sys.executable,
        "-m",
        "reverie",
        "report",
        str(run),
        "--synthetic",
        str(synthetic),
        "--out",
        str(run / "report"),
    ]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"the report on {title} failed: {' '.join(command)}")
    patients = pl.read_csv(source, columns=["id"])["id"].n_unique() if isinstance(source, Path) else 312
    page = (run / "report" / "report.html").stat().st_size / 1e6
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"| {title} | {rows:,} | {patients:,} | {seconds:.0f} | {cpu:.0f} | {peak:,.0f} | {page:.2f} |", flush=True)


if __name__ == "__main__":
    main()
