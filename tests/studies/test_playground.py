"""On the playground the exact score is the gradient of the drawing's log density, and every number is what it says it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch.testing import assert_close

from reverie.errors import UsageError
from reverie.operations.studies.playground import MistakeNumber, ShapeName
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import DDIM
from reverie.studies.mistakes import ENTRIES
from reverie.studies.mistakes.forms import FORMS
from reverie.studies.playground import FRAME, SHAPES, Drawing, playground, shape_points
from reverie.studies.playground.measures import chance, excess_loss, score_error, sliced_wasserstein
from reverie.studies.playground.training import Training, train

PROCESS = GaussianProcess(NoiseSchedule.linear())
POINTS = ((-1.0, 0.5), (0.2, 0.1), (1.5, -1.2))
DRAWINGS = {
    "points": Drawing(POINTS),
    "wide points": Drawing(POINTS, spread=0.3),
    "density": Drawing.density([[0, 1, 0], [2, 0, 0], [0, 0, 5]]),
}


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
@pytest.mark.parametrize("t", [5, 300, 1000])
def test_the_exact_score_is_the_gradient_of_the_log_density(drawing, t):
    x = 1.5 * torch.randn(20, 2, generator=generator(t), dtype=torch.float64)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(drawing.log_density(PROCESS, x, t).sum(), x)
    assert_close(drawing.denoiser(PROCESS)(x.detach(), t).score, gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_the_density_has_mass_one_and_the_moments_of_the_draws(drawing):
    line = torch.linspace(-7, 7, 281, dtype=torch.float64)
    places = torch.cartesian_prod(line, line)
    mass = drawing.log_density(PROCESS, places, 300).exp().sum() * (line[1] - line[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-6)
    draws, (mean, covariance) = drawing.sample(40_000, generator(0)), drawing.moments()
    assert_close(draws.mean(0), mean, rtol=0, atol=0.03)
    assert_close(draws.T.cov(), covariance, rtol=0, atol=0.05)


def test_a_density_stands_where_it_was_painted():
    drawing = Drawing.density([[0, 3], [1, 0]])
    assert drawing.points == ((FRAME / 2, FRAME / 2), (-FRAME / 2, -FRAME / 2)) and drawing.weights == (3, 1)


def test_samples_that_are_shifted_are_as_far_as_they_were_shifted():
    """The mean over directions u of (u . shift)^2 is |shift|^2 / 2."""
    drawing = DRAWINGS["wide points"]
    draws = drawing.sample(8192, generator(0, "playground", "reference"))
    assert sliced_wasserstein(draws, drawing) == pytest.approx(0, abs=1e-12)
    assert sliced_wasserstein(draws + torch.tensor([0.3, -0.4]), drawing) == pytest.approx(0.5 / math.sqrt(2), rel=1e-6)


def test_chance_is_what_fresh_draws_give_and_falls_with_their_number():
    drawing = DRAWINGS["wide points"]
    few, many = (chance(drawing, count, seed=0) for count in (64, 1024))
    assert few.median < few.high and many.high < 0.7 * few.median
    below = [sliced_wasserstein(drawing.sample(64, generator(9, i)), drawing) <= few.high for i in range(40)]
    assert sum(below) >= 34


def trained(steps: int, drawing: Drawing = DRAWINGS["wide points"], **changes):
    return train(replace(Training(drawing, PROCESS.schedule, "velocity", steps, 0), **changes))


def test_a_training_is_a_function_of_its_seed():
    one, other, third = trained(3), trained(3, seed=1), trained(3)
    assert third is one and other is not one  # the network of a drawing is kept
    from reverie.studies.playground import training

    training._kept.clear()
    again = trained(3)
    assert again is not one and again.curve == one.curve and again.module.state() == one.module.state()
    assert other.module.state() != one.module.state()


@pytest.mark.parametrize("predict", ["noise", "clean", "velocity"])
def test_training_brings_the_loss_near_the_least_and_the_score_near_the_exact_one(predict):
    drawing = DRAWINGS["wide points"]
    exact = drawing.denoiser(PROCESS)
    networks = [trained(steps, predict=predict).network for steps in (2, 150)]
    with torch.no_grad():
        before, after = (
            (excess_loss(drawing, exact, network, 0), score_error(drawing, exact, network, 100, 0)) for network in networks
        )
        perfect = score_error(drawing, exact, exact, 100, 0)
    assert before[0].least == after[0].least > 0  # which noise it was cannot be known
    assert 0 < after[0].excess < 0.5 * before[0].excess and after[1].noise < 0.5 * before[1].noise
    assert perfect.noise == perfect.score == 0
    error = after[1]
    assert error.score == pytest.approx(2 * error.noise / float(1 - PROCESS.schedule.alpha_bar[100]))


def test_someone_who_knows_mean_and_covariance_is_right_of_one_gaussian():
    drawing = Drawing(((0.5, -0.2),), spread=0.7)
    exact = drawing.denoiser(PROCESS)
    assert score_error(drawing, exact, exact, 400, 0).gaussian == pytest.approx(0, abs=1e-20)


@pytest.fixture(scope="module")
def study():
    return playground(DRAWINGS["points"], steps=12, spacing="log_snr", training_steps=60)


def test_both_flows_begin_alike_and_the_exact_one_ends_on_the_drawing(study):
    assert torch.equal(study.run.exact[0], study.run.learned[0])
    nearest = torch.cdist(study.run.exact[-1], study.drawing.x).amin(1)
    assert float(nearest.quantile(0.9)) < 1e-3
    assert study.run.grid[0] == 1000 and study.run.grid[-1] == 0 and len(study.run.grid) == len(study.run.exact)


def test_the_reply_tells_the_numbers_of_the_study(study):
    reply = study.reply(shown=5)
    assert len(reply["paths"]["learned"]) == len(study.run.grid) and len(reply["paths"]["learned"][0]) == 5
    assert reply["distance"]["learned"] == study.run.distance["learned"] and reply["mistake"] is None
    field, made = study.run.fields[2], reply["fields"][2]
    assert_close(torch.tensor(made["exact"]).double(), field.exact, rtol=0, atol=1e-6)
    middle = reply["side"] ** 2 // 2  # the origin
    at_origin = study.drawing.denoiser(PROCESS)(torch.zeros(1, 2).double(), field.t).score[0]
    assert made["exact"][middle] == pytest.approx(at_origin.tolist(), abs=1e-7)
    assert len(made["log_density"]) == reply["side"] ** 2


HOW = {"2": {"schedule": NoiseSchedule.scaled_linear()}, "5a": {"sampler": "ancestral"}, "5b": {"sampler": "ancestral"}}


@pytest.mark.parametrize("number", FORMS)
def test_every_mistake_takes_the_learned_samples_further_from_the_drawing(number):
    how = {"steps": 20, "training_steps": 150} | HOW.get(number, {})
    made = playground(Drawing.example("eight-gaussians", spread=0.1), mistake=number, **how)
    right, wrong = made.right.numbers, made.run.numbers
    assert wrong["learned"] > 1.2 * right["learned"], (right, wrong)
    if FORMS[number].place == "training":
        assert wrong["excess"] > 2 * right["excess"] and wrong["exact"] == right["exact"]
    if FORMS[number].place == "sampling":
        assert wrong["excess"] == right["excess"] and wrong["exact"] != right["exact"]
    told = made.reply()["mistake"]
    assert (told["number"], told["wrong"], told["without"]) == (number, ENTRIES[number].wrong, right)


def test_what_can_be_asked_for_is_what_there_is():
    assert get_args(MistakeNumber) == tuple(FORMS) and set(FORMS) <= set(ENTRIES)
    assert get_args(ShapeName) == tuple(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_an_example_fills_the_frame_and_is_always_the_same(name):
    points = shape_points(name)
    assert torch.equal(points, shape_points(name)) and points.shape == (400, 2)
    assert 1.2 < float(points.abs().max()) < FRAME and float(points.mean(0).abs().max()) < 0.6


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Drawing(()), "draw at least one point"),
        (lambda: Drawing(((0.0, math.nan),)), "point 1 must be two finite numbers"),
        (lambda: Drawing(POINTS, (1.0, 2.0)), "weights must be 3 numbers above 0"),
        (lambda: Drawing(POINTS, spread=-1), "spread must be a number >= 0"),
        (lambda: Drawing.density([[0, 1], [1]]), "row 2 of 2 has 1 cells"),
        (lambda: Drawing.density([[0, -1], [1, 0]]), "row 1, cell 2 of the density"),
        (lambda: Drawing.density([[0]]), "paint at least one cell"),
        (lambda: Drawing.example("moons"), "did you mean 'two-moons'"),
        (lambda: playground(DRAWINGS["points"], predict="score"), "unknown prediction 'score'"),
        (lambda: playground(DRAWINGS["points"], mistake="99"), "unknown mistake"),
        (lambda: playground(DRAWINGS["points"], mistake="5a"), "mistake 5a can only be made with the sampler 'ancestral'"),
        (lambda: playground(DRAWINGS["points"], NoiseSchedule.linear().with_zero_terminal_snr(), "noise"), "terminal SNR"),
    ],
)
def test_what_cannot_be_learned_is_refused_in_a_sentence(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()


def test_a_relabelled_step_goes_where_the_right_one_would_with_that_level():
    form = FORMS["7"].sampler(DDIM(), 20)
    x = torch.ones(1, 2, dtype=torch.float64)
    prediction = PROCESS.predict(x, 500, clean=0 * x)
    from reverie.samplers import Step

    wrong = form.step(Step(PROCESS, 500, 450, prediction))
    assert_close(wrong, DDIM().step(Step(PROCESS, 500, 499, prediction)))
