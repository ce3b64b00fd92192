"""The ledger: an accepted job stays, its state only grows, it ends once, and only who holds an attempt writes of it."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from reverie.errors import UsageError
from reverie.service.jobs import database
from reverie.service.jobs.admission import Asked
from reverie.service.jobs.job import FINAL, MAX_LOSSES
from reverie.service.jobs.ledger import Ledger, WorkerSign
from reverie.service.jobs.places import Places
from reverie.service.problems import Problem

KEPT = 20


def opened(state, url) -> Ledger:
    made = Ledger(state, url, KEPT)
    made.create()
    return made


@pytest.fixture
def ledger(tmp_path, url):
    with contextlib.closing(opened(tmp_path, url)) as made:
        yield made


@pytest.fixture
def in_file(tmp_path):
    """A ledger in SQLite, for what is the same in every database."""
    with contextlib.closing(opened(tmp_path, None)) as made:
        yield made


def asked(id: str = "a", lane: str = "quick", arguments: str = '{"n":1}', **more) -> Asked:
    given = {"again": True, "digest": "digest", "about": {"operation": "echo"}, "places": Places(), **more}
    return Asked(id=id, task="echo", lane=lane, arguments=arguments, **given)


def added(ledger: Ledger, id: str = "a", lane: str = "quick", **more) -> None:
    assert ledger.admit(asked(id, lane, **more), 100) == id


def shown(ledger: Ledger, name: str = "w", lane: str = "quick") -> None:
    ledger.beat(WorkerSign(name, lane, "here", 1, True, 1))


def claimed(ledger: Ledger, name: str = "w", lane: str = "quick"):
    """The job that a worker claims."""
    shown(ledger, name, lane)
    job, _ = ledger.claim(name, lane)
    return job


def finished(ledger: Ledger, id: str, state: str, attempt: int | None = None) -> bool:
    """Whether a job could be ended so."""
    with ledger.change(id, attempt) as change:
        if change is not None:
            change.finish(state)
    return change is not None


def arguments(ledger: Ledger, id: str) -> str | None:
    """What is kept of a request."""
    return dict(map(tuple, ledger._storage.rows(select(database.REQUESTS.c.job, database.REQUESTS.c.arguments)))).get(id)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(sorted(FINAL), repeat=2)))
def test_what_has_ended_does_not_change(in_file, first, second):
    added(in_file)
    job = claimed(in_file)
    assert finished(in_file, "a", first)
    before = in_file.get("a")
    assert not finished(in_file, "a", second)
    assert in_file.report(job, [("say", {"message": "later"})], {"done": 1}) is None
    in_file.dismiss("w")
    assert in_file.claim("w", "quick") is None
    assert in_file.get("a") == before and before.state == first
    assert [event.kind for event in in_file.events("a", 0)] == ["state", "state", "end"]


def test_a_job_ends_once_whoever_else_ends_it_at_the_same_time(ledger):
    added(ledger)
    ends = sorted(FINAL) * 4
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda state: finished(ledger, "a", state), ends))
    assert sum(first) == 1
    assert ledger.get("a").state == ends[first.index(True)]
    assert [event.kind for event in ledger.events("a", 0)] == ["state", "end"]
    assert ledger.events("a", 1)[0].data == ledger.get("a").view()


def test_an_attempt_is_claimed_once_and_the_oldest_first(ledger, tmp_path, url):
    for n in range(12):
        added(ledger, f"job{n:02}")
    for n in range(16):
        shown(ledger, f"w{n}")
    with contextlib.closing(opened(tmp_path, url)) as other, ThreadPoolExecutor(8) as pool:
        sides = itertools.cycle([ledger, other])
        won = list(pool.map(lambda n, side: side.claim(f"w{n}", "quick"), range(16), sides))
    taken = {job.id: job.worker for job, arguments in filter(None, won) if arguments == '{"n":1}'}
    assert sorted(taken) == [f"job{n:02}" for n in range(12)]
    assert {job.id: job.worker for job in ledger.unfinished()} == taken
    assert len(set(taken.values())) == 12
    added(ledger, "x")
    added(ledger, "y")
    assert [claimed(ledger, name).id for name in ("next", "last")] == ["x", "y"]


def test_a_worker_that_did_not_hear_what_it_was_given_is_given_it_once_more(ledger):
    added(ledger)
    added(ledger, "b")
    assert claimed(ledger) == claimed(ledger) == ledger.get("a")
    assert len(ledger.events("a", 0)) == 2
    finished(ledger, "a", "succeeded")
    assert claimed(ledger).id == "b"


def test_lanes_are_separate(in_file):
    added(in_file, lane="slow")
    shown(in_file)
    assert in_file.claim("w", "quick") is None
    assert claimed(in_file, "s", "slow").id == "a"


def test_who_lost_an_attempt_writes_nothing_of_the_job_any_more(ledger):
    added(ledger)
    lost = claimed(ledger)
    assert ledger.report(lost, [("metric", {"n": 1})], None).attempt == 1
    ledger.dismiss("w")
    assert ledger.report(lost, [("metric", {"n": 2})], {"done": 5}) is None
    assert ledger.report(lost, [], None) is None
    assert not finished(ledger, "a", "succeeded", lost.attempt)
    present = claimed(ledger, "v")
    assert (present.attempt, present.losses, present.worker) == (2, 1, "v")
    assert not finished(ledger, "a", "failed", lost.attempt)
    assert ledger.report(present, [("metric", {"n": 3})], None) is not None
    assert [event.data["n"] for event in ledger.events("a", 0) if event.kind == "metric"] == [1, 3]
    assert finished(ledger, "a", "succeeded", present.attempt)
    assert ledger.get("a").state == "succeeded"


def test_a_worker_that_was_struck_off_gets_nothing_until_it_shows_itself_again(ledger):
    added(ledger)
    assert ledger.claim("w", "quick") is None
    shown(ledger)
    ledger.dismiss("w")
    assert ledger.claim("w", "quick") is None
    assert ledger.workers() == []
    assert claimed(ledger).worker == "w"
    ledger.dismiss("w")
    assert ledger.workers() == []


def test_a_job_is_tried_as_often_as_is_safe_and_then_interrupted(in_file):
    added(in_file, "safe")
    added(in_file, "unsafe", again=False)
    for loss in range(1, MAX_LOSSES + 1):
        assert in_file.get("safe").attempt == claimed(in_file, f"w{loss}").attempt == loss
        in_file.dismiss(f"w{loss}")
    assert in_file.get("safe").state == "interrupted" and in_file.get("safe").losses == MAX_LOSSES - 1
    claimed(in_file)
    in_file.dismiss("w")
    assert in_file.get("unsafe").state == "interrupted" and in_file.get("unsafe").attempt == 1


def test_a_job_is_left_to_be_continued_without_counting_a_loss_and_a_cancel_is_the_end_of_it(in_file):
    added(in_file)
    for attempt in range(1, 2 * MAX_LOSSES):
        job = claimed(in_file)
        assert (job.attempt, job.losses) == (attempt, 0)
        with in_file.change("a", attempt) as change:
            change.release(lost=False)
    claimed(in_file)
    with in_file.change("a") as change:
        change.cancel()
    assert in_file.get("a").state == "running" and in_file.get("a").cancelling
    in_file.dismiss("w")
    assert in_file.get("a").state == "cancelled"


def test_what_is_to_be_cancelled_is_claimed_by_nobody(in_file):
    added(in_file)
    with in_file.change("a") as change:
        change.cancel()
    shown(in_file)
    assert in_file.get("a").state == "cancelled" and in_file.claim("w", "quick") is None


def test_a_transaction_that_fails_leaves_nothing(ledger):
    added(ledger, key="once")
    before = ledger.get("a")
    with pytest.raises(KeyError), ledger.change("a") as change:
        change.event("metric", {})
        change.finish("failed")
        raise KeyError
    assert ledger.get("a") == before and len(ledger.events("a", 0)) == 1
    with pytest.raises(Exception, match=r"(?i)unique"):
        added(ledger, "a", key="another")
    assert len(ledger.events("a", 0)) == 1 and ledger.admit(asked("b", key="another"), 100) == "b"


def test_what_was_accepted_is_there_when_the_ledger_is_opened_again(ledger, tmp_path, url):
    added(ledger, key="once")
    with contextlib.closing(opened(tmp_path, url)) as again:
        assert again.get("a") == ledger.get("a")
        assert again.admit(asked("b", key="once"), 100) == "a"
        assert arguments(again, "a") == '{"n":1}'


def test_a_key_is_each_callers_own(ledger):
    for id, who in (("a", "alice"), ("b", "bob"), ("c", "bob alice"), ("d", None)):
        added(ledger, id, who=who, key="once", digest=id)
    assert ledger.admit(asked("e", who="bob", key="once", digest="b"), 100) == "b"
    with pytest.raises(Problem, match="came with another request"):
        ledger.admit(asked("e", who="bob", key="once", digest="a"), 100)
    with ledger._storage.writing() as connection:  # as an earlier version kept it
        connection.execute(update(database.REQUESTS).where(database.REQUESTS.c.job == "a").values(key="early"))
    assert ledger.admit(asked("e", who="alice", key="early", digest="a"), 100) == "a"
    added(ledger, "e", who="bob", key="early")


def test_a_request_is_forgotten_when_the_job_has_ended_and_the_result_is_kept(ledger):
    added(ledger, key="once")
    with ledger.change("a") as change:
        change.finish("succeeded", result='{"m":2}')
    assert arguments(ledger, "a") is None
    assert ledger.result("a") == '{"m":2}'
    assert ledger.admit(asked("b", key="once"), 100) == "a"


def test_events_are_numbered_without_gaps_and_read_from_any_number(ledger):
    added(ledger)
    with ledger.change("a") as change:
        for n in range(9):
            change.event("metric", {"n": n, "bad": float("nan")})
    assert [event.number for event in ledger.events("a", 0)] == list(range(1, 11))
    assert [event.data for event in ledger.events("a", 7)] == [{"n": n, "bad": None} for n in (6, 7, 8)]
    assert ledger.last_events(["a", "b"]) == {"a": 10}


def test_any_text_can_be_said(ledger):
    added(ledger)
    text = "NUL \x00, half a pair \ud800, ü, \U0001f600"
    assert ledger.report(claimed(ledger), [("say", {"message": text})], None).message == text
    assert ledger.get("a").message == text
    assert ledger.events("a", 2)[0].data == {"message": text}


def test_of_a_long_history_reports_of_progress_are_forgotten_first(ledger):
    added(ledger)
    job = claimed(ledger)
    for n in range(100):
        ledger.report(job, [("metric", {"n": n})] if n % 10 == 0 else [], {"done": n})
    events = ledger.events("a", 0)
    assert len(events) <= 1.1 * KEPT
    assert [event.data["n"] for event in events if event.kind == "metric"] == list(range(0, 100, 10))
    assert events[-1].data == {"done": 99} == ledger.get("a").progress
    assert events[-1].number == 112


def test_the_place_in_the_queue_is_that_of_its_lane(ledger):
    for id, lane in (("a", "quick"), ("b", "slow"), ("c", "quick")):
        added(ledger, id, lane)
    assert {job.id: job.position for job in ledger.newest(10)} == {"a": 1, "b": 1, "c": 2}
    claimed(ledger)
    assert {job.id: job.position for job in ledger.newest(10)} == {"a": None, "b": 1, "c": 1}
    assert ledger.queued("quick") == 1
    assert ledger.counts()["queued"] == 2 and ledger.counts()["failed"] == 0


def test_the_time_of_a_job_is_that_of_the_last_of_its_lane(ledger):
    assert ledger.seconds_each("quick") == 1
    added(ledger)
    claimed(ledger)
    finished(ledger, "a", "succeeded")
    job = ledger.get("a")
    assert ledger.seconds_each("quick") == pytest.approx(job.ended - job.started) and ledger.seconds_each("slow") == 1


def test_only_what_ended_is_forgotten_the_oldest_first_with_its_key_and_history(ledger):
    added(ledger, key="once")
    added(ledger, "b")
    added(ledger, "c")
    for id in "ac":
        finished(ledger, id, "failed")
    assert ledger.forget_beyond(1) == ["a"] and ledger.forget_beyond(1) == []
    assert ledger.ids() == {"b", "c"}
    assert ledger.get("a") is None
    assert ledger.events("a", 0) == []
    assert arguments(ledger, "a") is None
    assert ledger.admit(asked("d", key="once"), 100) == "d"


def test_workspaces_that_share_a_database_do_not_meet(tmp_path, postgresql):
    for name in "ab":
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as stack:
        one, other, same = (stack.enter_context(contextlib.closing(opened(tmp_path / name, postgresql))) for name in "aba")
        added(one)
        assert other.get("a") is None
        assert same.get("a") == one.get("a")


@pytest.mark.parametrize(
    "url", ["http://localhost", "redis://localhost:6379/0", "sqlite:///x", "localhost", "postgresql://h:x/"]
)
def test_an_address_that_is_none_is_refused_with_one_that_is(tmp_path, url):
    with pytest.raises(UsageError, match="write postgresql://"):
        Ledger(tmp_path, url, KEPT)


def test_a_server_that_does_not_answer_is_named_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    with contextlib.closing(Ledger(tmp_path, "postgresql://someone:secret@127.0.0.1:1/x", KEPT)) as away:
        with pytest.raises(UsageError, match=r"cannot be opened.*REVERIE_QUEUE_URL") as refused:
            away.create()
        assert "secret" not in str(refused.value)
        with pytest.raises(Problem) as busy:
            added(away)
        assert busy.value.status == 503 and "Retry-After" in busy.value.headers


def test_a_ledger_that_another_program_holds_refuses_and_recovers(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "LOCKED", 0.05)
    with contextlib.closing(opened(tmp_path, None)) as ledger:
        with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as holder:
            holder.execute("begin immediate")
            with pytest.raises(Problem) as busy:
                added(ledger)
            assert busy.value.status == 503 and "Retry-After" in busy.value.headers
            assert ledger.get("a") is None, "what reads does not wait"
        added(ledger)
        assert ledger.get("a").state == "queued"


def test_a_ledger_without_room_refuses_and_recovers(in_file):
    def pages(most: int) -> None:
        with in_file._storage._engine.connect() as connection:
            connection.exec_driver_sql(f"pragma max_page_count={most}")

    pages(1)  # of what there is, never less
    with pytest.raises(Problem) as full:
        in_file.admit(asked(arguments="x" * 100_000), 100)
    assert full.value.status == 507
    assert in_file.get("a") is None
    pages(10_000)
    added(in_file)
    assert in_file.get("a").state == "queued"
