"""Attributes from the table to the sample: told in training, any of them asked for, refused by name where they were not."""

import json

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie import config as configs
from reverie.denoisers.unet import UNetConfig
from reverie.errors import DamagedError, UsageError
from reverie.manifest import seal
from reverie.models import PictureModel

TINY = {"width": 8, "groups": 4, "batch": 32, "multipliers": [1], "learning_rate": 5e-3, "condition_dropout": 0.3}
COLOURS, MANY = ("red", "green"), 96
SHADE = np.linspace(0.2, 1, MANY).round(2)
PIXELS = np.zeros((MANY, 4, 4, 3), np.uint8)
for i, shade in enumerate(SHADE):
    PIXELS[i, ..., i % 2] = round(255 * shade)
    PIXELS[i, :, :2, 2] = 255 * (i // 2 % 2)  # blue on the left, as a vector says
SIDE = np.array([[1.0, 0, 0, -1] if i // 2 % 2 else [-1.0, 0, 0, 1] for i in range(MANY)])
TABLE = pl.DataFrame({"colour": [COLOURS[i % 2] for i in range(MANY)], "shade": SHADE, "side": SIDE.tolist()})


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> PictureModel:
    out = tmp_path_factory.mktemp("runs") / "squares"
    return reverie.train(PIXELS, out, steps=200, settings=TINY, conditions=TABLE)


def colours(pixels):
    return pixels.astype(float).mean((1, 2))


def test_what_is_asked_for_is_made_each_attribute_by_itself(model):
    red, green = (colours(model.sample(16, where={"colour": name}, guidance=2.0)) for name in COLOURS)
    assert red[:, 0].mean() > 2 * red[:, 1].mean() and green[:, 1].mean() > 2 * green[:, 0].mean()
    dark, light = (colours(model.sample(16, where={"colour": "red", "shade": s}))[:, 0].mean() for s in (0.3, 0.9))
    assert dark < 128 < light
    left, none = (model.sample(16, where={"side": side}, guidance=2.0) for side in ([1, 0, 0, -1], [-1, 0, 0, 1]))
    assert left[:, :, :2, 2].mean() > 128 > none[:, :, :2, 2].mean() and left[:, :, 2:, 2].mean() < 64


def test_several_values_are_made_in_turn_and_of_several_attributes_every_combination(model):
    method = model.method(where=["colour=red", "colour=green", "shade=0.3", "shade=0.9"])
    asked = model.asked(method.condition(5))
    assert asked.rows() == [("red", 0.3), ("red", 0.9), ("green", 0.3), ("green", 0.9), ("red", 0.3)]
    assert model.asked(model.method(where=["colour=*"]).condition(2))["colour"].to_list() == ["green", "red"]


def test_a_table_asks_for_a_picture_in_each_row_as_conditions_would(model, tmp_path):
    wishes = TABLE[:3].drop("shade")
    wishes.write_parquet(tmp_path / "wishes.parquet")
    made = model.sample(given=tmp_path / "wishes.parquet")
    assert made.shape == (3, 4, 4, 3)
    one = model.sample(1, where={"colour": "red", "side": SIDE[0]})
    assert np.abs(made[:1].astype(int) - one).max() <= 1
    both = model.sample(given=wishes.drop("colour"), where=["colour=green"])
    assert np.abs(both[0].astype(int) - model.sample(1, where={"colour": "green", "side": SIDE[0]})).max() <= 1


def test_guidance_leads_away_from_the_attributes_that_are_named(model):
    x, t = torch.randn(2, 3, 4, 4), 400
    asked = model.method(where=["colour=red"], guidance=3.0, negative=["colour=green", "shade=0.5"], exact=True)
    with torch.no_grad():
        cond = model.denoiser(x, t, model.method(where=["colour=red"]).condition(2)).velocity
        away = model.denoiser(x, t, model.method(where=["colour=green", "shade=0.5"]).condition(2)).velocity
        plain = model.denoiser(x, t).velocity
        guided = asked.denoiser(x, t, asked.condition(2)).velocity
        usual = model.method(where=["colour=red"], guidance=3.0, exact=True).denoiser(x, t, asked.condition(2)).velocity
    torch.testing.assert_close(guided, away + 3 * (cond - away))
    torch.testing.assert_close(usual, plain + 3 * (cond - plain))


def test_a_folder_keeps_the_attributes(model, tmp_path):
    again = reverie.load(model.save(tmp_path / "kept"))
    assert again.codec == model.codec and again.config == model.config
    assert np.array_equal(again.sample(2, where=["colour=red"]), model.sample(2, where=["colour=red"]))
    codec = json.loads((tmp_path / "kept" / "codec.json").read_text())
    assert codec["attributes"][0]["column"]["levels"] == ["green", "red"]
    codec["attributes"][0]["column"]["levels"] = ["green", "red", "blue"]
    (tmp_path / "kept" / "codec.json").write_text(json.dumps(codec))
    (tmp_path / "kept" / "manifest.json").unlink()
    seal(tmp_path / "kept", ("config.yaml", "codec.json", "model.safetensors"))
    with pytest.raises(DamagedError, match="names other attributes"):
        reverie.load(tmp_path / "kept")


def test_files_say_what_was_asked_for(model, tmp_path):
    from reverie.export import pictures

    pictures(model, None, tmp_path / "a.npz", settings={"given": TABLE[:3]})
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["colour"].tolist() == ["red", "green", "red"] and np.allclose(arrays["shade"], SHADE[:3])
        assert np.allclose(arrays["side"], SIDE[:3], atol=1e-6) and arrays["images"].shape == (3, 4, 4, 3)
    model.sample_to(tmp_path / "set", 2, where=["colour=*"])
    (file,) = (tmp_path / "set").glob("*.parquet")
    assert pl.read_parquet(file)["colour"].to_list() == ["green", "red"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"where": {"colour": "rod"}}, "level of colour 'rod': did you mean 'red'"),
        ({"where": ["color=red"]}, "unknown attribute 'color': did you mean 'colour'"),
        ({"where": ["class=red"]}, "unknown attribute 'class'"),
        ({"where": ["colour"]}, "asked for as colour=VALUE"),
        ({"where": ["shade=2"]}, "shade was trained in 0.20 to 1.00, so 2.00 cannot be asked for"),
        ({"where": ["shade=dark"]}, "shade is a number"),
        ({"where": ["shade=*"]}, "shade has no levels"),
        ({"where": ["side=1"]}, "a vector of 4 numbers, which no text says"),
        ({"where": {"side": [1, 2]}}, r"4 finite numbers, but was given as an array of shape \[2\]"),
        ({"where": {"side": [1, 2, 3, float("nan")]}}, "4 finite numbers"),
        ({"given": TABLE[:2], "where": ["colour=red"]}, "colour is said both by `given` and by `where`"),
        ({"given": TABLE[:2].drop("colour"), "where": ["colour=*"]}, "names 2 combinations, and one at most"),
        ({"guidance": 2.0}, "guidance follows what is asked for, and nothing was"),
        ({"where": ["colour=red"], "guidance": 2.0, "negative": ["colour=*"]}, "`negative` names 2: give one"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(model, told, words):
    with pytest.raises(UsageError, match=words):
        model.sample(1, **told)


def test_a_run_goes_on_and_begins_another_only_with_what_it_was_told(model, tmp_path):
    out, small = tmp_path / "run", {"steps": 2, "settings": TINY}
    reverie.train(PIXELS, out, **small, conditions=TABLE)
    again = reverie.train(PIXELS, out, steps=3, settings=TINY, conditions=TABLE, resume=True)
    assert again.config.training.steps == 3
    with pytest.raises(UsageError, match="begun with other settings"):
        reverie.train(PIXELS, out, **small, conditions=TABLE.drop("side"), resume=True)
    other = reverie.train(PIXELS[:20], tmp_path / "new", steps=1, parent=model, conditions=TABLE[:20].drop("shade"))
    assert other.codec == model.codec
    pink = TABLE[:20].with_columns(pl.Series("colour", ["pink", "red"] * 10))
    with pytest.raises(UsageError, match="level of colour 'pink'"):
        reverie.train(PIXELS[:20], tmp_path / "pink", steps=1, parent=model, conditions=pink)


def test_what_has_no_attributes_is_as_it_was_and_refuses_them(tmp_path):
    plain = reverie.train(PIXELS, tmp_path / "plain", steps=1, settings=TINY)
    written = (tmp_path / "plain" / "config.yaml").read_text()
    assert "attribute" not in written and "conditions" not in written
    assert "attribute" not in str(UNetConfig().model_dump()) and configs.read(tmp_path / "plain") == plain.config
    with pytest.raises(UsageError, match="trained without a table of attributes"):
        plain.sample(1, given=TABLE[:1])
    with pytest.raises(UsageError, match="was told no attributes, so `conditions` cannot be learned"):
        reverie.train(PIXELS, tmp_path / "more", steps=1, parent=plain, conditions=TABLE)
    with pytest.raises(UsageError, match="diffusers-unet is told no attributes"):
        reverie.train(PIXELS, tmp_path / "other", steps=1, recipe="diffusers", conditions=TABLE)
