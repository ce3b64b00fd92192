"""What lasts over the rows of a patient, held to shares that are known."""

import json

import numpy as np
import pytest
import torch

from reverie.process.randomness import generator
from reverie.records.linked.lasting import Kin, Lasting, LastingFit

PATIENTS, ROWS = 2000, 6
N = PATIENTS * ROWS
PATIENT, CLASS, STAY = range(3)


@pytest.fixture(scope="module")
def kin():
    """Six rows of each patient, three of each stay, of two classes and of two tests in turn."""
    rows = np.arange(N)
    groups = (rows // ROWS, rows // ROWS * 2 + rows % 2, rows // 3)
    return Kin(groups, (PATIENTS, 2 * PATIENTS, 2 * PATIENTS), 1 + rows % 2, 3)


@pytest.fixture(scope="module")
def plain(kin):
    """The same, of which no test is known."""
    return Kin(kin.groups, kin.counts, np.zeros(N, int), 1)


def noise(share, kind, kin, seed=0):
    """Of rho by channel, or by test and channel."""
    of = Lasting(np.atleast_2d(np.array(share, float)), np.broadcast_to(kind, np.atleast_2d(share).shape))
    each = torch.randn(N, of.share.shape[1], generator=generator(seed, "own"))
    return of.of_noise(each, kin, np.arange(N), generator(seed, "shared"))


def common(kin, drawn, kind):
    """c of each channel, of all rows."""
    return [kin.shared(z, np.ones(N, dtype=bool), kind)[0] for z in drawn.double().numpy().T]


def test_noise_stays_normal_and_lasts_as_much_as_is_said(plain):
    drawn = noise([0.7, 0.0, 0.6, 0.5], [PATIENT, PATIENT, CLASS, STAY], plain)
    assert np.allclose(drawn.mean(0), 0, atol=0.05) and np.allclose(drawn.std(0), 1, atol=0.03)
    of_patient = common(plain, drawn, PATIENT)
    assert of_patient[:2] == pytest.approx([0.7, 0.0], abs=0.04)
    assert of_patient[2:] == pytest.approx([0.6 * 2 / 5, 0.5 * 2 / 5], abs=0.04)  # 2 of the 5 other rows are of the same
    assert common(plain, drawn, CLASS)[2] == pytest.approx(0.6, abs=0.04)
    assert common(plain, drawn, STAY)[3] == pytest.approx(0.5, abs=0.04)


def test_each_test_lasts_by_itself(kin):
    drawn = noise([[0.0], [0.9], [0.3]], PATIENT, kin)[:, 0].double().numpy()
    told = [kin.shared(drawn, kin.test == test, PATIENT)[0] for test in (1, 2)]
    assert told == pytest.approx([0.9, 0.3], abs=0.04)
    assert kin.shared(drawn, np.arange(N) % 6 < 2, PATIENT)[0] == pytest.approx(0.0, abs=0.04)  # one row of each test


def test_rows_asked_for_in_parts_have_the_noise_of_all(kin):
    of, each = Lasting(np.full((3, 1), 0.5), np.zeros((3, 1), int)), torch.randn(N, 1)
    some = np.arange(7, 5000, 3)
    whole = of.of_noise(each, kin, np.arange(N), generator(1, "shared"))
    assert torch.equal(of.of_noise(each[some], kin, some, generator(1, "shared")), whole[some])


def test_what_lasts_too_little_is_made_to_last(plain):
    """A maker whose scores are half what it knows, and half noise."""
    knows, late = torch.randn(N, 2, generator=generator(2, "known")), np.zeros(2, dtype=bool)
    fit = LastingFit.of(noise([0.4, 0.0], PATIENT, plain, 3).double().numpy(), np.arange(2), late, plain)
    everyone = np.ones(knows.shape, dtype=bool)

    def drawn(seed):
        of = fit.done(2)
        return (knows + noise(of.share, of.kind, plain, seed)) / 2**0.5

    for turn in range(3):
        fit.weigh(drawn(4 + turn).double().numpy(), everyone, plain)
    assert common(plain, drawn(9), PATIENT)[0] == pytest.approx(0.4, abs=0.05)
    assert fit.done(2).share[0, 1] < 0.05


def test_tests_are_told_apart_where_they_are_known(kin):
    real = noise([[0.0], [0.9], [0.3]], PATIENT, kin, 5).double().numpy()
    by_itself, every = np.ones((N, 1), dtype=bool), np.arange(1)
    fit = LastingFit.of(real, every, np.array([True]), kin)
    fit.weigh(noise([[0.0]] * 3, PATIENT, kin, 6).double().numpy(), by_itself, kin)
    assert fit.done(1).share[1:, 0] == pytest.approx([0.9, 0.3], abs=0.06) and fit.done(1).share[0, 0] == 0
    early = LastingFit.of(real, every, np.array([False]), kin)
    assert set(early.aims) == {(0, None)}


def test_numbers_of_few_rows_are_left(kin):
    few = np.where(np.arange(N)[:, None] < 60, noise([[0.8]] * 3, PATIENT, kin).double().numpy(), np.nan)
    assert not LastingFit.of(few, np.arange(1), np.array([True]), kin).aims


def test_a_config_says_the_same():
    of = Lasting(np.array([[0.25, 0.0]]), np.array([[2, 0]]))
    again = Lasting.from_config(json.loads(json.dumps(of.config)))
    assert np.array_equal(again.share, of.share) and np.array_equal(again.kind, of.kind)
