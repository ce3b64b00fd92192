"""A folder of shards: what is made once stays, what was changed is found, and what was killed goes on to the same bytes."""

import errno
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from reverie.errors import DamagedError, DataError, UsageError
from reverie.shards import MANIFEST, InProcess, Share, complete, make, order, rebuilt
from reverie.shards import work as works


@dataclass(frozen=True)
class Squares:
    """Shard k holds k squared, and the seed."""

    many: int = 5
    seed: int = 0
    places: dict = None
    kind = "squares"

    @property
    def config(self):
        return {"many": self.many, "seed": self.seed}

    @property
    def count(self):
        return self.many

    def name(self, number):
        return f"part-{number:05d}.txt"

    def make(self, number, path):
        path.write_text(f"{number**2} of {self.seed}")
        return {"rows": number, "clipped": {"age": 1}, "word": "x"}

    @classmethod
    def of(cls, config, places):
        return cls(**config)


class Counting(InProcess):
    """Says which shards were made."""

    def run(self, work, folder, numbers):
        object.__setattr__(self, "numbers", list(numbers))
        return super().run(work, folder, numbers)


class Killed(InProcess):
    """Ends after two shards, in the middle of the third."""

    def run(self, work, folder, numbers):
        for number in numbers[:2]:
            yield number, make(work, number, folder)
        (folder / "_shards" / f".{numbers[2]:05d}.abc.txt").write_text("hal")
        raise KeyboardInterrupt


def test_what_was_killed_goes_on_to_the_same_bytes(bytes_of, tmp_path):
    whole = complete(Squares(), tmp_path / "whole", InProcess())
    assert (whole.kept, whole.made, whole.missing) == (0, 5, 0)
    assert whole.totals == {"rows": 10, "clipped": {"age": 5}}
    with pytest.raises(KeyboardInterrupt):
        complete(Squares(), tmp_path / "killed", Killed())
    assert not (tmp_path / "killed" / MANIFEST).exists()
    went_on, steps = Counting(), []
    there = complete(Squares(), tmp_path / "killed", went_on, on_step=lambda *step: steps.append(step))
    assert (there.kept, there.made) == (2, 3) and went_on.numbers == [2, 3, 4]
    assert steps == [(2, 5), (3, 5), (4, 5), (5, 5)]
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")
    again = complete(Squares(), tmp_path / "killed", None)  # no engine is asked
    assert (again.kept, again.made, again.totals) == (5, 0, whole.totals)


def test_the_manifest_lists_every_shard_with_its_hash(tmp_path):
    complete(Squares(), tmp_path, InProcess())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["config"] == {"many": 5, "seed": 0}
    assert [s["name"] for s in manifest["shards"]] == [f"part-{k:05d}.txt" for k in range(5)]
    assert all(s["bytes"] == (tmp_path / s["name"]).stat().st_size for s in manifest["shards"])


def test_shares_make_every_shard_once_and_the_last_writes_the_manifest(tmp_path):
    made = []
    for number in (2, 3, 1):
        assert not (tmp_path / MANIFEST).exists()
        engine = Counting()
        there = complete(Squares(), tmp_path, engine, Share(number, 3))
        made += engine.numbers
    assert sorted(made) == [0, 1, 2, 3, 4] and there.missing == 0
    complete(Squares(), tmp_path / "one", InProcess())
    assert (tmp_path / MANIFEST).read_bytes() == (tmp_path / "one" / MANIFEST).read_bytes()


def test_a_share_without_shards_makes_nothing(tmp_path):
    assert complete(Squares(2), tmp_path, None, Share(3, 3)).made == 0


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match=r"/"):
        Share.read(text)


def test_a_changed_shard_is_named_and_made_again_once_deleted(bytes_of, tmp_path):
    complete(Squares(), tmp_path, InProcess())
    before, path = bytes_of(tmp_path), tmp_path / "part-00003.txt"
    path.write_text("9 of 1")
    with pytest.raises(DamagedError, match=r"part-00003\.txt was changed .* delete it, and call again"):
        complete(Squares(), tmp_path, InProcess())
    path.unlink()
    engine = Counting()
    complete(Squares(), tmp_path, engine)
    assert engine.numbers == [3] and bytes_of(tmp_path) == before


def test_the_last_share_finds_a_changed_shard_of_another(tmp_path):
    complete(Squares(), tmp_path, InProcess(), Share(1, 2))
    (tmp_path / "part-00002.txt").write_text("5")
    with pytest.raises(DamagedError, match=r"part-00002\.txt"):
        complete(Squares(), tmp_path, InProcess(), Share(2, 2))
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize("name", ["_manifest.json", "_shards/00002.json", "_shards/work.json"])
def test_a_changed_record_is_named(tmp_path, name):
    complete(Squares(), tmp_path, InProcess())
    (tmp_path / name).write_text((tmp_path / name).read_text().replace("0", "1", 1))
    with pytest.raises(DamagedError, match=name):
        complete(Squares(), tmp_path, InProcess())


def test_a_shard_without_its_record_is_not_trusted(tmp_path):
    complete(Squares(), tmp_path, InProcess())
    (tmp_path / "_shards" / "00001.json").unlink()
    with pytest.raises(DamagedError, match=r"part-00001\.txt has no record"):
        complete(Squares(), tmp_path, InProcess())


def test_the_last_share_trusts_no_shard_without_its_record(tmp_path):
    complete(Squares(), tmp_path, InProcess(), Share(1, 2))
    (tmp_path / "_shards" / "00002.json").unlink()
    with pytest.raises(DamagedError, match=r"part-00002\.txt has no record"):
        complete(Squares(), tmp_path, InProcess(), Share(2, 2))


def test_what_a_killed_process_had_begun_is_taken_away_by_who_makes_the_shard(tmp_path):
    complete(Squares(), tmp_path, InProcess(), Share(1, 2))
    for name in (".00001.a.txt", ".00004.b.txt"):
        (tmp_path / "_shards" / name).write_text("hal")
    (tmp_path / "_shards" / ".00001.c.txt.parts").mkdir()
    there = complete(Squares(), tmp_path, InProcess(), Share(2, 2))
    assert [p.name for p in (tmp_path / "_shards").glob(".*")] == [".00004.b.txt"]  # it may be of one that is alive
    assert there.new == {"rows": 4, "clipped": {"age": 2}} and there.totals["rows"] == 10


def test_a_folder_of_something_else_stays_as_it_is(bytes_of, tmp_path):
    complete(Squares(), tmp_path, InProcess())
    before = bytes_of(tmp_path)
    with pytest.raises(UsageError, match=r"seed 0 there, 1 asked for.*--force"):
        complete(Squares(seed=1), tmp_path, InProcess())
    assert bytes_of(tmp_path) == before
    complete(Squares(4, seed=1), tmp_path, InProcess(), force=True)
    complete(Squares(4, seed=1), tmp_path / "new", InProcess())
    new = {name: content for name, content in bytes_of(tmp_path).items() if not name.startswith("new")}
    assert new == bytes_of(tmp_path / "new")


def test_foreign_files_are_named_and_never_touched(bytes_of, tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    for force in (False, True):
        with pytest.raises(UsageError, match=r"holds thesis\.docx, not made by this"):
            complete(Squares(), tmp_path, InProcess(), force=force)
    assert bytes_of(tmp_path) == {"thesis.docx": b"years of work"}


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    class Full(Squares):
        def make(self, number, path):
            if number == 2:
                path.write_text("4 ")
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().make(number, path)

    with pytest.raises(DataError, match=r"disk of .* is full: make room"):
        complete(Full(), tmp_path, InProcess())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["_shards", "part-00000.txt", "part-00001.txt"]
    assert not list((tmp_path / "_shards").glob(".*"))
    assert complete(Squares(), tmp_path, InProcess()).kept == 2


def test_two_processes_at_one_shard_end_in_one_file_or_a_sentence(tmp_path):
    class Raced(Squares):
        def make(self, number, path):
            path.unlink()  # the other took it for a leftover
            return {}

    with pytest.raises(DataError, match="--shard i/n"):
        complete(Raced(), tmp_path, InProcess())


def test_an_order_is_text_that_any_process_understands(monkeypatch):
    monkeypatch.setitem(works.KINDS, "squares", f"{__name__}:Squares")
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(Squares=Squares))
    assert rebuilt(order(Squares(3, 7))) == Squares(3, 7)
    assert Path(json.loads(order(Squares()))["kind"]) == Path("squares")
