"""Classes from the source to the sample: told in training, asked for in sampling, refused by name where there are none."""

import json

import numpy as np
import polars as pl
import pytest
import torch

import reverie
from reverie.denoisers import Labels
from reverie.denoisers.network import Network
from reverie.errors import DamagedError, UsageError
from reverie.images import ImageCodec, ImageSet
from reverie.models import PictureModel, editing
from reverie.models.method import wanted
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.randomness import generator
from reverie.records.generate import RecordSampler
from reverie.samplers import DDIM
from reverie.sources.teacher import Teacher
from reverie.training import Batch
from reverie.training.image_dataset import ImageDataset

TINY = {"width": 8, "groups": 4, "batch": 32, "multipliers": [1]}


def pictures(classes=("black", "white")) -> ImageSet:
    """Black and white pictures of 4 x 4."""
    labels = np.arange(64) % 2
    pixels = np.repeat(labels * 255, 16).reshape(64, 4, 4, 1).astype(np.uint8)
    return ImageSet(pixels, labels.astype(np.int64), classes, "cards")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> PictureModel:
    out = tmp_path_factory.mktemp("runs") / "cards"
    return reverie.train(pictures(), out, steps=150, settings=TINY | {"learning_rate": 5e-3})


def test_a_class_that_is_asked_for_is_made(model):
    white, black = (model.sample(8, where={"class": name}, guidance=2.0).mean() for name in ("white", "black"))
    assert white > 170 and black < 85


def test_several_classes_are_made_in_turn_and_all_by_a_star(model):
    means = model.sample(6, where={"class": ["white", "black"]}, guidance=2.0).mean((1, 2, 3))
    assert ((means > 128) == [True, False] * 3).all()
    assert np.array_equal(model.sample(4, where=["class=*"]), model.sample(4, where=["class=black", "class=white"]))


def test_guidance_leads_away_from_the_class_that_is_named_rather_than_from_none(model):
    where, x, t = {"where": {"class": "white"}}, torch.randn(3, 1, 4, 4), 400
    asked = model.method(**where, guidance=3.0, negative=["class=black"], exact=True)
    with torch.no_grad():
        answers = {
            name: model.denoiser(x, t, Labels(torch.full((3,), i))).velocity for i, name in enumerate(("black", "white"))
        }
        guided = asked.denoiser(x, t, asked.condition(3)).velocity
    torch.testing.assert_close(guided, answers["black"] + 3 * (answers["white"] - answers["black"]))


@pytest.mark.parametrize("guidance", [1e9, 101, 0, -1, float("nan"), float("inf"), "3", True])
def test_guidance_lies_in_its_range_wherever_it_is_asked_for(model, guidance):
    asked = {"where": {"class": "white"}, "guidance": guidance}
    for doing in (
        lambda: model.sample(1, **asked),
        lambda: editing.inpaint(model, np.zeros((4, 4, 1), np.uint8), np.eye(4) > 0, **asked),
        lambda: Teacher(model, "cards", 1, guidance),
        lambda: RecordSampler(model.denoiser, model.codec, DDIM(), (1000, 0), guidance),
    ):
        with pytest.raises(UsageError, match="`guidance` is a number above 0 and at most 100, 1 as learned, not"):
            doing()


def test_a_picture_is_a_function_of_seed_and_index_with_guidance_too(model):
    told = {"where": {"class": "*"}, "guidance": 3.0, "rescale": 0.7, "interval": (100, 800)}
    assert np.abs(model.sample(5, 3, **told).astype(int)[:3] - model.sample(3, 3, **told)).max() <= 1


def test_a_folder_keeps_the_names_of_the_classes(model, tmp_path):
    again = reverie.load(model.save(tmp_path / "kept"))
    assert again.codec.classes == ("black", "white") and again.config.network.class_count == 2
    assert np.array_equal(again.sample(2, where=["class=white"]), model.sample(2, where=["class=white"]))


def test_names_that_do_not_fit_the_network_are_damage(model, tmp_path):
    run = model.save(tmp_path / "kept")
    about = json.loads((run / "codec.json").read_text())
    (run / "codec.json").write_text(json.dumps(about | {"classes": ["one"]}))
    (run / "manifest.json").unlink()
    from reverie.manifest import seal

    seal(run, ("config.yaml", "codec.json", "model.safetensors"))
    with pytest.raises(DamagedError, match="names 1 classes"):
        reverie.load(run)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"where": {"class": "whit"}}, "did you mean 'white'"),
        ({"where": ["colour=white"]}, "by their class"),
        ({"where": ["white"]}, "by their class"),
        ({"guidance": 2.0}, "none was asked for"),
        ({"where": ["class=white"], "rescale": 0.5}, "`rescale` and `interval` are of guidance"),
        ({"where": ["class=white"], "negative": ["class=black"]}, "`negative` is of guidance"),
        ({"where": ["class=white"], "guidance": 2.0, "negative": {"class": "*"}}, "`negative` names 2: give one"),
        ({"where": ["class=white"], "guidance": 2.0, "interval": (10, 2000)}, "the guidance interval"),
        ({"where": ["class=white"], "guidance": 2.0, "rescale": 3}, "rescale in 0..1"),
        ({"where": ["class=white"], "guidance": 2.0, "interval": (10,)}, "low <= high <= 1000, not 10"),
        ({"where": ["class=white"], "guidance": 2.0, "interval": 10}, "low <= high <= 1000, not 10"),
        ({"where": 3}, "`where` is a mapping or a list, .*, not 3"),
        ({"seed": 1.5}, "a seed is a whole number, 0 or above, not 1.5"),
        ({"seed": -1}, "a seed is a whole number, 0 or above, not -1"),
        ({"sampler": "consistency"}, "of models that say where a path ends"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(model, told, words):
    with pytest.raises(UsageError, match=words):
        model.sample(1, **told)


def test_classes_are_asked_for_however_a_program_holds_them():
    codec = ImageCodec(8, 8, 1, classes=("0", "1"))
    for several in ([0, 1], np.array([0, 1]), torch.tensor([0, 1]), range(2), pl.Series([0, 1])):
        assert wanted(codec, {"class": several}).values.tolist() == [0, 1]
    assert wanted(codec, {"class": np.int64(1)}).values.tolist() == [1]


def test_a_model_without_classes_is_asked_for_none(tmp_path):
    plain = reverie.train(pictures(), tmp_path / "plain", steps=1, settings=TINY | {"classes": 0})
    assert plain.codec.classes == () and "classes" not in json.loads((tmp_path / "plain" / "codec.json").read_text())
    with pytest.raises(UsageError, match="trained without classes, so pictures cannot be asked for"):
        plain.sample(1, where=["class=white"])
    with pytest.raises(UsageError, match="guidance has nothing to follow"):
        plain.sample(1, guidance=2.0)
    with pytest.raises(UsageError, match=r"network.classes is 3, but cards has 2 classes"):
        reverie.train(pictures(), tmp_path / "three", steps=1, settings=TINY | {"classes": 3})


def test_one_class_says_nothing(tmp_path):
    one = ImageSet(np.zeros((8, 4, 4, 1), np.uint8), np.zeros(8, np.int64), ("only",))
    assert reverie.train(one, tmp_path / "one", steps=1, settings=TINY).config.network.class_count == 0


class Same:
    """Examples whose labels are 0."""

    def __len__(self) -> int:
        return 10

    def batch(self, indices, generator):
        x_0 = torch.arange(2.0).expand(len(indices), 1, 1, 2)
        return Batch(x_0, given=Labels(torch.zeros(len(indices), dtype=torch.int64)))


def test_classes_are_left_untold_in_the_share_asked_for_as_a_function_of_the_step():
    dataset, indices = ImageDataset(Same(), classes=4, dropout=0.25), torch.arange(4000) % 10
    first, again, next_ = (dataset.batch(indices, generator(0, "examples", step)).given.values for step in (7, 7, 8))
    assert torch.equal(first, again) and not torch.equal(first, next_)
    assert set(first.tolist()) == {0, 4} and abs(float((first == 4).double().mean()) - 0.25) < 0.03


def test_half_of_the_pictures_are_mirrored_where_that_is_asked():
    indices = torch.arange(4000) % 10
    x_0 = ImageDataset(Same(), flip=True).batch(indices, generator(0, "examples", 0)).x_0
    assert abs(float((x_0[:, 0, 0, 0] == 1).double().mean()) - 0.5) < 0.03
    assert ImageDataset(Same()).batch(indices, generator(0, "examples", 0)).given is None


class Labelled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def check(self, labels, count):
        if labels is not None:
            labels.check(count, 3)

    def forward(self, x, t, labels=None):
        return x * 0 + self.weight * (-1.0 if labels is None else labels.values.reshape(-1, 1).float())


def test_a_network_passes_labels_on_and_refuses_others():
    network = Network(GaussianProcess(NoiseSchedule.linear()), Labelled(), "clean")
    x = torch.zeros(2, 1)
    assert network(x, 5, Labels(torch.tensor([2, 3]))).clean.flatten().tolist() == [2.0, 3.0]
    assert network(x, 5).clean.flatten().tolist() == [-1.0, -1.0]
    for labels, words in [
        (torch.tensor([4, 0]), "lie in 0..4"),
        (torch.tensor([0]), r"shape \[1\]"),
        (torch.tensor([0.0, 1.0]), "torch.float32"),
    ]:
        with pytest.raises(UsageError, match=words):
            network(x, 5, Labels(labels))
    with pytest.raises(UsageError, match="without conditions"):
        Network(network.process, torch.nn.Linear(1, 1), "clean")(x, 5, Labels(torch.tensor([0, 1])))


def test_classes_are_numbers_or_words():
    assert wanted(ImageCodec(1, 1, 1, ("0", "1")), {"class": 1}).values.tolist() == [1]
    assert wanted(ImageCodec(1, 1, 1, ("0", "1")), None) is None
