"""Who is who: identifiers with zeros before them, people's own names and numbers; none of the real ones is made.

Identifiers that begin again at each site are in shapes/test_joined.py, tables without an identifier in shapes/test_alone.py,
patterns of all kinds of identifiers in test_identifiers.py and values/test_patterns.py.
"""

import numpy as np
import polars as pl
import pytest

draw = np.random.default_rng(0)
PEOPLE, ROWS = 30, 120


def people(k=PEOPLE):
    return ["".join(draw.choice(list("aeiklmnorst"), draw.integers(5, 9))).capitalize() for _ in range(k)]


def test_zeros_before_a_number_stay(brought, visits, holes):
    frame = visits(
        id=[f"{k:04d}" for k in range(1, PEOPLE + 1)],
        zip3=draw.choice(["007", "012", "331"], PEOPLE),
        ward=draw.choice(["01", "02", "10"], ROWS),
        lab=draw.normal(9, 1, ROWS).round(1),
    )
    file = brought(frame)
    assert len(file.table) == PEOPLE and file.back.equals(frame)
    assert file.schema["zip3"].levels == ("007", "012", "331") and file.schema["ward"].levels == ("01", "02", "10")
    made = file.made()
    assert made["id"].str.contains(r"^\d{4,}$").all() and not set(made["id"]) & set(frame["id"])
    assert set(made["zip3"]) <= {"007", "012", "331"} and set(made["ward"]) <= {"01", "02", "10"}
    whole = file.completed(holes(frame, "zip3", "ward"))
    assert set(whole["ward"]) == {"01", "02", "10"} and whole["zip3"].equals(frame["zip3"])  # known from other visits


@pytest.mark.parametrize("form", ["{:d}", "{:04d}", "S-{:03d}", "01-701-{:d}", "{:d}.0"])
def test_new_identifiers_are_none_of_those_that_are_completed_or_learned(brought, visits, form):
    frame = visits(id=[form.format(1 + k * k) for k in range(PEOPLE)], lab=draw.normal(9, 1, ROWS).round(1))
    file = brought(frame)
    made = file.made(60)
    assert made["id"].n_unique() == 60 and not set(made["id"]) & set(frame["id"])
    shape = [set(cells.str.replace_all(r"\d+", "9")) for cells in (frame["id"], made["id"])]
    assert shape[0] == shape[1]


def test_people_are_given_other_names_and_numbers_and_keep_their_own_where_they_are_completed(brought, visits, holes):
    own = {
        "nhs_no": draw.integers(4 * 10**9, 5 * 10**9, PEOPLE).tolist(),
        "mobile": [f"07{k}" for k in draw.integers(10**8, 10**9, PEOPLE)],
        "surname": people(),
        "email": [f"p{k}.{'xyz'[k % 3]}@example.org" for k in range(PEOPLE)],
        "postcode": [f"{'ABD'[k % 3]}{k % 9 + 1} {k % 7}Z{'QRX'[k % 3]}" for k in range(PEOPLE)],
    }
    frame = visits(**own, sex=draw.choice(["F", "M"], PEOPLE), lab=draw.normal(9, 1, ROWS).round(1))
    file = brought(frame)
    made = file.made(50)
    assert made.columns == frame.columns and made["id"].n_unique() == 50
    forms = {"nhs_no": r"^\d{10}$", "mobile": r"^07\d{9}$", "surname": r"^[A-Z][a-z]+$", "email": r"^[^@\s]+@example\.org$"}
    for name in own:
        assert not set(made[name]) & set(frame[name]), name
        assert made[name].null_count() == 0 and made.group_by("id").agg(pl.col(name).n_unique())[name].max() == 1, name
        assert made[name].str.contains(forms.get(name, r"^[A-Z]\d \d[A-Z]{2}$")).all(), name
    assert set(made["sex"]) <= {"F", "M"}
    file.completed(holes(frame, "lab", "sex"))
