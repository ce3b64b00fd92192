"""The end of the server: nothing new comes in, what runs may end, every call gets its answer, and the exit code is 0."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from fastapi import FastAPI

from reverie.service.problems import Problem

SIGTERM = signal.SIGTERM


def soon(holds) -> None:
    """Waits until it holds, however slow the machine."""
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it never came to hold")


def test_while_jobs_run_the_server_answers_but_is_not_ready(site):
    site.jobs.running = 1
    site.server.handle_exit(SIGTERM, None)
    soon(lambda: not site.jobs.admitting)
    assert site.call("GET", "/readyz").status == 503
    assert site.call("GET", "/readyz").json["checks"]["takes work"] is False
    assert site.call("GET", "/healthz").status == 200
    assert site.call("GET", "/api/files").status == 200
    assert site.thread.is_alive()
    site.jobs.running = 0
    site.thread.join(30)
    assert not site.thread.is_alive()
    assert site.jobs.stopped
    assert not site.server.force_exit


def test_a_second_signal_stops_at_once_though_a_job_runs(serving):
    site = serving(grace_seconds=600)
    site.jobs.running = 1
    site.server.handle_exit(SIGTERM, None)
    soon(lambda: not site.jobs.admitting)
    site.server.handle_exit(SIGTERM, None)
    site.thread.join(30)
    assert not site.thread.is_alive()
    assert site.server.force_exit
    assert not site.jobs.stopped


def test_jobs_get_their_share_of_the_grace_and_no_more(serving):
    site = serving(grace_seconds=1)
    site.jobs.running = 1
    site.server.handle_exit(SIGTERM, None)
    site.thread.join(30)
    assert not site.thread.is_alive()
    assert site.jobs.stopped


def test_a_call_that_is_still_open_at_the_end_is_answered(serving):
    import asyncio

    async def long() -> None:
        await asyncio.sleep(3600)

    def prepare(app: FastAPI) -> None:
        app.add_api_route("/api/long", long)

    site, replies = serving(prepare, grace_seconds=1), []
    callers = [threading.Thread(target=lambda: replies.append(site.call("GET", "/api/long"))) for _ in range(5)]
    for caller in callers:
        caller.start()
    soon(lambda: site.app.state.metrics.open._value.get() == 5)
    site.server.handle_exit(SIGTERM, None)
    for caller in callers:
        caller.join(60)
    assert [(reply.status, reply.json["type"]) for reply in replies] == [(503, "/problems/stopping")] * 5
    assert all("retry-after" in reply.headers for reply in replies)


def test_a_call_that_fails_while_stopping_says_its_own_problem(site):
    site.app.add_api_route("/api/late", lambda: (_ for _ in ()).throw(Problem(503, "stopping", "Later.")))
    assert site.call("GET", "/api/late").json["detail"] == "Later."


def test_no_part_of_an_answer_waits_for_the_one_before(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=60):
        soon(lambda: site.server.server_state.connections)
        (connection,) = site.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@contextmanager
def command(*options, **environment):
    """`reverie serve` in a process of its own, and its address."""
    line = [sys.executable, "-m", "reverie", "serve", "--port", "0", *map(str, options)]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "REVERIE_FREE_BYTES": "0", **environment}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=surroundings) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_command_serves_stops_and_exits_with_0(tmp_path):
    """Begun in the middle of calls: each of those is answered."""
    calls, answers = 20, []
    with command("--workspace", tmp_path / "work", REVERIE_ALLOWED_HOSTS="one.example, two.example") as (process, address):
        assert address.startswith("http://127.0.0.1:")
        named = urllib.request.Request(f"{address}/healthz", headers={"Host": "two.example"})
        assert urllib.request.urlopen(named).status == 200

        def ask() -> None:
            request = urllib.request.Request(
                f"{address}/api/tables/describe", b'{"table": "pbc2"}', {"content-type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=120) as reply:
                    answers.append(reply.status)
            except urllib.error.HTTPError as error:
                answers.append(error.code)

        callers = [threading.Thread(target=ask) for _ in range(calls)]
        for caller in callers:
            caller.start()
        asked = f"{address}/metrics"
        soon(
            lambda: (
                f"reverie_requests_open {calls + 1}.0" in urllib.request.urlopen(asked).read().decode() or len(answers) > 2
            )
        )
        with pytest.raises(subprocess.CalledProcessError) as second:
            again = [sys.executable, "-m", "reverie", "serve", "--port", "0", "--workspace", str(tmp_path / "work")]
            subprocess.run(again, check=True, capture_output=True, text=True, timeout=120)
        assert second.value.returncode == 2
        assert "another server works in this workspace" in second.value.stderr
        process.send_signal(SIGTERM)
        for caller in callers:
            caller.join(120)
        assert process.wait(60) == 0
        assert process.stderr is not None
        log = process.stderr.read()
    assert len(answers) == calls
    assert set(answers) <= {200, 202, 503}
    assert "Traceback" not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert "stopping" in [line["event"] for line in lines]
    assert not [line for line in lines if line["level"] == "error"]
