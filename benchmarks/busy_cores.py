"""How threads should wait for each other, on idle and on busy cores: python benchmarks/busy_cores.py [--rounds 3]

A training step of patients, one of digits, and a call of the network of digits, with threads that spin while they wait
(what OpenMP does by itself) and that sleep (GOMP_SPINCOUNT=0); beside no other program, one, and one for each core, which do
nothing but count. Each cell is the median over rounds, in which all settings are run in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

SECONDS = 2.0
COUNTING = [sys.executable, "-c", "while True: pass"]
WAYS = {"spin": {"GOMP_SPINCOUNT": "300000"}, "sleep": {"GOMP_SPINCOUNT": "0"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.one:
        print(*measured())
        return
    from machine import describe

    print(
        describe(),
        "",
        "| programs beside | threads | patients, ms a step | digits, ms a step | digits, ms a call |",
        sep="\n",
    )
    print("|---|---|---|---|---|")
    for beside in sorted({0, 1, os.cpu_count() or 1}):
        cells: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        others = [subprocess.Popen(COUNTING) for _ in range(beside)]
        try:
            for _ in range(told.rounds):
                for way, settings in WAYS.items():
                    command = [sys.executable, __file__, "--one"]
                    out = subprocess.run(command, env=os.environ | settings, stdout=subprocess.PIPE, check=True, text=True)
                    cells[way].append([1000 * float(x) for x in out.stdout.split()])
        finally:
            for other in others:
                other.kill()
                other.wait()
        for way, found in cells.items():
            medians = [f"{statistics.median(of):.0f}" for of in zip(*found, strict=True)]
            print(f"| {beside} | {way} | {' | '.join(medians)} |", flush=True)


def measured() -> list[float]:
    """Seconds of a step of patients, of a step of digits, and of a call for 64 digits."""
    import torch

    from reverie.config import resolve
    from reverie.models.model import untrained
    from reverie.sources import ImageSource, TableSource
    from reverie.training import seconds_per_step

    found, network = [], None
    for subject in (TableSource.read("pbc2"), ImageSource.read("digits")):
        config = resolve(subject.about, 0, subject.recipe, {})
        parts = subject.split(config)
        codec = subject.fit_codec(config, parts, print)
        network = untrained(config, codec.channels)
        found.append(
            seconds_per_step(
                network, subject.examples(config, parts, codec)[0], config.training, 0, torch.device("cpu"), SECONDS
            )
        )
    assert network is not None
    x, t, times = torch.randn(64, 1, 8, 8), torch.full((64,), 500), []
    end = time.monotonic() + SECONDS
    with torch.no_grad():
        while time.monotonic() < end:
            began = time.monotonic()
            network(x, t, None)
            times.append(time.monotonic() - began)
    return [*found, statistics.median(times)]


if __name__ == "__main__":
    main()
