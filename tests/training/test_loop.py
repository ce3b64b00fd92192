"""The training loop: exact resume, equal results however the work is cut, and stops that lose nothing."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import reverie
from reverie import config
from reverie.config import RunConfig
from reverie.denoisers.network import Network
from reverie.denoisers.unet import UNet, UNetConfig
from reverie.errors import DamagedError, UsageError
from reverie.process import generator
from reverie.training import Batch, Budget, Callbacks, Stopped, TrainingSettings, denoising, fit
from reverie.training.advice import NotANumber
from reverie.training.dataset import batch_indices
from reverie.training.metrics import read
from reverie.training.objective import noise_accuracy, timesteps
from reverie.training.optimizer import learning_rate

SMALL = {"width": 8, "groups": 4, "blocks": 1, "batch": 16, "warmup": 2, "log_every": 1}


def train(out: Path, steps: int = 8, callbacks: Callbacks | None = None, resume: bool = False, **settings):
    return reverie.train("digits", out, steps=steps, seed=3, settings=SMALL | settings, callbacks=callbacks, resume=resume)


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def stop_after(step: int, number: int = signal.SIGTERM) -> Callbacks:
    """Sends this process a signal once `step` steps are done."""
    return Callbacks(on_step=lambda done, total: os.kill(os.getpid(), number) if done == step else None)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken") / "run"
    train(run)
    return run


@pytest.mark.parametrize("step", [1, 4, 7])
def test_a_run_stopped_at_any_step_resumes_to_the_same_bits(unbroken: Path, tmp_path: Path, step: int) -> None:
    run = tmp_path / "run"
    with pytest.raises(Stopped, match=f"stopped at step {step} of 8"):
        train(run, callbacks=stop_after(step))
    train(run, resume=True)
    assert weights(run) == weights(unbroken)
    kept, whole = (
        [{k: v for k, v in line.items() if k != "samples_per_second"} for line in read(r)] for r in (run, unbroken)
    )
    assert kept == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_with_its_code_and_a_checkpoint(tmp_path: Path, number: int, code: int) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(Stopped) as stopped:
        train(tmp_path / "run", callbacks=stop_after(2, number))
    assert stopped.value.exit_code == code
    assert (tmp_path / "run/checkpoints/step-2/manifest.json").is_file()
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_stopped_run_already_samples(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(tmp_path / "run", callbacks=stop_after(3))
    assert reverie.load(tmp_path / "run").sample(2, steps=2).shape == (2, 8, 8, 1)


@pytest.mark.precision
def test_resume_is_exact_with_dropout_blend_and_learned_variance(tmp_path: Path) -> None:
    extra = {"dropout": 0.2, "reconstruction": 20.0, "blend": True, "learned_variance": True, "optimizer": "adam"}
    train(tmp_path / "whole", steps=5, **extra)
    with pytest.raises(Stopped):
        train(tmp_path / "broken", steps=5, callbacks=stop_after(2), **extra)
    train(tmp_path / "broken", steps=5, resume=True, **extra)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    parts = read(tmp_path / "whole")[-1]
    assert {"loss/velocity", "loss/reconstruction", "loss/variational", "gradient_norm"} <= set(parts)
    assert parts["loss"] == pytest.approx(sum(v for k, v in parts.items() if k.startswith("loss/")))


def test_two_checkpoints_are_kept(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=6, checkpoint_every=1)
    assert sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir()) == ["step-5", "step-6"]


@pytest.mark.precision
@pytest.mark.parametrize("change", [{"accumulate": 4}, {"gradient_checkpointing": True}])
def test_parts_and_recomputation_change_nothing_but_rounding(tmp_path: Path, change: dict) -> None:
    """In fp32: parts of a batch are summed in another order, and bf16 rounds by more than the tolerance."""
    for name, settings in (("parts", change), ("whole", {})):
        train(tmp_path / name, precision="fp32", **settings)
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("parts", "whole"))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=2e-5, rtol=1e-3)


@pytest.mark.precision
def test_parts_of_a_masked_batch_count_by_what_is_measured_in_them(tmp_path: Path) -> None:
    process = reverie.process.GaussianProcess(reverie.process.NoiseSchedule.cosine(100))
    x_0, mask = torch.randn(32, 1, 8, 8), torch.zeros(32, 1, 8, 1)
    for row in range(32):
        mask[row, :, : row % 8] = 1  # some examples have nothing measured, others nearly all

    class Masked:
        def __len__(self) -> int:
            return 32

        def batch(self, indices: torch.Tensor, generator: torch.Generator) -> Batch:
            return Batch(torch.where(mask.bool(), x_0, 0)[indices], mask[indices])

    def trained(accumulate: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        network = Network(process, UNet(1, 1, UNetConfig(width=8, groups=4)))
        # fp32, for in bf16 the order of the sums shows
        settings = TrainingSettings(steps=4, batch=16, accumulate=accumulate, warmup=0, precision="fp32")
        update = denoising(network, Masked(), settings, 0, torch.device("cpu"))
        return fit(tmp_path / str(accumulate), update, Budget(settings.entries))

    whole, parts = trained(1), trained(8)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_trains(tmp_path: Path, precision: str) -> None:
    train(tmp_path / "run", steps=12, precision=precision)
    lines = read(tmp_path / "run")
    assert all(math.isfinite(line["loss"]) for line in lines) and lines[-1]["loss"] < lines[0]["loss"]


def test_the_seed_decides_the_weights(unbroken: Path, tmp_path: Path) -> None:
    train(tmp_path / "same")
    assert weights(tmp_path / "same") == weights(unbroken)
    reverie.train("digits", tmp_path / "other", steps=8, seed=4, settings=SMALL)
    assert weights(tmp_path / "other") != weights(unbroken)


def test_changed_settings_are_refused_by_name(unbroken: Path) -> None:
    with pytest.raises(UsageError, match=r"training\.batch: 16 there, 8 here"):
        train(unbroken, resume=True, batch=8)


def test_changed_data_is_refused(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pictures)
    reverie.train(tmp_path / "a.npy", tmp_path / "run", steps=2, settings=SMALL)
    pictures[7, 3, 3] ^= 1
    np.save(tmp_path / "a.npy", pictures)
    with pytest.raises(UsageError, match="the data is not what this run was trained on"):
        reverie.train(tmp_path / "a.npy", tmp_path / "run", steps=2, settings=SMALL, resume=True)


def test_minutes_become_a_number_of_steps_in_the_config(tmp_path: Path) -> None:
    said: list[str] = []
    reverie.train("digits", tmp_path / "run", minutes=0.01, settings=SMALL, callbacks=Callbacks(log=said.append))
    told = config.read(tmp_path / "run").training
    assert any(f"{told.entries[0][1]:,} steps" in sentence for sentence in said)
    assert (tmp_path / f"run/checkpoints/step-{told.steps}").is_dir()
    again = SMALL | {"training.plan": told.plan}
    reverie.train("digits", tmp_path / "again", steps=told.steps, settings=again)  # the measurement left no trace
    assert weights(tmp_path / "run") == weights(tmp_path / "again")


def test_not_a_number_stops_before_anything_is_saved(tmp_path: Path) -> None:
    with pytest.raises(NotANumber, match="lower learning_rate"):
        train(tmp_path / "run", reconstruction=1e39)
    assert not list((tmp_path / "run/checkpoints").glob("step-*"))


def test_a_terminal_snr_too_high_is_said_by_the_run(tmp_path: Path) -> None:
    said: list[str] = []
    schedule = {"schedule.name": "linear", "schedule.steps": 500, "schedule.beta_max": 0.01}
    with pytest.warns(reverie.process.TerminalSNRWarning):
        train(tmp_path / "run", steps=1, callbacks=Callbacks(log=said.append), **schedule)
    assert any("alpha_bar_T = 0.0794" in sentence for sentence in said)
    assert any("0.0794" in line.get("advice", "") for line in read(tmp_path / "run"))


def test_each_pass_sees_every_example_once() -> None:
    seen = torch.cat([batch_indices(5, step, 7, 30) for step in range(30)])
    for number in range(7):
        assert sorted(seen[30 * number : 30 * (number + 1)].tolist()) == list(range(30))
    assert torch.equal(batch_indices(5, 11, 7, 30), batch_indices(5, 11, 7, 30))
    assert len(batch_indices(0, 3, 100, 30)) == 100


def test_stratified_timesteps_fill_every_stratum() -> None:
    t = timesteps(50, reverie.process.NoiseSchedule.cosine(1000), "stratified", generator(0))
    assert sorted(((t - 1) // 20).tolist()) == list(range(50))
    t = timesteps(20000, reverie.process.NoiseSchedule.cosine(10), "uniform", generator(0))
    assert t.min() == 1 and t.max() == 10


def test_learning_rate_rises_then_falls_to_zero() -> None:
    settings = TrainingSettings(steps=100, warmup=9, learning_rate=1e-3)
    rates = [learning_rate(settings, step, Budget(settings.entries)) for step in range(100)]
    assert rates[0] == pytest.approx(1e-4) and max(rates) == pytest.approx(1e-3) and rates.index(max(rates)) == 9
    assert rates[9:] == sorted(rates[9:], reverse=True) and rates[-1] < 1e-6
    assert learning_rate(settings.model_copy(update={"decay": "constant"}), 99, Budget(settings.entries)) == 1e-3


def test_noise_accuracy_is_one_for_the_truth_and_zero_for_silence() -> None:
    process = reverie.process.GaussianProcess(reverie.process.NoiseSchedule.cosine(100))
    x_t, noise, t = torch.randn(8, 1, 200, 100), torch.randn(8, 1, 200, 100), torch.arange(1, 101, 13)
    assert noise_accuracy(process.predict(x_t, t, noise=noise), noise, t, process.schedule) == dict.fromkeys(
        ("0-25%", "25-50%", "50-75%", "75-100%"), 1.0
    )
    silence = noise_accuracy(process.predict(x_t, t, noise=torch.zeros_like(noise)), noise, t, process.schedule)
    assert all(abs(value) < 0.05 for value in silence.values())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch": 0}, "training.batch = 0"),
        ({"bacth": 3}, "did you mean 'batch'"),
        ({"schedule.name": "cosin"}, "did you mean 'cosine'"),
        ({"schedule.beta_mix": 3}, "setting of the schedule"),
        ({"predict": "nois"}, "training.predict = 'nois'"),
        ({"width": 30}, "width must be a multiple of groups"),
        ({"batch": 10, "accumulate": 3}, "batch must be a multiple of accumulate"),
        ({"blend": True}, "set reconstruction above 0"),
        ({"schedule.zero_terminal_snr": True, "predict": "noise"}, "zero terminal SNR"),
        ({"device": "cuda:9"}, "CUDA devices"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, settings: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        reverie.train("digits", tmp_path / "run", steps=1, settings=settings)
    assert not (tmp_path / "run/checkpoints").exists()


def test_an_unknown_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'ddpm'"):
        reverie.train("digits", tmp_path / "run", recipe="ddmp")


def test_the_config_round_trips(unbroken: Path) -> None:
    read_back = config.read(unbroken)
    assert RunConfig.model_validate(json.loads(read_back.model_dump_json())) == read_back
    assert read_back.yaml(unbroken) == (unbroken / "config.yaml").read_text()
    (unbroken.parent / "bad").mkdir()
    (unbroken.parent / "bad/config.yaml").write_text(read_back.yaml(unbroken).replace("batch: 16", "batch: many"))
    with pytest.raises(DamagedError, match=r"training\.batch = 'many'"):
        config.read(unbroken.parent / "bad")
