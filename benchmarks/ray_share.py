"""What Ray takes of a run of sampling for itself: python benchmarks/ray_share.py [--rows 1000000] [--workers 1 2]

So many rows of patients are sampled to a folder by 1 and by 2 tasks of a local Ray cluster at a time, and by as many
processes of one thread, in turn. Work is the time of the rows beyond one shard for each worker, which a run of those alone
takes first: so it is without what an engine takes to begin and to end.

    share = (work by Ray - work by processes) / work by processes
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

SIZE = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    told = parser.parse_args()
    import reverie
    from machine import describe
    from reverie.shards import Processes
    from reverie.shards.ray import Ray

    print(describe(), "", sep="\n")
    with tempfile.TemporaryDirectory() as place:
        reverie.train("pbc2", out=Path(place) / "run", steps=30)
        model = reverie.load(Path(place) / "run")
        patients = round(told.rows * 400 / len(model.sample(400)))

        def seconds(engine: Ray | Processes, many: int) -> float:
            began = time.monotonic()
            model.sample_to(folder := Path(place) / "out", many, shard_size=SIZE, engine=engine)
            whole = time.monotonic() - began
            shutil.rmtree(folder)
            return whole

        found: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(told.rounds):
            for workers in told.workers:
                for name, engine in (("processes", Processes(workers)), ("ray", Ray(workers=workers))):
                    begin = seconds(engine, SIZE * workers)
                    whole = seconds(engine, SIZE * workers + patients)
                    found.setdefault((name, workers), []).append((begin, whole - begin))
    print(
        "| engine | workers | one shard a worker, s | the rows beyond, s | rows/s | Ray's share |",
        "|---|---|---|---|---|---|",
        sep="\n",
    )
    for workers in told.workers:
        usual = statistics.median(work for _, work in found["processes", workers])
        for name in ("processes", "ray"):
            begin, work = (statistics.median(of) for of in zip(*found[name, workers], strict=True))
            share = "" if name == "processes" else f"{work / usual - 1:+.1%}"
            print(f"| {name} | {workers} | {begin:.1f} | {work:.1f} | {told.rows / work:,.0f} | {share} |")


if __name__ == "__main__":
    main()
