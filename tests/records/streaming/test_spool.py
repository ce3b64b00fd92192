"""A spool has every row of its source once, whole patients in one part, and never passes for whole when it is not."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reverie.errors import DamagedError, DataError, UsageError
from reverie.records.places import ROW
from reverie.records.reading import read_source, stream_of
from reverie.records.streaming import buckets, spooled, spooling

draw = np.random.default_rng(0)
PATIENTS = 300
WHOSE = draw.permutation(np.repeat(np.arange(PATIENTS), draw.integers(1, 12, PATIENTS)))
VISITS = pl.DataFrame({"patient": WHOSE, "day": np.arange(len(WHOSE)), "weight": draw.normal(70, 9, len(WHOSE)).round(1)})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Visits of patients in three files, in no order of patients."""
    place = tmp_path / "set"
    place.mkdir()
    for number, start in enumerate(range(0, VISITS.height, 700)):
        VISITS[start : start + 700].write_parquet(place / f"{number}.parquet")
    return place


def spool_of(source, tmp_path, rows=150, cache="cache", **options):
    return spooled(source, options, tmp_path / cache, rows=rows)


def whole(spool) -> pl.DataFrame:
    return pl.concat([spool.part(number) for number in range(len(spool))])


def test_every_row_comes_once_with_its_number_and_patients_are_whole(source, tmp_path):
    spool = spool_of(source, tmp_path)
    assert len(spool) > 8 and spool.rows == VISITS.height and spool.identifier == ("patient",)
    parts = [spool.part(number) for number in range(len(spool))]
    assert pl.concat(parts).sort(ROW).drop(ROW).equals(VISITS)
    assert all(part[ROW].is_sorted() and part.schema[ROW] == pl.Int64 for part in parts)
    assert sum(part["patient"].n_unique() for part in parts) == PATIENTS == spool.patients
    assert sorted(whole(spool)[ROW]) == list(range(1, VISITS.height + 1))
    sizes = [part.height for part in parts]
    assert max(sizes) < 3 * min(sizes)


def test_the_first_rows_bring_patients_back_into_the_order_of_the_source(source, tmp_path):
    spool = spool_of(source, tmp_path)
    parts = [spool.part(number)["patient"].unique(maintain_order=True) for number in range(len(spool))]
    patients = pl.concat(parts)[np.argsort(spool.first)]
    assert patients.to_list() == VISITS["patient"].unique(maintain_order=True).to_list()
    assert [len(part) for part in parts] == [part.patients for part in spool.parts]


def test_the_fingerprint_is_of_the_cells_however_they_are_cut_into_files(source, tmp_path):
    VISITS.write_parquet(tmp_path / "one.parquet", row_group_size=100)
    one, many = (spool_of(place, tmp_path) for place in (tmp_path / "one.parquet", source))
    assert one.fingerprint == many.fingerprint and one.folder == many.folder
    for number, changed in enumerate(
        (
            VISITS.with_columns(weight=pl.col("weight") + (pl.int_range(pl.len()) == 777) * 0.1),
            VISITS[1:],
            VISITS.rename({"day": "t"}),
        )
    ):
        changed.write_parquet(tmp_path / f"{number}.parquet")
        other = spool_of(tmp_path / f"{number}.parquet", tmp_path, identifier="patient")
        assert other.fingerprint != one.fingerprint


def test_a_spelling_of_an_identifier_does_not_part_a_patient(tmp_path):
    (tmp_path / "a.csv").write_text(
        "patient,day,x\n" + "".join(f"{text},{i},1\n" for i, text in enumerate(["7", " 7", "7.0", "8"] * 20))
    )
    spool = spool_of(tmp_path / "a.csv", tmp_path, rows=10)
    found = [number for number in range(len(spool)) if "7" in spool.part(number)["patient"].str.strip_chars()]
    assert len(found) == 1 and spool.part(found[0]).filter(pl.col("patient").str.contains("7")).height == 60


def test_two_columns_may_say_whose_a_row_is_and_none_as_well(tmp_path):
    frame = VISITS.with_columns(site=pl.col("patient") % 3, patient=pl.col("patient") // 3)
    frame.write_parquet(tmp_path / "a.parquet")
    spool = spool_of(tmp_path / "a.parquet", tmp_path, identifier=["site", "patient"])
    assert spool.identifier == ("site", "patient") and spool.patients == PATIENTS
    alone = spool_of(tmp_path / "a.parquet", tmp_path, identifier="row")
    assert alone.identifier == () and alone.patients == alone.rows == VISITS.height
    assert whole(alone)[ROW].to_list() == list(range(1, VISITS.height + 1))
    with pytest.raises(UsageError, match="unknown column for `id` 'patients': did you mean 'patient'"):
        spool_of(tmp_path / "a.parquet", tmp_path, identifier="patients")


def test_parts_stay_small_where_nobody_knew_how_many_rows_would_come(source, tmp_path, monkeypatch):
    monkeypatch.setattr(spooling, "BUCKETS", 2)
    stream = replace(stream_of(source), rows=None)
    spool = spooled(stream, {}, tmp_path / "unknown", rows=150)
    sizes = [part.rows for part in spool.parts]
    assert max(sizes) < 400 and min(sizes) > 50 and whole(spool).sort(ROW).drop(ROW).equals(VISITS)
    assert sum(spool.part(number)["patient"].n_unique() for number in range(len(spool))) == PATIENTS


def test_what_waits_in_memory_changes_nothing(source, tmp_path, monkeypatch):
    one = spool_of(source, tmp_path)
    monkeypatch.setattr(buckets, "PENDING", 2000)
    two = spool_of(source, tmp_path, cache="other")
    assert one.folder.name == two.folder.name and all(one.part(k).equals(two.part(k)) for k in range(len(one)))
    assert [path.name for path in two.folder.iterdir() if "bucket" in path.name] == []


def test_a_second_run_finds_the_spool_and_another_source_does_not(source, tmp_path, monkeypatch):
    first = spool_of(source, tmp_path)
    monkeypatch.setattr(spooling, "Buckets", None)  # nothing is spooled again
    assert spool_of(source, tmp_path) == first
    monkeypatch.undo()
    VISITS[:700].with_columns(day=pl.col("day") + 1).write_parquet(source / "0.parquet")
    again = spool_of(source, tmp_path)
    assert again.folder != first.folder and again.part(0).height and again.fingerprint != first.fingerprint


def test_files_that_were_only_copied_are_read_again_to_the_same_spool(source, tmp_path):
    first = spool_of(source, tmp_path)
    os.utime(source / "0.parquet", ns=(1, 1))
    second = spool_of(source, tmp_path)
    assert second == first and len(list((tmp_path / "cache").glob("table-*"))) == 1


def test_a_source_that_changes_while_it_is_read_is_named(source, tmp_path):
    def changed(done, of):
        (source / "2.parquet").touch()

    with pytest.raises(DataError, match=r"set changed while it was read \(2\.parquet\)"):
        spooled(source, {}, tmp_path / "cache", changed)
    assert list((tmp_path / "cache").iterdir()) == []


def test_every_changed_byte_of_a_spool_is_found(source, tmp_path):
    spool = spool_of(source, tmp_path)
    part = spool.folder / spool.parts[1].file
    content = part.read_bytes()
    part.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    with pytest.raises(DamagedError, match=r"part-00001\.parquet is damaged, .*: remove the folder"):
        spool_of(source, tmp_path).part(1)
    part.unlink()
    with pytest.raises(DamagedError, match=r"part-00001\.parquet is missing: remove the folder"):
        spool_of(source, tmp_path)
    about = spool.folder / "spool.json"
    about.write_text(about.read_text().replace('"rows": ', '"rows": 1'))
    with pytest.raises(DamagedError, match=r"spool\.json is damaged"):
        spool_of(source, tmp_path)


class Killed(BaseException):
    """No code of ours runs after it."""


@pytest.mark.parametrize("where", ["while it is read", "before it is sealed", "before it has its name"])
def test_a_spooling_that_was_killed_leaves_nothing_that_is_taken_for_whole(source, tmp_path, monkeypatch, where):
    def killed(*_):
        raise Killed

    on_step = killed if where == "while it is read" else lambda done, of: None
    with monkeypatch.context() as patch:
        patch.setattr(spooling.shutil, "rmtree", lambda *_, **__: None)
        if where == "before it is sealed":
            patch.setattr(spooling, "seal", killed)
        if where == "before it has its name":
            patch.setattr(Path, "rename", killed)
        with pytest.raises(Killed):
            spooled(source, {}, tmp_path / "cache", on_step, rows=150)
    (left,) = (tmp_path / "cache").iterdir()
    assert left.name.startswith(".reading-")
    spool = spool_of(source, tmp_path)
    assert whole(spool).height == VISITS.height and left.exists()  # it may be another's that begins just now
    os.utime(left, (1, 1))
    (source / "0.parquet").touch()
    spool_of(source, tmp_path)
    assert not left.exists()


def test_a_full_disk_is_said_and_nothing_stays(source, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spooling, "_part", full)
    with pytest.raises(OSError, match="no space is left to keep the rows of set") as caught:
        spool_of(source, tmp_path)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_source_without_rows_and_cells_that_are_not_one_value_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("patient,day,x\n")
    with pytest.raises(DataError, match=r"a\.csv has no rows"):
        spool_of(tmp_path / "a.csv", tmp_path)
    pl.DataFrame({"patient": [1, 2], "day": [0, 1], "x": [b"a", b"b"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="column 'x': cells of type Binary cannot be modelled"):
        spool_of(tmp_path / "b.parquet", tmp_path)


def test_types_of_every_kind_come_back_as_they_were(tmp_path):
    frame = pl.DataFrame(
        {
            "patient": [1, 1, 2, 2],
            "day": [0, 1, 0, 1],
            "cat": pl.Series(["a", "b", None, "a"], dtype=pl.Categorical),
            "enum": pl.Series(["a", "b", None, "a"], dtype=pl.Enum(["b", "a"])),
            "money": pl.Series(["1.50", "2.25", None, "0.00"]).cast(pl.Decimal(10, 2)),
            "wait": pl.Series([1, 2, None, 3], dtype=pl.Duration("ms")),
            "zoned": pl.Series([0, 1, None, 2], dtype=pl.Datetime("ns", "Europe/Paris")),
            "empty": pl.Series([None] * 4, dtype=pl.Null),
            "flag": [True, False, None, True],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    spool = spool_of(tmp_path / "a.parquet", tmp_path, rows=1)
    assert whole(spool).sort(ROW).drop(ROW).equals(read_source(tmp_path / "a.parquet").frame)


def test_what_is_kept_is_for_its_owner_alone(source, tmp_path):
    spool = spool_of(source, tmp_path)
    assert spool.folder.stat().st_mode & 0o077 == 0
    assert "patient" not in json.loads((spool.folder / "manifest.json").read_text())["files"]
