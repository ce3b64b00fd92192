"""A worker that is told to stop while it still imports what jobs need."""

import os

import pytest

from reverie.service.jobs.heart import Heart
from reverie.service.jobs.queue import Queue


class Left(BaseException):
    """The process has ended."""


def test_a_worker_told_to_stop_before_it_is_ready_leaves_at_once_and_no_sign_of_it_stays(tmp_path, monkeypatch):
    def leave(code: int) -> None:
        assert code == 0
        raise Left

    monkeypatch.setattr(os, "_exit", leave)
    queue = Queue(tmp_path, None)
    told = iter([False, True])
    heart = Heart(queue, "slow-1", {}, None, lambda: None, lambda: next(told))
    with pytest.raises(Left):
        heart.run()
    assert next(told, None) is None and queue.hearts() == {}
    queue.close()
