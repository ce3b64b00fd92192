"""What a server changes itself no job uses meanwhile, and what a job uses no server changes: in every ledger."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient
from test_ledger import opened
from test_places import RUN, asked

from reverie.service import workspace
from reverie.service.app import create_app
from reverie.service.jobs import admission, database, holds, monitor
from reverie.service.jobs.ledger import Ledger
from reverie.service.jobs.places import Places
from reverie.service.listing import REPORT
from reverie.service.problems import Problem
from reverie.service.settings import Settings
from reverie.service.workspace import RUN as FILES

CHANGED = Places(writes=(RUN,), replaces=True)


@pytest.fixture
def ledgers(tmp_path, url):
    """The ledger of one workspace, as two servers have it."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(opened(tmp_path, url))) for _ in range(2)]


def admitted(ledger: Ledger, id: str, used: Places) -> bool:
    try:
        return ledger.admit(asked(id, used), 99) == id
    except Problem as problem:
        assert (problem.status, problem.kind) == (409, "conflict") and RUN in problem.detail
        return False


def test_no_job_is_admitted_on_what_is_changed_until_that_is_done(ledgers):
    one, other = ledgers
    reader, writer, beside = Places(reads=(f"{RUN}/a.csv",)), Places(writes=(RUN,)), Places(writes=("runs/ab",))
    with one.holds.taken(CHANGED):
        assert [admitted(other, *each) for each in (("r", reader), ("w", writer), ("b", beside))] == [False, False, True]
        with pytest.raises(Problem, match="ask again in a moment"), other.holds.taken(Places(writes=(f"{RUN}/a.csv",))):
            pytest.fail("two changes of one place")
    with pytest.raises(KeyError), one.holds.taken(CHANGED):
        raise KeyError
    with one.holds.taken(Places(writes=(RUN,))):  # what is new there is no harm to who reads
        assert not admitted(other, "w", writer) and admitted(other, "r", reader)
    assert admitted(other, "w", writer)


def test_nothing_is_changed_that_a_job_uses(ledgers):
    one, other = ledgers
    assert admitted(other, "r", Places(reads=(RUN,)))
    with pytest.raises(Problem, match="in use by job r"), one.holds.taken(CHANGED):
        pytest.fail("the job reads it")
    with other.change("r") as change:
        change.finish("cancelled")
    with one.holds.taken(CHANGED):
        assert not admitted(other, "s", Places(reads=(RUN,)))


def test_of_a_job_and_a_change_that_come_at_one_moment_exactly_one_is_let_in(ledgers, monkeypatch):
    both, check = threading.Barrier(2), admission.check

    def meeting(*given) -> None:
        """Each looks before either writes, if nothing keeps them apart: then this barrier opens."""
        check(*given)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)

    for module in (admission, holds):
        monkeypatch.setattr(module, "check", meeting)

    with ThreadPoolExecutor(2) as pool:
        job = pool.submit(admitted, ledgers[1], "j", Places(reads=(RUN,)))
        try:
            with ledgers[0].holds.taken(CHANGED):
                changed = not job.result()  # the change is not done before the job was answered
                assert changed, "both were let in"
        except Problem as refused:
            assert job.result() and "in use by job j" in refused.detail


def test_a_change_whose_server_died_keeps_nobody_out(open_jobs, url, monkeypatch):
    now = 0.0
    monkeypatch.setattr(monitor, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    jobs = open_jobs(begin=False, queue_url=url)
    look, state = jobs._monitor.look, jobs._workspace.state
    look()
    with contextlib.closing(opened(state, url)) as other, contextlib.ExitStack() as left:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        with monkeypatch.context() as dead:
            dead.setattr(holds.os, "getpid", lambda: gone.pid)
            left.enter_context(other.holds.taken(CHANGED))
        now += 2
        look()
        assert admitted(other, "a", CHANGED), "its process is gone"
        left.enter_context(other.holds.taken(Places(writes=("slow",))))
        for _ in range(3):  # one that lives is waited for
            now += monitor.SILENT - 1
            other.try_out()
            look()
        assert [hold.beats for hold in jobs._ledger.holds.others()] == [3]
        with jobs.changing("mine"):
            for _ in range(2):
                now += monitor.SILENT + 1
                look()
            assert jobs._ledger.holds.others() == [], "no beat for so long"
            with pytest.raises(Problem), other.holds.taken(Places(writes=("mine",))):
                pytest.fail("our own is not given up")


def test_what_makes_room_on_a_full_disk_needs_none_and_keeps_jobs_out_even_so(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "LOCKED", 0.05)
    with contextlib.closing(opened(tmp_path, None)) as one, contextlib.closing(opened(tmp_path, None)) as other:
        with one._storage._engine.connect() as connection:
            connection.exec_driver_sql("pragma max_page_count=1")  # of what there is, never less
        with one.holds.taken(Places(writes=("x" * 100_000,))):
            with pytest.raises(Problem) as busy:
                other.admit(asked("a"), 9)
            assert busy.value.status == 503 and one.holds.others() == []
        assert other.admit(asked("a"), 9) == "a"


CHANGES = [
    ("remove", "DELETE /api/files/runs/a/new.csv", {}, "runs/a"),
    ("remove", "DELETE /api/models/runs/a", {}, "runs/a/new.csv"),
    ("rename", "POST /api/models/runs/a/rename", {"json": {"to": "runs/b"}}, "runs/a"),
    ("rename", "POST /api/models/runs/a/rename", {"json": {"to": "runs/b"}}, "runs/b"),
    ("remove_inside", "DELETE /api/reports/runs/a", {}, "runs/a"),
    ("take_place", "PUT /api/files/runs/a/new.csv?overwrite=true", {"content": b"a\n1\n"}, "runs/a/new.csv"),
]


@pytest.mark.parametrize(("does", "call", "sent", "read"), CHANGES)
def test_a_job_that_comes_in_the_middle_of_a_change_is_refused(open_jobs, root, monkeypatch, does, call, sent, read):
    jobs = open_jobs(begin=False)
    (root / "runs/a").mkdir(parents=True)
    for name in (*FILES, *REPORT, "new.csv"):
        (root / "runs/a" / name).write_text("{}")
    place = workspace if does == "take_place" else workspace.Workspace
    done, refused = getattr(place, does), []

    def interrupted(*given) -> None:
        with pytest.raises(Problem) as found:
            jobs.submit("echo", {"reads": [read]})
        refused.append(found.value.status)
        done(*given)

    monkeypatch.setattr(place, does, interrupted)
    client = TestClient(create_app(Settings(workspace=root, free_bytes=0), jobs), base_url="http://localhost")
    assert client.request(*call.split(), **sent).status_code in (200, 204)
    assert refused == [409]
    jobs.submit("echo", {"reads": [read]})
    assert client.request("DELETE", "/api/files/runs").status_code == 409
