"""The engine ray: whatever becomes of workers, the bytes are those made in this process; bad input is a sentence."""

import os
import random
import signal
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from stones import Stones  # in cluster/, where workers find it too

from reverie.errors import DataError, UsageError
from reverie.shards import InProcess, complete
from reverie.shards import ray as engine
from reverie.shards import work as works
from reverie.shards.ray import Ray


@pytest.fixture
def stones(tmp_path, monkeypatch):
    """stones(...): work whose shards write to a folder which process is at them."""
    monkeypatch.setitem(works.KINDS, "stones", "stones:Stones")
    (tmp_path / "log").mkdir()
    return lambda **how: Stones(**how, places={"log": str(tmp_path / "log")})


def test_workers_killed_at_random_change_no_byte(bytes_of, cluster, stones, tmp_path, capsys):
    work = stones(many=14, slow=0.4)
    log, over, killed = tmp_path / "log", threading.Event(), []

    def kill():
        draw = random.Random(0)
        while len(killed) < 4 and not over.wait(0.7):
            at = [path for path in log.iterdir() if not (tmp_path / "out" / f"part-{int(path.stem):05d}.txt").exists()]
            if at and (text := draw.choice(at).read_text()):
                with suppress(ProcessLookupError):
                    os.kill(int(text), signal.SIGKILL)
                    killed.append(int(text))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        whole = complete(work, tmp_path / "out", Ray(cluster))
    finally:
        over.set()
        killer.join()
    assert capsys.readouterr().out == "", "what Ray says of workers is among the results"
    assert (whole.made, whole.missing) == (14, 0) and len(killed) >= 2
    assert len([*log.iterdir()]) > 14, "no shard had to be made again"
    for path in log.iterdir():
        path.unlink()
    complete(work, tmp_path / "same", InProcess())
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "same")


def test_a_run_that_is_stopped_goes_on_where_it_was(cluster, stones, tmp_path):
    def stop(done, of):
        if done == 2:
            raise KeyboardInterrupt

    work = stones(many=6)
    with pytest.raises(KeyboardInterrupt):
        complete(work, tmp_path / "out", Ray(cluster), on_step=stop)
    assert not (tmp_path / "out" / "_manifest.json").exists()
    whole = complete(work, tmp_path / "out", InProcess())
    assert whole.kept >= 2 and (whole.kept + whole.made, whole.missing) == (6, 0)


def test_a_worker_that_is_killed_more_often_than_it_is_tried_again_is_told(cluster, stones, tmp_path):
    work = stones(many=3, killed={"1": 2})
    with pytest.raises(DataError, match=r"the worker that makes part-00001.txt was ended from outside 2 times"):
        complete(work, tmp_path / "out", Ray(cluster, retries=1))
    assert not (tmp_path / "out" / "part-00001.txt").exists()
    assert complete(work, tmp_path / "out", InProcess()).missing == 0


def test_a_full_disk_on_one_worker_names_folder_and_machine(cluster, stones, tmp_path):
    with pytest.raises(DataError) as told:
        complete(stones(full=2), tmp_path / "out", Ray(cluster))
    assert str(told.value) == (
        f"the disk of {tmp_path / 'out'} is full: make room there and call again, which keeps what is made (a worker on "
        f"{socket.gethostname()})."
    )
    assert not list((tmp_path / "out").rglob("*00002*")), "something of the shard was left"


def test_a_folder_that_workers_do_not_see_is_named(cluster, stones, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "order", lambda work, real=engine.order: real(work).replace(str(tmp_path), "/nowhere"))
    monkeypatch.setattr(Path, "resolve", lambda self: Path("/nowhere") / self.name)
    with pytest.raises(DataError, match=r"/nowhere/out is not seen there: name a folder on storage that all machines"):
        complete(stones(), tmp_path / "out", Ray(cluster))


def test_a_cluster_that_does_not_answer_in_time_is_given_up(cluster, stones, tmp_path, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "init", lambda **_: time.sleep(30))
    with pytest.raises(UsageError, match=f"no Ray cluster at {cluster} took this driver within 0.1 seconds"):
        complete(stones(), tmp_path / "out", Ray(cluster, wait=0.1))
    mismatch = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.1\n"
        "This process on node 10.0.0.2 was started with:\n    Ray: 2.60.0\n    Python: 3.11.2\n"
    )

    def other(**_):
        raise RuntimeError(mismatch)

    monkeypatch.setattr(ray, "init", other)
    with pytest.raises(UsageError) as told:
        complete(stones(), tmp_path / "out", Ray(cluster))
    assert str(told.value) == (
        f"the cluster at {cluster} has Ray 2.9.0, Python 3.10.1, and here is Ray 2.60.0, Python 3.11.2: install the same "
        "versions of both on all machines."
    )


@pytest.mark.parametrize("address", ["host", "host:0", "host:70000", "ray://host:10001", "host:port", ""])
def test_an_address_is_host_and_port(stones, tmp_path, address):
    with pytest.raises(UsageError, match="the address of a Ray cluster is HOST:PORT, as ray start --head prints it, not "):
        complete(stones(), tmp_path / "out", Ray(address))


def test_an_address_at_which_no_cluster_is_is_told_at_once(stones, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WAIT", 0.2)
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"no Ray cluster answers at {address}: start one there with ray start --head"):
            complete(stones(), tmp_path / "out", Ray(address))
        server.listen()  # and says nothing
        with pytest.raises(UsageError, match=f"no Ray cluster answers at {address}"):
            complete(stones(), tmp_path / "out", Ray(address))
        threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad\r\n"), daemon=True).start()
        with pytest.raises(UsageError, match=f"(what answers at {address} is no|no) Ray cluster"):
            complete(stones(), tmp_path / "out", Ray(address))


def test_without_ray_the_extra_is_named(stones, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as told:
        complete(stones(), tmp_path / "out", Ray())
    assert str(told.value) == "the engine ray is not installed: pip install 'reverie[distributed]'."


def test_no_more_tasks_wait_than_the_cluster_soon_takes(stones, tmp_path, monkeypatch):
    """A driver of very many shards holds few: two for each core."""
    done, most = [], []

    class Remote:
        def __init__(self, task):
            self.task = task

        def remote(self, *told):
            done.append(told)
            return len(done) - 1

    def wait(waiting, num_returns):
        most.append(len(waiting))
        return waiting[:1], waiting[1:]

    exceptions = SimpleNamespace(
        WorkerCrashedError=KeyError, OutOfMemoryError=KeyError, RayTaskError=KeyError, RayError=KeyError
    )
    fake = SimpleNamespace(
        remote=lambda **_: Remote,
        init=lambda **_: None,
        shutdown=lambda: None,
        cluster_resources=lambda: {"CPU": 3.0},
        wait=wait,
        get=lambda number: engine._made(*done[number]),
        cancel=lambda *_, **__: pytest.fail("nothing is left to cancel"),
        exceptions=exceptions,
    )
    monkeypatch.setattr(engine, "_library", lambda local: fake)
    assert complete(stones(many=20), tmp_path / "out", Ray()).missing == 0
    assert max(most) == 6 and len(done) == 20


def test_a_term_signal_ends_a_run_in_order_and_is_then_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, engine._stopped_in_order() as take:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray puts one of its own in the place
        take()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == before
