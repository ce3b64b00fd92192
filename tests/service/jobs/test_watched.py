"""Who watches the server hears of each job's end once, and sees its workers: from the ledger, whoever did the work."""

from __future__ import annotations

import contextlib
import os
import signal

from prometheus_client.parser import text_string_to_metric_families
from test_ledger import added, claimed, finished, opened
from watching import ended, until

from reverie.service.jobs.ends import Ends, Outline
from reverie.service.metrics import Metrics


def numbers(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_each_end_is_told_once_and_not_those_from_before(tmp_path):
    with contextlib.closing(opened(tmp_path, None)) as ledger:
        for id in "abcd":
            added(ledger, id)
        finished(ledger, "b", "cancelled")
        ends = Ends(ledger)
        assert ends.new() == []
        finished(ledger, "c", "failed")
        added(ledger, "e")
        finished(ledger, "e", "succeeded")
        assert [(job.sequence, job.state) for job in ends.new()] == [(3, "failed"), (5, "succeeded")]
        assert ends.new() == []
        finished(ledger, "a", "cancelled")
        assert [job.sequence for job in ends.new()] == [1]
        finished(ledger, "d", "cancelled")
        assert [job.sequence for job in ends.new()] == [4]
        assert ends.new() == []
        ledger.close()
        for file in tmp_path.glob("ledger.sqlite*"):
            file.unlink()
        ledger.create()
        added(ledger, "z")
        assert ends.new() == []
        claimed(ledger)
        finished(ledger, "z", "succeeded")
        assert [job.sequence for job in ends.new()] == [1], "another ledger counts from 1"


def test_a_job_is_counted_by_operation_and_outcome_with_its_times(open_jobs):
    jobs = open_jobs(begin=False)
    metrics = Metrics(jobs.overview, jobs._workspace.quota)
    metrics.job(Outline(1, "sample-large", "succeeded", 100.0, 103.0, 110.0))
    metrics.job(Outline(2, "sample", "failed", 100.0, 100.5, 101.0))
    metrics.job(Outline(3, "training", "cancelled", 100.0, None, 101.0))
    metrics.job(Outline(4, "what-a-client-made-up", "succeeded", 100.0, 100.0, 100.0))
    told = numbers(metrics)

    def ends(operation: str, outcome: str) -> float:
        return told["reverie_jobs_ended_total", frozenset({("operation", operation), ("outcome", outcome)})]

    assert (ends("sample", "succeeded"), ends("sample", "failed"), ends("training", "cancelled")) == (1, 1, 1)
    assert ends("other", "succeeded") == 1
    sample = frozenset({("operation", "sample")})
    assert (told["reverie_job_waiting_seconds_sum", sample], told["reverie_job_running_seconds_sum", sample]) == (3.5, 7.5)
    assert ("reverie_job_waiting_seconds_sum", frozenset({("operation", "training")})) not in told


def test_workers_that_are_replaced_and_what_they_hold_are_seen(open_jobs):
    jobs = open_jobs()
    metrics = Metrics(jobs.overview, jobs._workspace.quota)
    jobs.hear(metrics.job)
    assert ended(jobs, jobs.submit("echo", {}).id).state == "succeeded"
    until(lambda: all(lane.workers == 1 for lane in jobs.overview().lanes.values()))
    assert jobs.overview().alive
    first = next(pid for name, pid in jobs.worker_processes().items() if name.startswith("slow"))
    os.kill(first, signal.SIGKILL)
    until(lambda: jobs.overview().restarts == {("slow", "killed"): 1})
    until(lambda: jobs.overview().lanes["slow"].workers == 1)
    until(lambda: ("reverie_workspace_files", frozenset()) in numbers(metrics))
    told = numbers(metrics)
    assert told["reverie_worker_restarts_total", frozenset({("lane", "slow"), ("reason", "killed")})] == 1
    assert told["reverie_worker_memory_bytes", frozenset({("lane", "quick"), ("number", "0")})] > 1e6
    assert told["reverie_jobs_ended_total", frozenset({("operation", "other"), ("outcome", "succeeded")})] == 1
    assert told["reverie_ledger_usable", frozenset()] == 1
    assert told["reverie_workspace_files", frozenset()] == 1  # what the chore wrote down
    assert told["reverie_disk_free_bytes", frozenset()] > 0
