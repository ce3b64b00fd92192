"""The ledger: an accepted job stays, its state only grows, and its end is told once."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import get_args

import pytest

from reverie.service.jobs.job import FINAL, JobState, may_follow
from reverie.service.jobs.ledger import Ledger

STATES = get_args(JobState)


def added(ledger: Ledger, id: str = "a", lane: str = "quick", key: str | None = None) -> None:
    with ledger.change() as change:
        change.add(id, "echo", lane, True, '{"task":"echo"}', key, "digest")


@pytest.fixture
def ledger(tmp_path: Path):
    with_few = Ledger(tmp_path / "jobs.sqlite", events_kept=20)
    yield with_few
    with_few.close()


def test_a_state_never_goes_back():
    assert [s for s in STATES if may_follow("queued", s)] == ["running", *STATES[2:]]
    assert [s for s in STATES if may_follow("running", s)] == ["running", *STATES[2:]]
    assert not any(may_follow(final, s) for final in FINAL for s in STATES)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(sorted(FINAL), ["running", *sorted(FINAL)])))
def test_what_has_ended_does_not_change(ledger, first, second):
    added(ledger)
    with ledger.change() as change:
        assert change.finish("a", first, None)
    before = ledger.get("a")
    with ledger.change() as change:
        assert not (change.update("a", state=second) if second == "running" else change.finish("a", second, None))
        assert not change.update("a", message="later")
    assert ledger.get("a") == before
    assert [event.kind for event in ledger.events("a", 0)] == ["state", "end"]


def test_a_transaction_that_fails_leaves_nothing(ledger):
    with pytest.raises(KeyError), ledger.change() as change:
        change.add("a", "echo", "quick", True, "{}", "key", "digest")
        raise KeyError
    assert ledger.get("a") is None
    assert ledger.by_key("key") is None


def test_what_was_accepted_is_there_when_the_file_is_opened_again(ledger, tmp_path):
    added(ledger, key="once")
    again = Ledger(tmp_path / "jobs.sqlite", events_kept=20)
    assert again.get("a") == ledger.get("a")
    assert again.by_key("once") == ("digest", "a")
    assert again.request("a") == '{"task":"echo"}'
    again.close()


def test_a_request_is_forgotten_when_the_job_has_ended(ledger):
    added(ledger)
    with ledger.change() as change:
        change.finish("a", "succeeded", None)
    assert ledger.request("a") is None


def test_events_are_numbered_without_gaps_and_read_from_any_number(ledger):
    added(ledger)
    with ledger.change() as change:
        for n in range(9):
            change.event("a", "metric", {"n": n})
    assert [event.number for event in ledger.events("a", 0)] == list(range(1, 11))
    assert [event.data["n"] for event in ledger.events("a", 7)] == [6, 7, 8]


def test_of_a_long_history_reports_of_progress_are_forgotten_first(ledger):
    added(ledger)
    for n in range(100):
        with ledger.change() as change:
            change.event("a", "progress", {"done": n})
            if n % 10 == 0:
                change.event("a", "metric", {"n": n})
    events = ledger.events("a", 0)
    assert len(events) <= 22
    assert [event.data["n"] for event in events if event.kind == "metric"] == list(range(0, 100, 10))
    assert events[-1].data == {"done": 99}
    assert events[-1].number == 111


def test_the_place_in_the_queue_is_that_of_its_lane(ledger):
    for id, lane in (("a", "quick"), ("b", "slow"), ("c", "quick")):
        added(ledger, id, lane)
    assert {job.id: job.position for job in ledger.newest(10)} == {"a": 1, "b": 1, "c": 2}
    with ledger.change() as change:
        change.update("a", state="running", worker={"name": "w"})
    assert {job.id: job.position for job in ledger.newest(10)} == {"a": None, "b": 1, "c": 1}
    assert ledger.queued("quick") == 1


def test_what_is_removed_is_gone_with_its_key_and_history(ledger):
    added(ledger, key="once")
    with ledger.change() as change:
        change.remove("a")
    assert ledger.get("a") is None
    assert ledger.by_key("once") is None
    assert ledger.events("a", 0) == []
