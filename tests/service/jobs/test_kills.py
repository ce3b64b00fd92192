"""kill -9 of the server and of workers, at seeded moments: each accepted job ends in exactly one way."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import sqlite3
import threading
import time

from watching import Server, done, until

FINAL = {"succeeded", "failed", "cancelled", "interrupted"}


def test_every_accepted_job_ends_in_exactly_one_way_whoever_is_killed(root):
    chance = random.Random(0)
    accepted: dict[str, str] = {}
    server = Server(root)
    for number in range(4):
        asking = threading.Thread(target=_ask_a_few, args=(server, accepted, f"round-{number}"))
        asking.start()
        time.sleep(chance.uniform(0.05, 0.4))
        if number % 2:
            server.kill()
            asking.join()
            server = Server(root)
        else:
            _kill_a_worker(root, chance)
            asking.join()
    assert len(accepted) >= 4
    ends = {id: server.ended(id) for id in accepted}
    assert {view["state"] for view in ends.values()} <= {"succeeded", "interrupted"}
    for id, view in ends.items():
        heard = server.listen(id)
        assert [event["event"] for event in heard].count("end") == 1
        assert [event["id"] for event in heard] == list(range(1, len(heard) + 1))
        assert heard[-1]["data"] == view == server.job(id)
        assert (view["state"] == "succeeded") == (server.ask("GET", f"/api/jobs/{id}/result")[0] == 200)
    attempts = [(job, attempt) for _, job, attempt, _ in done(root)]
    assert len(attempts) == len(set(attempts)), "no attempt is made twice"
    server.kill()
    with contextlib.closing(sqlite3.connect(root / ".reverie" / "ledger.sqlite")) as ledger:
        assert ledger.execute("pragma integrity_check").fetchone() == ("ok",)
        states = dict(ledger.execute("select id, state from jobs"))
    assert set(accepted) <= set(states)
    assert set(states.values()) <= FINAL


def _ask_a_few(server: Server, accepted: dict[str, str], name: str) -> None:
    for number, (chore, arguments) in enumerate(
        [("nap", {"seconds": 0.2}), ("echo", {}), ("tell", {"count": 5, "pause": 0.03})]
    ):
        key = {"Prefer": "wait=0", "Idempotency-Key": f"{name}-{number}"}
        with contextlib.suppress(OSError, http.client.HTTPException):  # killed before it answered: then nothing was promised
            status, _, view = server.ask("POST", f"/api/chores/{chore}", arguments, key)
            assert status in (200, 202)
            accepted[view["id"]] = chore


def _kill_a_worker(root, chance: random.Random) -> None:
    """One that has done something, if there is one."""
    workers = sorted({int(pid) for *_, pid in done(root)})
    chance.shuffle(workers)
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return


def test_a_job_whose_server_was_killed_is_taken_up_without_waiting_for_silence(open_server, root):
    server = open_server()
    id = server.do("nap", wait=0, seconds=60, once=True)[2]["id"]
    until(lambda: len(done(root)) == 1)
    server.kill()
    again = open_server()
    assert again.ended(id)["state"] == "succeeded"
    assert again.job(id)["attempt"] == 2
    assert len(done(root)) == 2
