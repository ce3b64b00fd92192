"""Runs on every path of noise levels: settings, training, what is saved, what is drawn, what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.config import Sampling, Source, resolve
from reverie.errors import UsageError
from reverie.models import PatientModel, PictureModel
from reverie.models.editing import image_to_image, inverted
from reverie.models.model import untrained
from reverie.process import EDM, GaussianProcess, generator
from reverie.process.loss import target
from reverie.process.registry import CONTINUOUS, named
from reverie.records import read_table
from reverie.records.cohort import simulate_art4hiv
from reverie.reports.likelihood import bounds
from reverie.samplers import SAMPLERS, time_grid
from reverie.training.objective import noise_accuracy, timesteps

TINY = {"network.width": 8, "training.batch": 8, "training.log_every": 1}
DIGITS = Source(name="digits")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of two steps on EDM's path, and the model as it was trained."""
    folder = tmp_path_factory.mktemp("runs") / "edm"
    return folder, reverie.train("digits", folder, steps=2, settings=TINY | {"schedule.name": "edm", "training.aside": 0.1})


@pytest.fixture(scope="module")
def model(run) -> PictureModel:
    """The same, read again."""
    loaded = reverie.load(run[0])
    assert isinstance(loaded, PictureModel)
    return loaded


def test_a_run_keeps_its_path_and_draws_the_same_when_it_is_read_again(run, model):
    trained = run[1]
    assert model.process.schedule == trained.process.schedule == EDM()
    assert model.denoiser.kind == "edm" and model.denoiser.scaled and model.digest == trained.digest
    pixels = model.sample(2, seed=3)
    assert np.array_equal(pixels, trained.sample(2, seed=3)) and pixels.std() > 1


def test_pictures_are_made_in_the_way_of_their_path_where_none_is_asked_for(model):
    assert (model.usual.sampler, model.usual.spacing, model.usual.steps) == ("dpmpp", "karras", 12)
    assert np.array_equal(model.sample(2), model.sample(2, sampler="dpmpp", spacing="karras"))
    assert not np.array_equal(model.sample(2), model.sample(2, sampler="angular", spacing="angle"))
    for name in CONTINUOUS:
        usual = Sampling.model_validate(dict(named(name).usual))
        assert usual.sampler in SAMPLERS and len(time_grid(named(name), usual.steps, usual.spacing)) == 13


def test_sampling_starts_at_the_deviation_of_the_paths_end(model):
    x, _, _ = model.start(model.method(), 64, 0)
    assert float(x.std()) == pytest.approx(80, rel=0.05)


def test_a_picture_is_made_over_inverted_and_weighed_on_the_path(model):
    pixels = model.sample(2, seed=3)
    assert np.array_equal(image_to_image(model, pixels[0], 0.0), pixels[:1])
    assert image_to_image(model, pixels[0], 0.4, count=2, steps=3).shape == (2, 8, 8, 1)
    there = inverted(model, pixels, steps=6)
    assert all(0 <= t <= 80 for t in there.grid) and np.isfinite(there.error)
    found = bounds(model, [pixels], 0)
    assert set(found) == {"beta_tilde", "beta", "fitted"} and all(np.isfinite(kind[0]).all() for kind in found.values())


def test_a_bound_in_continuous_time_is_above_the_entropy_and_near_it_for_the_exact_denoiser(monkeypatch):
    """8-bit values of a known Gaussian: no bound is below their entropy, and that of the fitted variance is near."""
    codec = type("Codec", (), {"step": 2 / 255, "encode": staticmethod(lambda pixels: torch.from_numpy(pixels))})()
    from reverie.denoisers import GaussianMixture

    std = torch.tensor([0.3], dtype=torch.float64)
    x_0 = (0.3 * torch.randn(64, 40, generator=generator(0), dtype=torch.float64) * 127.5).round() / 127.5
    entropy = float(torch.log2(0.3 * torch.tensor(2 * torch.pi * torch.e).sqrt() * 127.5))
    for path in (EDM(), named("flow"), named("log_snr")):
        process = GaussianProcess(path)
        exact = GaussianMixture(process, torch.zeros(1, 40, dtype=torch.float64), std)
        exact = type("Exact", (), {"process": process, "__call__": lambda self, x, t, of=exact: of(x, t)})()
        exact.module = torch.nn.Linear(1, 1)
        settings = type("Settings", (), {"learned_variance": False})()
        model = type("Model", (), {})()
        model.process, model.denoiser, model.codec = process, exact, codec
        model.config = type("Config", (), {"training": settings})()
        found = {kind: float(bits[0].mean()) for kind, bits in bounds(model, [x_0.numpy()], 0).items()}
        assert entropy - 0.15 < min(found.values()) < entropy + 0.35, (path, found, entropy)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_what_goes_with_a_path_is_predicted_where_nothing_else_is_said(name):
    config = resolve(DIGITS, 0, "pictures", {"schedule.name": name})
    assert config.schedule == dict(named(name).config)
    assert config.training.predict == {"edm": "edm", "variance_exploding": "edm", "rectified_flow": "flow"}.get(
        name, "velocity"
    )
    network = untrained(config, 1)
    assert network.scaled and network.process.schedule == named(name)


def test_order_of_settings_and_short_names_change_nothing():
    one = resolve(
        DIGITS, 0, "pictures", {"schedule.logit_std": 1.0, "schedule.name": "flow", "training.predict": "velocity"}
    )
    two = resolve(
        DIGITS, 0, "pictures", {"training.predict": "velocity", "schedule.name": "rectified_flow", "schedule.logit_std": 1.0}
    )
    assert one == two and one.training.predict == "velocity" and one.schedule["logit_std"] == 1.0


def test_scores_and_latents_have_the_deviation_that_edm_is_told():
    assert resolve(DIGITS, 0, "pictures", {"schedule.name": "edm", "latent": True}).schedule["sigma_data"] == 1.0
    assert resolve(Source(name="t"), 0, "records", {"schedule.name": "edm"}).schedule["sigma_data"] == 1.0
    assert resolve(DIGITS, 0, "pictures", {"schedule.name": "edm"}).schedule["sigma_data"] == 0.5


@pytest.mark.parametrize("name", CONTINUOUS)
def test_levels_are_drawn_as_the_path_says_one_in_each_stratum(name):
    path = named(name)
    t = timesteps(32, path, "stratified", generator(0))
    edges = path.training_time(torch.arange(33, dtype=torch.float64).clamp(max=32 - 1e-9) / 32)
    ordered = t.sort().values
    assert (
        t.dtype == torch.float64 and ((edges[:-1] <= ordered) & (ordered <= edges[1:])).all() and not torch.equal(t, ordered)
    )


@pytest.mark.parametrize("name", ["edm", "rectified_flow", "continuous_cosine"])
def test_noise_accuracy_is_told_by_quarters_of_the_way(name):
    process = GaussianProcess(named(name))
    t = torch.tensor([process.schedule.at_progress(share) for share in (0.1, 0.3, 0.6, 0.9)], dtype=torch.float64)
    x_0, noise = torch.randn(2, 4, 1, 4000, dtype=torch.float64, generator=generator(0))
    kind = process.schedule.predicts
    x_t, right = process.corrupt(x_0, t, noise), target(process, x_0, noise, t, kind)
    told = noise_accuracy(process.predict(x_t, t, **{kind: right}), noise, t, process.schedule)
    assert list(told) == ["0-25%", "25-50%", "50-75%", "75-100%"] and all(abs(value - 1) < 1e-9 for value in told.values())


def test_records_are_learned_and_drawn_on_a_path(tmp_path):
    table = read_table(simulate_art4hiv(24, 3), identifier="PatientID", time="Timestep")
    settings = {"network.width": 16, "network.layers": 1, "network.heads": 2, "batch": 8, "aside": 0}
    trained = reverie.train(table, tmp_path / "run", steps=2, holdout=0.0, settings=settings | {"schedule.name": "edm"})
    assert isinstance(trained, PatientModel) and trained.process.schedule == EDM(sigma_data=1.0, p_mean=-0.5)
    made = trained.sample(8, seed=1)
    assert made["PatientID"].n_unique() == 8 and made.columns == table.frame.columns
    assert np.isfinite(trained.losses(table.frame)).all()
    holes = table.frame.with_columns(pl.lit(None).cast(table.frame["VL"].dtype).alias("VL"))
    assert trained.impute(holes)[0]["VL"].null_count() == 0


@pytest.mark.parametrize(
    ("settings", "culprit"),
    [
        (
            {"schedule.name": "edm", "predict": "velocity"},
            "`training.predict=velocity` does not go with `schedule.name=edm`.*`training.predict=edm`",
        ),
        (
            {"schedule.name": "ve", "predict": "flow"},
            "`training.predict=flow` does not go with `schedule.name=variance_exploding`",
        ),
        (
            {"schedule.name": "log_snr", "predict": "flow"},
            "`training.predict=flow` does not go with `schedule.name=log_snr`.*velocity",
        ),
        ({"predict": "flow"}, "`training.predict=flow` does not go with `schedule.name=cosine`"),
        ({"schedule.name": "edm", "learned_variance": True}, "`learned_variance` is of a table of steps"),
        ({"schedule.name": "edn"}, "schedule 'edn': did you mean 'edm'"),
        ({"schedule.name": "edm", "schedule.steps": 100}, "setting of the schedule 'edm', 'steps'"),
        ({"schedule.name": "edm", "schedule.sigma_max": 1e-4}, "sigma_min = 0.002 and sigma_max = 0.0001"),
        ({"schedule.name": 3}, "by its name, .* not 3"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(settings, culprit):
    with pytest.raises(UsageError, match=culprit):
        resolve(DIGITS, 0, "pictures", settings)


@pytest.mark.parametrize(
    ("what", "culprit"),
    [
        (
            {"settings": {"schedule.name": "flow"}},
            "was trained with schedule.name=edm, and its weights are for nothing else",
        ),
        ({"settings": {"schedule.sigma_max": 50.0}}, "was trained with schedule.sigma_max=80.0"),
        ({"settings": {"predict": "clean"}}, "was trained with training.predict=edm"),
    ],
)
def test_a_run_begins_from_another_of_its_own_path_alone(model, tmp_path, what, culprit):
    with pytest.raises(UsageError, match=culprit):
        reverie.train("digits", tmp_path / "next", steps=1, parent=model.path, **what)


def test_what_needs_the_steps_of_a_table_says_so(model):
    from reverie.giveaway.pictures import pictures_page
    from reverie.studies.denoising import learned

    for call in (
        lambda: pictures_page(model, "runs/edm"),
        lambda: learned(model, "runs/edm"),
        lambda: model.save("x", "diffusers"),
    ):
        with pytest.raises(UsageError, match=r"table|diffusers"):
            call()
    with pytest.raises(UsageError, match="counts whole steps"):
        model.sample(1, spacing="leading")
    with pytest.raises(UsageError, match=r"sigma_max` must lie in .*80.*, not 100"):
        model.sample(1, spacing="karras", sigma_max=100.0)
