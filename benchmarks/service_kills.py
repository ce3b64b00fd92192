"""Kill the server and its workers 50 times, at random moments: python benchmarks/service_kills.py [--kills 50]

While a client asks for reverse processes and trainings, SIGKILL goes to one of the workers and to the server by turns,
each within 4 s of all workers being ready. At the end every job that was accepted must have exactly one final state, told by
exactly one last event, with a result where it succeeded; and what was interrupted must have lost three workers. Exits with 1
otherwise.
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
from pathlib import Path

from machine import describe
from serving import Server

QUICK = {"denoiser": "oracle", "picture": "digits:3", "width": 16, "height": 16, "steps": 20}
SLOW = {
    "source": "digits",
    "steps": 40,
    "settings": {"width": 16, "blocks": 1, "batch": 32, "checkpoint_every": 5},
}


class Client(threading.Thread):
    """Asks again and again, of whichever server there is; keeps what was accepted."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server: Server | None = None
        self.accepted: dict[str, str] = {}
        self.refused = self.broken = 0
        self.closing = False

    def run(self) -> None:
        number = 0
        while not self.closing:
            number += 1
            slow = number % 8 == 0
            path = "/api/trainings" if slow else "/api/trajectories"
            body = SLOW | {"out": f"runs/r{number}"} if slow else QUICK | {"seed": number}
            try:
                if self.server is None:
                    raise ConnectionError
                headers = {"Prefer": "wait=0", "Idempotency-Key": f"call-{number}"}
                status, headers, content = self.server.ask("POST", path, body, headers)
                if status in (200, 202):
                    self.accepted[headers["x-job"]] = path
                elif status == 503:
                    self.refused += 1
                else:
                    sys.exit(f"unexpected answer {status}: {content[:300]!r}")
            except (OSError, http.client.HTTPException):
                self.broken += 1
            time.sleep(0.15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    kills = parser.parse_args().kills
    print(describe())
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "work"
        client = Client()
        client.server = Server(workspace)
        client.start()
        killed: Counter[str] = Counter()
        for number in range(kills):
            client.server.ready()  # a worker in each lane: a kill is to fall into work
            time.sleep(chance.uniform(0.1, 4.0))
            if number % 2:
                old, client.server = client.server, None
                assert old is not None
                old.kill()
                killed["server"] += 1
                client.server = Server(workspace)
            elif pids := client.server.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    killed["worker"] += 1
            print(f"kill {number + 1:2}: {len(client.accepted)} jobs accepted so far", flush=True)
        client.closing = True
        client.join()
        faults = judge(client.server, client.accepted)
        client.server.kill()
    print(f"{killed['server']} kills of the server, {killed['worker']} of workers; {client.refused} calls refused with 503, "
          f"{client.broken} cut off before an answer")  # fmt: skip
    print("each accepted job ended in exactly one way" if not faults else "\n".join(faults))
    sys.exit(1 if faults else 0)


def judge(server: Server, accepted: dict[str, str]) -> list[str]:
    """What is wrong with the ends of these jobs."""
    faults: list[str] = []
    states: Counter[tuple[str, str]] = Counter()
    for job, path in accepted.items():
        try:
            view = server.ended(job)
        except (TimeoutError, KeyError) as error:
            faults.append(f"{job} of {path}: {error}")
            continue
        states[path, view["state"]] += 1
        history = server.ask("GET", f"/api/jobs/{job}/events")[2].decode().split("\n\n")
        ends = [part for part in history if part.startswith("event: end")]
        if len(ends) != 1 or json.loads(ends[0].split("data: ", 1)[1].split("\n")[0]) != view:
            faults.append(f"{job}: {len(ends)} last events")
        status = server.ask("GET", f"/api/jobs/{job}/result")[0]
        if (view["state"] == "succeeded") != (status == 200):
            faults.append(f"{job}: {view['state']}, and its result answers {status}")
        if view["state"] not in ("succeeded", "interrupted") or (view["state"] == "interrupted" and view["attempt"] < 3):
            faults.append(f"{job}: {view['state']} in attempt {view['attempt']}: {view['error']}")
    for (path, state), count in sorted(states.items()):
        print(f"{count:4} {state:11} {path}")
    return faults


if __name__ == "__main__":
    main()
