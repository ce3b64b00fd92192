"""The reverse demonstration: the exact denoiser of real pictures leads to one of them, by DDIM's own numbers."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.denoisers import Empirical, KnownSample, Labels
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.samplers import named, sample
from reverie.samplers.sampler import Step
from reverie.sources import ImageSource
from reverie.studies import reverse
from reverie.studies.denoising import Denoising, learned
from reverie.studies.reverse import photographs


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_with_the_exact_denoiser_it_ends_on_a_picture_of_the_data(seed, eta):
    study = reverse(24, 16, steps=25, eta=eta, seed=seed)
    gaps = np.abs(photographs(24, 16).astype(int) - study.final).max((1, 2, 3))
    assert study.evidence == "exact" and study.final.shape == (16, 24, 3)
    assert gaps.min() <= (0 if eta == 0 else 1)


def test_the_photographs_are_six_different_real_cut_outs():
    cuts = photographs(32, 32)
    assert cuts.shape == (6, 32, 32, 3) and cuts.dtype == np.uint8
    assert len({cut.tobytes() for cut in cuts}) == 6 and (cuts.std((1, 2, 3)) > 20).all()


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_the_numbers_of_each_step_are_those_of_its_two_ends(eta):
    study = reverse(8, 8, steps=10, eta=eta)
    alpha_bar = NoiseSchedule.linear().alpha_bar.tolist()
    results = study.reply()["results"]
    assert list(results) == [f"step_{i}" for i in range(10)]
    for i, numbers in enumerate(results.values()):
        t, s = 1000 - 100 * i, 900 - 100 * i
        assert (numbers["timestep"], numbers["next_timestep"], numbers["eta"]) == (t, s, eta)
        assert numbers["alpha_cumprod"] == alpha_bar[t]
        variance = eta**2 * (1 - alpha_bar[s]) / (1 - alpha_bar[t]) * (1 - alpha_bar[t] / alpha_bar[s])
        assert numbers["variance"] == pytest.approx(variance, rel=1e-12, abs=0)
    assert results["step_9"]["variance"] == 0  # nothing is added on the way to x_0


def test_eta_zero_is_a_function_of_the_start_and_a_seed_fixes_all():
    assert np.array_equal(reverse(8, 8, 10, seed=3).views[4].state, reverse(8, 8, 10, seed=3).views[4].state)
    assert np.array_equal(reverse(8, 8, 10, 1.0, seed=3).final, reverse(8, 8, 10, 1.0, seed=3).final)
    assert not np.array_equal(reverse(8, 8, 10, seed=3).views[0].state, reverse(8, 8, 10, seed=4).views[0].state)


def test_the_views_hold_both_ends_and_are_bounded():
    study = reverse(8, 8, steps=200, views=5)
    assert [view.step for view in study.views] == [0, 50, 100, 150, 200]
    assert study.views[0].t == 1000 and study.views[-1].t == 0 and study.views[-1].predicted is None
    assert all(view.predicted is not None for view in study.views[:-1])
    assert len(reverse(8, 8, steps=10, views=100).views) == 11


def test_every_image_says_how_its_denoiser_knows():
    process, codec = GaussianProcess(NoiseSchedule.cosine(100)), ImageCodec(4, 4, 1)
    x_0 = codec.encode(np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) * 16)
    oracle = reverse(steps=10, by=Denoising(KnownSample(process, x_0), codec, "told"))
    exact = reverse(steps=10, by=Denoising(Empirical(process, x_0), codec, "one picture"))
    for study, evidence, name in ((oracle, "oracle", "told"), (exact, "exact", "one picture")):
        reply = study.reply(images=True)
        assert {image["evidence"] for image in reply["images"].values()} == {evidence}
        assert reply["metadata"]["evidence"] == evidence and reply["metadata"]["denoiser"] == name
        assert reply["final_image"].startswith("data:image/png;base64,")
        assert torch.equal(codec.encode(study.final[None]), x_0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"width": 7}, "the width must be"),
        ({"height": 1025}, "the height must be"),
        ({"eta": 1.5}, "eta must lie"),
        ({"eta": float("nan")}, "eta must lie"),
        ({"steps": 0}, r"1\.\.1000 steps"),
        ({"steps": 1001}, r"1\.\.1000 steps"),
        ({"views": 1}, "views must be"),
    ],
)
def test_impossible_settings_are_refused(settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        reverse(**{"width": 8, "height": 8, **settings})


def test_settings_that_contradict_a_denoiser_are_refused():
    process, codec = GaussianProcess(NoiseSchedule.cosine(100)), ImageCodec(4, 4, 1)
    by = Denoising(KnownSample(process, torch.zeros(1, 1, 4, 4)), codec, "black")
    with pytest.raises(UsageError, match="4 x 4, not 8 x 4"):
        reverse(8, by=by)
    with pytest.raises(UsageError, match="schedule of its own"):
        reverse(by=by, schedule=NoiseSchedule.linear())


@pytest.mark.parametrize(("name", "calls"), [("ddim", 10), ("dpmpp", 10), ("heun", 19), ("angular", 10)])
def test_any_solver_ends_on_a_picture_of_the_data_and_adds_no_noise(name, calls):
    study = reverse(16, 16, 10, sampler=name)
    gaps = np.abs(photographs(16, 16).astype(int) - study.final).max((1, 2, 3))
    near = 8 if name == "angular" else 1  # which is not exact where x_0-hat does not change on the way
    assert gaps.min() <= near and study.calls == calls and study.sampler == name
    assert {step.variance for step in study.steps} == {0.0}


def test_the_variance_of_a_step_is_that_of_the_noise_which_it_adds():
    """Measured: the state after a step, over many draws of its noise, from one state and one prediction."""
    schedule = NoiseSchedule.linear()
    process = GaussianProcess(schedule)
    x_t = torch.full((200_000,), 0.3, dtype=torch.float64)
    for name, settings in (
        ("ddim", {"eta": 0.7}),
        ("ancestral", {}),
        ("ancestral", {"variance": "beta"}),
        ("dpmpp_sde", {}),
        ("dpmpp", {}),
    ):
        rule = named(name, **settings)
        for t, s in ((900, 600), (500, 490), (20, 0)):
            prediction = process.predict(x_t, t, clean=torch.zeros_like(x_t))
            noise = torch.Generator().manual_seed(0)
            after = rule.step(Step(process, t, s, prediction, noise))
            expected = rule.added_variance(schedule, t, s)
            assert float(after.var()) == pytest.approx(expected, rel=0.02, abs=1e-12), (name, t, s)
    assert named("ancestral", variance="learned").added_variance(schedule, 500, 400) is None


def test_all_states_are_kept_on_request():
    study = reverse(8, 8, 150, views=None)
    assert [view.step for view in study.views] == list(range(151)) and study.seconds > 0
    assert np.array_equal(study.views[-1].state, reverse(8, 8, 150).final)


def test_eta_belongs_to_ddim_and_views_are_reduced_on_request():
    with pytest.raises(UsageError, match="eta is a setting of the sampler ddim"):
        reverse(8, 8, 10, 0.5, sampler="heun")
    study = reverse(64, 32, 10)
    small, large = (study.reply(images=True, largest=side) for side in (16, None))
    sizes = [picture(reply["images"]["step_0"]["state"]).size for reply in (small, large)]
    assert sizes == [(16, 8), (64, 32)] and picture(small["final_image"]).size == (64, 32)


def picture(url):
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_a_trained_model_is_asked_for_a_class_and_what_guidance_asks_twice_counts_twice(monkeypatch):
    monkeypatch.setattr(ImageSource, "show", lambda *_: None)
    model = reverie.train("digits", steps=3, settings={"network.width": 8, "training.batch": 16})
    by = learned(model, "it", where={"class": "3"}, guidance=2.0)
    study = reverse(steps=4, by=by)
    assert study.calls == 8 and study.source == "the model in it, of class 3, guidance 2"
    method = model.method(sampler="ddim", steps=4, spacing="trailing", where={"class": "3"}, guidance=2.0)
    x_T = draw(torch.empty(1, *model.shape), generator(0, "study", "reverse"))
    x_0 = sample(method.denoiser, method.sampler, method.grid, x_T, condition=Labels(torch.tensor([3])))
    assert np.array_equal(study.final, model.decode(x_0)[0])
    with pytest.raises(UsageError, match="class"):
        learned(model, "it", where={"class": "13"})
