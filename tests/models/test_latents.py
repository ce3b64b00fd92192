"""Latent diffusion: an autoencoder first, then the same process over its latents, in one run that may be stopped."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

import reverie
from reverie import config
from reverie.cli import main
from reverie.errors import DamagedError, UsageError
from reverie.models import PictureModel
from reverie.studies import denoising
from reverie.training import Callbacks, Stopped

SMALL = {"width": 8, "batch": 8, "latent.width": 8, "latent.channels": 3, "latent.halvings": 1, "latent.batch": 8}


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """48 squares of 18 x 18 cut from the two photographs that ship with scikit-learn: a size that 4 does not divide."""
    rng = np.random.default_rng(0)
    cuts = [(k % 2, *rng.integers(0, 400, 2)) for k in range(48)]
    images = load_sample_images().images
    return np.stack([images[k][y : y + 18, x : x + 18] for k, y, x in cuts])


def train(source, out, steps=4, **told):
    settings = SMALL | told.pop("settings", {})
    return reverie.train(source, out, steps=steps, seed=3, settings=settings, latent=True, **told)


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory, shown):
    out = tmp_path_factory.mktemp("latent") / "run"
    with shown():
        train(photos, out)
    return out


def weights(run) -> tuple[bytes, bytes]:
    return (run / "model.safetensors").read_bytes(), (run / "autoencoder.safetensors").read_bytes()


def test_it_makes_pictures_of_the_size_of_the_source_and_is_kept_whole(run, photos):
    model = reverie.load(run)
    assert isinstance(model, PictureModel) and model.shape == (3, 9, 9)
    assert (run / "samples/step-4.png").is_file()
    made = model.sample(3, steps=4)
    assert made.shape == (3, 18, 18, 3) and made.dtype == np.uint8
    assert (reverie.load(model.save(run.parent / "copy")).sample(3, steps=4) == made).all()
    assert "autoencoder.safetensors" in json.loads((run / "manifest.json").read_text())["files"]


def test_encode_and_decode_go_to_latents_of_unit_scale_and_back(run, photos):
    model = reverie.load(run)
    z = model.encode(photos)
    assert z.shape == (48, 3, 9, 9) and float(z.std()) == pytest.approx(1, abs=0.1) and abs(float(z.mean())) < 0.1
    back = model.decode(z)
    assert back.shape == photos.shape and np.abs(back.astype(int) - photos.astype(int)).mean() < 20
    lines = [json.loads(line) for line in (run / "autoencoder" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["reconstruction_error"] > 0 and lines[-1]["step"] == 2  # half as many as the denoiser's


def test_a_source_and_a_seed_fix_the_run(run, photos, tmp_path):
    train(photos, tmp_path / "again")
    assert weights(run) == weights(tmp_path / "again")


@pytest.mark.parametrize("stage", [1, 2])
def test_a_run_stopped_in_either_stage_resumes_to_the_same_weights(stage, run, photos, tmp_path):
    totals = []

    def stop(done: int, total: int) -> None:
        totals.append(total)
        if done == 1 and len(set(totals)) == stage:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        train(photos, tmp_path / "run", callbacks=Callbacks(stop))
    assert (tmp_path / "run" / "autoencoder.safetensors").exists() == (stage == 2)
    train(photos, tmp_path / "run", resume=True)
    assert weights(run) == weights(tmp_path / "run")
    with pytest.raises(UsageError, match=r"latent\.channels"):
        train(photos, tmp_path / "run", resume=True, settings={"latent.channels": 2})


def test_classes_and_mirrored_pictures_reach_the_latents(tmp_path):
    settings = {"flip": True, "aside": 0.1, "latent.steps": 1}
    model = train("digits", tmp_path / "run", steps=2, settings=settings)
    assert model.config.network.class_count == 10 and model.config.latent.steps == 1
    assert model.sample(2, steps=2, where={"class": "3"}).shape == (2, 8, 8, 1)


def test_an_autoencoder_that_was_changed_is_found(run, tmp_path):
    copy = reverie.load(run).save(tmp_path / "copy")
    data = bytearray((copy / "autoencoder.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "autoencoder.safetensors").write_bytes(data)
    with pytest.raises(DamagedError, match=r"autoencoder\.safetensors"):
        reverie.load(copy)


def test_what_latents_cannot_be_used_for_is_said(run, photos, tmp_path):
    model = reverie.load(run)
    with pytest.raises(UsageError, match="latents"):
        model.sample(1, clip=True)
    with pytest.raises(UsageError, match="latents"):
        denoising.learned(model, "it")
    with pytest.raises(UsageError, match="epsilon"):
        train(photos, tmp_path / "a", settings={"epsilon": 5.0})
    with pytest.raises(UsageError, match="for pictures"):
        config.resolve(config.Source(name="x"), 0, "records", {"latent": True})
    with pytest.raises(UsageError, match=r"did you mean 'latent\.channels'"):
        train(photos, tmp_path / "b", settings={"latent.chanels": 3})
    with pytest.raises(UsageError, match="multiple of 8"):
        train(photos, tmp_path / "c", settings={"latent.width": 12})


def test_the_report_says_why_there_is_no_likelihood(run, photos, tmp_path):
    np.save(tmp_path / "photos.npy", photos)
    found = reverie.report(reverie.load(run), source=tmp_path / "photos.npy", synthetic=photos[:24], holdout=photos[24:])
    section = next(part for part in found.sections if part.name == "pictures.likelihood")
    assert all(m.value is None and "latents" in m.why for m in section.measures)


def test_a_third_of_the_minutes_is_the_autoencoders_and_the_command_tells_its_error(photos, tmp_path, capsys):
    np.save(tmp_path / "photos.npy", photos)
    told = [f"--set={key}={value}" for key, value in (SMALL | {"precision": "fp32"}).items()]
    command = [
        "train",
        str(tmp_path / "photos.npy"),
        "--latent",
        "--minutes",
        "0.02",
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    with pytest.raises(SystemExit) as ended:
        main([*command, *told])
        raise SystemExit(0)
    assert not ended.value.code
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert "a third of the time" in err and summary["reconstruction_psnr"] > 0
    assert summary["autoencoder_steps"] == config.read(tmp_path / "run").latent.steps
    assert torch.isfinite(reverie.load(tmp_path / "run").encode(photos)).all()
