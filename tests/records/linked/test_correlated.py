"""How numbers of a row go together, held to correlations that are known."""

import json

import numpy as np
import pytest
import torch

from reverie.process.randomness import generator
from reverie.records.linked.correlated import Correlated, CorrelatedFit

N = 4000
STAGES = np.array([5, 5, 5, 4])
REAL = np.array([[1.0, 0.4, -0.3, 0.3], [0.4, 1.0, 0.0, 0.3], [-0.3, 0.0, 1.0, 0.3], [0.3, 0.3, 0.3, 1.0]])


def real():
    return np.random.default_rng(0).standard_normal((N, 4)) @ np.linalg.cholesky(REAL).T


def maker(fit, seed, knows=0.5):
    """Scores that are half what a network knows of each, by itself, and half noise."""
    noise = torch.randn(N, 4, generator=generator(seed, "noise"))
    noise = fit.done(noise) if fit.done else noise
    return knows**0.5 * torch.randn(N, 4, generator=generator(seed, "known")).numpy() + (1 - knows) ** 0.5 * noise.numpy()


def test_noise_goes_together_as_is_said_and_each_is_as_it_was():
    drawn = Correlated(np.array([0, 2]), np.array([[1.0, 0.8], [0.8, 1.0]]))(torch.randn(N, 3, generator=generator(0, "n")))
    assert np.corrcoef(drawn.T)[0, 2] == pytest.approx(0.8, abs=0.03)
    assert abs(np.corrcoef(drawn.T)[1, [0, 2]]).max() < 0.06
    assert np.allclose(drawn.std(0), 1, atol=0.04)


def test_what_lacks_is_made_up_for_and_what_is_drawn_apart_is_left():
    fit = CorrelatedFit.of(real(), np.arange(4), STAGES)
    asked = np.ones((N, 4), dtype=bool)
    for turn in range(3):
        fit.weigh(maker(fit, turn), asked)
    drawn = np.corrcoef(maker(fit, 9).T)
    assert drawn[0, 2] == pytest.approx(-0.3, abs=0.06) and drawn[1, 2] == pytest.approx(0.0, abs=0.06)
    assert drawn[0, 1] == pytest.approx(0.4, abs=0.06)
    assert np.abs(fit.done.matrix[3, :3]).max() < 1e-6
    assert np.linalg.eigvalsh(fit.done.matrix).min() > 0 and np.allclose(np.diag(fit.done.matrix), 1)


def test_a_network_that_knows_it_all_is_left_alone():
    fit = CorrelatedFit.of(real(), np.arange(4), STAGES)
    fit.weigh(real(), np.ones((N, 4), dtype=bool))
    assert np.allclose(fit.matrix, np.eye(4), atol=1e-6)


def test_numbers_that_are_seldom_known_both_are_left():
    few = real()
    few[100 // 2 :, 0] = np.nan
    fit = CorrelatedFit.of(few, np.arange(4), STAGES)
    fit.weigh(maker(fit, 0), np.ones((N, 4), dtype=bool))
    assert np.abs(fit.matrix[0, 1:]).max() < 1e-6 and abs(fit.matrix[1, 2]) < 0.2


def test_a_config_says_the_same():
    fit = CorrelatedFit.of(real(), np.arange(4), STAGES)
    fit.weigh(maker(fit, 0), np.ones((N, 4), dtype=bool))
    again = Correlated.from_config(json.loads(json.dumps(fit.done.config)))
    assert np.allclose(again.matrix, fit.done.matrix, atol=1e-3) and np.array_equal(again.channels, fit.done.channels)
