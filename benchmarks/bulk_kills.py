"""Kill bulk sampling 30 times, at random moments and inside writes: python benchmarks/bulk_kills.py RUN [--kills 30]

Each round calls `reverie sample RUN --out FOLDER/` with one worker or two and sends SIGKILL to the driver, or to one of its
workers: in odd rounds a random time after a file was made, in even rounds while one is being written. At the end the call is
let finish, and the folder is compared, byte by byte, with that of a call that was never killed. Prints after each kill what
was killed and how many files were there, and the verdict.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bulk_sampling import ENVIRONMENT, children
from machine import describe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--count", type=int, help="patients or pictures; four files a kill if left out")
    parser.add_argument("--shard-size", type=int, default=2048)
    told = parser.parse_args()
    count = told.count or 4 * told.kills * told.shard_size
    print(describe())
    chance, inside = random.Random(0), 0
    with tempfile.TemporaryDirectory() as place:
        killed, whole = Path(place) / "killed", Path(place) / "whole"

        def call(out: Path, workers: int) -> list[str]:
            size = ("--shard-size", told.shard_size, "--workers", workers)
            arguments = (told.run, "--count", count, "--seed", 1, "--out", f"{out}/", *size)
            return [sys.executable, "-m", "reverie", "sample", *map(str, arguments)]

        for kill in range(1, told.kills + 1):
            before, workers = parts(killed), 1 + kill % 2
            process = subprocess.Popen(
                call(killed, workers), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while parts(killed) == before and process.poll() is None:
                time.sleep(0.002)
            if kill % 2:
                time.sleep(chance.uniform(0, 1))
            else:
                while not written(killed) and process.poll() is None:
                    time.sleep(0.0005)
            if process.poll() is not None:
                sys.exit(f"the call ended by itself, with {process.returncode}: raise --count where the folder is whole")
            writing = written(killed)
            inside += writing
            family = workers_of(process.pid)
            victim = chance.choice(family) if family and kill % 3 == 0 else process.pid
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            process.wait()  # a driver that lost a worker ends by itself
            who = "driver" if victim == process.pid else "worker"
            print(
                f"kill {kill:2}: a {who} of {workers}, {parts(killed)} files{', inside a write' if writing else ''}",
                flush=True,
            )
        for folder in (killed, whole):
            subprocess.run(
                call(folder, 2), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
            )
        same = content(killed) == content(whole)
        many = parts(whole)
    verdict = "the same bytes as" if same else "OTHER BYTES THAN"
    print(
        f"{told.kills} kills, {inside} of them inside a write: {many} files and their manifest, {verdict} those of no kill"
    )
    sys.exit(0 if same else 1)


def workers_of(pid: int) -> list[int]:
    """Its processes that make files: not the one that only keeps track of what they share."""
    found = []
    for child in children(pid):
        with suppress(OSError):
            if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text():
                found.append(child)
    return found


def parts(folder: Path) -> int:
    return len(list(folder.glob("part-*")))


def written(folder: Path) -> bool:
    """Whether a file is being written that has begun to grow."""
    for path in (folder / "_shards").glob(".*"):
        with suppress(OSError):
            if path.is_dir() or path.stat().st_size:
                return True
    return False


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


if __name__ == "__main__":
    main()
