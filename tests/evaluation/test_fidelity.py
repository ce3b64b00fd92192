"""Single numbers of the areas of fidelity, against their formulas and closed forms."""

import json
from collections import Counter
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.columns import columns
from reverie.evaluation.course import autocorrelation
from reverie.evaluation.joint import coverage
from reverie.evaluation.logic import logic
from reverie.evaluation.measure import Split
from reverie.evaluation.pairs import contingency
from reverie.evaluation.subgroups import groups, subgroups
from reverie.evaluation.tables import Tables
from reverie.records import read_table
from reverie.records.kinds.comparing import kolmogorov, total_variation, variation

NAN = float("nan")


def test_kolmogorov_is_the_largest_gap_of_the_shares_below():
    """max_x |F(x) - G(x)|, whose largest value is at one of the points; of two normal laws, N(0, 1) and N(0, 1/4)."""
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal(4000), generator.standard_normal(1500) / 2
    gap = max(abs((x <= at).mean() - (y <= at).mean()) for at in np.concatenate([x, y]))
    assert kolmogorov(x, y) == pytest.approx(gap, abs=1e-12) == pytest.approx(0.161, abs=0.03)
    assert kolmogorov(np.array([1.0, 1, 2, 3]), np.array([1.0, 3])) == pytest.approx(0.25)
    assert kolmogorov(x, x) == 0 and kolmogorov(x[:3], x[:3] + 9) == 1 and np.isnan(kolmogorov(x, x[:0]))
    assert kolmogorov(np.array([0.1 + 0.2, 0.7 - 0.4]), np.array([0.3, 0.3])) == 0  # what differs by rounding is equal


def test_total_variation_is_half_the_sum_of_the_gaps_of_shares():
    u, v = (pl.Series(list(text)) for text in ("aaab", "abbc"))
    assert total_variation(u, v) == pytest.approx((abs(3 / 4 - 1 / 4) + abs(1 / 4 - 2 / 4) + 1 / 4) / 2)
    assert total_variation(u, u) == 0 and total_variation(u, pl.Series(["c", None])) == 1
    assert np.isnan(total_variation(u, u[:0]))
    assert variation(np.array([1, 1, 2]), np.array([2, 0, 0])) == pytest.approx(0.75)
    assert variation(np.array([1, 3]), np.array([10, 30])) == 0


def test_the_order_in_which_levels_were_met_makes_no_difference_in_the_last_digit():
    """polars numbers levels in the order in which its threads, and what ran before in this process, met them."""
    p, q = np.random.default_rng(0).integers(1, 60, (2, 40))
    shuffled = [np.random.default_rng(seed).permutation(40) for seed in range(50)]
    assert len({variation(p[order], q[order]) for order in shuffled}) == 1
    assert variation(p, q) == pytest.approx(np.abs(p / p.sum() - q / q.sum()).sum() / 2, abs=1e-15)


def test_contingency_is_half_the_sum_of_the_gaps_of_joint_shares():
    generator = np.random.default_rng(1)
    real, other = generator.integers(4, size=(2, 300)), generator.integers(5, size=(2, 200))
    cells = [Counter(zip(*codes.tolist(), strict=True)) for codes in (real, other)]
    gaps = [abs(cells[0][cell] / 300 - cells[1][cell] / 200) for cell in cells[0] | cells[1]]
    assert contingency(real, other) == pytest.approx(sum(gaps) / 2)
    assert contingency(real, real) == 0 and np.isnan(contingency(real, other[:, :0]))


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_autocorrelation_is_that_of_the_law_and_not_of_what_sets_patients_apart(toy, persistence):
    """Of long records; the patients' own levels, ten times as large, must not count."""
    generator = np.random.default_rng(2)
    patients, visits = 40, 300
    noise = generator.standard_normal((patients, visits))
    for t in range(1, visits):
        noise[:, t] = persistence * noise[:, t - 1] + np.sqrt(1 - persistence**2) * noise[:, t]
    values = (noise + 10 * generator.standard_normal((patients, 1))).ravel()
    frame, schema = toy(
        id=np.repeat(np.arange(patients), visits).tolist(),
        t=np.tile(np.arange(visits), patients).tolist(),
        x=values.tolist(),
    )
    found = autocorrelation(Cohort.read(frame, schema), values)
    assert found == pytest.approx(persistence, abs=0.05)


def test_autocorrelation_of_nothing_is_unknown(toy):
    frame, schema = toy(id=[1, 1, 2, 2], t=[0, 1, 0, 1], x=[1.0, 1.0, None, 2.0])
    cohort = Cohort.read(frame, schema)
    assert np.isnan(autocorrelation(cohort, cohort.numbers["x"]))


def test_coverage_falls_where_kinds_of_patients_are_missing_and_density_where_patients_are_unlike_any():
    generator = np.random.default_rng(3)
    real, same = generator.standard_normal((2, 400, 3))
    found = coverage(real, same)
    assert found["coverage"] > 0.93 and found["density"] == pytest.approx(1, abs=0.15)
    half = coverage(real, same[same[:, 0] > 0])
    assert 0.4 < half["coverage"] < 0.65 and half["density"] > 0.8
    far = coverage(real, same + np.array([20.0, -20.0, 20.0]))
    assert far["coverage"] < 0.1 and far["density"] < 0.2
    assert np.isnan(coverage(real[:5], same)["coverage"])


def test_what_cannot_be_is_counted_to_the_last_value(toy):
    generator = np.random.default_rng(4)
    told = {
        "id": list(range(60)),
        "t": [0] * 60,
        "x": generator.random(60).tolist(),
        "k": generator.choice(["u", "v"], 60).tolist(),
    }
    frame, schema = toy(**told)
    bounded = schema.model_copy(
        update={
            "columns": tuple(
                c.model_copy(update={"lower": 0.0, "upper": 1.0}) if c.name == "x" else c for c in schema.columns
            )
        }
    )
    odd = frame[40:].with_columns(x=pl.when(pl.col("id") < 43).then(2.0).otherwise(pl.col("x")))
    odd = odd.with_columns(k=pl.when(pl.col("id") == 59).then(pl.lit("w")).otherwise(pl.col("k")))
    found = {m.name: m for m in logic(Tables.read(Split(frame[:20], frame[20:40]), odd, bounded)).measures}
    assert found["logic.beyond"].value == 3 and "x (3)" in found["logic.beyond"].how
    assert found["logic.unseen"].value == 1 and found["logic.unseen"].verdict == "fault"
    assert found["logic.changing"].value == 0 and found["logic.changing"].verdict == "fine"


def test_groups_are_levels_thirds_and_two_of_them_with_enough_real_patients(toy):
    n = 120
    age = np.arange(n, dtype=float)
    frame, schema = toy(
        static=("sex", "age"),
        id=list(range(n)),
        t=[0] * n,
        sex=["f"] * 80 + ["m"] * 30 + ["o"] * 10,
        age=age.tolist(),
        x=age.tolist(),
    )
    real = Cohort.read(frame, schema)
    found = {g.name: g for g in groups(real, real.take(np.arange(60)))}
    thirds = ["age below 39.67", "age 39.67 to 79.33", "age above 79.33"]
    assert set(found) == {
        "sex = f",
        "sex = m",
        *thirds,
        f"sex = f, {thirds[0]}",
        f"sex = f, {thirds[1]}",
        f"sex = m, {thirds[2]}",
    }
    assert found["sex = m"].real.sum() == 30 and found["sex = m"].synthetic.sum() == 0
    assert found[thirds[1]].real.sum() == 40


def test_a_lost_group_is_named_and_a_rare_one_is_not_held_against_chance(toy):
    n = 600
    sex = ["m" if i % 8 == 0 else "f" for i in range(n)]
    generator = np.random.default_rng(5)
    frame, schema = toy(static=("sex",), id=list(range(n)), t=[0] * n, sex=sex, x=generator.random(n).tolist())
    split, drawn = Split(frame[:200], frame[200:400]), frame[400:]
    whole, without = (
        {m.name: m for m in subgroups(Tables.read(split, table, schema)).measures}
        for table in (drawn, drawn.filter(pl.col("sex") == "f"))
    )
    assert whole["fidelity.subgroups.lost"].verdict == "fine"
    lost = without["fidelity.subgroups.lost"]
    assert (lost.value, lost.verdict) == (1, "fault") and "sex = m" in lost.how
    assert without["fidelity.subgroup.sex = m.share"].value == 0
    few = {m.name: m for m in subgroups(Tables.read(split, drawn.filter(pl.col("sex") == "f")[:15], schema)).measures}
    assert few["fidelity.subgroups.lost"].verdict == "fine"  # 15 patients without one of an eighth: chance


def test_a_section_is_plain_data(halves, schema):
    train, holdout = (frame.filter(pl.col("id").rank("dense") <= 40) for frame in halves)
    section = subgroups(Tables.read(Split(train, holdout.clear()), holdout, schema))
    text = json.dumps([section.figures, section.notes, [m.json() for m in section.measures]], allow_nan=False)
    assert "No patients were held out" in text


def test_days_are_drawn_as_dates():
    day = [date(2020, 1, 1) + timedelta(days=int(d)) for d in np.random.default_rng(0).integers(0, 900, 120)]
    frame = pl.DataFrame(
        {"id": np.repeat(np.arange(60), 2), "t": np.tile([0, 1], 60), "seen": day, "lab": np.sqrt(np.arange(120.0))}
    )
    table = read_table(frame)
    figures = columns(Tables.read(Split(frame[:40], frame[40:80]), frame[80:], table.schema)).figures
    assert figures["seen"]["x_kind"] == "date" and "x_kind" not in figures["lab"]
