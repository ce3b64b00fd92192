"""A ledger that is held, full, damaged or replaced: refused in words, and used again without a restart."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from types import SimpleNamespace

import pytest
from test_ledger import added, asked, opened
from watching import ended, until

from reverie.errors import DamagedError
from reverie.service.jobs import database, monitor, storage
from reverie.service.jobs.ledger import WorkerSign
from reverie.service.problems import Problem


@contextlib.contextmanager
def held(state):
    """In the block another program is about to write."""
    with contextlib.closing(sqlite3.connect(state / "ledger.sqlite", isolation_level=None)) as holder:
        holder.execute("begin immediate")
        yield


@pytest.fixture
def hasty(monkeypatch):
    """Waits for others are short."""
    monkeypatch.setattr(database, "LOCKED", 0.05)


@pytest.fixture
def ledger(tmp_path, hasty):
    with contextlib.closing(opened(tmp_path, None)) as made:
        yield made


def refused(ledger) -> Problem:
    with pytest.raises(Problem) as found:
        added(ledger)
    return found.value


def test_a_held_ledger_refuses_and_whoever_comes_after_waits_no_more(tmp_path, ledger):
    assert ledger.usable and ledger._storage._patience == database.LOCKED
    with held(tmp_path):
        problem = refused(ledger)
        assert (problem.status, problem.kind) == (503, "busy") and "Retry-After" in problem.headers
        assert not ledger.usable and ledger._storage._patience == storage.BRIEF
        with pytest.raises(Problem):
            ledger.try_out()
    ledger.try_out()
    assert ledger.usable
    assert ledger.workers() == [], "what was tried is taken back"
    added(ledger)


def test_a_damaged_ledger_tells_the_remedy_which_needs_no_restart(tmp_path, ledger):
    added(ledger)
    ledger.close()
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 1000)
    problem = refused(ledger)
    assert (problem.status, problem.kind) == (503, "damaged") and database.REMEDY in problem.detail
    assert not ledger.usable
    with pytest.raises(DamagedError, match=r"move \.reverie/ledger\.sqlite away"):
        opened(tmp_path, None)
    (tmp_path / "ledger.sqlite").rename(tmp_path / "set-aside")
    assert until(lambda: _accepted(ledger)) == "b"
    assert ledger.usable and ledger.ids() == {"b"}


def test_a_copy_that_is_put_in_its_place_is_used_at_once(tmp_path, ledger):
    added(ledger)
    ledger.close()  # all is in the one file
    copy = (tmp_path / "ledger.sqlite").read_bytes()
    added(ledger, "later")
    (tmp_path / "copy").write_bytes(copy)
    (tmp_path / "copy").replace(tmp_path / "ledger.sqlite")
    for file in tmp_path.glob("ledger.sqlite-*"):
        file.unlink()
    assert ledger.ids() == {"a"}
    assert ledger.admit(asked("b"), 9) == "b"


def _accepted(ledger) -> str | None:
    with contextlib.suppress(Problem):
        return ledger.admit(asked("b"), 9)
    return None


def test_jobs_go_on_when_a_held_ledger_is_let_go(open_jobs, root, hasty):
    jobs = open_jobs(slow_workers=0)
    assert ended(jobs, jobs.submit("echo", {}).id).state == "succeeded"
    until(lambda: jobs.overview().usable)
    with held(root / ".reverie"):
        with pytest.raises(Problem) as busy:
            jobs.submit("echo", {})
        assert busy.value.status == 503
        until(lambda: not jobs.overview().usable)
    until(lambda: jobs.overview().usable)
    assert ended(jobs, jobs.submit("echo", {}).id).state == "succeeded"


def test_no_worker_is_given_up_for_beats_that_nobody_could_write(open_jobs, root, hasty, monkeypatch):
    now = 0.0
    monkeypatch.setattr(monitor, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    jobs = open_jobs(begin=False)
    look, ledger = jobs._monitor.look, jobs._ledger
    ledger.beat(WorkerSign("far", "slow", "elsewhere", 1, True, 1))
    look()
    with held(root / ".reverie"):
        now = monitor.SILENT + 5
        with pytest.raises(Problem):
            look()
    now += 2
    look()
    assert [worker.name for worker in ledger.workers()] == ["far"]
    now += monitor.SILENT + 1
    look()
    assert ledger.workers() == []
