"""SIGTERM under load: every call that was accepted is answered, the exit code is 0, and the next start does the rest."""

from __future__ import annotations

import http.client
import signal
from concurrent.futures import ThreadPoolExecutor

from watching import Server, done, until


def test_sigterm_under_load_answers_every_call_and_loses_no_job(open_server, root):
    server = open_server(grace_seconds=4, queue_slots=100)
    server.do("echo")
    long = server.do("course", wait=0, steps=1000)[2]["id"]
    until(lambda: (server.job(long)["progress"] or {}).get("done", 0) > 5)

    def ask(number: int) -> tuple[int, str | None]:
        try:
            status, headers, _ = server.do("nap", seconds=0.3)
        except (ConnectionRefusedError, ConnectionResetError, http.client.RemoteDisconnected):
            return 0, None  # the door was closed: it was never accepted
        return status, headers.get("x-job")

    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(ask, number) for number in range(24)]
        until(lambda: len(done(root)) >= 4)
        server.process.send_signal(signal.SIGTERM)
        answers = [call.result() for call in calls]
    assert server.process.wait(30) == 0
    assert {status for status, _ in answers} <= {200, 202, 503}
    assert sum(status == 202 for status, _ in answers) > 0
    again = open_server()
    for status, id in answers:
        if id is not None:
            assert again.ended(id)["state"] == "succeeded", status
    assert again.ended(long)["state"] == "succeeded"
    _, _, result = again.ask("GET", f"/api/jobs/{long}/result")
    assert result["begun"] > 5, "training went on from its checkpoint"
    assert [attempt for name, job, attempt, _ in done(root) if job == long] == ["1", "2"]


def test_an_idle_server_stops_at_once(open_server, root):
    server: Server = open_server(grace_seconds=60)
    assert server.do("echo")[0] == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0


def test_what_can_go_on_later_is_saved_at_once_and_what_cannot_may_end(open_server):
    server = open_server(grace_seconds=600)
    long = server.do("course", wait=0, steps=1_000_000)[2]["id"]
    until(lambda: (server.job(long)["progress"] or {}).get("done", 0) > 5)
    with ThreadPoolExecutor(1) as pool:
        short = pool.submit(server.do, "nap", seconds=0.5)
        until(lambda: any(job["task"] == "nap" for job in server.ask("GET", "/api/jobs?state=running")[2]["jobs"]))
        server.process.send_signal(signal.SIGTERM)
        assert short.result()[0] == 200
    assert server.process.wait(60) == 0, "long before the grace is over"
    left = open_server()
    assert left.job(long)["attempt"] == 2
    left.ask("POST", f"/api/jobs/{long}/cancel")
