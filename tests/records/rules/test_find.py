"""Rules are found where they were planted, not where there are none, and those with exceptions are told with their rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.records import read_table
from reverie.records.describe import describe
from reverie.records.rules.find import suspects
from reverie.records.rules.rules import Rules


def cohort(patients: int = 240, seed: int = 0) -> pl.DataFrame:
    """Visits with a rule of every kind: 2 to 5 a patient."""
    g = np.random.default_rng(seed)
    visits = g.integers(2, 6, patients)
    who = np.repeat(np.arange(patients), visits)
    place = np.concatenate([np.arange(n) for n in visits])
    rows, first = len(who), place == 0
    gap = np.where(first, 0, g.integers(20, 90, rows))
    day = np.cumsum(gap) - np.cumsum(gap)[np.flatnonzero(first)][who]
    start = np.datetime64("2015-01-01") + g.integers(0, 900, patients).astype("timedelta64[D]")
    date = start[who] + day.astype("timedelta64[D]")
    birth = start - g.integers(9000, 30000, patients).astype("timedelta64[D]")
    died = g.random(patients) < 0.4
    last = np.maximum.reduceat(day, np.flatnonzero(first))
    death = start + (last + g.integers(0, 200, patients)).astype("timedelta64[D]")
    male = g.random(patients) < 0.5
    pregnant = np.where(g.random(rows) < 0.2, "yes", "no")
    dose = g.choice([0, 50, 100, 150], rows)
    dosed = np.cumsum(dose) - (np.cumsum(dose) - dose)[np.flatnonzero(first)][who]
    lab = np.round(g.normal(10, 2, patients)[who] + g.normal(0, 1, rows), 1)
    height = np.round(g.normal(170, 9, patients))
    weight = np.round(g.normal(75, 14, patients)[who] + g.normal(0, 2, rows), 1)
    sbp = np.round(g.normal(130, 15, rows))
    dbp = np.round(sbp - g.gamma(8, 5, rows) - 5)
    stage = g.choice(["I", "II", "III"], patients, p=[0.5, 0.3, 0.2])
    smokes = g.random(rows) < 0.4
    ill = np.zeros(rows, dtype=int)
    for i in range(rows):
        ill[i] = g.random() < 0.2 if first[i] else ill[i - 1] or g.random() < 0.15
    age = np.round((date - birth[who]).astype(int) / 365.25, 2)
    onset = np.where(g.random(patients) < 0.5, g.integers(0, 400, patients), 999)
    return pl.DataFrame(
        {
            "patient": who,
            "visit": place + 1,
            "visit_date": date,
            "birth": birth[who],
            "age": age,
            "group": np.where(age < 40, "young", np.where(age < 65, "middle", "old")),
            "sex": np.where(male[who], "M", "F"),
            "pregnant": pl.Series([None if m else p for m, p in zip(male[who], pregnant, strict=True)]),
            "dose": dose,
            "total": dosed,
            "lab": lab,
            "baseline": lab[np.flatnonzero(first)][who],
            "change": np.round(lab - lab[np.flatnonzero(first)][who], 1),
            "height": height[who],
            "weight": weight,
            "pounds": np.round(weight * 2.20462, 1),
            "bmi": np.round(weight / (height[who] / 100) ** 2, 1),
            "sbp": sbp,
            "dbp": dbp,
            "map": np.round((sbp + 2 * dbp) / 3, 1),
            "stage": stage[who],
            "code": np.array([{"I": 11, "II": 22, "III": 33}[s] for s in stage])[who],
            "smokes": np.where(smokes, "yes", "no"),
            "cigarettes": np.where(smokes, g.integers(1, 40, rows), 0),
            "ill": ill,
            "onset": onset[who],
            "event": np.where(onset < 999, "yes", "no")[who],
            "died": np.where(died, "yes", "no")[who],
            "death": pl.Series([d if dead else None for d, dead in zip(death[who].tolist(), died[who], strict=True)]),
        }
    )


PLANTED = {
    "visit_date <= death",
    "dbp < sbp",
    "stage tells code (I: 11, II: 22, III: 33)",
    "cigarettes tells smokes (0: no, else: yes)",
    "onset tells event (999: no, else: yes)",
    "filled(death) if died = yes",
    "filled(pregnant) if sex = F",
    "visit counts from 1",
    "ill stays 1",
    "total = total(dose)",
    "baseline = first(lab)",
    "change = lab - baseline",
    "age = (visit_date - birth) / 365.25",
    "group = young if age < 40",
    "group = middle if age >= 40 and age < 65",
    "group = old if age >= 65",
    "pounds = 2.20462 * weight",
    "map = (sbp + 2 * dbp) / 3",
    "bmi = 10000 * (weight / height ^ 2)",
}


@pytest.fixture(scope="module")
def found():
    return read_table(cohort(), time="visit_date")


def test_every_planted_rule_is_found_and_nothing_that_follows_from_them(found):
    assert set(found.schema.rules) == PLANTED


def test_emptiness_that_asked_if_holds_is_not_said_twice(found):
    assert found.schema["pregnant"].asked_if == {"sex": ("F",)} and found.schema["death"].asked_if == {"died": ("yes",)}
    assert not [rule for rule in found.schema.rules if rule.startswith("empty")]


def test_patients_who_were_not_looked_at_obey_the_rules(found):
    others = read_table(cohort(seed=1), found.schema)
    assert all(not broken.any() for broken in Rules.of(found.schema).broken(others.frame).values())


def test_rules_are_told_with_how_many_rows_and_patients_they_are_about(found):
    told = {rule["rule"]: rule for rule in describe(found)["rules"]}
    dead = found.frame.filter(pl.col("died") == "yes")
    rule = told["filled(death) if died = yes"]
    assert (rule["rows"], rule["patients"], rule["broken"]) == (dead.height, dead["patient"].n_unique(), [])
    assert any(
        f"{len(PLANTED)} rules hold" in note and "0.1 of all that are found may be chance" in note for note in found.notes
    )


def test_nearly_rules_are_told_with_the_rows_that_break_them():
    frame = cohort()
    at = {"total": 303, "smokes": 100, "dbp": 200}
    worse = {"total": 7, "smokes": {"yes": "no", "no": "yes"}[frame["smokes"][100]], "dbp": 300.0}
    for name, row in at.items():
        cells = frame[name].to_list()
        cells[row] = worse[name]
        frame = frame.with_columns(pl.Series(name, cells, dtype=frame.schema[name]))
    table = read_table(frame, time="visit_date")
    told = {s.rule.text: s.broken for s in suspects(table)}
    assert told["total = total(dose)"] == (304,)
    assert told["cigarettes tells smokes (0: no, else: yes)"] == (101,)
    assert told["map = (sbp + 2 * dbp) / 3"] == (201,)
    assert not {"total = total(dose)", "cigarettes tells smokes (0: no, else: yes)"} & set(table.schema.rules)
    assert "filled(death) if died = yes" in table.schema.rules


def independent(seed: int) -> pl.DataFrame:
    """Columns of many kinds that have nothing to do with each other, some with a trend over the visits."""
    g = np.random.default_rng(seed)
    patients = int(g.choice([10, 30, 100]))
    visits = g.integers(1, 7, patients)
    who = np.repeat(np.arange(patients), visits)
    place = np.concatenate([np.arange(n) for n in visits])
    n = len(who)
    level = g.normal(0, 1, patients)[who]
    columns = {
        "count": g.poisson(4, n),
        "real": np.round(g.normal(5, 1, n) + level, 1),
        "skewed": np.round(g.exponential(3, n) * np.exp(level), 2),
        "zeros": np.where(g.random(n) < 0.6, 0, g.poisson(6, n)),
        "rare": (g.random(n) < 0.04).astype(int),
        "level": g.choice(["a", "b", "c"], n, p=[0.7, 0.25, 0.05]),
        "many": g.choice([f"L{i}" for i in range(20)], n),
        "trend": np.round(5 + place + g.normal(0, 1, n) + level, 1),
        "other_trend": np.round(7 + 0.7 * place + g.normal(0, 1, n), 1),
        "seen": np.datetime64("2020-01-01") + (place * 30 + g.integers(0, 200, n)).astype("timedelta64[D]"),
        "static": np.round(50 + 10 * g.normal(0, 1, patients))[who],
        "group": g.choice(["u", "v", "w", "z"], patients, p=[0.6, 0.3, 0.07, 0.03])[who],
    }
    frame = pl.DataFrame({"id": who, "day": place * 30 + g.integers(1, 30, n), **columns})
    holes = [pl.when(pl.Series(g.random(n) < 0.8)).then(pl.col(c)).alias(c) for c in ("real", "level", "count")]
    return frame.with_columns(holes)


def test_columns_that_have_nothing_to_do_with_each_other_show_no_rules():
    tables = [read_table(independent(seed)) for seed in range(8)]
    assert [rule for table in tables for rule in table.schema.rules] == []
    assert [s.rule.text for table in tables for s in suspects(table)] == []
