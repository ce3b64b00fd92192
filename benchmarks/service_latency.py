"""What one call costs when the server is warm: benchmarks/service_latency.py [--calls 100] [--seconds 20] [--callers 4]

One caller, one call after the other on a kept connection, over HTTP on loopback, workers idle before each: the guide's
statistics (wanted: median under 20 ms), its forward demonstration of nine steps on a photograph of 256 x 256 sent inside
the call (under 150 ms, PNGs, queue and worker included), and others for comparison. Median and 99th percentile of so many
calls, or of those that fit into so many seconds, after three that are not counted. Then the calls that need no worker once
more, while so many other callers ask for a trajectory each, again and again: what the event loop makes them wait. TCP
connections that are opened for each call are told of too, for what keeping one saves.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import describe
from reverie.images import png
from reverie.studies.denoising import photographs
from serving import Server

GUIDE = "/api/diffusion/"
Row = tuple[str, int | None, str, str, dict[str, Any] | None]
WITHOUT_WORKER: list[Row] = [
    ("health", None, "GET", "/healthz", None),
    ("statistics", 20, "GET", f"{GUIDE}diffusion-statistics", None),
    ("a schedule of 1,000 steps", None, "GET", "/api/schedules/cosine", None),
    ("a file of 100 kB", None, "GET", "/api/files/some.csv", None),
]


def with_worker() -> list[Row]:
    photo = "data:image/png;base64," + base64.b64encode(png(photographs(256, 256)[0])).decode()
    return [
        ("forward, nine steps at 256 x 256", 150, "POST", f"{GUIDE}demonstrate-forward-diffusion", {"image_base64": photo}),
        ("analysis, 20 states of a digit", None, "POST", f"{GUIDE}analyze-diffusion-process", {"image_path": "digits:3"}),
        ("trajectory, 50 steps at 64 x 64", None, "POST", "/api/trajectories", {}),
        ("description of pbc2", None, "POST", "/api/tables/describe", {"table": "pbc2"}),
    ]


def measure(server: Server, rows: list[Row], calls: int, most: float, kept: bool = True) -> None:
    """Prints a row for each call, which takes `most` seconds and not many more."""
    print("| call | calls | median, ms | 99th percentile, ms | wanted, ms | reply, kB |\n|---|---|---|---|---|---|")
    connection = server.connection() if kept else None
    for name, wanted, method, path, body in rows:
        times, size, end = [], 0, time.monotonic() + most
        while len(times) < calls + 3 and (len(times) < 5 or time.monotonic() < end):
            began = time.perf_counter()
            status, _, content = server.ask(method, path, body, kept=connection)
            times.append(1000 * (time.perf_counter() - began))
            assert status == 200, content
            size = len(content)
        counted = times[3:]
        median, p99 = statistics.median(counted), statistics.quantiles(counted, n=100, method="inclusive")[98]
        row = (name, len(counted), f"{median:.1f}", f"{p99:.1f}", wanted or "", f"{size / 1000:,.0f}")
        print("|", " | ".join(map(str, row)), "|", flush=True)
    print()


@contextmanager
def others(server: Server, callers: int) -> Iterator[None]:
    """Callers who ask for work again and again, each on a connection of its own."""
    over = threading.Event()

    def ask() -> None:
        kept = server.connection()
        while not over.is_set():
            status, _, content = server.ask("POST", "/api/trajectories", {}, kept=kept)
            assert status in (200, 202, 503), content

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20, help="for each kind of call")
    told = parser.parse_args()
    print(describe(), f"{told.calls} calls each, in at most {told.seconds:g} s", "", sep="\n")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        (work / "some.csv").write_bytes(b"1,2,3,4,5\n" * 10_000)
        server = Server(work)
        try:
            server.ready()
            print("On a kept connection:\n")
            measure(server, [*WITHOUT_WORKER, *with_worker()], told.calls, told.seconds)
            print("On a connection for each call:\n")
            measure(server, WITHOUT_WORKER, told.calls, told.seconds, kept=False)
            print(f"On a kept connection, beside {told.callers} callers who ask for trajectories:\n")
            with others(server, told.callers):
                measure(server, WITHOUT_WORKER, told.calls, told.seconds)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
