"""New identifiers look like the real ones, are all different, are none of them, and depend on their place alone."""

from __future__ import annotations

import random
import uuid

import polars as pl
import pytest

from reverie.errors import DataError
from reverie.records.identifiers import Pattern, new_identifiers
from reverie.records.table import read_table

chance = random.Random(0)
SEEN = {
    "padded": ([f"P{k:06d}" for k in range(1, 124)], "P000124"),
    "with zeros before": ([f"{k:04d}" for k in range(1, 41)], "0041"),
    "as many as digits allow": ([f"{k:02d}" for k in range(1, 100)], "100"),
    "of any length": ([f"S{k}" for k in range(1, 41)], "S41"),
    "site and subject": ([f"01-701-{k}" for k in range(1001, 1041)], "01-701-1041"),
    "group and record": (["12-1", "12-2", "3-14"], "12-15"),
    "with an end": (["S1-x", "S20-x", "S300-x"], "S301-x"),
    "letters": (["AB12", "CD34", "EF99"], "EG00"),
    "names": (["Anna", "Bo", "Cy"], "P000001"),
    "names and one like ours": (["Anna", "P000007"], "P000008"),
    "universally unique": ([str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(50)], None),
    "one": (["A17"], "A18"),
    "whole numbers": ([1, 2, 3, 99], 100),
    "of a hospital": ([10000001, 10000060], 10000061),
    "floats": ([1.0, 2.0, 40.0], 41.0),
    "up to the end of the type": ([2**63 - 1, 5, 2**62], 2**62 + 1),
    "of random bits": ([chance.getrandbits(63) for _ in range(20)], None),
    "below zero": ([-5, -1], 0),
}


@pytest.mark.parametrize("kind", SEEN)
def test_new_identifiers_are_new_and_of_the_pattern(kind):
    values, first = SEEN[kind]
    seen = pl.Series(values)
    pattern = Pattern.of(seen)
    new = new_identifiers(pattern, 1, 2000, seen.dtype)
    assert new.dtype == seen.dtype and new.n_unique() == 2000 and not set(new) & set(values)
    assert new[0] == (first or new[0])
    assert new_identifiers(pattern, 8, 5, seen.dtype).to_list() == new[7:12].to_list()
    assert Pattern.model_validate_json(pattern.model_dump_json()) == pattern


def test_a_pattern_keeps_of_the_real_ones_only_what_all_share():
    assert Pattern.of(pl.Series([f"NHS-{k:05d}-A" for k in (17, 23_451, 90_210)])).text == "NHS-00000-A"


def test_a_small_type_has_room_where_a_gap_is():
    new = new_identifiers(Pattern.of(pl.Series([1, 2, 100], dtype=pl.Int8)), 1, 90, pl.Int8())
    assert new.dtype == pl.Int8 and set(new) == set(range(3, 93))


def test_a_study_that_all_patients_share_is_written_as_it_is():
    rows = [("CDISCPILOT01", f"01-701-{1000 + p}", day, p + day) for p in range(30) for day in (0, 1, 2)]
    table = read_table(pl.DataFrame(rows, ["STUDYID", "USUBJID", "day", "aval"], orient="row"))
    assert (table.schema["STUDYID"].kind, table.schema["STUDYID"].value) == ("constant", "CDISCPILOT01")
    assert table.schema.identifier.name == "USUBJID"


def test_numbers_beyond_a_type_are_refused_with_the_column():
    assert new_identifiers(Pattern(start=5), 32_760, 3, pl.Int16(), "visit").to_list() == [32_764, 32_765, 32_766]
    with pytest.raises(DataError, match=r"visit is numbered up to 32,768 here, beyond what its type Int16 holds"):
        new_identifiers(Pattern(start=5), 32_760, 5, pl.Int16(), "visit")
