"""Load at 1, 2 and 10 times what there is room for: what is accepted is done, what is refused is told when to come again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from watching import Server, done, until

SLOTS, WORKERS = 4, 1


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[Server]:
    """A server with little room."""
    running = Server(tmp_path_factory.mktemp("small") / "work", queue_slots=SLOTS, quick_workers=WORKERS, wait_seconds=60)
    until(lambda: running.do("echo")[0] == 200)
    yield running
    running.kill()


@pytest.mark.parametrize("times", [1, 2, 10])
def test_no_accepted_job_is_lost_and_refusals_say_when_to_come_again(small, times):
    server, root = small, small.log.with_suffix("")
    callers = times * (SLOTS + WORKERS)
    before = len(done(root))

    def ask(number: int) -> tuple[int, dict[str, str]]:
        status, headers, _ = server.do("nap", seconds=0.1)
        return status, headers

    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(ask, range(callers)))
    accepted = [headers["x-job"] for status, headers in answers if status == 200]
    refused = [headers for status, headers in answers if status == 503]
    assert len(accepted) + len(refused) == callers
    assert len(accepted) >= min(callers, SLOTS)
    assert all(int(headers["retry-after"]) >= 1 for headers in refused)
    assert [server.job(id)["state"] for id in accepted] == ["succeeded"] * len(accepted)
    assert sorted(job for _, job, *_ in done(root)[before:]) == sorted(accepted), "what was refused is not done"
