"""Machines that share an object store and no folder see the same files: the newest, whole, and inside the workspace."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from reverie.errors import DamagedError, UsageError
from reverie.manifest import MANIFEST
from reverie.service import linked
from reverie.service.jobs.work import EventBuffer, Work
from reverie.service.objects import open_workspace, store
from reverie.service.objects.index import Index
from reverie.service.problems import Problem, of
from reverie.service.settings import Settings

CSV = (".csv",)
JOB, OTHER = "1" * 32, "2" * 32


def write(workspace, name: str, content: bytes, overwrite: bool = False, by: Path | None = None) -> None:
    with workspace.writing(name, CSV, overwrite, by) as file:
        file.write(content)


def read(workspace, name: str) -> bytes:
    with workspace.open(name, CSV) as file:
        return file.read()


def names(workspace) -> list[str]:
    return [entry.name for entry in workspace.entries()]


def contents(workspace) -> set[str]:
    """The keys of all contents in the store."""
    found = workspace._store
    return {entry["path"].rpartition("/")[2] for part in found._obstore.list(found._store, "contents") for entry in part}


def attempt(workspace, job: str = JOB, number: int = 1) -> Path:
    """The folder of files of an attempt at a job, as a worker makes it."""
    folder = workspace.state / "jobs" / job / f"files-{number}"
    folder.mkdir(parents=True)
    return folder


def train(path: Path, steps: int, weights: bytes = b"") -> None:
    """What a run's folder holds after so many steps, and with weights at its end."""
    for name, content in {
        "config.yaml": b"steps: 9",
        "codec.json": b"{}",
        "metrics.jsonl": b"." * steps,
        f"checkpoints/step-{steps}/weights.safetensors": b"w" * steps,
        f"checkpoints/.step-{steps + 1}.writing/weights.safetensors": b"half",
        **({"weights.safetensors": weights, MANIFEST: b"{}"} if weights else {}),
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- files ------------------------------------------------------------------------------------------------------------


def test_what_one_machine_writes_all_read_and_never_an_older_version(machine):
    here, there = machine(), machine()
    for number in range(3):
        write(here, "tables/visits.csv", b"version %d" % number, overwrite=True)
        assert read(there, "tables/visits.csv") == b"version %d" % number
        with there.held("tables/visits.csv", CSV) as path:
            assert path.name == "visits.csv" and path.read_bytes() == b"version %d" % number
    assert names(here) == names(there) == ["tables/visits.csv"]
    assert here.entries() == there.entries() and here.entries()[0].bytes == 9
    assert there.has("tables/visits.csv", CSV) and not there.has("visits.csv", CSV)
    assert len(contents(here)) == 1, "what was replaced is deleted"
    there.remove("tables/visits.csv", CSV)
    assert names(here) == [] and contents(here) == set()
    with pytest.raises(Problem, match="nothing of the name"):
        read(here, "tables/visits.csv")


def test_of_two_that_write_one_name_at_once_one_is_told_that_it_is_taken(machine):
    machines, told = [machine() for _ in range(4)], []
    together = threading.Barrier(4)

    def put(number: int) -> None:
        with contextlib.suppress(Problem), machines[number].writing("one.csv", CSV, False) as file:
            file.write(b"%d" % number)
            together.wait(30)
        told.append(number) if read(machines[number], "one.csv") == b"%d" % number else None

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1 and len(names(machines[0])) == 1


def test_changes_at_one_time_lose_none_of_each_other(machine):
    machines = [machine() for _ in range(3)]

    def put(number: int) -> None:
        for each in range(4):
            write(machines[number], f"{number}/{each}.csv", b"x")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(machines[0]) == [f"{number}/{each}.csv" for number in range(3) for each in range(4)]


def test_what_was_uploaded_but_not_named_is_nothing_and_is_swept_when_it_is_old(machine, monkeypatch):
    here = machine()
    write(here, "kept.csv", b"kept")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(here._catalogue, "change", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        write(here, "killed.csv", b"killed before it had a name")
    there = machine()
    assert names(there) == ["kept.csv"] and len(contents(there)) == 2
    there.sweep()
    assert len(contents(there)) == 2, "it may be the upload of one that lives"
    monkeypatch.setattr(store, "ABANDONED", -60.0)
    there.sweep()
    assert len(contents(there)) == 1 and read(machine(), "kept.csv") == b"kept"
    write(here, "killed.csv", b"killed before it had a name")
    assert read(there, "killed.csv") == b"killed before it had a name"


def test_an_answer_that_was_lost_does_not_make_a_write_twice(machine, monkeypatch):
    here = machine()
    replace = here._store.replace_index

    def deaf(version: str, content: bytes) -> str:
        replace(version, content)
        monkeypatch.setattr(here._store, "replace_index", replace)
        raise store.Changed  # as a client that sent it twice is told

    monkeypatch.setattr(here._store, "replace_index", deaf)
    write(here, "once.csv", b"once")
    assert read(here, "once.csv") == b"once" and len(contents(here)) == 1


def test_a_content_that_another_hand_changed_is_not_used(machine):
    here, there = machine(), machine()
    write(here, "a.csv", b"as it was")
    found = here._store
    (key,) = contents(here)
    found._obstore.put(found._store, f"contents/{key}", b"as it is!")
    with pytest.raises(Problem) as refused:
        read(there, "a.csv")
    assert refused.value.status == 503
    assert read(here, "a.csv") == b"as it was", "the machine that wrote it has it still"


def test_quotas_count_all_machines_files_and_deletion_gives_room(machine):
    limits = {"total_bytes": 100, "files": 3, "file_bytes": 80}
    here, there = machine(**limits), machine(**limits)
    write(here, "a.csv", b"x" * 60)
    for workspace, size, status in ((there, 41, 507), (there, 81, 413)):
        with pytest.raises(Problem) as refused:
            write(workspace, "b.csv", b"x" * size)
        assert refused.value.status == status
    with pytest.raises(Problem) as refused, here.writing("c.csv", CSV, False) as file:
        file.write(b"x" * 30)
        write(there, "b.csv", b"x" * 30)  # while ours is on its way
    assert refused.value.status == 507 and names(here) == ["a.csv", "b.csv"]
    here.remove("a.csv", CSV)
    write(there, "c.csv", b"x")
    write(here, "d.csv", b"x")
    with pytest.raises(Problem):
        there.target("e.csv", CSV, False)


def test_the_cache_forgets_what_was_not_used_for_longest_and_fetches_it_again(machine):
    here, there = machine(), machine(cache_bytes=250)
    for number in range(4):
        write(here, f"{number}.csv", b"%d" % number * 100)
        assert read(there, f"{number}.csv") == b"%d" % number * 100
        for path in there.state.glob("cache/contents/*"):
            os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    assert len([*there.state.glob("cache/contents/*")]) == 2
    assert read(there, "0.csv") == b"0" * 100


# --- names ------------------------------------------------------------------------------------------------------------

HOSTILE = (
    "../x.csv",
    "/x.csv",
    "a/../../x.csv",
    ".reverie/jobs/x.csv",
    "a//b.csv",
    "a\\b.csv",
    "\0.csv",
    "a/b/c/d/e.csv",
    "x.exe",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_out_are_refused_as_in_a_folder(machine, name):
    here = machine()
    folder = here.state / "jobs" / JOB / "files-1"
    for what in (
        lambda: read(here, name),
        lambda: write(here, name, b"x"),
        lambda: here.target(name, CSV, True),
        lambda: here.path(name, CSV, folder),
        lambda: here.remove(name, CSV),
        lambda: here.held(name, CSV).__enter__(),
    ):
        with pytest.raises(Problem) as refused:
            what()
        assert refused.value.status in (404, 422)
    if not name.endswith("exe"):
        for what in (lambda: here.folder(name), lambda: here.making(name, folder, True)):
            with pytest.raises(Problem):
                what()
    assert names(here) == []


def test_an_index_with_names_that_lead_out_is_damaged(machine):
    here = machine()
    write(here, "a.csv", b"x")
    text = json.loads(here._catalogue.now().write())
    content = text["files"].pop("a.csv")
    for name in ("../a.csv", "/a.csv", "a//b.csv", "a/./b.csv", "a\\b.csv", ""):
        with pytest.raises(DamagedError, match="index of the object storage is damaged"):
            Index.read(json.dumps({**text, "files": {name: content}}).encode())
    for key in ("../" * 30 + content["key"], "short", "../../etc/passwd"):
        with pytest.raises(DamagedError):
            Index.read(json.dumps({**text, "files": {"a.csv": {**content, "key": key}}}).encode())


def test_a_name_is_a_file_or_a_folder_and_stays_so(machine):
    here, there = machine(), machine()
    write(here, "a/b.csv", b"x")
    for name, status in (("a.csv/c.csv", 404), ("a/b.csv", 409), ("a/b.csv/c.csv", 404)):
        write(here, "a.csv", b"x", overwrite=True)
        with pytest.raises(Problem) as refused:
            write(there, name, b"y")
        assert refused.value.status == status
    with pytest.raises(Problem) as refused:
        there.making("a/b.csv", attempt(there), True)
    assert refused.value.status == 409


# --- runs and jobs --------------------------------------------------------------------------------------------------


def test_a_run_is_seen_whole_each_time_and_goes_on_on_another_machine(machine):
    here, there = machine(), machine()
    first = attempt(here)
    folder = here.making("runs/a", first, False)
    assert not folder.resume and there.runs() == []
    train(folder.path, 1)
    folder.begun()
    seen = there.folder("runs/a")
    assert there.runs() == ["runs/a"] and (seen / "metrics.jsonl").read_bytes() == b"."
    train(folder.path, 2)
    (folder.path / "checkpoints/step-1/weights.safetensors").unlink()
    here.save(first)
    assert (seen / "metrics.jsonl").read_bytes() == b".", "what someone reads does not change under him"
    newer = tree(there.folder("runs/a"))
    assert newer == {each: content for each, content in tree(folder.path).items() if ".step-" not in each}
    assert "checkpoints/step-2/weights.safetensors" in newer and "checkpoints/step-1/weights.safetensors" not in newer
    assert "checkpoints/step-2/weights.safetensors" not in tree(there.folder("runs/a", checkpoints=False))

    second = attempt(there, number=2)  # the worker here was killed
    again = there.making("runs/a", second, False)
    assert again.resume and tree(again.path) == newer
    train(again.path, 3, weights=b"done")
    (second / "figure.png").write_bytes(b"figure")
    there.keep(second, ended=True)
    there.left(second)
    assert not again.path.exists() and not second.exists()
    assert there.made(second, "figure.png").read() == here.made(here.state / "jobs" / JOB / "files-2", "figure.png").read()
    whole = tree(here.folder("runs/a"))
    assert whole["weights.safetensors"] == b"done" and not any(each.startswith("checkpoints") for each in whole)

    train(folder.path, 9, weights=b"too late")  # the first worker only slept
    with pytest.raises(Problem, match="later attempt"):
        here.keep(first, ended=True)
    assert tree(there.folder("runs/a")) == whole
    assert here.jobs() >= {JOB}
    here.forget({JOB})
    with pytest.raises(Problem):
        there.made(second, "figure.png")
    there.remove("runs/a", ())
    assert here.runs() == [] and contents(here) == set()


def test_two_jobs_on_one_place_are_refused_and_a_finished_run_is_gone_on_with_only_if_asked(machine):
    here, there = machine(), machine()
    one, two, three = attempt(here), attempt(there, OTHER), attempt(there, "3" * 32)
    mine, his = here.making("runs/a", one, False), there.making("runs/a", two, False)
    train(mine.path, 1)
    train(his.path, 2)
    mine.begun()
    with pytest.raises(Problem) as refused:
        his.begun()
    assert refused.value.status == 409
    with pytest.raises(Problem):
        there.making("runs/a", three, False)
    gone_on = there.making("runs/a", three, False, resume=True)
    assert gone_on.resume and (gone_on.path / "metrics.jsonl").read_bytes() == b"."
    (gone_on.path / "metrics.jsonl").write_bytes(b"..")
    assert (here.folder("runs/a") / "metrics.jsonl").read_bytes() == b".", "a cached file is never written into"
    with pytest.raises(Problem):
        there.making("runs/none", attempt(there, "4" * 32), False, resume=True)


def test_a_later_attempt_writes_the_same_name_again_and_another_job_does_not(machine):
    here, there = machine(), machine()
    write(here, "new.csv", b"rows", by=attempt(here))
    second = attempt(there, number=2)
    there.target("new.csv", CSV, False, second)
    write(there, "new.csv", b"rows", by=second)
    assert read(here, "new.csv") == b"rows"
    for by in (attempt(there, OTHER), None, here.state / "jobs" / JOB / "files-1"):
        with pytest.raises(Problem) as refused:
            write(there, "new.csv", b"others", by=by)
        assert refused.value.status == 409


def test_sentences_name_a_file_of_a_run_as_its_users_know_it(machine):
    here = machine()
    by = attempt(here)
    folder = here.making("runs/a", by, False)
    train(folder.path, 1)
    folder.begun()
    for path in (folder.path, here.folder("runs/a")):
        assert of(DamagedError(f"{path / 'codec.json'} is damaged."), here.root).detail == "runs/a/codec.json is damaged."
    for each in (here, machine()):
        where = each.path("runs/a/codec.json", (".json",), each.state / "jobs" / JOB / "files-1")
        assert (
            os.path.relpath(where, each._makings.private(each.state / "jobs" / JOB / "files-1") / "runs/b")
            == "../a/codec.json"
        )


# --- the store itself ---------------------------------------------------------------------------------------------------


def test_a_store_that_cannot_be_used_is_one_sentence_at_the_start(machine, tmp_path, monkeypatch):
    def start(address: str, workspace: Path = tmp_path / "new") -> str:
        with pytest.raises(UsageError) as refused:
            open_workspace(Settings(workspace=workspace, objects=address))
        return str(refused.value)

    assert "there is no such bucket: make it first" in start("s3://nowhere/x")
    assert "is no address of object storage" in start("s4://bucket/x") and "is no address" in start("bucket")
    monkeypatch.setattr(store.Store, "_create", lambda *_: True)
    assert "it replaces what it is asked to keep" in start("s3://bucket/careless")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.csv").write_text("x")
    assert "full holds files of its own, such as mine.csv" in start("s3://bucket/x", tmp_path / "full")
    monkeypatch.setitem(sys.modules, "obstore", None)
    assert start("s3://bucket/x") == "files in object storage need its client: pip install 'reverie[objects]'."


def test_a_store_that_denies_is_one_sentence_at_the_start(tmp_path, monkeypatch):
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    for error in (PermissionDeniedError, UnauthenticatedError):
        monkeypatch.setattr("obstore.put", lambda *_, error=error, **__: (_ for _ in ()).throw(error("no")))
        with pytest.raises(UsageError, match="it denies access: give a key that may read, write, list and delete there"):
            open_workspace(Settings(workspace=tmp_path / "new", objects="s3://bucket/x"))


def test_a_store_that_is_away_loses_nothing_and_what_was_saved_goes_up_when_it_is_back(tmp_path, monkeypatch):
    import s3  # see conftest.py

    monkeypatch.setattr(store, "RETRIES", {"max_retries": 0})
    server = s3.serve("bucket")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "us-east-1", "ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    here = open_workspace(Settings(workspace=tmp_path / "here", objects="s3://bucket/x", free_bytes=0))
    write(here, "a.csv", b"a")
    by = attempt(here)
    folder = here.making("runs/a", by, False)
    train(folder.path, 1)
    server.shutdown()
    server.server_close()
    for what in (lambda: read(here, "a.csv"), lambda: write(here, "b.csv", b"b"), here.entries, lambda: here.keep(by, True)):
        with pytest.raises(Problem) as refused:
            what()
        assert (refused.value.status, refused.value.kind) == (503, "busy")
        assert refused.value.detail == "The object storage cannot be used now: try again in a moment."
    folder.begun()  # what is in the middle of its work goes on
    again = s3.serve("other", server.port)  # moto keeps what it holds with the process
    here.keep(by, ended=True)
    assert here.runs() == ["runs/a"] and names(here)[0] == "a.csv"
    again.shutdown()
    again.server_close()


def test_a_run_in_the_store_is_listed_renamed_and_taken_away_as_in_a_folder(machine):
    from reverie.service import archive

    one, other = machine(), machine()
    files = {"config.yaml": b"a: 1", "codec.json": b"{}", "report.json": b"{}", "report.html": b"<p>", "card.md": b"#"}
    for name, content in files.items():
        with one.writing(f"runs/first/{name}", (Path(name).suffix,), False) as file:
            file.write(content)
    ((name, folder, inside),) = other.kept({"config.yaml", "codec.json"}, ("config.yaml",))
    assert name == "runs/first" and [path.name for path in folder.iterdir()] == ["config.yaml"]
    assert {file.name: file.bytes for file in inside} == {name: len(content) for name, content in files.items()}
    assert other.name_of(folder / "config.yaml") == "runs/first/config.yaml"
    with pytest.raises(Problem, match="there already"):
        one.rename("runs/first", "runs/first")
    one.rename("runs/first", "runs/second")
    assert other.runs() == ["runs/second"]
    packed = b"".join(archive.zipped(other, "runs/second", archive.files_of(other, "runs/second")))
    assert b"second/report.html" in packed and b"a: 1" in packed
    other.remove_inside("runs/second", ("report.json", "report.html", "card.md", "none"))
    assert [file.name for file in one.inside("runs/second")] == ["codec.json", "config.yaml"]


def test_linked_tables_of_one_machine_are_read_on_another(machine, hospital_tables):
    one, other = machine(), machine()
    tables = hospital_tables(6)
    for name, frame in tables.items():
        write(one, f"wards/{name}.csv", frame.write_csv().encode())
    found = linked.tables(Work(other.quota.settings, other, attempt(other), 1, EventBuffer(1)), "wards")
    assert found.frames["patients"]["patient_id"].to_list() == tables["patients"]["patient_id"].to_list()
    assert found.frames.keys() == tables.keys() and other.name_of(str(found.path)) == "wards"
    assert not [*(other.state / "held").iterdir()]
