"""Memory and time of learning from tables that are read in parts: python benchmarks/training_memory.py

Simulated registries of 10^3 .. 10^6 patients with 10 visits each (a day, two statics, a rounded and an unrounded number, a
dose and another that follows from it, a level that one visit in 10,000 has), written to Parquet. Each size is a process of
its own: read into a spool, its schema inferred and compared with all rows, the codec fitted, the codes written, then --steps
steps of the usual network at width 64. Printed are the peak of resident memory in each phase (VmHWM, set back before it),
seconds, and seconds per 10^6 rows; of training, per step. The figure is memory and time per row over the number of
patients: both should be flat.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

VISITS, BLOCK = 10, 50_000
PHASES = ("spool", "schema", "codec", "codes", "training")


def simulate(patients: int, folder: Path) -> None:
    """Writes a registry as a folder of Parquet, in flat memory."""
    folder.mkdir()
    for first in range(0, patients, BLOCK):
        count = min(BLOCK, patients - first)
        r = np.random.default_rng([7, first])
        n = count * VISITS
        sick = np.repeat(r.normal(size=count), VISITS)
        age, sex = np.repeat(r.integers(18, 90, count), VISITS), np.repeat(r.integers(0, 2, count), VISITS)
        day = np.repeat(r.integers(0, 3000, count), VISITS) + r.integers(20, 60, (count, VISITS)).cumsum(1).ravel()
        dose = r.choice([0, 5, 10, 20, 40], n)
        stage = np.array(["I", "II", "III", "IV", "unknown"])[
            np.where(r.random(n) < 1e-4, 4, np.clip(np.round(sick + 1 + r.normal(size=n) / 2), 0, 3).astype(int))
        ]
        frame = pl.DataFrame(
            {
                "patient": np.repeat(np.arange(first, first + count) + 1, VISITS),
                "date": (np.datetime64("2005-01-01") + day).astype("datetime64[D]"),
                "age": age,
                "sex": np.array(["F", "M"])[sex],
                "albumin": np.round(4 - 0.4 * sick + 0.3 * r.normal(size=n), 2),
                "bilirubin": np.exp(0.5 * sick + 0.6 * r.normal(size=n)),
                "dose": dose,
                "dose_mg": dose * 1.5,
                "stage": stage,
            }
        ).with_columns(pl.when(pl.Series(r.random(n) > 0.1)).then("bilirubin").alias("bilirubin"))
        frame.write_parquet(folder / f"part-{first // BLOCK:05}.parquet")


def resident() -> float:
    """The highest resident memory of this process since it was set back, in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def child(patients: int, folder: Path, steps: int) -> None:
    """Prints, as JSON, seconds and memory of each phase."""
    import torch

    from reverie import config as configs
    from reverie.models.model import untrained
    from reverie.records.streaming import spooled
    from reverie.records.streaming.table import survey
    from reverie.sources.streamed import StreamedSource
    from reverie.training import Budget, denoising

    torch.set_num_threads(1)
    facts: dict[str, dict[str, float]] = {"": {"seconds": 0, "memory": resident()}}

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text("5")
        began = time.perf_counter()
        yield
        facts[name] = {"seconds": time.perf_counter() - began, "memory": resident()}

    cache = folder.parent / "cache"
    with phase("spool"):
        spool = spooled(folder, {}, cache)
    with phase("schema"):
        table = survey(spool, {})
    source = StreamedSource(table, None, False, cache)
    config = configs.resolve(source.about, 0, "records", {"network.width": 64, "training.steps": steps})
    parts = source.split(config)
    with phase("codec"):
        codec = source.fit_codec(config, parts, print)
    with phase("codes"):
        train, _ = source.examples(config, parts, codec)
    network = untrained(config, codec.channels)
    update = denoising(network, train, config.training, config.seed, torch.device("cpu"))
    state = update.begin(Budget(config.training.entries))
    update.step(state)
    with phase("training"):
        for state.step in range(1, steps + 1):
            update.step(state)
    facts["disk"] = {"memory": sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) / 2**20, "seconds": 0}
    print(json.dumps({"patients": patients, "rows": spool.rows, "steps": steps, "phases": facts}))


def measured(patients: int, steps: int) -> dict:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "registry"
        simulate(patients, folder)
        call = [sys.executable, __file__, "--child", str(patients), "--folder", str(folder), "--steps", str(steps)]
        return json.loads(subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def figure(found: list[dict], path: Path) -> None:
    from reverie.drawing.paint import png
    from reverie.drawing.sheet import sheet

    shared = {"kind": "lines", "x": [one["patients"] for one in found], "x_log": True, "x_label": "patients, 10 visits each"}
    memory = {phase: [one["phases"][phase]["memory"] for one in found] for phase in PHASES}
    each = {p: [1e6 * one["phases"][p]["seconds"] / one["rows"] for one in found] for p in PHASES[:-1]}
    panels = [
        {**shared, "title": "peak of resident memory, MiB", "series": memory, "y_range": (0, 2048), "key": True},
        {
            **shared,
            "title": "seconds per million rows",
            "series": each,
            "y_range": (0, max(map(max, each.values()))),
            "key": True,
        },
    ]
    title = "Learning from a table that is read in parts"
    path.write_bytes(png(sheet({"kind": "panels", "title": title, "across": 2, "keyless": True, "panels": panels})))


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--largest", type=int, default=10**6, help="patients of the largest table")
    asked.add_argument("--steps", type=int, default=50)
    asked.add_argument("--figure", type=Path, default=Path(__file__).parent / "results" / "training_memory.png")
    asked.add_argument("--child", type=int)
    asked.add_argument("--folder", type=Path)
    given = asked.parse_args()
    if given.child:
        child(given.child, given.folder, given.steps)
        return
    from machine import describe

    print(describe())
    print(f"{'patients':>9} {'rows':>11}  " + "  ".join(f"{phase:>22}" for phase in PHASES) + "   disk")
    found = []
    for power in range(3, 8):
        if 10**power > given.largest:
            break
        found.append(one := measured(10**power, given.steps))
        cells = []
        for name in PHASES:
            phase = one["phases"][name]
            each = phase["seconds"] / given.steps if name == "training" else 1e6 * phase["seconds"] / one["rows"]
            unit = "s/step" if name == "training" else "s/1e6"
            cells.append(f"{phase['memory']:6.0f} MiB {each:6.3g} {unit:>6}")
        disk = one["phases"]["disk"]["memory"]
        print(
            f"{one['patients']:>9,} {one['rows']:>11,}  " + "  ".join(f"{c:>22}" for c in cells) + f"  {disk:,.0f} MiB",
            flush=True,
        )
    figure(found, given.figure)


if __name__ == "__main__":
    main()
