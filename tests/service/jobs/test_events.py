"""A job's events arrive each once and in order, however often the connection is dropped."""

from __future__ import annotations

import asyncio

import pytest

from reverie.service.jobs import events


def test_a_listener_that_was_cut_off_again_and_again_misses_nothing_and_hears_nothing_twice(server):
    id = server.do("tell", wait=0, count=60, pause=0.02)[2]["id"]
    heard = []
    for most in (1, 2, 3, 5, 8, 13, 10**9):  # each time the connection is dropped in the middle of the job
        heard += server.listen(id, after=heard[-1]["id"] if heard else None, most=most)
    assert [event["id"] for event in heard] == list(range(1, len(heard) + 1))
    assert [event["data"]["number"] for event in heard if event["event"] == "metric"] == list(range(60))
    assert heard[-1]["event"] == "end"
    assert heard[-1]["data"] == server.job(id)
    assert heard == server.listen(id), "the whole history is told alike to whoever comes later"


def test_several_listeners_hear_the_same(server):
    id = server.do("tell", wait=0, count=5, pause=0.05)[2]["id"]
    assert server.listen(id) == server.listen(id, after=0)


def test_whoever_asks_again_sees_progress_grow_and_the_end_stay(server):
    id = server.do("tell", wait=0, count=30, pause=0.02)[2]["id"]
    seen = []
    while not seen or seen[-1]["state"] not in ("succeeded", "failed"):
        seen.append(server.job(id))
    shares = [view["progress"]["done"] for view in seen if view["progress"]]
    assert shares == sorted(shares)
    order = {"queued": 0, "running": 1, "succeeded": 2}
    states = [order[view["state"]] for view in seen]
    assert states == sorted(states)
    assert server.job(id)["progress"] == {"done": 30, "total": 30, "seconds_left": 0.0}


@pytest.mark.parametrize("after", ["", "x", "-1", "1e9", "9" * 30, "1\u00b2"])
def test_an_id_that_is_none_means_from_the_beginning(server, after):
    id = server.do("echo")[1]["x-job"]
    assert [event["event"] for event in server.listen(id, after=after)] == ["state", "state", "end"]


def test_a_silent_connection_shows_that_it_lives(open_jobs, monkeypatch):
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    jobs = open_jobs(begin=False)
    id = jobs.submit("echo", {}).id

    async def first() -> list[bytes]:
        heard = []
        async for part in events.stream(jobs, id, 1):
            heard.append(part)
            if len(heard) == 2:
                break
        return heard

    assert all(part.startswith(b":") for part in asyncio.run(first()))


def test_the_events_of_no_job_are_not_found(server):
    assert server.ask("GET", f"/api/jobs/{'0' * 32}/events")[0] == 404
