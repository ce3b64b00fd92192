"""A folder of diffusers is loaded whole and sampled by ours to diffusers' own pictures, or refused in one sentence."""

import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LDMPipeline,
    UNet2DConditionModel,
    VQModel,
)
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

import reverie
from reverie.denoisers import Guided, Labels
from reverie.denoisers.conditions import EncoderStates
from reverie.errors import DataError, UsageError
from reverie.models.diffusers.scheduler import meaning
from reverie.process import NoiseSchedule
from reverie.samplers import DDIM, Ancestral, DPMSolver, sample, time_grid

CLOSE = {"rtol": 1e-3, "atol": 1e-4}  # their tables are float32
KINDS = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}


def edited(folder: Path, file: str, **changes) -> Path:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


# --- the same pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predicts", KINDS)
@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("betas", ["linear", "squaredcos_cap_v2"])
def test_ddim_makes_diffusers_pictures_of_the_same_noise(predicts, zero_snr, betas, tmp_path, pipeline, noise, theirs):
    if predicts == "epsilon" and zero_snr:
        return  # refused, see below
    made = pipeline(prediction_type=predicts, rescale_betas_zero_snr=zero_snr, beta_schedule=betas)
    made.save_pretrained(tmp_path)
    model = reverie.load(tmp_path)
    assert model.denoiser.kind == KINDS[predicts] and model.process.schedule.zero_terminal_snr == zero_snr
    x = noise(3, 1, 8, 8)
    ours = sample(model.denoiser, DDIM(), time_grid(model.process.schedule, 10), x)
    assert_close(ours, theirs(made.scheduler, made.unet, x, 10), **CLOSE)


def test_noise_prediction_at_zero_terminal_snr_is_refused_where_diffusers_gives_what_is_not_finite(tmp_path, pipeline):
    pipeline(rescale_betas_zero_snr=True).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="zero terminal SNR"):
        reverie.load(tmp_path)


def test_dpm_solver_makes_diffusers_pictures_on_its_grid(saved, unet, noise, theirs):
    model, module = reverie.load(saved), unet()
    scheduler = DPMSolverMultistepScheduler(timestep_spacing="trailing")
    scheduler.set_timesteps(12)
    grid = [*(int(t) + 1 for t in scheduler.timesteps), 0]
    x = noise(2, 1, 8, 8)
    assert_close(sample(model.denoiser, DPMSolver(), grid, x), theirs(scheduler, module, x, 12), rtol=1e-3, atol=1e-3)


def test_a_learned_variance_is_diffusers_learned_range(tmp_path, pipeline, unet, noise, theirs):
    module = unet(out_channels=2)
    made = pipeline(module)
    made.scheduler = DDPMScheduler(variance_type="learned_range", clip_sample=False, num_train_timesteps=20)
    made.save_pretrained(tmp_path)
    model = reverie.load(tmp_path)
    x = noise(2, 1, 8, 8)
    told = torch.Generator().manual_seed(3)
    wanted = theirs(made.scheduler, module, x, 20, generator=told)
    ours = sample(model.denoiser, Ancestral("learned"), range(20, -1, -1), x, torch.Generator().manual_seed(3))
    assert_close(ours, wanted, **CLOSE)


def test_clipping_and_thresholding_are_taken_over(tmp_path, pipeline):
    pipeline(clip_sample=True, clip_sample_range=0.5).save_pretrained(tmp_path / "a")
    pipeline(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=2.0).save_pretrained(tmp_path / "b")
    clipped, thresholded = reverie.load(tmp_path / "a"), reverie.load(tmp_path / "b")
    assert clipped.usual.clip == 0.5 and clipped.sample(2).max() <= round(127.5 * 1.5)
    assert (thresholded.usual.threshold, thresholded.usual.largest) == (0.9, 2.0)
    assert (clipped.sample(2, clip=False) != clipped.sample(2)).any()
    assert clipped.sample(2).dtype == np.uint8 and thresholded.sample(2).shape == (2, 8, 8, 1)


def test_classes_are_told_as_diffusers_tells_them_and_none_is_no_answer(tmp_path, pipeline, unet, noise):
    module = unet(num_class_embeds=3)
    pipeline(module).save_pretrained(tmp_path)
    model = reverie.load(tmp_path)
    x, labels = noise(3, 1, 8, 8), Labels(torch.tensor([0, 2, 1]))
    with torch.no_grad():
        wanted = module(x, torch.tensor(499), class_labels=labels.values).sample
        assert_close(model.denoiser(x, 500, labels).noise, wanted)
    assert model.config.network.class_count == 3 and model.codec.classes == ("0", "1", "2")
    with pytest.raises(UsageError, match="no answer without one"):
        Guided(model.denoiser, 2.0)(x, 500, labels)


def test_encoder_states_are_the_condition_of_a_conditional_unet(tmp_path, noise):
    torch.manual_seed(0)
    module = UNet2DConditionModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        cross_attention_dim=6,
        attention_head_dim=2,
        layers_per_block=1,
    ).eval()
    module.save_pretrained(tmp_path / "unet")
    EulerDiscreteScheduler(beta_schedule="scaled_linear", beta_start=8.5e-4, beta_end=0.012).save_pretrained(
        tmp_path / "scheduler"
    )
    model = reverie.load(tmp_path)
    x, states = noise(2, 3, 8, 8), noise(2, 5, 6)
    with torch.no_grad():
        wanted = module(x, torch.tensor(299), encoder_hidden_states=states).sample
    assert_close(model.denoiser(x, 300, EncoderStates(states)).noise, wanted)
    own_folder = reverie.load(tmp_path / "unet")
    assert_close(own_folder.denoiser(x, 300, EncoderStates(states)).noise, wanted)
    with pytest.raises(UsageError, match="EncoderStates"):
        model.denoiser(x, 300)
    plain = model.sample(2, steps=3, states=states)
    assert (plain == model.sample(2, steps=3, states=states, empty=states[:1], guidance=1.0)).all()
    guided = model.sample(2, steps=3, states=states, empty=states[:1], guidance=4.0)
    assert (guided[0] == plain[0]).all() and (guided[1] != plain[1]).any()  # the first is asked what "nothing" stands for
    with pytest.raises(UsageError, match="EncoderStates"):
        model.sample(2, steps=3, states=states, guidance=4.0)


@pytest.mark.parametrize("kind", [AutoencoderKL, AutoencoderTiny, VQModel])
def test_latents_are_decoded_as_the_pipeline_of_diffusers_does(kind, tmp_path, unet, noise, theirs):
    torch.manual_seed(0)
    if kind is AutoencoderTiny:
        blocks = {"num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1)}
        widths = {"encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8)}
        vae = AutoencoderTiny(latent_channels=3, scaling_factor=0.7, **blocks, **widths)
    else:
        ends = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
        vae = kind(latent_channels=3, block_out_channels=(8, 8), norm_num_groups=4, scaling_factor=0.3, **ends)
    module = unet(in_channels=3, out_channels=3)
    scheduler = DDIMScheduler(clip_sample=False, timestep_spacing="trailing")
    LDMPipeline(vae.eval(), module, scheduler).save_pretrained(tmp_path)
    model = reverie.load(tmp_path)
    x = noise(2, 3, 8, 8)
    with torch.no_grad():
        z = theirs(scheduler, module, x, 5)
        wanted = vae.decode(z / vae.config.scaling_factor).sample
    made = model.decode(sample(model.denoiser, DDIM(), time_grid(model.process.schedule, 5), x))
    assert made.shape == (2, 16, 16, 3) and np.abs(made.astype(int) - model.codec.decode(wanted).astype(int)).max() <= 1
    assert model.encode(made).shape == (2, 3, 8, 8) and model.sample(1, steps=2).shape == (1, 16, 16, 3)


# --- schedulers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"])
@pytest.mark.parametrize("zero_snr", [False, True])
def test_the_process_is_that_of_the_scheduler(betas, zero_snr):
    scheduler = DDPMScheduler(beta_schedule=betas, rescale_betas_zero_snr=zero_snr, beta_end=0.03)
    found = meaning({**scheduler.config, "_class_name": "DDPMScheduler"}, "it").schedule
    assert_close(found.alpha_bar[1:], scheduler.alphas_cumprod.double(), rtol=1e-3, atol=1e-6)


def test_trained_betas_are_the_schedule():
    betas = [0.1, 0.5, 0.99]
    found = meaning({"_class_name": "DDIMScheduler", "trained_betas": betas, "num_train_timesteps": 3}, "it")
    assert found.schedule == NoiseSchedule.from_betas(betas)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_class_name": "FlowMatchLCMScheduler"}, r"'FlowMatchLCMScheduler' \(a consistency model of a flow"),
        ({"_class_name": "TCDScheduler"}, r"'TCDScheduler' \(a consistency model, whose network"),
        ({"_class_name": "ScoreSdeVeScheduler"}, r"'ScoreSdeVeScheduler' \(a score SDE"),
        ({"_class_name": ["scheduler", "Mine"]}, "Mine"),
        ({"prediction_type": "flow_prediction"}, "prediction_type"),
        ({"beta_schedule": "laplace"}, "laplace"),
        ({"beta_end": 2.0}, "beta"),
        ({"beta_start": "a"}, "cannot be used"),
        ({"num_train_timesteps": -5}, "whole number"),
        ({"trained_betas": {}}, "cannot be used|at least one"),
        ({"variance_type": "learned"}, "learned_range"),
        ({"clip_sample": True, "clip_sample_range": -1}, "clip"),
    ],
)
def test_a_scheduler_that_is_not_understood_is_named(changes, words, saved):
    with pytest.raises(DataError, match=words) as caught:
        reverie.load(edited(saved, "scheduler/scheduler_config.json", **changes))
    assert "\n" not in str(caught.value) and "scheduler_config.json" in str(caught.value)


# --- folders that cannot be used ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "FluxPipeline"),
        ("model_index.json", {"_class_name": ["pipeline", "Mine"]}, "Mine"),
        ("model_index.json", {"unet": ["my_unet", "MyUNet"]}, "no code is run"),
        ("model_index.json", {"../evil": ["transformers", "X"]}, "not a name"),
        ("unet/config.json", {"_class_name": "SD3Transformer2DModel"}, "SD3Transformer2DModel"),
        ("unet/config.json", {"a_key_of_tomorrow": 3}, "a_key_of_tomorrow"),
        ("unet/config.json", {"time_embedding_type": "fourier"}, "time_embedding_type"),
        ("unet/config.json", {"class_embed_type": "timestep"}, "class_embed_type"),
        ("unet/config.json", {"block_out_channels": [8, 24]}, "does not fit"),
        ("unet/config.json", {"layers_per_block": 10**9}, "too large"),
        ("unet/config.json", {"block_out_channels": "wide"}, "cannot be used"),
        ("unet/config.json", {"down_block_types": ["NoBlock", "DownBlock2D"]}, "cannot be used"),
        ("unet/config.json", {"sample_size": None}, "sample_size"),
        ("unet/config.json", {"in_channels": 9}, "channels"),
        ("unet/config.json", {"in_channels": 2, "out_channels": 2}, "does not fit config.json"),
    ],
)
def test_a_config_that_is_not_understood_is_named(file, changes, words, saved):
    with pytest.raises(DataError, match=words) as caught:
        reverie.load(edited(saved, file, **changes))
    assert ("\n" not in str(caught.value) and str(saved) in str(caught.value)) or "config of UNet2DModel" in str(
        caught.value
    )


def test_weights_that_do_not_fit_are_named_by_their_first_key(saved):
    file = saved / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    for change, words in (
        (lambda w: w.pop("conv_in.bias"), "conv_in.bias is missing"),
        (lambda w: w.update(extra=torch.zeros(1)), "extra is not expected"),
        (lambda w: w.update({"conv_in.bias": torch.zeros(3)}), r"conv_in.bias is \[3\], but the model has \[8\]"),
    ):
        changed = dict(weights)
        change(changed)
        save_file(changed, file)
        with pytest.raises(DataError, match=words):
            reverie.load(saved)
    file.write_bytes(b"\x80\x04 not tensors")
    with pytest.raises(DataError, match="not a safetensors file"):
        reverie.load(saved)


def test_pickled_weights_are_refused_with_the_reason_and_never_read(saved, tmp_path):
    file = saved / "unet" / "diffusion_pytorch_model.safetensors"
    weights, canary = load_file(file), tmp_path / "run"
    file.unlink()
    (saved / "unet" / "diffusion_pytorch_model.bin").write_bytes(f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode())
    with pytest.raises(DataError, match="pickle, which can run any code"):
        reverie.load(saved)
    assert not canary.exists() and weights
    (saved / "unet" / "diffusion_pytorch_model.bin").unlink()
    with pytest.raises(DataError, match="holds no weights"):
        reverie.load(saved)


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 5000, '"text"'])
def test_a_json_file_that_is_none_is_named(content, saved):
    (saved / "unet" / "config.json").write_text(content)
    with pytest.raises(DataError, match=r"config\.json"):
        reverie.load(saved)


def test_without_the_package_the_extra_is_named(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[diffusers\]'"):
        reverie.load(saved)


def test_nothing_is_fetched(saved, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert reverie.load(saved).sample(1, steps=2).shape == (1, 8, 8, 1)
    with pytest.raises(UsageError, match="there is no run folder google/ddpm-cifar10-32"):
        reverie.load("google/ddpm-cifar10-32")


def test_old_names_of_attention_and_weights_in_parts_and_in_half_precision_are_read(saved):
    before = reverie.load(saved).sample(2, steps=3)
    folder = saved / "unet"
    file = folder / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(file)
    for new, name in old.items():
        weights = {key.replace(f".{new}.", f".{name}."): value for key, value in weights.items()}
    assert any(".query." in key for key in weights)
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for part, keys in parts.items():
        save_file({key: weights[key] for key in keys}, folder / part)
    file.unlink()
    shards = {"weight_map": {key: part for part, keys in parts.items() for key in keys}}
    (folder / f"{file.name}.index.json").write_text(json.dumps(shards))
    assert (reverie.load(saved).sample(2, steps=3) == before).all()
    (folder / f"{file.name}.index.json").write_text(json.dumps({"weight_map": {"a": "../../a.safetensors"}}))
    with pytest.raises(DataError, match="its own folder"):
        reverie.load(saved)
    (folder / f"{file.name}.index.json").unlink()
    save_file({key: value.half() for key, value in weights.items()}, folder / "diffusion_pytorch_model.fp16.safetensors")
    half = reverie.load(saved).sample(2, steps=3)
    assert np.abs(half.astype(int) - before.astype(int)).max() <= 2
