"""What we write in the layout of diffusers, diffusers runs to the same pictures; what it has no network for is refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DDIMPipeline, DiffusionPipeline, UNet2DModel
from torch.testing import assert_close

import reverie
from reverie.cli import main
from reverie.denoisers import Labels
from reverie.errors import DataError, UsageError
from reverie.samplers import DDIM, sample, time_grid

pytestmark = pytest.mark.precision

SMALL = {"width": 8, "groups": 4, "batch": 8, "classes": 0}
GRID = {"steps": 3, "spacing": "trailing"}  # which their layout can say; the one that is usual here it cannot


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run trained here, of diffusers' U-Net."""
    out = tmp_path_factory.mktemp("run") / "run"
    reverie.train("digits", out, steps=2, recipe="diffusers", settings=SMALL | {"schedule.zero_terminal_snr": True})
    return out


def cli(*arguments) -> int:
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def files(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_trained_here_makes_the_same_pictures_in_diffusers(run, tmp_path):
    model = reverie.load(run)
    folder = model.save(tmp_path / "theirs", layout="diffusers")
    made = DDIMPipeline.from_pretrained(folder, local_files_only=True)
    made.set_progress_bar_config(disable=True)
    their_pictures = made(batch_size=4, num_inference_steps=10, generator=torch.Generator().manual_seed(5), output_type="np")
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    ours = model.decode(sample(model.denoiser, DDIM(), time_grid(model.process.schedule, 10), x))
    theirs = np.rint(255 * their_pictures.images).astype(int)
    assert np.abs(theirs - ours.astype(int)).max() <= 1


def test_its_forward_is_the_same_in_diffusers_and_back(run, tmp_path, noise):
    model = reverie.load(run)
    folder = model.save(tmp_path / "theirs", layout="diffusers")
    module = UNet2DModel.from_pretrained(folder / "unet", local_files_only=True)
    x = noise(2, 1, 8, 8)
    with torch.no_grad():
        assert_close(module(x, torch.tensor(41)).sample, model.denoiser(x, 42).value)
    back = reverie.load(folder)
    assert back.process.schedule == model.process.schedule and (back.sample(3, **GRID) == model.sample(3, **GRID)).all()


@pytest.mark.parametrize("schedule", [{"name": "linear", "beta_max": 0.03}, {"name": "scaled_linear"}, {"name": "sigmoid"}])
@pytest.mark.parametrize("predict", ["noise", "clean", "velocity"])
def test_every_schedule_and_prediction_goes_there_and_back(schedule, predict, run, tmp_path):
    model = reverie.load(run)
    told = model.config.model_dump() | {"schedule": schedule}
    told["training"]["predict"] = predict
    reverie.Model.save(model.__class__(type(model.config)(**told), model.codec, model.denoiser), tmp_path / "ours")
    changed = reverie.load(tmp_path / "ours")
    back = reverie.load(changed.save(tmp_path / "theirs", layout="diffusers"))
    assert_close(back.process.schedule.beta, changed.process.schedule.beta, rtol=1e-12, atol=0)
    assert back.denoiser.kind == predict == changed.denoiser.kind


def test_a_loaded_folder_is_written_back_as_it_was(saved, tmp_path):
    reverie.load(saved).save(tmp_path / "again", layout="diffusers")
    assert files(saved) == files(tmp_path / "again")


def test_parts_that_are_not_used_here_are_kept_and_half_precision_stays_half(saved, tmp_path):
    index = json.loads((saved / "model_index.json").read_text()) | {"feature_extractor": ["transformers", "Some"]}
    (saved / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    (saved / "feature_extractor").mkdir()
    (saved / "feature_extractor" / "preprocessor_config.json").write_text("{}")
    UNet2DModel.from_pretrained(saved / "unet").half().save_pretrained(saved / "unet")
    model = reverie.load(saved)
    model.save(tmp_path / "again", layout="diffusers")
    assert files(saved) == files(tmp_path / "again")
    shutil.rmtree(saved / "feature_extractor")
    with pytest.raises(UsageError, match="no longer there"):
        model.save(tmp_path / "third", layout="diffusers")


def test_a_loaded_folder_becomes_a_run_of_ours_and_goes_back(saved, tmp_path):
    model = reverie.load(saved)
    ours = reverie.load(model.save(tmp_path / "ours"))
    assert (ours.sample(2, steps=3) == model.sample(2, steps=3)).all()
    again = DiffusionPipeline.from_pretrained(ours.save(tmp_path / "again", layout="diffusers"), local_files_only=True)
    assert type(again) is DDIMPipeline


def test_classes_keep_their_names_and_the_answer_without_one(tmp_path):
    settings = SMALL | {"classes": 10, "multipliers": [1]}
    model = reverie.train("digits", tmp_path / "run", steps=1, recipe="diffusers", settings=settings)
    back = reverie.load(model.save(tmp_path / "theirs", layout="diffusers"))
    assert back.codec.classes == tuple("0123456789") and back.config.network.class_count == 10
    x, labels = torch.zeros(2, 1, 8, 8), Labels(torch.tensor([3, 10]))
    assert_close(back.denoiser(x, 5, labels).clean, model.denoiser(x, 5, labels).clean)
    assert_close(back.denoiser(x, 5).clean[1], model.denoiser(x, 5, labels).clean[1])


def test_a_run_over_the_latents_of_diffusers_is_written_with_its_autoencoder(tmp_path):
    torch.manual_seed(0)
    ends = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    AutoencoderKL(
        in_channels=1, out_channels=1, latent_channels=2, block_out_channels=(8, 8), norm_num_groups=4, **ends
    ).save_pretrained(tmp_path / "vae")
    settings = SMALL | {"latent.folder": str(tmp_path / "vae")}
    model = reverie.train("digits", tmp_path / "run", steps=1, recipe="diffusers", settings=settings)
    assert model.shape == (2, 4, 4)
    loaded = reverie.load(tmp_path / "run")
    assert (loaded.sample(2, steps=2) == model.sample(2, steps=2)).all()
    back = reverie.load(loaded.save(tmp_path / "theirs", layout="diffusers"))
    assert (back.sample(2, **GRID) == model.sample(2, **GRID)).all()
    again = reverie.train("digits", tmp_path / "run", steps=1, recipe="diffusers", settings=settings, resume=True)
    assert (again.sample(2, steps=2) == model.sample(2, steps=2)).all()
    with pytest.raises(DataError, match="not known as"):
        reverie.train("digits", steps=1, settings={"latent.folder": str(tmp_path / "theirs" / "unet")})


def test_our_own_networks_are_refused_with_the_recipe_to_take(tmp_path):
    own = reverie.train("digits", tmp_path / "own", steps=1, settings={"width": 8, "batch": 8})
    with pytest.raises(UsageError, match="`recipe=diffusers`"):
        own.save(tmp_path / "theirs", layout="diffusers")
    with pytest.raises(UsageError, match="did you mean 'diffusers'"):
        own.save(tmp_path / "theirs", layout="difusers")
    settings = SMALL | {"latent.width": 8, "latent.halvings": 1}
    latent = reverie.train("digits", tmp_path / "latent", steps=1, recipe="diffusers", settings=settings, latent=True)
    with pytest.raises(UsageError, match=r"latent\.folder"):
        latent.save(tmp_path / "theirs", layout="diffusers")
    assert not (tmp_path / "theirs").exists()


def test_the_command_exports_both_ways_and_says_what_is_wrong(run, saved, tmp_path, capsys):
    assert cli("export", run, "--to", "diffusers", "--out", tmp_path / "exported", "--json") == 0
    assert "unet/config.json" in json.loads(capsys.readouterr().out)["files"]
    assert cli("sample", tmp_path / "exported", "--count", 2, "--steps", 2, "--out", tmp_path / "two.npy") == 0
    assert np.load(tmp_path / "two.npy").shape == (2, 8, 8, 1)
    assert cli("export", saved, "--to", "reverie", "--out", tmp_path / "ours") == 0
    assert (tmp_path / "ours" / "config.yaml").is_file()
    assert cli("export", run, "--out", tmp_path / "exported") == 2 and "exists already" in capsys.readouterr().err
    assert cli("export", run, "--out", run, "--force") == 2
    assert cli("export", run, "--to", "onnx", "--out", tmp_path / "x") == 2


def test_sizes_that_their_network_cannot_take_are_refused(tmp_path):
    settings = SMALL | {"multipliers": [1, 2, 2, 2]}
    with pytest.raises(UsageError, match="multiples of 8"):
        reverie.train(np.zeros((8, 12, 12, 1), np.uint8), tmp_path / "run", steps=1, recipe="diffusers", settings=settings)


def test_an_autoencoder_alone_makes_no_pictures(tmp_path):
    AutoencoderTiny(encoder_block_out_channels=(8,), decoder_block_out_channels=(8,), num_encoder_blocks=(1,),
                    num_decoder_blocks=(1,)).save_pretrained(tmp_path)  # fmt: skip
    with pytest.raises(DataError):
        reverie.load(tmp_path)
