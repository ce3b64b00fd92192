"""A rule is read from its text, written as the same text, and broken at the rows that break it."""

from __future__ import annotations

import polars as pl
import pytest

from reverie.errors import UsageError
from reverie.records import read_table
from reverie.records.rules import Rows, parse

NAMES = ["a", "b", "c", "day", "end", "sex", "stage", "flag", "two words", "if"]

TEXTS = [
    "a < b",
    "a <= b if sex = M",
    "a = b + c within 0.5",
    "a = (b + 2 * c) / 3",
    "a = b - (c - day)",
    "a = b / c ^ 2",
    "a - first(a) = (day - first(day)) / 365.25 within 1",
    "a = total(b)",
    "a = previous(a) + b",
    "a = count()",
    "first(day) = 0",
    "a = -1 if sex in (M, F) and b >= 2",
    "stage in (I, II) if flag = 1",
    "empty(a) if sex = M",
    "filled(end) if flag = 1",
    "a never falls",
    "stage stays III",
    "a counts from 1",
    "stage tells flag (I: 0, II: 1, else: 1)",
    "`two words` < `if`",
    'stage in ("not known", "a ""b""", I)',
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_rule_is_written_as_it_is_read(text):
    assert parse(text, NAMES).text == text
    assert parse(parse(text, NAMES).text, NAMES) == parse(text, NAMES)


def test_a_value_on_the_left_is_turned_to_the_right():
    assert parse("3 < a", NAMES).text == "a > 3"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a <", "lacks something"),
        ("a < b c", "left over"),
        ("a ~ b", "cannot be read|stands where"),
        ("a < b if c + a = 1", "no condition"),
        ("3 < 4", "is no column"),
        ("nobody never falls", "unknown column 'nobody'"),
        ("(" * 50 + "a" + ")" * 50 + " < b", "brackets within brackets"),
        ("a < b" + " " * 100_000 + ".", "more than 100,000 characters"),
        ("", "lacks something"),
    ],
)
def test_what_is_no_rule_is_refused_in_one_sentence(text, why):
    with pytest.raises(UsageError, match=why) as caught:
        parse(text, NAMES)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def rows():
    frame = pl.DataFrame(
        {
            "id": [1, 1, 1, 2, 2, 3, 3, 3],
            "day": [0, 30, 60, 0, 30, 0, 30, 60],
            "sex": ["M", "M", "M", "F", "F", "F", "F", "F"],
            "x": [1.0, 2.0, 2.0, 5.0, 4.0, 1.0, None, 3.0],
            "total": [1.0, 3.0, 5.0, 5.0, 9.0, 1.0, 2.0, 3.0],
            "change": [0.0, 1.0, 1.0, 0.0, -1.0, 0.0, None, 2.0],
            "state": ["a", "b", "b", "b", "a", "a", "a", "b"],
            "visit": [1, 2, 3, 1, 2, 1, 2, 4],
        }
    )
    table = read_table(frame, kinds={"visit": "ordinal"})
    return Rows.of(table.frame, table.schema)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("x < total", [0, 3, 5, 7]),
        ("x <= total", []),
        ("total = total(x)", []),
        ("change = x - first(x)", []),
        ("change = x - previous(x)", [2]),
        ("x never falls", [4]),
        ("x always rises", [2, 4]),
        ("state stays b", [4]),
        ("visit counts from 1", [7]),
        ("empty(x) if sex = M", [0, 1, 2]),
        ("filled(x)", [6]),
        ("sex = M if x = 1", [5]),
        ("x in (1, 2, 3) if sex = F", [3, 4]),
        ("state tells sex (a: M, b: F)", [1, 2, 4, 5, 6]),
        ("first(visit) = 1", []),
        ("day = 30 * (count() - 1)", []),
    ],
)
def test_a_rule_is_broken_where_its_claim_is_known_to_be_false(rows, text, broken):
    names = list(rows.columns)
    assert parse(text, names).breaks(rows).nonzero()[0].tolist() == broken
