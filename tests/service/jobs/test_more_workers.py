"""A worker that no server started: another machine's, which shares the workspace and the ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from watching import HERE, ended, until


@pytest.fixture
def worker(root):
    """Starts a worker by hand, with these options."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, str(HERE / "working.py"), str(root), *options]))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def pid(jobs, id: str) -> int | None:
    """The process that does this job."""
    return {sign.name: sign.pid for sign in jobs._ledger.workers()}.get(jobs.get(id).worker)


def test_its_jobs_are_seen_cancelled_and_taken_over_when_it_goes(open_jobs, worker, url):
    jobs = open_jobs(queue_url=url, quick_workers=0)
    own = jobs.submit("course", {"steps": 100_000})
    until(lambda: pid(jobs, own.id) in jobs.worker_processes().values())
    further = worker("slow", *([url] if url else []))
    others = jobs.submit("course", {"steps": 100_000})
    until(lambda: pid(jobs, others.id) == further.pid)
    until(lambda: jobs.overview().lanes["slow"].workers == 2)
    assert jobs.cancel(others.id).state in ("running", "cancelled")
    assert ended(jobs, others.id).state == "cancelled"
    left = jobs.submit("course", {"steps": 300})
    until(lambda: pid(jobs, left.id) == further.pid and (jobs.get(left.id).progress or {}).get("done", 0) > 5)
    jobs.cancel(own.id)
    further.send_signal(signal.SIGTERM)
    assert further.wait(60) == 0
    assert ended(jobs, left.id).state == "succeeded"
    assert jobs.result(left.id)["begun"] > 5
    assert ended(jobs, own.id).state == "cancelled"


def test_one_that_is_killed_is_found_out(open_jobs, worker):
    jobs = open_jobs(quick_workers=0)
    own = jobs.submit("course", {"steps": 100_000})
    until(lambda: pid(jobs, own.id) in jobs.worker_processes().values())
    further = worker("slow")
    job = jobs.submit("course", {"steps": 50})
    until(lambda: pid(jobs, job.id) == further.pid)
    os.kill(further.pid, signal.SIGKILL)
    further.wait()
    jobs.cancel(own.id)
    assert ended(jobs, job.id).state == "succeeded"
    assert jobs.get(job.id).attempt == 2
    until(lambda: jobs.overview().lanes["slow"].workers == 1)
