"""Tables to complete that differ a little from the one learned from: written whole, each given cell as it was.

What each difference means is in test_fitting.py; here a model completes the files, and what it fills is spelled as they are.
"""

import numpy as np
import polars as pl
import pytest

from reverie import export

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120
WORDS = {
    "diabetic": ("True", "False"),
    "icu": ("TRUE", "FALSE"),
    "smoker": ("Y", "N"),
    "fever": ("yes", "no"),
    "dead": ("1", "0"),
    "vent": ("1.0", "0.0"),
    "consent": ("t", "f"),
}


@pytest.fixture
def learned(brought, visits):
    columns = {name: draw.choice(words, PEOPLE if name == "diabetic" else ROWS) for name, words in WORDS.items()}
    return brought(visits(**columns, lab=draw.normal(9, 1, ROWS).round(1)))


def other(visits, holes, **spelled):
    """Another table of such visits, with holes, some of its columns in another spelling."""
    words = WORDS | spelled
    columns = {name: draw.choice(words[name], PEOPLE if name == "diabetic" else ROWS) for name in WORDS}
    return holes(visits(**columns, lab=draw.normal(9, 1, ROWS).round(1)), *WORDS, "lab")


SPELLED = {
    "as 0 and 1": {"diabetic": ("1", "0"), "icu": ("1", "0"), "smoker": ("1", "0")},
    "as True and False": {"dead": ("True", "False"), "vent": ("True", "False"), "consent": ("True", "False")},
    "in small letters": {"diabetic": ("true", "false"), "icu": ("true", "false"), "smoker": ("y", "n")},
    "in capitals": {"diabetic": ("TRUE", "FALSE"), "fever": ("YES", "NO"), "consent": ("T", "F")},
    "as decimals": {"dead": ("1.0", "0.0"), "vent": ("1", "0")},
}


@pytest.mark.parametrize("how", SPELLED)
def test_truth_values_in_another_spelling_are_filled_in_that_spelling(learned, visits, holes, how):
    given = other(visits, holes, **SPELLED[how])
    whole = learned.completed(given)
    for name, words in (WORDS | SPELLED[how]).items():
        assert set(whole[name]) == set(words), name
    assert whole["lab"].null_count() == 0


def test_two_spellings_in_one_column_stay_each_where_it_is(learned, visits, holes):
    given = other(visits, holes).with_columns(pl.col("diabetic").replace({"True": "TRUE"}))
    given[10, "diabetic"] = "True"
    whole = learned.completed(given)
    assert set(whole["diabetic"]) <= {"True", "TRUE", "False"} and whole["diabetic"].null_count() == 0


def test_a_further_column_is_carried_and_a_lacking_one_drawn(learned, visits, holes, tmp_path):
    given = other(visits, holes).with_columns(pl.Series("note", [f"x, {k}" for k in range(ROWS)])).drop("fever")
    given.write_csv(tmp_path / "more.csv")
    done = export.complete(learned.model, tmp_path / "more.csv", settings={"steps": 2})
    done.write(tmp_path / "whole.csv")
    whole = pl.read_csv(tmp_path / "whole.csv", infer_schema=False)
    assert whole.columns == [*given.columns, "fever"] and whole["note"].equals(given["note"])
    assert set(whole["fever"]) <= {"yes", "no"} and whole["fever"].null_count() == 0
    notes = " ".join(done.notes)
    assert "note was a column the model does not know: carried along as given" in notes
    assert "fever was a column the model knows and the table lacks" in notes


def test_a_level_that_is_new_stays_and_is_said(learned, visits, holes, tmp_path):
    given = other(visits, holes)
    given[3, "smoker"] = "maybe"
    whole = learned.completed(given)
    assert whole["smoker"][3] == "maybe" and set(whole["smoker"]) == {"Y", "N", "maybe"}
    done = export.complete(learned.model, tmp_path / "given.csv", settings={"steps": 2})
    assert any("smoker" in note and "'maybe'" in note for note in done.notes)


def test_rows_at_one_time_both_stay(learned, visits, holes):
    given = other(visits, holes)
    given[1, "day"] = given[0, "day"]
    whole = learned.completed(given)
    assert whole["day"].equals(given["day"]) and whole["lab"].null_count() == 0


def test_rows_in_another_order_stay_in_it(learned, visits, holes):
    given = other(visits, holes)[draw.permutation(ROWS)].select("lab", *WORDS, "day", "id")
    whole = learned.completed(given)
    assert whole.select("id", "day").equals(given.select("id", "day"))


def test_what_is_not_named_stays_empty(learned, visits, holes):
    given = other(visits, holes)
    whole = learned.completed(given, columns=("lab",))
    assert whole["lab"].null_count() == 0 and whole.drop("lab").equals(given.drop("lab"))
