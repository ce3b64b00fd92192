"""How long `reverie report` takes and how much memory on tables of 10^4 .. 10^7 rows, and whether it counts to the last row.

    python benchmarks/report_scale.py [--smallest 4] [--largest 7] [--sampled]

Real and synthetic visits (a simulated cohort, ten visits a patient, a tenth of the CD4 counts missing) lie as folders of
Parquet files. A tiny network is trained on the real ones for a few steps, for how good it is does not change what is
computed; then the report on it is a process of its own, timed whole: start, reading, page. Its peak is ru_maxrss. Rows that
training brought into parts are used again, as they are after any training.

Planted among the synthetic patients are one level that no real patient has, one value beyond all bounds, and one copy of a
training patient, in the last file: the table says which of the three the report counted.

With --sampled the synthetic patients are those of the model (`reverie sample --out FOLDER/`), and nothing is planted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import reverie
from machine import describe
from reverie.drawing.paint import png
from reverie.drawing.sheet import sheet
from reverie.evaluation.passes import Streamed
from reverie.models import PatientModel
from reverie.records.cohort import simulate_art4hiv
from reverie.reports.evidence import InParts, patients_evidence

VISITS, PATIENTS = 10, 20_000
"""Of a patient, and patients in a file."""
SECONDS, MEBIBYTES = 600, 4096
"""That a report on 10^7 rows may take."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smallest", type=int, default=4, help="the power of ten of the rows of the smallest table")
    parser.add_argument("--largest", type=int, default=7, help="the same of the largest")
    parser.add_argument("--sampled", action="store_true", help="synthetic patients by the model, in place of simulated ones")
    parser.add_argument("--figure", type=Path, default=Path(__file__).parent / "results" / "report_scale.png")
    told = parser.parse_args()
    print(describe(), "", sep="\n")
    print("| rows | patients | seconds | of processors | peak memory, MiB | page, MB | planted and counted |")
    print("|---|---|---|---|---|---|---|")
    found = [measured(10**power, told.sampled) for power in range(told.smallest, told.largest + 1)]
    figure(found, told.figure)


def measured(rows: int, sampled: bool) -> tuple[int, float, float]:
    """Rows, seconds and MiB of one report, and its line of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real, made, run = folder / "real", folder / "made", folder / "run"
        patients = rows // VISITS
        written(real, patients, 1, 0)
        call("train", real, "--stream", "--steps", 10, "--set", "network.width=16", "--out", run)
        if sampled:
            call("sample", run, "--count", patients, "--out", f"{made}/")
        else:
            written(made, patients, 2, 2 * patients, copied=held_in(run, real))
        began = time.monotonic()
        usage = call("report", run, "--synthetic", made, "--out", folder / "report")
        seconds, peak = time.monotonic() - began, usage.ru_maxrss / 1024
        cpu = usage.ru_utime + usage.ru_stime
        page = (folder / "report" / "report.html").stat().st_size / 1e6
        planted = "" if sampled else counted(folder / "report" / "report.json")
    print(f"| {rows:,} | {patients:,} | {seconds:.0f} | {cpu:.0f} | {peak:,.0f} | {page:.2f} | {planted} |", flush=True)
    return rows, seconds, peak


def written(folder: Path, patients: int, seed: int, first: int, copied: pl.DataFrame | None = None) -> None:
    """So many patients as Parquet files; `copied` are visits that the last of them has, and faults are planted in it."""
    folder.mkdir()
    for number, start in enumerate(range(0, patients, PATIENTS)):
        count = min(PATIENTS, patients - start)
        draw = np.random.default_rng([seed, number])
        visits = simulate_art4hiv(count, VISITS, seed=1000 * seed + number).with_columns(
            pl.col("PatientID") + first + start,
            pl.col("Ethnic").replace_strict({1: "Asian", 2: "African", 3: "Caucasian", 4: "Other"}),
            CD4=pl.when(pl.Series(draw.random(count * VISITS) > 0.1)).then("CD4"),
        )
        if copied is not None and start + count == patients:
            last = pl.int_range(pl.len()) >= visits.height - VISITS
            before = last.shift(-VISITS, fill_value=False) & ~last
            visits = visits.with_columns(
                Ethnic=pl.when(before).then(pl.lit("Martian")).otherwise("Ethnic"),
                VL=pl.when(before & (pl.col("Timestep") == 3)).then(-5.0).otherwise("VL"),
            )
            copy = copied.with_columns(visits["PatientID"].tail(VISITS)).select(visits.columns)
            visits = pl.concat([visits.head(-VISITS), copy], how="vertical_relaxed")
        visits.write_parquet(folder / f"part-{number:05d}.parquet")


def held_in(run: Path, real: Path) -> pl.DataFrame:
    """The visits of a patient whom the run was trained on."""
    model = reverie.load(run)
    assert isinstance(model, PatientModel)
    split = patients_evidence(model, next(real.glob("*.parquet")), None, real, 0, None, run / "rows").split
    assert isinstance(split, Streamed) and isinstance(split.parts, InParts)
    who = split.parts.train.sample(1, 0).frame["PatientID"][0]
    return pl.scan_parquet(real / "*.parquet").filter(pl.col("PatientID") == who).collect()


def counted(report: Path) -> str:
    """Which of the planted faults the report counts."""
    values = {m["name"]: m["value"] for s in json.loads(report.read_text())["sections"] for m in s["measures"]}
    share = 1 / json.loads(report.read_text())["about"]["synthetic patients"]
    found = {
        "level": values["logic.unseen"] == 1,
        "bound": (values["logic.beyond"] or 0) >= 1,
        "copy": abs(values["privacy.copies.patients"] - share) < 1e-12,
    }
    return ", ".join(name for name, there in found.items() if there) or "none"


def call(*words: object) -> object:
    """Runs the command line as a process of its own; what it used."""
    command = [sys.executable, "-m", "reverie", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-2000:]}")
    return usage


def figure(found: list[tuple[int, float, float]], path: Path) -> None:
    """Seconds and memory by rows, beside what a report on 10^7 rows may take."""
    rows, seconds, memory = map(list, zip(*found, strict=True))
    shared: dict[str, Any] = {
        "kind": "lines",
        "x": rows,
        "x_log": True,
        "x_label": "rows of the real table, and of the synthetic one",
    }
    panels = [
        {
            **shared,
            "title": title,
            "series": {"report": ours, "bound": [most] * len(rows)},
            "y_range": (0, most),
            "key": True,
        }
        for title, ours, most in (("seconds", seconds, SECONDS), ("peak of resident memory, MiB", memory, MEBIBYTES))
    ]
    title = "reverie report on tables of more and more rows"
    path.write_bytes(png(sheet({"kind": "panels", "title": title, "across": 2, "keyless": True, "panels": panels})))


if __name__ == "__main__":
    main()
