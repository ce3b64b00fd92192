"""The queue: each message once, each fact once, whatever carries them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reverie.errors import UsageError
from reverie.service.jobs.outbox import AHEAD, Outbox, batch_key
from reverie.service.jobs.queue import Queue


@pytest.fixture
def queue(tmp_path, url):
    queue = Queue(tmp_path, url)
    yield queue
    queue.close()


def test_messages_come_in_order_and_each_once(queue):
    for n in range(40):
        queue.enqueue("quick", f"job{n}", 1)
    assert queue.waiting("quick") == {(f"job{n}", 1) for n in range(40)}
    assert [queue.dequeue("quick") for _ in range(3)] == [("job0", 1), ("job1", 1), ("job2", 1)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: queue.dequeue("quick"), range(37)))
    assert sorted(taken) == sorted((f"job{n}", 1) for n in range(3, 40))
    assert queue.dequeue("quick") is None


def test_lanes_are_apart(queue):
    queue.enqueue("slow", "a", 1)
    assert queue.dequeue("quick") is None
    assert queue.dequeue("slow") == ("a", 1)


def test_an_attempt_is_claimed_once(queue):
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda n: queue.claim("a", 1, {"name": n}), range(64)))
    assert sum(won) == 1
    assert queue.read(["claim:a:1"]) == {"claim:a:1": {"name": won.index(True)}}
    assert queue.claim("a", 2, {"name": "next"})


def test_a_job_ends_once(queue):
    ends = ["succeeded", "failed", "cancelled", "interrupted"] * 8
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(lambda state: queue.conclude("a", {"state": state}), ends))
    assert sum(first) == 1
    assert queue.read(["outcome:a"])["outcome:a"]["state"] == ends[first.index(True)]


def test_what_is_no_message_of_ours_is_thrown_away(queue):
    for content in (b"\x80\x04K\x01.", b"[]", b'{"job": "a"}', b"null"):
        queue._lanes["quick"].enqueue(content)
    assert queue.waiting("quick") == set()
    assert [queue.dequeue("quick") for _ in range(4)] == [None] * 4


def test_workspaces_that_share_a_redis_server_do_not_meet(tmp_path, redis):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other, same = (Queue(tmp_path / name, redis) for name in "aba")
    one.enqueue("quick", "x", 1)
    assert other.dequeue("quick") is None
    assert same.dequeue("quick") == ("x", 1)


def test_an_address_that_is_none_is_said_to_be(tmp_path):
    with pytest.raises(UsageError, match="no address of a Redis server"):
        Queue(tmp_path, "http://localhost")


def test_an_outbox_waits_for_a_server_that_is_away_and_keeps_what_matters(queue):
    outbox = Outbox(queue, "a", 1, kept=50)
    for n in range(200):
        outbox.add("metric", {"n": n})
        outbox.progress(n, 200, None)
        outbox.flush()
    keys = [batch_key("a", 1, n) for n in range(1, 300)]
    held = queue.read(keys)
    assert len(held) == AHEAD
    queue.drop(held)
    assert outbox.flush()
    (rest,) = queue.read(keys).values()
    assert rest[-1] == ["progress", {"done": 199, "total": 200, "seconds_left": None}]
    assert [data["n"] for kind, data in rest if kind == "metric"] == list(range(150, 200))
