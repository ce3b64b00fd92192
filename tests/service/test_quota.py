"""The disk: quotas, a floor of free space, and files that are whole or not there, whatever happens meanwhile."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from reverie.service.problems import Problem
from reverie.service.quota import Quota
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

CSV = (".csv",)


def workspace(folder, **limits) -> Workspace:
    return Workspace(folder / "root", Settings(**{"free_bytes": 0, **limits}))


def write(store: Workspace, name: str, content: bytes, overwrite: bool = False) -> None:
    with store.writing(name, CSV, overwrite) as file:
        file.write(content)


def names(store: Workspace) -> list[str]:
    """Everything in the root but the service's own folder, hidden files too."""
    return sorted(
        str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file() and store.state not in p.parents
    )


def test_a_file_has_at_most_its_bytes(tmp_path):
    store = workspace(tmp_path, file_bytes=10)
    write(store, "ten.csv", b"x" * 10)
    with pytest.raises(Problem) as refused:
        write(store, "eleven.csv", b"x" * 11)
    assert refused.value.status == 413
    assert names(store) == ["ten.csv"]


def test_the_workspace_has_at_most_its_bytes_and_its_files(tmp_path):
    store = workspace(tmp_path, total_bytes=100, files=3)
    write(store, "a.csv", b"x" * 60)
    for content in (b"x" * 41, b"x" * 100):
        with pytest.raises(Problem) as refused:
            write(store, "b.csv", content)
        assert refused.value.status == 507
    write(store, "b.csv", b"x" * 40)
    for attempt in (lambda: write(store, "c.csv", b""), lambda: store.target("c.csv", CSV, False)):
        with pytest.raises(Problem) as refused:
            attempt()
        assert refused.value.status == 507
    store.remove("a.csv", CSV)
    write(store, "c.csv", b"x")
    write(store, "d.csv", b"x")
    with pytest.raises(Problem, match="3 files"):
        write(store, "e.csv", b"x")
    assert names(store) == ["b.csv", "c.csv", "d.csv"]


def test_quotas_hold_for_writers_side_by_side(tmp_path):
    store, barrier = workspace(tmp_path, total_bytes=1000), threading.Barrier(8)
    ended = []

    def one(i: int) -> None:
        try:
            with store.writing(f"{i}.csv", CSV, False) as file:
                barrier.wait(30)
                file.write(b"x" * 300)
            ended.append("written")
        except Problem as problem:
            ended.append(problem.status)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 8
    assert set(ended) <= {"written", 507}
    assert sum(entry.bytes for entry in store.entries()) <= 1000
    assert len(names(store)) == ended.count("written")


def test_the_services_own_files_count_in_bytes_but_not_in_number(tmp_path):
    store = workspace(tmp_path, total_bytes=100, files=1)
    (store.state / "jobs").mkdir()
    (store.state / "jobs" / "result.json").write_bytes(b"x" * 90)
    with pytest.raises(Problem, match="GB"):
        write(store, "a.csv", b"x" * 11)
    write(store, "a.csv", b"x" * 9)


def test_the_floor_of_free_space_is_kept(tmp_path, monkeypatch):
    store = workspace(tmp_path)
    write(store, "a.csv", b"old")
    monkeypatch.setattr(Quota, "free", lambda self: 0)
    for attempt in (lambda: write(store, "b.csv", b"x"), lambda: store.target("b.csv", CSV, False)):
        with pytest.raises(Problem) as refused:
            attempt()
        assert refused.value.status == 507
    assert names(store) == ["a.csv"]


def test_the_floor_is_of_the_disk_that_holds_the_root(tmp_path):
    disk = os.statvfs(tmp_path)
    store = workspace(tmp_path, free_bytes=disk.f_blocks * disk.f_frsize + 1)
    with pytest.raises(Problem, match="nearly full"):
        write(store, "a.csv", b"x")


def test_a_full_disk_leaves_the_old_file_and_answers_507(serving, monkeypatch):
    site = serving()
    site.call("PUT", "/api/files/a.csv", b"old")
    real = os.fsync

    def full(handle: int) -> None:
        real(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    reply = site.call("PUT", "/api/files/a.csv?overwrite=1", b"new")
    monkeypatch.undo()
    assert (reply.status, reply.json["type"]) == (507, "/problems/storage")
    assert site.call("GET", "/api/files/a.csv").body == b"old"
    assert names(site.workspace) == ["a.csv"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB, where the system lets us make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_up_keeps_what_was_whole(small_disk, serving):
    site = serving(workspace=small_disk / "work")
    assert site.call("PUT", "/api/files/a.csv", b"x" * 600_000).status == 201
    reply = site.call("PUT", "/api/files/b.csv", b"x" * 600_000)
    assert (reply.status, reply.json["type"]) == (507, "/problems/storage")
    assert [f["name"] for f in site.call("GET", "/api/files").json["files"]] == ["a.csv"]
    assert site.call("GET", "/api/files/a.csv").body == b"x" * 600_000
    assert site.call("DELETE", "/api/files/a.csv").status == 204
    assert site.call("PUT", "/api/files/b.csv", b"x" * 600_000).status == 201
    assert names(site.workspace) == ["b.csv"]


WRITER = """
import sys
from pathlib import Path
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace
store = Workspace(Path(sys.argv[1]), Settings(free_bytes=0))
for i in range(10**9):
    with store.writing("a.csv", (".csv",), True) as file:
        for _ in range(20):
            file.write(bytes([48 + i % 10]) * 10_000)
    sys.stdout.write("."); sys.stdout.flush()
"""


def test_a_kill_during_a_write_leaves_a_whole_file(tmp_path):
    store = workspace(tmp_path)
    for wait in (0.0, 0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(store.root)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.read(3)  # some writes are done, another has begun
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
        content = (store.root / "a.csv").read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1
    assert [entry.name for entry in store.entries()] == ["a.csv"]


def test_what_a_killed_writer_left_is_swept_once_it_is_nobodys(tmp_path):
    store = workspace(tmp_path)
    (store.root / "tables").mkdir()
    old, fresh, own = store.root / "tables/.0123.part", store.root / ".4567.part", store.root / ".notes"
    for path in (old, fresh, own):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(own, (0, 0))
    (store.state / "held" / "x").mkdir(parents=True)
    store.sweep()
    assert not old.exists()
    assert fresh.exists()
    assert own.exists()
    assert not (store.state / "held").exists()


def test_an_upload_that_breaks_off_leaves_nothing(site):
    import socket

    with socket.create_connection(("127.0.0.1", site.port)) as wire:
        wire.sendall(
            b"PUT /api/files/a.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 2_000_000
        )
    for _ in range(600):
        if names(site.workspace) == [] and site.app.state.metrics.open._value.get() == 0:
            break
        time.sleep(0.05)
    assert names(site.workspace) == []
    with contextlib.suppress(OSError):
        assert site.call("GET", "/api/files/a.csv").status == 404


def test_a_later_attempt_may_write_what_an_earlier_one_wrote_and_nobody_else(tmp_path):
    """A worker that dies between the file and the ledger leaves a job that is done again."""
    store = workspace(tmp_path)
    one, other = (store.state / "jobs" / job / "files-1" for job in ("1" * 32, "2" * 32))
    for folder in (one, other):
        folder.mkdir(parents=True)
    with store.writing("new.csv", CSV, False, one) as file:
        file.write(b"rows")
    again = one.with_name("files-2")
    store.target("new.csv", CSV, False, again)
    with store.writing("new.csv", CSV, False, again) as file:
        file.write(b"rows")
    for by in (other, None):
        with pytest.raises(Problem) as refused:
            store.target("new.csv", CSV, False, by)
        assert refused.value.status == 409
    write(store, "new.csv", b"anew", overwrite=True)
    with pytest.raises(Problem) as refused, store.writing("new.csv", CSV, False, again) as file:
        file.write(b"rows")
    assert refused.value.status == 409, "it is another's now"
