"""Mixed jobs while workers come and go: python benchmarks/service_soak.py [--jobs 2000] [--ledger sqlite] [--objects]

A client asks for studies, samples, imputations and trainings of a few steps, and cancels some. Meanwhile further workers
(`reverie work`) are started, stopped (SIGTERM) and killed (SIGKILL) at random, and so are the server's own. With PostgreSQL
the jobs are in a server of Debian on loopback; with --objects the files are in an S3 server on loopback, and every further
worker has a folder of its own. Memory of the server and of each worker is looked at once a second.

At the end each accepted job must have exactly one final state and one last event, attempts without gaps, a result where it
succeeded, and the same bytes as any other job of the same request; cancelled is only what was to be, and interrupted only
what lost three workers. Exits with 1 otherwise. Writes the figure benchmarks/results/service_soak*.png.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import describe
from reverie.drawing import png, sheet
from serving import Server

HERE = Path(__file__).parent
PAGE = os.sysconf("SC_PAGE_SIZE")
SMALL = {"network.width": 16, "network.layers": 1, "training.batch": 8, "training.checkpoint_every": 5}
VISITS = "\n".join(
    ["id,day,age,level,arm"]
    + [
        f"{n},{day},{40 + n % 30},{(n * 7 + day) % 23 / 10 if n % 5 else ''},{'ab'[n % 2]}"
        for n in range(60)
        for day in (0, 7)
    ]
)
HOLES = {"columns": ["id", "day", "age", "level", "arm"], "rows": [[1, 0, 50, None, "a"], [1, 7, 50, 1.2, "a"]]}


def request(number: int, chance: random.Random) -> tuple[str, str, dict[str, Any], bool]:
    """What is asked for: its kind, the path, the body, and whether it shall be cancelled."""
    seed = number % 7
    draw = chance.random()
    if draw < 0.40:
        body = {"denoiser": "oracle", "picture": "digits:3", "width": 16, "height": 16, "steps": 10, "seed": seed}
        return "study", "/api/trajectories", body, False
    if draw < 0.62:
        return "sample", "/api/samples", {"model": "runs/first", "count": 8, "steps": 2, "seed": seed}, False
    if draw < 0.72:
        body = {"model": "runs/first", "count": 8, "steps": 2, "seed": seed, "out": f"new/{number}.csv"}
        return "sample to a name", "/api/samples", body, False
    if draw < 0.84:
        return "imputation", "/api/imputations", {"model": "runs/first", "rows": HOLES, "steps": 2, "seed": seed}, False
    if draw < 0.92:
        body = {"model": "runs/first", "table": "visits.csv", "steps": 2, "seed": seed}
        return "imputation of a file", "/api/imputations", body, False
    training = {"source": "visits.csv", "out": f"runs/{number}", "steps": 12, "settings": SMALL, "seed": seed}
    if draw < 0.95:
        return "training", "/api/trainings", training, False
    return "training, to be cancelled", "/api/trainings", training | {"steps": 5000}, True


class Client(threading.Thread):
    """Asks until so many jobs are accepted; what is refused for want of room is asked for again."""

    def __init__(self, server: Server, jobs: int) -> None:
        super().__init__(daemon=True)
        self.server, self.jobs = server, jobs
        self.accepted: dict[str, tuple[str, str, bool]] = {}
        self.cancels: list[tuple[float, str]] = []
        self.refused = 0

    def run(self) -> None:
        chance = random.Random(1)
        for number in range(self.jobs):
            kind, path, body, cancel = request(number, chance)
            headers = {"Prefer": "wait=0", "Idempotency-Key": f"soak-{number}"}
            while True:
                status, answered, content = self.server.ask("POST", path, body, headers)
                if status in (200, 202):
                    break
                if status != 503:
                    sys.exit(f"unexpected answer {status} to {path}: {content[:300]!r}")
                self.refused += 1
                self._cancel()
                time.sleep(0.5)
            same = json.dumps([path, {name: value for name, value in body.items() if name != "out"}])
            self.accepted[answered["x-job"]] = kind, same, cancel
            if cancel:
                self.cancels.append((time.monotonic() + chance.uniform(0, 20), answered["x-job"]))
            self._cancel()
        while self.cancels:
            self._cancel()
            time.sleep(0.2)

    def _cancel(self) -> None:
        due = [job for when, job in self.cancels if when < time.monotonic()]
        self.cancels = [(when, job) for when, job in self.cancels if job not in due]
        for job in due:
            self.server.ask("POST", f"/api/jobs/{job}/cancel")


class Others(threading.Thread):
    """Workers that no server started, which come and go; and, now and then, the end of one that a server did."""

    def __init__(self, server: Server, folder: Path, environment: dict[str, str], workspace: Path | None) -> None:
        super().__init__(daemon=True)
        self.server, self.folder, self.environment, self.workspace = server, folder, environment, workspace
        self.running: list[subprocess.Popen[bytes]] = []
        self.did: Counter[str] = Counter()
        self.closing = False

    def run(self) -> None:
        chance, number = random.Random(2), 0
        while not self.closing:
            self.running = [process for process in self.running if process.poll() is None]
            what = chance.choice(["start", "start", "stop", "kill", "kill one of the server's"])
            if what == "start" and len(self.running) < 3:
                number += 1
                workspace = self.workspace or self.folder / f"machine{number % 4}"
                lane = "slow" if number % 2 else "quick"
                command = [sys.executable, "-m", "reverie", "work", "--workspace", str(workspace), "--lane", lane]
                with (self.folder / "workers.log").open("a") as log:
                    self.running.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log))
                self.did["started"] += 1
            elif what == "stop" and self.running:
                chance.choice(self.running).send_signal(signal.SIGTERM)
                self.did["stopped"] += 1
            elif what == "kill" and self.running:
                chance.choice(self.running).kill()
                self.did["killed"] += 1
            elif what == "kill one of the server's" and (pids := workers_of(self.server)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids), signal.SIGKILL)
                self.did["killed"] += 1
            time.sleep(chance.uniform(3, 15))

    def end(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()


def workers_of(server: Server) -> list[int]:
    """The server's own workers: not the process beside it, which answers what needs torch."""
    found = []
    for pid in server.workers():
        with contextlib.suppress(OSError):
            if "reverie.service.jobs.worker" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
    return found


class Memory(threading.Thread):
    """Once a second: how many jobs have ended, and the MB of the server and of its workers and all others together."""

    def __init__(self, server: Server, others: Others) -> None:
        super().__init__(daemon=True)
        self.server, self.others, self.closing = server, others, False
        self.rows: list[dict[str, float]] = []
        self.since = time.monotonic()

    def run(self) -> None:
        while not self.closing:
            pids = [*workers_of(self.server), *(process.pid for process in self.others.running)]
            held = [size for size in map(resident, pids) if size]
            ended = 0.0
            for line in self.server.ask("GET", "/metrics")[2].decode().splitlines():
                if line.startswith("reverie_jobs{") and "queued" not in line and "running" not in line:
                    ended += float(line.split()[-1])
            self.rows.append(
                {
                    "ended": ended,
                    "minutes": (time.monotonic() - self.since) / 60,
                    "server": resident(self.server.process.pid),
                    "largest": max(held, default=0.0),
                    "mean": sum(held) / max(1, len(held)),
                }
            )
            time.sleep(1)


def resident(pid: int) -> float:
    """MB of a process; 0 if there is none."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6
    except OSError:
        return 0.0


def judge(server: Server, accepted: dict[str, tuple[str, str, bool]]) -> list[str]:
    """What is wrong with the ends of these jobs."""
    faults: list[str] = []
    states: Counter[tuple[str, str, str]] = Counter()
    made: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for job, (kind, same, cancel) in accepted.items():
        try:
            view = server.ended(job, 1800)
        except (TimeoutError, KeyError) as error:
            faults.append(f"lost: {job}, {kind}: {error}")
            continue
        state, attempt = view["state"], view["attempt"]
        states[kind, state, "once" if attempt == 1 else f"in attempt {attempt}"] += 1
        history = [
            told for told in server.ask("GET", f"/api/jobs/{job}/events")[2].decode().split("\n\n") if "data: " in told
        ]
        data = [json.loads(told.split("data: ", 1)[1].split("\n")[0]) for told in history]
        ends = [each for told, each in zip(history, data, strict=True) if told.startswith("event: end")]
        if ends != [view]:
            faults.append(f"done twice: {job}, {kind}: {len(ends)} last events")
        begun = [each["attempt"] for told, each in zip(history, data, strict=True)
                 if told.startswith("event: state") and each["state"] == "running" and "message" not in each]  # fmt: skip
        if len(begun) != len(set(begun)) or (begun and max(begun) > attempt):
            faults.append(f"done twice: {job}, {kind}: attempts {begun}")
        status, _, content = server.ask("GET", f"/api/jobs/{job}/result")
        if (state == "succeeded") != (status == 200):
            faults.append(f"{job}, {kind}: {state}, and its result answers {status}")
        fine = {"succeeded"} | ({"cancelled"} if cancel else set()) | ({"interrupted"} if attempt >= 3 else set())
        if state not in fine:
            faults.append(f"{job}, {kind}: {state} in attempt {attempt}: {view['error']}")
        for file in json.loads(content).get("files") or [] if status == 200 else []:
            status, _, content = server.ask("GET", file["href"])
            if status != 200:
                faults.append(f"{job}, {kind}: its file {file['name']} answers {status}")
            made[same][hashlib.sha256(content).hexdigest()].append(job)
    for same, versions in made.items():
        if len(versions) > 1:
            faults.append(f"{len(versions)} different files of {same}")
    for (kind, state, how), count in sorted(states.items()):
        print(f"{count:5} {kind:27} {state:11} {how}")
    count = sum(len(jobs) for versions in made.values() for jobs in versions.values())
    print(f"{count} files compared, of {len(made)} requests")
    return faults


def figure(rows: list[dict[str, float]], title: str) -> dict[str, Any]:
    """Memory over the number of jobs that have ended."""
    x = [row["ended"] for row in rows]
    series = {"server": "server", "mean": "workers, mean", "largest": "largest worker"}
    panel = {
        "kind": "lines",
        "title": "resident memory",
        "x_label": "jobs that have ended",
        "y_label": "MB",
        "series": {told: {"x": x, "y": [row[name] for row in rows]} for name, told in series.items()},
        "key": True,
    }
    return {"kind": "panels", "title": title, "panels": [panel]}


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of this run alone."""
    places = [str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    programs = [shutil.which(name, path=os.pathsep.join([*places, os.environ["PATH"]])) for name in ("initdb", "postgres")]
    if None in programs:
        sys.exit("there is no PostgreSQL here: install it, or say --ledger sqlite.")
    initdb, postgres = map(str, programs)
    owner = "postgres" if os.getuid() == 0 else None  # it does not run as root
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="reverie-soak-") as folder:
        if owner:
            shutil.chown(folder, owner)
        options = ["--auth=trust", "--username=reverie", "--encoding=UTF8", "--no-locale"]
        subprocess.run(
            [initdb, "-D", f"{folder}/data", *options], user=owner, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        command = [postgres, "-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        server = subprocess.Popen(command, user=owner, cwd=folder, stderr=subprocess.DEVNULL)
        status = Path(folder, "data", "postmaster.pid")
        try:
            while not (status.exists() and "ready" in status.read_text()):
                time.sleep(0.1)
            yield f"postgresql://reverie@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


@contextmanager
def storage() -> Iterator[dict[str, str]]:
    """The variables of an S3 server of this run alone."""
    program = HERE.parent / "tests" / "service" / "objects" / "s3.py"
    server = subprocess.Popen(
        [sys.executable, str(program), "soak"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    keys = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        yield keys | {"AWS_ENDPOINT_URL": server.stdout.readline().strip(), "REVERIE_OBJECTS": "s3://soak/work"}
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--ledger", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--objects", action="store_true", help="files in object storage instead of one folder")
    parser.add_argument("--renew", type=int, default=100, help="jobs after which a worker is replaced")
    asked = parser.parse_args()
    if asked.objects and asked.ledger == "sqlite":
        parser.error("workers that share no folder need PostgreSQL.")
    print(describe())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        told: dict[str, str] = {"REVERIE_WORKER_JOBS": str(asked.renew), "REVERIE_KEPT_JOBS": str(asked.jobs + 100)}
        if asked.ledger == "postgresql":
            told["REVERIE_QUEUE_URL"] = stack.enter_context(postgresql())
        if asked.objects:
            told |= stack.enter_context(storage())
        os.environ.update(told)
        workspace = folder / "work"
        server = Server(workspace)
        stack.callback(server.kill)
        server.ready()
        with contextlib.closing(server.connection()) as connection:
            connection.request("PUT", "/api/files/visits.csv", VISITS)
            connection.getresponse().read()
        first = {"source": "visits.csv", "out": "runs/first", "steps": 12, "settings": SMALL}
        job = json.loads(server.ask("POST", "/api/trainings", first)[2])["id"]
        if (view := server.ended(job))["state"] != "succeeded":
            sys.exit(f"the first training failed: {view['error']}")
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        others = Others(server, folder, environment, None if asked.objects else workspace)
        memory, client = Memory(server, others), Client(server, asked.jobs)
        stack.callback(others.end)
        for thread in (others, memory, client):
            thread.start()
        while client.is_alive() or memory.rows[-1]["ended"] <= len(client.accepted):
            time.sleep(10)
            now = memory.rows[-1]
            print(f"{now['minutes']:6.1f} min: {len(client.accepted)} accepted, {now['ended']:.0f} ended, server "
                  f"{now['server']:.0f} MB, largest worker {now['largest']:.0f} MB", flush=True)  # fmt: skip
            if memory.rows[-1]["minutes"] > 1 + asked.jobs:
                break
        others.closing = True
        others.join()
        others.end()
        memory.closing = True
        memory.join()
        faults = judge(server, client.accepted)
    did = ", ".join(f"{count} workers {what}" for what, count in others.did.items())
    minutes = memory.rows[-1]["minutes"]
    print(f"{len(client.accepted)} jobs in {minutes:.1f} min; {did}; {client.refused} calls refused with 503")
    for name in ("server", "mean", "largest"):
        quarter = max(1, len(memory.rows) // 4)
        parts = [memory.rows[i * quarter : (i + 1) * quarter] for i in range(4)]
        print(
            f"{name:8} MB in each quarter: "
            + "  ".join(f"{sum(r[name] for r in part) / max(1, len(part)):.0f}" for part in parts)
        )
    suffix = "_objects" if asked.objects else "" if asked.ledger == "postgresql" else "_sqlite"
    path = HERE / "results" / f"service_soak{suffix}.png"
    path.write_bytes(png(sheet(figure(memory.rows, f"{len(client.accepted):,} mixed jobs, with workers that come and go"))))
    print(f"figure: {path.relative_to(HERE.parent)}")
    print(
        "each accepted job ended in exactly one way, none was lost and none done twice" if not faults else "\n".join(faults)
    )
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
