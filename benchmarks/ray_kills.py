"""Sampling on a local Ray cluster whose workers are killed: python benchmarks/ray_kills.py [--kills 30] [--patients 60000]

Patients are sampled to a folder by tasks of Ray, two at a time, while a worker that is at a shard is ended by SIGKILL again
and again, at random, each time once a file more is made than at the last; runs follow each other, each with a seed of its
own, until so many have been killed. A shard is tried again as often as there are kills, for these say nothing of it. Every
folder must be, byte for byte, what processes of this machine make that nobody kills.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SIZE = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--patients", type=int, default=60_000, help="of each run")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between a file and the next kill, on average")
    told = parser.parse_args()
    import reverie
    from machine import describe
    from reverie.shards import Processes
    from reverie.shards.ray import Ray

    print(describe(), "", "| run | shards | workers killed | seconds | seconds undisturbed | same bytes |", sep="\n")
    print("|---|---|---|---|---|---|", flush=True)
    draw, killed, runs = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as place:
        reverie.train("pbc2", out=Path(place) / "run", steps=30)
        model = reverie.load(Path(place) / "run")
        while killed < told.kills:
            found = []
            for name, engine in (("killed", Ray(workers=2, retries=told.kills)), ("whole", Processes(2))):
                folder, over, ended = Path(place) / f"{name}-{runs}", threading.Event(), []
                killer = threading.Thread(
                    target=kill, args=(draw, folder, told.every, told.kills - killed, over, ended), daemon=True
                )
                if name == "killed":
                    killer.start()
                began = time.monotonic()
                whole = model.sample_to(folder, told.patients, seed=runs, shard_size=SIZE, engine=engine)
                seconds = time.monotonic() - began
                over.set()
                if name == "killed":
                    killer.join()
                    killed += len(ended)
                found.append((seconds, len(ended), {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}))
            (ours, ends, made), (theirs, _, expected) = found
            runs += 1
            same = "yes" if made == expected else "NO"
            print(f"| {runs} | {whole.shards} | {ends} | {ours:.1f} | {theirs:.1f} | {same} |", flush=True)


def kill(draw: random.Random, folder: Path, every: float, most: int, over: threading.Event, ended: list[int]) -> None:
    """Ends workers that are at a task of this process's cluster: never so many that no shard is ever whole."""
    made = 0
    while len(ended) < most and not over.wait(draw.uniform(0.5, 1.5) * every):
        now = len([*folder.glob("part-*")])
        busy = [pid for pid in descendants(os.getpid()) if command(pid).startswith("ray::_made")]
        if busy and now > made:
            with suppress(ProcessLookupError):
                os.kill(pid := draw.choice(busy), signal.SIGKILL)
                ended.append(pid)
                made = now


def descendants(pid: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, tasks.read_text().split()):
                yield child
                yield from descendants(child)


def command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


if __name__ == "__main__":
    main()
