"""The parts of a worker: what it says is kept until the ledger has it, and whether it lives is seen by its beats."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from reverie.service.jobs import monitor, worker
from reverie.service.jobs.heartbeat import Heartbeat
from reverie.service.jobs.ledger import Ledger, WorkerSign
from reverie.service.jobs.monitor import SILENT, Liveness
from reverie.service.jobs.work import EventBuffer
from reverie.service.objects.store import Away
from reverie.service.problems import Problem


class Left(BaseException):
    """The process has ended."""


def test_a_worker_told_to_stop_before_it_is_ready_leaves_at_once_and_no_sign_of_it_stays(tmp_path, monkeypatch):
    def leave(code: int) -> None:
        assert code == 0
        raise Left

    monkeypatch.setattr(os, "_exit", leave)
    with contextlib.closing(Ledger(tmp_path, None, 10)) as ledger:
        ledger.create()
        stop = iter([False, True])
        sign = WorkerSign("slow-1", "slow", "here", 1)
        heartbeat = Heartbeat(ledger, sign, None, lambda: next(stop))
        with pytest.raises(Left):
            heartbeat.run()
        assert next(stop, None) is None and ledger.workers() == []


def test_what_is_said_while_the_ledger_is_away_is_kept_up_to_a_bound_and_in_order():
    buffer = EventBuffer(kept=50)
    for n in range(120):
        buffer.add("metric", {"n": n})
        buffer.progress(n, 200, None)
        with contextlib.suppress(OSError), buffer.taking():
            raise OSError
    for n in range(120, 130):
        buffer.add("metric", {"n": n})
    with buffer.taking() as (events, progress):
        buffer.add("metric", {"n": "meanwhile"})
        assert [data["n"] for _, data in events] == list(range(80, 130))
        assert progress == {"done": 119, "total": 200, "seconds_left": None}
    with buffer.taking() as (events, progress):
        assert events == [("metric", {"n": "meanwhile"})] and progress is None


def test_a_worker_is_given_up_when_its_beats_stood_still_and_not_before(monkeypatch):
    now = 100.0
    monkeypatch.setattr(monitor.time, "monotonic", lambda: now)
    liveness = Liveness()
    for beats in (7, 8, 9):
        assert (
            liveness.silent([WorkerSign("a", "slow", "there", 1, True, beats), WorkerSign("b", "slow", "there", 2)]) == set()
        )
        now += SILENT / 3
    now += 0.1
    both = [WorkerSign("a", "slow", "there", 1, True, 9), WorkerSign("b", "slow", "there", 2)]
    assert liveness.silent(both) == {"b"}
    assert liveness.silent([WorkerSign("b", "slow", "there", 2, True, 1)]) == set(), "it only slept"


def test_a_process_that_is_not_there_is_known_at_once_on_this_machine_alone():
    here = socket.gethostname()
    gone = 2**22 + 1  # above every process of Linux
    assert Liveness().vanished(WorkerSign("a", "slow", here, gone))
    assert not Liveness().vanished(WorkerSign("a", "slow", "elsewhere", gone))
    assert not Liveness().vanished(WorkerSign("a", "slow", here, os.getpid()))


def test_a_store_that_is_away_is_waited_for_a_minute_and_a_refusal_is_told_at_once(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(worker.time, "sleep", slept.append)

    def keep(*errors: Exception):
        """Raises these, then is done."""
        left = list(errors)

        def action() -> None:
            if left:
                raise left.pop(0)

        return action

    worker._insist(keep(Away(), Away()), unless=worker._lasts)
    assert len(slept) == 2
    with pytest.raises(Problem, match="object storage cannot be used now"):
        worker._insist(keep(*[Away()] * 20), unless=worker._lasts)
    assert 55 < sum(slept) < 65
    slept.clear()
    with pytest.raises(Problem, match="is there already"):
        worker._insist(keep(Problem(409, "conflict", "runs/a is there already.")), unless=worker._lasts)
    assert slept == []


def test_a_worker_begins_without_the_web_framework():
    """It answers nobody, and is begun again and again."""
    code = (
        "import sys, reverie.service.jobs.worker; assert not {'fastapi', 'starlette', 'prometheus_client'} & {*sys.modules}"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
