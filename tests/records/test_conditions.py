"""Conditions on statics: what they mean, and what cannot be meant."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.records import RecordCodec, read_table
from reverie.records.conditions import Conditions, divided, read_statics, written


@pytest.fixture(scope="module")
def codec() -> RecordCodec:
    """Of some of PBC2, with an ordinal static besides."""
    frame = read_table("pbc2").frame.drop("sno.")
    grade = pl.col("id").replace_strict({i: str(i % 3 + 1) for i in range(1, 400)}, default="1").alias("grade")
    table = read_table(frame.with_columns(grade.cast(pl.Int64)), identifier="id", time="year", kinds={"grade": "ordinal"})
    return RecordCodec.fit(table)


def accepted(codec: RecordCodec, where, statics: dict) -> list[bool]:
    records = codec.given(pl.DataFrame(statics))
    accept = Conditions.of(codec, where, None).accept
    return [True] * len(records.values) if accept is None else accept(records.values).tolist()


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("age>50", [False, False, True, True]),
        ("age >= 50", [False, True, True, True]),
        ("age<50", [True, False, False, False]),
        ("age<=50", [True, True, False, False]),
        ("age!=50", [True, False, True, True]),
    ],
)
def test_an_inequality_keeps_those_who_meet_it(codec, condition: str, kept: list[bool]) -> None:
    ages = pl.Series([30.0, 50.0, 61.5, 70.0])
    records = codec.given(pl.DataFrame({"age": ages}))
    exact = codec.statics(records.values)["age"].to_list()  # scores are float32: 50 may come back a hair off
    text = condition.replace("50", repr(exact[1]))
    assert accepted(codec, [text], {"age": ages}) == kept


def test_levels_are_compared_by_name_and_ordered_ones_by_rank(codec) -> None:
    assert accepted(codec, ["sex!=male"], {"sex": ["male", "female"]}) == [False, True]
    assert codec.schema["grade"].kind == "ordinal"
    assert accepted(codec, ["grade>=2"], {"grade": [1, 2, 3]}) == [False, True, True]


def test_conditions_are_met_all_at_once(codec) -> None:
    statics = {"age": [40.0, 60.0, 60.0], "sex": ["male", "male", "female"]}
    assert accepted(codec, {"age": ">50", "sex": "!=male"}, statics) == [False, False, True]
    assert accepted(codec, ["age>50", "age<55"], statics) == [False, False, False]


def test_a_mapping_and_a_list_say_the_same(codec) -> None:
    one, other = (Conditions.of(codec, w, None) for w in ({"sex": "female", "age": ">60"}, ["sex=female", "age>60"]))
    assert dict(one.equal) == dict(other.equal) == {"sex": "female"}
    assert list(one.others) == list(other.others) and one.any and one.rows is None


def test_an_equality_is_given_to_every_patient_of_a_shard(codec) -> None:
    records = Conditions.of(codec, "sex=female", None).shard(0, 50, seed=0)
    assert records is not None and set(codec.statics(records.values)["sex"]) == {"female"}
    assert Conditions.of(codec, (), None).shard(0, 50, seed=0) is None


def test_a_table_of_statics_is_dealt_out_in_order(codec) -> None:
    ages = [30.0 + i for i in range(25)]
    conditions = Conditions.of(codec, "sex=male", pl.DataFrame({"age": ages}))
    assert conditions.rows == 25
    found = [codec.statics(r.values) for r in (conditions.shard(n, 10, seed=0) for n in range(3)) if r is not None]
    np.testing.assert_allclose(pl.concat(found)["age"][:25], ages, atol=0.002)
    assert len(found[2]) == 10, "a last shard is filled up, so that its randomness is that of a whole one"
    assert set(pl.concat(found)["sex"]) == {"male"}


@pytest.mark.parametrize(
    ("where", "given", "words"),
    [
        (["sx=female"], None, r"unknown static column 'sx': did you mean 'sex'\?"),
        (["sex=femal"], None, r"unknown level of sex 'femal': did you mean 'female'\?"),
        (["albumin>3"], None, "albumin changes from visit to visit"),
        (["age>old"], None, "age is a number, so 'old' cannot be compared"),
        (["age>nan"], None, "age is a number, so 'nan' cannot be compared"),
        (["sex>female"], None, "levels without an order"),
        (["sex"], None, "'sex' is not a condition: write column=value"),
        (["sex=female", "sex=male"], None, "sex cannot be female and male at once"),
        (["age>50"], {"sex": ["male"]}, "cannot be given together"),
        (["sex=male"], {"sex": ["male"]}, "sex is given both by the table of statics and by a condition"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(codec, where, given, words) -> None:
    with pytest.raises(UsageError, match=words):
        Conditions.of(codec, where, None if given is None else pl.DataFrame(given))


def test_a_table_of_statics_is_read_from_a_file_and_its_strangers_are_named(codec, tmp_path) -> None:
    path = tmp_path / "statics.csv"
    path.write_text("id,sex,age\n7,female,50\n8,NA,60\n")
    frame = read_statics(path, codec.schema)
    assert frame.columns == ["sex", "age"] and frame["sex"].to_list() == ["female", None]
    path.write_text("sex,albumin\nfemale,3\n")
    with pytest.raises(DataError, match=r"statics.csv: unknown static column 'albumin'"):
        read_statics(path, codec.schema)
    path.write_text("id\n7\n")
    with pytest.raises(DataError, match="has no static column"):
        read_statics(path, codec.schema)


def test_a_date_is_compared_as_a_date(awkward) -> None:
    codec = RecordCodec.fit(read_table(awkward))
    later = Conditions.of(codec, ["birthdate>1970-01-01"], None)
    statics = codec.encode(read_table(awkward)).records(torch.arange(60), None).values[:, :1]
    born = codec.statics(statics)["birthdate"]
    assert later.accept is not None
    assert later.accept(statics).tolist() == [day is not None and day > date(1970, 1, 1) for day in born]
    with pytest.raises(UsageError, match=r"birthdate is a date such as 2001-12-31, so 'soon' cannot be compared"):
        Conditions.of(codec, ["birthdate>soon"], None)


def test_names_that_hold_operators_stand_in_double_quotes(codec):
    frame = read_table("pbc2").frame.select("id", "year", "sex", "age", "serBilir").rename({"sex": "p<0.05", "age": "x>=y"})
    table = read_table(frame, identifier="id", time="year")
    odd = RecordCodec.fit(table)
    conditions = Conditions.of(odd, ['"p<0.05"=female', '"x>=y" > 50'], None)
    assert conditions.equal == {"p<0.05": "female"} and [(c.name, s, v) for c, s, v in conditions.others] == [
        ("x>=y", ">", "50")
    ]
    assert Conditions.of(odd, {"p<0.05": "female"}, None).equal == conditions.equal
    for text in ("p<0.05=female", "x>=y > 50"):
        with pytest.raises(UsageError, match=r"put the name in double quotes, as '\"[px]"):
            Conditions.of(odd, [text], None)
    assert divided(written({'a"b<': "1"})[0]) == ('a"b<', "=", "1") and divided('name="yes"') == ("name", "=", '"yes"')
    assert divided('5" pipe>=3') == ('5" pipe', ">=", "3")
