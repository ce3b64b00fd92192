"""Kill training 30 times, at random moments and inside saves: python benchmarks/kills.py

Each round starts `reverie train --resume` and sends SIGKILL: in odd rounds after a random time, in even rounds as soon as a
checkpoint is being written. At the end the run is let finish, and its weights are compared, byte by byte, with those of a
run that was never killed. Prints the round, the step found after each kill, and the verdict.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe

KILLS, STEPS = 30, 400
TINY = ["--set", "width=16", "--set", "blocks=1", "--set", "batch=32", "--set", "checkpoint_every=5", "--seed", "0"]


def command(out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "reverie", "train", "digits", "--out", str(out), "--steps", str(STEPS), *TINY, *more]


def newest(run: Path) -> int:
    return max((int(p.name.removeprefix("step-")) for p in run.glob("checkpoints/step-*")), default=0)


def main() -> None:
    print(describe())
    chance = random.Random(0)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    with tempfile.TemporaryDirectory() as folder:
        run, whole = Path(folder) / "run", Path(folder) / "whole"
        inside, done = 0, 0
        while done < KILLS:
            resume = ["--resume"] if (run / "config.yaml").exists() else []
            process = subprocess.Popen(command(run, *resume), **quiet)
            before, deadline = newest(run), time.monotonic() + 60
            while newest(run) == before and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            if done % 2:
                time.sleep(chance.uniform(0, 0.5))
            else:
                while not list(run.glob("checkpoints/.step-*")) and process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.0005)
            process.kill()
            process.wait()
            writing = bool(list(run.glob("checkpoints/.step-*")))
            inside += writing
            done += 1
            print(f"kill {done:2}: newest whole checkpoint {newest(run)}{', inside a save' if writing else ''}", flush=True)
            if newest(run) >= STEPS:
                sys.exit("the run ended before it had been killed often enough: raise STEPS")
        assert subprocess.run(command(run, "--resume"), **quiet).returncode == 0
        assert subprocess.run(command(whole), **quiet).returncode == 0
        same = (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    print(
        f"{KILLS} kills, {inside} of them inside a save: weights "
        f"{'bit-equal to' if same else 'DIFFERENT from'} those of the run never killed"
    )
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
