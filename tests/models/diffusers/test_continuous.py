"""Folders of flows, of EDM and of consistency models give here, of the same noise, what diffusers gives step for step."""

import json

import numpy as np
import pytest
import torch
from diffusers import (
    EDMDPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    LCMScheduler,
)
from torch.testing import assert_close

import reverie
from reverie.errors import DataError, UsageError
from reverie.models import editing
from reverie.models.diffusers.scheduler import meaning
from reverie.process import EDM, LinearRate, NoiseSchedule, RectifiedFlow
from reverie.samplers import trajectory

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture
def folder(tmp_path, unet):
    """Saves a U-Net beside a scheduler; the module and the model read."""

    def made(scheduler, **settings):
        module = unet(**settings)
        module.save_pretrained(tmp_path / "unet")
        scheduler.save_pretrained(tmp_path / "scheduler")
        return module, reverie.load(tmp_path)

    return made


def states(scheduler, module, x, steps, generator=None):
    """Every state of diffusers' own loop."""
    scheduler.set_timesteps(steps)
    found = [x]
    with torch.no_grad():
        for t in scheduler.timesteps:
            asked = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            x = scheduler.step(module(asked, t).sample, t, x, generator=generator).prev_sample
            found.append(x)
    return found


def ours(model, x, steps, generator=None, **told):
    how = model.method(steps=steps, **told)
    return [point.x for point in trajectory(how.denoiser, how.sampler, how.grid, x, generator)]


@pytest.mark.parametrize(("shift", "steps"), [(1.0, 7), (3.0, 7), (0.5, 4), (3.0, 1)])
def test_a_flow_takes_eulers_steps_on_the_grid_of_its_shift(shift, steps, folder, noise):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    module, model = folder(scheduler)
    assert model.process.schedule == RectifiedFlow() and model.denoiser.kind == "flow"
    assert_close(ours(model, noise(2, 1, 8, 8), steps), states(scheduler, module, noise(2, 1, 8, 8), steps), **CLOSE)


@pytest.mark.parametrize(
    ("kind", "spacing", "predicts"),
    [
        (EDMEulerScheduler, "karras", "epsilon"),
        (EDMEulerScheduler, "exponential", "v_prediction"),
        (EDMDPMSolverMultistepScheduler, "karras", "v_prediction"),
        (EDMDPMSolverMultistepScheduler, "exponential", "epsilon"),
    ],
)
def test_edm_takes_the_steps_of_its_scheduler_between_its_levels(kind, spacing, predicts, folder, noise):
    scheduler = kind(sigma_min=0.01, sigma_max=20.0, sigma_data=0.7, sigma_schedule=spacing, prediction_type=predicts)
    module, model = folder(scheduler)
    assert model.process.schedule == EDM(0.01, 20.0, 0.7) and model.denoiser.kind == "edm"
    x = 20 * noise(2, 1, 8, 8)
    mine, theirs = ours(model, x, 8), states(scheduler, module, x, 8)
    for a, b in zip(mine, theirs, strict=True):
        assert_close(a, b, rtol=1e-4, atol=1e-4 * 20)
    assert_close(mine[-1], theirs[-1], rtol=1e-3, atol=1e-3)


def test_euler_of_continuous_steps_is_edm_for_data_of_deviation_one(folder, noise):
    told = {"prediction_type": "v_prediction", "timestep_type": "continuous", "use_karras_sigmas": True}
    scheduler = EulerDiscreteScheduler(sigma_min=0.002, sigma_max=70.0, **told)
    module, model = folder(scheduler)
    assert model.process.schedule == EDM(0.002, 70.0, 1.0)
    x = 70 * noise(2, 1, 8, 8)
    assert_close(ours(model, x, 6)[-1], states(scheduler, module, x, 6)[-1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_a_consistency_model_takes_diffusers_steps_with_diffusers_noise(steps, folder, noise):
    scheduler = LCMScheduler(timestep_scaling=0.01)  # so that the boundary condition is felt
    module, model = folder(scheduler)
    x = noise(2, 1, 8, 8)
    wanted = states(scheduler, module, x, steps, torch.Generator().manual_seed(3))
    assert_close(ours(model, x, steps, torch.Generator().manual_seed(3)), wanted, rtol=1e-3, atol=1e-3)
    assert model.usual.steps == 4 and model.usual.sampler == "consistency"


def test_a_consistency_model_is_asked_for_nothing_that_rests_on_the_mean_and_stays_one(folder, tmp_path):
    _, model = folder(LCMScheduler(original_inference_steps=20))
    picture = np.full((8, 8, 1), 128, np.uint8)
    for doing in (
        lambda: editing.inpaint(model, picture, np.eye(8) > 0, method="mmps"),
        lambda: editing.inpaint(model, picture, np.eye(8) > 0, repeats=2),
        lambda: editing.upscale(model, picture[::2, ::2], 2),
        lambda: editing.deblur(model, picture, 1.0),
        lambda: editing.inverted(model, picture[None]),
        lambda: model.sample(1, sampler="heun"),
    ):
        with pytest.raises(UsageError, match=r"consistency model.*the model that it was distilled from"):
            doing()
    assert editing.image_to_image(model, picture, 0.5).shape == (1, 8, 8, 1)
    again = reverie.load(model.save(tmp_path / "run")).save(tmp_path / "back", layout="diffusers")
    assert reverie.load(again).usual == model.usual


def test_levels_of_a_consistency_model_are_those_of_diffusers_for_every_number_of_steps():
    scheduler = LCMScheduler()
    sampling = meaning(dict(scheduler.config) | {"_class_name": "LCMScheduler"}, "it").sampling
    for steps in (*range(1, 11), 25, 50):
        scheduler.set_timesteps(steps)
        grid = reverie.samplers.time_grid(NoiseSchedule.linear(), steps, "trailing", **sampling.grid_of(None))
        assert list(grid) == [*(int(t) + 1 for t in scheduler.timesteps), 0]
    with pytest.raises(UsageError, match=r"distilled on 50 steps takes 1..50 of them, not 51"):
        reverie.samplers.time_grid(NoiseSchedule.linear(), 51, origin=50)


def test_a_shift_moves_the_log_snr_of_every_level_and_keeps_both_ends():
    for path in (RectifiedFlow(), LinearRate(), NoiseSchedule.cosine()):
        plain, moved = (reverie.samplers.time_grid(path, 6, shift=shift) for shift in (1.0, 2.0))
        assert (moved[0], moved[-1]) == (plain[0], 0)
        for t, s in zip(plain[1:-1][::-1], moved[1:-1][::-1], strict=False):
            a, b = (np.exp(-path.level(each).half_log_snr) for each in (t, s))
            assert b / a == pytest.approx(2.0, rel=0.01 if path.whole else 1e-9)
    with pytest.raises(UsageError, match=r"shift must be a number in 0\.1\.\.100, not 0"):
        reverie.samplers.time_grid(RectifiedFlow(), 6, shift=0)


@pytest.mark.parametrize(
    ("scheduler", "changes", "words"),
    [
        (FlowMatchEulerDiscreteScheduler, {"use_dynamic_shifting": True}, "use_dynamic_shifting = True"),
        (FlowMatchEulerDiscreteScheduler, {"shift_terminal": 0.1}, "shift_terminal = 0.1"),
        (FlowMatchEulerDiscreteScheduler, {"shift": -1.0}, "shift = -1.0"),
        (FlowMatchEulerDiscreteScheduler, {"num_train_timesteps": "x"}, "num_train_timesteps = 'x'"),
        (EDMEulerScheduler, {"sigma_schedule": "linear"}, "karras or exponential"),
        (EDMEulerScheduler, {"sigma_min": 90.0}, "sigma_min < sigma_max"),
        (EDMEulerScheduler, {"prediction_type": "sample"}, "supported are epsilon, v_prediction"),
        (LCMScheduler, {"original_inference_steps": 5000}, r"original_inference_steps .* 1\.\.1000"),
        (LCMScheduler, {"timestep_scaling": -1.0}, "boundary"),
        (EulerDiscreteScheduler, {"timestep_type": "continuous"}, "prediction_type = 'epsilon'"),
    ],
)
def test_what_is_not_understood_of_a_scheduler_is_named(scheduler, changes, words):
    told = dict(scheduler().config) | {"_class_name": scheduler.__name__} | changes
    with pytest.raises(DataError, match=words) as caught:
        meaning(told, "scheduler_config.json")
    assert "\n" not in str(caught.value) and "scheduler_config.json" in str(caught.value)


def test_pictures_of_a_flow_are_made_as_of_any_other_folder_and_written_back_as_it_was(folder, tmp_path):
    _, model = folder(FlowMatchEulerDiscreteScheduler(shift=2.0))
    made = model.sample(2, steps=3)
    assert made.shape == (2, 8, 8, 1) and (made == model.sample(2, steps=3, sampler="ddim", spacing="linspace")).all()
    assert (made != model.sample(2, steps=3, spacing="trailing")).any()
    model.save(tmp_path / "again", layout="diffusers")
    assert (reverie.load(tmp_path / "again").sample(2, steps=3) == made).all()


@pytest.mark.parametrize("scheduler", [FlowMatchEulerDiscreteScheduler(shift=2.0), EDMEulerScheduler(sigma_max=20.0)])
def test_a_run_that_began_from_a_folder_is_told_of_the_time_as_the_folder_is(scheduler, folder, tmp_path, noise):
    _, model = folder(scheduler)
    pictures = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), np.uint8)
    still = {"batch": 4, "learning_rate": 1e-12, "device": "cpu"}
    reverie.train(pictures, tmp_path / "run", parent=tmp_path, steps=1, settings=still)
    run = reverie.load(tmp_path / "run")
    x, t = noise(2, 1, 8, 8), 0.4 * model.process.schedule.end
    assert_close(run.denoiser(x, t).clean, model.denoiser(x, t).clean, rtol=1e-5, atol=1e-5)
    again = reverie.load(run.save(tmp_path / "again", layout="diffusers"))
    assert again.process.schedule.config == model.process.schedule.config and again.usual == model.usual
    assert (again.sample(2, steps=3) == run.sample(2, steps=3)).all()


def test_a_pipeline_around_a_transformer_is_refused_by_its_name(saved):
    index = json.loads((saved / "model_index.json").read_text())
    del index["unet"]
    index |= {"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]}
    (saved / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"'FluxPipeline', whose network is a transformer .*FluxTransformer2DModel"):
        reverie.load(saved)
