"""What one call costs when the server is warm: python benchmarks/service_latency.py [--calls 100]

One caller, one call after the other on a kept connection, over HTTP on loopback, workers idle before each: the guide's
statistics (wanted: median under 20 ms), its forward demonstration of nine steps on a photograph of 256 x 256 sent inside the
call (under 150 ms, PNGs, queue and worker included), and others for comparison. Median and 99th percentile of all calls
after three that are not counted.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import tempfile
import time
from pathlib import Path

from machine import describe
from reverie.images import png
from reverie.studies.denoising import photographs
from serving import Server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    told = parser.parse_args()
    photo = "data:image/png;base64," + base64.b64encode(png(photographs(256, 256)[0])).decode()
    guide = "/api/diffusion/"
    rows = [
        ("statistics", 20, "GET", f"{guide}diffusion-statistics", None),
        ("a schedule of 1,000 steps", None, "GET", "/api/schedules/cosine", None),
        ("forward, nine steps at 256 x 256", 150, "POST", f"{guide}demonstrate-forward-diffusion", {"image_base64": photo}),
        ("analysis, 20 states of a digit", None, "POST", f"{guide}analyze-diffusion-process", {"image_path": "digits:3"}),
        ("trajectory, 50 steps at 64 x 64", None, "POST", "/api/trajectories", {}),
        ("description of pbc2", None, "POST", "/api/tables/describe", {"table": "pbc2"}),
    ]
    print(describe(), f"{told.calls} calls each", "", sep="\n")
    print("| call | median, ms | 99th percentile, ms | wanted, ms | reply, kB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "work")
        try:
            server.ready()
            kept = server.connection()
            for name, wanted, method, path, body in rows:
                times, size = [], 0
                for turn in range(told.calls + 3):
                    began = time.perf_counter()
                    status, _, content = server.ask(method, path, body, kept=kept)
                    seconds = time.perf_counter() - began
                    assert status == 200, content
                    size = len(content)
                    times += [1000 * seconds] if turn >= 3 else []
                p99 = statistics.quantiles(times, n=100)[98]
                print(
                    f"| {name} | {statistics.median(times):.1f} | {p99:.1f} | {wanted or ''} | {size / 1000:,.0f} |",
                    flush=True,
                )
        finally:
            server.kill()


if __name__ == "__main__":
    main()
