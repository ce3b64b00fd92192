"""Whatever axes an array has, the same pictures come out of it, or a sentence with what to write instead."""

import numpy as np
import pytest
import torch

from reverie.errors import DataError, UsageError
from reverie.images import ImageSet, read_images

RANDOM = np.random.default_rng(3)
GREY = RANDOM.integers(0, 256, (9, 28, 28), dtype=np.uint8)
ALPHA = RANDOM.integers(0, 256, (3, 6, 7, 4), dtype=np.uint8)
OVER_WHITE = np.rint(ALPHA[..., :3] * (a := ALPHA[..., 3:] / 255) + 255 * (1 - a)).astype(np.uint8)


@pytest.mark.parametrize(
    "array",
    [GREY[0, :, :, None], torch.from_numpy(GREY[0, :, :, None]), GREY[0], GREY[:1], torch.from_numpy(GREY[:1])],
    ids=["HW1", "HW1 tensor", "HW", "1HW", "CHW"],
)
def test_one_grey_picture_is_one_in_any_layout(array):
    assert np.array_equal(read_images(array).pixels, GREY[:1, :, :, None])


@pytest.mark.parametrize(
    "array",
    [ALPHA, ALPHA.transpose(0, 3, 1, 2), torch.from_numpy(ALPHA), torch.from_numpy(ALPHA).permute(0, 3, 1, 2)],
    ids=["NHW4", "N4HW", "NHW4 tensor", "N4HW tensor"],
)
def test_alpha_is_laid_over_white_unless_it_is_asked_for(array):
    assert np.array_equal(read_images(array).pixels, OVER_WHITE)
    assert np.array_equal(read_images(array, channels=4).pixels, ALPHA)


def test_one_picture_with_alpha_is_read_and_said_to_be():
    found = read_images(ALPHA[0])
    assert np.array_equal(found.pixels, OVER_WHITE[:1]) and "one picture of 7 x 6 in colour with alpha" in found.notes[0]


def test_a_colour_tensor_is_one_picture_whichever_end_has_its_channels():
    picture = np.ascontiguousarray(ALPHA[0, :, :, :3])
    for tensor in (torch.from_numpy(picture), torch.from_numpy(picture).permute(2, 0, 1)):
        assert np.array_equal(read_images(tensor).pixels, picture[None])


def test_rows_of_pixels_are_pictures_and_said_to_be(tmp_path):
    rows = GREY.reshape(9, 784)
    for array in (rows, torch.from_numpy(rows)):
        found = read_images(array)
        assert np.array_equal(found.pixels[..., 0], GREY) and "read as 9 pictures of 28 x 28" in found.notes[0]
    small = GREY[:, :8, :8].reshape(9, 64)  # nine rows of 64 may be a picture, but not where there are nine labels
    np.savez(tmp_path / "a.npz", data=small, target=np.arange(9))
    assert np.array_equal(read_images(tmp_path / "a.npz").pixels[..., 0], GREY[:, :8, :8])
    plain = read_images(GREY[0].repeat(2, 1)[:, :36])  # 28 x 36
    assert plain.pixels.shape == (1, 28, 36, 1) and "array.reshape(-1, 6, 6)" in plain.notes[0]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((3, 9, 9), np.uint8), r"\(3, 9, 9\) may be one picture in colour, or 3 grey ones: give array\[None\]"),
        (np.zeros((50, 3072), np.uint8), r"rows of 32 x 32 pixels in colour.*reshape\(-1, 32, 32, 3\)"),
        (np.zeros((6000, 85), np.uint8), r"85 make no square: reshape it .*array\[None\] for one picture"),
        (np.zeros((5, 9, 9, 6), np.uint8), r"\(5, 9, 9, 6\).*ask for 6 `channels`"),
        (np.zeros((5, 9, 9, 12), np.uint8), "ask for 12 `channels`"),
        (np.zeros((5, 12, 9, 9), np.uint8), "ask for 12 `channels`"),
        (np.zeros((5, 12, 9, 13), np.uint8), "ask for 12 or 13 `channels`"),
        (np.zeros((0, 9, 9, 3), np.uint8), r"\(0, 9, 9, 3\), which holds no picture"),
        (np.zeros((2, 3, 4, 5, 1), np.uint8), "slices or frames"),
        (np.zeros((2, 0, 4, 3), np.uint8), r"has shape \(2, 0, 4, 3\)"),
        (torch.zeros(2, 4, 4, dtype=torch.complex64), "tensor|values"),
    ],
)
def test_what_may_be_read_in_several_ways_is_refused_with_the_remedy(array, sentence):
    with pytest.raises(DataError, match=sentence):
        read_images(array)


def test_a_table_of_numbers_that_is_read_as_one_picture_is_said_to_be_one():
    assert read_images(np.zeros((20, 3), np.uint8)).notes == (
        "the array of shape (20, 3) is read as one picture of 3 x 20: where its rows are pictures, give [N, H, W].",
    )
    assert read_images(GREY[0]).notes == ()


def test_three_grey_pictures_with_labels_are_three(tmp_path):
    np.savez(tmp_path / "a.npz", images=GREY[:3], labels=np.arange(3))
    assert read_images(tmp_path / "a.npz").pixels.shape == (3, 28, 28, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_tensors_of_any_floating_type_are_read(dtype):
    x = torch.tensor([0.0, 0.25, 0.5, 1.0]).repeat(4, 1)[None, None].to(dtype)
    assert read_images(x).pixels[0, 0, :, 0].tolist() == [0, 64, 128, 255]


def test_whole_numbers_of_16_bits_are_read_in_any_order_of_bytes():
    wide = RANDOM.integers(0, 65536, (2, 5, 5, 3)).astype(np.uint16)
    rounded = np.rint(wide / 257).astype(np.uint8)
    for array in (wide, wide.astype(">u2")):
        read = read_images(array)
        assert np.array_equal(read.pixels, rounded)
        assert f"16-bit values up to {wide.max():,}, which become {rounded.max()} of 255" in read.notes[0]
        assert np.array_equal(read_images(array, bits=16).pixels, wide) and not read_images(array, bits=16).notes


@pytest.mark.parametrize("channels", [2, 5, 13])
def test_arrays_of_any_number_of_channels_are_taken_where_they_are_asked_for(channels):
    array = RANDOM.integers(0, 256, (4, 8, 9, channels), dtype=np.uint8)
    for source in (array, array.transpose(0, 3, 1, 2), torch.from_numpy(array)):
        found = read_images(source, channels=channels)
        assert np.array_equal(found.pixels, array)
    assert read_images(array, size=4, channels=channels).pixels.shape == (4, 4, 4, channels)
    with pytest.raises(UsageError, match=r"of the array channels must be 1 .*, not 5"):
        read_images(ALPHA, channels=5)
    for wrong in (0, 65, True):
        with pytest.raises(UsageError, match="channels must be 1"):
            read_images(array, channels=wrong)


def test_a_set_of_pictures_stays_what_it_is():
    assert read_images(ImageSet(ALPHA)).pixels is ALPHA
    assert read_images(ImageSet(ALPHA), channels=3).pixels.shape[3] == 3
