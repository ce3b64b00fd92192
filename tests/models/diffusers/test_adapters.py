"""LoRA of U-Nets of diffusers: trained alone, kept whole, read from folders as diffusers reads it, and written merged."""

import json
import sys

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

import reverie
from reverie.denoisers import lora
from reverie.denoisers.conditions import EncoderStates
from reverie.errors import DataError, UsageError

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
TRAINED = {"steps": 3, "lora": 2, "settings": {"batch": 4, "ema": 0.0, "device": "cpu", "lora_alpha": 4.0}}


def trained(saved, out, **options):
    return reverie.train(PICTURES, out, parent=saved, **(TRAINED | options))


@pytest.fixture(scope="module")
def once(tmp_path_factory, pipelines):
    """A folder of diffusers, and a run of adapters that began from it."""
    place = tmp_path_factory.mktemp("lora")
    pipelines().save_pretrained(place / "theirs")
    return place / "theirs", trained(place / "theirs", place / "run"), place / "run"


def test_an_untrained_adapter_changes_nothing(unet, noise):
    module, x = unet(), noise(2, 1, 8, 8)
    with torch.no_grad():
        before = module(x, 300).sample
        lora.inject(module, 3, 3.0, lora.TARGETS)
        assert torch.equal(module(x, 300).sample, before)


def test_only_adapters_are_trained_and_a_run_is_read_as_it_was(once):
    theirs, model, run = once
    base = reverie.load(theirs).denoiser.module.state_dict()
    after = model.denoiser.module.state_dict()
    for name, value in base.items():
        layer, _, kind = name.rpartition(".")
        assert torch.equal(after.get(name, after.get(f"{layer}.base_layer.{kind}")), value), name
    ups = [value for name, value in after.items() if ".lora_B." in name]
    assert len(ups) == 4 * sum("to_q.base_layer.weight" in name for name in after) and all(bool(up.any()) for up in ups)
    assert model.config.network.lora_rank == 2 and model.config.parent.name == "theirs"
    again = reverie.load(run)
    assert again.digest == model.digest and (again.sample(2, steps=2) == model.sample(2, steps=2)).all()


def test_peft_reads_the_adapters_beside_a_run(once, noise):
    from diffusers import UNet2DModel
    from peft import PeftModel

    theirs, model, run = once
    base, x = UNet2DModel.from_pretrained(theirs / "unet"), noise(2, 1, 8, 8)
    with torch.no_grad():
        before = base(x, 299).sample
        adapted = PeftModel.from_pretrained(base, run)(x, 299).sample
        ours = model.denoiser.module.eval()(x, torch.full((2,), 300))
    assert (ours - adapted).abs().max() < 1e-2 * (ours - before).abs().max()
    assert json.loads((run / lora.CONFIG).read_text())["r"] == 2


def test_what_diffusers_is_given_is_merged_and_the_same_to_rounding(once, tmp_path, noise):
    _, model, _ = once
    model.save(tmp_path / "merged", layout="diffusers")
    weights = load_file(tmp_path / "merged" / "unet" / "diffusion_pytorch_model.safetensors")
    assert not any("lora" in name or "base_layer" in name for name in weights)
    x = noise(2, 1, 8, 8)
    plain = reverie.load(tmp_path / "merged")
    assert_close(plain.denoiser(x, 300).view("noise"), model.denoiser(x, 300).view("noise"), rtol=1e-4, atol=1e-5)


def test_a_run_of_adapters_goes_on_to_the_same_weights(once, tmp_path):
    theirs, model, _ = once
    trained(theirs, tmp_path / "run", settings={**TRAINED["settings"], "checkpoint_every": 2, "plan": ()}, steps=2)
    longer = reverie.train(PICTURES, tmp_path / "run", resume=True, steps=3)
    own = model.denoiser.module.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in longer.denoiser.module.state_dict().items())


def test_lora_is_refused_where_there_is_nothing_to_adapt(saved, tmp_path, monkeypatch):
    reverie.train(PICTURES, tmp_path / "ours", recipe="pictures-tiny", steps=1, settings={"batch": 4, "width": 8})
    with pytest.raises(UsageError, match=r"ours has a network of the kind .*leave it out, and all weights are trained on"):
        trained(tmp_path / "ours", tmp_path / "a")
    with pytest.raises(UsageError, match="`lora` adapts a trained model: say which by `parent`"):
        reverie.train(PICTURES, tmp_path / "b", lora=2)
    with pytest.raises(UsageError, match="a whole number above 0, not 0"):
        trained(saved, tmp_path / "b", lora=0)
    with pytest.raises(UsageError, match=r"no layer called to_z for LoRA"):
        trained(saved, tmp_path / "c", settings={"lora_targets": ["to_z"]})
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[lora\]'"):
        trained(saved, tmp_path / "d")


# --- LoRA that lies in a folder -----------------------------------------------------------------------------------------


@pytest.fixture
def conditional(tmp_path):
    """A conditional U-Net saved by diffusers, and the module."""
    torch.manual_seed(0)
    module = UNet2DConditionModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8,),
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        norm_num_groups=4,
        cross_attention_dim=6,
        attention_head_dim=2,
        layers_per_block=1,
    ).eval()
    module.save_pretrained(tmp_path / "folder" / "unet")
    DDIMScheduler(clip_sample=False).save_pretrained(tmp_path / "folder" / "scheduler")
    return tmp_path / "folder", module


def adapted(module, rank, alpha):
    """The module with drawn adapters of diffusers' own."""
    from peft import LoraConfig

    torch.manual_seed(1)
    module.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=["to_q", "to_out.0"], init_lora_weights=False))
    return module


def answers(module, noise):
    with torch.no_grad():
        return module(noise(2, 1, 8, 8), 299, encoder_hidden_states=noise(2, 3, 6)).sample


def ours(folder, noise):
    return reverie.load(folder).denoiser(noise(2, 1, 8, 8), 300, EncoderStates(noise(2, 3, 6))).noise


@pytest.mark.parametrize("place", [".", "unet"])
def test_lora_of_diffusers_is_worked_in_as_diffusers_applies_it(place, conditional, noise):
    folder, module = conditional
    plain = answers(module, noise)
    adapted(module, 2, 6.0).save_lora_adapter(folder / place)
    wanted = answers(module, noise)
    assert float((wanted - plain).abs().max()) > 0.05
    assert_close(ours(folder, noise), wanted, rtol=1e-4, atol=1e-5)


def test_so_is_that_of_peft_and_that_of_old_names(conditional, noise):
    from peft import get_peft_model_state_dict

    folder, module = conditional
    weights = get_peft_model_state_dict(adapted(module, 2, 6.0))
    wanted = answers(module, noise)
    about = {"peft_type": "LORA", "r": 2, "lora_alpha": 6.0, "target_modules": ["to_q", "to_out.0"]}
    (folder / "adapter_config.json").write_text(json.dumps(about))
    save_file({f"base_model.model.{name}": value for name, value in weights.items()}, folder / "adapter_model.safetensors")
    assert_close(ours(folder, noise), wanted, rtol=1e-4, atol=1e-5)
    (folder / "adapter_config.json").unlink()
    old = {"unet." + n.replace("lora_A", "lora.down").replace("lora_B", "lora.up"): v for n, v in weights.items()}
    old |= {name.replace("lora.down.weight", "alpha"): torch.tensor(6.0) for name in old if "lora.down" in name}
    save_file(old, folder / "pytorch_lora_weights.safetensors")
    assert_close(ours(folder, noise), wanted, rtol=1e-4, atol=1e-5)


def test_lora_of_another_model_or_of_none_is_named(conditional, tmp_path, monkeypatch):
    folder, _ = conditional
    file, layer = folder / "pytorch_lora_weights.safetensors", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    down, up = torch.zeros(2, 8), torch.zeros(8, 2)
    for tensors, words in (
        ({f"unet.{layer}.lora_A.weight": down}, "not whole: .*lora_B.weight is missing"),
        ({"unet.nowhere.lora_A.weight": down, "unet.nowhere.lora_B.weight": up}, r"another model.*nowhere\.lora_A"),
        ({f"{layer}.lora_A.weight": down[:, :4].clone(), f"{layer}.lora_B.weight": up}, r"is \[2, 4\], but .* \[2, 8\]"),
        ({"text_encoder.q.lora_A.weight": down}, "encoder of text"),
    ):
        save_file(tensors, file)
        with pytest.raises(DataError, match=words) as caught:
            reverie.load(folder)
        assert str(file) in str(caught.value)
    file.write_bytes(b"{}")
    with pytest.raises(DataError, match="not a safetensors file"):
        reverie.load(folder)
    (folder / "adapter_config.json").write_text('{"use_dora": true}')
    with pytest.raises(UsageError, match="are both LoRA of one model"):
        reverie.load(folder)
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="LoRA, a change of another model, and that is not there"):
        reverie.load(tmp_path / "alone")
    (folder / "adapter_config.json").unlink()
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[lora\]'"):
        reverie.load(folder)
