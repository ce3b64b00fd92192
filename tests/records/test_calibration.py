"""What a network gets wrong of its scores is put right: their shares, how they run over visits, how often they stay."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.records import RecordCodec, calibrating, read_table
from reverie.records.calibrating import calibrate
from reverie.records.calibration import Calibration, Map, targets
from reverie.records.course import Course, along, factor
from reverie.records.generate import SHARD, RecordSampler
from reverie.samplers import DPMSolver, time_grid

PATIENTS, MEAN, DEVIATION, SHARED = 400, 0.6, 0.7, 0.3
DRAWS = {name: getattr(calibrating, name) for name in ("MOST", "SHARDS", "STATICS")}


@pytest.fixture(scope="module", autouse=True)
def _as_many_draws_as_a_training_makes():
    with pytest.MonkeyPatch.context() as patch:
        for name, draws in DRAWS.items():
            patch.setattr(calibrating, name, draws)
        yield


def cohort():
    """Of each patient: a grade that mostly stays, a number that stays at half of the visits and otherwise wanders little, a
    lab that is measured at the first visit and seldom later."""
    draw = np.random.default_rng(0)
    rows = []
    for i in range(PATIENTS):
        grade, weight, day, sex = int(draw.integers(3)), float(draw.normal(70, 12)), 0, "FM"[i % 4 == 0]
        for v in range(int(draw.choice([2, 3, 4, 5], p=[0.1, 0.2, 0.3, 0.4]))):
            grade = grade if draw.random() < 0.9 else int(draw.integers(3))
            weight = weight if draw.random() < 0.5 else weight + float(draw.normal(0, 3))
            lab = round(float(draw.normal(5, 1)), 3) if draw.random() < (0.95 if v == 0 else 0.2) else None
            row = {"id": i, "day": day, "sex": sex, "grade": f"G{grade}", "weight": round(weight, 1), "lab": lab}
            rows.append(row)
            day += int(draw.integers(20, 40))
    return read_table(pl.DataFrame(rows), identifier="id", time="day")


@dataclass(frozen=True, eq=False)
class Biased:
    """Answers as if all scores were N(MEAN, DEVIATION^2) and independent but for SHARED, the part that a patient's have in
    common within a channel."""

    process: GaussianProcess = field(default_factory=lambda: GaussianProcess(NoiseSchedule.cosine(1000)))
    evidence: Any = "exact"

    def __call__(self, x_t, t, condition=None):
        a = float(self.process.schedule.alpha_bar[t])
        asked = condition.target_mask
        away = torch.where(asked, x_t - a**0.5 * MEAN, 0.0)
        count = asked.sum(1, keepdim=True).clamp(min=1)
        mean = away.sum(1, keepdim=True) / count
        own, common = DEVIATION**2 * (1 - SHARED), DEVIATION**2 * SHARED
        gain = a**0.5 * own / (a * own + 1 - a)
        both = a**0.5 * (own + count * common) / (a * (own + count * common) + 1 - a)
        return self.process.predict(x_t, t, clean=MEAN + gain * (away - mean) + both * mean)


@pytest.fixture(scope="module")
def table():
    return cohort()


@pytest.fixture(scope="module")
def maker(table) -> RecordSampler:
    biased = Biased()
    return RecordSampler(biased, RecordCodec.fit(table), DPMSolver(), time_grid(biased.process.schedule, 8))


@pytest.fixture(scope="module")
def calibration(table, maker) -> Calibration:
    return calibrate(maker, maker.codec.encode(table), seed=0)


@pytest.fixture(scope="module")
def drawn(maker, calibration):
    """(as it is drawn, put right), 2,048 patients of another seed than that of the fit, as frames."""
    return [
        maker.codec.decode(replace(maker, calibration=one).shard(0, 2048, seed=5)[0]).frame.rename({"id": "who"})
        for one in (None, calibration)
    ]


def shares(frame: pl.DataFrame) -> np.ndarray:
    """Mean length, share of women, of each grade, of the lab measured at first and at later visits."""
    begins = frame.select(pl.int_range(pl.len()).over("who") == 0).to_series().to_numpy()
    measured = frame["lab"].is_not_null().to_numpy()
    people = frame["who"].n_unique()
    women = (frame.filter(pl.Series(begins))["sex"] == "F").mean()
    grades = [(frame["grade"] == f"G{k}").mean() for k in range(3)]
    return np.array([frame.height / people / 5, women, *grades, measured[begins].mean(), measured[~begins].mean()])


def stays(frame: pl.DataFrame, name: str) -> float:
    pairs = frame.with_columns(ago=pl.col(name).shift().over("who")).drop_nulls("ago")
    return float((pairs[name] == pairs["ago"]).mean())


def test_lengths_levels_and_what_is_measured_at_each_visit_come_in_the_shares_of_the_trained(table, drawn) -> None:
    real = shares(table.frame.rename({"id": "who"}))
    before, after = (shares(frame) for frame in drawn)
    assert np.abs(before - real).max() > 0.15
    np.testing.assert_allclose(after, real, atol=0.03)


def test_mean_lengths_are_those_of_the_trained(table, maker, calibration) -> None:
    right = replace(maker, calibration=calibration)
    made = [right.shard(0, SHARD, seed, last=1)[0].visits.double().mean() for seed in range(6)]
    assert float(np.mean(made)) / table.lengths.mean() == pytest.approx(1, abs=0.01)


def test_numbers_have_the_quantiles_of_the_trained(table, drawn) -> None:
    real = table.frame["weight"]
    for level in (0.1, 0.5, 0.9):
        before, after = ((frame["weight"] < real.quantile(level)).mean() for frame in drawn)
        assert abs(before - level) > 0.05
        assert after == pytest.approx(level, abs=0.03)


def test_levels_and_numbers_stay_as_often_as_those_of_the_trained(table, drawn) -> None:
    for name in ("grade", "weight"):
        real = stays(table.frame.rename({"id": "who"}), name)
        before, after = (stays(frame, name) for frame in drawn)
        assert abs(before - real) > 0.2 and after == pytest.approx(real, abs=0.04)


def test_a_number_wanders_within_a_patient_as_those_of_the_trained_do(table, drawn) -> None:
    within, among = [], []
    for frame in (table.frame.rename({"id": "who"}), *drawn):
        of = frame.group_by("who").agg(pl.col("weight").mean().alias("mean"), pl.col("weight").std().alias("within"))
        within.append(float(of["within"].mean()))  # pyright: ignore[reportArgumentType]
        among.append(float(of["mean"].std()))  # pyright: ignore[reportArgumentType]
    assert within[1] > 4 * within[0] and within[0] / 2 < within[2] < 1.5 * within[0]
    assert among[1] < 0.8 * among[0] and among[2] == pytest.approx(among[0], rel=0.1)


def test_it_is_a_function_of_the_seed_and_comes_back_from_json(table, maker, calibration) -> None:
    again = calibrate(maker, maker.codec.encode(table), seed=0)
    text = json.dumps(calibration.config)
    assert json.dumps(again.config) == text and len(text) < 20_000
    back = Calibration.from_config(maker.codec, json.loads(text))
    one, other = (replace(maker, calibration=c).shard(0, 50, seed=1)[0].values for c in (calibration, back))
    assert torch.equal(one, other)


def test_what_was_given_is_kept_and_no_patient_hangs_on_another(maker, calibration) -> None:
    codec, randomness = maker.codec, torch.Generator().manual_seed(0)
    B, N = 30, 6
    values = torch.randn(B, N, codec.channels, generator=randomness)
    known = codec.known(values, torch.randint(1, N, (B,), generator=randomness))
    asked = known & (torch.arange(N) > 2)[:, None]
    out = calibration(values, asked, known)
    assert torch.equal(out[~asked], values[~asked]) and (out[asked] != values[asked]).float().mean() > 0.9
    for i in (0, 7, 29):
        alone = calibration(values[i : i + 1], asked[i : i + 1], known[i : i + 1])
        torch.testing.assert_close(alone[0], out[i], atol=1e-5, rtol=1e-5)


def test_a_score_within_the_distance_of_a_given_one_is_that_one(maker) -> None:
    codec = maker.codec
    channel = next(f.channels[0] for f in codec.fields if f.name == "value:weight")
    knots = tuple(map(float, targets(codec)[1, channel]))
    calibration = Calibration(codec, (1,), {"value:weight": Map(knots=((knots,),), stay=(0.5,))})
    values = torch.zeros(1, 6, codec.channels)
    values[0, 1:, channel] = torch.tensor([1.0, 1.4, 9.0, 1.45, 2.0])  # the fourth is not known, and passed over
    known = torch.zeros_like(values, dtype=torch.bool)
    known[0, [1, 2, 4, 5], channel] = True
    asked = known.clone()
    asked[0, 1] = False
    out = calibration(values, asked, known)[0, 1:, channel]
    torch.testing.assert_close(out, torch.tensor([1.0, 1.0, 9.0, 1.0, 2.0]))


def test_a_calibration_without_maps_changes_nothing(maker) -> None:
    values = torch.randn(5, 4, maker.codec.channels, generator=torch.Generator().manual_seed(0))
    known = maker.codec.known(values, torch.full((5,), 3))
    torch.testing.assert_close(Calibration(maker.codec)(values, known, known), values, atol=1e-6, rtol=0)


def test_a_course_is_found_and_turned_into_another() -> None:
    """Scores of one law come out with the law of the other; what goes on from given scores is given them."""
    drawn, trained = Course(0.2, 0.3, 0.5), Course(0.7, 0.2, 0.8)
    white = torch.randn(40_000, 8, generator=torch.Generator().manual_seed(0))
    known = torch.rand(white.shape, generator=torch.Generator().manual_seed(1)) < 0.8
    known[:, :2] = True
    rank = (known.cumsum(-1) - 1).clamp(min=0)
    scores = torch.where(known, (white @ factor(drawn, 8).T).gather(-1, rank), 0.0)
    made = along([(drawn, trained)], scores[None], known[None], known[None])[0]
    found = Course.of(made, known)
    covariance, wanted = (factor(course, 8) @ factor(course, 8).T for course in (found, trained))
    torch.testing.assert_close(covariance, wanted, atol=0.03, rtol=0)
    straight = (white @ factor(trained, 8).T).gather(-1, rank)
    torch.testing.assert_close(made[known], straight[known], atol=1e-4, rtol=1e-4)
    # the past of the trained law, the next score as drawn given it: together they are of the trained law
    past = (white @ factor(trained, 8).T)[:, :3]
    law = factor(drawn, 4)
    new = torch.cat([torch.linalg.solve_triangular(law[:3, :3], past.T, upper=False).T, white[:, 3:4]], 1) @ law[3]
    both, there = torch.cat([past, new[:, None]], 1), torch.ones(len(white), 4, dtype=torch.bool)
    out = along([(drawn, trained)], both[None], (there & (torch.arange(4) == 3))[None], there[None])[0]
    assert torch.equal(out[:, :3], past)
    expected = factor(trained, 4) @ factor(trained, 4).T
    torch.testing.assert_close(out.T @ out / len(out), expected, atol=0.03, rtol=0)
