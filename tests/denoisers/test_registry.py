"""A network is one class beside its module, and one line of the list: runs then train, sample and reload it by its kind."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
import yaml

import reverie
from reverie import config as configs
from reverie.config import Source, resolve
from reverie.denoisers.condition_mask import ConditionMask, check_condition_mask
from reverie.denoisers.declaration import NetworkConfig, PictureNetwork, RecordNetwork
from reverie.denoisers.network import Network
from reverie.denoisers.registry import NETWORKS, recipes
from reverie.errors import DamagedError, UsageError
from reverie.models.card import card
from reverie.process import GaussianProcess, path_from_config
from reverie.records import CodecSettings, read_table
from reverie.studies import network


class EachVisit(torch.nn.Module):
    """A linear layer at every token on its own."""

    check = staticmethod(check_condition_mask)

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__()
        self.gain, self.layer = gain, torch.nn.Linear(channels, channels)

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, given: ConditionMask) -> torch.Tensor:
        return torch.where(given.target_mask, self.gain * self.layer(given.state(x_t)), 0.0)


class EachVisitConfig(RecordNetwork):
    """The whole declaration of a made-up network."""

    stages = True
    codec = {"stages": True, "statics": "token"}  # noqa: RUF012
    answers = "a network of single visits answers in stages"
    usual = {"sampler": "ddim", "steps": 2}  # noqa: RUF012
    recipes = {"each-visit": {"codec": {}, "network": {"gain": 0.5}, "training": {"batch": 8, "aside": 0.2}}}  # noqa: RUF012

    kind: Literal["each-visit"] = "each-visit"
    gain: float = 1.0

    def build(self, channels: int, out_channels: int) -> EachVisit:
        return EachVisit(channels, self.gain)

    def activations(self, part: int, tokens: float, longest: int) -> float:
        return tokens


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setitem(NETWORKS, "each-visit", EachVisitConfig)


def test_a_made_up_network_trains_samples_and_reloads_from_its_run(tmp_path):
    table = read_table("pbc2").take(range(40))
    run = tmp_path / "run"
    model = reverie.train(table, run, steps=2, recipe="each-visit", settings={"network.gain": 0.25})
    again = reverie.load(run)
    assert again.config == model.config and again.config.network == EachVisitConfig(gain=0.25)
    assert yaml.safe_load((run / configs.NAME).read_text())["network"] == {"kind": "each-visit", "gain": 0.25}
    assert again.usual == {"sampler": "ddim", "steps": 2}
    assert again.sample(5, seed=1).equals(model.sample(5, seed=1))
    assert again.impute(table.frame, seed=2)[0].equals(model.impute(table.frame, seed=2)[0])
    assert "impute" in card(run, "run")["how_to"] and network("each-visit", 3, 4).kind == "each-visit"
    with pytest.raises(UsageError, match=r"single visits answers in stages: it needs codec.stages=true and"):
        reverie.train(table, tmp_path / "other", steps=2, recipe="each-visit", settings={"codec.stages": False})


def test_an_unknown_kind_or_setting_of_a_saved_run_is_one_sentence(tmp_path):
    config = resolve(Source(name="x"), 0, "each-visit", {})
    for change, words in (
        ({"kind": "each-vist"}, r"network\.kind = 'each-vist': known are unet, .*, each-visit"),
        ({"gian": 1.0}, r"network\.gian = 1\.0: Extra inputs"),
        ({"gain": "much"}, r"network\.gain = 'much'"),
    ):
        written = yaml.safe_load(config.yaml(tmp_path))
        written["network"] |= change
        (tmp_path / configs.NAME).write_text(yaml.safe_dump(written))
        with pytest.raises(DamagedError, match=words):
            configs.read(tmp_path)


@pytest.mark.parametrize("kind", NETWORKS)
def test_each_network_of_the_list_answers_its_own_example(kind):
    config: NetworkConfig = NETWORKS[kind].model_validate({})
    assert config.kind == kind and recipes().keys() >= set(config.recipes)
    shape, condition = config.example(2, 3, 8)
    module = config.build(3, 3).eval()
    denoiser = Network(GaussianProcess(path_from_config({"name": "cosine", "steps": 10})), module)
    assert denoiser(torch.zeros(shape), torch.ones(2, dtype=torch.int64), condition).noise.shape == shape
    if isinstance(config, PictureNetwork):
        assert config.with_classes(4).class_count == 4 and config.class_count == 0
    else:
        assert config.activations(8, 80, 12) > 0 and config.usual.keys() == {"sampler", "steps"}
        assert config.demands(CodecSettings.model_validate(config.codec)) is None
        assert "codec.stages" in str(config.demands(CodecSettings(stages=not config.stages)))


def test_what_takes_less_memory_is_said_by_the_network():
    visits = NETWORKS["visits"].model_validate({})
    lighter = visits.model_copy(update=visits.lighter[0])
    assert lighter.activations(8, 800, 100) < visits.activations(8, 800, 100) and lighter.lighter == ()
