"""The study of posterior samplers: what is exact is not told from the truth, what is not is, and all is plain data."""

import json

import pytest

from reverie.errors import UsageError
from reverie.samplers.posterior.registry import METHODS, USUAL
from reverie.studies.figures import picture_bytes, posterior_figure
from reverie.studies.posterior import CASES, case_of, posterior


@pytest.fixture(scope="module")
def study():
    return posterior([USUAL, "repaint", "dps", "gibbs_shared"], [48], ["gaussian"], draws=1000)


def test_the_usual_method_is_nearest_and_replacement_is_told(study):
    told = {cell.method: cell for cell in study.cells}
    assert told[USUAL].c2st < 0.54 and told["repaint"].c2st > 0.6
    assert told["gibbs_shared"].c2st < 0.56
    assert told[USUAL].distance < told["repaint"].distance
    assert abs(study.chance["gaussian"][0] - 0.5) < 0.04
    assert all(cell.calls + cell.backward <= 48 for cell in study.cells)


def test_split_gibbs_finds_the_weights_of_clusters_where_guidance_misses_them():
    told = {cell.method: cell for cell in posterior([USUAL, "gibbs", "gibbs_shared"], [50], ["mixture"], draws=1000).cells}
    assert told["gibbs_shared"].c2st < 0.54 and told["gibbs"].c2st < 0.56 and told[USUAL].c2st > 0.6
    assert told["gibbs_shared"].distance < 0.6 * told[USUAL].distance


def test_the_reply_is_plain_and_the_figure_is_drawn(study):
    assert json.loads(json.dumps(study.reply(), allow_nan=False))["metadata"]["evidence"] == "exact"
    assert picture_bytes(posterior_figure(study))[:4] == b"\x89PNG"


@pytest.mark.parametrize("name", CASES)
def test_the_exact_draws_of_a_case_agree_with_its_measurement(name):
    """Their mean residual is within the noise, or, where there is none, what is known is met."""
    import torch

    case = case_of(name)
    x = case.exact.sample(2000, torch.Generator().manual_seed(0))
    gap = case.measurement.residual(x).mean(0).abs()
    allowed = case.measurement.variance(x)[0].sqrt() + 1e-6
    assert (gap <= allowed).all()


def test_a_method_that_cannot_take_a_case_is_left_out_and_strange_names_are_refused():
    assert posterior(["repaint"], [4], ["mixture"], draws=100).cells == ()
    assert "twisted" in METHODS
    with pytest.raises(UsageError, match="did you mean 'gaussian'"):
        posterior(cases=["gausian"])
    with pytest.raises(UsageError, match="a method, a case and a number of passes"):
        posterior(passes=[])
