"""What many patients cost: python benchmarks/records_speed.py RUN [--largest 100000]

From 1,000 patients upwards, ten times as many each time, are made by the model of a run folder and streamed to a Parquet
file. Seconds, rows a second and the growth of the largest memory so far: cost should be linear, and memory flat.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import reverie
from machine import describe
from reverie.models import PatientModel
from reverie.records.output import write_table


def peak() -> float:
    """The most memory that this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--largest", type=int, default=100_000)
    told = parser.parse_args()
    model = reverie.load(told.run)
    assert isinstance(model, PatientModel), "the run is of pictures"
    model.sample(1)  # what is done once is not part of the cost
    print(describe(), f"model of {model.config.source.name}", "", sep="\n")
    print("| patients | rows | seconds | rows a second | peak memory, MiB |\n|---|---|---|---|---|")
    count = 1000
    while count <= told.largest:
        with tempfile.TemporaryDirectory() as folder:
            clock = time.perf_counter()
            rows = write_table(Path(folder) / "patients.parquet", (made.frame for made in model.shards(count)))
            seconds = time.perf_counter() - clock
        print(f"| {count:,} | {rows:,} | {seconds:.1f} | {rows / seconds:,.0f} | {peak():,.0f} |", flush=True)
        count *= 10


if __name__ == "__main__":
    main()
