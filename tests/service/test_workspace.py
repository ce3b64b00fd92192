"""Names of clients stay inside the root, whatever they look like and whatever is put in their way."""

import contextlib
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from reverie.operations.fields import below
from reverie.service.problems import Problem
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

CSV = (".csv",)
SECRET = b"canary: nobody outside may see or change this"


class Cage:
    """A workspace with good files and bad links in it, and a canary outside."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.canary = self.outside / "canary.csv"
        self.canary.write_bytes(SECRET)
        self.workspace = Workspace(folder / "root", Settings(free_bytes=0))
        self.root = self.workspace.root
        (self.root / "tables").mkdir()
        (self.root / "tables" / "good.csv").write_bytes(b"good")
        (self.root / "link.csv").symlink_to(self.canary)
        (self.root / "dangling.csv").symlink_to(self.outside / "new.csv")
        (self.root / "door").symlink_to(self.outside)
        (self.root / "up").symlink_to("..")
        (self.root / "inner.csv").symlink_to("tables/good.csv")
        (self.root / "around").symlink_to("around")
        (self.root / "tables" / "folder.csv").mkdir()
        os.mkfifo(self.root / "pipe.csv")
        self.before = self.seen()

    def seen(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.outside.iterdir()}

    def attempt(self, name: str) -> None:
        """Everything that can be done with a name: only refusals may come of it, or files inside."""
        store = self.workspace
        with contextlib.suppress(Problem), store.open(name, CSV) as file:
            assert file.read() != SECRET
        with contextlib.suppress(Problem):
            path = store.path(name, CSV, store.state / "jobs/0/files-1")
            assert path.resolve() == path
            assert self.root in path.parents
        with contextlib.suppress(Problem), store.held(name, CSV) as path:
            assert path.read_bytes() != SECRET
        with contextlib.suppress(Problem):
            assert store.folder(name).resolve().is_relative_to(self.root)
        for overwrite in (False, True):
            with contextlib.suppress(Problem):
                path = store.target(name, CSV, overwrite)
                assert path.parent.resolve() == path.parent
                assert path.parent.is_relative_to(self.root)
                assert not path.is_symlink()
            with contextlib.suppress(Problem), store.writing(name, CSV, overwrite) as file:
                file.write(b"written")
        with contextlib.suppress(Problem):
            store.remove(name, CSV)
        assert self.seen() == self.before


@pytest.fixture
def cage(tmp_path):
    return Cage(tmp_path)


PARTS = [
    "..",
    ".",
    "",
    "tables",
    "door",
    "up",
    "around",
    "outside",
    "root",
    ".reverie",
    ".REVERIE",
    "~",
    "...",
    " ",
    "a" * 200,
]
ENDS = ["canary.csv", "good.csv", "link.csv", "dangling.csv", "inner.csv", "pipe.csv", "new.csv", "folder.csv", "CANARY.CSV"]
SEPARATORS = ["/", "//", "\\", "\\\\", "/\\", "/./", "%2f", "%2F", "\x00", "\n", "\u2215", "\uff0f", "%252f", ":"]


def corpus(cage: Cage) -> list[str]:
    found = [
        str(cage.canary),
        f"/{cage.canary}",
        f"//{cage.canary}",
        cage.canary.as_uri(),
        f"C:{cage.canary}",
        f"\\\\?\\{cage.canary}",
        str(cage.canary).replace("/", "\\"),
        f"/{cage.canary.relative_to(cage.root.parent)}",
        *(f"/{'../' * depth}outside/canary.csv" for depth in range(1, 7)),
        *("\\" + "..\\" * depth + "outside\\canary.csv" for depth in range(1, 7)),
    ]
    for first in PARTS:
        for separator in SEPARATORS:
            for last in ENDS:
                found += [f"{first}{separator}{last}", f"{first}{separator}..{separator}outside{separator}{last}"]
    found += [f"{'../' * depth}outside/canary.csv" for depth in range(1, 7)]
    found += [f"tables/{'../' * depth}outside/canary.csv" for depth in range(1, 7)]
    found += [
        "\uff0e\uff0e/outside/canary.csv",
        "..\u200b/outside/canary.csv",
        "\u2025/outside/canary.csv",
        "%2e%2e/canary.csv",
    ]
    found += [
        "canary.csv\x00.png",
        "canary.csv ",
        "canary.csv.",
        " canary.csv",
        ".canary.csv",
        "con.csv",
        "NUL.csv",
        "a/b/c/d/e.csv",
    ]
    return found


def test_no_name_leads_out_of_the_root(cage):
    for name in corpus(cage):
        cage.attempt(name)
        with contextlib.suppress(ValueError):
            if (read := below(name)) != name:  # as requests read it
                cage.attempt(read)


def test_outside_and_missing_answer_alike(cage):
    told = set()
    for name in (
        "none.csv",
        "link.csv",
        "dangling.csv",
        "inner.csv",
        "pipe.csv",
        "door/canary.csv",
        "tables/folder.csv",
        "around/x.csv",
    ):
        with pytest.raises(Problem) as refused:
            cage.workspace.open(name, CSV)
        told.add((refused.value.status, refused.value.kind, refused.value.detail.replace(name, "NAME")))
    assert len(told) == 1


def test_one_name_is_one_file_in_either_normal_form(cage):
    composed, decomposed = "caf\u00e9.csv", "cafe\u0301.csv"
    with cage.workspace.writing(decomposed, CSV, False) as file:
        file.write(b"one")
    with cage.workspace.open(composed, CSV) as file:
        assert file.read() == b"one"
    assert [entry.name for entry in cage.workspace.entries()] == [composed, "tables/good.csv"]


def test_a_socket_is_no_file(cage):
    here = Path.cwd()
    os.chdir(cage.root)  # the path of a socket is short
    try:
        server = socket.socket(socket.AF_UNIX)
        server.bind("plug.csv")
    finally:
        os.chdir(here)
    with server, pytest.raises(Problem):
        cage.workspace.open("plug.csv", CSV)


def test_nothing_is_overwritten_unless_asked(cage):
    store = cage.workspace
    for attempt in (
        lambda: store.target("tables/good.csv", CSV, False),
        lambda: store.writing("tables/good.csv", CSV, False).__enter__(),
    ):
        with pytest.raises(Problem) as refused:
            attempt()
        assert refused.value.status == 409
    assert (cage.root / "tables/good.csv").read_bytes() == b"good"
    with store.writing("tables/good.csv", CSV, True) as file:
        file.write(b"better")
    assert (cage.root / "tables/good.csv").read_bytes() == b"better"


def test_of_two_writers_of_a_new_name_the_second_is_refused(cage):
    store = cage.workspace
    with pytest.raises(Problem) as refused, store.writing("a.csv", CSV, False) as slow:
        slow.write(b"slow")
        with store.writing("a.csv", CSV, False) as quick:
            quick.write(b"quick")
    assert refused.value.status == 409
    assert (cage.root / "a.csv").read_bytes() == b"quick"


def test_a_link_swapped_in_mid_call_is_never_followed(cage):
    """One thread swaps a folder with a link to the outside, and a file with a link to the canary, as fast as it can."""
    store, stop = cage.workspace, threading.Event()
    inside, trap = cage.root / "swap", cage.root / ".trap"
    inside.mkdir()
    (inside / "canary.csv").write_bytes(b"good")

    def swap() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):  # the writer has made the folder anew meanwhile
                inside.rename(trap)
                inside.symlink_to(cage.outside)
            if inside.is_symlink():
                inside.unlink()
            shutil.rmtree(inside, ignore_errors=True)
            with contextlib.suppress(OSError):
                trap.rename(inside)
            with contextlib.suppress(OSError):
                (inside / "canary.csv").rename(inside / ".good")
                (inside / "canary.csv").symlink_to(cage.canary)
                (inside / "canary.csv").unlink()
                (inside / ".good").rename(inside / "canary.csv")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for i in range(200):
            with contextlib.suppress(Problem), store.open("swap/canary.csv", CSV) as file:
                assert file.read() in (b"good", b"new")
            with contextlib.suppress(Problem), store.held("swap/canary.csv", CSV) as path:
                assert path.read_bytes() in (b"good", b"new")
            with contextlib.suppress(Problem, FileNotFoundError), store.writing(f"swap/new{i % 5}.csv", CSV, True) as file:
                file.write(b"new")
            with contextlib.suppress(Problem, FileNotFoundError), store.writing("swap/canary.csv", CSV, True) as file:
                file.write(b"new")
            if i % 3 == 0:
                with contextlib.suppress(Problem, FileNotFoundError):
                    store.remove("swap/new0.csv", CSV)
    finally:
        stop.set()
        swapper.join()
    assert cage.seen() == cage.before


def test_a_held_file_stays_what_it_was_when_its_name_is_taken_by_another(cage):
    with cage.workspace.held("tables/good.csv", CSV) as path:
        (cage.root / "tables/good.csv").unlink()
        (cage.root / "tables/good.csv").symlink_to(cage.canary)
        assert path.name == "good.csv"
        assert path.read_bytes() == b"good"
    assert not path.exists()


def test_runs_are_folders_with_their_two_files_at_most_three_deep(cage):
    for name in ("pbc", "runs/a", "runs/b/c", "runs/b/c/d"):
        folder = cage.root / name
        folder.mkdir(parents=True)
        for file in ("config.yaml", "codec.json"):
            (folder / file).touch()
    (cage.root / "half").mkdir()
    (cage.root / "half" / "config.yaml").touch()
    assert cage.workspace.runs() == ["pbc", "runs/a", "runs/b/c"]
    assert cage.workspace.folder("runs/a") == cage.root / "runs/a"
    (cage.root / "runs/a/model.safetensors").symlink_to(cage.canary)
    with pytest.raises(Problem):
        cage.workspace.folder("runs/a")


def test_a_run_can_be_removed_but_no_other_folder(cage):
    (cage.root / "pbc" / "checkpoints").mkdir(parents=True)
    for file in ("config.yaml", "codec.json", "checkpoints/weights"):
        (cage.root / "pbc" / file).touch()
    (cage.root / "pbc" / "out").symlink_to(cage.outside)
    cage.workspace.remove("pbc", CSV)
    assert not (cage.root / "pbc").exists()
    with pytest.raises(Problem):
        cage.workspace.remove("tables", CSV)
    assert cage.seen() == cage.before


def test_the_whole_corpus_over_http_finds_nothing(serving, tmp_path):
    """The same names in addresses, escaped and not; what comes back is a refusal, and the canary is as it was."""
    from urllib.parse import quote

    cage = Cage(tmp_path)
    site = serving(workspace=cage.root)
    for i, name in enumerate(corpus(cage)[::11]):
        address = "/api/files/" + (quote(name, safe="") if i % 2 else quote(name, safe="/%"))
        if len(address) < 2000:
            reply = site.call(
                ("GET", "DELETE", "PUT", "PUT")[i % 4],
                address + ("?overwrite=1" if i % 4 == 3 else ""),
                b"x" if i % 4 > 1 else None,
            )
            assert reply.status < 500
            assert SECRET not in reply.body
    raw = site.raw(b"GET /api/files/../../outside/canary.csv HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 4")
    assert cage.seen() == cage.before
