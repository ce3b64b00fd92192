"""Every identity holds, every one is told in the text, and a wrong formula is caught."""

import re
from pathlib import Path

import pytest
import torch

from reverie.errors import UsageError
from reverie.process import gaussian, loss, variance
from reverie.process.gaussian import GaussianProcess
from reverie.process.prediction import Prediction
from reverie.samplers import DDIM, Heun
from reverie.samplers.posterior import PiGDM
from reverie.studies import proofs
from reverie.studies.proofs import CHAPTERS, Check, prove
from reverie.studies.proofs.check import digits

DOCUMENT = Path(__file__).parents[2] / "docs" / "mathematics.md"


LAWS = {name: law for chapter in CHAPTERS for name, law in chapter.laws.items()}


def failing(*laws: str) -> set[str]:
    return {name for name, law in LAWS.items() if name.startswith(laws) and not law().passed}


@pytest.mark.parametrize("name", LAWS)
def test_the_identity_holds(name):
    check = LAWS[name]()
    assert check.passed, check
    assert check.name == name


def test_proofs_repeat_to_the_last_bit():
    for chapter in ("conversion", "loss"):  # those that draw numbers
        assert prove(chapter) == prove(chapter)


def test_every_step_of_both_derivations_is_checked():
    assert len(LAWS) == sum(len(chapter.laws) for chapter in CHAPTERS) >= 80
    assert {name.split("/")[0] for name in LAWS} == {chapter.name for chapter in CHAPTERS}


def test_the_text_names_every_check_and_no_other_in_the_order_of_the_table():
    named = re.findall(r"`([a-z]+/[a-z0-9-]+)`", DOCUMENT.read_text())
    assert list(dict.fromkeys(named)) == list(LAWS)


def test_chapters_can_be_asked_for_by_name():
    assert [c.name for c in prove("mean", "forward")] == [name for name in LAWS if name.startswith(("forward/", "mean/"))]


def test_an_unknown_chapter_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'mean'"):
        prove("means")


@pytest.mark.parametrize(("error", "passed"), [(0.0, True), (1e-9, True), (2e-9, False), (float("nan"), False)])
def test_a_check_passes_only_within_its_tolerance(error, passed):
    assert Check("a/b", "one | other", error, 1e-9).passed is passed


@pytest.mark.parametrize(
    ("measured", "given", "units"), [(0.13218, "0.1322", 0.2), (4.1e-5, "4.0e-5", 1.0), (76.6, "77", 0.4)]
)
def test_distance_from_a_printed_number_is_in_units_of_its_last_digit(measured, given, units):
    assert digits(measured, given) == pytest.approx(units)


def test_a_wrong_posterior_variance_is_caught(monkeypatch):
    monkeypatch.setattr(variance, "lower", variance.upper)
    assert failing("variance/") >= {"variance/inverse", "variance/learned-ends", "variance/point-and-unit-data"}
    assert failing("forward/") >= {"forward/bayes", "forward/bayes-strided", "forward/posterior-at-zero"}


def test_a_wrong_weight_of_the_posterior_mean_is_caught(monkeypatch):
    right = GaussianProcess._posterior_weights
    monkeypatch.setattr(GaussianProcess, "_posterior_weights", lambda *a: tuple(w * (1 + 1e-8) for w in right(*a)))
    assert {"mean/result", "mean/posterior-weights", "mean/from-velocity"} <= failing("mean/")


def test_a_wrong_view_is_caught(monkeypatch):
    monkeypatch.setattr(Prediction, "noise", property(lambda self: -self.mix(noise=1.0)))
    assert "conversion/all-pairs" in failing("conversion/")


def test_a_sampler_of_lower_order_than_it_declares_is_caught(monkeypatch):
    monkeypatch.setattr(Heun, "step", lambda self, now: DDIM().step(now))
    assert failing("sampler/order") == {"sampler/order-heun"}


def test_a_loss_that_reads_under_the_mask_is_caught(monkeypatch):
    monkeypatch.setattr(loss, "masked_mean", lambda e, mask=None: e.mean())
    assert "loss/masked-mean" in failing("loss/")


def test_not_a_number_is_not_a_proof(monkeypatch):
    monkeypatch.setattr(
        gaussian.GaussianProcess, "corrupt", lambda self, x_0, t, noise=None, generator=None: x_0 * torch.nan
    )
    assert "forward/corruption" in failing("forward/")


def test_ddim_without_its_noise_share_is_caught(monkeypatch):
    right = DDIM.step

    def step(self, now):
        return right(DDIM(0.0), now)

    monkeypatch.setattr(DDIM, "step", step)
    assert failing("sampler/ddim", "sampler/strided") == {"sampler/ddim-one", "sampler/strided-posterior"}


def test_a_posterior_sampler_that_is_not_exact_is_caught(monkeypatch):
    monkeypatch.setattr(proofs.posterior, "named", lambda name: PiGDM())
    monkeypatch.setattr(proofs.posterior, "Twisted", lambda **settings: PiGDM())
    assert failing("posterior/") == {"posterior/hole", "posterior/points"}
