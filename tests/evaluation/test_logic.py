"""What cannot be is counted to the last row and is a fault; real patients, and rules that held-out ones break, are not."""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.logic import logic
from reverie.evaluation.measure import Split
from reverie.evaluation.tables import Tables
from reverie.records import Schema, read_table
from reverie.reports.verdict import verdict

RULES = ("day <= died", "age never falls", "state tells code (well: A, ill: B, worse: C)", "pill never falls")


def clinic(patients: int, seed: int) -> pl.DataFrame:
    """Visits of patients who age, some of whom die after their last; women alone are asked whether they are pregnant; a dose
    is below 10 or above 500."""
    draw = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        sex, born, visits = draw.choice(["f", "m"]), draw.uniform(20, 60), int(draw.integers(3, 7))
        days = np.cumsum(draw.integers(10, 60, visits))
        died = int(days[-1] + draw.integers(0, 90)) if draw.random() < 0.5 else None
        pills = np.cumsum(draw.integers(0, 3, visits))
        for day, pill in zip(days, pills, strict=True):
            place = int(draw.integers(3))
            rows.append(
                {
                    "id": 1000 * seed + patient,
                    "day": int(day),
                    "sex": sex,
                    "died": died,
                    "age": born + day / 365.25,
                    "state": ("well", "ill", "worse")[place],
                    "code": ("A", "B", "C")[place],
                    "pregnant": None if sex == "m" else str(draw.choice(["no", "yes"])),
                    "dose": float(draw.choice([0, 500]) + draw.uniform(1, 9)),
                    "pill": int(pill),
                }
            )
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def schema() -> Schema:
    found = read_table(pl.concat([clinic(60, 1), clinic(60, 2)]), identifier="id", time="day").schema
    assert found["pregnant"].asked_if == {"sex": ("f",)}
    return found.model_copy(update={"rules": RULES})


def judged(synthetic: pl.DataFrame, schema: Schema, holdout: pl.DataFrame | None = None):
    split = Split(clinic(60, 1), clinic(60, 2) if holdout is None else holdout)
    return logic(Tables.read(split, synthetic, schema))


def faults(section) -> dict[str, float]:
    return {m.name: m.value for m in section.measures if m.verdict in ("look", "fault")}


def dead_men_walk(frame):
    return frame.with_columns(died=pl.col("day").max().over("id") - 1)


def ages_fall(frame):
    return frame.with_columns(age=-pl.col("age"))


def codes_lie(frame):
    return frame.with_columns(code=pl.col("code").replace({"A": "B", "B": "A"}))


def men_are_asked(frame):
    return frame.with_columns(pregnant=pl.col("pregnant").fill_null("no"))


def doses_between(frame):
    return frame.with_columns(dose=pl.when(pl.int_range(pl.len()) < 3).then(100.0).otherwise("dose"))


def doses_beyond(frame):
    return frame.with_columns(sex=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("x")).otherwise("sex"))


def test_other_patients_of_the_same_law_break_nothing_and_the_claim_is_made_for_shuffled_ones_would(schema):
    section = judged(clinic(60, 3), schema)
    assert faults(section) == {} and {m.value for m in section.measures} == {0.0}
    named = {m.name: m for m in section.measures}
    assert (named["logic.rules"].floor or 0) > 0.9 and named["logic.rule.age never falls"].carries
    (said,) = verdict([section]).sentences
    assert said.claim == "logic" and said.kind == "good"
    assert [row[0] for row in section.figures["rules"]["rows"]] == list(RULES)


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        (dead_men_walk, "logic.rule.day <= died"),
        (ages_fall, "logic.rule.age never falls"),
        (codes_lie, f"logic.rule.{RULES[2]}"),
        (men_are_asked, "logic.asked"),
        (doses_between, "logic.between"),
        (doses_beyond, "logic.unseen"),
    ],
)
def test_each_planted_fault_is_a_fault_by_name_and_the_verdict_says_so(schema, planted, name):
    section = judged(planted(clinic(60, 3)), schema)
    assert name in faults(section)
    (said,) = verdict([section]).sentences
    assert said.claim == "logic" and said.kind == "not" and name in said.measures


def test_one_row_is_enough_and_rows_and_patients_are_counted(schema):
    frame = clinic(60, 3)
    late = pl.int_range(pl.len()) == frame["died"].is_not_null().arg_max()
    section = judged(frame.with_columns(died=pl.when(late).then(pl.col("day") - 1).otherwise("died")), schema)
    broken = next(m for m in section.measures if m.name == "logic.rule.day <= died")
    assert broken.verdict == "fault" and broken.value == pytest.approx(1 / 60)
    assert f"1 row of {frame.height} and 1 patient of 60 break it." in broken.how
    assert section.figures["rules"]["rows"][0] == ["day <= died", 1, 1, 0, broken_by_shuffled(section)]


def broken_by_shuffled(section) -> int:
    return round(60 * next(m.floor for m in section.measures if m.name == "logic.rule.day <= died"))


def test_rows_out_of_order_are_put_in_order_first(schema):
    assert faults(judged(clinic(60, 3).sample(fraction=1, shuffle=True, seed=1), schema)) == {}


def test_a_rule_that_held_out_patients_break_as_often_is_no_fault_of_synthetic_ones(schema):
    section = judged(codes_lie(clinic(60, 3)), schema, codes_lie(clinic(60, 2)))
    assert f"logic.rule.{RULES[2]}" not in faults(section)


def test_a_level_that_no_real_patient_has_is_none_where_others_are_of_one_patient_alone(schema):
    """Where each of some patients brings a level of his own, so may the next."""
    own = pl.when(pl.col("id") % 1000 < 30).then(pl.format("only {}", "id")).otherwise(pl.lit("common")).alias("state")
    real = [clinic(60, seed).with_columns(own) for seed in (1, 2)]
    loose = schema.model_copy(update={"rules": RULES[:2]})
    one = clinic(60, 3).with_columns(
        state=pl.when(pl.col("id") == 3000).then(pl.lit("only 3000")).otherwise(pl.lit("common"))
    )
    section = logic(Tables.read(Split(real[0], real[1]), one, loose))
    assert next(m for m in section.measures if m.name == "logic.unseen").value == 1 and faults(section) == {}


def test_too_few_real_patients_do_not_say_what_cannot_be(schema):
    few = clinic(60, 1).filter(pl.col("id") < 1005)
    section = logic(Tables.read(Split(few, few.clear()), codes_lie(clinic(60, 3)), schema))
    assert {m.verdict for m in section.measures} == {"unknown"} and "5 real patients, too few" in section.measures[0].why


def test_without_rules_nothing_is_claimed_of_logic(schema):
    plain = schema.model_copy(
        update={"rules": (), "columns": tuple(c.model_copy(update={"asked_if": {}}) for c in schema.columns)}
    )
    section = judged(clinic(60, 3), plain)
    assert verdict([section]).sentences[0].kind == "open" and "has no rules" in section.notes[0]
