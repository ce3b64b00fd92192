"""What a range, a shape or a type alone would misread is said, and what lists and labels hold is taken as they hold it."""

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import read_images

PIXELS = np.random.default_rng(18).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
FLOATS = PIXELS.astype(np.float64) / 255


@pytest.mark.parametrize(
    ("source", "note"),
    [
        (PIXELS // 200, "up to 1 of 255, so all is nearly black: where 1 is white, divide"),
        (list(PIXELS // 16), "up to 15 of 255"),
        ([picture.astype(np.uint16) for picture in PIXELS], "16-bit values up to 255, which become 1 of 255"),
        (PIXELS.astype(np.uint16), "1 of 255: `bits=16` keeps them, and where 255 is white, divide them by it"),
        (FLOATS - 0.01, "read as of [-1, 1], for some are negative: where they are of [0, 1], clip"),
    ],
)
def test_numbers_whose_range_misleads_are_read_as_said(source, note):
    assert [note in said for said in read_images(source).notes] == [True]


def test_usual_ranges_need_no_note():
    for source in (PIXELS, FLOATS, FLOATS * 2 - 1, list(FLOATS), np.zeros_like(PIXELS), PIXELS > 99):
        assert read_images(source).notes == ()


def test_alpha_that_is_lost_is_counted_of_arrays_too():
    x = np.concatenate([PIXELS, np.full((6, 8, 8, 1), 255, np.uint8)], 3)
    assert read_images(x).notes == ()
    x[:2, 0, 0, 3] = 9
    for source in (x, torch.from_numpy(x).permute(0, 3, 1, 2)):
        assert read_images(source).notes == ("Alpha is laid over white in 2 of 6 pictures: `channels=4` keeps it.",)
    assert read_images(x, channels=4).notes == ()


@pytest.mark.parametrize("high", [1.02, 255.0])
def test_the_remedy_of_floats_is_the_one_for_their_range(high):
    with pytest.raises(DataError, match="clip it" if high < 2 else "divide it by 255"):
        read_images(FLOATS * high)


def test_rows_of_pixels_with_an_axis_of_one_are_pictures():
    grey = PIXELS[..., 0]
    for source in (torch.from_numpy(grey.reshape(6, 1, 64)), (grey.reshape(6, 64, 1), np.arange(6))):
        found = read_images(source)
        assert np.array_equal(found.pixels[..., 0], grey) and "as 6 pictures of 8 x 8" in found.notes[0]
    assert read_images(grey[0].reshape(4, 16, 1)).pixels.shape == (1, 4, 16, 1)


def test_columns_of_frames_are_lists(tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "0.png")
    paths = [str(tmp_path / "0.png")] * 2
    for source in (pl.Series(paths), np.array(paths), np.array(paths, object)):
        assert np.array_equal(read_images(source).pixels, PIXELS[[0, 0]])
    with pytest.raises(UsageError, match="a DataFrame is a table"):
        read_images(pl.DataFrame({"path": paths}))
    uneven = np.empty(2, object)
    uneven[:] = [PIXELS[0], PIXELS[1, :4]]
    assert len(read_images(uneven, size=4)) == 2


WORDS = ["b", "a", "b", "c", "a", "b"]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(WORDS, object),
        pl.Series(WORDS),
        np.array([1, 0, 1, 2, 0, 1], np.float16),
        [[1], [0], [1], [2], [0], [1]],
        [(0, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0)],
        np.array([1, 0, 1, 2, 0, 1], object),
    ],
)
def test_labels_are_taken_however_a_program_holds_them(labels, recwarn):
    for pictures in (PIXELS, PIXELS[..., 0], list(PIXELS)):
        assert read_images((pictures, labels)).labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert not recwarn.list
    assert read_images((PIXELS, None)).labels is None and read_images((list(PIXELS), None)).labels is None


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["a", "", "a", "b", "b", "b"], "is empty in row 2, which is no class"),
        (["a", "b", None, "b", "b", "b"], "is None in row 3, which is no class"),
        (["a", "b", 1, "b", "b", "b"], "is 1 in row 3, which is no class"),
        (3, "labels must be 6 whole numbers or words, one a picture"),
        (PIXELS, "labels must be 6 whole numbers or words, one a picture"),
    ],
)
def test_labels_that_are_none_are_named(labels, sentence):
    for held in (labels, labels if isinstance(labels, int) else np.array(labels, object)):
        with pytest.raises(DataError, match=sentence):
            read_images((PIXELS, held))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ([np.zeros(784)], r"reshape\(28, 28\)"),
        (np.zeros(784), r"reshape\(28, 28\)"),
        ([np.zeros((6, 8, 8))], "ask for 6 `channels`"),
        (PIXELS.transpose(1, 2, 3, 0), r"as MATLAB has pictures, give array.transpose\(3, 0, 1, 2\)"),
        (np.ma.masked_less(PIXELS[:1], 1 + PIXELS[:1].min()), "the array holds [0-9]+ masked values: fill them"),
        ([PIXELS, PIXELS], "joined with numpy.concatenate"),
        ({"images": [PIXELS[0], PIXELS[1, :4]]}, "images holds parts of several shapes"),
    ],
)
def test_what_has_another_shape_is_told_what_to_do(source, sentence):
    with pytest.raises(DataError, match=sentence):
        read_images(source)


def test_few_levels_of_16_bits_are_said_to_be_nearly_black():
    notes = read_images(PIXELS.astype(np.uint16), bits=16).notes
    assert len(notes) == 1 and "up to 255 of 65,535, so all is nearly black" in notes[0]
    assert read_images(PIXELS.astype(np.uint16) * 64, bits=16).notes == ()


def test_rows_of_pixels_with_their_classes_are_a_pair():
    rows = PIXELS[..., 0].reshape(6, 64)
    for labels in ([1, 0, 1, 2, 0, 1], np.array([[1], [0], [1], [2], [0], [1]]), torch.eye(3)[[1, 0, 1, 2, 0, 1]]):
        found = read_images((rows, labels))
        assert np.array_equal(found.pixels[..., 0], PIXELS[..., 0]) and found.labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert len(read_images((PIXELS[0, ..., 0], PIXELS[1, ..., 0]))) == 2  # two grey pictures


def test_what_is_in_memory_is_read_by_its_bytes(tmp_path):
    Image.fromarray(PIXELS[0]).save(tmp_path / "0.png")
    assert np.array_equal(read_images(bytearray((tmp_path / "0.png").read_bytes())).pixels[0], PIXELS[0])
    with (tmp_path / "0.png").open("rb") as file, pytest.raises(UsageError, match="give its path, or its content"):
        read_images(file)
