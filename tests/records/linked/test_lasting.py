"""What lasts over the rows of a patient, held to shares that are known."""

import json

import numpy as np
import pytest
import torch

from reverie.process.randomness import generator
from reverie.records.linked.lasting import Kin, Lasting, LastingFit

PATIENTS, ROWS = 2000, 6


@pytest.fixture(scope="module")
def kin():
    rows = PATIENTS * ROWS
    return Kin.of(np.repeat(np.arange(PATIENTS), ROWS), PATIENTS, np.zeros(rows, int), np.arange(rows) % 2)


def noise(lasting, kin, seed=0):
    each = torch.randn(len(kin.groups[0]), len(lasting.share), generator=generator(seed, "own"))
    return lasting.of_noise(each, kin, np.arange(len(each)), generator(seed, "shared"))


def test_noise_stays_normal_and_lasts_as_much_as_is_said(kin):
    drawn = noise(Lasting(np.array([0.7, 0.0, 0.6]), np.array([0, 0, 2])), kin).numpy()
    everyone = np.ones(len(drawn), dtype=bool)
    assert np.allclose(drawn.mean(0), 0, atol=0.05) and np.allclose(drawn.std(0), 1, atol=0.03)
    of_patient = [kin.shared(drawn[:, c].astype(float), everyone, 0)[0] for c in range(3)]
    of_class = kin.shared(drawn[:, 2].astype(float), everyone, 2)[0]
    assert of_patient[:2] == pytest.approx([0.7, 0.0], abs=0.04) and of_class == pytest.approx(0.6, abs=0.04)
    assert of_patient[2] == pytest.approx(0.6 * 2 / 5, abs=0.04)  # 2 of the 5 other rows are of the same test


def test_rows_asked_for_in_parts_have_the_noise_of_all(kin):
    lasting, each = Lasting(np.array([0.5]), np.array([2])), torch.randn(len(kin.groups[0]), 1)
    some = np.arange(7, 5000, 3)
    whole = lasting.of_noise(each, kin, np.arange(len(each)), generator(1, "shared"))
    assert torch.equal(lasting.of_noise(each[some], kin, some, generator(1, "shared")), whole[some])


def test_what_lasts_too_little_is_made_to_last(kin):
    """A maker whose scores are half what it knows, and half noise."""
    knows = torch.randn(len(kin.groups[0]), 2, generator=generator(2, "known"))
    fit = LastingFit.of(noise(Lasting(np.array([0.4, 0.0]), np.zeros(2, int)), kin, 3).double().numpy(), np.arange(2), kin)
    everyone = np.ones(knows.shape, dtype=bool)
    for turn in range(3):
        drawn = (knows + noise(fit.done(2), kin, 4 + turn)) / 2**0.5
        fit.weigh(drawn.double().numpy(), everyone, kin)
    drawn = ((knows + noise(fit.done(2), kin, 9)) / 2**0.5).double().numpy()
    assert kin.shared(drawn[:, 0], everyone[:, 0], 0)[0] == pytest.approx(0.4, abs=0.05)
    assert fit.done(2).share[1] < 0.05


def test_numbers_of_tests_last_by_test_and_those_of_few_rows_are_left(kin):
    by_test = noise(Lasting(np.array([0.8]), np.array([2])), kin, 5).double().numpy()
    assert LastingFit.of(by_test, np.arange(1), kin).aims[0][1] == 2
    few = np.where(np.arange(len(by_test))[:, None] < 60, by_test, np.nan)
    assert not LastingFit.of(few, np.arange(1), kin).aims


def test_a_config_says_the_same():
    lasting = Lasting(np.array([0.25, 0.0]), np.array([2, 0]))
    again = Lasting.from_config(json.loads(json.dumps(lasting.config)))
    assert np.array_equal(again.share, lasting.share) and np.array_equal(again.kind, lasting.kind)
