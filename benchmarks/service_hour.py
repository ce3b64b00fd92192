"""An hour of mixed calls with a kill every minute: python benchmarks/service_hour.py [--minutes 60] [--every 60]

A client asks, every --pace seconds, for what service_soak.py asks for: studies, samples, imputations and trainings of a few
steps, of which some are cancelled. By turns a worker gets SIGKILL, the server SIGKILL, and the server SIGTERM; a server that
ended is started again. Memory is looked at once a second.

At the end each accepted job must have exactly one final state and one last event, a result where it succeeded, and the same
bytes as any other job of the same request (service_soak.judge). The memory of all processes together must be flat: in the
last quarter at most a tenth above the second; of less than ten minutes that is not asked. Exits with 1 otherwise. Writes the
figure benchmarks/results/service_hour.png.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

from machine import describe
from reverie.drawing import png, sheet
from service_soak import HERE, SMALL, VISITS, judge, request, resident, workers_of
from serving import Server

KILLS = ("a worker", "the server", "a worker", "a worker", "the server, by SIGTERM", "a worker", "a worker")
AWAY = (OSError, http.client.HTTPException)
ENOUGH = 10.0
"""Minutes from which memory is judged."""


class Place:
    """Where the server is now: one after the other, over one workspace."""

    def __init__(self, workspace: Path, **settings: object) -> None:
        self.workspace, self.settings = workspace, settings
        self.server = Server(workspace, **settings)

    def again(self) -> None:
        """After the end of the server: another one."""
        self.server.kill()
        self.server = Server(self.workspace, **self.settings)

    def insist(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """What the server answers, as soon as there is one that answers and has room; and how often that was not so."""
        for refused in range(100_000):
            try:
                status, answered, content = self.server.ask(method, path, body, headers)
            except AWAY:
                time.sleep(0.2)
                continue
            if status < 300:
                return refused, answered, content
            if status != 503:
                sys.exit(f"unexpected answer {status} to {path}: {content[:300]!r}")
            time.sleep(0.5)
        raise TimeoutError(path)


class Client(threading.Thread):
    """Asks at its pace, until the time is up; a call that was cut off is sent again, with its key."""

    def __init__(self, place: Place, minutes: float, pace: float) -> None:
        super().__init__(daemon=True)
        self.place, self.until, self.pace = place, time.monotonic() + 60 * minutes, pace
        self.accepted: dict[str, tuple[str, str, bool]] = {}
        self.again = 0

    def run(self) -> None:
        chance, number = random.Random(1), 0
        cancels: list[tuple[float, str]] = []
        while time.monotonic() < self.until or cancels:
            began = time.monotonic()
            if began < self.until:
                kind, path, body, cancel = request(number, chance)
                headers = {"Prefer": "wait=0", "Idempotency-Key": f"hour-{number}"}
                refused, answered, _ = self.place.insist("POST", path, body, headers)
                same = json.dumps([path, {name: value for name, value in body.items() if name != "out"}])
                self.accepted[answered["x-job"]] = kind, same, cancel
                self.again += refused
                number += 1
                if cancel:
                    cancels.append((began + chance.uniform(0, 20), answered["x-job"]))
            for due in [each for each in cancels if each[0] < began]:
                self.place.insist("POST", f"/api/jobs/{due[1]}/cancel")
                cancels.remove(due)
            time.sleep(max(0.0, self.pace - (time.monotonic() - began)))


class Memory(threading.Thread):
    """Once a second the MB of the server, of its workers, and of both."""

    def __init__(self, place: Place) -> None:
        super().__init__(daemon=True)
        self.place, self.closing = place, False
        self.rows: list[dict[str, float]] = []

    def run(self) -> None:
        since = time.monotonic()
        while not self.closing:
            server = self.place.server
            held = [size for size in map(resident, workers_of(server)) if size]
            own = resident(server.process.pid)
            minutes = (time.monotonic() - since) / 60
            largest = max(held, default=0.0)
            self.rows.append({"minutes": minutes, "server": own, "largest worker": largest, "all": own + sum(held)})
            time.sleep(1)


def kill(place: Place, whom: str, chance: random.Random) -> None:
    if whom == "a worker":
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(workers_of(place.server)), signal.SIGKILL)
        return
    if whom == "the server, by SIGTERM":
        place.server.process.send_signal(signal.SIGTERM)
        if (code := place.server.process.wait()) != 0:
            sys.exit(f"the server ended with {code} after SIGTERM")
    place.again()


def quarters(rows: list[dict[str, float]], name: str) -> list[float]:
    """The mean of each quarter of the time."""
    size = max(1, len(rows) // 4)
    return [sum(row[name] for row in rows[i * size : (i + 1) * size]) / size for i in range(4)]


def figure(rows: list[dict[str, float]], title: str) -> dict[str, Any]:
    x = [row["minutes"] for row in rows]
    names = [name for name in rows[0] if name != "minutes"]
    panel = {
        "kind": "lines",
        "title": "resident memory",
        "x_label": "minutes",
        "y_label": "MB",
        "series": {name: {"x": x, "y": [row[name] for row in rows]} for name in names},
        "key": True,
    }
    return {"kind": "panels", "title": title, "panels": [panel]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=60, help="seconds between two kills")
    parser.add_argument("--pace", type=float, default=0.5, help="seconds between two calls")
    asked = parser.parse_args()
    print(describe())
    chance, killed = random.Random(0), Counter[str]()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = int(60 * asked.minutes / asked.pace) + 1000
        place = Place(folder / "work", kept_jobs=kept)
        stack.callback(lambda: place.server.kill())
        place.server.ready()
        with contextlib.closing(place.server.connection()) as connection:
            connection.request("PUT", "/api/files/visits.csv", VISITS)
            connection.getresponse().read()
        first = {"source": "visits.csv", "out": "runs/first", "steps": 12, "settings": SMALL}
        job = json.loads(place.server.ask("POST", "/api/trainings", first)[2])["id"]
        if (view := place.server.ended(job))["state"] != "succeeded":
            sys.exit(f"the first training failed: {view['error']}")
        memory, client = Memory(place), Client(place, asked.minutes, asked.pace)
        memory.start()
        client.start()
        for whom in cycle(KILLS):
            client.join(asked.every)
            if not client.is_alive():
                break
            kill(place, whom, chance)
            killed[whom] += 1
            now = memory.rows[-1]
            print(
                f"{now['minutes']:6.1f} min: killed {whom}; {len(client.accepted)} accepted, {now['all']:.0f} MB in all",
                flush=True,
            )
        memory.closing = True
        memory.join()
        place.server.ready()
        faults = judge(place.server, client.accepted)
    minutes = memory.rows[-1]["minutes"]
    print(
        f"{len(client.accepted)} jobs in {minutes:.1f} min; killed: "
        + ", ".join(f"{n} x {who}" for who, n in killed.items())
    )
    print(f"{client.again} calls were sent again: no server was there, or it had no room")
    for name in ("server", "largest worker", "all"):
        print(f"{name:14} MB in each quarter: " + "  ".join(f"{mean:.0f}" for mean in quarters(memory.rows, name)))
    _, second, _, last = quarters(memory.rows, "all")
    if minutes >= ENOUGH and last > 1.1 * second:
        faults.append(f"memory grew from {second:.0f} MB in the second quarter to {last:.0f} MB in the last")
    path = HERE / "results" / "service_hour.png"
    title = f"{len(client.accepted)} mixed jobs, with a kill every {asked.every:.0f} s"
    path.write_bytes(png(sheet(figure(memory.rows, title))))
    print(f"figure: {path.relative_to(HERE.parent)}")
    print("each accepted job ended in exactly one way, and none was lost" if not faults else "\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
