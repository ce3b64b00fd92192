"""At what time of the day things are."""

import json

import numpy as np
import pytest

from reverie.records.linked.daytimes import DAY, DayTimes

N = 6000


def hours(at):
    return at % DAY / 3600


@pytest.fixture(scope="module")
def trained():
    """Class 1 is at ten to the minute, class 2 at eight and twenty, a little later now and then; of class 0 nothing is
    known."""
    randomness, of = np.random.default_rng(0), np.arange(N) % 2 + 1
    late = np.where(randomness.random(N) < 0.5, 8, 20) * 3600 + np.round(randomness.exponential(5, N)) * 60
    days = randomness.integers(15_000, 20_000, N) * DAY
    return days + np.where(of == 1, 10 * 3600, late), of, np.arange(N)


@pytest.fixture(scope="module")
def moved(trained):
    randomness = np.random.default_rng(1)
    at, of = randomness.integers(15_000 * 1440, 20_000 * 1440, N) * 60.0, np.arange(N) % 2 + 1
    day_times = DayTimes.fit((at, of, np.arange(N)), trained, 2)
    return day_times, at, of, day_times.moved(at, of, randomness.random(N))


def test_each_kind_is_at_its_hours(moved):
    _, at, of, new = moved
    ten, rounds = hours(new[of == 1]), hours(new[of == 2])
    assert np.mean(abs(ten - 10) < 1 / 6) > 0.95
    assert np.mean((rounds >= 8) & (rounds < 9)) == pytest.approx(0.5, abs=0.05)
    assert np.mean((rounds >= 20) & (rounds < 21)) == pytest.approx(0.5, abs=0.05)
    assert abs(new - at).max() <= DAY / 2 + 600
    assert abs((new - at)[of == 2]).mean() < 4 * 3600  # the nearer of the two rounds, mostly


def test_what_comes_daily_comes_at_one_hour(moved):
    day_times = moved[0]
    daily = 16_000 * DAY + 3.2 * 3600 + np.arange(20) * DAY
    new = day_times.moved(daily, np.full(20, 2), np.full(20, 0.3))
    assert np.allclose(np.diff(new), DAY)


def test_hours_of_day_that_are_alike_already_hardly_move(trained):
    at, of, _ = trained
    same = DayTimes.fit(trained, trained, 2)
    new = same.moved(at, of, np.random.default_rng(2).random(N))
    assert np.mean(abs(new - at) < 1200) > 0.9


def test_they_are_kept(moved):
    day_times, at, of, _ = moved
    again = DayTimes.from_config(json.loads(json.dumps(day_times.config)))
    chance = np.full(N, 0.4)
    assert np.mean(abs(again.moved(at, of, chance) - day_times.moved(at, of, chance)) < 120) > 0.98


def test_hours_are_those_of_ten_patients_at_least(trained):
    at, of, _ = trained
    assert DayTimes.fit(trained, (at, of, np.arange(N) % 9), 2) is None
    told = DayTimes.fit(trained, (at, of, np.where(of == 1, 0, np.arange(N))), 2)
    assert not told.weights[1].any() and told.weights[2].any()  # all of class 1 are one patient's: it has those of all
