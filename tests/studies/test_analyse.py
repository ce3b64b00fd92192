"""States at even steps, with the SNR of the picture itself."""

import base64
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.errors import UsageError
from reverie.process import NoiseSchedule
from reverie.studies import analyse, subject
from reverie.studies.frames import corrupted, frames

PICTURE = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)


def test_the_snr_in_db_is_that_of_the_pictures_own_power():
    faint = np.full((20, 20, 3), 140, np.uint8)  # x_0 = 140/127.5 - 1 everywhere
    power = (140 / 127.5 - 1) ** 2
    study = analyse(faint, 20)
    assert study.picture.power == pytest.approx(power, rel=5e-6)  # pixels are encoded in float32
    alpha_bar = NoiseSchedule.linear().alpha_bar
    reply = study.reply()
    assert reply["signal_to_noise_ratio"][0] is None
    for t, snr in list(zip(reply["timesteps"], reply["signal_to_noise_ratio"], strict=True))[1:]:
        assert snr == pytest.approx(10 * math.log10(alpha_bar[t] * power / (1 - alpha_bar[t])), abs=2e-5)


def test_a_faint_picture_drowns_earlier_than_a_strong_one():
    strong = analyse(np.array([[0, 255], [255, 0]], np.uint8), 5).reply()["signal_to_noise_ratio"]
    faint = analyse(np.array([[115, 140], [140, 115]], np.uint8), 5).reply()["signal_to_noise_ratio"]
    assert strong[1] == pytest.approx(float(NoiseSchedule.linear().snr_db[250]), abs=1e-9)  # power 1
    gap = 20 * math.log10(127.5 / 12.5)
    assert all(a - b == pytest.approx(gap, abs=1e-4) for a, b in zip(strong[1:], faint[1:], strict=True))


@pytest.mark.parametrize("steps", [2, 5, 20, 100])
def test_the_steps_are_even_and_hold_both_ends(steps):
    reply = analyse("digits", steps).reply()
    assert reply["timesteps"] == [round(1000 * i / (steps - 1)) for i in range(steps)]
    assert reply["timesteps"][0] == 0 and reply["timesteps"][-1] == 1000
    assert reply["alpha_cumprod"][0] == 1.0 and reply["metadata"]["num_steps"] == steps


def test_every_state_has_the_marginals_mean_and_variance():
    picture = subject(PICTURE)
    schedule = NoiseSchedule.linear()
    steps = [0, 1, 100, 500, 1000]
    for t, x_t in zip(steps, corrupted(picture.x_0, steps, schedule, seed=4), strict=True):
        alpha_bar = schedule.alpha_bar[t]
        rest = x_t - alpha_bar.sqrt() * picture.x_0
        sigma = float((1 - alpha_bar).sqrt())
        assert abs(float(rest.mean())) <= 5 * sigma / math.sqrt(rest.numel())
        assert float((rest**2).mean()) == pytest.approx(sigma**2, rel=5 * math.sqrt(2 / rest.numel()))


def test_one_noise_is_shared_by_all_frames_and_nothing_is_compounded():
    x_0 = subject(PICTURE).x_0
    schedule = NoiseSchedule.linear()
    steps = [50, 100, 500, 1000]
    noises = [
        (x_t - schedule.signal[t] * x_0) / schedule.sigma[t]
        for t, x_t in zip(steps, corrupted(x_0, steps, schedule, seed=1), strict=True)
    ]
    for noise in noises[1:]:
        torch.testing.assert_close(noise, noises[0], rtol=0, atol=1e-12)


def test_the_first_frame_is_the_picture():
    assert np.array_equal(analyse(PICTURE, 5).frames[0].pixels, PICTURE)


def test_the_reply_is_strict_json_and_its_images_are_pngs():
    reply = json.loads(json.dumps(analyse("digits:3", 5).reply(images=True), allow_nan=False))
    assert set(reply) == {"alpha_cumprod", "signal_to_noise_ratio", "timesteps", "visualization_images", "metadata"}
    assert len(reply["visualization_images"]) == 5
    head, _, body = reply["visualization_images"][0].partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(body)))), subject("digits:3").pixels[..., 0])
    assert analyse("digits", 5).reply()["visualization_images"] == []


def test_the_same_seed_gives_the_same_reply_and_another_seed_other_frames():
    assert analyse(seed=1).reply(True) == analyse(seed=1).reply(True)
    assert not np.array_equal(analyse(seed=1).frames[9].pixels, analyse(seed=2).frames[9].pixels)


def test_a_large_picture_is_reduced_and_says_so():
    found = subject(np.zeros((300, 2048, 3), np.uint8))
    assert found.pixels.shape == (75, 512, 3)
    assert analyse(found, 2).reply()["metadata"]["original_shape"] == [300, 2048, 3]
    assert subject(np.zeros((1, 4000), np.uint8)).pixels.shape == (1, 512, 1)


def test_where_no_signal_is_left_there_is_no_number():
    schedule = NoiseSchedule.linear().with_zero_terminal_snr()
    frame = frames(subject("digits"), [1000], schedule)[0]
    assert frame.alpha_bar == 0 and frame.snr_db is None


@pytest.mark.parametrize("steps", [0, 1, 1002, 5.0, True])
def test_impossible_numbers_of_steps_are_refused(steps):
    with pytest.raises(UsageError, match=r"2\.\.1001 states"):
        analyse("digits", steps)
