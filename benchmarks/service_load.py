"""Load at 1, 2 and 10 times what there is room for: python benchmarks/service_load.py [--seconds 20]

Quota is the number of workers and of waiting places of the quick lane. So many callers, times 1, 2 and 10, ask for a reverse
process of 20 steps again and again, and come back when Retry-After says so. Told are: calls done in a second, their median
and 99th percentile, how many were refused, how many accepted ones were lost (must be 0), the 99th percentile of /healthz
(asked by a process of its own), the memory of the server, and what a call costs besides its steps. A training keeps the slow
lane busy all the while.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from machine import describe
from serving import Server

SLOTS = 8
BODY = {"denoiser": "oracle", "picture": "digits:3", "width": 64, "height": 64, "steps": 20}
TRAINING = {"source": "digits", "out": "runs/busy", "minutes": 30, "settings": {"width": 16, "blocks": 1, "batch": 32}}


class Tally:
    """What the callers saw."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seconds: list[float] = []
        self.accepted: list[str] = []
        self.later: list[str] = []
        self.refused = 0
        self.wrong: list[str] = []


def call(server: Server, tally: Tally, until: float, number: int) -> None:
    turn = 0
    while time.monotonic() < until:
        turn += 1
        began = time.monotonic()
        status, headers, content = server.ask("POST", "/api/trajectories", BODY | {"seed": number * 10_000 + turn})
        took = time.monotonic() - began
        pause = 0.0
        with tally.lock:
            if status == 200:
                tally.seconds.append(took)
                tally.accepted.append(headers["x-job"])
            elif status == 202:
                tally.later.append(headers["x-job"])
            elif status == 503 and "retry-after" in headers:
                tally.refused += 1
                pause = float(headers["retry-after"])
            else:
                tally.wrong.append(f"{status}: {content[:200]!r}")
        time.sleep(min(pause, max(0.0, until - time.monotonic())))


def health(host: str, seconds: float) -> list[float]:
    """How long each answer took."""
    seen, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        connection.close()
        seen.append(time.monotonic() - began)
        time.sleep(0.02)
    return seen


def share(values: list[float], part: float) -> float:
    """A quantile, in milliseconds."""
    return 1000 * sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def memory(server: Server) -> float:
    """Resident megabytes of the server itself."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def overhead(server: Server) -> list[float]:
    """Seconds from a call to its answer, less those of its steps; one caller at a time."""
    found = []
    for seed in range(30):
        began = time.monotonic()
        _, _, content = server.ask("POST", "/api/trajectories", BODY | {"width": 8, "height": 8, "steps": 1, "seed": seed})
        found.append(time.monotonic() - began - json.loads(content)["metadata"]["seconds"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    print(describe())
    faults: list[str] = []
    alone = ProcessPoolExecutor(1, get_context("spawn"))
    with tempfile.TemporaryDirectory() as folder, alone as watcher:
        watcher.submit(len, "awake").result()
        server = Server(Path(folder) / "work", queue_slots=SLOTS, kept_jobs=100_000)
        server.ready()
        server.ask("POST", "/api/trajectories", BODY)
        idle = overhead(server)
        print(f"a call of one step, idle: {share(idle, 0.5):.1f} ms besides it (median), {share(idle, 0.9):.1f} ms (90 %)")
        training = server.ask("POST", "/api/trainings", TRAINING)
        if training[0] not in (200, 202):
            sys.exit(f"the training was not accepted: {training[2][:300]!r}")
        print("load | callers | done/s | median ms | p99 ms | refused | 202 | lost | health p99 ms | server MB")
        for times in (1, 2, 10):
            tally = Tally()
            until = time.monotonic() + seconds
            callers = [
                threading.Thread(target=call, args=(server, tally, until, number)) for number in range(times * (SLOTS + 1))
            ]
            asking = watcher.submit(health, server.host, seconds)
            for thread in callers:
                thread.start()
            for thread in callers:
                thread.join()
            seen, done = asking.result(), tally.seconds
            jobs = tally.accepted + tally.later
            lost = sum(server.ended(job)["state"] != "succeeded" for job in jobs)
            faults += tally.wrong[:5] + ([f"{lost} accepted jobs lost"] if lost else [])
            print(
                f"{times:3}x | {len(callers):7} | {len(done) / seconds:6.1f} | {share(done, 0.5):9.0f} | "
                f"{share(done, 0.99):6.0f} | {tally.refused:7} | {len(tally.later):3} | {lost:4} | "
                f"{share(seen, 0.99):13.1f} | {memory(server):9.0f}",
                flush=True,
            )
        server.kill()
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
