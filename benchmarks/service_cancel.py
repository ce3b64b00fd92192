"""How long a cancel takes to free its worker: python benchmarks/service_cancel.py [--cancels 20]

A training of pictures that is somewhere between its steps is cancelled: seconds from the call to the last event of the job
(wanted: within 2 each time). Median, worst, and each in order.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from machine import describe
from serving import Server

TRAINING = {"source": "digits", "steps": 100_000, "settings": {"width": 16, "blocks": 1, "batch": 32}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cancels", type=int, default=20)
    cancels = parser.parse_args().cancels
    print(describe(), flush=True)
    chance = random.Random(0)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "work")
        try:
            server.ready()
            for number in range(cancels):
                body = TRAINING | {"out": f"runs/r{number}"}
                job = server.ask("POST", "/api/trainings", body, {"Prefer": "wait=0"})[1]["x-job"]
                while not (server.json(f"/api/jobs/{job}")["progress"] or {}).get("done"):
                    time.sleep(0.05)
                time.sleep(chance.uniform(0, 1))
                began = time.perf_counter()
                server.ask("POST", f"/api/jobs/{job}/cancel")
                history = server.ask("GET", f"/api/jobs/{job}/events?after=2")[2].decode()  # comes to its end with the job
                seconds.append(time.perf_counter() - began)
                assert '"state":"cancelled"' in history.rsplit("event: end", 1)[1], history[-500:]
        finally:
            server.kill()
    print(f"{cancels} cancels: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")
    print(" ".join(f"{value:.2f}" for value in seconds))


if __name__ == "__main__":
    main()
