"""Levels stay levels: words that elsewhere mean missing, codes that are numbers, codes of which there are hundreds.

How such columns are recognised is in test_null_words.py, values/test_numeric_codes.py and values/test_many_levels.py.
"""

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120


def test_a_level_whose_name_is_none_is_made_and_never_overwritten(brought, visits, holes):
    frame = visits(
        alcohol=draw.choice(["None", "Moderate", "Heavy"], PEOPLE),
        country=draw.choice(["NA", "ZA", "BW"], PEOPLE),
        adverse_event=draw.choice(["None", "Rash", "Nausea"], ROWS),
        lab=draw.normal(9, 1, ROWS).round(1),
    )
    file = brought(frame)
    assert "'None' was taken as a value in alcohol" in file.notes and "'NA' was taken as a value in country" in file.notes
    made = file.drawn()
    for name, word in {"alcohol": "None", "country": "NA", "adverse_event": "None"}.items():
        assert set(made[name]) == set(frame[name]) and made[name].null_count() == 0
        assert abs((made[name] == word).mean() - (frame[name] == word).mean()) < 0.1
    assert set(file.completed(holes(frame, "adverse_event", "lab"))["adverse_event"]) == {"None", "Rash", "Nausea"}


def test_a_word_that_is_said_to_be_missing_is_missing(brought, visits):
    frame = visits(country=draw.choice(["NA", "ZA", "BW"], ROWS), lab=draw.normal(9, 1, ROWS).round(1))
    file = brought(frame, null_values=("NA",))
    assert file.schema["country"].levels == ("BW", "ZA") and "NA" not in set(file.drawn()["country"])
    whole = file.completed(frame)
    assert whole["country"].filter(frame["country"] == "NA").is_in(["BW", "ZA"]).all()


CODES = {
    "smoke": [0, 1, 2, 9],
    "race": [1, 2, 3, 4, 99],
    "drg": [189, 194, 291, 470, 871, 885],
    "dispo": [1, 2, 3, 6, 20, 50, 62],
    "icd9": [4019, 4280, 5849, 25000, 41401, 42731],
}


@pytest.mark.parametrize("end", ["", ".0"])
def test_only_codes_that_occur_are_written(brought, visits, holes, end):
    full = visits(**{name: [f"{code}{end}" for code in draw.choice(codes, ROWS)] for name, codes in CODES.items()})
    frame = holes(full, *CODES)
    file = brought(frame)
    made, whole = file.drawn(spread=3), file.completed(frame)
    for name in CODES:
        known = set(frame[name]) - {None}
        assert set(made[name]) - {None} == known and set(whole[name]) == known, name


def test_few_numbers_in_halves_stay_halves(brought, visits):
    frame = visits(q=draw.choice([1, 1.5, 2, 2.5, 3], ROWS), edss=np.round(draw.uniform(0, 7, ROWS) * 2) / 2)
    made = brought(frame).drawn()
    for name, most in (("q", 3), ("edss", 7.5)):
        numbers = made[name].cast(pl.Float64)
        assert (numbers * 2 % 1 == 0).all() and numbers.is_between(0, most).all()
        assert set(made[name]) <= {f"{k / 2}" for k in range(16)}


def test_codes_of_which_there_are_as_many_as_rows_are_made(brought, visits, holes):
    codes = [f"{'EIJN'[k % 4]}{10 + k % 19}.{k % 10}" for k in range(75)]
    frame = visits(icd10=codes + draw.choice(codes[:12], ROWS - 75).tolist(), lab=draw.normal(9, 1, ROWS).round(1))
    file = brought(frame)
    made = file.drawn()["icd10"]
    assert made.null_count() == 0 and set(made) <= set(codes)
    assert len(set(made) & set(codes[12:])) > 30, "rare codes are made too"
    common = codes[:12]
    assert abs(made.is_in(common).mean() - frame["icd10"].is_in(common).mean()) < 0.1
    assert set(file.completed(holes(frame, "icd10"))["icd10"]) <= set(codes)


@pytest.mark.parametrize(
    "words", [("No", "Yes"), ("0", "1"), ("FALSE", "TRUE"), ("f", "t"), ("0.0", "1.0"), ("N", "Y"), ("1", "2")]
)
def test_two_values_are_written_as_they_came(brought, visits, holes, words):
    frame = visits(dead=draw.choice(words, ROWS), lab=draw.normal(9, 1, ROWS).round(1))
    file = brought(frame)
    assert file.schema["dead"].kind == "binary" and file.back.equals(frame)
    assert set(file.made()["dead"]) <= set(words) and set(file.drawn()["dead"]) == set(words)
    assert set(file.completed(holes(frame, "dead"))["dead"]) == set(words)
