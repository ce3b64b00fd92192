"""What must be exact computes with fp32 products, whatever a network was trained in; samples are made as it was trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import reverie
from reverie import config
from reverie.errors import UsageError
from reverie.images import read_images
from reverie.models.editing import interpolate, inverted
from reverie.planning import Options
from reverie.planning.plan import prepare
from reverie.process import generator
from reverie.sources import ImageSource
from reverie.training import Callbacks, Stopped, Validator, hardware
from reverie.training.ema import EMA
from reverie.training.hardware import VARIABLE, automatic_precision

DIGITS = read_images("digits").pixels
SMALL = {"width": 8, "groups": 4, "blocks": 1, "batch": 8}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Trained in bf16, which works on every processor."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageSource, "show", lambda *_: None)  # samples in emulated bf16 take long
        return reverie.train("digits", out, steps=5, settings=SMALL | {"precision": "bf16", "aside": 0.02})


def test_the_denoiser_is_exact_and_samples_are_made_in_the_precision_of_training(model):
    x, t = torch.randn(4, *model.shape, generator=generator(0)), torch.tensor([10, 200, 500, 990])
    with torch.no_grad():
        exact = model.denoiser.module(x, t, None)
        assert torch.equal(model.denoiser(x, t).value, exact)
        rounded = model.sampling_denoiser(x, t).value
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, atol=0.1, rtol=0.1)
    assert model.method().denoiser is not model.denoiser and model.method(exact=True).denoiser is model.denoiser


def test_inversion_is_exact_however_the_network_was_trained(model):
    found = inverted(model, DIGITS[:4], steps=50)
    assert np.abs(found.pictures.astype(int) - DIGITS[:4]).max() <= 1
    ends = interpolate(model, DIGITS[[3, 8]], 3, steps=50)[[0, -1]]
    assert np.abs(ends.astype(int) - DIGITS[[3, 8]]).max() <= 1


def test_the_loss_on_what_was_set_aside_is_that_of_the_exact_network(model):
    digits = ImageSource.read("digits")
    _, aside = digits.examples(model.config, digits.split(model.config), model.codec)
    network = replace(model.denoiser, autocast=torch.bfloat16)
    ema = EMA(network.module, 0.9)
    losses = [Validator(each, aside, model.config.training, 0, CPU).loss(ema) for each in (network, model.denoiser)]
    assert losses[0] == losses[1]


def test_one_variable_says_what_auto_is_and_other_words_are_refused(monkeypatch):
    for told in ("bf16", "fp32"):
        monkeypatch.setenv(VARIABLE, told)
        assert automatic_precision(CPU) == told
    monkeypatch.setenv(VARIABLE, "fp8")
    with pytest.raises(UsageError, match="REVERIE_PRECISION is 'fp8', but can only be fp32 or bf16"):
        automatic_precision(CPU)


def test_what_is_too_small_to_gain_by_bf16_on_a_cpu_trains_in_fp32(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(hardware, "_multiplies_bf16", lambda device: True)
    for batch, chosen in ((32, "fp32"), (64, "bf16")):  # of 8 x 8 at width 32: 65,536 numbers, and 131,072
        plan = prepare("digits", Options(tmp_path / chosen, settings={"batch": batch}))
        assert plan.config.training.precision == chosen
    assert automatic_precision(torch.device("cuda"), 1) == "bf16"
    monkeypatch.setenv(VARIABLE, "bf16")
    assert automatic_precision(CPU, 1) == "bf16"


def test_a_run_goes_on_in_the_precision_it_was_begun_in_also_on_another_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(ImageSource, "show", lambda *_: None)

    def train(name, here, **told):
        monkeypatch.setenv(VARIABLE, here)
        return reverie.train("digits", tmp_path / name, steps=4, settings=SMALL, **told)

    def stop(done, total):
        if done == 2:
            raise Stopped("stopped", 15)

    with pytest.raises(Stopped):
        train("broken", "bf16", callbacks=Callbacks(on_step=stop))
    train("broken", "fp32", resume=True)
    train("whole", "bf16")
    assert config.read(tmp_path / "broken").training.precision == "bf16"
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("broken", "whole"))
    assert one == two
