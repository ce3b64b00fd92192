"""A picture as PNG: stored or compressed, the same pixels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from reverie.images.png import data_url, png, stored


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 3), (300, 257, 3), (64, 70, 1)])
@pytest.mark.parametrize("write", [png, stored])
def test_every_pixel_comes_back(shape, write):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = Image.open(io.BytesIO(write(pixels)), formats=("PNG",))
    image.load()
    assert np.array_equal(np.asarray(image).reshape(shape), pixels)


def test_noise_stored_is_hardly_larger_than_noise_compressed():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert len(stored(noise)) < 1.01 * len(png(noise))


def test_a_data_url_holds_either():
    pixels = np.zeros((4, 4, 1), np.uint8)
    for noisy, write in ((False, lambda picture: png(picture, 1)), (True, stored)):
        head, body = data_url(pixels, noisy).split(",")
        assert head == "data:image/png;base64" and base64.b64decode(body) == write(pixels)
