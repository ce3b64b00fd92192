"""The forward process at chosen steps: its powers are the formula's."""

import numpy as np
import pytest

from reverie.errors import UsageError
from reverie.process import NoiseSchedule
from reverie.studies import forward


def test_the_default_steps_are_the_guides_and_keyed_by_t():
    reply = forward("digits:3").reply()
    assert list(reply["results"]) == [f"t_{t}" for t in (0, 50, 100, 200, 300, 500, 700, 900, 999)]
    assert reply["images"] == {}


def test_signal_and_noise_power_are_the_formulas():
    study = forward("digits:3")
    power, alpha_bar = study.picture.power, NoiseSchedule.linear().alpha_bar
    for key, numbers in study.reply()["results"].items():
        t = int(key[2:])
        assert numbers["alpha_cumprod"] == float(alpha_bar[t])
        assert numbers["signal_power"] == pytest.approx(float(alpha_bar[t]) * power, rel=1e-12)
        assert numbers["noise_power"] == pytest.approx(1 - float(alpha_bar[t]), abs=1e-15)
        assert numbers["image_shape"] == [8, 8, 1]
        if t == 0:
            assert numbers["noise_power"] == 0 and numbers["signal_to_noise_ratio"] is None
        else:
            ratio = 10 ** (numbers["signal_to_noise_ratio"] / 10)
            assert ratio == pytest.approx(numbers["signal_power"] / numbers["noise_power"], rel=1e-12)


def test_t_is_the_mathematics_own_zero_is_clean_and_T_is_allowed():
    study = forward("digits:3", [1000, 0])
    assert np.array_equal(study.frames[1].pixels, study.picture.pixels)
    assert [frame.t for frame in study.frames] == [1000, 0]
    assert study.frames[0].alpha_bar == pytest.approx(4.04e-5, abs=5e-8)


def test_a_frame_does_not_depend_on_which_others_are_asked_for():
    alone, among = forward("digits", [500]).frames[0], forward("digits").frames[5]
    assert among.t == 500 and np.array_equal(alone.pixels, among.pixels)


def test_images_come_under_the_same_keys():
    reply = forward("digits", [0, 7]).reply(images=True)
    assert set(reply["images"]) == {"t_0", "t_7"}
    assert all(url.startswith("data:image/png;base64,") for url in reply["images"].values())


@pytest.mark.parametrize(
    ("timesteps", "sentence"),
    [([-1], "-1"), ([1001], "1001"), ([5, 5], "given twice"), ([1.0], r"1\.0"), ([True], "True"), ([], "at least one")],
)
def test_impossible_steps_are_refused(timesteps, sentence):
    with pytest.raises(UsageError, match=sentence):
        forward("digits", timesteps)
