"""A job that was accepted ends in exactly one way, whatever happens to the process that does it."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from watching import done, ended, until

from reverie.service.jobs.job import FINAL
from reverie.service.problems import Problem


def test_a_job_is_done_once_and_gives_its_result_and_files(open_jobs, root, url):
    jobs = open_jobs(queue_url=url)
    jobs_of = [jobs.submit("echo", {"n": n}) for n in range(5)]
    told = jobs.submit("tell", {"count": 5})
    assert [ended(jobs, job.id).state for job in jobs_of] == ["succeeded"] * 5
    assert [jobs.result(job.id) for job in jobs_of] == [{"echo": {"n": n}} for n in range(5)]
    assert ended(jobs, told.id).message == "All is told."
    assert (jobs.folder(told.id) / "table.csv").read_text() == "a,b\n1,2\n"
    events = jobs.events(told.id, 0)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.data["loss"] for event in events if event.kind == "metric"] == [1, 0.5, 1 / 3, None, 0.2]
    assert [event.kind for event in events][:2] == ["state", "state"]
    assert events[-1].kind == "end"
    assert events[-1].data == jobs.get(told.id).view()
    assert sorted(job for _, job, *_ in done(root)) == sorted([*(job.id for job in jobs_of), told.id])


def test_what_fails_says_why_without_values_of_patients(open_jobs, capfd):
    jobs = open_jobs(slow_workers=0)
    data, secret = jobs.submit("wrong", {"data": True}), jobs.submit("wrong", {"secret": "Miriam"})
    assert ended(jobs, data.id).error == {
        "type": "/problems/data",
        "title": "The data cannot be used",
        "status": 422,
        "detail": "row 3 of visits.csv has no time: fill it in.",
    }
    error = ended(jobs, secret.id).error
    assert error is not None
    assert error["status"] == 500
    logged = capfd.readouterr().err
    assert secret.id in logged
    assert "RuntimeError" in logged
    for text in ("Miriam", "/somewhere/else"):
        assert text not in str(error)
        assert text not in logged
    with pytest.raises(Problem) as failed:
        jobs.result(data.id)
    assert (failed.value.status, failed.value.kind) == (422, "data")


def test_a_job_that_waits_is_cancelled_at_once_and_never_done(jobs):
    first = jobs.submit("nap", {"seconds": 1.0})
    second = jobs.submit("echo", {})
    until(lambda: jobs.get(first.id).state == "running")
    assert jobs.cancel(second.id).state == "cancelled"
    assert ended(jobs, first.id).state == "succeeded"
    third = jobs.submit("echo", {})
    assert ended(jobs, third.id).state == "succeeded"
    assert second.id not in {job for _, job, *_ in done(jobs._workspace.root)}
    assert jobs.cancel(third.id).state == "succeeded"
    with pytest.raises(Problem, match="cancelled"):
        jobs.result(second.id)


@pytest.mark.parametrize(
    ("chore", "arguments"), [("nap", {"seconds": 60}), ("stubborn", {"seconds": 60}), ("deaf", {"count": 10**11})]
)
def test_a_cancel_frees_the_slot_even_of_a_job_that_does_not_listen(jobs, chore, arguments):
    job = jobs.submit(chore, arguments)
    until(lambda: jobs.get(job.id).state == "running")
    (holder,) = (pid for name, pid in jobs.worker_processes().items() if name == jobs.get(job.id).worker)
    jobs.cancel(job.id)
    assert ended(jobs, job.id).state == "cancelled"
    after = jobs.submit("echo", {})
    assert ended(jobs, after.id).state == "succeeded"
    assert jobs.get(job.id).state == "cancelled"
    if chore != "nap":
        assert holder not in jobs.worker_processes().values()


@pytest.mark.parametrize(("chore", "arguments"), [("nap", {"seconds": 60}), ("stubborn", {"seconds": 60})])
def test_a_job_has_its_time_and_no_more(open_jobs, chore, arguments):
    jobs = open_jobs(quick_seconds=0.3, slow_workers=0)
    job = ended(jobs, jobs.submit(chore, arguments).id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["type"] == "/problems/deadline"
    assert ended(jobs, jobs.submit("echo", {}).id).state == "succeeded"


def test_what_was_lost_with_its_worker_is_done_again_if_that_is_safe(open_jobs, root):
    jobs = open_jobs(slow_workers=0)
    safe, unsafe, hopeless = (
        jobs.submit("fatal", {"times": 1}),
        jobs.submit("fatal-once", {"times": 1}),
        jobs.submit("fatal", {"times": 99}),
    )
    assert ended(jobs, safe.id).state == "succeeded"
    assert jobs.result(safe.id) == {"attempt": 2}
    assert [e.data.get("attempt") for e in jobs.events(safe.id, 0) if e.kind == "state"] == [1, 1, 2, 2]
    for job, tried in ((unsafe, 1), (hopeless, 3)):
        assert ended(jobs, job.id).state == "interrupted"
        assert sum(id == job.id for _, id, *_ in done(root)) == tried
        error = jobs.get(job.id).error
        assert error is not None
        assert "interrupted" in error["detail"]


@pytest.mark.parametrize("of", ["python", "polars"])
def test_a_job_that_wants_more_memory_than_its_worker_may_have_fails_once_and_says_so(open_jobs, root, of):
    jobs = open_jobs(worker_bytes=700_000_000, slow_workers=0)
    job, other = jobs.submit("greedy", {"of": of, "bytes": 2_000_000_000}), jobs.submit("greedy", {"of": of, "bytes": 1000})
    view = ended(jobs, job.id)
    assert view.state == "failed" and view.error is not None
    assert (view.error["type"], view.error["status"]) == ("/problems/memory", 422)
    assert "more memory than the 700 MB that a worker may have" in view.error["detail"]
    assert [event.kind for event in jobs.events(job.id, 0)].count("end") == 1
    assert [id for _, id, *_ in done(root)].count(job.id) == 1
    assert ended(jobs, other.id).state == "succeeded" and jobs.result(other.id) == {"had": 1000}


def test_a_stopped_worker_leaves_its_job_to_be_continued_from_what_it_saved(open_jobs, root):
    jobs = open_jobs(quick_workers=0)
    job = jobs.submit("course", {"steps": 200})
    until(lambda: (jobs.get(job.id).progress or {}).get("done", 0) > 5)
    os.kill(jobs.worker_processes()[jobs.get(job.id).worker], signal.SIGTERM)
    assert ended(jobs, job.id).state == "succeeded"
    assert jobs.result(job.id)["begun"] > 5
    assert [attempt for _, _, attempt, _ in done(root)] == ["1", "2"]
    assert jobs.get(job.id).losses == 0


def test_what_a_server_left_is_taken_up_by_the_next(open_jobs, root):
    jobs = open_jobs(grace_seconds=2, quick_workers=0)
    running = jobs.submit("course", {"steps": 100})
    waiting = [jobs.submit("course", {"steps": 3}) for _ in range(3)]
    until(lambda: (jobs.get(running.id).progress or {}).get("done", 0) > 5)
    jobs.stop(1.0)
    assert jobs.worker_processes() == {}
    assert jobs.get(running.id).state == "running"
    with pytest.raises(Problem, match="stopping") as refused:
        jobs.submit("echo", {})
    assert "Retry-After" in refused.value.headers
    again = open_jobs(quick_workers=0)
    assert [ended(again, job.id).state for job in (running, *waiting)] == ["succeeded"] * 4
    assert again.result(running.id)["begun"] > 5
    assert len(done(root)) == 5


def test_asking_twice_with_a_key_asks_once(open_jobs, root):
    jobs = open_jobs(queue_slots=1, slow_workers=0)
    with pytest.raises(Problem) as unfit:
        jobs.submit("echo", {}, key="not\nvisible")
    assert unfit.value.status == 422
    found: list[str] = []
    asking = [
        threading.Thread(target=lambda: found.append(jobs.submit("echo", {"a": 1, "b": 2}, key="k").id)) for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    (id,) = set(found)
    assert ended(jobs, id).state == "succeeded"
    assert jobs.submit("echo", {"b": 2, "a": 1}, key="k").id == id
    with pytest.raises(Problem) as other:
        jobs.submit("echo", {"a": 2}, key="k")
    assert other.value.status == 422
    assert len(done(root)) == 1


def test_a_full_lane_refuses_with_a_time_and_the_other_does_not(open_jobs):
    jobs = open_jobs(queue_slots=2)
    first = jobs.submit("nap", {"seconds": 60})
    until(lambda: jobs.get(first.id).state == "running")
    waiting = [jobs.submit("echo", {}) for _ in range(2)]
    assert [jobs.get(job.id).position for job in waiting] == [1, 2]
    with pytest.raises(Problem) as full:
        jobs.submit("echo", {})
    assert (full.value.status, full.value.kind) == (503, "busy")
    assert int(full.value.headers["Retry-After"]) >= 1
    assert ended(jobs, jobs.submit("tell", {"count": 1}).id).state == "succeeded"
    jobs.cancel(first.id)
    assert [ended(jobs, job.id).state for job in waiting] == ["succeeded"] * 2


def test_old_jobs_are_forgotten_with_their_folders_keys_and_histories_and_unfinished_ones_never(open_jobs, root):
    jobs = open_jobs(kept_jobs=3)
    unfinished = jobs.submit("course", {"steps": 10_000})
    old = [jobs.submit("echo", {"n": n}, key=f"k{n}") for n in range(6)]
    for job in old:
        ended(jobs, job.id)
    until(lambda: len(jobs.list(100)[0]) == 4)
    kept = {job.id for job in jobs.list(100)[0]}
    assert kept == {unfinished.id, *(job.id for job in old[3:])}
    folders = root / ".reverie" / "jobs"
    until(lambda: {folder.name for folder in folders.iterdir()} == kept)
    assert [jobs._ledger.events(job.id, 0) for job in old[:3]] == [[]] * 3
    assert [jobs.submit("echo", {"n": n}, key=f"k{n}").id for n in (3, 4, 5)] == [job.id for job in old[3:]]
    assert jobs.submit("echo", {"n": "another"}, key="k0").id not in {job.id for job in old}
    with pytest.raises(Problem) as gone:
        jobs.get(old[0].id)
    assert gone.value.status == 404
    assert jobs.cancel(unfinished.id).state in FINAL | {"running"}


@pytest.mark.parametrize("id", ["", "a" * 32 + "\n", "../jobs", "\x00", "\ud800" * 32, "A" * 32])
def test_a_job_that_cannot_be_is_not_found(open_jobs, id):
    with pytest.raises(Problem) as missing:
        open_jobs(begin=False).get(id)
    assert missing.value.status == 404


def test_workers_die_with_their_server(open_server):
    server = open_server()
    long = server.do("nap", wait=0, seconds=60)[2]
    until(lambda: server.job(long["id"])["state"] == "running")
    workers = children(server.process.pid)
    assert len(workers) == 2
    server.kill()
    until(lambda: not any(alive(pid) for pid in workers))


def children(parent: int) -> list[int]:
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(pid)
    return found


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("limit", [{"worker_jobs": 2}, {"worker_grown": 1}], ids=["jobs", "memory"])
def test_a_worker_that_did_its_part_or_grew_is_replaced_and_no_job_suffers(open_jobs, root, limit):
    jobs = open_jobs(slow_workers=0, **limit)
    for number in range(4):
        id = jobs.submit("echo", {"number": number}).id
        assert ended(jobs, id).state == "succeeded" and jobs.get(id).attempt == 1
    processes = [process for *_, process in done(root)]
    each = limit.get("worker_jobs", 1)
    assert len(set(processes)) == 4 // each and all(processes.count(process) == each for process in processes)
